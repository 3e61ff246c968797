"""A tagger and sentences -> its speed on this machine: words per second, latency, start-up time and memory."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import numpy as np
import torch

from tagger.bundle.catalog import find_tagger, folder_bytes
from tagger.errors import InputError
from tagger.model.device import PRECISIONS, choose_precision
from tagger.tagging.load import load
from tagger.tagging.tagger import Tagger
from tagger.tagging.workers import processor_cores
from tagger.text.sentence import Sentence

ROUNDS = 5  # rounds of a measurement; the median counts
PROCESS_STARTS = 3
LATENCY_SENTENCES = 300  # sentences that are tagged one at a time
WORKERS_WORDS = 200_000  # that all workers tag; enough that the processes start
_WARM_UP_SENTENCES = 64


def measure(name: str, sentences: Sequence[list[str]], workers: int | None = None) -> dict[str, Any]:
    """Measures a tagger on the processor. Every number is a median over rounds.

    Args:
        name: the name or folder of the tagger, as `load` takes it.
        sentences: lists of tokens; each is read once per round.
        workers: the number of processes; None: one per physical core.

    Returns:
        Plain values. For each precision words per second on one thread with a cold cache (emptied before each
        round) and a warm one, and with all workers (warm). Milliseconds for one sentence, read for the first time and
        again, seconds from process start to the first tag, bytes of memory and of the folder, FLOP per word, and the
        share of the rate of plain matrix products that the tagger reaches.

    Raises:
        InputError: the tagger does not exist, or there are no words.
    """
    words = sum(map(len, sentences))
    if not words:
        raise InputError("there are no words to tag; name a file that has some with --file")
    workers = workers or processor_cores()
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        speeds = {precision: _speeds(name, precision, sentences, words, workers) for precision in PRECISIONS}
        tagger = load(name, "cpu")
        result = {
            "model": name,
            "words": words,
            "sentences": len(sentences),
            "forms": len({form for sentence in sentences for form in sentence}),
            "processor": _processor(),
            "cores": processor_cores(),
            "torch": torch.__version__,
            "workers": workers,
            "precision": choose_precision("auto", "cpu"),
            "speeds": speeds,
            "sentence": _latencies(tagger, sentences),
            "start_seconds": median(_start(name) for _ in range(PROCESS_STARTS)),
            "peak_bytes": _peak_bytes(),
            "folder_bytes": folder_bytes(find_tagger(name)),
            "flop_per_word": tagger.engine.flop_per_word(),
            "flop_per_form": tagger.engine.flop_per_form(),
        }
    finally:
        torch.set_num_threads(before)
    return result


def _speeds(
    name: str, precision: str, sentences: Sequence[list[str]], words: int, workers: int
) -> dict[str, float | None]:
    tagger = load(name, "cpu", precision)
    _tag(tagger, sentences[:_WARM_UP_SENTENCES])
    rounds: dict[str, list[float]] = {"cold": [], "warm": [], "products": []}
    for _ in range(ROUNDS):
        tagger.engine.clear_cache()
        rounds["cold"].append(_seconds(lambda: _tag(tagger, sentences)))
        rounds["warm"].append(_seconds(lambda: _tag(tagger, sentences)))
        rounds["products"].append(_product_rate(PRECISIONS[precision]))
    cold, warm = words / median(rounds["cold"]), words / median(rounds["warm"])
    several = None
    if workers > 1:
        many = load(name, "cpu", precision, workers=workers)
        repeated = [*sentences] * max(1, round(WORKERS_WORDS / words))
        _tag(many, repeated)
        several = sum(map(len, repeated)) / median(_seconds(lambda: _tag(many, repeated)) for _ in range(3))
        many.close()
    rate = median(rounds["products"])
    return {
        "cold": cold,
        "warm": warm,
        "workers": several,
        "product_flop_per_second": rate,
        "share_of_products": tagger.engine.flop_per_word() * warm / rate,
    }


def _tag(tagger: Tagger, sentences: Sequence[list[str]]) -> None:
    """Tags all columns, to strings."""
    for _ in tagger.stream(Sentence(tokens) for tokens in sentences):
        pass


def _seconds(do: Callable[[], None]) -> float:
    start = time.perf_counter()
    do()
    return time.perf_counter() - start


def _product_rate(dtype: torch.dtype, size: int = 768) -> float:
    """FLOP per second of plain (size, size) matrix products on this thread."""
    a, b = torch.randn(size, size).to(dtype), torch.randn(size, size).to(dtype)

    def multiply() -> None:
        torch.mm(a, b)

    return 2 * size**3 / min(_seconds(multiply) for _ in range(5))


def _latencies(tagger: Tagger, sentences: Sequence[list[str]]) -> dict[str, float]:
    chosen = [sentence for sentence in sentences if sentence][:LATENCY_SENTENCES]
    for sentence in chosen[:_WARM_UP_SENTENCES]:
        tagger.tag(sentence)
    seconds, again = ([_seconds(lambda: _tag(tagger, [each])) for each in chosen] for _ in range(2))  # noqa: B023
    return {
        "words": sum(map(len, chosen)) / len(chosen),
        "median_ms": 1e3 * median(seconds),
        "p99_ms": 1e3 * float(np.percentile(seconds, 99)),
        "again_median_ms": 1e3 * median(again),
    }


def _start(name: str) -> float:
    """Seconds from the start of a `tag` process until it has printed the first tag."""
    command = [sys.executable, "-m", "tagger", "tag", "--model", name]
    begin = time.perf_counter()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ}
    ) as process:
        if process.stdin and process.stdout:
            process.stdin.write(b"They book flights.\n")
            process.stdin.close()
            process.stdout.readline()
        seconds = time.perf_counter() - begin
    return seconds


def _peak_bytes() -> int | None:
    """The peak resident memory of this process; None where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def _processor() -> str:
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    flags = [flag for flag in ("avx512_bf16", "amx_bf16") if capabilities.get(flag)]
    return " ".join([str(capabilities.get("cpu_name", "unknown")), *flags])


def format_table(result: dict[str, Any]) -> str:
    """The result of `measure` as text at most 80 columns wide."""
    lines = [
        f"{result['model']} on {result['processor']}, {result['cores']} cores, torch {result['torch']}",
        f"{result['words']:,} words in {result['sentences']:,} sentences, {result['forms']:,} forms;"
        f" auto is {result['precision']}",
        "",
        f"{'words per second':<18}{'cold cache':>11}{'warm cache':>11}{str(result['workers']) + ' workers':>11}"
        f"{'products':>14}{'their share':>13}",
    ]
    for precision, speeds in result["speeds"].items():
        several = "-" if speeds["workers"] is None else f"{speeds['workers']:,.0f}"
        lines.append(
            f"{precision:<18}{speeds['cold']:>11,.0f}{speeds['warm']:>11,.0f}{several:>11}"
            f"{speeds['product_flop_per_second'] / 1e9:>7,.0f} GFLOP/s{100 * speeds['share_of_products']:>11.0f} %"
        )
    sentence, peak = result["sentence"], result["peak_bytes"]
    lines += [
        "",
        f"one sentence of {sentence['words']:.0f} words: median {sentence['median_ms']:.1f} ms,"
        f" 99 % within {sentence['p99_ms']:.1f} ms; read again {sentence['again_median_ms']:.2f} ms",
        f"process start to first tag: {result['start_seconds']:.2f} s",
        f"peak memory: {'unknown' if peak is None else f'{peak / 1e6:,.0f} MB'};"
        f" folder: {result['folder_bytes'] / 1e6:.1f} MB",
        f"FLOP: {result['flop_per_word'] / 1e6:.2f} million per word,"
        f" {result['flop_per_form'] / 1e6:.2f} million per new form",
    ]
    return "\n".join(lines)

"""A tagger and sentences -> its speed on this machine: words per second, latency and start-up time."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from typing import Any

import torch

from tagger.bundle.catalog import find_tagger, folder_bytes
from tagger.errors import InputError
from tagger.model.device import PRECISIONS, choose_precision
from tagger.tagging.languages import load
from tagger.tagging.tagger import Tagger
from tagger.tagging.workers import processor_cores
from tagger.text.sentence import Sentence

ROUNDS = 5  # rounds of a measurement; the median counts
PROCESS_STARTS = 3
LATENCY_SENTENCES = 300  # sentences that are tagged one at a time
WORKERS_WORDS = 200_000  # that all workers tag; enough that the processes start
_WARM_UP_SENTENCES = 64


def measure(name: str, sentences: Sequence[list[str]], workers: int | None = None) -> dict[str, Any]:
    """Measures the tagger of a name or folder on the processor. Every number is a median over rounds.

    Returns:
        Plain values. In `speeds`, for each precision: words per second on one thread with a cold cache (a tagger that
        has read nothing) and a warm one, and with all workers (warm); milliseconds for one sentence, read again.
    """
    words = sum(map(len, sentences))
    if not words:
        raise InputError("there are no words to tag; name a file that has some with --file")
    workers = workers or processor_cores()
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        speeds = {precision: _speeds(name, precision, sentences, words, workers) for precision in PRECISIONS}
        start = median(_start(name) for _ in range(PROCESS_STARTS))
    finally:
        torch.set_num_threads(before)
    return {
        "model": name,
        "words": words,
        "sentences": len(sentences),
        "cores": processor_cores(),
        "torch": torch.__version__,
        "workers": workers,
        "precision": choose_precision("auto", "cpu"),
        "speeds": speeds,
        "start_seconds": start,
        "folder_bytes": folder_bytes(find_tagger(name)),
    }


def _speeds(
    name: str, precision: str, sentences: Sequence[list[str]], words: int, workers: int
) -> dict[str, float | None]:
    tagger = load(name, "cpu", precision)
    _tag(tagger, sentences[:_WARM_UP_SENTENCES])
    cold, warm = [], []
    for _ in range(ROUNDS):
        tagger = load(name, "cpu", precision)
        cold.append(_seconds(partial(_tag, tagger, sentences)))
        warm.append(_seconds(partial(_tag, tagger, sentences)))
    several = None
    if workers > 1:
        many = load(name, "cpu", precision, workers=workers)
        repeated = [*sentences] * max(1, round(WORKERS_WORDS / words))
        _tag(many, repeated)
        several = sum(map(len, repeated)) / median(_seconds(lambda: _tag(many, repeated)) for _ in range(3))
        many.close()
    single = [_seconds(lambda: _tag(tagger, [each])) for each in sentences[:LATENCY_SENTENCES]]  # noqa: B023
    return {
        "cold": words / median(cold),
        "warm": words / median(warm),
        "workers": several,
        "sentence_ms": 1e3 * median(single),
    }


def _tag(tagger: Tagger, sentences: Sequence[list[str]]) -> None:
    """Tags all columns, to strings."""
    for _ in tagger.stream(Sentence(tokens) for tokens in sentences):
        pass


def _seconds(do: Callable[[], None]) -> float:
    start = time.perf_counter()
    do()
    return time.perf_counter() - start


def _start(name: str) -> float:
    """Seconds from the start of a `tag` process until it has printed the first tag."""
    begin = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "tagger", "tag", "--model", name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(b"They book flights.\n")
        process.stdin.close()
        process.stdout.readline()
        return time.perf_counter() - begin


def format_table(result: dict[str, Any]) -> str:
    """The result of `measure` as text at most 80 columns wide."""
    lines = [
        f"{result['model']}, {result['cores']} cores, torch {result['torch']}; auto is {result['precision']}",
        f"{result['words']:,} words in {result['sentences']:,} sentences",
        "",
        f"{'words per second':<18}{'cold cache':>12}{'warm cache':>12}{str(result['workers']) + ' workers':>12}"
        f"{'one sentence':>15}",
    ]
    for precision, speeds in result["speeds"].items():
        several = "-" if speeds["workers"] is None else f"{speeds['workers']:,.0f}"
        lines.append(
            f"{precision:<18}{speeds['cold']:>12,.0f}{speeds['warm']:>12,.0f}{several:>12}"
            f"{speeds['sentence_ms']:>12.2f} ms"
        )
    start, size = result["start_seconds"], result["folder_bytes"] / 1e6
    return "\n".join([*lines, "", f"process start to first tag: {start:.2f} s; folder: {size:.1f} MB"])

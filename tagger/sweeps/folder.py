"""A sweep's folder: what its runs' folders say of their states, and locks that give each run one process.

`sweep.json` is written once. The state of a run is what its own folder holds: `report.json` if it is complete,
`outcome.json` if it failed or was ended early. A process that trains a run holds a lock on it, which the system takes
back when the process dies. So any number of processes may train the runs of one sweep, and each run is trained once.
"""

import csv
import json
import shlex
import shutil
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from filelock import AcquireReturnProxy, FileLock, Timeout

from tagger.bundle.run_lock import LOCK, is_being_trained
from tagger.bundle.saved_config import RECORD, SWEEP
from tagger.errors import InputError, reason
from tagger.sweeps.record import SweepRecord, read_sweep_record
from tagger.sweeps.run import SweepRun
from tagger.text.output_files import whole_file
from tagger.training.run_folder import (
    METRICS,
    REPORT,
    REPORT_PAGE,
    RunRecord,
    can_resume,
    read_record,
    remove_empty,
)

TABLE = "sweep.csv"
OUTCOME, TRACEBACK = "outcome.json", "traceback.txt"  # in the folder of a run that is not complete
JOURNAL = "study.journal"  # of a search

Ended = Literal["failed", "pruned"]


class Sweep:
    """A sweep's folder.

    Attributes:
        folder: its path.
        record: how the sweep was started.
    """

    def __init__(self, folder: Path, record: SweepRecord) -> None:
        self.folder, self.record = folder, record

    @classmethod
    def read(cls, folder: Path) -> "Sweep":
        """The sweep in a folder; raises InputError as `read_sweep_record`."""
        return cls(folder, read_sweep_record(folder / SWEEP))

    def save(self) -> None:
        """Writes `sweep.json` anew."""
        with whole_file(self.folder / SWEEP) as out:
            out.write(self.record.to_json())

    @property
    def go_on(self) -> str:
        """How to go on with the sweep, in words for users."""
        folder = shlex.quote(str(self.folder))
        if self.record.has_own_pages:
            return f"go on with: the command that started it, and hydra.sweep.dir={folder}"
        return f"go on with: python -m tagger resume {folder}"

    @property
    def numbers(self) -> list[int]:
        """Of the runs, in order; those of a search that have been started."""
        if self.record.runs is not None:
            return list(range(len(self.record.runs)))
        return sorted(int(path.parent.name) for path in self.folder.glob(f"*/{RECORD}") if path.parent.name.isdecimal())

    def path(self, number: int) -> Path:
        """The folder of a run."""
        return self.folder / (str(number) if self.record.runs is None else self.record.runs[number].folder)

    def runs(self) -> list[SweepRun]:
        """The runs as their folders say."""
        return [self.run(number) for number in self.numbers]

    def run(self, number: int) -> SweepRun:
        """A run as its folder says; see `numbers`.

        Raises:
            InputError: a file in the run's folder is damaged.
        """
        path = self.path(number)
        planned = None if self.record.runs is None else self.record.runs[number]
        overrides = read_record(path).overrides if planned is None else planned.overrides
        folder = path.relative_to(self.folder).as_posix()
        if (report := _json(path / REPORT)) is not None:
            page = f"{folder}/{REPORT_PAGE}" if (path / REPORT_PAGE).is_file() else ""
            return SweepRun(number, folder, overrides, "complete", **_scores(report), report=page)
        if (outcome := _json(path / OUTCOME)) is not None:
            best, seconds = _best_epoch(path) if outcome.get("state") == "pruned" else (None, None)
            state: Ended = "pruned" if outcome.get("state") == "pruned" else "failed"
            error = str(outcome.get("error", ""))
            return SweepRun(number, folder, overrides, state, best, training_seconds=seconds, error=error)
        return SweepRun(number, folder, overrides, "unfinished")

    def end(
        self, number: int, state: Ended, error: Exception | None = None, overrides: Sequence[str] | None = None
    ) -> None:
        """Writes why a run is not complete: the error, where it came from, and the overrides if nothing has begun."""
        path, message = self.path(number), ""
        if overrides is not None and not (path / RECORD).is_file():
            self.begin(number, RunRecord(self.record.command, list(overrides), {}, number))
        if error is not None:
            kind = "" if isinstance(error, InputError) else f"{type(error).__name__}: "
            message = " ".join(f"{kind}{error}".split())
            with whole_file(path / TRACEBACK) as out:
                out.write("".join(traceback.format_exception(error)))
        with whole_file(path / OUTCOME) as out:
            out.write(json.dumps({"state": state, "error": message}, indent=2) + "\n")

    def begin(self, number: int, record: RunRecord) -> bool:
        """Makes a run's folder unless it is there, and forgets how the run ended before.

        Returns:
            Whether the run has an epoch to go on from.
        """
        path = self.path(number)
        if not can_resume(path):
            with whole_file(path / RECORD) as out:  # other processes may read it at this moment
                out.write(record.to_json())
        self.forget_end(number)
        return can_resume(path)

    def forget_end(self, number: int) -> None:
        """Forgets why a run is not complete, so that it is unfinished."""
        for name in (OUTCOME, TRACEBACK):
            (self.path(number) / name).unlink(missing_ok=True)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Waits until no other process does a thing that one does at a time, and keeps the others waiting."""
        lock = self._acquired(self.folder / LOCK, timeout=-1)
        assert lock is not None
        with lock:
            yield

    @contextmanager
    def claim(self, number: int) -> Iterator[bool]:
        """Takes the lock of a run for the block; yields whether no other process has it, or looks who has it."""
        lock = self._acquired(self.path(number) / LOCK, timeout=0)
        if lock is None:
            yield False
            return
        with lock:
            yield True

    def _acquired(self, path: Path, timeout: float) -> AcquireReturnProxy[Any] | None:
        """Takes a lock; None if another process has it."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return FileLock(path).acquire(timeout=timeout)
        except Timeout:
            return None
        except OSError as error:
            raise InputError(f"{path} cannot be written to: {error.strerror}; make {self.folder} writable") from None

    def is_claimed(self, number: int) -> bool:
        """Whether another process trains a run."""
        return is_being_trained(self.path(number))

    def is_started(self) -> bool:
        """Whether something of a run is kept, or a process trains one."""
        return any((self.path(number) / name).exists() for number in self.numbers for name in (REPORT, OUTCOME)) or any(
            can_resume(self.path(number)) or self.is_claimed(number) for number in self.numbers
        )

    def discard(self) -> None:
        """Removes what a sweep has put into its folder; the folder stays."""
        for number in self.numbers:
            if any((self.path(number) / name).is_file() for name in (RECORD, LOCK)):
                shutil.rmtree(self.path(number), ignore_errors=True)
                remove_empty([path for path in self.path(number).parents if self.folder in path.parents])
        for name in (SWEEP, TABLE, JOURNAL, LOCK):
            (self.folder / name).unlink(missing_ok=True)


def find_sweep(run: Path, record: RunRecord) -> tuple[Sweep, int] | None:
    """The sweep that a run belongs to, and the run's number; None if it is of none, or of one that is not there."""
    if record.sweep_run is None:
        return None
    for folder in run.absolute().parents:
        if (folder / SWEEP).is_file():
            sweep = Sweep.read(folder)
            known = record.sweep_run in sweep.numbers and sweep.path(record.sweep_run) == run.absolute()
            return (sweep, record.sweep_run) if known else None
    return None


def _json(path: Path) -> dict[str, Any] | None:
    """The object in a file; None if there is no file."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise ValueError("it holds no JSON object")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is damaged ({reason(error)}); remove it, and resume the run") from None
    return found


def _scores(report: dict[str, Any]) -> dict[str, Any]:
    """What a table shows of a report; the accuracy is the mean of the columns."""
    accuracies = [scores["accuracy"] for scores in report.get("dev", {}).values()]
    mean = round(sum(accuracies) / len(accuracies), 6) if accuracies else None
    return {"dev_accuracy": mean} | {
        name: report.get(name) for name in ("words_per_second", "parameters", "training_seconds")
    }


def _best_epoch(run: Path) -> tuple[float | None, float | None]:
    """The best accuracy on dev of a run's epochs, and the seconds of all."""
    try:
        with (run / METRICS).open(encoding="utf-8", newline="") as lines:
            epochs = list(csv.DictReader(lines))
        return max(round(float(epoch["dev/accuracy"]), 6) for epoch in epochs), round(
            sum(float(epoch["seconds"]) for epoch in epochs), 1
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None, None

"""A run's folder: made for one run, with `run.json`, which says how the run was started."""

import json
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any, Literal

from tagger.bundle.catalog import LATEST, RUNS, did_you_mean, find_folder, run_names
from tagger.bundle.run_lock import LOCK
from tagger.bundle.saved_config import RECORD, SWEEP, TAGGER_IN_RUN
from tagger.errors import InputError, shorten
from tagger.text.schema import read_file

REPORT = "report.json"
REPORT_PAGE = "report.html"
CHECKPOINTS = "checkpoints"  # their folder
LAST, BEST = "last.ckpt", "best.ckpt"
METRICS = "metrics.csv"  # of its epochs
LOG = "train.log"  # what a process prints that trains beside others
SHARDS = "shards"  # what a teacher or a frozen transformer says, until the run is complete
LOGS = "logs"  # the folder of loggers
MAX_RECORD_BYTES = 1 << 20

Command = Literal["train", "pretrain"]


@dataclass
class RunRecord:
    """How a run was started.

    Attributes:
        command: the command word.
        overrides: those of the command line.
        config: the values of the whole config, plain.
        sweep_run: the number of the run in its sweep, if it is of a sweep.
        started_in: the folder in which relative paths of the config begin; older runs have none.
    """

    command: Command
    overrides: list[str]
    config: dict[str, Any]
    sweep_run: int | None = None
    started_in: str | None = None

    def to_json(self) -> str:
        """What `run.json` holds."""
        return json.dumps(asdict(self), indent=2) + "\n"


class NewFolder:
    """A new folder that belongs to one run.

    Attributes:
        path: of the folder.
    """

    def __init__(self, wanted: Path, marker: str, text: str, add_number: bool, made: Sequence[Path] = ()) -> None:
        """Makes the folder, and in it a file that marks it as taken.

        Args:
            wanted: the folder's name.
            marker: the name of the file.
            text: the content of the file.
            add_number: whether to take another name if this one is taken: `NAME-2`, `NAME-3`, ...
            made: folders that were just made for it, the innermost first.

        Raises:
            InputError: the folder is taken, is a file, or cannot be written to.
        """
        self._made = list(made)
        for number in count(1):
            self.path = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
            try:
                if self._claim(marker, text):
                    return
            except OSError as error:
                remove_empty(self._made)
                raise InputError(f"{self.path} cannot be made a run's folder: {error.strerror}") from None
            if not add_number:
                break
        if self.path.is_dir():
            raise InputError(f"{self.path} holds files already; give the run a folder of its own")
        raise InputError(f"{self.path} is a file; give the run a folder")

    def _claim(self, marker: str, text: str) -> bool:
        """Takes the folder; returns whether it was free.

        If two processes try, making the folder or making the marker fails for the second.
        """
        missing = [folder for folder in (self.path, *self.path.parents) if not folder.exists()]
        try:
            self.path.mkdir(parents=True)
        except FileExistsError:
            if not self.path.is_dir() or any(self.path.iterdir()):
                return False
            missing = []
        self._made = missing or self._made
        path = self.path / marker
        try:
            with path.open("x", encoding="utf-8") as out:
                out.write(text)
        except FileExistsError:
            return False
        except OSError:
            path.unlink(missing_ok=True)
            raise
        return True

    def discard(self, *files: str) -> None:
        """Removes the folder with these files in it, and the folders above that were made for it and are empty."""
        for name in files:
            (self.path / name).unlink(missing_ok=True)
        remove_empty(self._made)


def remove_empty(folders: Sequence[Path]) -> None:
    """Removes folders, the innermost first, up to the first one into which somebody has put something."""
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()


def new_run_folder(wanted: Path, record: RunRecord, add_number: bool, made: Sequence[Path] = ()) -> NewFolder:
    """Makes a run's folder; see `NewFolder`."""
    return NewFolder(wanted, RECORD, record.to_json(), add_number, made)


def discard_run(folder: NewFolder) -> None:
    """Removes the run's files unless there is a complete epoch or a tagger. Other files stay, and then the folder."""
    if can_resume(folder.path) or (folder.path / TAGGER_IN_RUN).is_dir():
        return
    for name in (CHECKPOINTS, SHARDS, LOGS):
        shutil.rmtree(folder.path / name, ignore_errors=True)
    folder.discard(RECORD, METRICS, LOCK)


def can_resume(folder: Path) -> bool:
    """Whether a run has completed an epoch."""
    return (folder / CHECKPOINTS / LAST).is_file()


def find_run(name: str) -> Path:
    """The folder of a run or a sweep by its path or its name; `latest` is the one below `runs/` that was started last.

    Raises:
        InputError: there is none.
    """
    folder = find_folder(name)
    if folder is None and name == LATEST:
        started = [path for marker in (RECORD, SWEEP) for path in RUNS.glob(f"**/{marker}")]
        started = [path for path in started if group_of(path.parent) is None]
        if not started:
            raise InputError(f"no run below {RUNS}/ here; name the folder of the run to resume")
        return max(started, key=lambda path: path.stat().st_mtime).parent
    if folder is None:
        remedy = did_you_mean(name, run_names()) or f"name one below {RUNS}/"
        raise InputError(f"{shorten(name)[1:-1] or repr(name)} is no run's folder, it does not exist; {remedy}")
    return folder


def read_record(folder: Path) -> RunRecord:
    """Reads `run.json` of a run's folder.

    The folder may come from anywhere: the values stay plain, and nothing that they name is executed.

    Raises:
        InputError: there is no such file, or it has other content.
    """
    path = folder / RECORD
    if not path.is_file():
        why = f"it has no {RECORD}" if folder.exists() else "it does not exist"
        raise InputError(f"{folder} is no run's folder, {why}; name one below runs/")
    return read_file(RunRecord, path, MAX_RECORD_BYTES, "how the run was started; start it again")


def group_of(run: Path) -> Path | None:
    """The folder of the sweep that a run belongs to."""
    return next((folder for folder in run.absolute().parents if (folder / SWEEP).is_file()), None)


def shown_folder(folder: Path) -> str:
    """A folder as text, relative to the current one if it is inside."""
    whole = folder.absolute()
    return str(whole.relative_to(Path.cwd()) if whole.is_relative_to(Path.cwd()) else whole)

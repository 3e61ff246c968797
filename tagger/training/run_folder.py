"""A run's folder: made for one run, with `run.json`, which says how the run was started."""

import json
import os
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any

from tagger.bundle.catalog import LATEST, LOCK, RUNS, claim_run, did_you_mean, find_folder, newest_run, run_names
from tagger.bundle.saved_config import RECORD, TAGGER_IN_RUN
from tagger.errors import InputError, shorten
from tagger.text.schema import read, read_json

REPORT = "report.json"
REPORT_PAGE = "report.html"
CHECKPOINTS = "checkpoints"  # their folder
LAST, BEST = "last.ckpt", "best.ckpt"
METRICS = "metrics.csv"  # of its epochs
SHARDS = "shards"  # what a teacher or a frozen transformer says, until the run is complete
LOGS = "logs"  # the folder of loggers
OWN_FOLDERS, OWN_FILES = (CHECKPOINTS, SHARDS, LOGS), (RECORD, METRICS, LOCK)  # of a run without a complete epoch
MAX_RECORD_BYTES = 1 << 20


@dataclass
class RunRecord:
    """How a run was started."""

    overrides: list[str]  # of the command line
    config: dict[str, Any]  # all values
    started_in: str | None = None  # the folder in which relative paths of the config begin

    def to_json(self) -> str:
        """What `run.json` holds."""
        return json.dumps(asdict(self), indent=2) + "\n"


@contextmanager
def new_run_folder(wanted: Path, record: RunRecord, add_number: bool) -> Iterator[Path]:
    """Makes a run's folder with `run.json`, and holds its lock for the block.

    The folder may be there if it is empty; `add_number` takes `NAME-2`, `NAME-3`, ... if it is not. If the block fails
    before an epoch is complete, the run's files are removed.
    """
    for number in count(1):
        path = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
        try:
            path.mkdir(parents=True, exist_ok=True)
            if {each.name for each in path.iterdir()} <= {LOCK}:
                with (path / RECORD).open("x", encoding="utf-8") as out:  # another process may be first
                    out.write(record.to_json())
                break
        except FileExistsError:
            pass
        except OSError as error:
            raise InputError(f"{path} cannot be made a run's folder: {error.strerror}") from None
        if not add_number:
            raise _taken(path)
    with claim_run(path):
        try:
            yield path
        except BaseException:
            if not can_resume(path) and not (path / TAGGER_IN_RUN).is_dir():
                for name in OWN_FOLDERS:
                    shutil.rmtree(path / name, ignore_errors=True)
                for name in OWN_FILES:
                    (path / name).unlink(missing_ok=True)
                remove_empty(path)
            raise


def _taken(path: Path) -> InputError:
    if not (path / RECORD).is_file():
        return InputError(f"{path} is a file, or holds files that are no run's; give the run a folder of its own")
    if not can_resume(path):
        return InputError(f"{path} exists, a run without a complete epoch; remove it, or take another name or folder")
    go_on = f"python -m tagger resume {shlex.quote(str(path))}"
    return InputError(f"{path} exists; take another name or folder, or go on with: {go_on}")


def remove_empty(run: Path) -> None:
    """Removes a run's folder if it is empty, and then those above it in `runs/` and `runs/` itself."""
    with suppress(OSError):
        os.removedirs(run) if RUNS in run.parents else run.rmdir()


def can_resume(folder: Path) -> bool:
    """Whether a run has completed an epoch."""
    return (folder / CHECKPOINTS / LAST).is_file()


def find_run(name: str) -> Path:
    """The folder of a run by its path or its name, or `latest`."""
    folder = newest_run() if name == LATEST else find_folder(name)
    if folder is None:
        if name == LATEST:
            raise InputError(f"no run below {RUNS}/ here; name the folder of the run to resume")
        remedy = did_you_mean(name, run_names()) or f"name one below {RUNS}/"
        raise InputError(f"{shorten(name)[1:-1] or repr(name)} is no run's folder, it does not exist; {remedy}")
    return folder


def read_record(folder: Path) -> RunRecord:
    """Reads `run.json` of a run's folder.

    The folder may come from anywhere: the values stay plain, and nothing that they name is executed.
    """
    path = folder / RECORD
    if not path.is_file():
        why = f"it has no {RECORD}" if folder.exists() else "it does not exist"
        raise InputError(f"{folder} is no run's folder, {why}; name one below runs/")
    content = read_json(path, MAX_RECORD_BYTES, "start the run again")
    try:
        return read(RunRecord, content)
    except InputError as error:
        raise InputError(f"{path} does not say how the run was started ({error}); start it again") from None


def shown_folder(folder: Path) -> str:
    """A folder as text, relative to the current one if it is inside."""
    path = folder.absolute()
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)

"""Decides which outputs a run must still make, and protects those that exist.

An output that has its name is whole, so the same command goes on with a run that was killed: it makes what is missing.
A file of the folder has the settings of the last run, the tagger and all options that decide what is made. A run with
others may not add to its outputs.
"""

import filecmp
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any, TextIO

from tagger.errors import InputError
from tagger.jobs.plan import Job, file_state
from tagger.text.files import is_remote
from tagger.text.output_files import whole_file

SETTINGS_FILE = ".tagger.settings"  # in the folder of outputs


class PlannedOutputs:
    """The outputs of a run.

    Attributes:
        pending: the jobs whose outputs are to be made: those that do not exist, or with `force` all.
        message: a line for users about the others; empty if there are none.
    """

    def __init__(
        self, jobs: Sequence[Job], folder: str | None, tagger: Path, options: Mapping[str, Any], force: bool = False
    ) -> None:
        """Takes the folder of the outputs, if they go into one, and what decides what is made of a source."""
        self._force, self._folder, self._new = force, folder, ""  # settings that the folder does not have yet
        self.pending = [job for job in jobs if force or job.before is None]
        kept = [job for job in jobs if job not in self.pending]
        more = f" and {len(kept) - 1} more" if len(kept) > 1 else ""
        newer = [job.source for job in kept if job.state and job.before and job.state[1] > job.before[1]]
        changed = f"; {newer[0]} has changed since" if newer else ""
        self.message = f"kept: {kept[0].target}{more}; --force replaces what exists{changed}" if kept else ""
        if folder is not None and not is_remote(folder) and self.pending:
            self._settle(Path(folder), _settings(tagger, options), bool(kept))

    def _settle(self, folder: Path, settings: Mapping[str, Any], adds: bool) -> None:
        """Compares the settings with those of the folder, which must be the same if this run adds to its outputs."""
        path, there = folder / SETTINGS_FILE, None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with open(path, "a+", opener=_follow_no_link) as file, suppress(ValueError, RecursionError):
                file.seek(0)
                there = json.load(file)
        except OSError as error:
            raise InputError(f"-o {folder}: {path} cannot be written: {error.strerror}; name another folder") from None
        if there == settings:
            return
        if adds and isinstance(there, dict):
            names = ", ".join(each for each in {**settings, **there} if there.get(each) != settings.get(each))
            raise InputError(
                f"{folder} has outputs that were made with other values of {names}; tag into another folder, or"
                " replace what is here with --force"
            )
        self._new = json.dumps(settings)

    def unmade(self) -> Iterator[Job]:
        """The pending jobs, one when it is needed, but for those whose outputs another process has made meanwhile.

        The first one makes the settings those of the folder: a run that ends before has changed nothing.
        """
        if self._new:
            with open(Path(str(self._folder), SETTINGS_FILE), "w", opener=_follow_no_link) as file:
                file.write(self._new)
        for job in self.pending:
            if self._force or job.target is None or is_remote(job.target) or file_state(job.target) == job.before:
                yield job


def _settings(tagger: Path, options: Mapping[str, Any]) -> dict[str, Any]:
    """What decides what is made of a source: the tagger, and the options that are given, as they are read again."""
    digest = ""  # not a time or a path: those of another machine, which makes another shard, may differ
    with suppress(OSError), (tagger / "config.json").open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    given = {name: value for name, value in options.items() if value}
    settings: dict[str, Any] = json.loads(json.dumps({"tagger": [tagger.name, digest], **given}))
    return settings


def _follow_no_link(name: str, flags: int) -> int:
    """Opens a file whose name others can foresee, for `open`: a link that they made would have its target emptied."""
    return os.open(name, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def open_output(job: Job, force: bool = False) -> AbstractContextManager[TextIO]:
    """Opens the output of a job for writing. At the end it gets its name, if nobody has made another one meanwhile."""

    def before_naming(content: Path) -> None:
        target = str(job.target)
        changed = not force and file_state(target) != job.before
        if changed and not (os.path.isfile(target) and filecmp.cmp(content, target, shallow=False)):
            raise InputError(f"{target} was made or changed while this ran; it is kept, --force replaces it")

    return whole_file(job.target, before_naming=before_naming)

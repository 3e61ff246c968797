"""Decides which outputs a run must still make, protects existing files, and lists what is finished.

A folder of outputs has a manifest of JSON lines. A run adds a line with its tagger and its options, then one for each
output: its name, and the size and time of the source and of the output. The line is written when the output's content
is complete and before it has its name. So if the process dies, each output either is one that a run has made, or comes
from elsewhere. Several runs may append to one manifest at the same time. A shard and a process of Ray have manifests of
their own, since machines that append to one file on NFS overwrite each other's lines.
"""

import filecmp
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from tagger.errors import InputError
from tagger.jobs.jobs import MANIFEST_NAME, Job, file_state, is_manifest
from tagger.text.files import is_remote
from tagger.text.output_files import remove_leftovers, whole_file


class Outputs:
    """The outputs of a run.

    Attributes:
        pending: the jobs whose outputs are to be made.
        foreign: the jobs whose outputs a resumed run keeps because no run has made them as they are.
        messages: a line each about the others, for users.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        folder: str | None,
        settings: Mapping[str, Any],
        *,
        part: str = "",
        force: bool = False,
        resume: bool = False,
    ) -> None:
        """Decides which outputs to make.

        An existing output is kept. With `force` it is replaced. With `resume` it is replaced if the manifest says that
        a run made it, of another source. The outputs go into `folder`, if into any; `settings` are the tagger and all
        else that decides what it makes of a source, as JSON has it. The manifest's name ends in `part`.
        """
        self.part, self._force = part, force
        self._folder = None if folder is None or is_remote(folder) else folder
        self._settings = dict(settings)
        self._run = hashlib.sha256(json.dumps(self._settings, sort_keys=True).encode()).hexdigest()[:16]
        self._started = False
        self.messages: list[str] = []
        self.foreign: list[Job] = []
        if resume:
            if folder is not None and is_remote(folder):
                raise InputError(f"-o {folder}: leave --resume out; outputs that exist there are kept, others are made")
            if folder is None or force:
                raise InputError("--resume goes on with a run into a folder (-o FOLDER), without --force")
            self.pending = self._unfinished(jobs, folder)
        else:
            kept = [] if force else [job for job in jobs if job.before is not None]
            if kept:
                again = "" if self._folder is None else ", --resume tags again what has changed"
                self.messages.append(f"kept: {_listed(kept)}; --force replaces what exists{again}")
            self.pending = [job for job in jobs if force or job.before is None]
        if self.pending and self._folder is not None:
            _check_folder(self._folder)

    @contextmanager
    def open(self, job: Job) -> Iterator[TextIO]:
        """Opens the output of a job for writing. At the end a file is listed in the manifest and gets its name."""
        target = job.target

        def before_naming(content: Path) -> None:
            assert target is not None
            changed = not self._force and file_state(target) != job.before
            if changed and not (os.path.isfile(target) and filecmp.cmp(content, target, shallow=False)):
                raise InputError(f"{target} was made or changed while this ran; it is kept, --force replaces it")
            if self._folder is not None:
                self._append({"output": job.name, "source": job.state, "made": file_state(content), "run": self._run})

        with whole_file(target, before_naming=before_naming) as out:
            yield out

    def _append(self, line: Mapping[str, Any]) -> None:
        """Adds a line. It begins with a line end, since another run may have left a part of a line before it."""
        assert self._folder is not None
        path = Path(self._folder, f"{MANIFEST_NAME}.{self.part}" if self.part else MANIFEST_NAME)
        lines = [line] if self._started else [{"run": self._run, **self._settings}, line]
        text = "".join(f"\n{json.dumps(line)}" for line in lines).encode()
        try:
            with path.open("ab", buffering=0) as file:
                complete = file.write(text) == len(text)
        except OSError as error:
            raise InputError(f"{path} cannot be written: {error.strerror}") from None
        if not complete:
            raise InputError(f"{path} cannot be written: no space left on the device")
        self._started = True

    def _unfinished(self, jobs: Sequence[Job], folder: str) -> list[Job]:
        """The jobs that a resumed run has to do."""
        remove_leftovers(job.target for job in jobs if job.target is not None)
        made, runs = _read(folder)
        pending, again = [], []
        for job in jobs:
            source, run = made.get((job.name, json.dumps(job.before)), (None, ""))
            if job.before is None:
                pending.append(job)
            elif not run:
                self.foreign.append(job)
            elif run != self._run:
                raise InputError(
                    f"{job.target} was made with {_differences(runs.get(run, {}), self._settings)}; tag into"
                    " another folder, or replace what is here with --force"
                )
            elif job.state is None or source != job.state:
                pending.append(job)
                again.append(job)
        done = len(jobs) - len(pending) - len(self.foreign)
        self.messages.append(f"resuming: {done} of {len(jobs)} outputs are finished")
        if again:
            self.messages.append(f"tagged again: {_listed(again)}, whose source has changed since")
        if self.foreign:
            self.messages.append(
                f"kept: {_listed(self.foreign)}, changed after tagging or not listed in {MANIFEST_NAME}; move away what"
                " is to be tagged again"
            )
        return pending


def _read(folder: str) -> tuple[dict[tuple[str, str], tuple[Any, str]], dict[str, dict[str, Any]]]:
    """The source and the run of each output by its name and its state, and the settings of each run.

    A line that is torn or of an earlier version is left out.
    """
    made: dict[tuple[str, str], tuple[Any, str]] = {}
    runs: dict[str, dict[str, Any]] = {}
    for path in sorted(path for path in Path(folder).glob(f"{MANIFEST_NAME}*") if is_manifest(path.name)):
        try:
            lines = path.read_bytes().splitlines()
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}") from None
        for line in lines:
            with suppress(ValueError, KeyError, TypeError, RecursionError):
                fields = json.loads(line)
                if "output" in fields:
                    made[fields["output"], json.dumps(fields["made"])] = fields["source"], str(fields["run"])
                else:
                    runs[str(fields["run"])] = fields
    return made, runs


def _differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    """What other settings a run had, for people."""
    names = [name for name in here if there.get(name) != here[name]]
    return f"other values of {', '.join(names)}" if there and names else "another tagger or other options"


def _check_folder(folder: str) -> None:
    """Checks that a folder can be made, or that files can be made in it."""
    place = next(place for place in (Path(folder), *Path(folder).parents) if place.exists())
    if not place.is_dir():
        raise InputError(f"-o {folder}: {place} is a file; name a folder, or a file without a slash at the end")
    if not os.access(place, os.W_OK | os.X_OK):
        raise InputError(f"-o {folder}: {place} cannot be written: Permission denied; choose another folder")


def _listed(jobs: Sequence[Job]) -> str:
    return f"{jobs[0].target}{f' and {len(jobs) - 1} more' if len(jobs) > 1 else ''}"

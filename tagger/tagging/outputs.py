"""Decides which outputs a run must still make, and protects existing files."""

import copy
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TextIO

from tagger.errors import InputError
from tagger.tagging.jobs import Job
from tagger.tagging.manifest import Manifest, OutputState
from tagger.tagging.manifest_files import READERS
from tagger.text.output_files import is_replaced, whole_file
from tagger.text.remote_path import Place, RemoteFile, RemotePath

_FileState = tuple[int, int, int] | RemoteFile


class Listing(Protocol):
    """Lists the outputs of a run: its `Manifest`, or what stands for that in another process."""

    run: str

    def start(self) -> None:
        """Is called before the first hidden file with the id of the run is made."""

    def add(self, job: Job, content: Path) -> None:
        """Lists an output that is about to get its name."""


class Outputs:
    """The outputs of a run.

    Attributes:
        pending: the jobs whose outputs are to be made.
        messages: a line each about the others, for users.
    """

    def __init__(
        self, jobs: Sequence[Job], manifest: Manifest | None, force: bool = False, resume: bool = False
    ) -> None:
        """Decides which outputs to make.

        An existing output is kept. With `force` it is replaced. With `resume` it is replaced if the manifest proves
        that a run with the same settings made it, and that its source changed since or the run was about to replace it.

        Args:
            jobs: all of the run.
            manifest: of the folder of outputs; None if they go into no folder.
            force: whether to replace what exists.
            resume: whether to go on with a run that was killed.

        Raises:
            InputError: `resume` without a manifest, with `force`, or after runs with other settings only.
        """
        self.messages: list[str] = []
        self._listing: Listing | None = manifest
        self._force = force
        if resume:
            if manifest is None or force:
                raise InputError("--resume goes on with a run into a folder (-o FOLDER), without --force")
            manifest.check_resumable()
            manifest.remove_leftovers(jobs)
            self.pending = self._unfinished(jobs, manifest)
        else:
            self.pending = self._missing(jobs, manifest)
        if manifest is not None:
            for job in self.pending:
                manifest.note_source(job)
        self._before = {job.target: _state_before(job.target) for job in self.pending if job.target is not None}

    @contextmanager
    def open(self, job: Job) -> Iterator[TextIO]:
        """Opens the output file of a job for writing. At the end it is listed in the manifest and gets its name.

        Raises:
            InputError: it cannot be written or listed, or another file has got its name since the run started.
        """
        assert job.target is not None
        target = job.target

        def before_naming(content: Path) -> None:
            if not self._force and _file_state(target) != self._before[target]:
                raise InputError(f"{target} was made or changed while this ran; it is kept, --force replaces it")
            if self._listing is not None:
                self._listing.add(job, content)

        if self._listing is not None:
            self._listing.start()
        run = "" if self._listing is None else self._listing.run
        with whole_file(target, run=run, before_naming=before_naming) as out:
            yield out

    def listed_by(self, listing: Listing) -> "Outputs":
        """The same outputs for another process, which lists them in another way."""
        other = copy.copy(self)
        other._listing = listing
        return other

    def _missing(self, jobs: Sequence[Job], manifest: Manifest | None) -> list[Job]:
        """The jobs whose outputs do not exist, or all with `force`."""
        pending: list[Job] = []
        kept: list[Job] = []
        for job in jobs:
            exists = job.target is not None and is_replaced(job.target)
            (kept if exists and not self._force else pending).append(job)
        other = [job for job in kept if manifest is not None and manifest.has_other_settings(job)]
        if other:
            self.messages.append(
                f"kept: {_listed(other)}, {OutputState.OTHER_SETTINGS.value}; --force replaces what exists"
            )
        if len(kept) > len(other):
            named = set(other)
            rest = [job for job in kept if job not in named]
            self.messages.append(f"kept: {_listed(rest)}; --force replaces what exists")
        return pending

    def _unfinished(self, jobs: Sequence[Job], manifest: Manifest) -> list[Job]:
        """The jobs that a resumed run has to do."""
        if isinstance(manifest.folder, RemotePath):  # outputs are read again, and each takes a while to come
            with ThreadPoolExecutor(READERS) as threads:
                states = dict(zip(jobs, threads.map(manifest.state, jobs), strict=True))
        else:
            states = {job: manifest.state(job) for job in jobs}
        finished = sum(state is OutputState.FINISHED for state in states.values())
        self.messages.append(f"resuming: {finished} of {len(jobs)} outputs are finished")
        for state in OutputState:
            those = [job for job in jobs if states[job] is state]
            if not those or state in (OutputState.ABSENT, OutputState.FINISHED):
                continue
            if state.may_be_made:
                self.messages.append(f"tagged again: {_listed(those)}, {state.value}")
            else:
                self.messages.append(f"kept: {_listed(those)}, {state.value}; move away what is to be tagged again")
        return [job for job in jobs if states[job].may_be_made]


def _listed(jobs: Sequence[Job]) -> str:
    return f"{jobs[0].target}{f' and {len(jobs) - 1} more' if len(jobs) > 1 else ''}"


def _state_before(path: Place) -> _FileState | None:
    """The state of a file when the run starts, from the listing of remote storage."""
    return path.listed() if isinstance(path, RemotePath) else _file_state(path)


def _file_state(path: Place) -> _FileState | None:
    """Values that change when a file is replaced or written to; None if there is no file."""
    if isinstance(path, RemotePath):
        return path.current()
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns

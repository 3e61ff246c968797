"""Decides which outputs a run must still make, and protects existing files."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from tagger.errors import InputError
from tagger.jobs.jobs import MANIFEST_NAME, Job, output_name
from tagger.jobs.manifest import READERS, Manifest, Record, checksum, source_digest
from tagger.text.output_files import is_replaced, whole_file
from tagger.text.remote_path import Place, RemoteFile, RemotePath

_FileState = tuple[int, int, int] | RemoteFile


class Outputs:
    """The outputs of a run.

    Attributes:
        pending: the jobs whose outputs are to be made.
        foreign: the jobs whose outputs a resumed run keeps because no run has made them as they are.
        messages: a line each about the others, for users.
        manifest: of the folder of outputs; None if they go into no folder.
    """

    def __init__(
        self, jobs: Sequence[Job], manifest: Manifest | None, force: bool = False, resume: bool = False
    ) -> None:
        """Decides which outputs to make.

        An existing output is kept. With `force` it is replaced. With `resume` it is replaced if the manifest proves
        that a run made it, of another source or with another tagger or other settings.

        Args:
            jobs: all of the run.
            manifest: of the folder of outputs; None if they go into no folder.
            force: whether to replace what exists.
            resume: whether to go on with a run.

        Raises:
            InputError: `resume` without a manifest or with `force`, or the folder cannot be written.
        """
        self.manifest, self._force = manifest, force
        self.messages: list[str] = []
        self.foreign: list[Job] = []
        # Before files are read to compare them, which takes a while: what changes meanwhile is kept.
        self._before = {job.target: _state_before(job.target) for job in jobs if job.target is not None}
        if resume:
            if manifest is None or force:
                raise InputError("--resume goes on with a run into a folder (-o FOLDER), without --force")
            self.pending = self._unfinished(jobs, manifest)
        else:
            kept = [] if force else [job for job in jobs if job.target is not None and is_replaced(job.target)]
            if kept:
                again = "" if manifest is None else ", --resume tags again what has changed"
                self.messages.append(f"kept: {_listed(kept)}; --force replaces what exists{again}")
            named = set(kept)
            self.pending = [job for job in jobs if job not in named]
        if self.pending and manifest is not None and isinstance(manifest.folder, Path):
            check_folder(manifest.folder)
        self._sources = {job.source: _file_state(Path(job.source)) for job in self.pending if job.listed is None}

    @contextmanager
    def open(self, job: Job) -> Iterator[TextIO]:
        """Opens the output file of a job for writing. At the end it is recorded in the manifest and gets its name.

        Raises:
            InputError: it cannot be written or recorded, or another file has got its name since the run started.
        """
        assert job.target is not None
        target, manifest = job.target, self.manifest

        def before_naming(content: Path) -> None:
            if not self._force and _file_state(target) != self._before[target]:
                raise InputError(f"{target} was made or changed while this ran; it is kept, --force replaces it")
            if manifest is not None:
                manifest.record(job, self._source(job), checksum(content))

        if manifest is not None:
            manifest.start()
        with whole_file(target, run="" if manifest is None else manifest.run, before_naming=before_naming) as out:
            yield out

    def _source(self, job: Job) -> str:
        """The digest of the source; empty if it has changed since the run began, for nobody knows what was read."""
        digest = source_digest(job)
        changed = job.listed is None and _file_state(Path(job.source)) != self._sources[job.source]
        return "" if changed else digest

    def _unfinished(self, jobs: Sequence[Job], manifest: Manifest) -> list[Job]:
        """The jobs that a resumed run has to do."""
        records, runs = manifest.read()
        manifest.remove_leftovers(jobs, runs)

        def known(job: Job) -> list[Record] | None:
            """The records that prove what the output is; None if there is no output."""
            if job.target is None or not job.target.is_file():
                return None
            own = records.get(output_name(job, manifest.folder), [])
            content = checksum(str(job.target)) if own else ""
            return [record for record in own if record.sha256 == content]

        def is_finished(job: Job) -> bool:
            sources = {record.source for record in proofs[job] or () if record.tagger == manifest.tagger}
            return bool(sources) and source_digest(job) in sources - {""}

        with ThreadPoolExecutor(READERS) as threads:
            proofs = dict(zip(jobs, threads.map(known, jobs), strict=True))
            done = {job for job, finished in zip(jobs, threads.map(is_finished, jobs), strict=True) if finished}
        self.messages.append(f"resuming: {len(done)} of {len(jobs)} outputs are finished")
        again = [job for job in jobs if proofs[job] and job not in done]
        if again:
            self.messages.append(f"tagged again: {_listed(again)}, whose source, tagger or options have changed since")
        self.foreign = [job for job in jobs if proofs[job] == []]
        if self.foreign:
            self.messages.append(
                f"kept: {_listed(self.foreign)}, changed after tagging or not listed in {MANIFEST_NAME}; move away what"
                " is to be tagged again"
            )
        kept = done.union(self.foreign)
        return [job for job in jobs if job not in kept]


def check_folder(folder: Path) -> None:
    """Checks that a folder can be made, or that files can be made in it.

    Raises:
        InputError: a file is in the way, or there is no right to it.
    """
    place = next(place for place in (folder, *folder.parents) if place.exists())
    if not place.is_dir():
        raise InputError(f"-o {folder}/: {place} is a file; name a folder, or a file without a slash at the end")
    if not os.access(place, os.W_OK | os.X_OK):
        raise InputError(f"-o {folder}/: {place} cannot be written: Permission denied; choose another folder")


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

"""Decides which outputs a run must still make, and protects those that exist.

An output that has its name is whole. So `--resume` needs no list of what is finished: it makes what is missing, and
what is older than its source or than the settings of the runs. A file of the folder has these settings, the tagger and
all options that decide what is made; a run with others may not resume it.

Only what a run has made is ever replaced. The time of an output's last change ends in a checksum; whoever changes the
file later changes the time, too.
"""

import filecmp
import hashlib
import json
import os
import random
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any, TextIO

from tagger.errors import InputError
from tagger.jobs.plan import Job, file_state
from tagger.text.files import is_remote
from tagger.text.output_files import follow_no_link, lock, whole_file

SETTINGS_FILE = ".tagger.settings"  # in the folder of outputs
_TICK, _GRAIN = 10_000_000, 100  # nanoseconds: a checksum, a multiple of the grain, fills a tick


class PlannedOutputs:
    """The outputs of a run.

    Attributes:
        pending: the jobs whose outputs are to be made.
        kept: the jobs whose outputs are out of date, but were changed after tagging, and stay.
        messages: a line each about the others, for users.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        folder: str | None,
        tagger: Path,
        options: Mapping[str, Any],
        *,
        shared: bool = False,
        force: bool = False,
        resume: bool = False,
    ) -> None:
        """Decides which outputs to make.

        Args:
            folder: of the outputs, if they go into one.
            tagger: the folder of the tagger; with the `options`, it decides what is made of a source.
            shared: whether other runs make other outputs of the folder at the same time.
            force: whether outputs that exist are replaced; else they are kept.
            resume: whether those that are out of date are replaced.
        """
        if resume and folder is not None and is_remote(folder):
            raise InputError(f"-o {folder}: leave --resume out; outputs that exist there are kept, others are made")
        if resume and (folder is None or force):
            raise InputError("--resume goes on with a run into a folder (-o FOLDER), without --force")
        self._force, begun = force, 0
        self._file: TextIO | None = None
        self._new = ""  # settings that the file does not have yet
        self.messages: list[str] = []
        self.pending = [job for job in jobs if force or job.before is None]
        if folder is not None and not is_remote(folder) and (self.pending or resume):
            begun = self._settle(Path(folder), _settings(tagger, options), shared, resume)
        old = [  # older than the source or than the settings
            job
            for job in jobs
            if resume and job.before is not None and job.before[1] < max(begun, job.state[1] if job.state else 0)
        ]
        again: list[Job] = []
        self.kept: list[Job] = []
        for job in old:
            (again if _is_own(str(job.target)) else self.kept).append(job)
        exist = [job for job in jobs if job.before is not None]
        if resume:
            self.messages.append(f"resuming: {len(exist) - len(again)} of {len(jobs)} outputs exist")
        elif exist and not force:
            more = "" if folder is None else ", --resume tags again what is older than its source"
            self.messages.append(f"kept: {_listed(exist)}; --force replaces what exists{more}")
        if again:
            self.messages.append(f"tagged again: {_listed(again)}, older than the source or the options")
        if self.kept:
            self.messages.append(
                f"kept: {_listed(self.kept)}, older than the source, but changed after tagging; move away what is to be"
                " tagged again"
            )
        self.pending += again

    def _settle(self, folder: Path, new: str, shared: bool, resume: bool) -> int:
        """Compares the settings with those of the folder, and returns when the runs with these settings began."""
        path, settings = folder / SETTINGS_FILE, json.loads(new)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = open(path, "a+", opener=follow_no_link)  # noqa: SIM115 - its lock lasts until `close`
            busy = not shared and lock(self._file) is False
            self._file.seek(0)
            there: Any = None
            with suppress(ValueError, RecursionError):
                there = json.loads(self._file.readline())
        except OSError as error:
            raise InputError(f"-o {folder}: {path} cannot be written: {error.strerror}; name another folder") from None
        if isinstance(there, dict) and there != settings and (resume or busy) and not self._force:
            names = ", ".join(each for each in {**settings, **there} if there.get(each) != settings.get(each))
            raise InputError(
                f"{folder} has outputs that were made with other values of {names}; tag into another folder, or"
                " replace what is here with --force"
            )
        if busy:
            self.messages.append(f"another process tags into {folder}; what it has begun is left to it")
            random.shuffle(self.pending)  # so that the two seldom meet at a file
        if there == settings:
            return path.stat().st_mtime_ns
        self._new = f"{new}\n"  # several shards that start at once write the same line, and the first one counts
        return time.time_ns()

    def close(self) -> None:
        """Lets another process know that this one is done."""
        if self._file is not None:
            self._file.close()

    def unmade(self) -> Iterator[Job]:
        """The pending jobs, one when it is needed, but for those whose outputs another process has made meanwhile.

        The first one makes the settings those of the folder: a run that ends before has changed nothing.
        """
        if self._file is not None and self._new:
            self._file.seek(0)
            if self._file.readline() != self._new:  # else another shard has written them meanwhile
                self._file.truncate(0)
                self._file.write(self._new)
                self._file.flush()
        for job in self.pending:
            if self._force or job.target is None or is_remote(job.target) or file_state(job.target) == job.before:
                yield job


def _settings(tagger: Path, options: Mapping[str, Any]) -> str:
    """What decides what is made of a source, as JSON: the tagger, and the options that are given."""
    digest = ""  # not a time or a path: those of another machine, which makes another shard, may differ
    with suppress(OSError), (tagger / "config.json").open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return json.dumps({"tagger": [tagger.name, digest], **{name: value for name, value in options.items() if value}})


def open_output(job: Job, force: bool = False) -> AbstractContextManager[TextIO]:
    """Opens the output of a job for writing. At the end it gets its name, if nobody has made another one meanwhile."""

    def before_naming(content: Path) -> None:
        target = str(job.target)
        changed = not force and file_state(target) != job.before
        if changed and not (os.path.isfile(target) and filecmp.cmp(content, target, shallow=False)):
            raise InputError(f"{target} was made or changed while this ran; it is kept, --force replaces it")
        status = content.stat()
        start = -(-status.st_mtime_ns // _TICK) * _TICK
        if job.state is not None and file_state(job.source) != job.state and not is_remote(job.source):
            start = job.state[1] // _TICK * _TICK - _TICK  # the source has changed since: `--resume` tags it again
        os.utime(content, ns=(status.st_atime_ns, _signed(start, status.st_size)))

    return whole_file(job.target, before_naming=before_naming)


def _signed(start: int, size: int) -> int:
    """A time after `start`, in nanoseconds, by which a file of that size is known again."""
    return start + zlib.crc32(f"{start} {size}".encode()) % (_TICK // _GRAIN) * _GRAIN


def _is_own(path: str) -> bool:
    """Whether a run has made a file as it is."""
    size, changed = file_state(path) or (0, 0)
    return changed == _signed(changed // _TICK * _TICK, size)


def _listed(jobs: Sequence[Job]) -> str:
    return f"{jobs[0].target}{f' and {len(jobs) - 1} more' if len(jobs) > 1 else ''}"

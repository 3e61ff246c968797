"""The ledger of a run on Ray: one process, which lists what is finished and counts what is tried again."""

import os
import platform
from collections import Counter
from collections.abc import Hashable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from tagger.tagging.jobs import Job
from tagger.tagging.manifest import Manifest, checksum
from tagger.tagging.workers import WorkersDied
from tagger.text.remote_path import Place


class Origin(NamedTuple):
    """The process that started a run."""

    machine: str
    folder: str  # in which it works; names of files may be relative to it
    pid: int

    @classmethod
    def here(cls) -> "Origin":
        """The process that asks."""
        return cls(platform.node(), str(Path.cwd()), os.getpid())

    def has_ended(self) -> bool:
        """Whether it has; False if that cannot be seen from here."""
        if self.machine != platform.node() or os.name != "posix":
            return False
        try:
            os.kill(self.pid, 0)  # sends nothing
        except ProcessLookupError:
            return True
        except PermissionError:
            pass
        return False

    def enter(self) -> None:
        """Makes its folder that of this process, if this machine has it."""
        with suppress(OSError):
            os.chdir(self.folder)


class Ledger:
    """Lists the outputs of a run. It is one process, since machines that append to one file may overwrite lines."""

    def __init__(self, manifest: Manifest | None, origin: Origin, task: Sequence[Any] = ()) -> None:
        """Takes what belongs to the run.

        Args:
            manifest: of the run; None if its outputs go into no folder.
            origin: the process that started the run.
            task: a reference of the task, for actors that start. It is in a list, since Ray replaces a reference by
                its object. The actors do not get it as an argument, since Ray warns of references among those of
                actors that start anew.
        """
        self._manifest, self._origin, self._task = manifest, origin, task
        self._listed: dict[Place, str] = {}  # output -> checksum
        self._attempts = Counter[Hashable]()
        origin.enter()

    def task(self) -> Sequence[Any]:
        """See `__init__`."""
        return self._task

    def start(self) -> None:
        """Writes the header of the run into its manifest, unless it is there."""
        if self._manifest is not None:
            self._manifest.start()

    def record(self, job: Job, source: str, sha256: str) -> None:
        """Lists an output that is about to get its name.

        Raises:
            WorkersDied: the run has ended. It takes Ray a second or two to notice that and to end the actors, and a
                run with `--resume` may have begun.
        """
        if self._origin.has_ended():
            raise WorkersDied("the process that started this run has ended; go on with --resume")
        if self._manifest is not None:
            self._manifest.record(job, source, sha256)
        if job.target is not None:
            self._listed[job.target] = sha256

    def begin(self, work: Hashable) -> int:
        """Counts how often a piece of work was begun."""
        self._attempts[work] += 1
        return self._attempts[work]

    def end(self, work: Hashable) -> None:
        """Forgets a piece of work that is done."""
        del self._attempts[work]

    def is_made(self, job: Job) -> bool:
        """Whether an output of this run has its name, although the actor that made it has died."""
        target = job.target
        if target is None or target not in self._listed:
            return False
        exists = target.is_file() if isinstance(target, Path) else target.current() is not None
        return exists and checksum(str(target)) == self._listed[target]

"""Several processes with one thread each that do parts of a work, in order, a few parts at a time."""

import logging
import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Generic, NamedTuple, TypeVar

import torch

from tagger.errors import InputError

SMALL = 20_000  # tokens for which one process is enough: to start others would gain nothing
ATTEMPTS = 3  # at a part whose worker dies
_METHOD = "fork" if sys.platform == "linux" else "spawn"  # a forked process has the network already

_log = logging.getLogger(__name__)
_state: Any = None  # in a worker

State = TypeVar("State")
Kept = TypeVar("Kept")
Work = TypeVar("Work")
Result = TypeVar("Result")


class WorkersDied(InputError):
    """Processes died again and again at the same part."""


class Part(NamedTuple, Generic[Kept, Work]):
    """A part of a work."""

    kept: Kept  # what stays in this process, to go with the result
    work: Work  # what is sent to a worker
    tokens: int  # about how many


class _Job(Generic[Kept, Work, Result]):
    """A part, and the process's answer to come."""

    def __init__(self, part: Part[Kept, Work], function: Callable[[Any, Work], Result]) -> None:
        self.part, self.function, self.attempts = part, function, 0
        self.future: Future[Result] = Future()

    def submit(self, pool: ProcessPoolExecutor) -> None:
        self.attempts += 1
        self.future = pool.submit(_run, self.function, self.part.work)


class Workers(Generic[State]):
    """Processes with a copy of something each, such as a tagger; they start when there is enough to do."""

    def __init__(self, state: State, count: int) -> None:
        """Starts nothing yet.

        Args:
            state: what every process gets a copy of; this process uses it too.
            count: processes; with 1 this one does everything.
        """
        self.state, self.count = state, count
        self._pool: ProcessPoolExecutor | None = None
        self._tokens = 0

    def map(
        self, function: Callable[[State, Work], Result], parts: Iterable[Part[Kept, Work]]
    ) -> Iterator[tuple[Kept, Result]]:
        """What `function` makes of the state and each part, as parts come; at most two per process are held.

        Raises:
            WorkersDied: see there.
        """
        pending: deque[_Job[Kept, Work, Result]] = deque()
        try:
            for part in parts:
                self._tokens += part.tokens
                if self.count == 1 or self._tokens < SMALL:
                    yield part.kept, function(self.state, part.work)
                    continue
                job = _Job(part, function)
                pending.append(job)
                self._submit(job, pending)
                while len(pending) >= 2 * self.count:
                    yield self._first(pending)
            while pending:
                yield self._first(pending)
        finally:
            for job in pending:
                job.future.cancel()

    @property
    def processes(self) -> list[int]:
        """The numbers (PIDs) of the processes that have been started."""
        return [] if self._pool is None else list(self._pool._processes)

    def close(self) -> None:
        """Ends the processes."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def _first(self, pending: deque[_Job[Kept, Work, Result]]) -> tuple[Kept, Result]:
        job = pending[0]
        while True:
            try:
                found = job.future.result()
            except BrokenProcessPool:
                self._restart(pending)
                continue
            pending.popleft()
            return job.part.kept, found

    def _submit(self, job: _Job[Any, Any, Any], pending: deque[_Job[Kept, Work, Result]]) -> None:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self.count, multiprocessing.get_context(_METHOD), initializer=_start, initargs=(self.state,)
            )
        try:
            job.submit(self._pool)
        except BrokenProcessPool:
            self._restart(pending)

    def _restart(self, pending: deque[_Job[Kept, Work, Result]]) -> None:
        """Gives what was not done to new processes."""
        if pending[0].attempts >= ATTEMPTS:
            raise WorkersDied(
                f"{ATTEMPTS} processes died at the same part, perhaps for lack of memory; try --workers 1"
            )
        _log.warning("a worker process died; its part is done again")
        self.close()
        for job in pending:
            if not (job.future.done() and job.future.exception() is None):
                self._submit(job, pending)


def processor_cores() -> int:
    """Physical cores that this process may use."""
    try:
        allowed = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        allowed = os.cpu_count() or 1
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return max(1, min(allowed, int(capabilities.get("num_physical_cores", allowed))))


def _start(state: Any) -> None:
    global _state
    _state = state
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends it
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _run(function: Callable[[Any, Work], Result], work: Work) -> Result:
    return function(_state, work)

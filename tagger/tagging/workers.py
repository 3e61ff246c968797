"""Processes with one thread each that share work; the results come in order, a few batches at a time."""

import gc
import logging
import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

import torch

from tagger.errors import InputError

START_TOKENS = 20_000  # tokens of one call before processes are started; with fewer they gain nothing
SEND_TOKENS = 1_000  # tokens of a batch that is worth sending to processes that have been started
_SIGNALS = {signal.SIGINT, signal.SIGTERM}
MAX_ATTEMPTS = 3  # for a batch whose process dies

_log = logging.getLogger(__name__)
_state: Any = None  # in a worker process

Kept = TypeVar("Kept")
Work = TypeVar("Work")
Result = TypeVar("Result")


@contextmanager
def uncollected() -> Iterator[None]:
    """Within the block Python does not look for circles of objects that nobody needs.

    A window makes hundreds of thousands of lists and tuples that stay until it is done, and each search walks through
    all of them: a fifth of the time. Threads may overlap: a search that comes early costs time, nothing else.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class WorkersDied(InputError):
    """`MAX_ATTEMPTS` processes died at the same batch."""


class WorkBatch(NamedTuple, Generic[Kept, Work]):
    """What is sent to a process at a time."""

    kept: Kept  # stays in this process and comes back with the result
    work: Work  # is sent to a process
    tokens: int  # approximate number


@dataclass(eq=False)
class _Assignment:
    """A batch, and the result that a process is to give."""

    batch: WorkBatch[Any, Any]
    function: Callable[[Any, Any], Any]
    attempts: int = 0
    future: Future[Any] = field(default_factory=Future)
    pool: ProcessPoolExecutor | None = None  # the pool that has it


class Workers:
    """Processes that each have a copy of a state, such as a tagger. They start when there is enough work.

    Threads may share it. This process uses the state, too.
    """

    def __init__(self, state: Any, count: int) -> None:
        """Starts nothing yet."""
        self.state, self.count = state, count
        self._pool: ProcessPoolExecutor | None = None
        self._lock = threading.Lock()  # of `_pool`

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy has no processes yet."""
        return Workers, (self.state, self.count)

    def map(
        self, function: Callable[[Any, Work], Result], batches: Iterable[WorkBatch[Kept, Work]]
    ) -> Iterator[tuple[Kept, Result]]:
        """Applies `function` to the state and each batch as it arrives. At most two batches per process wait.

        If there is little work, this process does it.
        """
        pending: deque[_Assignment] = deque()
        tokens = 0
        try:
            for batch in batches:
                tokens += batch.tokens
                is_large = tokens >= START_TOKENS or (self._pool is not None and batch.tokens >= SEND_TOKENS)
                if not pending and (self.count == 1 or not is_large):
                    with uncollected():
                        result = function(self.state, batch.work)
                    yield batch.kept, result
                    continue
                assignment = _Assignment(batch, function)
                self._submit(assignment)
                pending.append(assignment)
                while len(pending) >= 2 * self.count:
                    yield self._first(pending)
            while pending:
                yield self._first(pending)
        finally:
            for assignment in pending:
                assignment.future.cancel()

    @property
    def processes(self) -> list[int]:
        """The numbers (PIDs) of the processes that have been started."""
        pool = self._pool
        return [] if pool is None else list(pool._processes or ())

    def close(self) -> None:
        """Ends the processes; they start again when they are needed."""
        self._close(self._pool)

    def _first(self, pending: deque[_Assignment]) -> tuple[Any, Any]:
        """The result of the first assignment, which is taken from the queue."""
        first = pending[0]
        while True:
            try:
                found = first.future.result()
            except CancelledError:  # another thread has closed the pool
                self._submit(first)
            except BrokenProcessPool:
                self._close(first.pool)
                if first.attempts >= MAX_ATTEMPTS:
                    raise WorkersDied(
                        f"{MAX_ATTEMPTS} processes died at the same batch, perhaps for lack of memory; try --workers 1"
                    ) from None
                _log.warning("a worker process died; its batch is done again")
                for assignment in pending:
                    if not assignment.future.done() or assignment.future.cancelled() or assignment.future.exception():
                        self._submit(assignment)
            else:
                pending.popleft()
                return first.batch.kept, found

    def _submit(self, assignment: _Assignment) -> None:
        """Gives a batch to the processes, which are started if there are none."""
        while True:
            with self._lock:
                if self._pool is None:
                    context = multiprocessing.get_context(start_method())
                    self._pool = ProcessPoolExecutor(self.count, context, initializer=_start, initargs=(self.state,))
                assignment.pool = self._pool
                try:
                    with _signals_wait():  # the first batch starts the processes
                        assignment.future = self._pool.submit(_run, assignment.function, assignment.batch.work)
                    assignment.attempts += 1
                    return
                except BrokenProcessPool:
                    pass
                except (BrokenPipeError, EOFError):  # from a process that ended before it could be given the state
                    self._pool = None
                    raise InputError(
                        "the workers of a process with threads import its main script, which failed; put what it does"
                        " below if __name__ == '__main__', or take one worker"
                    ) from None
            self._close(assignment.pool)

    def _close(self, pool: ProcessPoolExecutor | None) -> None:
        """Ends a pool of processes, unless another thread has done that."""
        with self._lock:
            if pool is None or self._pool is not pool:
                return
            self._pool = None
        pool.shutdown(cancel_futures=True)


def start_method() -> str:
    """How processes are started.

    A forked process has the network already. But what other threads of this process hold, a lock or half a write,
    stays as it is in a fork for ever. So in a process with threads, such as a notebook or a web server, workers are
    forked from a new process.
    """
    if sys.platform != "linux":
        return "spawn"
    return "fork" if threading.active_count() == 1 else "forkserver"


@contextmanager
def _signals_wait() -> Iterator[None]:
    """Holds back Ctrl+C while a process starts: Python would print and forget a KeyboardInterrupt inside of a fork."""
    if not hasattr(signal, "pthread_sigmask"):  # on Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


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
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent process ends this one
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)  # see `_signals_wait`
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _run(function: Callable[[Any, Work], Result], work: Work) -> Result:
    with uncollected():
        return function(_state, work)

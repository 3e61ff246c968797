"""Windows of sentences -> tags, by several processes with one thread each, in order, a few windows at a time."""

import logging
import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import NamedTuple

import torch

from tagger.decoder import Decoded
from tagger.engine import Engine
from tagger.errors import InputError
from tagger.sentence import Sentence

SMALL = 20_000  # tokens that one process has tagged before others are started: they would gain nothing on less
ATTEMPTS = 3  # at a window whose worker dies
_METHOD = "fork" if sys.platform == "linux" else "spawn"  # a forked process has the network already

_log = logging.getLogger(__name__)
_engine: Engine | None = None  # in a worker


class Wanted(NamedTuple):
    """What is asked of each window."""

    columns: Sequence[str] | None
    top: int
    probabilities: bool


class _Job:
    """A window, and the process's answer to come."""

    def __init__(self, window: list[Sentence], wanted: Wanted) -> None:
        self.window, self.wanted, self.attempts = window, wanted, 0
        self.future: Future[dict[str, Decoded]]

    def submit(self, pool: ProcessPoolExecutor) -> None:
        self.attempts += 1
        self.future = pool.submit(_tag, [sentence.tokens for sentence in self.window], self.wanted)


class Workers:
    """Processes that run copies of an engine; they start when there is enough to do."""

    def __init__(self, engine: Engine, count: int) -> None:
        """Starts nothing yet.

        Args:
            engine: on the processor; this process uses it too.
            count: processes; with 1 this one does everything.
        """
        self.engine, self.count = engine, count
        self._pool: ProcessPoolExecutor | None = None
        self._tokens = 0

    def tag(
        self, windows: Iterable[list[Sentence]], wanted: Wanted
    ) -> Iterator[tuple[list[Sentence], dict[str, Decoded]]]:
        """Tags windows as they come; at most two per process are held.

        Raises:
            InputError: processes died again and again at the same window.
        """
        pending: deque[_Job] = deque()
        try:
            for window in windows:
                self._tokens += sum(map(len, window))
                if self.count == 1 or self._tokens < SMALL:
                    yield window, self.engine.tag([sentence.tokens for sentence in window], *wanted)
                    continue
                job = _Job(window, wanted)
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

    def _first(self, pending: deque[_Job]) -> tuple[list[Sentence], dict[str, Decoded]]:
        job = pending[0]
        while True:
            try:
                found = job.future.result()
            except BrokenProcessPool:
                self._restart(pending)
                continue
            pending.popleft()
            return job.window, found

    def _submit(self, job: _Job, pending: deque[_Job]) -> None:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self.count, multiprocessing.get_context(_METHOD), initializer=_start, initargs=(self.engine,)
            )
        try:
            job.submit(self._pool)
        except BrokenProcessPool:
            self._restart(pending)

    def _restart(self, pending: deque[_Job]) -> None:
        """Gives what was not done to new processes."""
        if pending[0].attempts >= ATTEMPTS:
            raise InputError(f"{ATTEMPTS} processes died at the same part, perhaps for lack of memory; try --workers 1")
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


def _start(engine: Engine) -> None:
    global _engine
    _engine = engine
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends it
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _tag(sentences: list[list[str]], wanted: Wanted) -> dict[str, Decoded]:
    assert _engine is not None
    return _engine.tag(sentences, *wanted)

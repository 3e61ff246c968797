"""Files -> tagged files by plain tasks on a Ray cluster, or on a Ray of this machine that ends with the run.

A task reads files and returns their tagged text. It changes nothing, so Ray may run it again when its process or its
machine dies. The process that started the run writes the outputs, as it does without Ray.
"""

import io
import math
import os
import pickle
import re
import signal
import socket
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import lru_cache
from itertools import chain, groupby
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from tagger.errors import InputError, missing_library, reason

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray reads it when it starts; it would report to its makers

try:
    import ray
    import ray._private.worker as ray_worker
except ModuleNotFoundError as error:
    raise missing_library(error, "ray", "ray") from None

from tagger.jobs.bulk import Options, Progress, tag_files
from tagger.jobs.jobs import Job
from tagger.tagging.document_tagger import DocumentTagger
from tagger.tagging.windows import WINDOW_TOKENS
from tagger.tagging.workers import WorkersDied, collect_rarely, processor_cores

CPUS = 0.5  # of a task. It computes all the time, but below 1 Ray's own tasks find room on a small machine
MAX_BATCH = 1 << 20  # bytes of the small files of a task: a few seconds
MIN_BATCH = 1 << 14
BATCHES = 16  # for each worker, if the files are small
MAX_FILES = 200  # of a task
LARGE_FILE = 1 << 22  # bytes of a file that is a task of its own; its text comes in a result for so many bytes
RETRIES = 4  # of a task whose process or machine dies
START_SECONDS = 300  # until the first task has run
CONNECT_SECONDS = 10
_LOCAL = "local"
_PORT = re.compile(r"(?:ray://)?\[?(?P<host>[^/\[\]]+?)\]?:(?P<port>[0-9]{1,5})")


class _Window(NamedTuple):
    """A window of an output, as text."""

    job: int  # its number among those of the task
    text: str
    words: int
    error: InputError | None  # why the output cannot be made


class _Run(NamedTuple):
    """What every process of a run needs. It is sent once."""

    tagger: DocumentTagger
    options: Options
    width: int
    folder: str  # in which the run was started; names of files may be relative to it


def tag_jobs(
    tagger: DocumentTagger,
    jobs: Sequence[Job],
    options: Options,
    output: Callable[[Job], AbstractContextManager[TextIO]],
    width: int = 80,
    *,
    address: str | None = None,
    workers: int | None = None,
    cpus: float = CPUS,
    gpus: float | None = None,
) -> Generator[Progress, None, None]:
    """Tags files in any order; an error in one does not stop the others. Each gives one step, when it is done.

    Args:
        tagger: of which every process gets a copy.
        jobs: the files, which all machines see under the same names.
        options: of all jobs.
        output: opens a job's output in this process; an error in the block leaves no output.
        width: of the terminal.
        address: see `connected`.
        workers: tasks at a time; None: one per CPU of the cluster, or per GPU if the tagger is on one.
        cpus: that Ray reserves for a task.
        gpus: that Ray reserves for a task; None: 1 if the tagger is on a GPU.

    Raises:
        InputError: a number is too low, no cluster answers, or no task can start.
        WorkersDied: processes died again and again at the same task; the remaining jobs are not done.
    """
    gpus = gpus_of(tagger.device, gpus)
    check_numbers(workers, cpus, gpus)
    with connected(address, (workers or 0) * cpus):
        resources = {"num_cpus": cpus, "num_gpus": gpus, "scheduling_strategy": "SPREAD"}
        _wait_for_start(resources, cpus, gpus)
        count = workers or max_processes(gpus)
        # Pickled here: arrays that Ray pickles cannot be written to, and the caches of a tagger are written to.
        run = (ray.put(pickle.dumps(_Run(tagger, options, width, str(Path.cwd())))),)
        task = ray.remote(_tag)
        waiting = deque(_batches(jobs, count))
        running: dict[Any, tuple[list[Job], list[Any]]] = {}  # the last result of a task -> its jobs, and all results
        done: tuple[list[Job], list[Any]] = [], []
        try:
            while waiting or running:
                while waiting and len(running) < count:
                    batch = waiting.popleft()
                    given = 1 + sum(job.size for job in batch) // LARGE_FILE
                    named = task.options(num_returns=given, max_retries=RETRIES, **resources)
                    asked = named.remote(run, batch, given)
                    asked = asked if isinstance(asked, list) else [asked]
                    running[asked[-1]] = batch, asked
                yield from _written(*done, output)  # while the next task runs
                (reference, *_), _ = ray.wait(list(running))
                done = running.pop(reference)
            yield from _written(*done, output)
        finally:
            for left in running:
                with suppress(ray.exceptions.RayError):
                    ray.cancel(left, force=True)


def _tag(run: tuple[Any], jobs: Sequence[Job], results: int) -> Iterator[list[_Window]]:
    """The task: tags files.

    Args:
        run: a reference to a pickled `_Run`. It is in a tuple, since Ray replaces a reference by its object.
        jobs: the files.
        results: how many lists to give. No more than one of them is in memory.
    """
    tagger, options, width, folder = _loaded(run)
    with suppress(OSError):  # on a machine that lacks it
        os.chdir(folder)
    size = sum(job.size for job in jobs)
    text = io.StringIO()
    windows: list[_Window] = []
    given = 0
    for step in tag_files(tagger, jobs, options, lambda job: nullcontext(text), width, WINDOW_TOKENS):
        windows.append(_Window(jobs.index(step.job), text.getvalue(), step.words, step.error))
        text.seek(0)
        text.truncate()
        if given + 1 < results and step.read * results >= size * (given + 1):
            yield windows
            windows = []
            given += 1
    yield windows
    for _ in range(given + 1, results):
        yield []


@lru_cache(maxsize=1)
def _loaded(run: tuple[Any]) -> _Run:
    """What a process keeps from one task to the next."""
    collect_rarely()
    found: _Run = pickle.loads(ray.get(run[0]))
    return found


def _written(
    jobs: Sequence[Job], results: list[Any], output: Callable[[Job], AbstractContextManager[TextIO]]
) -> Iterator[Progress]:
    """Writes the outputs of a task."""
    for number, windows in groupby(_fetched(results), lambda window: window.job):
        job, words = jobs[number], 0
        try:
            first = next(windows)
            if first.error is not None:  # before there is an output
                raise first.error
            with output(job) as out:
                for window in chain([first], windows):
                    out.write(window.text)
                    words += window.words
                    if window.error is not None:
                        raise window.error
            yield Progress(job, words, finished=True)
        except WorkersDied:
            raise
        except InputError as error:
            yield Progress(job, error=error)


def _fetched(results: list[Any]) -> Iterator[_Window]:
    """What a task gave. Each result is forgotten before the next one is fetched."""
    results.reverse()
    while results:
        try:
            yield from ray.get(results.pop())
        except ray.exceptions.RayTaskError:
            raise
        except ray.exceptions.RayError as error:
            raise WorkersDied(
                f"{RETRIES + 1} processes of Ray died at the same files, perhaps for lack of memory"
                f" ({type(error).__name__}); try fewer --workers, and go on with --resume"
            ) from None


def _batches(jobs: Sequence[Job], workers: int) -> list[list[Job]]:
    """The files of each task: the large ones alone and first, then small ones, of which every worker gets several."""
    large = [job for job in jobs if job.size >= LARGE_FILE]
    small = [job for job in jobs if job.size < LARGE_FILE]
    limit = min(MAX_BATCH, max(MIN_BATCH, sum(job.size for job in small) // (BATCHES * workers)))
    batches = [[job] for job in sorted(large, key=lambda job: -job.size)]
    size = limit
    for job in small:
        if size + job.size > limit or len(batches[-1]) >= MAX_FILES:
            batches.append([])
            size = 0
        batches[-1].append(job)
        size += job.size
    return batches


def _wait_for_start(resources: dict[str, Any], cpus: float, gpus: float) -> None:
    """Waits until the cluster runs a task.

    Raises:
        InputError: it does not.
    """
    started, _ = ray.wait([ray.remote(_nothing).options(**resources).remote()], timeout=START_SECONDS)
    if not started:
        wanted = f"{cpus:g} CPUs" + (f" and {gpus:g} GPUs" if gpus else "")
        raise InputError(
            f"Ray has started no task within {START_SECONDS} seconds; each needs {wanted}: see ray status, or ask for"
            " less"
        )


def _nothing() -> None:
    pass


def gpus_of(device: str, gpus: float | None) -> float:
    """The GPUs of a process: those that a user names, or 1 if the tagger is on one."""
    if gpus is not None:
        return gpus
    return 1.0 if device.startswith("cuda") else 0.0


def max_processes(gpus: float) -> int:
    """How many processes the cluster has CPUs for, one each, or GPUs."""
    resources = ray.cluster_resources()
    found: float = resources.get("GPU", 0) / gpus if gpus else resources.get("CPU", 0)
    return max(1, math.floor(found))


def check_numbers(actors: int | None, cpus: float, gpus: float | None) -> None:
    """Raises InputError if a number is too low."""
    if actors is not None and actors < 1:
        raise InputError(f"actors={actors}: give at least 1, or None for one per CPU")
    for name, number in (("cpus", cpus), ("gpus", gpus or 0)):
        if number < 0:
            raise InputError(f"{name}={number}: give a number from 0")


@contextmanager
def connected(address: str | None = None, cpus: float = 1.0) -> Iterator[None]:
    """Connects this process to Ray while the block runs, unless it is connected already: then nothing changes.

    What the block started ends with it: a Ray of this machine, or the connection to a cluster. A cluster that was
    there before goes on.

    Args:
        address: `auto` for the cluster that this machine is a node of, `ray://HOST:10001`, `HOST:6379`, or `local` for
            a Ray of this machine that starts now; None: the variable `RAY_ADDRESS`, else `local`.
        cpus: that are needed; a Ray that starts now has at least as many.

    Raises:
        InputError: no cluster answers.
    """
    if ray.is_initialized():
        yield
        return
    address = address or os.environ.get("RAY_ADDRESS") or _LOCAL
    settings: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False}
    if address == _LOCAL:
        # One more than the taggers use: reading and writing blocks of a dataset takes whole CPUs.
        settings |= {"include_dashboard": False, "num_cpus": max(processor_cores(), math.ceil(cpus) + 1)}
    with _no_messages():
        try:
            with _own_signals():
                _check_port(address)
                ray.init(address, **settings)
        except (OSError, ValueError, RuntimeError) as error:
            raise InputError(
                f"no Ray cluster answers at {address} ({reason(error)}); start one with ray start --head, or leave the"
                " address out"
            ) from None
        try:
            yield
        finally:
            ray.shutdown()


def _check_port(address: str) -> None:
    """Raises OSError if nothing listens there. Ray would try for minutes, and print lines of its own."""
    match = _PORT.fullmatch(address)
    if match is not None:
        with socket.create_connection((match["host"], int(match["port"])), timeout=CONNECT_SECONDS):
            pass


@contextmanager
def _own_signals() -> Iterator[None]:
    """After the block, SIGTERM does what it did before; Ray makes it end the process at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _no_messages() -> Iterator[None]:
    """Within the block Ray prints nothing on standard output when a process dies; it has no public switch for that."""
    before = getattr(ray_worker, "_worker_logs_enabled", True)
    ray_worker._worker_logs_enabled = False
    try:
        yield
    finally:
        ray_worker._worker_logs_enabled = before

"""Files -> tagged files, by the processes of a Ray cluster.

Ray repeats the files of a process or machine that dies. Every machine needs the tagger and sees the files under the
same names. A process writes a hidden file and renames it, so a repeated one does no harm.
"""

import json
import logging
import os
import signal
import socket
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tagger.errors import InputError, missing_library, reason
from tagger.jobs.bulk import JobOptions, Step, tag_files
from tagger.jobs.plan import Job
from tagger.model.device import choose_device
from tagger.tagging.tagger import DocumentTagger

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray reads it when it starts; it would report to its makers

try:
    import ray
    from ray.data import ActorPoolStrategy, DataContext
except ModuleNotFoundError as error:
    raise missing_library(error, "ray", "ray") from None

MAX_FILES = 20  # of a task, so that a process that dies loses little


def tag_jobs(
    load: Callable[[], DocumentTagger],
    jobs: Sequence[Job],
    options: JobOptions,
    *,
    workers: int | None = None,
    device: str = "auto",
) -> Generator[Step, None, None]:
    """Tags files in any order; an error in one does not stop the others. Each gives one step, when it is done.

    The cluster is that of the variable `RAY_ADDRESS`, else a Ray of this machine that ends with the run. Every
    process makes its tagger by `load`; Ray reserves a GPU for it if the `device` is one.
    """
    gpus = float(choose_device(device).startswith("cuda"))
    with connected(workers):
        tasks = min(len(jobs), max(-(-len(jobs) // MAX_FILES), 4 * processes_of(workers, gpus)))
        files = ray.data.from_items([{"job": json.dumps(job)} for job in jobs], override_num_blocks=tasks)
        done = files.map(
            FileTagger,
            fn_constructor_args=(load, options, os.getcwd()),
            compute=ActorPoolStrategy(size=min(tasks, processes_of(workers, gpus))),
            num_gpus=gpus or None,
        )
        for row in done.iter_rows():
            error = InputError(row["error"]) if row["error"] else None
            yield Step(_job(row), row["words"], finished=error is None, error=error)


class FileTagger:
    """What a process of `map` calls: a file is tagged into its output."""

    def __init__(self, load: Callable[[], DocumentTagger], options: JobOptions, folder: str) -> None:
        """Loads the tagger. Names of files may be relative to `folder`."""
        os.chdir(folder)
        self._tagger, self._options = load(), options

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Tags a file; the result has the number of its words, and why it could not be tagged."""
        words, error = 0, ""
        for step in tag_files(self._tagger, [_job(row)], self._options):
            words, error = words + step.words, "" if step.error is None else str(step.error)
        return {"job": row["job"], "words": words, "error": error}


def _job(row: dict[str, Any]) -> Job:
    """The job of a row; JSON has no tuples."""
    fields: list[Any] = json.loads(row["job"])
    return Job._make(tuple(value) if isinstance(value, list) else value for value in fields)


def processes_of(workers: int | None, gpus: float) -> int:
    """As many as a user wants, else one per CPU of the cluster, or per GPU."""
    return workers or max(1, int(ray.cluster_resources().get("GPU" if gpus else "CPU", 0)))


@contextmanager
def connected(workers: int | None) -> Iterator[None]:
    """Connects this process to Ray while the block runs, unless it is connected already: then nothing changes."""
    if ray.is_initialized():
        yield
        return
    address = os.environ.get("RAY_ADDRESS", "local")
    settings: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False}
    if address == "local":  # Ray's own tasks need a CPU, too
        settings |= {"include_dashboard": False, "num_cpus": max(os.cpu_count() or 1, workers or 1) + 1}
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    DataContext.get_current().enable_progress_bars = False
    before = signal.getsignal(signal.SIGTERM)
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        if port.isdecimal():  # Ray would try for minutes
            socket.create_connection((host, int(port)), timeout=10).close()
        ray.init(address, **settings)
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(
            f"no Ray cluster answers at {address} ({reason(error)}); set RAY_ADDRESS to one, or unset it"
        ) from None
    finally:
        signal.signal(signal.SIGTERM, before)  # Ray would end the process at once
    try:
        yield
    finally:
        ray.shutdown()

"""Files -> tagged files, and datasets of Ray Data -> the same with columns of tags, on one machine or on a cluster.

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
from copy import copy
from pathlib import Path
from typing import Any

from tagger.adapters.batches import BatchTagger
from tagger.bundle.catalog import DEFAULT
from tagger.errors import InputError, missing_library, reason, shorten
from tagger.jobs.bulk import Options, Progress, tag_files
from tagger.jobs.jobs import Job
from tagger.jobs.outputs import Outputs
from tagger.model.device import choose_device, choose_precision
from tagger.tagging.document_tagger import DocumentTagger

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray reads it when it starts; it would report to its makers

try:
    import pyarrow
    import ray
    from ray.data import ActorPoolStrategy, DataContext, Dataset
except ModuleNotFoundError as error:
    raise missing_library(error, "ray", "ray") from None

BATCH_ROWS = 256
MAX_FILES = 20  # of a task, so that a process that dies loses little


def tag_jobs(
    load: Callable[[], DocumentTagger],
    jobs: Sequence[Job],
    options: Options,
    outputs: Outputs,
    width: int = 80,
    *,
    workers: int | None = None,
    device: str = "auto",
) -> Generator[Progress, None, None]:
    """Tags files in any order; an error in one does not stop the others. Each gives one step, when it is done.

    The cluster is that of the variable `RAY_ADDRESS`, else a Ray of this machine that ends with the run. Every
    process makes its tagger by `load` and opens outputs by `outputs`; Ray reserves a GPU for it if the `device` is one.
    """
    gpus = float(choose_device(device).startswith("cuda"))
    outputs = copy(outputs)
    outputs.pending, outputs.foreign = [], []  # which are long; processes need how an output is opened
    with _connected(workers):
        tasks = min(len(jobs), max(-(-len(jobs) // MAX_FILES), 4 * _processes(workers, gpus)))
        files = ray.data.from_items([{"job": json.dumps(job)} for job in jobs], override_num_blocks=tasks)
        done = files.map(
            FileTagger,
            fn_constructor_args=(load, options, outputs, width, os.getcwd()),
            compute=ActorPoolStrategy(size=min(tasks, _processes(workers, gpus))),
            num_gpus=gpus or None,
        )
        for row in done.iter_rows():
            error = InputError(row["error"]) if row["error"] else None
            yield Progress(Job(*json.loads(row["job"])), row["words"], finished=error is None, error=error)


class FileTagger:
    """What a process of `map` calls: a file is tagged into its output."""

    def __init__(
        self, load: Callable[[], DocumentTagger], options: Options, outputs: Outputs, width: int, folder: str
    ) -> None:
        """Loads the tagger. Names of files may be relative to `folder`."""
        os.chdir(folder)
        self._tagger, self._options, self._outputs, self._width = load(), options, outputs, width
        outputs.part = f"ray-{socket.gethostname()}-{os.getpid()}"

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Tags a file; the result has the number of its words, and why it could not be tagged."""
        job, words, error = Job(*json.loads(row["job"])), 0, ""
        for step in tag_files(self._tagger, [job], self._options, self._outputs.open, self._width):
            words, error = words + step.words, "" if step.error is None else str(step.error)
        return {"job": row["job"], "words": words, "error": error}


def _processes(workers: int | None, gpus: float) -> int:
    """As many as a user wants, else one per CPU of the cluster, or per GPU."""
    return workers or max(1, int(ray.cluster_resources().get("GPU" if gpus else "CPU", 0)))


@contextmanager
def _connected(workers: int | None) -> Iterator[None]:
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


def tag_dataset(
    dataset: Dataset,
    model: str | Path = DEFAULT,
    column: str = "text",
    *,
    tags: Sequence[str] | None = None,
    probabilities: bool = False,
    device: str = "auto",
    precision: str = "auto",
    workers: int | None = None,
    batch_size: int = BATCH_ROWS,
) -> Dataset:
    """Adds columns with the tags of a column's texts, or of its lists of tokens; see `BatchTagger` for them.

    Like all of Ray Data this computes nothing until the result is read or written. Blocks are tagged as they come, so
    rows may change their order unless `preserve_order` of Ray Data's `ExecutionOptions` is set.

    Args:
        dataset: with texts, or with lists of tokens.
        model: see `tagger.load`, also for `device` and `precision`. Its files are sent to the processes.
        column: whose values are tagged.
        tags: the kinds of tags, such as `upos`; None: all that the tagger has.
        probabilities: whether to add columns of probabilities (`upos_probabilities`).
        device: `auto` looks at this machine.
        precision: likewise.
        workers: processes; None: as many as Ray finds useful, up to one per CPU of the cluster, or per GPU.
        batch_size: rows that are tagged together.
    """
    device = choose_device(device)
    used = choose_precision(precision, device)
    gpus = float(device.startswith("cuda"))
    batches = BatchTagger(model, column, tags=tags, probabilities=probabilities, device=device, precision=used)
    return dataset.map_batches(
        TableTagger,
        fn_constructor_args=(batches,),
        batch_format="pyarrow",
        batch_size=batch_size,
        compute=ActorPoolStrategy(min_size=1, max_size=_processes(workers, gpus)),
        num_gpus=gpus or None,
    )


class TableTagger:
    """What a process of `map_batches` calls: a table comes in, the same with more columns goes out."""

    def __init__(self, batches: BatchTagger) -> None:
        """Loads the tagger."""
        self._batches = batches
        batches.tagger  # noqa: B018

    def __call__(self, table: pyarrow.Table) -> pyarrow.Table:
        """The table with the new columns."""
        name = self._batches.column
        self._batches.check(table.column_names)
        column = table.column(name)
        kind = _type(column.type, name)
        for added, values in self._batches.columns(column.to_pylist()).items():
            if added in table.column_names:
                raise InputError(f"there is a column {shorten(added)} already; rename it, or leave it out")
            of_values = kind(pyarrow.float64() if self._batches.has_numbers(added) else pyarrow.string())
            table = table.append_column(added, pyarrow.array(values, of_values))
        return table


def _type(given: Any, name: str) -> Any:
    """A function from the type of a tag to that of a column of tags, given the type of the column that is tagged."""
    types = pyarrow.types
    if types.is_null(given):
        return lambda part: pyarrow.null()
    if types.is_string(given) or types.is_large_string(given) or types.is_string_view(given):
        return lambda part: pyarrow.list_(pyarrow.list_(part))
    if types.is_list(given) or types.is_large_list(given):
        return pyarrow.list_
    raise InputError(f"the column {shorten(name)} has values of the type {given}; texts and lists of tokens are tagged")

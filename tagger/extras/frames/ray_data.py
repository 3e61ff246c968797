"""Datasets of Ray Data -> the same with columns of tags, on one machine or on a cluster."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tagger.errors import InputError, missing_library, shorten
from tagger.extras.frames.batch_tagger import BatchTagger
from tagger.model.device import choose_device, choose_precision

try:
    import pyarrow
    import ray
    from ray.data import ActorPoolStrategy, Dataset
except ModuleNotFoundError as error:
    raise missing_library(error, "ray", "ray") from None

BATCH_ROWS = 256


def tag_dataset(
    dataset: Dataset,
    model: str | Path | None = None,
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
        model: one whose folder all machines see; None: those of all languages.
        device: `auto` looks at this machine, as does that of `precision`.
        workers: processes; None: as many as Ray finds useful, up to one per CPU of the cluster, or per GPU.
        batch_size: rows that are tagged together.
    """
    device = choose_device(device)
    used = choose_precision(precision, device)
    gpus = float(device.startswith("cuda"))
    processes = workers or max(1, int(ray.cluster_resources().get("GPU" if gpus else "CPU", 0)))
    batches = BatchTagger(model, column, tags=tags, probabilities=probabilities, device=device, precision=used)
    return dataset.map_batches(
        TableTagger,
        fn_constructor_args=(batches,),
        batch_format="pyarrow",
        batch_size=batch_size,
        compute=ActorPoolStrategy(min_size=1, max_size=processes),
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

"""A dataset of Ray Data -> the same with columns of tokens and tags, added by a pool of actors as its blocks come."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow

from tagger.adapters.batches import PROBABILITIES, BatchTagger
from tagger.adapters.ray_cluster import ray
from tagger.errors import InputError, shorten
from tagger.tagging.devices import choose_device, choose_precision
from tagger.weights.catalog import DEFAULT

if TYPE_CHECKING:
    from ray.data import Dataset

CPUS = 0.5  # of an actor. It computes all the time, but the tasks that read blocks need whole CPUs beside it
BATCH_ROWS = 256


def tag_dataset(
    dataset: "Dataset",
    model: str | Path = DEFAULT,
    column: str = "text",
    *,
    tags: Sequence[str] | None = None,
    probabilities: bool = False,
    device: str = "auto",
    precision: str = "auto",
    actors: int | None = None,
    cpus: float = CPUS,
    gpus: float | None = None,
    batch_size: int = BATCH_ROWS,
) -> "Dataset":
    """Adds columns with the tags of a column's texts, or of its lists of tokens; see `BatchTagger` for them.

    Like all of Ray Data this computes nothing until the result is read or written. Blocks are tagged as they come.

    Args:
        dataset: with texts, or with lists of tokens.
        model: see `tagger.load`. Its files are sent to the actors.
        column: whose values are tagged.
        tags: the kinds of tags, such as `upos`; None: all that the tagger has.
        probabilities: whether to add columns of probabilities (`upos_probabilities`).
        device: see `tagger.load`; `auto` looks at this machine.
        precision: see `tagger.load`; likewise.
        actors: None: as many as Ray finds useful, up to one per CPU of the cluster, or per GPU.
        cpus: that Ray reserves for an actor.
        gpus: that Ray reserves for an actor; None: 1 if the tagger is on a GPU. A part lets actors share one.
        batch_size: rows that are tagged together.

    Raises:
        InputError: there is no such model or device. What is wrong with the column or a value is raised when the
            result is read.
    """
    device = choose_device(device)
    used = choose_precision(precision, device)
    batches = BatchTagger(model, column, tags=tags, probabilities=probabilities, device=device, precision=used)
    gpus = (1.0 if device.startswith("cuda") else 0.0) if gpus is None else gpus
    resources = ray.cluster_resources()
    most = int(resources.get("GPU", 0) / gpus if gpus else resources.get("CPU", 0))
    pool = {"min_size": 1, "max_size": max(1, most)} if actors is None else {"size": actors}
    return dataset.map_batches(
        TableTagger,
        fn_constructor_args=(batches,),
        batch_format="pyarrow",
        batch_size=batch_size,
        compute=ray.data.ActorPoolStrategy(**pool),
        num_cpus=cpus,
        num_gpus=gpus or None,
    )


class TableTagger:
    """An actor's function: a table comes in, the same with more columns goes out."""

    def __init__(self, batches: BatchTagger) -> None:
        """Loads the tagger."""
        self._batches = batches
        batches.tagger  # noqa: B018

    def __call__(self, table: pyarrow.Table) -> pyarrow.Table:
        """The table with the new columns.

        Raises:
            InputError: see `BatchTagger`; the table has a column of that name already.
        """
        name = self._batches.column
        if name not in table.column_names:
            raise InputError(
                f"there is no column {shorten(name)}; there are {', '.join(map(repr, table.column_names))}"
            )
        column = table.column(name)
        kind = _type(column.type, name)
        for added, values in self._batches.columns(column.to_pylist()).items():
            if added in table.column_names:
                raise InputError(f"there is a column {shorten(added)} already; rename it, or leave it out")
            of_values = kind(pyarrow.float64() if added.endswith(PROBABILITIES) else pyarrow.string())
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

"""A dataset of Ray Data -> the same with columns of tokens and tags, added by a pool of actors as its blocks come."""

from typing import TYPE_CHECKING, Any

import pyarrow

from tagger.adapters.ray_cluster import Pool, ray
from tagger.errors import InputError, shorten

if TYPE_CHECKING:
    from ray.data import Dataset

    from tagger.adapters.batches import BatchTagger


def map_batches(dataset: "Dataset", batches: "BatchTagger", pool: Pool, batch_size: int) -> "Dataset":
    """Adds the columns of a `BatchTagger`. Nothing is computed until the result is read or written."""
    resources = ray.cluster_resources()
    gpus = pool.gpus_of(batches.device)
    most = int(resources.get("GPU", 0) / gpus if gpus else resources.get("CPU", 0))
    sizes = {"min_size": 1, "max_size": max(1, most)} if pool.actors is None else {"size": pool.actors}
    return dataset.map_batches(
        TableTagger,
        fn_constructor_args=(batches,),
        batch_format="pyarrow",
        batch_size=batch_size,
        compute=ray.data.ActorPoolStrategy(**sizes),
        num_cpus=pool.cpus,
        num_gpus=gpus or None,
    )


class TableTagger:
    """An actor's function: a table comes in, the same with more columns goes out."""

    def __init__(self, batches: "BatchTagger") -> None:
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

"""The sentences that a reader yields -> an Arrow file in the cache of `datasets`."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import datasets
import numpy as np
import pyarrow.compute as pc
from datasets import Dataset, Features, List, Value
from datasets.exceptions import DatasetGenerationError

from tagger.errors import InputError
from tagger.text.sentence import Sentence
from tagger.text.strings import NO_TAG

SPACING = {  # what is kept of a sentence to rebuild its text
    "text": Value("string"),
    "multiwords": List({"start": Value("int32"), "stop": Value("int32"), "form": Value("string")}),
    "space_after": List(Value("bool")),
}
FACT_COLUMNS = ("xpos", "feats")  # kept of every corpus that has them, also if the tagger does not learn them
CACHE_VERSION = 5  # of the Arrow files; raise it when a reader changes what it yields for the same file

Reader = Callable[..., Iterator[Sentence]]
"""Plain arguments to the sentences of a split."""


def to_arrow(
    read: Reader,
    arguments: dict[str, Any],
    columns: Sequence[str],
    source: str,
    version: tuple[Any, ...] = (),
) -> Dataset:
    """Stores the sentences of `read(**arguments)` in an Arrow file of the cache, unless it is there already.

    A row has `tokens`, the tag columns, `FACT_COLUMNS` (empty lists where a sentence does not have them),
    `comments` and, as in `Sentence`, `text`, `multiwords` and `space_after`. If several processes want the same file at
    the same time, one writes it and the others wait.

    Args:
        arguments: of `read`; the file's name in the cache depends on them, and on `version` of the source.
        columns: the tag columns to keep.
        source: the file or data set, for messages.
    """
    datasets.disable_progress_bars()
    lists = ("tokens", *columns, *FACT_COLUMNS, "comments")
    features = Features(dict.fromkeys(lists, List(Value("string"))) | SPACING)
    inputs = {
        "read": read,
        "arguments": arguments,
        "columns": tuple(columns),  # `datasets` would distribute the items of a list over processes
        "source": source,
        "version": (CACHE_VERSION, *version),
    }
    try:
        return Dataset.from_generator(_rows, features=features, gen_kwargs=inputs)
    except (DatasetGenerationError, OSError) as error:
        cause = error.__cause__ or error
        if isinstance(cause, InputError):
            raise cause from None
        if isinstance(cause, OSError):
            folder = datasets.config.HF_DATASETS_CACHE
            raise InputError(f"{folder}: {cause}; set HF_DATASETS_CACHE to a folder with room for {source}") from None
        raise


def _rows(
    read: Reader,
    arguments: dict[str, Any],
    columns: tuple[str, ...],
    source: str,
    version: object,
) -> Iterator[dict[str, Any]]:
    """Yields a row for each sentence that has tokens; `version` only tells files in the cache apart."""
    empty = True
    for sentence in read(**arguments):
        if not sentence.tokens:
            continue
        empty = False
        values = {"tokens": sentence.tokens} | {column: sentence.tags.get(column, []) for column in FACT_COLUMNS}
        values |= {column: sentence.tags[column] for column in columns}
        row = {name: [value or NO_TAG for value in strings] for name, strings in values.items()}
        yield row | {
            "comments": sentence.comments,
            "text": sentence.text,
            "multiwords": [token._asdict() for token in sentence.multiwords],
            "space_after": sentence.space_after,
        }
    if empty:
        raise InputError(f"{source} holds no words; a corpus needs at least one sentence")


def tagged_columns(sentences: Dataset, columns: Iterable[str]) -> list[str]:
    """Those of the columns in which some sentence has a tag."""
    found = []
    for column in columns:
        chunks = sentences.data.column(column).chunks
        if any(set(pc.unique(chunk.flatten()).to_pylist()) - {NO_TAG} for chunk in chunks):
            found.append(column)
    return found


def token_counts(sentences: Dataset) -> np.ndarray:
    """(N,) the number of tokens of each sentence; reads 10,000 sentences at a time."""
    parts = sentences.select_columns(["tokens"]).with_format("arrow").iter(10_000)
    return np.concatenate([np.diff(part["tokens"].combine_chunks().offsets.to_numpy()) for part in parts])

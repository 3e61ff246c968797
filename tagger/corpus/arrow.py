"""Sentences of a reader -> an Arrow file in the cache of `datasets`."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import datasets
from datasets import Dataset, Features, List, Value
from datasets.exceptions import DatasetGenerationError

from tagger.errors import InputError
from tagger.text.sentence import NO_TAG, Sentence

FORMAT = 2  # of the Arrow files; count up when a reader comes to yield something else for the same file

Reader = Callable[..., Iterator[Sentence]]


def stored(
    read: Reader,
    arguments: dict[str, Any],
    columns: Sequence[str],
    source: str,
    split: str,
    version: tuple[Any, ...] = (),
) -> Dataset:
    """The sentences of `read(**arguments)` in an Arrow file, from the cache if they are there.

    Of processes that want the same file at the same time one writes it and the others wait.
    """
    datasets.disable_progress_bars()
    features = Features(dict.fromkeys(("tokens", *columns, "comments"), List(Value("string"))))
    inputs = {
        "read": read,
        "arguments": arguments,
        "columns": tuple(columns),  # a list would be taken for shards
        "source": source,
        "tagged": split == "train",  # that others have no tags in a column is for the report to say
        "version": (FORMAT, *version),
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
    read: Reader, arguments: dict[str, Any], columns: tuple[str, ...], source: str, tagged: bool, version: object
) -> Iterator[dict[str, list[str]]]:
    """Yields a row for each sentence with tokens; `version` is for the cache alone."""
    empty = True
    used: set[str] = set()
    for sentence in read(**arguments):
        if not sentence.tokens:
            continue
        empty = False
        for column, tags in sentence.tags.items():
            if column not in used and any(tag and tag != NO_TAG for tag in tags):
                used.add(column)
        values = {"tokens": sentence.tokens} | {column: sentence.tags[column] for column in columns}
        row = {name: [value or NO_TAG for value in strings] for name, strings in values.items()}
        yield row | {"comments": sentence.comments}
    if empty:
        raise InputError(f"{source} holds no words; a corpus needs at least one sentence")
    for column in columns:
        if tagged and column not in used:
            others = f"choose from those that have: columns=[{','.join(sorted(used))}]" if used else "no column has any"
            raise InputError(f"{source}: column {column} has no tags, all are _ or empty; {others}")

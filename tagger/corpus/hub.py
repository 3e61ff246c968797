"""Data sets of the Hugging Face Hub, of every generation -> sentences."""

import ast
import logging
import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import datasets
from datasets import ClassLabel, Dataset, DatasetDict, Features
from datasets.fingerprint import Hasher
from huggingface_hub.utils.tqdm import disable_progress_bars as disable_hub_progress_bars

from tagger.errors import InputError
from tagger.text.files import file_version
from tagger.text.sentence import NO_TAG, Sentence

PARQUET_EXPORT = "refs/convert/parquet"  # the Hub's own conversion of a data set: a folder for each config


def load_hub(name: str, config: str | None, revision: str | None) -> DatasetDict:
    """`load_dataset`, silent, with one-line errors."""
    datasets.disable_progress_bars()
    disable_hub_progress_bars()
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # else a line for each attempt to connect
    path = os.path.expanduser(name)
    options = {"revision": revision, "data_dir" if revision == PARQUET_EXPORT else "name": config}
    if os.path.isdir(path):  # `datasets` alone does not see that a file in it changed
        versions = Hasher.hash([file_version(file) for file in sorted(Path(path).rglob("*")) if file.is_file()])
        options["cache_dir"] = os.path.join(datasets.config.HF_DATASETS_CACHE, f"folder-{versions}")
    try:
        return datasets.load_dataset(path, **options)
    except ConnectionError as error:
        remedy = "connect to the internet, or give a local folder of its Parquet files as corpus.name"
        raise InputError(f"{name} cannot be fetched ({error}); {remedy}") from None
    except Exception as error:  # what can be wrong with other people's data has no common type
        reason = " ".join(str(error).split())[:300]
        raise InputError(f"{name}: {reason}; check corpus.name, corpus.config and corpus.revision") from None


def holds_strings(feature: Any) -> bool:
    """Whether a column holds lists of strings or of class labels."""
    item = getattr(feature, "feature", None)
    return isinstance(item, ClassLabel) or getattr(item, "dtype", None) in ("string", "large_string")


def hub_sentences(data: Dataset, source: str, places: dict[str, str]) -> Iterator[Sentence]:
    """Yields the sentences of a split.

    Args:
        data: the split.
        source: its name, for error messages.
        places: for `tokens` and each of our tag columns the data set's own column.

    Raises:
        InputError: a row whose columns differ in length.
    """
    mark = _word_mark(data.features)
    needed = sorted({*places.values(), *([mark] if mark else [])})
    labels = {place: getattr(data.features[place].feature, "names", None) for place in needed}
    for number, row in enumerate(data.select_columns(needed)):
        cells: dict[str, list[Any]] = {place: row[place] or [] for place in needed}
        size = len(cells[places["tokens"]])
        for place, names in labels.items():
            if len(cells[place]) != size:
                count = f"{len(cells[place])} values of {place} for {size} words"
                raise InputError(f"{source}, row {number}: {count}; repair the data or leave the column out")
            if names:
                cells[place] = [NO_TAG if v is None or v < 0 else names[v] for v in cells[place]]
        kept = [i for i in range(size) if not mark or cells[mark][i] not in (None, "None", NO_TAG)]
        values = {column: [cells[place][i] for i in kept] for column, place in places.items()}
        if "feats" in values:
            values["feats"] = list(map(_feats, values["feats"]))
        yield Sentence(values.pop("tokens"), values)


def _word_mark(features: Features) -> str | None:
    """The column that has no value for what is no word: multiword tokens and empty nodes.

    Older releases of Universal Dependencies have them among the words. Their sign is the class label
    `_` of UPOS; what is no word has no head or, where there are no heads, that label.
    """
    labels = getattr(getattr(features.get("upos"), "feature", None), "names", [])
    if NO_TAG not in labels:
        return None
    return "head" if hasattr(features.get("head"), "feature") else "upos"


@lru_cache(1 << 16)
def _feats(value: str | None) -> str:
    """FEATS as CoNLL-U writes them, from that or from the text of a Python dict."""
    if value is None or value == "None":
        return NO_TAG
    try:
        pairs = ast.literal_eval(value) if value.startswith("{") else None
    except (ValueError, SyntaxError):
        pairs = None
    return "|".join(f"{name}={setting}" for name, setting in pairs.items()) if isinstance(pairs, dict) else value


def stream_hub(name: str, config: str | None, split: str, column: str) -> Iterator[str]:
    """Yields the texts of a column of a data set, as they come over the line.

    Raises:
        InputError: it cannot be fetched, or has no such column of strings.
    """
    datasets.disable_progress_bars()
    disable_hub_progress_bars()
    try:
        rows = datasets.load_dataset(os.path.expanduser(name), config, split=split, streaming=True)
        for number, row in enumerate(rows):
            if not isinstance(row.get(column), str):
                raise InputError(
                    f"{name}, row {number}: no text in column {column}; set hub.column to one of {', '.join(row)}"
                )
            yield row[column]
    except InputError:
        raise
    except Exception as error:  # what can be wrong with other people's data has no common type
        reason = " ".join(str(error).split())[:300]
        raise InputError(f"{name}: {reason}; check hub.name, hub.config and hub.split") from None

"""Several corpora -> one, each of whose sentences names its corpus; and that one -> its parts."""

import dataclasses
import os
from collections.abc import Sequence
from typing import Any

import datasets
import numpy as np
from datasets import Dataset, DatasetDict

from tagger.corpus.config import CorpusConfig, FilesConfig
from tagger.corpus.splits import Corpus
from tagger.errors import InputError, shorten
from tagger.text.start_folder import located_name

CORPUS = "corpus"  # the column that names a sentence's corpus


def single_configs(config: CorpusConfig) -> list[CorpusConfig]:
    """The configs of the single corpora of a config: itself, or one for each value of its list.

    Raises:
        InputError: the list is empty, holds other values than strings or one twice; or single files are named beside
            several folders.
    """
    key = config.list_key
    values = getattr(config, key) if key else None
    if not isinstance(values, list):
        if values is not None and not isinstance(values, str):
            raise InputError(f"corpus.{key}={shorten(str(values))[1:-1]}: give a name, or a list of several")
        return [config]
    if not values or not all(isinstance(value, str) and value for value in values):
        raise InputError(f"corpus.{key}=[{', '.join(map(str, values))}]: give a list of names, such as [A,B]")
    known: set[str] = set()
    for value in values:
        place = located_name(value)
        same = os.path.realpath(place) if os.path.exists(place) else value
        if same in known:
            raise InputError(f"corpus.{key}: {shorten(value)} is there twice; name every corpus once")
        known.add(same)
    if len(values) > 1 and isinstance(config, FilesConfig):
        for split in ("train", "dev", "test"):
            if (file := getattr(config, split)) is not None:
                raise InputError(f"corpus.{split}={file}: with several folders each has files of its own; leave it out")
    return [dataclasses.replace(config, **{str(key): value}) for value in values]


def joined(corpora: Sequence[Corpus]) -> Corpus:
    """The corpora as one, whose rows have one more column, `CORPUS`. A single corpus stays as it is.

    A split consists of those of all corpora that have it, in order. Tags of the same name are the same tag.

    Raises:
        InputError: two corpora have the same name.
    """
    if len(corpora) == 1:
        return corpora[0]
    names = [corpus.name for corpus in corpora]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"two corpora are called {shorten(name)}; give one of the folders another name")
    splits = DatasetDict()
    for split in ("train", "dev", "test"):
        parts = [_named(corpus.splits[split], corpus.name) for corpus in corpora if split in corpus.splits]
        if parts:
            splits[split] = datasets.concatenate_datasets(parts)
    rules = {corpus.rules for corpus in corpora}
    return Corpus(" + ".join(names), splits, rules.pop() if len(rules) == 1 else "unicode", tuple(names))


def by_corpus(split: Dataset) -> dict[str, Dataset]:
    """The parts of a split of several corpora, by the names of these; of one corpus nothing but the split as ``."""
    if CORPUS not in split.column_names:
        return {"": split}
    names = corpus_names(split)
    return {name: split.select(np.flatnonzero(names == name)) for name in dict.fromkeys(names.tolist())}


def corpus_names(split: Dataset) -> np.ndarray:
    """(N,) the name of the corpus of each sentence of a split of several corpora."""
    return np.array(split[CORPUS][:])


def _named(data: Dataset, name: str) -> Dataset:
    column: Any = [name] * len(data)
    return data.add_column(CORPUS, column)

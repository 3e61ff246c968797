"""Sentences kept on disk as rows of `datasets`; the splits of a corpus; several corpora as one that names each.

What a reader yields is written to an Arrow file in the cache of `datasets`, so that a corpus of any size fits into
memory.
"""

import logging
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Any

import datasets
import numpy as np
import pyarrow.compute as pc
from datasets import Dataset, DatasetDict, Features, List, Value
from datasets.exceptions import DatasetGenerationError

from tagger.corpus.corpus_config import CORPUS, CorpusConfig
from tagger.errors import InputError, shorten
from tagger.text.sentence import MultiwordToken, Sentence
from tagger.text.spacing import JUDGED, gold_paragraphs, has_spacing
from tagger.text.strings import NO_TAG

ENGLISH_NAME = re.compile(r"english|(?<![a-z])en_|conll200[03]", re.IGNORECASE)
SPLIT_SEED = 1  # of the shuffle; trainings with other seeds are compared on the same dev split
SPACING = {  # what is kept of a sentence to rebuild its text
    "text": Value("string"),
    "multiwords": List({"start": Value("int32"), "stop": Value("int32"), "form": Value("string")}),
    "space_after": List(Value("bool")),
}
AUXILIARY_COLUMNS = ("xpos", "feats")  # kept of every corpus that has them, also if the tagger does not learn them
CACHE_VERSION = 5  # of the Arrow files; raise it when a reader changes what it yields for the same file

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Corpus:
    """The sentences to train, tune and test on.

    Attributes:
        name: for model cards and logs (`UD_English-EWT`).
        splits: `train`, perhaps `test`, and, after `with_dev`, `dev`. Each row is a sentence with the columns `tokens`,
            `comments` (as in CoNLL-U) and one for each tag column, all lists of strings, and those of `SPACING`.
        rules: the rules of `tagger.words.segment` that cut raw text like the corpus: `english` or `unicode`.
        parts: the names of the corpora that were joined; none if it is a single one.
    """

    name: str
    splits: DatasetDict
    rules: str
    parts: tuple[str, ...] = ()

    @cached_property
    def spaced(self) -> dict[str, dict[str, Dataset]]:
        """For each split those parts (see `by_corpus`) that say where their text has spaces."""
        found: dict[str, dict[str, Dataset]] = {split: {} for split in self.splits}
        for split, data in self.splits.items():
            for name, part in by_corpus(data).items():
                first = list(islice(gold_sentences(part, []), JUDGED))
                if has_spacing(first) and any(True for _ in gold_paragraphs(first, skip=True)):
                    found[split][name] = part
        return found


def rules_for(*names: str) -> str:
    """The rules for raw text like that of a corpus: `english` if one of its names says that it is English."""
    return "english" if any(ENGLISH_NAME.search(name) for name in names) else "unicode"


def check_columns(columns: Sequence[str], known: Mapping[str, object], where: str) -> None:
    """Raises InputError for a column that is not in `known`; `where` says whose columns these are."""
    for column in columns:
        if column not in known:
            tags = ", ".join(name for name in known if name != "tokens") or "none"
            raise InputError(f"no column {shorten(column)} (the tag columns are: {tags}) in {where}")


def with_dev(corpus: Corpus, splitting: CorpusConfig) -> Corpus:
    """A corpus with a dev split: its own, a share of train, or a fold; the same on every machine, for every seed."""
    name, splits = corpus.name, corpus.splits
    train, dev, folds, fold = splits["train"], splits.get("dev"), splitting.folds, splitting.fold
    if folds is not None or fold is not None:
        whole = datasets.concatenate_datasets([train] if dev is None else [train, dev])
        if folds is None or not 2 <= folds <= len(whole):
            raise InputError(f"corpus.folds is {folds}; {name} can be cut into 2 to {len(whole)} parts")
        if fold is None or not 0 <= fold < folds:
            raise InputError(f"corpus.fold is {fold}; with corpus.folds={folds} it is a number from 0 to {folds - 1}")
        train, dev = _cut(whole, slice(fold, None, folds))
        _log.info("%s: fold %d of %d, %d sentences, is dev; train has %d", name, fold, folds, len(dev), len(train))
    elif dev is None:
        if len(train) < 2:
            raise InputError(f"{name} has one sentence and no dev split; give corpus.dev=FILE, or more sentences")
        count = min(max(round(splitting.dev_share * len(train)), 1), len(train) - 1)
        train, dev = _cut(train, slice(count))
        _log.info("%s has no dev split: %d sentences of train become dev, %d stay", name, len(dev), len(train))
    return replace(corpus, splits=DatasetDict({**splits, "train": train, "dev": dev}))


def _cut(data: Dataset, part: slice) -> tuple[Dataset, Dataset]:
    """Returns the sentences outside `part` of a shuffled list and those in it, both in their original order."""
    order = list(range(len(data)))
    random.Random(SPLIT_SEED).shuffle(order)
    taken = sorted(order[part])
    del order[part]
    return data.select(sorted(order)), data.select(taken)


def joined(corpora: Sequence[Corpus]) -> Corpus:
    """The corpora as one, whose rows have one more column, `CORPUS`. A single corpus stays as it is.

    A split consists of those of all corpora that have it, in order. Tags of the same name are the same tag.
    """
    if len(corpora) == 1:
        return corpora[0]
    names = [corpus.name for corpus in corpora]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"two corpora are called {shorten(name)}; give one of the folders another name")
    splits = DatasetDict()
    for split in ("train", "dev", "test"):
        parts = [_named(corpus, split) for corpus in corpora if split in corpus.splits]
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


def _named(corpus: Corpus, split: str) -> Dataset:
    """A split with the name of its corpus. If train has no FEATS at all, `_` does not mean "no features"."""
    data = corpus.splits[split]
    if "feats" in data.column_names and not tagged_columns(corpus.splits["train"], ["feats"]):
        nothing: Any = [[""] * count for count in token_counts(data).tolist()]
        data = data.remove_columns("feats").add_column("feats", nothing, feature=data.features["feats"])
    names: Any = [corpus.name] * len(data)
    return data.add_column(CORPUS, names)


Reader = Callable[..., Iterator[Sentence]]
"""Plain arguments to the sentences of a split."""


def to_arrow(
    read: Reader, arguments: dict[str, Any], columns: Sequence[str], source: str, version: tuple[Any, ...] = ()
) -> Dataset:
    """Stores the sentences of `read(**arguments)` in an Arrow file of the cache, unless it is there already.

    A row has `tokens`, the tag columns, `AUXILIARY_COLUMNS` (empty lists where a sentence does not have them),
    `comments` and, as in `Sentence`, `text`, `multiwords` and `space_after`. The file's name in the cache depends on
    the arguments, and on the `version` of the source. If several processes want the same file at the same time, one
    writes it and the others wait.
    """
    datasets.disable_progress_bars()
    lists = ("tokens", *columns, *AUXILIARY_COLUMNS, "comments")
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
    read: Reader, arguments: dict[str, Any], columns: tuple[str, ...], source: str, version: object
) -> Iterator[dict[str, Any]]:
    """Yields a row for each sentence that has tokens; `version` only tells files in the cache apart."""
    empty = True
    for sentence in read(**arguments):
        if not sentence.tokens:
            continue
        empty = False
        values = {"tokens": sentence.tokens} | {column: sentence.tags.get(column, []) for column in AUXILIARY_COLUMNS}
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


def gold_sentences(rows: Dataset, columns: Iterable[str]) -> Iterator[Sentence]:
    """The rows as sentences with the tags of those of these columns that they have."""
    there = [column for column in columns if column in rows.column_names]
    for row in rows:
        yield Sentence(
            row["tokens"],
            {column: row[column] for column in there},
            text=row["text"],
            comments=row["comments"],
            multiwords=[MultiwordToken(**token) for token in row["multiwords"]],
            space_after=row["space_after"],
        )

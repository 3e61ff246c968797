"""The splits of a corpus: its own, a held-out share, or folds."""

import logging
import random
from collections.abc import Mapping
from typing import NamedTuple, NotRequired, TypedDict

import datasets
from datasets import Dataset, DatasetDict

from tagger.errors import InputError

_log = logging.getLogger(__name__)


class Corpus(NamedTuple):
    """The sentences to train, tune and test on.

    Attributes:
        name: for model cards and logs (`UD_English-EWT`).
        splits: `train`, `dev` and, where there is one, `test`. Each row is a sentence: `tokens`, the
            tags in a column for each tag column, `comments` as in CoNLL-U; all are lists of strings.
        rules: those of `tagger.segment` that cut raw text best: `english` where a name says that it is English.
    """

    name: str
    splits: DatasetDict
    rules: str = "unicode"


class Splitting(TypedDict):
    """How dev is made; the same seed gives the same split everywhere.

    Attributes:
        seed: of the shuffle.
        held_out: the share of train that becomes dev where the corpus has no dev split.
        folds: for cross-validation, the number of parts into which train and dev together are cut.
        fold: the part that becomes dev, counted from 0.
    """

    seed: int
    held_out: NotRequired[float]
    folds: NotRequired[int | None]
    fold: NotRequired[int | None]


def divided(
    name: str,
    splits: Mapping[str, Dataset],
    seed: int,
    held_out: float = 0.1,
    folds: int | None = None,
    fold: int | None = None,
) -> Corpus:
    """The corpus with its dev split: its own, a part of train, or a fold."""
    train, dev = splits["train"], splits.get("dev")
    if folds is not None or fold is not None:
        whole = datasets.concatenate_datasets([train] if dev is None else [train, dev])
        if folds is None or not 2 <= folds <= len(whole):
            raise InputError(f"corpus.folds is {folds}; {name} can be cut into 2 to {len(whole)} parts")
        if fold is None or not 0 <= fold < folds:
            raise InputError(f"corpus.fold is {fold}; with corpus.folds={folds} it is a number from 0 to {folds - 1}")
        train, dev = _cut(whole, slice(fold, None, folds), seed)
        _log.info("%s: fold %d of %d, %d sentences, is dev; train has %d", name, fold, folds, len(dev), len(train))
    elif dev is None:
        if not 0 < held_out < 1:
            raise InputError(f"corpus.held_out is {held_out}; it is a share between 0 and 1")
        if len(train) < 2:
            raise InputError(f"{name} has one sentence and no dev split; give corpus.dev=FILE, or more sentences")
        count = min(max(round(held_out * len(train)), 1), len(train) - 1)
        train, dev = _cut(train, slice(count), seed)
        _log.info("%s has no dev split: %d sentences of train are held out, %d stay", name, len(dev), len(train))
    return Corpus(name, DatasetDict({**splits, "train": train, "dev": dev}))


def _cut(data: Dataset, part: slice, seed: int) -> tuple[Dataset, Dataset]:
    """What is not, and what is, in `part` of the shuffled sentences, both in their old order."""
    order = list(range(len(data)))
    random.Random(seed).shuffle(order)
    taken = sorted(order[part])
    del order[part]
    return data.select(sorted(order)), data.select(taken)

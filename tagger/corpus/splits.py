"""The splits of a corpus -> train and dev: the corpus's own dev split, a share of train, or a fold."""

import logging
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

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
        rules: of `tagger.text.segment` for raw text like the corpus: `english` where a name says that it is English.
    """

    name: str
    splits: DatasetDict
    rules: str = "unicode"


@dataclass
class Splitting:
    """How the dev split is made.

    Attributes:
        dev_share: the share of train that becomes dev where the corpus has no dev split.
        folds: for cross-validation, the number of parts into which train and dev together are cut.
        fold: the part that becomes dev, counted from 0.
    """

    dev_share: float = 0.1
    folds: int | None = None
    fold: int | None = None


def with_dev(name: str, splits: Mapping[str, Dataset], splitting: Splitting, seed: int) -> Corpus:
    """A corpus with a dev split: its own, a share of train, or a fold.

    Args:
        name: of the corpus.
        splits: `train` and perhaps `dev` and `test`.
        splitting: how dev is made.
        seed: of the shuffle; the same seed gives the same split on every machine.

    Raises:
        InputError: a fold or a share that the corpus cannot be cut into.
    """
    train, dev, folds, fold = splits["train"], splits.get("dev"), splitting.folds, splitting.fold
    if folds is not None or fold is not None:
        whole = datasets.concatenate_datasets([train] if dev is None else [train, dev])
        if folds is None or not 2 <= folds <= len(whole):
            raise InputError(f"corpus.folds is {folds}; {name} can be cut into 2 to {len(whole)} parts")
        if fold is None or not 0 <= fold < folds:
            raise InputError(f"corpus.fold is {fold}; with corpus.folds={folds} it is a number from 0 to {folds - 1}")
        train, dev = _cut(whole, slice(fold, None, folds), seed)
        _log.info("%s: fold %d of %d, %d sentences, is dev; train has %d", name, fold, folds, len(dev), len(train))
    elif dev is None:
        if not 0 < splitting.dev_share < 1:
            raise InputError(f"corpus.dev_share is {splitting.dev_share}; it is a share between 0 and 1")
        if len(train) < 2:
            raise InputError(f"{name} has one sentence and no dev split; give corpus.dev=FILE, or more sentences")
        count = min(max(round(splitting.dev_share * len(train)), 1), len(train) - 1)
        train, dev = _cut(train, slice(count), seed)
        _log.info("%s has no dev split: %d sentences of train become dev, %d stay", name, len(dev), len(train))
    return Corpus(name, DatasetDict({**splits, "train": train, "dev": dev}))


def _cut(data: Dataset, part: slice, seed: int) -> tuple[Dataset, Dataset]:
    """The sentences outside `part` of a shuffled list, and those in it; both keep the order that they had."""
    order = list(range(len(data)))
    random.Random(seed).shuffle(order)
    taken = sorted(order[part])
    del order[part]
    return data.select(sorted(order)), data.select(taken)

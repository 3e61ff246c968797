"""Files with what a teacher says of tokens -> its tags and their probabilities for a batch; they stay on disk."""

# T tokens in the longest sentence, B sentences, k tags that are kept of a token

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from datasets import Dataset


class Shard(NamedTuple):
    """The arrays of a file: for each column the ids and the probabilities, (tokens, k) each."""

    ids: list[np.ndarray]
    shares: list[np.ndarray]


class Targets:
    """The teacher's best tags of the tokens of all sentences, with their probabilities."""

    def __init__(
        self,
        shards: Sequence[Shard],
        lengths: np.ndarray,
        columns: Sequence[str],
        translations: Mapping[str, np.ndarray],
    ) -> None:
        """Keeps its arguments.

        Args:
            shards: one after another.
            lengths: (sentences,) their tokens.
            columns: of the arrays of a shard.
            translations: for each column of the student, its ids of the teacher's tags; -1 for a tag that it lacks.
        """
        self._shards, self._translations = shards, translations
        self._places = {column: columns.index(column) for column in translations}  # among the arrays of a shard
        ends = np.cumsum(lengths)
        self._starts = ends - lengths
        self._lengths = lengths
        self._borders = np.cumsum([0, *(len(shard.ids[0]) for shard in shards)])  # tokens before each shard
        self._of = np.searchsorted(self._borders, self._starts, side="right") - 1  # the shard of each sentence

    def __len__(self) -> int:
        """The number of sentences."""
        return len(self._lengths)

    def batch(self, numbers: Sequence[int] | np.ndarray) -> dict[str, np.ndarray]:
        """For each column float32 (T, B, k, 2): ids and probabilities, 0 after a sentence's end.

        A tag that the student lacks has the id -1 and the probability 0.

        Args:
            numbers: of B sentences.
        """
        longest, found = int(self._lengths[numbers].max()), {}
        for column, place in self._places.items():
            k = self._shards[0].ids[place].shape[1]
            values = np.zeros((longest, len(numbers), k, 2), dtype=np.float32)
            for i, number in enumerate(numbers):
                shard, length = self._of[number], self._lengths[number]
                start = self._starts[number] - self._borders[shard]
                ids = self._translations[column][self._shards[shard].ids[place][start : start + length]]
                shares = self._shards[shard].shares[place][start : start + length]
                values[:length, i, :, 0] = ids
                values[:length, i, :, 1] = _sharpened(shares, len(self._translations[column])) * (ids >= 0)
            found[column] = values
        return found


def _sharpened(shares: np.ndarray, tags: int) -> np.ndarray:
    """Probabilities in half precision, the largest of each token corrected; float32.

    A number near 1 is rounded so much in half precision that the rest, 1 minus the sum, would mean nothing. But no tag
    that is not kept is more probable than the last one that is, so the rest has a bound.

    Args:
        shares: (tokens, k) of the chosen tag and of the best others, best first.
        tags: how many tags the teacher has.
    """
    shares = shares.astype(np.float32)
    k = shares.shape[1]
    if k == 1 < tags:  # the chosen tag may be less probable than others
        return shares
    rows, largest = np.arange(len(shares)), shares.argmax(axis=1)
    before = shares[rows, largest]
    least = 1 - (shares.sum(axis=1) - before) - (tags - k) * shares[:, -1]
    shares[rows, largest] = np.maximum(before, least)
    return shares


class Distillation(NamedTuple):
    """What a student learns beside gold tags.

    Attributes:
        sentences: of train, then those of the untagged text.
        gold: how many of them are of train.
        text_sentences: of the text in an epoch.
        targets: what the teacher says of all sentences.
    """

    sentences: Dataset
    gold: int
    text_sentences: int
    targets: Targets

"""Word forms -> their features, which the parts of a `FormEmbedding` read, and the pieces that a transformer reads."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tagger.model.batch import FIRST_ID
from tagger.model.embeddings import features
from tagger.model.pieces import PieceTokenizer
from tagger.model.vocabulary import Vocabulary

INITIAL_ROWS = 1024  # the table grows when it is full


class FormTable:
    """The features of word forms, computed once per form and remembered.

    The table forgets everything when it holds `limit` forms, so that memory stays bounded.

    Attributes:
        features: the name of a part of `FormEmbedding` -> an array with a row per form. Word ids are always there, the
            features of other parts only if the network has the part.
        counts: how often the word of each id, from 0, occurs in training; 1 for `UNK`.
        pieces: the ids of each form's pieces, which a transformer reads; empty without a tokenizer.
    """

    def __init__(
        self,
        vocabulary: "Vocabulary",
        config: Mapping[str, Any],
        tokenizer: "PieceTokenizer | None" = None,
        limit: int = 200_000,
    ) -> None:
        """Makes an empty table."""
        self.vocabulary, self.config, self.tokenizer, self.limit = vocabulary, config, tokenizer, limit
        self.counts = np.array([1] * FIRST_ID + list(vocabulary.words.values()), dtype=np.int64)
        self._compute = features(vocabulary, config)
        self._clear()

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy, such as that of another process, remembers nothing yet."""
        return type(self), (self.vocabulary, self.config, self.tokenizer, self.limit)

    def _clear(self) -> None:
        self._rows: dict[str, int] = {}
        self.features = {name: _grown(compute([]), INITIAL_ROWS) for name, compute in self._compute.items()}
        self.pieces: list[list[int]] = []

    def rows(self, forms: Sequence[str]) -> np.ndarray:
        """The rows of `forms`, valid until the next call.

        More forms than `limit` are taken too, but then the table has no others.
        """
        if self._rows and len(self._rows) + len(forms) > self.limit:
            self._clear()
        known = self._rows
        new = [form for form in dict.fromkeys(forms) if form not in known]
        if new:
            self._add(new)
            if self.tokenizer is not None:
                self.pieces += self.tokenizer.pieces(new)
        return np.fromiter((known[form] for form in forms), dtype=np.int64, count=len(forms))

    def size(self, forms: Sequence[str]) -> int:
        """How long a sentence is in a batch: in tokens, or in pieces if a transformer reads it."""
        return len(forms) if self.tokenizer is None else sum(len(self.pieces[row]) for row in self.rows(forms))

    def _add(self, new: list[str]) -> None:
        start, end = len(self._rows), len(self._rows) + len(new)
        self.features = {name: _grown(array, end) for name, array in self.features.items()}
        self._rows.update(zip(new, range(start, end), strict=True))
        for name, compute in self._compute.items():
            self.features[name][start:end] = compute(new)


def _grown(array: np.ndarray, rows: int) -> np.ndarray:
    """The same array, or if it has less than `rows` rows, a copy with at least that many and twice its own."""
    if rows <= len(array):
        return array
    grown = np.zeros((max(rows, 2 * len(array)), *array.shape[1:]), dtype=array.dtype)
    grown[: len(array)] = array
    return grown

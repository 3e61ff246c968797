"""Word forms -> the ids of their words, affixes, characters, pretrained vectors and pieces."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tagger.model.affixes import AFFIXES, affix_rows
from tagger.model.batch import UNK
from tagger.model.vocabulary import row_of

if TYPE_CHECKING:
    from tagger.model.pieces import PieceTokenizer
    from tagger.model.vocabulary import Vocabulary

MAX_CHARACTERS = 32  # the character encoder reads so many; of a longer form, half of them from either end
INITIAL_ROWS = 1024  # the table grows when it is full


class FormTable:
    """The features of word forms, computed once per form and remembered.

    The table forgets everything when it holds `limit` forms, so that memory stays bounded.

    Attributes:
        words: word id of each row's form.
        counts: how often its word occurs in training; 1 if it is unknown.
        affixes: its rows of the affix table.
        characters: its character ids.
        vectors: its row in each table of pretrained vectors, from 1; 0 if it has no vector.
        pieces: the ids of its pieces, which a transformer reads; empty without a tokenizer.
    """

    def __init__(
        self, vocabulary: "Vocabulary", buckets: int, tokenizer: "PieceTokenizer | None" = None, limit: int = 200_000
    ) -> None:
        self.vocabulary, self.buckets, self.tokenizer, self.limit = vocabulary, buckets, tokenizer, limit
        self._clear()

    def _clear(self) -> None:
        size = INITIAL_ROWS
        self._rows: dict[str, int] = {}
        self.words = np.zeros(size, dtype=np.int64)
        self.counts = np.zeros(size, dtype=np.int64)
        self.affixes = np.zeros((size, AFFIXES), dtype=np.int64)
        self.characters = np.zeros((size, MAX_CHARACTERS), dtype=np.int64)
        self.vectors = np.zeros((size, len(self.vocabulary.vectors)), dtype=np.int64)
        self.pieces: list[list[int]] = []

    def rows(self, forms: Sequence[str]) -> np.ndarray:
        """The rows of `forms`, valid until the next call."""
        if len(self._rows) + len(forms) > max(self.limit, len(forms)):
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
        if end > len(self.words):
            size = max(end, 2 * len(self.words))
            for name in ("words", "counts", "affixes", "characters", "vectors"):
                array = getattr(self, name)
                grown = np.zeros((size, *array.shape[1:]), dtype=array.dtype)
                grown[: len(array)] = array
                setattr(self, name, grown)
        vocabulary = self.vocabulary
        self._rows.update(zip(new, range(start, end), strict=True))
        lower = [form.lower() for form in new]
        self.words[start:end] = [vocabulary.word_ids.get(form, UNK) for form in lower]
        self.counts[start:end] = [vocabulary.words.get(form, 1) for form in lower]
        self.affixes[start:end] = [affix_rows(form, self.buckets) for form in new]
        half = MAX_CHARACTERS // 2
        kept = [form if len(form) <= MAX_CHARACTERS else form[:half] + form[-half:] for form in new]
        here = np.arange(MAX_CHARACTERS) < np.array([len(form) for form in kept])[:, None]
        ids = vocabulary.character_ids
        self.characters[start:end][here] = [ids.get(character, UNK) for character in "".join(kept)]
        for source, rows in enumerate(vocabulary.vectors.values()):
            found = [row_of(rows, form) for form in new]
            self.vectors[start:end, source] = [0 if row is None else row + 1 for row in found]

"""Word forms -> the ids of their words, affixes, characters, pretrained vectors and pieces."""

import re
import zlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from tagger.model.batch import FIRST_ID, UNK
from tagger.model.pieces import PieceTokenizer
from tagger.model.vocabulary import Vocabulary, row_of

PREFIXES = (1, 2, 3)  # their lengths in characters
SUFFIXES = (1, 2, 3, 4)
AFFIXES = len(PREFIXES) + len(SUFFIXES) + 1  # A: the code calls the shape an affix too; it is the last
SHAPE_CHARACTERS = 32  # the shape describes a form's first 32 characters


class _ShapeCharacters(dict[str, str]):
    """Each character -> the character that stands for it in a shape; computed once, then remembered."""

    def __missing__(self, character: str) -> str:
        kind = "X" if character.isupper() else "x" if character.isalpha() else "9" if character.isdigit() else character
        self[character] = kind
        return kind


_SHAPE_CHARACTERS = _ShapeCharacters()
_LONG_RUN = re.compile(r"(.)\1{3,}", re.DOTALL)


def word_shape(form: str) -> str:
    """The form with X for upper-case letters, x for other letters and 9 for digits; runs are cut to 3 characters.

    >>> word_shape("McDonald's"), word_shape("1,250")
    ("XxXxxx'x", '9,999')
    """
    if form.islower() and form.isalpha():
        return "xxx"[: len(form)]  # most words; this is faster
    return _LONG_RUN.sub(r"\1\1\1", "".join(map(_SHAPE_CHARACTERS.__getitem__, form[:SHAPE_CHARACTERS])))


def affix_rows(form: str, buckets: int) -> list[int]:
    """The rows of a form's prefixes, suffixes and shape.

    One table has AFFIXES * buckets rows, `buckets` for each kind of affix. An affix's CRC-32 decides its row, since it
    is the same in every process. Different affixes may share a row.
    """
    lower = form.lower()
    affixes = [lower[:n] for n in PREFIXES] + [lower[-n:] for n in SUFFIXES] + [word_shape(form)]
    return [kind * buckets + hashed % buckets for kind, hashed in enumerate(map(_hash, affixes))]


@lru_cache(maxsize=1 << 16)
def _hash(affix: str) -> int:
    return zlib.crc32(affix.encode("utf-8", "surrogatepass"))


MAX_CHARACTERS = 32  # characters that the character encoder reads; longer forms keep their first 16 and last 16
INITIAL_ROWS = 1024  # the table grows when it is full


class FormTable:
    """The features of word forms, computed once per form and remembered.

    The table forgets everything when it holds `limit` forms, so that memory stays bounded.

    Attributes:
        features: name -> an array with a row per form; the names, and what the rows hold, are those of the first fields
            of `Batch`. Whatever array `_clear` makes grows with the table and becomes part of each batch.
        counts: how often the word of each id, from 0, occurs in training; 1 for `UNK`.
        pieces: the ids of each form's pieces, which a transformer reads; empty without a tokenizer.
    """

    def __init__(
        self, vocabulary: "Vocabulary", buckets: int, tokenizer: "PieceTokenizer | None" = None, limit: int = 200_000
    ) -> None:
        """Makes an empty table.

        Args:
            vocabulary: the words, characters and vectors that have ids.
            buckets: rows of the hash table of each kind of affix.
            tokenizer: makes pieces; None: there is no transformer.
            limit: the most forms that the table remembers.
        """
        self.vocabulary, self.buckets, self.tokenizer, self.limit = vocabulary, buckets, tokenizer, limit
        self.counts = np.array([1] * FIRST_ID + list(vocabulary.words.values()), dtype=np.int64)
        self._clear()

    def _clear(self) -> None:
        size = INITIAL_ROWS
        self._rows: dict[str, int] = {}
        self.features = {
            "words": np.zeros(size, dtype=np.int64),
            "affixes": np.zeros((size, AFFIXES), dtype=np.int64),
            "characters": np.zeros((size, MAX_CHARACTERS), dtype=np.int64),
            "vectors": np.zeros((size, len(self.vocabulary.vectors)), dtype=np.int64),
        }
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
        vocabulary, features = self.vocabulary, self.features
        self._rows.update(zip(new, range(start, end), strict=True))
        lower = [form.lower() for form in new]
        features["words"][start:end] = [vocabulary.word_ids.get(form, UNK) for form in lower]
        features["affixes"][start:end] = [affix_rows(form, self.buckets) for form in new]
        half = MAX_CHARACTERS // 2
        kept = [form if len(form) <= MAX_CHARACTERS else form[:half] + form[-half:] for form in new]
        here = np.arange(MAX_CHARACTERS) < np.array([len(form) for form in kept])[:, None]
        ids = vocabulary.character_ids
        features["characters"][start:end][here] = [ids.get(character, UNK) for character in "".join(kept)]
        for source, rows in enumerate(vocabulary.vectors.values()):
            found = [row_of(rows, form) for form in new]
            features["vectors"][start:end, source] = [0 if row is None else row + 1 for row in found]


def _grown(array: np.ndarray, rows: int) -> np.ndarray:
    """The same array, or if it has less than `rows` rows, a copy with at least that many and twice its own."""
    if rows <= len(array):
        return array
    grown = np.zeros((max(rows, 2 * len(array)), *array.shape[1:]), dtype=array.dtype)
    grown[: len(array)] = array
    return grown

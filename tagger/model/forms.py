"""Word forms -> rows of features: word, affixes, shape, characters, pretrained vectors."""

# U distinct forms, T tokens in the longest sentence, B sentences, A affixes of a form, C characters of a form,
# V sources of pretrained vectors, M layers of a transformer, D its size

import re
import zlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from tagger.model.pieces import PieceTokenizer
from tagger.model.vocabulary import UNK, Vocabulary, row_of

PREFIXES = (1, 2, 3)
SUFFIXES = (1, 2, 3, 4)
AFFIXES = len(PREFIXES) + len(SUFFIXES) + 1  # and the word's shape
EDGE = 16  # the character encoder reads this many characters from each end of a form


class _Kinds(dict[str, str]):
    """Characters -> what a shape shows of them, found out once each."""

    def __missing__(self, character: str) -> str:
        kind = "X" if character.isupper() else "x" if character.isalpha() else "9" if character.isdigit() else character
        self[character] = kind
        return kind


_KINDS = _Kinds()
_LONG_RUN = re.compile(r"(.)\1{3,}", re.DOTALL)


def word_shape(form: str) -> str:
    """Upper-case letters as X, other letters as x, digits as 9, the rest as it is; runs at most 3 long.

    >>> word_shape("McDonald's"), word_shape("1,250")
    ("XxXxxx'x", '9,999')
    """
    if form.islower() and form.isalpha():
        return "xxx"[: len(form)]  # as most words are
    return _LONG_RUN.sub(r"\1\1\1", "".join(map(_KINDS.__getitem__, form[: 2 * EDGE])))


def affix_rows(form: str, buckets: int) -> list[int]:
    """The rows of a form's prefixes, suffixes and shape in a table of AFFIXES * buckets rows."""
    lower = form.lower()
    affixes = [lower[:n] for n in PREFIXES] + [lower[-n:] for n in SUFFIXES] + [word_shape(form)]
    return [kind * buckets + hashed % buckets for kind, hashed in enumerate(map(_hash, affixes))]


@lru_cache(maxsize=1 << 16)
def _hash(affix: str) -> int:
    return zlib.crc32(affix.encode("utf-8", "surrogatepass"))


class FormTable:
    """Word forms -> rows of features, computed once per form and kept.

    The table forgets everything when it holds `limit` forms, so that memory stays bounded.

    Attributes:
        pieces: per row the pieces of the form that a transformer reads; empty without a tokenizer.
    """

    def __init__(
        self, vocabulary: Vocabulary, buckets: int, tokenizer: PieceTokenizer | None = None, limit: int = 200_000
    ) -> None:
        self.vocabulary, self.buckets, self.tokenizer, self.limit = vocabulary, buckets, tokenizer, limit
        self._clear(1024)

    def _clear(self, size: int) -> None:
        self._rows: dict[str, int] = {}
        self.words = np.zeros(size, dtype=np.int64)
        self.counts = np.zeros(size, dtype=np.int64)  # how often training has the word
        self.affixes = np.zeros((size, AFFIXES), dtype=np.int64)
        self.characters = np.zeros((size, 2 * EDGE), dtype=np.int64)
        self.vectors = np.zeros((size, len(self.vocabulary.vectors)), dtype=np.int64)
        self.pieces: list[list[int]] = []

    def rows(self, forms: Sequence[str]) -> np.ndarray:
        """The rows of `forms`, valid until the next call."""
        if len(self._rows) + len(forms) > max(self.limit, len(forms)):
            self._clear(1024)
        known = self._rows
        new = [form for form in dict.fromkeys(forms) if form not in known]
        if new:
            self._add(new)
            if self.tokenizer is not None:
                self.pieces += self.tokenizer.pieces(new)
        return np.fromiter((known[form] for form in forms), dtype=np.int64, count=len(forms))

    def size(self, forms: Sequence[str]) -> int:
        """What a sentence takes in a batch: its tokens, or what a transformer reads of them, its pieces."""
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
        kept = [form if len(form) <= 2 * EDGE else form[:EDGE] + form[-EDGE:] for form in new]
        here = np.arange(2 * EDGE) < np.array([len(form) for form in kept])[:, None]
        ids = vocabulary.character_ids
        self.characters[start:end][here] = [ids.get(character, UNK) for character in "".join(kept)]
        for source, rows in enumerate(vocabulary.vectors.values()):
            found = [row_of(rows, form) for form in new]
            self.vectors[start:end, source] = [0 if row is None else row + 1 for row in found]

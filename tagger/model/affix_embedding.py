"""The embedding of a form's prefixes, its suffixes and its shape."""

# U distinct forms, A affixes of a form

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import chain
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import embedding as look_up

from tagger.model.form_part import Feature, FormPart
from tagger.model.vocabulary import Vocabulary
from tagger.text.schema import Count, Size

PREFIXES = (1, 2, 3)  # their lengths in characters
SUFFIXES = (1, 2, 3, 4)
AFFIXES = len(PREFIXES) + len(SUFFIXES) + 1  # A: the code calls the shape an affix too; it is the last
SHAPE_CHARACTERS = 32  # the shape describes a form's first 32 characters


@dataclass(kw_only=True)
class AffixValues:
    """The values of an `AffixEmbedding`.

    Attributes:
        affixes: size of the vector of each affix.
        buckets: rows of the hash table of each kind of affix.
    """

    affixes: Size
    buckets: Count


class AffixEmbedding(FormPart):
    """The vectors of a form's affixes side by side. Different affixes may share a vector."""

    Values = Config = AffixValues
    size_keys = "embedding.affixes and embedding.buckets"

    def __init__(self, buckets: int, size: int) -> None:
        """Makes the table of A * `buckets` rows."""
        super().__init__()
        self.width = AFFIXES * size
        self.weight = nn.Parameter(torch.empty(AFFIXES * buckets, size))
        nn.init.normal_(self.weight, std=0.1)

    @classmethod
    def build(cls, vocabulary: Vocabulary, config: AffixValues) -> Self:
        """See `FormPart.build`."""
        return cls(config.buckets, config.affixes)

    @classmethod
    def feature(cls, vocabulary: Vocabulary, config: AffixValues) -> Feature:
        """The rows of each form's affixes, (U, A)."""
        return partial(affix_rows, config.buckets)

    def forward(self, feature: Tensor) -> Tensor:
        """Rows of the table (U, A) to (U, width)."""
        return look_up(feature, self.weight).flatten(1)


def affix_rows(buckets: int, forms: Sequence[str]) -> np.ndarray:
    """The rows of each form's prefixes, suffixes and shape, (U, A).

    One table has AFFIXES * buckets rows, `buckets` for each kind of affix. An affix's CRC-32 decides its row, since it
    is the same in every process. Different affixes may share a row.
    """
    lower = [form.lower() for form in forms]
    affixes = [
        *([form[:n] for form in lower] for n in PREFIXES),
        *([form[-n:] for form in lower] for n in SUFFIXES),
        map(word_shape, forms),
    ]
    hashes = np.fromiter(map(_hash, chain(*affixes)), dtype=np.int64, count=AFFIXES * len(forms))
    rows = hashes.reshape(AFFIXES, -1) % buckets + np.arange(AFFIXES)[:, None] * buckets
    return rows.T


class _ShapeCharacters(dict[int, str]):
    """Each code point -> the character that stands for it in a shape; computed once, then remembered."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        kind = "X" if character.isupper() else "x" if character.isalpha() else "9" if character.isdigit() else character
        self[code] = kind
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
    return _LONG_RUN.sub(lambda run: run[1] * 3, form[:SHAPE_CHARACTERS].translate(_SHAPE_CHARACTERS))


@lru_cache(maxsize=1 << 16)
def _hash(affix: str) -> int:
    return zlib.crc32(affix.encode("utf-8", "surrogatepass"))

"""A word form -> its prefixes, its suffixes and its shape, as rows of hash tables."""

import re
import zlib
from functools import lru_cache

PREFIXES = (1, 2, 3)  # their lengths in characters
SUFFIXES = (1, 2, 3, 4)
AFFIXES = len(PREFIXES) + len(SUFFIXES) + 1  # A; the last is the form's shape
SHAPE_CHARACTERS = 32  # of a longer form the shape shows only these


class _ShapeCharacters(dict[str, str]):
    """Each character -> the character that stands for it in a shape; looked up once, then remembered."""

    def __missing__(self, character: str) -> str:
        kind = "X" if character.isupper() else "x" if character.isalpha() else "9" if character.isdigit() else character
        self[character] = kind
        return kind


_SHAPE_CHARACTERS = _ShapeCharacters()
_LONG_RUN = re.compile(r"(.)\1{3,}", re.DOTALL)


def word_shape(form: str) -> str:
    """Upper-case letters as X, other letters as x, digits as 9, the rest as it is; runs at most 3 long.

    >>> word_shape("McDonald's"), word_shape("1,250")
    ("XxXxxx'x", '9,999')
    """
    if form.islower() and form.isalpha():
        return "xxx"[: len(form)]  # most words; this is faster
    return _LONG_RUN.sub(r"\1\1\1", "".join(map(_SHAPE_CHARACTERS.__getitem__, form[:SHAPE_CHARACTERS])))


def affix_rows(form: str, buckets: int) -> list[int]:
    """The rows of a form's prefixes, suffixes and shape.

    Each kind of affix has `buckets` rows of one table, which has AFFIXES * buckets rows in all. An affix's row is
    decided by its CRC-32, which is the same in every process, so different affixes may share a row.
    """
    lower = form.lower()
    affixes = [lower[:n] for n in PREFIXES] + [lower[-n:] for n in SUFFIXES] + [word_shape(form)]
    return [kind * buckets + hashed % buckets for kind, hashed in enumerate(map(_hash, affixes))]


@lru_cache(maxsize=1 << 16)
def _hash(affix: str) -> int:
    return zlib.crc32(affix.encode("utf-8", "surrogatepass"))

"""A word form -> the rows of its prefixes, its suffixes and its shape in a hash table."""

import re
import zlib
from functools import lru_cache

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

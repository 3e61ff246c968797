"""Paragraphs of text -> the units that a learned segmenter reads, and what it knows of each.

A unit is a run of letters, a number, or any other character with its marks. In scripts that put no spaces between words
(Han, Kana, Thai and others) each letter is a unit, and so is every letter of a language whose words are written
together, such as Coptic. White space is no unit. It is known by the gap after a unit. A line end between two letters of
Chinese or Japanese is no gap.

The text is never changed. Only what a unit looks like to the network is normalised: composed (NFC), in lower case, a
digit as 0.
"""

# N units of all paragraphs, boundaries between paragraphs included; A affixes of a unit

import re
import unicodedata
from collections.abc import Container, Sequence
from typing import Any, NamedTuple

import numpy as np
import regex

from tagger.text.strings import LINE_END_INSIDE, SPACE, affix_hash, text_hash
from tagger.words.rules import COMMAS

_SINGLE_SCRIPTS = (
    *("Han", "Hiragana", "Katakana", "Bopomofo", "Yi", "Thai", "Lao", "Khmer", "Myanmar"),
    *("Tibetan", "Javanese", "Balinese"),
)
_SINGLE = "[" + "".join(rf"\p{{{script}}}" for script in _SINGLE_SCRIPTS) + "]"
_RUN = rf"(?:(?!{_SINGLE})[\p{{L}}\p{{M}}\u200c\u200d\xad\u2060])+"
_OTHER = rf"[^{SPACE}][\p{{M}}\u200c\u200d]*"
_WORDS = regex.compile(rf"{_RUN}|\p{{N}}+|{_OTHER}|[{SPACE}]+")
_CHARACTERS = regex.compile(rf"\p{{N}}+|{_OTHER}|[{SPACE}]+")
_ASCII_WORDS = re.compile(r"[A-Za-z]+|[0-9]+|[\s\x1c-\x1f]+|.", re.ASCII | re.DOTALL)  # the same on ASCII, faster
_IN_RUN = regex.compile(_RUN)
_IS_SPACE = regex.compile(rf"[{SPACE}]")
_IS_SINGLE = regex.compile(_SINGLE)
_ENDS_SENTENCE = regex.compile(r"\p{Sentence_Terminal}")
_DIGIT = regex.compile(r"\p{N}")
_IN_WHOLE = regex.compile(r"[@#:;=<^_]|\p{Extended_Pictographic}|\p{RI}")

AFFIXES = (1, 2, 3)  # lengths of the prefixes and of the suffixes of a unit, in characters
UNKNOWN, BOUNDARY = 1, 0  # the numbers of forms without a row of their own, and of the ends of a paragraph
MAX_FORM = 40  # characters of a unit that its form has
MAX_DIGITS = 6
MAX_TYPES = 200_000  # that are remembered
PADDING = 2  # boundaries between two paragraphs
KINDS = (  # of units, see `kind`; the first is that of what is no unit
    *("", "end", "Cc", "Cf", "Cn", "Co", "Cs", "Ll", "Lm", "Lo", "Lt", "Lu", "Mc", "Me", "Mn", "Nd", "Nl", "No"),
    *("Pc", "Pd", "Pe", "Po", "Ps", "Sc", "Sk", "Sm", "So", "Zl", "Zp", "Zs"),
)
_NO_TRAITS = (0,) * 8  # of what is no unit; see `UnitTable.traits`
NO_GAP, SPACE_GAP, END_GAP = 0, 1, 2  # what follows a unit: another unit, white space, the end of the paragraph


class Units(NamedTuple):
    """The units of some paragraphs one after the other; PADDING boundaries stand before, between and after them."""

    types: np.ndarray  # (N,) number of each unit's type in the table
    traits: np.ndarray  # (N, 8) what is known of it, see `UnitTable.traits`
    gaps: np.ndarray  # (N,) NO_GAP, SPACE_GAP or END_GAP
    starts: np.ndarray  # (N,) first character of each unit in its paragraph
    ends: np.ndarray  # (N,) the character after its last one; 0 for a boundary
    bounds: list[tuple[int, int]]  # for each paragraph its units: the first, and the one after the last

    def paragraphs_of(self, places: np.ndarray) -> list[int]:
        """The number of the paragraph of each of some units."""
        return [*map(int, np.searchsorted([start for start, _ in self.bounds], places, "right") - 1)]


class UnitTable(dict[str, int]):
    """The units met so far -> their types, by number: equal strings are one type, unless they are very long.

    All types are forgotten when there are more than MAX_TYPES; `generation` says how often that was.
    """

    def __init__(self, forms: Sequence[str], buckets: int, characters: bool, marks: Container[str] = ()) -> None:
        """Takes the normalised forms that have a row of their own, and the rows for each kind of affix.

        With `characters` every letter is a unit. A token that may be split ends or begins with one of the `marks`, see
        `Multiwords`.
        """
        super().__init__()
        self._rows = {form: row for row, form in enumerate(forms, UNKNOWN + 1)}
        self._buckets, self._marks = buckets, marks
        self._expressions = (_CHARACTERS, _CHARACTERS) if characters else (_WORDS, _ASCII_WORDS)
        self.generation = -1
        self._forget()

    @property
    def rows(self) -> np.ndarray:
        """(types, 1 + A): the row of each type's form and of its affixes."""
        self._grow()
        return self._arrays[0]

    @property
    def traits(self) -> np.ndarray:
        """(types, 8): what is known of each type.

        Hashes of its form, shape and kind; 1 for a mark that training lacks; its place in KINDS; 1 if a token that ends
        or begins with it may be split; 1 if addresses, smileys or emoji may have it; 1 for a comma.
        """
        self._grow()
        return self._arrays[1]

    def read(self, paragraphs: Sequence[str]) -> Units:
        """Cuts paragraphs into units."""
        if len(self._new_rows) + len(self._arrays[0]) > MAX_TYPES:
            self._forget()
        pieces: list[int] = [0] * PADDING
        lengths: list[int] = [0] * PADDING
        bounds = []
        for paragraph in paragraphs:
            found = self._pieces(paragraph)
            first = len(pieces)
            pieces += map(self.__getitem__, found)
            lengths += map(len, found)
            bounds.append((first, len(pieces)))
            pieces += [0] * PADDING
            lengths += [0] * PADDING
        types, length = np.array(pieces), np.array(lengths)
        is_unit = types != self._space
        ends = np.cumsum(length)
        before = np.cumsum(is_unit) - is_unit  # units before each piece
        gaps = np.zeros(len(types), dtype=np.int64)
        gaps[:-1] = ~is_unit[1:]
        offsets = np.zeros(len(types), dtype=np.int64)  # characters before the paragraph
        unit_bounds = []
        for first, last in bounds:
            offsets[first:last] = ends[first - 1]
            start, stop = int(before[first]), int(before[last])
            unit_bounds.append((start, stop))
        starts, ends = ends - length - offsets, ends - offsets
        starts[length == 0] = ends[length == 0] = 0  # boundaries
        types = types[is_unit]
        units = Units(types, self.traits[types], gaps[is_unit], starts[is_unit], ends[is_unit], unit_bounds)
        for paragraph, (start, stop) in zip(paragraphs, unit_bounds, strict=True):
            if stop > start:
                units.gaps[stop - 1] = END_GAP
            if "\n" in paragraph and not paragraph.isascii():
                lines = [found.start() for found in LINE_END_INSIDE.finditer(paragraph)]
                units.gaps[start + np.searchsorted(units.ends[start:stop], lines)] = NO_GAP
        return units

    def cut(self, text: str) -> list[str]:
        """The units of a text as strings."""
        return [unit for unit in self._pieces(text) if not _IS_SPACE.match(unit)]

    def _pieces(self, text: str) -> list[str]:
        """Units and runs of white space: the whole text."""
        pieces: list[str] = self._expressions[text.isascii()].findall(text)
        return pieces

    def _forget(self) -> None:
        self.generation += 1
        self.clear()
        self._new_rows: list[list[int]] = []
        self._new_traits: list[tuple[int, ...]] = []
        rows, traits = np.zeros((0, 1 + 2 * len(AFFIXES)), np.int64), np.zeros((0, len(_NO_TRAITS)), np.uint64)
        self._arrays = rows, traits
        self._add([BOUNDARY] + [len(self._rows) + UNKNOWN + 1] * 2 * len(AFFIXES), _NO_TRAITS)
        self._space = self._add([UNKNOWN] * (1 + 2 * len(AFFIXES)), _NO_TRAITS)

    def __missing__(self, unit: str) -> int:
        number = self._space if _IS_SPACE.match(unit) else self._add(*self._known_of(unit))
        if len(unit) <= MAX_FORM:  # so that the memory is bounded
            self[unit] = number
        return number

    def _known_of(self, unit: str) -> tuple[list[int], tuple[int, ...]]:
        """What `rows` and `traits` have of a unit."""
        form = normalised(unit)
        first = len(self._rows) + UNKNOWN + 1
        affixes = [form[:n] for n in AFFIXES] + [form[-n:] for n in AFFIXES]
        rows = [self._rows.get(form, UNKNOWN)]
        rows += [first + i * self._buckets + affix_hash(affix) % self._buckets for i, affix in enumerate(affixes)]
        is_new_mark = form not in self._rows and not unit[0].isalnum()
        own = kind(unit)
        lower = unit.lower()
        marked = "*" + lower[-2:] in self._marks or lower[:2] + "*" in self._marks
        hashes = text_hash(form), text_hash(shape(unit)), text_hash(own)
        in_whole = _IN_WHOLE.match(unit) is not None
        is_comma = unit[0] in COMMAS
        return rows, (*hashes, is_new_mark, KINDS.index(own), marked, in_whole, is_comma)

    def _add(self, rows: list[int], traits: tuple[int, ...]) -> int:
        self._new_rows.append(rows)
        self._new_traits.append(traits)
        return len(self._arrays[0]) + len(self._new_rows) - 1

    def _grow(self) -> None:
        if self._new_rows:
            rows, traits = self._arrays
            self._arrays = (
                np.concatenate([rows, np.array(self._new_rows, dtype=np.int64)]),
                np.concatenate([traits, np.array(self._new_traits, dtype=np.uint64)]),
            )
            self._new_rows, self._new_traits = [], []


def in_run(text: str, place: int) -> bool:
    """Whether the character before a place in a text and the one after it belong to the same run of letters."""
    return 0 < place < len(text) and _IN_RUN.fullmatch(text, place - 1, place + 1) is not None


def normalised(unit: str) -> str:
    """What the network sees of a unit: composed, in lower case, digits as 0; never empty."""
    form = unit[:MAX_FORM]
    if not form.isascii():
        form = unicodedata.normalize("NFC", form)
    if _DIGIT.match(form):
        return "0" * min(len(form), MAX_DIGITS)
    return form.lower()


def shape(unit: str) -> str:
    """What a unit looks like: the case and length of letters, the length of a number, any other character itself."""
    first = unit[0]
    if first.isdigit() or (first.isnumeric() and not first.isalpha()):
        return f"0{min(len(unit), 5)}"
    if not first.isalpha():
        return first
    if _IS_SINGLE.match(unit):
        return "o"
    if first.isupper() or first.istitle():
        kind = "X" if len(unit) == 1 else "XX" if unit.isupper() else "Xx"
    else:
        kind = "x" if unit.islower() else "xX" if first.islower() else "o"
    return f"{kind}{min(len(unit), 3 if kind == 'Xx' else 4)}"


def kind(unit: str) -> str:
    """The kind of a unit: what ends a sentence, else its category of Unicode; quotes count as brackets."""
    if _ENDS_SENTENCE.match(unit):
        return "end"
    category = unicodedata.category(unit[0])
    return {"Pi": "Ps", "Pf": "Pe"}.get(category, category)


def mixed(*parts: Any) -> np.ndarray:
    """A hash of several arrays (N,) of uint64, element by element."""
    hashed: np.ndarray = np.zeros_like(parts[0])
    for part in parts:
        hashed = (hashed ^ part) * np.uint64(0x9E3779B97F4A7C15)
        hashed ^= hashed >> np.uint64(29)
    return hashed

"""Units -> what the network of a learned segmenter reads of each unit's surroundings: rows of hash tables.

The surroundings are the shapes of the neighbouring units, the white space between them, neighbouring forms, what the
rules for raw text say, the words of training that the unit may begin, go on or end, and how often training cut there.
"""

# N units, boundaries included; L units of a word

from collections.abc import Iterable

import numpy as np

from tagger.model.segmenter_borders import Borders
from tagger.model.segmenter_units import Units, UnitTable, mixed

MAX_WORD_UNITS = 12  # longer words are not in the lexicon
SIZES, CODES = 16, 8  # a word that is found is its units, fewer than SIZES, + SIZES * its code, below CODES
_FILTER_BITS = 20


class Lexicon:
    """The words of training: sequences of units, with the white space inside them.

    Attributes:
        hashes: (words,) of uint64, ascending.
        codes: (words,) of uint8, how often each sequence is a word where it occurs in training; see `_codes`.
        borders: how often words went on between units.
    """

    def __init__(self, hashes: np.ndarray, codes: np.ndarray, borders: Borders) -> None:
        """Takes the attributes."""
        self.hashes, self.codes, self.borders = hashes, codes, borders
        self._counts: tuple[np.ndarray, np.ndarray] | None = None  # as words, and in all; in training alone
        self._filter = np.zeros(1 << _FILTER_BITS, dtype=bool)  # whether a word may have a hash with these last bits
        self._filter[self._slots(hashes)] = True

    @classmethod
    def of(cls, table: UnitTable, units: Units, lengths: np.ndarray, spaces: bool) -> "Lexicon":
        """The words of the training text.

        Args:
            table: of the units.
            units: of the text.
            lengths: (N,) the units of the word that begins at each unit, 0 where none does.
            spaces: whether tokens may hold white space.
        """
        found = [grams[lengths == size] for size, grams in _grams(table, units)]
        hashes, words = np.unique(np.concatenate(found), return_counts=True)
        lexicon = cls(hashes, np.zeros(len(hashes), dtype=np.uint8), Borders.of(table, units, lengths, spaces))
        occurrences = np.zeros(len(hashes), dtype=np.int64)
        for _, grams in _grams(table, units):
            _, numbers = lexicon._find(grams)
            occurrences += np.bincount(numbers, minlength=len(hashes))
        lexicon.codes, lexicon._counts = _codes(words, occurrences), (words, occurrences)
        return lexicon

    def matches(
        self, table: UnitTable, units: Units, lengths: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The longest words at each place.

        Args:
            table: of the units.
            units: of a text.
            lengths: of the words of the text, if it is the training text, see `of`; then each sequence is looked up as
                if training did not have it here.

        Returns:
            Three arrays (N,): the longest word that begins with the unit, the longest one that ends with it, and the
            longest one that holds it and the next unit; 0 if there is none, else its units + SIZES * its code.
        """
        count = len(units.types)
        begins, ends, holds = (np.zeros(count, dtype=np.uint64) for _ in range(3))
        for size, grams in _grams(table, units):
            places, numbers = self._find(grams)
            codes = self.codes[numbers]
            if lengths is not None and self._counts is not None:
                words, occurrences = (each[numbers] for each in self._counts)
                words = words - (lengths[places] == size)
                known = words > 0
                places, codes = places[known], _codes(words, occurrences - 1)[known]
            inside = places + size <= count
            places = places[inside]
            value = codes[inside].astype(np.uint64) * np.uint64(SIZES) + np.uint64(size)
            begins[places] = value
            ends[places + size - 1] = value
            for inner in range(size - 1):
                holds[places + inner] = value
        return begins, ends, holds

    def _find(self, grams: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The places in `grams` that are words, and the numbers of these words."""
        places = np.flatnonzero(self._filter[self._slots(grams)])
        if not len(self.hashes):
            return places, places
        numbers = np.searchsorted(self.hashes, grams[places])
        numbers[numbers == len(self.hashes)] = 0
        known = self.hashes[numbers] == grams[places]
        return places[known], numbers[known]

    @staticmethod
    def _slots(hashes: np.ndarray) -> np.ndarray:
        return (hashes & np.uint64((1 << _FILTER_BITS) - 1)).astype(np.int64)


def _codes(words: np.ndarray, occurrences: np.ndarray) -> np.ndarray:
    """How often sequences are words where they occur, as codes below CODES: the share, and whether it is of over 2."""
    share = words / np.maximum(occurrences, 1)
    codes: np.ndarray = np.digitize(share, (0.25, 0.6, 0.9)) + 4 * (words > 2)
    return codes.astype(np.uint8)


def _grams(table: UnitTable, units: Units) -> Iterable[tuple[int, np.ndarray]]:
    """For each L the hash (N,) of the L units from each unit on."""
    forms = table.keys[units.types, 0]
    gaps = np.minimum(units.gaps, 1).astype(np.uint64) + np.uint64(7)
    grams = mixed(forms)
    yield 1, grams
    for size in range(2, MAX_WORD_UNITS + 1):
        grams = mixed(grams, _next(gaps, size - 2), _next(forms, size - 1))
        yield size, grams


def context_rows(
    table: UnitTable,
    units: Units,
    lexicon: Lexicon,
    rules: np.ndarray,
    buckets: int,
    pairs: bool = False,
    lengths: np.ndarray | None = None,
) -> np.ndarray:
    """The rows of each unit's surroundings in a table of C * buckets rows; C is `columns(pairs)` of `segmenter.py`.

    Args:
        table: of the units.
        units: of a text.
        lexicon: words of training.
        rules: (N,) what the rules find at each unit's end: 0 nothing, 1 a token's end, 2 a sentence's end.
        buckets: rows of each column.
        pairs: whether a unit's form and the next or the last one are read as pairs.
        lengths: see `Lexicon.matches`.

    Returns:
        (N, C) of int64.
    """
    form, shape, kind = (table.keys[units.types, part] for part in range(3))
    gap = units.gaps.astype(np.uint64)
    before = _next(gap, -1)
    begins, ends, holds = lexicon.matches(table, units, lengths)
    starts = _next(begins, 1)
    begin, start, end, hold = (each % np.uint64(SIZES) for each in (begins, starts, ends, holds))
    one_one, two_one, one_two, two_two = lexicon.borders.found(table, units, lengths)
    parts_of: list[tuple[np.ndarray, ...]] = [
        (shape, gap, before),
        (_next(shape, -1), before, shape),
        (shape, gap, _next(shape, 1)),
        (_next(shape, -1), before, shape, gap, _next(shape, 1)),
        (shape, gap, _next(shape, 1), _next(gap, 1), _next(shape, 2)),
        (_next(shape, -2), _next(gap, -2), _next(shape, -1), before, shape),
        (_next(kind, -1), before, kind, gap, _next(kind, 1)),
        (rules.astype(np.uint64), gap),
        (end, start, hold),
        (end, gap, shape),
        (begin, hold, shape),
        (ends, starts),
        (holds, ends, starts),
        (one_one, gap),
        (two_one, one_two, gap),
        (two_two, gap),
    ]
    if pairs:
        parts_of += [(form, gap, _next(form, 1)), (_next(form, -1), before, form)]
    rows = np.empty((len(shape), len(parts_of)), dtype=np.int64)
    for column, parts in enumerate(parts_of):
        rows[:, column] = mixed(*parts) % np.uint64(buckets)
        rows[:, column] += column * buckets
    return rows


def _next(values: np.ndarray, distance: int) -> np.ndarray:
    """The value of the unit that stands `distance` units after each, before it if that is negative."""
    return np.roll(values, -distance)

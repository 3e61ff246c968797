"""Units -> what the network of a learned segmenter reads of each unit's surroundings: rows of hash tables.

The surroundings are the shapes of the neighbouring units, the white space between them, neighbouring forms, what the
rules for raw text say, and the words of training that the unit may begin, go on or end.
"""

# N units, boundaries included; L units of a word

from collections.abc import Iterable

import numpy as np

from tagger.model.segmenter_units import Units, UnitTable, mixed

MAX_WORD_UNITS = 8  # longer words are not in the lexicon
COLUMNS = 12
_FILTER_BITS = 20


class Lexicon:
    """The words of training: sequences of units, with the white space inside them. Others are found fast, too."""

    def __init__(self, hashes: np.ndarray, counts: np.ndarray | None = None) -> None:
        """Takes the hashes of words.

        Args:
            hashes: (words,) of uint64, ascending.
            counts: (words,) how often training has each; 1 each by default.
        """
        self.hashes = hashes
        self.counts = np.ones(len(hashes), dtype=np.int64) if counts is None else counts
        self._filter = np.zeros(1 << _FILTER_BITS, dtype=bool)  # whether a word may have a hash with these last bits
        self._filter[self._slots(hashes)] = True

    @classmethod
    def of(cls, table: UnitTable, units: Units, lengths: np.ndarray) -> "Lexicon":
        """The words of a text.

        Args:
            table: of the units.
            units: of the text.
            lengths: (N,) the units of the word that begins at each unit, 0 where none does.
        """
        found = [grams[lengths == size] for size, grams in _grams(table, units)]
        return cls(*np.unique(np.concatenate(found), return_counts=True))

    def matches(
        self, table: UnitTable, units: Units, lengths: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The longest words at each place.

        Args:
            table: of the units.
            units: of a text.
            lengths: of the words of the text, if it is the training text, see `of`; then each word is looked up as if
                training did not have it here.

        Returns:
            Three arrays (N,): the units of the longest word that begins with the unit, of the longest one that ends
            with it, and of the longest one that holds it and the next unit; 0 if there is none.
        """
        count = len(units.types)
        begins, ends, holds = (np.zeros(count, dtype=np.uint64) for _ in range(3))
        for size, grams in _grams(table, units):
            places = np.flatnonzero(self._filter[self._slots(grams)])
            found = np.searchsorted(self.hashes, grams[places])
            found[found == len(self.hashes)] = 0
            here = np.where(self.hashes[found] == grams[places], self.counts[found], 0) if len(self.hashes) else found
            if lengths is not None:
                here = here - (lengths[places] == size)
            places = places[(here > 0) & (places + size <= count)]
            begins[places] = size
            ends[places + size - 1] = size
            for inner in range(size - 1):
                holds[places + inner] = size
        return begins, ends, holds

    @staticmethod
    def _slots(hashes: np.ndarray) -> np.ndarray:
        return (hashes & np.uint64((1 << _FILTER_BITS) - 1)).astype(np.int64)


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
    lengths: np.ndarray | None = None,
) -> np.ndarray:
    """The rows of each unit's surroundings in a table of COLUMNS * buckets rows.

    Args:
        table: of the units.
        units: of a text.
        lexicon: words of training.
        rules: (N,) what the rules find at each unit's end: 0 nothing, 1 a token's end, 2 a sentence's end.
        buckets: rows of each column.
        lengths: see `Lexicon.matches`.

    Returns:
        (N, COLUMNS) of int64.
    """
    form, shape = (table.keys[units.types, part] for part in (0, 1))
    gap = units.gaps.astype(np.uint64)
    before = _next(gap, -1)
    begins, ends, holds = lexicon.matches(table, units, lengths)
    columns: list[tuple[np.ndarray, ...]] = [
        (shape, gap, before),
        (_next(shape, -1), before, shape),
        (shape, gap, _next(shape, 1)),
        (_next(shape, -1), before, shape, gap, _next(shape, 1)),
        (shape, gap, _next(shape, 1), _next(gap, 1), _next(shape, 2)),
        (_next(shape, -2), _next(gap, -2), _next(shape, -1), before, shape),
        (form, gap, _next(form, 1)),
        (_next(form, -1), before, form),
        (rules.astype(np.uint64), gap),
        (ends, _next(begins, 1), holds),
        (ends, gap, shape),
        (begins, holds, shape),
    ]
    rows = np.empty((len(form), COLUMNS), dtype=np.int64)
    for column, parts in enumerate(columns):
        rows[:, column] = mixed(*parts) % np.uint64(buckets)
        rows[:, column] += column * buckets
    return rows


def _next(values: np.ndarray, distance: int) -> np.ndarray:
    """The value of the unit that stands `distance` units after each, before it if that is negative."""
    return np.roll(values, -distance)

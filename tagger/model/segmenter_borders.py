"""Borders between units of text -> how often a word went on across them in training, which a segmenter reads.

A border is known by the units around it and the white space between them. Sequences of units that are never words, such
as `the house`, are in no lexicon, and yet training shows that they are always cut.
"""

# N units, boundaries between paragraphs included; H borders of training

from collections.abc import Iterable, Iterator

import numpy as np

from tagger.model.segmenter_units import KINDS, NO_GAP, Units, UnitTable, mixed

VIEWS = ((1, 1), (2, 1), (1, 2), (2, 2))  # units before and after a border by which it is known
# A code tells where the share of the cases in which a word goes on, and their number, lie between these:
_SHARES = (0.001, 0.1, 0.35, 0.65, 0.9, 0.999)
_COUNTS = (2, 3, 6)
BETWEEN = "|"  # the two kinds of a cut
BORDER_CODES = 1 + (len(_SHARES) + 1) * (len(_COUNTS) + 1)
_FILTER_BITS = 20


class Borders:
    """What training knows of the border after a unit.

    Attributes:
        hashes: (H,) of uint32, ascending.
        codes: (H,) of uint8 below BORDER_CODES, how often words went on here; 0 is for borders that are not here.
    """

    def __init__(self, hashes: np.ndarray, codes: np.ndarray) -> None:
        """Takes the attributes."""
        self.hashes, self.codes = hashes, codes
        self._counts: tuple[np.ndarray, np.ndarray] | None = None  # words that go on, and all cases; in training alone
        self._filter = np.zeros(1 << _FILTER_BITS, dtype=bool)  # whether a border may have a hash with these last bits
        self._filter[_slots(hashes)] = True

    @classmethod
    def of(cls, table: UnitTable, units: Units, lengths: np.ndarray, spaces: bool) -> "Borders":
        """The borders of the training text.

        Args:
            table: of the units.
            units: of the text.
            lengths: (N,) the units of the word that begins at each unit, 0 where none does.
            spaces: whether tokens may hold white space; if not, borders with white space are left out.
        """
        places = np.flatnonzero((units.ends > 0) & (spaces | (units.gaps == NO_GAP)))
        goes_on = _goes_on(lengths)[places]
        views = [hashes[places] for hashes in _views(table, units)]
        hashes, numbers, cases = np.unique(np.concatenate(views), return_inverse=True, return_counts=True)
        joined = np.bincount(numbers, weights=np.tile(goes_on, len(VIEWS)), minlength=len(hashes)).astype(np.int64)
        borders = cls(hashes, _codes(joined, cases))
        borders._counts = joined, cases
        return borders

    def found(self, table: UnitTable, units: Units, lengths: np.ndarray | None) -> list[np.ndarray]:
        """For each of VIEWS the code (N,) of the border after each unit; 0 where it is unknown.

        Args:
            table: of the units.
            units: of a text.
            lengths: of the words of the text, if it is the training text, see `of`; then each border is looked up as if
                training did not have it here.
        """
        goes_on = None if lengths is None else _goes_on(lengths)
        codes = []
        for hashes in _views(table, units):
            own = np.zeros(len(hashes), dtype=np.uint64)
            places = np.flatnonzero(self._filter[_slots(hashes)])
            if len(self.hashes):
                numbers = np.searchsorted(self.hashes, hashes[places])
                numbers[numbers == len(self.hashes)] = 0
                known = self.hashes[numbers] == hashes[places]
                places, numbers = places[known], numbers[known]
                own[places] = self.codes[numbers]
                if goes_on is not None and self._counts is not None:
                    joined, cases = (each[numbers] for each in self._counts)
                    own[places] = _codes(joined - goes_on[places], cases - 1)
            codes.append(own)
        return codes


def pairs_of_kinds(table: UnitTable, units: Units) -> np.ndarray:
    """(N,) which kinds of units meet at the border after each unit, as a number; 0 if white space is between them."""
    kinds = table.keys[units.types, 4].astype(np.int64)
    pairs = kinds * len(KINDS) + np.roll(kinds, -1)
    return np.where((units.gaps == NO_GAP) & (units.ends > 0), pairs, 0)


def cuts_of(table: UnitTable, units: Units, ends: np.ndarray) -> list[str]:
    """The kinds of units between which a text is cut, such as `Ll|Po`: see `SegmenterConfig`.

    Args:
        table: of the units.
        units: of the text.
        ends: (N,) whether a token or word ends after each unit.
    """
    pairs = np.unique(pairs_of_kinds(table, units)[ends])
    return sorted(_name(pair) for pair in pairs.tolist() if pair)


def known_cuts(names: Iterable[str]) -> np.ndarray:
    """(pairs of kinds,) whether each has a name that is given. Where white space is between two units, it is true.

    Raises:
        ValueError: a name is not that of a pair.
    """
    numbers = {_name(pair): pair for pair in range(len(KINDS) ** 2)}
    known = np.zeros(len(numbers), dtype=bool)
    known[0] = True
    for name in names:
        if name not in numbers or "" in name.split(BETWEEN):
            raise ValueError(f"the cut {name[:60]!r} is not two kinds of units with {BETWEEN} between them")
        known[numbers[name]] = True
    return known


def _name(pair: int) -> str:
    """What `cuts` calls a pair of kinds."""
    first, second = divmod(pair, len(KINDS))
    return KINDS[first] + BETWEEN + KINDS[second]


def _codes(joined: np.ndarray, cases: np.ndarray) -> np.ndarray:
    """How often words went on, and in how many cases, as codes below BORDER_CODES; 0 for no case."""
    share = joined / np.maximum(cases, 1)
    codes: np.ndarray = 1 + np.digitize(share, _SHARES) + (len(_SHARES) + 1) * np.digitize(cases, _COUNTS)
    return np.where(cases > 0, codes, 0).astype(np.uint8)


def _goes_on(lengths: np.ndarray) -> np.ndarray:
    """(N,) whether a word of these lengths goes on after each unit."""
    steps = np.zeros(len(lengths) + 1, dtype=np.int64)
    begins = np.flatnonzero(lengths)
    np.add.at(steps, begins, 1)
    np.add.at(steps, np.minimum(begins + lengths[begins] - 1, len(lengths)), -1)
    goes_on: np.ndarray = np.cumsum(steps[:-1]) > 0
    return goes_on


def _views(table: UnitTable, units: Units) -> Iterator[np.ndarray]:
    """For each of VIEWS the hash (N,), of uint32, of the border after each unit."""
    forms = table.keys[units.types, 0]
    gaps = np.minimum(units.gaps, 1).astype(np.uint64)
    for before, after in VIEWS:
        parts = [np.full(len(forms), 3 * before + after, dtype=np.uint64)]
        for distance in range(1 - before, after + 1):
            parts += [np.roll(forms, -distance), np.roll(gaps, -distance)]
        yield (mixed(*parts[:-1]) >> np.uint64(32)).astype(np.uint32)


def _slots(hashes: np.ndarray) -> np.ndarray:
    return (hashes & np.uint32((1 << _FILTER_BITS) - 1)).astype(np.int64)

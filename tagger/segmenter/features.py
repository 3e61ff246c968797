"""Pieces of text -> what the network of a learned segmenter reads of each one's surroundings: rows of hash tables.

A border is known by the units around it and the white space between them. Sequences of units that are never words, such
as `the house`, are in no lexicon, and yet training shows that they are always cut.

The surroundings are the shapes of the neighbouring units, the white space between them, neighbouring forms, what the
rules for raw text say, the words of training that the unit may begin, go on or end, and how often training cut there.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from tagger.segmenter.units import KINDS, NO_GAP, Units, mixed
from tagger.words.rules import ConfirmedRules
from tagger.words.segment import segment_ends

# N units of all paragraphs, boundaries between paragraphs included; H borders of training; W words of training;
# L units of a word


VIEWS = ((1, 1), (2, 1), (1, 2), (2, 2))  # units before and after a border by which it is known
# A code tells where the share of the cases in which a word goes on, and their number, lie between these:
_SHARES = (0.001, 0.1, 0.35, 0.65, 0.9, 0.999)
_COUNTS = (2, 3, 6)
BETWEEN = "|"  # the two kinds of a cut
BORDER_CODES = 1 + (len(_SHARES) + 1) * (len(_COUNTS) + 1)
MAX_REPEATED = 50_000  # borders that a small file has, unless more of them are very frequent
_FILTER_BITS = 20
MAX_WORD_UNITS = 12  # longer words are not in the lexicon
SIZES, CODES = 16, 8  # a word that is found is its units, fewer than SIZES, + SIZES * its code, below CODES
_Counts = tuple[np.ndarray, np.ndarray]  # see `HashTable`


class HashTable:
    """Hashes of training, ascending, of uint32, with a code each, of uint8.

    In training also two counts of each: the cases in which it is a word (or a word goes on), and all cases.
    """

    def __init__(self, hashes: np.ndarray, codes: np.ndarray, counts: _Counts | None = None) -> None:
        self.hashes, self.codes, self._counts = hashes, codes, counts
        self._filter = np.zeros(1 << _FILTER_BITS, dtype=bool)  # whether a hash of training may have these last bits
        self._filter[_last_bits(hashes)] = True

    def find(self, hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The places in `hashes` of those that training has, and their numbers there; last bits tell most apart."""
        places = np.flatnonzero(self._filter[_last_bits(hashes)])
        numbers = np.searchsorted(self.hashes, hashes[places])
        numbers[numbers == len(self.hashes)] = 0
        is_there = self.hashes[numbers] == hashes[places]
        return places[is_there], numbers[is_there]


class Borders(HashTable):
    """What training knows of the border after a unit: codes below BORDER_CODES, how often words went on there."""

    @classmethod
    def of(cls, units: Units, lengths: np.ndarray, spaces: bool) -> "Borders":
        """The borders of the training text; see `Lexicon.of`. Without `spaces` those with white space are left out."""
        places = np.flatnonzero((units.ends > 0) & (spaces | (units.gaps == NO_GAP)))
        goes_on = _goes_on(lengths)[places]
        views = [hashes[places] for hashes in _views(units)]
        hashes, numbers, cases = np.unique(np.concatenate(views), return_inverse=True, return_counts=True)
        joined = np.bincount(numbers, weights=np.tile(goes_on, len(VIEWS)), minlength=len(hashes)).astype(np.int64)
        return cls(hashes, _border_codes(joined, cases), (joined, cases))

    def repeated(self) -> "Borders":
        """Those that training has twice, one in twenty of them, and nearly as good; thrice if these are too many."""
        for counts_below in range(1, len(_COUNTS) + 1):
            kept = self.codes > counts_below * (len(_SHARES) + 1)
            if kept.sum() <= MAX_REPEATED:
                break
        return Borders(self.hashes[kept], self.codes[kept])

    def at_units(self, units: Units, lengths: np.ndarray | None) -> list[np.ndarray]:
        """For each of VIEWS the code (N,) of the border after each unit; 0 where it is unknown.

        With `lengths` (see `Lexicon.of`) the text is that of training, and each border is looked up as if training did
        not have it here.
        """
        goes_on = None if lengths is None else _goes_on(lengths)
        codes = []
        for hashes in _views(units):
            of_units = np.zeros(len(hashes), dtype=np.uint64)
            places, numbers = self.find(hashes)
            of_units[places] = self.codes[numbers]
            if goes_on is not None and self._counts is not None:
                joined, cases = (each[numbers] for each in self._counts)
                of_units[places] = _border_codes(joined - goes_on[places], cases - 1)
            codes.append(of_units)
        return codes


def pairs_of_kinds(units: Units) -> np.ndarray:
    """(N,) which kinds of units meet at the border after each unit, as a number; 0 if white space is between them."""
    kinds = units.traits[:, 4].astype(np.int64)
    pairs = kinds * len(KINDS) + np.roll(kinds, -1)
    return np.where((units.gaps == NO_GAP) & (units.ends > 0), pairs, 0)


def cuts_of(units: Units, ends: np.ndarray) -> list[str]:
    """The kinds of units between which a text is cut, such as `Ll|Po`; (N,) whether a token `ends` with each unit."""
    pairs = np.unique(pairs_of_kinds(units)[ends])
    return sorted(_name(pair) for pair in pairs.tolist() if pair)


def allowed_cuts(names: Iterable[str]) -> np.ndarray:
    """(pairs of kinds,) whether each has a name that is given; where white space is between two units, it is true."""
    numbers = {_name(pair): pair for pair in range(len(KINDS) ** 2)}
    is_allowed = np.zeros(len(numbers), dtype=bool)
    is_allowed[0] = True
    for name in names:
        if name not in numbers or "" in name.split(BETWEEN):
            raise ValueError(f"the cut {name[:60]!r} is not two kinds of units with {BETWEEN} between them")
        is_allowed[numbers[name]] = True
    return is_allowed


def _name(pair: int) -> str:
    first, second = divmod(pair, len(KINDS))
    return KINDS[first] + BETWEEN + KINDS[second]


def _border_codes(joined: np.ndarray, cases: np.ndarray) -> np.ndarray:
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


def _views(units: Units) -> Iterator[np.ndarray]:
    """For each of VIEWS the hash (N,), of uint32, of the border after each unit."""
    forms = units.traits[:, 0]
    gaps = np.minimum(units.gaps, 1).astype(np.uint64)
    for before, after in VIEWS:
        parts = [np.full(len(forms), 3 * before + after, dtype=np.uint64)]
        for distance in range(1 - before, after + 1):
            parts += [np.roll(forms, -distance), np.roll(gaps, -distance)]
        yield _short(mixed(*parts[:-1]))


def _short(hashes: np.ndarray) -> np.ndarray:
    """The first half of each hash, of uint32: of 10,000 words one in 400,000 others has the hash of one."""
    return (hashes >> np.uint64(32)).astype(np.uint32)


def _last_bits(hashes: np.ndarray) -> np.ndarray:
    return (hashes & np.uint32((1 << _FILTER_BITS) - 1)).astype(np.int64)


class Lexicon(HashTable):
    """The words of training: sequences of units, with the white space inside them; see `_word_codes`."""

    def __init__(self, hashes: np.ndarray, codes: np.ndarray, borders: Borders, counts: _Counts | None = None) -> None:
        super().__init__(hashes, codes, counts)
        self.borders = borders

    @classmethod
    def of(cls, units: Units, lengths: np.ndarray, spaces: bool) -> "Lexicon":
        """The words of the training text, whose tokens may hold white space if `spaces` is true.

        `lengths` (N,) are the units of the word that begins at each unit, 0 where none does.
        """
        words_of_size = [grams[lengths == size] for size, grams in _grams(units)]
        hashes, words = np.unique(np.concatenate(words_of_size), return_counts=True)
        index, occurrences = HashTable(hashes, words), np.zeros(len(hashes), dtype=np.int64)
        for _, grams in _grams(units):
            occurrences += np.bincount(index.find(grams)[1], minlength=len(hashes))
        borders = Borders.of(units, lengths, spaces)
        return cls(hashes, _word_codes(words, occurrences), borders, (words, occurrences))

    def matches(self, units: Units, lengths: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The longest words at each place; see `Borders.at_units` for `lengths`.

        Three arrays (N,): the longest word that begins with the unit, the longest one that ends with it, and the
        longest one that holds it and the next unit; 0 if there is none, else its units + SIZES * its code.
        """
        count = len(units.types)
        begins, ends, holds = (np.zeros(count, dtype=np.uint64) for _ in range(3))
        for size, grams in _grams(units):
            places, numbers = self.find(grams)
            codes = self.codes[numbers]
            if lengths is not None and self._counts is not None:
                words, occurrences = (each[numbers] for each in self._counts)
                words = words - (lengths[places] == size)
                known = words > 0
                places, codes = places[known], _word_codes(words, occurrences - 1)[known]
            inside = places + size <= count
            places = places[inside]
            value = codes[inside].astype(np.uint64) * np.uint64(SIZES) + np.uint64(size)
            begins[places] = value
            ends[places + size - 1] = value
            for inner in range(size - 1):
                holds[places + inner] = value
        return begins, ends, holds


def _word_codes(words: np.ndarray, occurrences: np.ndarray) -> np.ndarray:
    """How often sequences are words where they occur, as codes below CODES: the share, and whether it is of over 2."""
    share = words / np.maximum(occurrences, 1)
    codes: np.ndarray = np.digitize(share, (0.25, 0.6, 0.9)) + 4 * (words > 2)
    return codes.astype(np.uint8)


def _grams(units: Units) -> Iterable[tuple[int, np.ndarray]]:
    """For each L the hash (N,), of uint32, of the L units from each unit on."""
    forms = units.traits[:, 0]
    gaps = np.minimum(units.gaps, 1).astype(np.uint64) + np.uint64(7)
    grams = mixed(forms)
    yield 1, _short(grams)
    for size in range(2, MAX_WORD_UNITS + 1):
        grams = mixed(grams, _next(gaps, size - 2), _next(forms, size - 1))
        yield size, _short(grams)


def context_rows(
    units: Units,
    lexicon: Lexicon,
    rules: np.ndarray,
    buckets: int,
    pairs: bool = False,
    lengths: np.ndarray | None = None,
) -> np.ndarray:
    """The rows of each unit's surroundings in a table of C * buckets rows: (N, C) of int64.

    `rules` (N,) are those of `rule_labels`; for `lengths` see `Borders.at_units`. With `pairs` a unit's form and the
    next or the last one are read as pairs.
    """
    form, shape, kind = (units.traits[:, part] for part in range(3))
    gap = units.gaps.astype(np.uint64)
    before = _next(gap, -1)
    begins, ends, holds = lexicon.matches(units, lengths)
    starts = _next(begins, 1)
    begin, start, end, hold = (each % np.uint64(SIZES) for each in (begins, starts, ends, holds))
    one_one, two_one, one_two, two_two = lexicon.borders.at_units(units, lengths)
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


def rule_labels(
    paragraphs: Sequence[str],
    units: Units,
    rules: str | None,
    places: np.ndarray | None = None,
    confirmed: ConfirmedRules | None = None,
) -> np.ndarray:
    """(N,) what rules find at the end of each unit: 0 nothing, 1 a token's end, 2 a sentence's end.

    If `places` (of units, ascending) are given, only paragraphs that hold one of them are read.
    """
    labels = np.zeros(len(units.types), dtype=np.int64)
    if rules is None:
        return labels
    wanted: Iterable[int] = range(len(paragraphs))
    if places is not None:
        wanted = sorted({*units.paragraphs_of(places)})
    for number in wanted:
        paragraph, (start, stop) = paragraphs[number], units.bounds[number]
        ends, last = segment_ends(paragraph, rules, confirmed)
        at = np.zeros(len(paragraph) + 1, dtype=np.int64)
        at[ends] = 1
        at[last] = 2
        labels[start:stop] = at[units.ends[start:stop]]
    return labels

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.model.segmenter_features import BORDER_CODES, VIEWS, Borders, cuts_of, known_cuts, pairs_of_kinds
from tagger.model.segmenter_units import Units, UnitTable

TABLE = UnitTable([], 16, False)


def lengths_of(units: Units, sizes: list[int]) -> np.ndarray:
    """The lengths of words of so many units, one after the other."""
    lengths = np.zeros(len(units.types), dtype=np.int64)
    lengths[units.bounds[0][0] + np.cumsum([0, *sizes[:-1]])] = sizes
    return lengths


def learned(text: str, sizes: list[int], spaces: bool = True) -> Borders:
    units = TABLE.read([text])
    return Borders.of(TABLE, units, lengths_of(units, sizes), spaces)


def codes(borders: Borders, text: str, sizes: list[int] | None = None) -> list[list[int]]:
    """For each view the codes of the borders of a text."""
    units = TABLE.read([text])
    start, stop = units.bounds[0]
    lengths = None if sizes is None else lengths_of(units, sizes)
    return [own[start:stop].tolist() for own in borders.found(TABLE, units, lengths)]


def test_borders_that_always_never_and_sometimes_end_a_word_differ():
    borders = learned("a b x a b x a b x a b", [2, 1, 2, 1, 2, 1, 1, 1])
    (sometimes, *_), *_ = codes(borders, "a b")
    (never, *_), *_ = codes(borders, "x a")
    (unknown, *_), *_ = codes(borders, "b a")
    (always, *_), *_ = codes(learned("a b " * 4, [2] * 4), "a b")
    assert unknown == 0
    assert 0 < never < sometimes < BORDER_CODES
    assert len({unknown, never, sometimes, always}) == 4


def test_a_border_seen_once_differs_from_one_seen_often():
    once, often = (codes(learned("a b. " * count, [2, 1] * count), "a b")[0][0] for count in (1, 20))
    assert 0 < once < often


def test_views_need_the_units_on_both_sides():
    borders = learned("a b c d", [1, 2, 1])
    assert [view[1] > 0 for view in codes(borders, "a b c d")] == [True] * len(VIEWS)
    assert [view[1] > 0 for view in codes(borders, "x b c x")] == [True, False, False, False]
    assert [view[1] > 0 for view in codes(borders, "a b c x")] == [True, True, False, False]
    assert [view[1] > 0 for view in codes(borders, "x b c d")] == [True, False, True, False]
    assert [view[1] > 0 for view in codes(borders, "a bc d")] == [False] * len(VIEWS)


def test_white_space_and_its_absence_are_two_borders():
    borders = learned("U.", [2])
    assert codes(borders, "u.")[0][0] > 0
    assert codes(borders, "u .")[0][0] == 0


@pytest.mark.parametrize("spaces", [False, True])
def test_borders_with_white_space_are_known_where_tokens_may_hold_it(spaces):
    borders = learned("viet nam.", [2, 1], spaces)
    assert (codes(borders, "viet nam.")[0][0] > 0) == spaces
    assert codes(borders, "viet nam.")[0][1] > 0


def test_in_training_a_border_does_not_know_itself():
    text, sizes = "a b. x a b, c d", [2, 1, 1, 1, 1, 1, 1, 1]
    borders = learned(text, sizes)
    view = codes(borders, text, sizes)[0]
    assert view[7] == 0  # `c d` occurs here alone
    first, second = view[0], view[4]
    assert first == codes(learned("a b", [1, 1]), "a b")[0][0]  # what it knows from the other place
    assert second == codes(learned("a b", [2]), "a b")[0][0]


def test_no_borders_find_nothing():
    none = np.zeros(0, dtype=np.uint8)
    assert codes(Borders(none.astype(np.uint32), none), "a b") == [[0, 0]] * len(VIEWS)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=20), st.text("ab. ", max_size=12))
def test_every_code_has_its_place(sizes, text):
    borders = learned("a b . " * 40, sizes)
    assert (np.diff(borders.hashes.astype(np.int64)) > 0).all()
    assert ((borders.codes > 0) & (borders.codes < BORDER_CODES)).all()
    assert all(0 <= code < BORDER_CODES for view in codes(borders, text) for code in view)


def test_the_kinds_between_which_a_text_is_cut():
    table = UnitTable([], 8, False)
    units = table.read(["50km (a)", "It 3a,"])
    ends = np.zeros(len(units.types), dtype=bool)
    first, second = (start for start, _ in units.bounds)
    ends[[first + 1, first + 3, first + 4, second, second + 1]] = True  # 50km ( a ) It 3 a,
    assert cuts_of(table, units, ends) == ["Ll|Pe", "Nd|Ll"]


def test_white_space_and_the_ends_of_paragraphs_are_between_no_kinds():
    table = UnitTable([], 8, False)
    units = table.read(["a b", "1", "a1"])
    assert np.flatnonzero(pairs_of_kinds(table, units)).tolist() == [units.bounds[2][0]]
    assert np.flatnonzero(known_cuts([])).tolist() == [0]


@pytest.mark.parametrize("name", ["", "|", "Nd", "Nd Lo", "Nd|", "|Lo", "Nd|lo", "Nd|Lo|Lo", "Pi|Lo"])
def test_a_cut_has_two_kinds(name):
    assert known_cuts(["Nd|Lo", "Lo|Nd", "Nd|end"]).sum() == 1 + 3
    with pytest.raises(ValueError, match=r"is not two kinds of units"):
        known_cuts([name])

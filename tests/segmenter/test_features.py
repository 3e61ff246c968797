import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.segmenter.features import (
    BORDER_CODES,
    SIZES,
    VIEWS,
    Borders,
    Lexicon,
    allowed_cuts,
    context_rows,
    cuts_of,
)
from tagger.segmenter.unit_network import columns
from tagger.segmenter.units import Units, UnitTable


def lengths_of(units: Units, words: dict[int, int]) -> np.ndarray:
    """The lengths of words that begin at the given units, counted from the first one of the first text."""
    lengths = np.zeros(len(units.types), dtype=np.int64)
    for unit, size in words.items():
        lengths[units.bounds[0][0] + unit] = size
    return lengths


def own(units: Units, values: np.ndarray) -> list[int]:
    start, stop = units.bounds[0]
    return (values[start:stop] % np.uint64(SIZES)).tolist()


def test_a_lexicon_finds_the_longest_words_at_each_place():
    table = UnitTable([], 16, False)
    units = table.read(["中 文 中文字"])
    lexicon = Lexicon.of(table, units, lengths_of(units, {0: 1, 1: 1, 2: 2, 4: 1}), True)
    found = table.read(["大中文字"])
    begins, ends, holds = (own(found, each) for each in lexicon.matches(table, found, None))
    assert begins == [0, 2, 1, 1]
    assert ends == [0, 1, 2, 1]
    assert holds == [0, 2, 0, 0]


def test_white_space_inside_a_word_matters():
    table = UnitTable([], 16, False)
    units = table.read(["Việt Nam"])
    lexicon = Lexicon.of(table, units, lengths_of(units, {0: 2}), True)
    for text, size in (("Việt Nam", 2), ("việt  nam", 2), ("Việt-Nam", 0)):
        found = table.read([text])
        assert own(found, lexicon.matches(table, found, None)[0])[0] == size


def test_in_training_a_word_does_not_know_itself():
    table = UnitTable([], 16, False)
    units = table.read(["new york, york"])
    lengths = lengths_of(units, {0: 2, 2: 1, 3: 1})
    lexicon = Lexicon.of(table, units, lengths, True)
    assert own(units, lexicon.matches(table, units, None)[0]) == [2, 1, 1, 1]
    # York stands once within a word and once as one: within, it is known from the other place.
    assert own(units, lexicon.matches(table, units, lengths)[0]) == [0, 1, 0, 0]


@given(st.lists(st.text("ab. 中", max_size=12), min_size=1, max_size=3), st.booleans())
def test_surroundings_depend_on_the_paragraph_alone(texts, pairs):
    table = UnitTable([], 16, False)
    training = table.read(["ab. 中a b中 中"])
    lexicon = Lexicon.of(table, training, lengths_of(training, {0: 2, 2: 1, 4: 3}), True)

    def rows(paragraphs: list[str]) -> list[list[list[int]]]:
        units = table.read(paragraphs)
        found = context_rows(table, units, lexicon, np.zeros(len(units.types), dtype=np.int64), 64, pairs)
        assert found.shape == (len(units.types), columns(pairs))
        assert (found // 64 == np.arange(columns(pairs))).all()
        return [found[start:stop].tolist() for start, stop in units.bounds]

    assert rows(texts) == [rows([text])[0] for text in texts]


TABLE = UnitTable([], 16, False)


def laid_out(units: Units, sizes: list[int]) -> np.ndarray:
    """The lengths of words of so many units, one after the other."""
    lengths = np.zeros(len(units.types), dtype=np.int64)
    lengths[units.bounds[0][0] + np.cumsum([0, *sizes[:-1]])] = sizes
    return lengths


def learned(text: str, sizes: list[int], spaces: bool = True) -> Borders:
    units = TABLE.read([text])
    return Borders.of(TABLE, units, laid_out(units, sizes), spaces)


def codes(borders: Borders, text: str, sizes: list[int] | None = None) -> list[list[int]]:
    """For each view the codes of the borders of a text."""
    units = TABLE.read([text])
    start, stop = units.bounds[0]
    lengths = None if sizes is None else laid_out(units, sizes)
    return [own[start:stop].tolist() for own in borders.at_units(TABLE, units, lengths)]


def test_borders_that_always_never_and_sometimes_end_a_word_differ():
    borders = learned("a b x a b x a b x a b", [2, 1, 2, 1, 2, 1, 1, 1])
    (sometimes, *_), *_ = codes(borders, "a b")
    (never, *_), *_ = codes(borders, "x a")
    (unknown, *_), *_ = codes(borders, "b a")
    (always, *_), *_ = codes(learned("a b " * 4, [2] * 4), "a b")
    assert unknown == 0
    assert 0 < never < sometimes < BORDER_CODES
    assert len({unknown, never, sometimes, always}) == 4


def test_views_need_the_units_on_both_sides():
    borders = learned("a b c d", [1, 2, 1])
    assert [view[1] > 0 for view in codes(borders, "a b c d")] == [True] * len(VIEWS)
    assert [view[1] > 0 for view in codes(borders, "x b c x")] == [True, False, False, False]
    assert [view[1] > 0 for view in codes(borders, "a b c x")] == [True, True, False, False]
    assert [view[1] > 0 for view in codes(borders, "x b c d")] == [True, False, True, False]
    assert [view[1] > 0 for view in codes(borders, "a bc d")] == [False] * len(VIEWS)


@pytest.mark.parametrize("spaces", [False, True])
def test_borders_with_white_space_are_known_where_tokens_may_hold_it(spaces):
    borders = learned("viet nam.", [2, 1], spaces)
    assert (codes(borders, "viet nam.")[0][0] > 0) == spaces
    assert codes(borders, "viet nam .")[0][1] == 0  # white space, or none there, are two borders
    assert codes(borders, "viet nam.")[0][1] > 0


def test_in_training_a_border_does_not_know_itself():
    text, sizes = "a b. x a b, c d", [2, 1, 1, 1, 1, 1, 1, 1]
    borders = learned(text, sizes)
    view = codes(borders, text, sizes)[0]
    assert view[7] == 0  # `c d` occurs here alone
    first, second = view[0], view[4]
    assert first == codes(learned("a b", [1, 1]), "a b")[0][0]  # what it knows from the other place
    assert second == codes(learned("a b", [2]), "a b")[0][0]


def test_the_kinds_between_which_a_text_is_cut():
    table = UnitTable([], 8, False)
    units = table.read(["50km (a)", "It 3a,"])
    ends = np.zeros(len(units.types), dtype=bool)
    first, second = (start for start, _ in units.bounds)
    ends[[first + 1, first + 3, first + 4, second, second + 1]] = True  # 50km ( a ) It 3 a,
    assert cuts_of(table, units, ends, np.zeros_like(ends)) == ["Ll|Pe", "Nd|Ll"]


@pytest.mark.parametrize("name", ["", "|", "Nd", "Nd Lo", "Nd|", "|Lo", "Nd|lo", "Nd|Lo|Lo", "Pi|Lo"])
def test_a_cut_has_two_kinds(name):
    assert allowed_cuts(["Nd|Lo", "Lo|Nd", "Nd|end"]).sum() == 1 + 3
    with pytest.raises(ValueError, match=r"is not two kinds of units"):
        allowed_cuts([name])


TEXTS = ["It ends. A dog", "", "So, no.", "x"]

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tagger.model.segmenter import columns
from tagger.model.segmenter_features import MAX_WORD_UNITS, SIZES, Borders, Lexicon, context_rows
from tagger.model.segmenter_units import Units, UnitTable


def read(table: UnitTable, *texts: str) -> Units:
    return table.read(texts)


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
    units = read(table, "中 文 中文字")
    lexicon = Lexicon.of(table, units, lengths_of(units, {0: 1, 1: 1, 2: 2, 4: 1}), True)
    found = read(table, "大中文字")
    begins, ends, holds = (own(found, each) for each in lexicon.matches(table, found, None))
    assert begins == [0, 2, 1, 1]
    assert ends == [0, 1, 2, 1]
    assert holds == [0, 2, 0, 0]


def test_white_space_inside_a_word_matters():
    table = UnitTable([], 16, False)
    units = read(table, "Việt Nam")
    lexicon = Lexicon.of(table, units, lengths_of(units, {0: 2}), True)
    for text, size in (("Việt Nam", 2), ("việt  nam", 2), ("Việt-Nam", 0)):
        found = read(table, text)
        assert own(found, lexicon.matches(table, found, None)[0])[0] == size


def test_in_training_a_word_does_not_know_itself():
    table = UnitTable([], 16, False)
    units = read(table, "new york, york")
    lengths = lengths_of(units, {0: 2, 2: 1, 3: 1})
    lexicon = Lexicon.of(table, units, lengths, True)
    assert own(units, lexicon.matches(table, units, None)[0]) == [2, 1, 1, 1]
    # York stands once within a word and once as one: within, it is known from the other place.
    assert own(units, lexicon.matches(table, units, lengths)[0]) == [0, 1, 0, 0]


def test_a_code_says_how_often_a_sequence_is_a_word():
    table = UnitTable([], 16, False)
    units = read(table, "ab cd " * 4)
    lexicon = Lexicon.of(table, units, lengths_of(units, {0: 2, **dict.fromkeys((3, 5, 7), 1), **{2: 1}}), True)
    codes = {}
    for text in ("ab cd", "cd"):
        found = read(table, text)
        codes[text] = int(lexicon.matches(table, found, None)[0][found.bounds[0][0]]) // SIZES
    assert codes["ab cd"] == 1  # one of 4
    assert codes["cd"] == 2 + 4  # three of 4


def test_an_empty_lexicon_finds_nothing():
    table = UnitTable([], 16, False)
    units = read(table, "any text")
    none = np.zeros(0, dtype=np.uint8)
    lexicon = Lexicon(none.astype(np.uint64), none, Borders(none.astype(np.uint32), none))
    assert not any(each.any() for each in lexicon.matches(table, units, None))


@given(st.lists(st.text("ab. 中", max_size=12), min_size=1, max_size=3), st.booleans())
def test_surroundings_depend_on_the_paragraph_alone(texts, pairs):
    table = UnitTable([], 16, False)
    training = read(table, "ab. 中a b中 中")
    lexicon = Lexicon.of(table, training, lengths_of(training, {0: 2, 2: 1, 4: 3}), True)

    def rows(paragraphs: list[str]) -> list[list[list[int]]]:
        units = table.read(paragraphs)
        found = context_rows(table, units, lexicon, np.zeros(len(units.types), dtype=np.int64), 64, pairs)
        assert found.shape == (len(units.types), columns(pairs))
        assert (found // 64 == np.arange(columns(pairs))).all()
        return [found[start:stop].tolist() for start, stop in units.bounds]

    assert rows(texts) == [rows([text])[0] for text in texts]


def test_words_of_many_units_are_not_in_the_lexicon():
    table = UnitTable([], 16, False)
    units = read(table, "a " * (MAX_WORD_UNITS + 1))
    assert len(Lexicon.of(table, units, lengths_of(units, {0: MAX_WORD_UNITS + 1}), True).hashes) == 0

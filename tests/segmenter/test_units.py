import itertools
import sys
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.segmenter.units import END_GAP, KINDS, NO_GAP, SPACE_GAP, UnitTable, kind, normalised, shape

TEXTS = st.text(st.one_of(st.characters(), st.sampled_from("aZ 9.\n\u0301\u3000\u200b\ufeff中ไทя\x1c\x85")))


def make_table(characters: bool = False) -> UnitTable:
    return UnitTable(["the", "0000"], 16, characters)


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("Don't go, 1984!", ["Don", "'", "t", "go", ",", "1984", "!"]),
        ("l’été 你好ABC ไทย", ["l", "’", "été", "你", "好", "ABC", "ไ", "ท", "ย"]),
        ("e\u0301a x\u0301 .\u0301", ["e\u0301a", "x\u0301", ".\u0301"]),
        (" \u200b\n\ufeff", []),
        ("\ud800\x00a_b", ["\ud800", "\x00", "a", "_", "b"]),
    ],
)
def test_units_are_runs_of_letters_numbers_and_single_characters(text, units):
    assert make_table().cut(text) == units


@given(st.lists(TEXTS, max_size=4), st.booleans())
def test_every_character_but_white_space_is_in_one_unit(texts, characters):
    table = make_table(characters)
    units = table.read(texts)
    for text, (start, stop) in zip(texts, units.bounds, strict=True):
        spans = list(zip(units.starts[start:stop].tolist(), units.ends[start:stop].tolist(), strict=True))
        assert [text[a:b] for a, b in spans] == table.cut(text)
        covered = {place for a, b in spans for place in range(a, b)}
        assert len(covered) == sum(b - a for a, b in spans)
        blank = "\u200b\ufeff"
        assert all(text[place].isspace() or text[place] in blank for place in range(len(text)) if place not in covered)
        gaps = units.gaps[start:stop].tolist()
        assert gaps[-1:] == [END_GAP] * bool(spans)
        assert gaps[:-1] == [NO_GAP if b == c else SPACE_GAP for (_, b), (c, _) in itertools.pairwise(spans)]


def test_the_rows_of_a_type_do_not_depend_on_what_was_read_before():
    table, other = make_table(), make_table()
    other.read(["some other text, 12 words"])
    found = []
    for each in (table, other):
        types = each.read(["The cat"]).types
        found.append(each.rows[types])
    assert np.array_equal(*found)
    assert found[0].max() < table.size


def test_a_table_forgets_when_it_is_full():
    table = UnitTable([], 16, False, limit=5)
    for text in ("a b c d e", "f g h", "a b"):
        units = table.read([text])
        assert len(units.types[slice(*units.bounds[0])]) == len(text.split())
    assert table.generation > 0


def test_what_the_network_sees_of_a_unit():
    assert normalised("E\u0301TE\u0301") == "été"
    assert normalised("1984") == "0000"
    assert [shape(unit) for unit in ("The", "THE", "I", "the", "12", ".", "中")] == [
        *("Xx3", "XX3", "X1", "x3", "02", ".", "o")
    ]
    assert [kind(unit) for unit in "。!”」「a,"] == ["end", "end", "Pe", "Pe", "Ps", "Ll", "Po"]


def test_every_character_has_a_kind() -> None:
    categories = {unicodedata.category(chr(code)): chr(code) for code in range(sys.maxunicode + 1)}
    assert {kind(character) for character in categories.values()} - set(KINDS) == set()


def test_a_line_end_within_chinese_or_japanese_is_no_gap():
    table = make_table()
    units = table.read(["你好\n世 界 \n\u3000の\nabc\nde"])
    start, stop = units.bounds[0]
    # 你 好 世 界 の abc de
    assert units.gaps[start:stop].tolist() == [NO_GAP, NO_GAP, SPACE_GAP, NO_GAP, SPACE_GAP, SPACE_GAP, END_GAP]
    plain = table.read(["你好世 界の abc de"])
    assert units.gaps.tolist() == plain.gaps.tolist()

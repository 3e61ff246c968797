"""Affixes and shapes of word forms, and their rows in the hash tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.model.forms import AFFIXES, affix_rows, word_shape


@pytest.mark.parametrize(
    ("form", "shape"),
    [
        ("McDonald's", "XxXxxx'x"),
        ("1,250", "9,999"),
        ("12345", "999"),
        ("NATO", "XXX"),
        ("...", "..."),
        ("......", "..."),
        ("naïve-Ä1", "xxx-X9"),
        ("", ""),
        ("\ud800", "\ud800"),
        ("语言", "xx"),
    ],
)
def test_word_shape(form: str, shape: str) -> None:
    assert word_shape(form) == shape


def test_affix_rows_are_the_same_in_every_process() -> None:
    assert affix_rows("Books", 1000) == [681, 1851, 2149, 3339, 4733, 5613, 6414, 7009]
    assert affix_rows("naïve-1", 1000) == [146, 1600, 2711, 3583, 4962, 5396, 6714, 7879]
    assert affix_rows("\ud800", 1000) == [600, 1600, 2600, 3600, 4600, 5600, 6600, 7600]


def test_affix_rows_ignore_case_except_in_the_shape() -> None:
    lower, upper = affix_rows("books", 1000), affix_rows("BOOKS", 1000)
    assert lower[:-1] == upper[:-1]
    assert lower[-1] != upper[-1]
    assert affix_rows("bookish", 1000)[:3] == lower[:3]
    assert affix_rows("works", 1000)[4] == lower[4]  # the suffix "ks"


@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=40), st.integers(1, 50))
def test_every_affix_has_rows_of_its_own(form: str, buckets: int) -> None:
    rows = affix_rows(form, buckets)
    assert len(rows) == AFFIXES
    assert [row // buckets for row in rows] == list(range(AFFIXES))

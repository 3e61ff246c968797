"""The table of forms: what it knows of each form, and that it forgets and grows without a trace."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.model.batch import PAD
from tagger.model.collate import collate
from tagger.model.embeddings import AFFIX_COUNT, MAX_CHARACTERS, affix_rows, word_shape
from tagger.model.vocabulary import Vocabulary
from tests.conftest import TOKENS, assert_same_batch, make_batch, make_table


def test_a_long_form_gives_its_first_and_last_characters() -> None:
    vocabulary = Vocabulary.build([{"tokens": ["abcdefgh"], "upos": ["X"]}], ["upos"], min_count=1)
    form = "abcd" * 4 + "h" * 4968 + "efg" * 5 + "a"
    assert len(form) == 5000
    batch = make_batch([[form, "ab"]], vocabulary)
    assert batch.features["characters"].shape == (2, MAX_CHARACTERS)
    ids = vocabulary.character_ids
    assert batch.features["characters"][0].tolist() == [ids[c] for c in form[:16] + form[-16:]]
    assert batch.features["characters"][1].tolist() == [ids["a"], ids["b"]] + [PAD] * 30
    for length in (31, 32, 33):
        batch = make_batch([[form[:length]]], vocabulary)
        assert (batch.features["characters"] != PAD).sum() == min(length, 32)


def test_a_table_that_forgets_gives_the_same_batches(vocabulary: Vocabulary) -> None:
    small = make_table(vocabulary, limit=4)
    texts = [[["They", "book"]], [["flights", "."]], [["Well"], ["reads", "They", "new", "words", "book"]], TOKENS]
    for sentences in [*texts, *texts]:
        assert_same_batch(collate(sentences, small), make_batch(sentences, vocabulary))
        assert len(small._rows) <= max(4, sum(map(len, sentences)))


def test_a_table_grows(vocabulary: Vocabulary) -> None:
    table = make_table(vocabulary)
    sentences = [[f"form{i}" for i in range(start, start + 700)] for start in (0, 700, 1400, 0)]
    for sentence in sentences:
        assert_same_batch(collate([sentence], table), make_batch([sentence], vocabulary))


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


def rows_of(form: str, buckets: int) -> list[int]:
    (rows,) = affix_rows(buckets, [form]).tolist()
    return rows


def test_affix_rows_are_the_same_in_every_process() -> None:
    assert rows_of("Books", 1000) == [681, 1851, 2149, 3339, 4733, 5613, 6414, 7009]
    assert rows_of("naïve-1", 1000) == [146, 1600, 2711, 3583, 4962, 5396, 6714, 7879]
    assert rows_of("\ud800", 1000) == [600, 1600, 2600, 3600, 4600, 5600, 6600, 7600]


@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=40), st.integers(1, 50))
def test_every_affix_has_rows_of_its_own(form: str, buckets: int) -> None:
    rows = rows_of(form, buckets)
    assert len(rows) == AFFIX_COUNT
    assert [row // buckets for row in rows] == list(range(AFFIX_COUNT))

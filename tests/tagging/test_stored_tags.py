"""What the bundled taggers say of ten sentences each: `python .ci/stored_tags.py` writes it anew."""

import pytest
from stored_tags import CLOSE, COLUMNS, load_for_comparison, read_stored, stored_languages, tagged_rows

from tagger.bundle.catalog import bundled_languages
from tagger.text.strings import LEMMA
from tagger.words.language_table import language_table

OWN = [name for name in bundled_languages() if not language_table()[name].more]  # in the package itself


def compare(language: str, columns: list[str]) -> None:
    """Fails if words or their tags in some columns, where the choice is not close, are not the stored ones."""
    tagger = load_for_comparison(language)
    texts, stored = zip(*read_stored(language), strict=True)
    found = tagged_rows(tagger, texts, [column for column in tagger.columns if column in columns])
    places = [0, *(place for place, column in enumerate(COLUMNS, 1) if column in columns)]
    for text, known, rows in zip(texts, stored, found, strict=True):
        if [row[:1] for row in known] == [row[:1] for row in rows]:
            for row, known_row in zip(rows, known, strict=True):
                row[:] = [CLOSE if other == CLOSE else cell for cell, other in zip(row, known_row, strict=True)]
        shown, expected = (
            "\n".join("\t".join(row[place] for place in places if row) for row in each) for each in (rows, known)
        )
        assert shown == expected, f"{text}: if that is intended, write them anew: python .ci/stored_tags.py {language}"


@pytest.mark.parametrize("language", OWN)
def test_words_upos_and_features(language: str) -> None:
    compare(language, ["upos", "xpos", "feats"])


@pytest.mark.slow  # the tables of all dictionaries are made where no earlier process has left them
@pytest.mark.parametrize("language", stored_languages())
def test_all_columns(language: str) -> None:
    compare(language, ["upos", "xpos", "feats", LEMMA])


def test_languages_have_ten_sentences_each() -> None:
    assert {*stored_languages()} >= {*OWN}
    assert {len({text for text, _ in read_stored(language)}) for language in stored_languages()} == {10}


@pytest.mark.parametrize("language", sorted({*bundled_languages()} - {*stored_languages()}))
def test_taggers_without_stored_sentences_tag_the_words_that_they_know(language: str) -> None:
    tagger = load_for_comparison(language)
    words = [*tagger.vocabulary.forms][:200]
    (sentence,) = tagger.annotate(words)
    assert sentence.tokens == words
    for column in tagger.vocabulary.columns:
        assert len(sentence.tags[column]) == len(words)
        assert len({*sentence.tags[column]}) > 2, column

"""What the bundled taggers say of ten sentences each: `python .ci/stored_tags.py` writes it anew."""

import pytest
from stored_tags import CLOSE, COLUMNS, FOLDER, load_for_comparison, read_stored, tagged_rows

from tagger.bundle.catalog import bundled_languages
from tagger.text.strings import LEMMA


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


@pytest.mark.parametrize("language", bundled_languages())
def test_words_upos_and_features(language: str) -> None:
    compare(language, ["upos", "xpos", "feats"])


@pytest.mark.slow  # the tables of all dictionaries are made where no earlier process has left them
@pytest.mark.parametrize("language", bundled_languages())
def test_lemmas(language: str) -> None:
    compare(language, ["upos", "xpos", "feats", LEMMA])


def test_every_language_has_ten_sentences() -> None:
    files = {path.stem: read_stored(path.stem) for path in FOLDER.glob("*.tsv")}
    assert files.keys() >= {*bundled_languages()}
    assert {len({text for text, _ in stored}) for stored in files.values()} == {10}

"""The scripts in `docs` that make the taggers of languages: what they wrote is there, and words that they make up."""

import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
TALO = [["talo", "talon", "talossa"], ["kirja", "kirjan", "kirjat", "kirjalla"], ["Helsinki"]]


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    import language_text
    import languages

    yield languages, language_text
    del sys.modules["languages"], sys.modules["language_text"]


def test_pages_have_the_scores_of_the_taggers_that_are_there(scripts: Any) -> None:
    languages, _ = scripts
    assert languages.results(languages.rows()) in (ROOT / "docs" / "languages.md").read_text(encoding="utf-8")
    assert languages.notice(languages.rows()) == (ROOT / "data" / "NOTICE.md").read_text(encoding="utf-8")


def test_made_up_words_have_the_endings_of_others(scripts: Any) -> None:
    _, text = scripts
    forms = {form for tokens in TALO for form in tokens}
    made = list(text.recombined(TALO, forms, 200, 1))
    new = {form for tokens in made for form in tokens} - forms
    assert new
    assert new <= {"talot", "talolla", "kirjassa"}
    assert all(len(tokens) in (3, 4) for tokens in made)
    assert sum(map(len, made)) < 205
    assert made == list(text.recombined(TALO, forms, 200, 1))
    assert list(text.recombined([["他们", "在", "图书馆"]], {"他们", "在", "图书馆"}, 200, 1)) == []


def test_sentences_get_punctuation(scripts: Any) -> None:
    _, text = scripts
    for tokens in text.punctuated(TALO, 50, 1):
        signs = [token for token in tokens if token not in {form for own in TALO for form in own}]
        assert "".join(sign for sign in signs if sign not in text.SINGLE) in text.PAIRS

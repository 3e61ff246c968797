"""Which cells of a corpus are gold tags."""

import pytest

from tagger.text.strings import is_annotated


@pytest.mark.parametrize(
    ("column", "tag", "form", "annotated"),
    [
        ("upos", "NOUN", "dog", True),
        ("upos", "_", "dog", False),
        ("upos", "_", "_", False),
        ("upos", "", "dog", False),
        ("xpos", "_", "dog", False),
        ("feats", "_", "dog", True),
        ("feats", "", "dog", False),
        ("lemma", "dog", "dogs", True),
        ("lemma", "_", "dogs", False),
        ("lemma", "_", "_", True),
        ("lemma", "", "_", False),
    ],
)
def test_what_is_annotated(column: str, tag: str, form: str, annotated: bool) -> None:
    assert is_annotated(column, tag, form) is annotated

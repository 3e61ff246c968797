"""Words with letters of two alphabets are read in the one that is meant, and apostrophes as those of training."""

import unicodedata

import pytest

from tagger.text.lookalikes import (
    _CYRILLIC,
    _LATIN,
    has_ascii_apostrophes,
    in_one_alphabet,
    with_ascii_apostrophes,
)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("у сiтуацыях Рэспублiкi", "у сітуацыях Рэспублікі"),
        ("Oни в Mоскве , cа", "Они в Москве , са"),
        ("pay with pаypаl , cа", "pay with paypal , ca"),
        ("IT-специалист и GPSом 3D i", "IT-специалист и GPSом 3D i"),  # words of one alphabet, or of both
        ("vitamin C и C", "vitamin C и C"),
        ("the cat", "the cat"),
        ("naïve Ärzte", "naïve Ärzte"),
        ("", ""),
    ],
)
def test_a_word_is_read_in_the_alphabet_that_is_meant(text: str, read: str) -> None:
    assert list(in_one_alphabet(text.split())) == read.split()


def test_the_letters_of_a_pair_have_the_same_case_and_differ_in_their_alphabet() -> None:
    for latin, cyrillic in zip(_LATIN, _CYRILLIC, strict=True):
        assert latin.isupper() == cyrillic.isupper()
        assert [unicodedata.name(each).split()[0] for each in (latin, cyrillic)] == ["LATIN", "CYRILLIC"]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("l’ami d’un po’ ’n", "l'ami d'un po' 'n"),
        ("‘l’ami’ dit ’oui’", "‘l'ami’ dit ’oui’"),  # beside quotes
        ("5’ ’ 10’", "5’ ’ 10’"),  # no letters
        ("l'ami", "l'ami"),
    ],
)
def test_apostrophes_of_word_processors(text: str, read: str) -> None:
    assert with_ascii_apostrophes(text) == read


def test_which_apostrophe_training_has() -> None:
    assert has_ascii_apostrophes(["l'", "d'", "l’"])
    assert not has_ascii_apostrophes(["l'", "d'", "m'", "l’", "d’"])
    assert not has_ascii_apostrophes(["l'", "l’", "'", "it"])
    assert not has_ascii_apostrophes([])

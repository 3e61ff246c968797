"""Words with letters of two alphabets are read in the one that is meant, and apostrophes as those of training."""

import unicodedata

import pytest

from tagger.text.lookalikes import _CYRILLIC, _LATIN, _PAIRS, MIN_SERBIAN, Spelling, in_one_alphabet


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


APOSTROPHES = ["l'", "d'"]


@pytest.mark.parametrize(
    ("forms", "text", "read"),
    [
        (APOSTROPHES, "l’ami d’un po’ ’n", "l'ami d'un po' 'n"),
        (APOSTROPHES, "‘l’ami’ dit ’oui’", "‘l'ami’ dit ’oui’"),  # beside quotes
        (APOSTROPHES, "5’ ’ 10’", "5’ ’ 10’"),  # no letters
        (APOSTROPHES, "l'ami", "l'ami"),
        (APOSTROPHES, "l`ami et `rien`", "l'ami et `rien`"),
        ([*APOSTROPHES, "l’"], "c’est", "c'est"),
        ([*APOSTROPHES, "m'", "l’", "d’"], "c’est", "c’est"),
        (["l'", "l’", "'", "it"], "c’est", "c’est"),
        ([], "c’est", "c’est"),
    ],
)
def test_apostrophes_of_word_processors_are_read_as_those_of_training(forms: list[str], text: str, read: str) -> None:
    assert Spelling(forms).text(text) == read


@pytest.mark.parametrize(
    ("forms", "words", "read"),
    [
        (["și", "țară"], "Ştii şi ţara", "Știi și țara"),
        (["kuş", "beş"], "Ștefan beș şu", "Ştefan beş şu"),
        (["کی", "یک"], "كي", "کی"),
        (["peut-être"], "peut‑être", "peut-être"),
        (["peut‑être"], "peut‑être", "peut‑être"),
        (['ד"ר'], "ד״ר", 'ד"ר'),
        (["là"], "la\u0300 voila\u0300", "là voilà"),
        (["la\u0300"], "la\u0300", "la\u0300"),  # training has it
        (["peut-être", "-"], "\u2010", "\u2010"),  # its lemma is the mark itself
        ([], "Bun\u00addes \u00ad ﬁnden oﬀen", "Bundes \u00ad finden offen"),
        (["ذهب"], "قـال ذَهَبَ قَالَ", "قال ذهب قَالَ"),  # without vowels it is a word of training
        (["ذَهَبَ", "ذهب"], "ذَهَبَ", "ذَهَبَ"),
        (["đak", "noć"] * MIN_SERBIAN, "Љиља је џин", "Ljilja je džin"),
        (["noć"] * MIN_SERBIAN, "Љиља", "Љиља"),  # Polish, say
        (["đak", "noć", "је"] * MIN_SERBIAN, "Љиља", "Љиља"),
        ([], "the end", "the end"),
    ],
)
def test_characters_that_training_lacks_are_read_as_those_that_it_has(forms: list[str], words: str, read: str) -> None:
    assert Spelling(forms).words(words.split()) == read.split()


def test_a_text_keeps_its_length() -> None:
    text = "ﬁnden\u00ad Știi كي voila\u0300 " + "".join(rare for rare, _ in _PAIRS)
    assert len(Spelling(["și", "کی", "a-b", 'ד"ר']).text(text)) == len(text)

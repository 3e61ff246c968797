"""Ways to split a token: whole forms, and endings and beginnings that training has; no letters from nowhere."""

import math

import pytest

from tagger.segmenter.multiwords import Multiwords, count_affixes
from tagger.text.edit_scripts import edit_script

SPLIT = {
    "du": "de le",
    "foi-se": "foi se",
    "dar-se": "dar se",
    "vê-se": "vê se",
    "dele": "de ele",
    "deles": "de eles",
    "desta": "de esta",
    "dáme": "da me",
    "lláme": "lla me",
    "desfeito-se": "des feito se",
}
SCRIPTS = sorted({edit_script(form, words) for form, words in SPLIT.items()})
MULTIWORDS = {form: [SCRIPTS.index(edit_script(form, words)) + 1] for form, words in SPLIT.items()}
PLAIN = ["disse", "casa", "massa", "de", "dedo", "dente", "dez", "dia", "nome", "me"]
AFFIXES = count_affixes(SCRIPTS, MULTIWORDS, PLAIN)
KNOWN = Multiwords(SCRIPTS, MULTIWORDS, AFFIXES)


def scripts_of(form: str) -> list[str]:
    return [SCRIPTS[number - 1] for number, _ in KNOWN.choices(form) if number]


@pytest.mark.parametrize(
    ("form", "scripts"),
    [
        ("du", ["like:de le"]),
        ("tornou-se", ["keep:*- .."]),
        ("Tornou-Se", ["keep:*- .."]),
        ("-se", []),  # there is no rest
        ("desse", ["like:.e *"]),  # begins as `desta`
        ("dura", []),  # begins with d alone
        ("sabe-me", []),  # `me` alone was split after `á`
        ("adu", []),  # a whole form is no ending
        ("", []),
    ],
)
def test_a_token_has_the_scripts_of_its_form_or_of_its_affixes(form: str, scripts: list[str]) -> None:
    assert scripts_of(form) == scripts


def test_odds_are_those_of_the_longest_ending() -> None:
    assert KNOWN.choices("tornou-se")[0] == (0, 0.0)
    ((_, odds),) = KNOWN.choices("tornou-se")[1:]
    ((_, less),) = KNOWN.choices("interesse")[1:] or [(0, -math.inf)]
    assert odds > 0 > less


def test_the_only_token_of_its_kind_has_no_choice_without_itself() -> None:
    number = MULTIWORDS["du"][0]
    assert KNOWN.choices("du", number) == [(0, 0.0)]
    assert len(KNOWN.choices("dar-se", MULTIWORDS["dar-se"][0])) == 2
    several = Multiwords(SCRIPTS, {"des": [0, number]}, {})
    assert several.choices("des", number) == [(0, 0.0), (number, 0.0)]

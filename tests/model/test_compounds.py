"""Marks between the parts of compounds."""

import pytest

from tagger.model.compounds import Compounds

FINNISH = {
    "maailmaa": ["maa#ilma"],
    "Lumisade": ["lumi#sade"],
    "talvi-ilta": ["talvi#ilta"],
    "sade": ["sade"],
    "koira": ["koira"],
    "Turku": ["Turku"],
    "jo": ["jo"],
}


def test_an_unknown_lemma_is_cut_between_parts_of_training() -> None:
    compounds = Compounds(FINNISH)
    assert compounds.marks == "#"
    assert compounds.cut("koirasade") == "koira#sade"
    assert compounds.cut("lumikoira") == "lumi#koira"
    assert compounds.cut("koiraturku") == "koiraturku"  # no compound has either there
    assert compounds.cut("sadelumi") == "sadelumi"  # both stand at the other end
    assert compounds.cut("josade") == "josade"  # too short, and no part of a compound
    assert compounds.cut("Koirasade") == "Koirasade"  # a name
    assert compounds.cut("lumi#koira") == "lumi#koira"
    assert Compounds({**FINNISH, "koirasade": ["koirasade"]}).cut("koirasade") == "koirasade"


def test_parts_that_training_has() -> None:
    compounds = Compounds(FINNISH)
    assert compounds.has_parts("Koira#sade")
    assert compounds.has_parts("maa#lumi#koira")
    assert not compounds.has_parts("koira#kissa")
    assert not compounds.has_parts("koira")
    assert not compounds.has_parts("#")


@pytest.mark.parametrize(
    "lemmas",
    [
        {"dogs": ["dog"]},
        {"koordam": ["kard#kon"], "goftam": ["goft#gu"]},  # two stems of a verb, not parts of the word
        {"well-known": ["well-known"], "x": ["x#"], "y": ["#y"]},
        {"\u0928\u093e": ["\u0928\u093e\u0928"], "\u0928\u0928": ["\u0928\u093e\u0928"]},  # a vowel sign of Hindi
    ],
)
def test_other_symbols_are_no_marks(lemmas: dict[str, list[str]]) -> None:
    compounds = Compounds(lemmas)
    assert compounds.marks == ""
    assert compounds.cut("dogsdog") == "dogsdog"
    assert not compounds.has_parts("kard#gu")

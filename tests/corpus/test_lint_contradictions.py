"""Checks of UPOS beside XPOS and FEATS."""

from pathlib import Path

from tagger.corpus.lined import corpus_files, read_lined
from tagger.corpus.lint import CONVENTION, MIN_COUNT, feats_contradictions, xpos_contradictions
from tests.corpus.lint_corpus import conllu, found, write


def test_a_upos_that_its_xpos_never_has_elsewhere(tmp_path: Path) -> None:
    train = [*["dog/NOUN/NN runs/VERB/VB"] * MIN_COUNT, "cat/VERB/NN"]
    folder = write(tmp_path, train=train)
    (finding,) = xpos_contradictions(read_lined(corpus_files([str(folder)])))
    assert (finding.kind, finding.line, finding.word) == ("upos-xpos", 3 * MIN_COUNT + 1, "cat")
    assert (finding.column, finding.tag, finding.expected) == ("upos", "VERB", "NOUN")
    assert finding.reason == "1 of 51 words with NN are VERB; 50 are NOUN"


def test_what_is_rare_or_meant_is_no_contradiction(tmp_path: Path) -> None:
    rare = [*["dog/NOUN/NN"] * (MIN_COUNT - 2), "cat/VERB/NN"]
    assert found(xpos_contradictions, tmp_path, train=rare) == []  # too few to know
    meant = [*["dog/NOUN/NN"] * 1000, *["cat/VERB/NN", "Cat/VERB/NN", "CAT/VERB/NN"][:CONVENTION]]
    assert found(xpos_contradictions, tmp_path, train=meant) == []
    usual = [*["dog/NOUN/NN"] * 100, *(f"{letter}/VERB/NN" for letter in "abcdefgh")]
    assert found(xpos_contradictions, tmp_path, train=usual) == []  # 8 of 108 are not rare


def test_the_rest_of_a_torn_word_is_no_contradiction(tmp_path: Path) -> None:
    text = conllu(["dog/NOUN/NN"] * MIN_COUNT) + conllu(["day/X/NN"]).replace("dep", "goeswith")
    (tmp_path / "a.conllu").write_text(text, encoding="utf-8")
    assert list(xpos_contradictions(read_lined(corpus_files([str(tmp_path / "a.conllu")])))) == []


def test_a_feature_that_its_upos_never_has_elsewhere(tmp_path: Path) -> None:
    train = [
        *["dog/NOUN/_/Case=Nom"] * MIN_COUNT,
        "dog/NOUN/_/Case=Gen",  # a rare value of a feature that nouns have
        "eh/INTJ/_/Foreign=Yes",  # a feature of every UPOS
        "at/ADP/_/Case=Nom",
    ]
    expected = [("warning", "upos-feats", "train", 2 * MIN_COUNT + 5, "at")]
    assert found(feats_contradictions, tmp_path, train=train) == expected


def test_a_feature_that_nearly_all_words_of_a_upos_have(tmp_path: Path) -> None:
    train = [*["runs/VERB/V/VerbForm=Fin"] * 500, "go/VERB/V", "x/VERB/W"]
    folder = write(tmp_path, train=train)
    (finding,) = feats_contradictions(read_lined(corpus_files([str(folder)])))  # of W, no word has it
    assert (finding.line, finding.word, finding.column, finding.tag) == (1001, "go", "feats", "_")
    assert finding.reason == "500 of 502 words with VERB have VerbForm, and this has not"

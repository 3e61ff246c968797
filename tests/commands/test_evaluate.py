"""The command `evaluate`: its report, and the files that it reads."""

import json
from pathlib import Path
from typing import get_args

import pytest

import tagger
from tagger.commands.evaluate import SegmenterChoice
from tagger.commands.options import Precision
from tagger.model.device import PRECISIONS
from tagger.tagging.tagger_options import SEGMENTERS
from tests.commands.conftest import CONLLU, call


def test_evaluate_scores_and_lists_what_the_tagger_cannot_know(model: Path) -> None:
    Path("a.conllu").write_text(CONLLU)
    report = json.loads(call("evaluate", "a.conllu", "--json", "--model", str(model)).stdout)["upos"]
    loaded = tagger.load(model)
    words = [loaded.annotate(tokens)[0] for tokens in (["They", "do", "n't", "book"], ["Yes"])]
    tags = [tag for sentence in words for tag in sentence.tags["upos"]]
    gold = ["PRON", "VERB", "ADV", "NOUN", "INTJ"]
    assert report["accuracy"] == sum(a == b for a, b in zip(gold, tags, strict=True)) / 5
    assert report["unseen_tags"] == {"INTJ": 1}
    assert report["known_tokens"] == 2
    found = report["calibration"]
    shares = sorted(share for sentence in words for share in sentence.probabilities["upos"])
    assert [confidence for _, confidence, _ in found["bins"]] == pytest.approx(shares)  # fewer words than bins
    assert found["confidence"] == pytest.approx(sum(shares) / 5)
    expected = sum(abs(right - share) for _, share, right in found["bins"]) / 5
    assert found["ece"] == pytest.approx(expected)
    lines = call("evaluate", "a.conllu", "--model", str(model)).stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert any("INTJ (1)" in line for line in lines)
    assert ["calibration", "error", f"{100 * expected:.2f}%"] in map(str.split, lines)
    assert ["mean", "confidence", f"{100 * found['confidence']:.2f}%"] in map(str.split, lines)


def test_evaluate_column_files(model: Path) -> None:
    for name, text in (
        ("a.tsv", "They\tx\tPRON\nbook\tx\tVERB\n\n"),
        ("a.conll", "-DOCSTART- x O\n\nThey x PRON\nbook x VERB\n"),
        ("a.csv", 'They,x,PRON\n",",x,PUNCT\n'),
    ):
        Path(name).write_text(text)
        for place in (2, -1):
            found = call("evaluate", name, "--column", f"upos={place}", "--json", "--model", str(model)).stdout
            assert json.loads(found)["upos"]["tokens"] == 2


@pytest.fixture
def raw(tmp_path: Path) -> list[str]:
    """A command line."""
    (tmp_path / "a.conllu").write_text(CONLLU.replace("# a comment alone\n\n", "# newpar\n# text = Yes\n"))
    return ["evaluate", "a.conllu", "--raw", "--model"]


def test_evaluate_from_raw_text_says_what_cut_it(raw: list[str], model: Path, learned: Path) -> None:
    scores = json.loads(call(*raw, str(model), "--json").stdout)
    assert list(scores) == ["Tokens", "Sentences", "Words", "UPOS"]  # the model has no xpos and feats
    assert scores["Tokens"].keys() == {"precision", "recall", "f1"}
    assert scores["Words"]["f1"] == scores["Sentences"]["f1"] == 1
    table = call(*raw, str(model)).stdout.splitlines()
    assert [line.split()[0] for line in table[2:]] == list(scores)
    assert table[2].split()[-1] == f"{100 * scores['Tokens']['f1']:.2f}%"
    assert max(map(len, table)) <= 80
    assert "a.conllu from raw text, cut by the learned segmenter" in call(*raw, str(learned)).stdout
    assert "cut by the rules unicode" in call(*raw, str(learned), "--segmenter", "unicode").stdout


GERMAN = """\
1\tHast\thaben\tVERB\tVVFIN\tMood=Ind|Number=Sing|Person=2|Tense=Pres|VerbForm=Fin\t0\troot\t_\t_
2\tdu\tdu\tPRON\tPPER\tCase=Nom|Number=Sing|Person=2|PronType=Prs\t1\tnsubj\t_\t_
3\tgroßen\tgroß\tADJ\tADJA\tCase=Acc|Degree=Pos|Gender=Masc|Number=Sing\t4\tamod\t_\t_
4\tHunger\tHunger\tNOUN\tNN\tCase=Acc|Gender=Masc|Number=Sing\t1\tobj\t_\tSpaceAfter=No
5\t?\t?\tPUNCT\t$.\t_\t1\tpunct\t_\t_

"""


def test_a_gold_file_is_scored_by_the_tagger_of_its_language(tmp_path: Path) -> None:
    (tmp_path / "a.conllu").write_text(GERMAN)
    (tmp_path / "a.tsv").write_text("Hast\tVERB\ndu\tPRON\ngroßen\tADJ\nHunger\tNOUN\n?\tPUNCT\n\n")
    for file, *options in (("a.conllu",), ("a.tsv", "--column", "upos=1")):
        result = call("evaluate", file, *options, "--json")
        assert f"language: german ({file})" in result.stderr
        assert json.loads(result.stdout)["upos"]["accuracy"] == 1
    assert json.loads(call("evaluate", "-", "--json", input=GERMAN).stdout)["xpos"]["tokens"] == 5
    other = call("evaluate", "a.conllu", "--language", "en", "--json")
    assert "language:" not in other.stderr
    assert "a.conllu looks like German, and the tagger is that of English\n" in other.stderr
    assert "looks like" not in call("evaluate", "a.conllu", "--language", "de", "--json").stderr
    scores = json.loads(other.stdout)
    assert scores["xpos"]["unseen_tags"].keys() == {"VVFIN", "PPER", "ADJA", "$."}  # counted as errors


def test_the_choices_of_options_are_those_of_load_and_segmenters_differ(learned: Path) -> None:
    assert get_args(Precision) == ("auto", *PRECISIONS)
    assert get_args(SegmenterChoice) == SEGMENTERS
    text = "Don't book des flights. Du 3,14 reads well!! It's 5pm, isn't it?"
    found = [
        tagger.load(learned, "cpu", segmenter=choice).annotate(text) for choice in ("learned", "english", "unicode")
    ]
    assert len({tuple(form for sentence in each for form in sentence.tokens) for each in found}) == 3

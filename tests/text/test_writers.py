"""Tagged sentences as text: every format holds any Unicode, and is read back."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.errors import InputError
from tagger.text.conllu import write_conllu
from tagger.text.formats import OUTPUTS
from tagger.text.sentence import MultiwordToken, Sentence
from tagger.text.strings import display_width, encodable
from tests.text.conftest import contents, in_cell, in_form, read, sentences_of, tokens_of, write

SENTENCE = Sentence(
    ["Don", "'t", "New York"],
    {"xpos": ["VB", "RB", "NNP"], "upos": ["AUX", "PART", "PROPN"], "ner": ["O", "O", "B"]},
    {"upos": [0.9, 0.98765, 1.0], "xpos": [0.5, 0.5, 0.5]},
    {"upos": [[("AUX", 0.9), ("VERB", 0.1)], [("PART", 0.98765)], [("PROPN", 1.0), ("X", 0.0), ("NUM", 0.0)]]},
    offsets=[(0, 3), (3, 5), (6, 14)],
    text="Don't New York",
)


@pytest.mark.parametrize(
    ("format", "options", "text"),
    [
        ("tsv", {}, "Don\tAUX\n't\tPART\nNew York\tPROPN\n\n"),
        (
            "tsv",
            {"probabilities": True, "top": 2},
            "Don\tAUX\t0.9000\tAUX:0.9000 VERB:0.1000\n"
            "'t\tPART\t0.9877\tPART:0.9877\n"
            "New York\tPROPN\t1.0000\tPROPN:1.0000 X:0.0000\n\n",
        ),
        ("tsv", {"separator": "|"}, "Don|AUX\n't|PART\nNew York|PROPN\n\n"),
        ("csv", {"columns": ("upos", "xpos")}, "Don,AUX,VB\n't,PART,RB\nNew York,PROPN,NNP\n\n"),
        (
            "jsonl",
            {},
            '{"tokens":["Don","\'t","New York"],"upos":["AUX","PART","PROPN"],'
            '"offsets":[[0,3],[3,5],[6,14]],"text":"Don\'t New York"}\n',
        ),
        (
            "conllu",
            {"probabilities": True, "top": 2},
            "# text = Don't New York\n"
            "1\tDon\t_\tAUX\t_\t_\t_\t_\t_\tSpaceAfter=No|UposProb=0.9000|UposTop=AUX:0.9000 VERB:0.1000\n"
            "2\t't\t_\tPART\t_\t_\t_\t_\t_\tUposProb=0.9877|UposTop=PART:0.9877\n"
            "3\tNew York\t_\tPROPN\t_\t_\t_\t_\t_\tUposProb=1.0000|UposTop=PROPN:1.0000 X:0.0000\n\n",
        ),
        ("pretty", {"width": 6}, "Don\nAUX\n\n't\nPART\n\nNew Y…\nPROPN\n\n"),
        (
            "pretty",
            {"probabilities": True},
            "Don     't      New York\nAUX     PART    PROPN\n0.9000  0.9877  1.0000\n\n",
        ),
    ],
)
def test_write(format: str, options: dict[str, Any], text: str) -> None:
    assert write([SENTENCE], format, **options) == text


def test_other_formats_have_the_words_alone_and_pretty_knows_wide_characters() -> None:
    words = Sentence(["de", "le"], {"upos": ["ADP", "DET"]}, text="du")
    token = replace(words, multiwords=[MultiwordToken(0, 2, "du")], offsets=[(0, 2)] * 2, space_after=[False, True])
    for format in ("tsv", "csv", "pretty"):
        assert write([token], format) == write([words], format)
    record = json.loads(write([SENTENCE], "jsonl", probabilities=True, top=2))
    assert record["upos_probabilities"] == [0.9, round(0.98765, 4), 1.0]
    assert record["upos_alternatives"][2] == [["PROPN", 1.0], ["X", 0.0]]
    shown = write([Sentence(["猫", "e\u0301t", "\x1b[1m", "\t"], {"upos": ["A", "B", "C", "D"]})], "pretty")
    assert shown == "猫  e\u0301t  \ufffd[1m  \ufffd\nA   B   C     D\n\n"
    shown = write([Sentence(["猫" * 5000, "w" * 5000], {"upos": ["A", "B"]})], "pretty")
    assert [len(line) for line in shown.splitlines()] == [40, 1, 0, 80, 1, 0]


def test_tsv_keeps_the_lines_and_empty_sentences() -> None:
    for format, text in (("tokens", "a\n\n\n\nb c\nd\n\n"), ("tsv", "\na\tx\n\n\nb\ty\n\n")):
        sentences = read(text, format)
        for s in sentences:
            s.tags = {"upos": ["X"] * len(s)}
        assert [bool(line) for line in write(sentences, "tsv").split("\n")] == [bool(line) for line in text.split("\n")]
    odd = {"conllu": "", "jsonl": '{"tokens":[],"upos":[]}\n'}
    assert {format: write([Sentence([])], format) for format in OUTPUTS} == dict.fromkeys(OUTPUTS, "\n") | odd
    for format in ("tsv", "conllu", "jsonl", "pretty"):
        write([Sentence([])], format, probabilities=True, top=3)


def test_what_cannot_be_asked() -> None:
    for format, options, said in (
        ("xml", {}, "'xml'.*pretty"),
        ("tsv", {"separator": ""}, "''.*columns"),
        ("csv", {"separator": "ab"}, "'ab'.*CSV"),
        ("tsv", {"separator": ","}, "','.*csv"),
    ):
        with pytest.raises(InputError, match=said):
            write([Sentence([","], {"upos": ["X/Y"]})], format, **options)


@given(content=contents)
@pytest.mark.parametrize(("format", "separator"), [("tsv", "\t"), ("csv", ";")])
def test_tsv_and_csv_hold_anything(content: list[list[tuple[str, str, str]]], format: str, separator: str) -> None:
    text = write(sentences_of(content), format, ("upos", "xpos"), separator=separator)
    text.encode()
    again = read(text, format, separator=separator, columns={"upos": 1, "xpos": 2})
    breaks = r"[\t\n\r]" if format == "tsv" else r"[\n\r]"
    assert [list(zip(s.tokens, s.tags["upos"], s.tags["xpos"], strict=True)) for s in again] == [
        [tuple(encodable(re.sub(breaks, " ", cell)) or "_" for cell in cells) for cells in row] for row in content
    ]
    wide = write(sentences_of(content), "tsv", ("upos",), probabilities=True, top=2)
    assert {line.count("\t") for line in wide.split("\n") if line} <= {3}
    assert wide.count("\n") == text.count("\n")


@given(contents)
def test_conllu_holds_anything(content: list[list[tuple[str, str, str]]]) -> None:
    text = write(sentences_of(content), "conllu", ("upos", "xpos"), probabilities=True, top=2)
    text.encode()
    again = read(text, "conllu")
    assert [list(zip(s.tokens, s.tags["upos"], s.tags["xpos"], strict=True)) for s in again] == [
        [(in_form(form), *map(in_cell, tags)) for form, *tags in row] for row in content if row
    ]
    assert "".join(map(write_conllu, again)) == text


@given(contents)
def test_jsonl_keeps_everything(content: list[list[tuple[str, str, str]]]) -> None:
    sentences = sentences_of(content)
    text = write(sentences, "jsonl", ("upos", "xpos"))
    text.encode()
    again = read(text, "jsonl", columns={"upos": 1, "xpos": 2})

    def joined(value: Any) -> Any:  # a high and a low surrogate side by side are one character in JSON
        return json.loads(json.dumps(value))

    assert [(s.tokens, s.tags) for s in again] == [(joined(s.tokens), joined(s.tags)) for s in sentences]
    assert tokens_of(read(write(again, "jsonl", ("upos",)), "jsonl")) == [s.tokens for s in again]


@given(contents, st.integers(1, 100))
def test_pretty_fits_the_terminal(content: list[list[tuple[str, str, str]]], width: int) -> None:
    for sentence in sentences_of(content):
        text = write([sentence], "pretty", ("upos", "xpos"), width=width, probabilities=True)
        text.encode()
        assert text.endswith("\n")
        limit = max(width, 6)  # of a probability
        assert all(display_width(line) <= limit for line in text.split("\n"))
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)

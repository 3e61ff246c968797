"""Findings: their order, their rows of TSV, and their summary."""

from tagger.corpus.lint import FIELDS, KINDS, WIDTH, Finding, format_summary, ordered
from tagger.text.strings import display_width

NOTE = Finding("note", "variation", "x/a.conllu", 3, "b", "upos", "X", "why")
WARNING = Finding("warning", "improbable-tag", "a.conllu", 9, "我" * 60, "upos", "X", "why " * 40, "NOUN", 0.00012, 0.9)
ERROR = Finding("error", "unknown-upos", "a.conllu", 2, "a\x1bb", "upos", "N", "no UPOS")


def test_the_order_is_by_severity_and_kind_and_stable() -> None:
    other = ERROR._replace(kind="blank-tag")
    assert ordered([NOTE, other, WARNING, ERROR]) == [ERROR, other, WARNING, NOTE]
    assert ordered([NOTE._replace(line=5), NOTE]) == [NOTE._replace(line=5), NOTE]


def test_a_row_has_every_field() -> None:
    assert dict(zip(FIELDS, WARNING.row[:-1].split("\t"), strict=True)) == {
        **{"severity": "warning", "kind": "improbable-tag", "file": "a.conllu", "line": "9", "word": "我" * 60},
        **{"column": "upos", "tag": "X", "probability": "0.00012", "expected": "NOUN", "expected_probability": "0.9"},
        "reason": "why " * 40,
    }
    assert NOTE.row == "note\tvariation\tx/a.conllu\t3\tb\tupos\tX\t\t\t\twhy\n"
    assert "a\ufffdb" in ERROR.row


def test_the_summary_counts_and_fits_80_columns() -> None:
    text = format_summary([ERROR, WARNING, NOTE, NOTE], "a/very/long/name/" * 9, 1234)
    lines = text.split("\n")
    assert lines[0].endswith("…")
    assert lines[1] == "1 error, 1 warning, 2 notes"
    assert [line.split()[:3] for line in lines if line.startswith(("error", "warning", "note"))] == [
        ["error", "unknown-upos", "1"],
        ["warning", "improbable-tag", "1"],
        ["note", "variation", "2"],
    ]
    assert "a.conllu:3 b" in text
    assert max(map(display_width, lines)) <= WIDTH
    assert format_summary([], "x", 1234) == "x: 1,234 words\n0 errors, 0 warnings, 0 notes"


def test_kinds_have_a_meaning() -> None:
    assert all(KINDS.values())

"""Names of files and the formats that they name."""

from pathlib import Path

import pytest

from tagger.text.formats import INPUTS, OUTPUTS, SUFFIXES, format_of, renamed


@pytest.mark.parametrize(
    ("path", "format", "tsv"),
    [
        ("a/book.txt", "text", "a/book.tsv"),
        ("a/book.TXT.gz", "text", "a/book.tsv.gz"),
        ("a.conllu", "conllu", "a.tsv"),
        ("a.conll-u", "conllu", "a.tsv"),
        ("a.jsonl", "jsonl", "a.tsv"),
        ("a.b.tsv", "tsv", "a.b.tsv"),
        ("a.csv", "csv", "a.tsv"),
        ("a.conll.gz", "tsv", "a.tsv.gz"),
        ("a.tokens", "tokens", "a.tsv"),
        ("a.slash", "slash", "a.tsv"),
        ("notes.v2", "text", "notes.v2.tsv"),
        ("README", "text", "README.tsv"),
        (".txt", "text", ".txt.tsv"),
        ("a.gz", "text", "a.tsv.gz"),
        ("-", "text", "-.tsv"),
    ],
)
def test_suffixes(path: str, format: str, tsv: str) -> None:
    assert format_of(path) == format
    assert renamed(Path(path), "tsv").as_posix() == tsv


def test_every_format_has_a_suffix() -> None:
    for format in {*INPUTS, *OUTPUTS} - {"pretty"}:
        assert format_of(str(renamed(Path("a.txt"), format))) == format
    assert renamed(Path("a.txt"), "pretty") == Path("a.pretty")
    assert set(SUFFIXES.values()) == set(INPUTS)
    assert format_of("a.out", "tsv") == "tsv"

"""Column files: one rule for the separator, the same sentences for training and for the commands, real CSV."""

from pathlib import Path
from typing import Any

import pytest

from tagger.corpus.corpus_config import CorpusConfig
from tagger.corpus.sources import load_corpus
from tagger.errors import InputError
from tagger.text.columns import column_separator, csv_separator, read_columns
from tagger.text.files import read_lines
from tagger.text.formats import read
from tagger.text.sentence import Sentence
from tests.text.conftest import LINE


def columns_of(text: str, **rules: Any) -> list[Sentence]:
    rules = {"columns": {"upos": 1}, **rules}
    return list(read_columns(LINE.findall(text), "in.file", **rules))


@pytest.mark.parametrize(
    ("separator", "text", "tokens"),
    [
        (None, "a X\nb  \tY\n", ["a", "b"]),  # the first line with a token decides
        (None, "a\tX\nNew York\tY\n", ["a", "New York"]),
        (None, "\n \t\nNew York\tX\nb\tY\n", ["New York", "b"]),
        (None, "-DOCSTART- O\n\na c\tX\nb\tY\n", ["a c", "b"]),
        (" ", "a\tX\nb Y\n", ["a", "b"]),
        (r"\t", "a\tX\nb\tY", ["a", "b"]),
        ("||", "a||X\nb||Y\r\n", ["a", "b"]),
    ],
)
def test_separators(separator: str | None, text: str, tokens: list[str]) -> None:
    (sentence,) = [s for s in columns_of(text, separator=separator, skip=["-DOCSTART-"]) if s.tokens]
    assert sentence == Sentence(tokens, {"upos": ["X", "Y"]})


def test_optional_columns_are_blank_where_a_line_ends_early() -> None:
    assert columns_of("a X B\nb Y\n", optional={"ner": 2, "last": -3}) == [
        Sentence(["a", "b"], {"upos": ["X", "Y"], "ner": ["B", "_"], "last": ["a", "_"]})
    ]


def test_csv() -> None:
    for line in ('",PUNCT', '"a"b,X', '"a\rb', 'x,"'):
        with pytest.raises(InputError, match=r"in\.file, line 2: .* is not CSV .*double that quote"):
            columns_of(f'a,X\n{line}\n",PUNCT\n', quoted=True)
    text = '",",PUNCT\n"""",PUNCT\n"a ""b"" c",X\nd,\n\nf,Z\n'
    first, second = columns_of(text, quoted=True)
    assert first == Sentence([",", '"', 'a "b" c', "d"], {"upos": ["PUNCT", "PUNCT", "X", ""]})
    assert second == Sentence(["f"], {"upos": ["Z"]})


@pytest.mark.parametrize(
    ("text", "separator", "found"),
    [
        ('";";X\n', None, [[";"]]),
        ("Er;PRON\r\nkam,so;X\r\n", None, [["Er", "kam,so"]]),  # of a spreadsheet in Europe
        ("a;X\n;;\nb;Y\n", None, [["a"], ["b"]]),  # which writes an empty row so
        (",,\na,X\n;,Y\n", None, [[], ["a", ";"]]),
        (";,X\n", None, [[";"]]),
        ("a\tX\nb\tY\n", None, [["a", "b"]]),
        ("1,5;NUM\n", ";", [["1,5"]]),
        ("1,5;NUM\n", None, "each of several separators; check --column and --separator"),
        ("Er|PRON\n", None, "is not divided by a comma, a semicolon or a tab; check --column and --separator"),
    ],
)
def test_the_first_line_tells_the_separator_of_csv(text: str, separator: str | None, found: Any) -> None:
    if isinstance(found, str):
        with pytest.raises(InputError, match=rf"^in\.file, line 1: .* {found}"):
            columns_of(text, quoted=True, separator=separator)
    else:
        assert [s.tokens for s in columns_of(text, quoted=True, separator=separator)] == found


@pytest.mark.parametrize(("text", "quoted"), [("a\tX\n\tX\n", False), ('a,X\n"",X\n', True), ("a;X\n;X\n", True)])
def test_an_empty_token_is_refused(text: str, quoted: bool) -> None:
    with pytest.raises(InputError, match=r"^in\.file, line 2: the token in .*X' is empty; write it, or _"):
        columns_of(text, quoted=quoted)


@pytest.mark.parametrize("separator", ["", "\n", "a\r", " ", '"', "ab"])
def test_what_cannot_separate_columns(separator: str) -> None:
    for of in (column_separator, csv_separator) if separator in ("", "\n", "a\r") else (csv_separator,):
        with pytest.raises(InputError, match="cannot separate"):
            of(separator)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("g.tsv", "-DOCSTART- X\n\nThey PRON\nbook VERB\n\n\nYes INTJ"),
        ("g.csv", '",",PUNCT\nNew York,PROPN\n'),
    ],
)
def test_training_and_commands_read_the_same_sentences(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    fields: dict[str, int | None] = {"tokens": 0, "upos": 1}
    config = CorpusConfig(kind="columns", train=str(path), dev=str(path), fields=fields, skip=["-DOCSTART-"])
    corpus = load_corpus(config, ["upos"])
    trained = [(row["tokens"], row["upos"]) for row in corpus.splits["train"].to_list()]
    format = "csv" if name.endswith("csv") else "tsv"
    scored = read(read_lines(str(path)), str(path), format, columns={"upos": 1}, skip=["-DOCSTART-"])
    assert [(s.tokens, s.tags["upos"]) for s in scored if s.tokens] == trained


def test_a_separator_of_the_output_is_not_that_of_a_file_with_tabs() -> None:
    with pytest.raises(InputError, match=r"^a\.tsv, line 2: no separator '_' in 'a\\tX', .* that of the input"):
        list(read_columns(["\n", "a\tX\n"], "a.tsv", {}, separator="_"))
    assert [s.tokens for s in read_columns(["a\n", "b\tX_Y\n"], "a.tsv", {}, separator="_")] == [["a", "b\tX"]]

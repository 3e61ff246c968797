"""Names of files and the formats that they name."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tagger.errors import InputError
from tagger.text.formats import (
    INPUTS,
    MAY_HAVE_TEXT,
    OUTPUTS,
    SEPARATED,
    SUFFIXES,
    TAGGED,
    WITH_OFFSETS,
    format_of,
    read,
    read_checked,
    renamed,
    writer,
)
from tagger.text.sentence import Sentence, Token


def test_suffixes() -> None:
    rows = """a/book.txt text a/book.tsv, a/book.TXT.gz text a/book.tsv.gz, a.conllu conllu a.tsv,
    a.conll-u conllu a.tsv, a.jsonl jsonl a.tsv, a.b.tsv tsv a.b.tsv, a.csv csv a.tsv, a.conll.gz tsv a.tsv.gz,
    a.tokens tokens a.tsv, notes.v2 text notes.v2.tsv, README text README.tsv,
    .txt text .txt.tsv, a.gz text a.tsv.gz"""
    for path, format, tsv in map(str.split, rows.split(",")):
        assert (format_of(path), renamed(Path(path), "tsv").as_posix()) == (format, tsv)
    assert (format_of("-"), format_of("a.out", "tsv")) == ("text", "tsv")


def test_every_format_has_a_suffix() -> None:
    for format in {*INPUTS, *OUTPUTS} - {"pretty"}:
        assert format_of(str(renamed(Path("a.txt"), format))) == format
    assert renamed(Path("a.txt"), "pretty") == Path("a.pretty")
    assert set(SUFFIXES.values()) == set(INPUTS)


@pytest.mark.parametrize("format", INPUTS)
def test_which_input_formats_may_have_text_is_listed(format: str) -> None:
    lines = {"jsonl": '{"text": "a"}\n', "csv": "a,X\n", "conllu": "1\ta" + "\t_" * 8 + "\n"}
    cut: list[str] = []

    def segment(texts: Sequence[str]) -> list[list[list[Token]]]:
        cut.extend(texts)
        return [[] for _ in texts]

    list(read(lines.get(format, "a\n").splitlines(keepends=True), "a", format, segment=segment))
    assert bool(cut) == (format in MAY_HAVE_TEXT)


@pytest.mark.parametrize("format", OUTPUTS)
def test_what_an_output_format_takes_is_listed(format: str) -> None:
    write = writer(format, ["upos"])
    sentence = Sentence(["Do", "n't"], {"upos": ["AUX", "PART"]}, text="Don't")
    glued = replace(sentence, offsets=[(0, 2), (2, 5)])
    assert (write(sentence) != write(glued)) == (format in WITH_OFFSETS)
    assert (write(sentence) != writer(format, ["upos"], separator=";")(sentence)) == (format in SEPARATED)


@pytest.mark.parametrize("format", TAGGED)
def test_every_format_with_tags_reads_the_tags_that_it_writes(format: str) -> None:
    lines = writer(format, ["upos"])(Sentence(["a"], {"upos": ["DET"]})).splitlines(keepends=True)
    (sentence,) = [each for each in read(lines, "a", format, columns={"upos": 1}) if each.tokens]
    assert (sentence.tokens, sentence.tags["upos"]) == (["a"], ["DET"])


KNOWN = {"upos": ["NOUN", "VERB"]}


def row(word: int, tag: str) -> str:
    return f"{word}\tw\t_\t{tag}" + 6 * "\t_" + "\n"


def sentences(format: str, text: str) -> list[Sentence]:
    parts = read_checked(text.splitlines(keepends=True), "f", format, KNOWN, columns={"upos": 1})
    return [part for part in parts if isinstance(part, Sentence)]


CONLLU = "# a\n" + row(1, "NOUN") + "2-3\tx" + 8 * "\t_" + "\n" + row(2, "_") + row(3, "TAG")


@pytest.mark.parametrize(
    ("format", "text", "line"),
    [
        ("conllu", CONLLU, 5),
        ("conllu", row(1, "VERB") + "\n" + CONLLU, 7),
        ("tsv", "a\tNOUN\n\nb\t_\nc\tTAG\nd\tNOUN\n", 4),
        ("csv", "a,NOUN\n\n\nb,TAG\n", 4),
        ("jsonl", '{"tokens": ["a"], "upos": ["_"]}\n\n{"tokens": ["a"], "upos": ["TAG"]}\n', 3),
    ],
)
def test_the_line_of_an_unknown_tag_is_named(format: str, text: str, line: int) -> None:
    assert sentences(format, text.replace("TAG", "NOUN"))
    for end in ("", "\n"):
        with pytest.raises(InputError, match=f"^f, line {line}: 'NUN' is no tag of upos; it has NOUN, VERB; correct"):
            sentences(format, text.replace("TAG", "NUN") + end)


def test_blanks_and_columns_that_are_not_checked_pass() -> None:
    assert sentences("tsv", "a\t_\nb\tNOUN\n")[0].tags == {"upos": ["_", "NOUN"]}
    assert sentences("conllu", row(1, "_").replace("w\t_", "w\tlemma") + "\n")[0].tags["lemma"] == ["lemma"]

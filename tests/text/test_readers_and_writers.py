"""Readers and writers of tagged text: nothing is lost, no line breaks, every error names its line."""

import json
import re
import tracemalloc
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tagger.errors import InputError
from tagger.text import columns, paragraphs
from tagger.text import readers as formats
from tagger.text.characters import encodable
from tagger.text.conllu import write_conllu
from tagger.text.files import read_lines
from tagger.text.formats import INPUTS, SUFFIXES, format_of, renamed
from tagger.text.sentence import Sentence
from tagger.text.terminal import display_width
from tagger.text.writers import OUTPUTS, writer

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # for a busy machine
LINE = re.compile(r"[^\n]*\n|[^\n]+")


def segment(paragraph: str) -> list[list[tuple[int, int]]]:
    """Words between white space; a full stop ends a sentence."""
    sentences: list[list[tuple[int, int]]] = [[]]
    for word in re.finditer(r"\S+", paragraph):
        sentences[-1].append(word.span())
        if word.group().endswith("."):
            sentences.append([])
    return sentences


def read(text: str, format: str, **options: Any) -> list[Sentence]:
    return list(formats.read(iter(LINE.findall(text)), "in.file", format, **options))


def write(sentences: list[Sentence], format: str, columns: tuple[str, ...] = ("upos",), **options: Any) -> str:
    return "".join(map(writer(format, columns, **options), sentences))


def tokens_of(sentences: list[Sentence]) -> list[list[str]]:
    return [sentence.tokens for sentence in sentences]


# --- names


@pytest.mark.parametrize(
    ("path", "format", "tsv"),
    [
        ("a/book.txt", "text", "a/book.tsv"),
        ("a/book.TXT.gz", "text", "a/book.tsv.gz"),
        ("a.conllu", "conllu", "a.tsv"),
        ("a.conll-u", "conllu", "a.tsv"),
        ("a.jsonl", "jsonl", "a.tsv"),
        ("a.b.tsv", "tsv", "a.b.tsv"),
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


# --- reading


@pytest.mark.parametrize(
    ("format", "text", "tokens"),
    [
        ("lines", "a b\n\n c\t d\r\ne", [["a", "b"], [], ["c", "d"], ["e"]]),
        ("lines", "a\u00a0b c\u3000d\n", [["a\u00a0b", "c\u3000d"]]),
        ("lines", "\n", [[]]),
        ("tokens", "a\nb c\n\nd", [["a", "b c"], ["d"]]),
        ("tokens", "\n\na\r\n\r\n\r\n", [[], [], ["a"], []]),
        ("tokens", " a \n \t\nb\u2028\x85\x0b\n", [[" a "], ["b\u2028\x85\x0b"]]),
        ("tokens", "\u3000\n# b\n", [["\u3000", "# b"]]),
        ("tsv", "a\tX\nb c\tY\n\n-DOCSTART-\t-X-\n\n", [["a", "b c"], ["-DOCSTART-"]]),
        ("tsv", "a\tY\n\tX\n\nd", [["a", ""], ["d"]]),
        ("jsonl", '["a","b c"]\n\n{"tokens":[]}\r\n[]', [["a", "b c"], [], []]),
        ("jsonl", '{"text":"a b. c"}\n', [["a", "b."], ["c"]]),
        ("slash", "a/X b/c/Y\nd e/\n\n", [["a", "b/c"], ["d", "e/"], []]),
        ("slash", "/ //SYM /usr and/or/CCONJ\n", [["/", "/", "/usr", "and/or"]]),
        ("slash", "New\u00a0York/PROPN", [["New York"]]),
        ("text", "a b.\nc\n\nd", [["a", "b."], ["c"], ["d"]]),
    ],
)
def test_read(format: str, text: str, tokens: list[list[str]]) -> None:
    assert tokens_of(read(text, format, segment=segment)) == tokens


@pytest.mark.parametrize("format", INPUTS)
def test_empty_files(format: str) -> None:
    assert read("", format, segment=segment) == []


@pytest.mark.parametrize("format", INPUTS)
def test_a_byte_order_mark_is_dropped(tmp_path: Path, format: str) -> None:
    text = write([Sentence(["a"], {"upos": ["X"]})], format) if format in OUTPUTS else "a\n"
    text = "a\n" if format in ("tsv", "csv") else text
    path = tmp_path / "a"
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    (sentence,) = formats.read(read_lines(str(path)), str(path), format, segment=segment)
    assert sentence.tokens == ["a"]
    assert sentence.offsets in (None, [(0, 1)])


@pytest.mark.parametrize(
    ("format", "text", "options"),
    [
        ("tsv", "N\ta\tB\nV\tb\tI\n", {"columns": {"upos": 0, "ner": 2}, "token": 1}),
        ("tsv", "a N  B\nb\tV I\n", {"columns": {"upos": 1, "ner": 2}, "separator": " "}),
        ("tsv", "a,N,B\nb,V,I\n", {"columns": {"upos": 1, "ner": 2}, "separator": ","}),
        ("tsv", "a\tx\tB\tN\nb\tB\tI\tV\n", {"columns": {"upos": -1, "ner": -2}}),
        ("slash", "a/N/B b/V/I", {"columns": {"upos": 1, "ner": 2}}),
        ("slash", "a_N_B b_V_I", {"columns": {"upos": 1, "ner": 2}, "separator": "_"}),
        ("jsonl", '{"ner":["B","I"],"upos":["N","V"],"tokens":["a","b"]}', {"columns": {"upos": 1, "ner": 2}}),
    ],
)
def test_read_tags(format: str, text: str, options: dict[str, Any]) -> None:
    (sentence,) = read(text, format, **options)
    assert sentence == Sentence(["a", "b"], {"upos": ["N", "V"], "ner": ["B", "I"]})


def test_text_has_paragraphs_and_offsets() -> None:
    text = "One two. Three\r\nfour.\r\n\r\n \t\r\n  Five.\n\n\n"
    sentences = read(text, "text", segment=segment)
    assert [s.text for s in sentences] == ["One two.", "Three\r\nfour.", "Five."]
    assert [s.comments for s in sentences] == [["# newpar"], [], ["# newpar"]]
    for s in sentences:
        assert [text[a:b] for a, b in s.offsets or []] == s.tokens


@pytest.mark.parametrize(
    ("text", "per_line", "paragraphs"),
    [
        ("a\nb\nc", None, 3),
        ("a\nb\n\nc", None, 2),
        ("a\nb\n\nc", True, 3),
        ("a\nb\nc", False, 1),
        ("\n\na\nb", None, 1),
        ("x " * 600_000 + "\na\n\nb\nc\n", None, 12 + 3),  # an empty line after the first MiB
    ],
)
def test_what_a_paragraph_is(text: str, per_line: bool | None, paragraphs: int) -> None:
    if len(text) < 100:
        sentences = read(text, "text", segment=segment, paragraph_per_line=per_line)
        assert sum(s.comments == ["# newpar"] for s in sentences) == paragraphs
    else:
        assert len(read(text, "text", segment=segment)) == paragraphs


def test_the_first_paragraph_does_not_wait_for_the_whole_input() -> None:
    def lines() -> Iterator[str]:
        yield from ("a\n", "\n", "b\n")
        pytest.fail("read on")

    sentences = formats.read(lines(), "-", "text", segment=segment)
    assert next(sentences).tokens == ["a"]


@pytest.mark.parametrize("filler", ["word ", "x", "猫", "\u3000", "a\n"])
def test_long_paragraphs_are_cut(monkeypatch: pytest.MonkeyPatch, filler: str) -> None:
    monkeypatch.setattr(paragraphs, "MAX_PARAGRAPH", 1000)
    seen: list[str] = []

    def watch(paragraph: str) -> list[list[tuple[int, int]]]:
        seen.append(paragraph)
        return segment(paragraph)

    text = filler * 2345 + "\n\nend"
    sentences = read(text, "text", segment=watch, paragraph_per_line=False)
    assert max(map(len, seen)) <= 1000
    assert "".join("".join(s.tokens) for s in sentences) == "".join(text.split())
    for s in sentences:
        assert [text[a:b] for a, b in s.offsets or []] == s.tokens
    if filler == "word ":
        assert {token for s in sentences for token in s.tokens} == {"word", "end"}
        assert sum(len(s.comments) for s in sentences) == 2


def test_memory_stays_flat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paragraphs, "MAX_PARAGRAPH", 10_000)

    def lines() -> Iterator[str]:
        yield from ["some words in a line\n"] * 40_000

    def peak(format: str) -> int:
        tracemalloc.start()
        for sentence in formats.read(lines(), "-", format, segment=segment, paragraph_per_line=False):
            assert sentence.tokens
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak("lines") < 2_000_000  # all tokens at once would take 10 MB and more
    assert peak("text") < 2_000_000


def test_json_fields_come_along() -> None:
    text = '{"id":7,"text":"A b. C.","meta":{"x":[1.5,null]}}\n{"id":8,"text":" "}\n{"id":"9","tokens":["d"]}\n'
    sentences = read(text, "jsonl", segment=segment)
    for s in sentences:
        s.tags = {"upos": ["X"] * len(s)}
    assert [json.loads(line) for line in write(sentences, "jsonl").splitlines()] == [
        {
            "id": 7,
            "meta": {"x": [1.5, None]},
            "tokens": ["A", "b."],
            "upos": ["X", "X"],
            "offsets": [[0, 1], [2, 4]],
            "text": "A b.",
        },
        {"id": 7, "meta": {"x": [1.5, None]}, "tokens": ["C."], "upos": ["X"], "offsets": [[5, 7]], "text": "C."},
        {"id": 8, "tokens": [], "upos": [], "offsets": [], "text": " "},
        {"id": "9", "tokens": ["d"], "upos": ["X"]},
    ]


def test_json_of_an_earlier_run_is_replaced() -> None:
    first = Sentence(["a"], {"upos": ["X"]}, {"upos": [0.75]}, {"upos": [[("X", 0.75), ("Y", 0.25)]]}, [(3, 4)], "a")
    (again,) = read(write([first], "jsonl", probabilities=True, top=2), "jsonl")
    assert (again.offsets, again.text) == (first.offsets, first.text)
    again.tags = {"upos": ["Z"]}
    assert write([again], "jsonl") == '{"tokens":["a"],"upos":["Z"],"offsets":[[3,4]],"text":"a"}\n'


# --- errors


@pytest.mark.parametrize(
    ("format", "line", "said", "options"),
    [
        ("jsonl", "{'a'}", ["\"{'a'}\"", "not JSON", "one value per line"], {}),
        ("jsonl", '["a"', ["not JSON"], {}),
        ("jsonl", "[" * 100_000, ["[[[", "not JSON"], {}),
        ("jsonl", "1" * 5000, ["111", "not JSON"], {}),
        ("jsonl", "7", ["tokens '7'", "list of strings"], {}),
        ("jsonl", '"a b"', ["a b", "list of strings"], {}),
        ("jsonl", '["a", 1]', ["1]", "list of strings"], {}),
        ("jsonl", '{"tokens":null}', ["null", "list of strings"], {}),
        ("jsonl", '{"words":["a"]}', ["words", '"tokens"', '"text"'], {}),
        ("jsonl", '{"text":["a"]}', ['"tokens"', '"text"'], {}),
        ("jsonl", '{"text":"a b"}', ["'a b'", '"tokens"'], {"segment": None}),
        ("jsonl", '{"tokens":["a"],"upos":["X","Y"]}', ["2 upos", "1 tokens"], {"columns": {"upos": 1}}),
        ("jsonl", '{"tokens":["a"]}', ["upos 'null'", "list of strings"], {"columns": {"upos": 1}}),
        ("tsv", "a", ["no column 1", "upos", "'a'", "separator"], {"columns": {"upos": 1}}),
        ("tsv", "a\tb", ["no column -3", "upos"], {"columns": {"upos": -3}}),
        ("tsv", "a\tb", ["no column 2", "token", r"'a\tb'"], {"token": 2}),
        ("slash", "a/X b", ["'b'", "1 tag", "--separator"], {"columns": {"upos": 1}}),
        ("slash", "a/X", ["'a/X'", "2 tags"], {"columns": {"upos": 1, "xpos": 2}}),
        ("slash", "/X", ["'/X'"], {"columns": {"upos": 1}}),
        ("conllu", "a b", ["1 columns", "'a b'"], {}),
    ],
)
def test_errors(format: str, line: str, said: list[str], options: dict[str, Any]) -> None:
    with pytest.raises(InputError) as raised:
        read(f"\n\n{line}\r\n", format, **{"segment": segment, **options})
    message = str(raised.value)
    assert message.startswith("in.file, line 3: ")
    assert all(part in message for part in said), message
    assert len(message) < 300
    assert "\n" not in message


@pytest.mark.parametrize("format", ["tokens", "tsv"])
def test_a_file_without_sentence_ends_is_refused(monkeypatch: pytest.MonkeyPatch, format: str) -> None:
    monkeypatch.setattr(columns, "MAX_SENTENCE_TOKENS", 1000)
    assert len(read("a\n" * 1000 + "\n" + "b\n" * 1000, format)) == 2
    with pytest.raises(InputError, match=r"in\.file, line 1002: 1,000 tokens .*'b'; .*empty line"):
        read("\n" + "a\n" * 1000 + "b\n", format)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: formats.read([], "a", "xml"), "'xml'.*conllu"),
        (lambda: formats.read([], "a", "text"), "a: .*--input"),
        (lambda: formats.read([], "a", "slash", separator=""), "''"),
        (lambda: formats.read([], "a", "slash", separator=" "), "' '"),
        (lambda: formats.read([], "a", "slash", columns={"upos": -1}), "a: .*-1"),
        (lambda: writer("xml", ["upos"]), "'xml'.*pretty"),
        (lambda: writer("slash", ["upos"], separator=""), "''"),
        (lambda: writer("slash", ["upos"], probabilities=True), "slash.*tsv"),
        (lambda: writer("slash", ["upos"], top=3), "slash.*tsv"),
        (lambda: write([Sentence(["a"], {"upos": ["X/Y"]})], "slash"), "'X/Y'.*--separator"),
    ],
)
def test_what_cannot_be_asked(call: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        call()


# --- writing

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
        ("tsv", {"columns": ("upos", "xpos")}, "Don\tAUX\tVB\n't\tPART\tRB\nNew York\tPROPN\tNNP\n\n"),
        (
            "tsv",
            {"probabilities": True, "top": 2},
            "Don\tAUX\t0.9000\tAUX:0.9000 VERB:0.1000\n"
            "'t\tPART\t0.9877\tPART:0.9877\n"
            "New York\tPROPN\t1.0000\tPROPN:1.0000 X:0.0000\n\n",
        ),
        ("slash", {}, "Don/AUX 't/PART New\u00a0York/PROPN\n"),
        ("slash", {"columns": ("xpos", "upos"), "separator": "_"}, "Don_VB_AUX 't_RB_PART New\u00a0York_NNP_PROPN\n"),
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
        ("pretty", {}, "Don  't    New York\nAUX  PART  PROPN\n\n"),
        ("pretty", {"width": 12}, "Don  't\nAUX  PART\n\nNew York\nPROPN\n\n"),
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


def test_json_probabilities() -> None:
    record = json.loads(write([SENTENCE], "jsonl", probabilities=True, top=2))
    assert record["upos_probabilities"] == [0.9, 0.9877 if round(0.98765, 4) == 0.9877 else 0.9876, 1.0]
    assert record["upos_alternatives"][2] == [["PROPN", 1.0], ["X", 0.0]]


def test_pretty_knows_wide_characters_and_controls() -> None:
    shown = write([Sentence(["猫", "e\u0301t", "\x1b[1m", "\t"], {"upos": ["A", "B", "C", "D"]})], "pretty")
    assert shown == "猫  e\u0301t  \ufffd[1m  \ufffd\nA   B   C     D\n\n"
    shown = write([Sentence(["猫" * 5000, "w" * 5000], {"upos": ["A", "B"]})], "pretty")
    assert [len(line) for line in shown.splitlines()] == [40, 1, 0, 80, 1, 0]


def test_conllu_changes_only_the_tags_asked_for() -> None:
    text = (
        "# c\n1-2\tdel"
        + "\t_" * 8
        + "\n1\tde\tde\tADP\tp\tA=b\t0\troot\t_\t_\n2\tel\tel\tDET\tq"
        + "\t_" * 5
        + "\n\n\n"
    )
    sentences = read(text, "conllu")
    for s in sentences:
        s.tags = {**s.tags, "upos": ["X"] * len(s), "xpos": ["Y"] * len(s)}
    assert write(sentences, "conllu") == text.replace("ADP", "X").replace("DET", "X")


@pytest.mark.parametrize(("format", "text"), [("tokens", "a\n\n\n\nb c\nd\n\n"), ("tsv", "\na\tx\n\n\nb\ty\n\n")])
def test_tsv_keeps_the_lines(format: str, text: str) -> None:
    sentences = read(text, format)
    for s in sentences:
        s.tags = {"upos": ["X"] * len(s)}
    assert [bool(line) for line in write(sentences, "tsv").split("\n")] == [bool(line) for line in text.split("\n")]


def test_slash_keeps_the_lines() -> None:
    sentences = read("a b\n\n\nc", "lines")
    for s in sentences:
        s.tags = {"upos": ["X"] * len(s)}
    assert write(sentences, "slash") == "a/X b/X\n\n\nc/X\n"


@pytest.mark.parametrize("format", OUTPUTS)
def test_long_sentences_and_words(format: str) -> None:
    sentence = Sentence(["a"] * 10_000 + ["w" * 5000], {"upos": ["X"] * 10_001})
    text = write([sentence, Sentence([]), sentence], format)
    if format != "pretty":
        again = read(text, format)
        assert [len(s) for s in again if len(s)] == [10_001, 10_001]
        assert again[0].tokens == sentence.tokens


def test_empty_sentences() -> None:
    empty = Sentence([])
    assert {format: write([empty], format, probabilities=False) for format in OUTPUTS} == {
        "tsv": "\n",
        "csv": "\n",
        "conllu": "",
        "jsonl": '{"tokens":[],"upos":[]}\n',
        "slash": "\n",
        "pretty": "\n",
    }
    for format in ("tsv", "conllu", "jsonl", "pretty"):
        write([empty], format, probabilities=True, top=3)


# --- any Unicode

form = st.text(max_size=8) | st.sampled_from(["", " ", "\n", "\r\n", "\t", "#", "/", "a/b", "\ud800", "\u2028", "_"])
tag = st.text(max_size=4) | st.sampled_from(["NOUN", "``", "-LRB-", "A=b|C=d", ""])
contents = st.lists(st.lists(st.tuples(form, tag, tag), max_size=5), max_size=4)


def sentences_of(content: list[list[tuple[str, str, str]]]) -> list[Sentence]:
    return [
        Sentence(
            [f for f, _, _ in row],
            {"upos": [t for _, t, _ in row], "xpos": [t for _, _, t in row]},
            {"upos": [0.5] * len(row), "xpos": [0.5] * len(row)},
            {"upos": [[(t, 0.5), (u, 0.25)] for _, t, u in row], "xpos": [[] for _ in row]},
        )
        for row in content
    ]


def in_cell(value: str) -> str:
    return encodable(re.sub(r"[\t\n\r]", " ", value)) or "_"


def in_slash(value: str) -> str:
    return encodable(re.sub(r"\s", " ", value)) or "_"


@unhurried
@given(content=contents)
@pytest.mark.parametrize(("format", "separator"), [("tsv", "\t"), ("csv", ","), ("csv", ";")])
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


@unhurried
@given(contents)
def test_conllu_holds_anything(content: list[list[tuple[str, str, str]]]) -> None:
    text = write(sentences_of(content), "conllu", ("upos", "xpos"), probabilities=True, top=2)
    text.encode()
    again = read(text, "conllu")
    assert [list(zip(s.tokens, s.tags["upos"], s.tags["xpos"], strict=True)) for s in again] == [
        [tuple(map(in_cell, cells)) for cells in row] for row in content if row
    ]
    assert "".join(map(write_conllu, again)) == text


@unhurried
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


@unhurried
@given(contents, st.sampled_from(["/", "_", "|", "||", "ab", "\u2044"]))
def test_slash_holds_anything(content: list[list[tuple[str, str, str]]], separator: str) -> None:
    for row in content:
        for i, (word, *tags) in enumerate(row):
            plain = [re.sub("[/_|ab\u2044]", "-", t) or "-" for t in tags]
            row[i] = (word, plain[0], plain[1])
    text = write(sentences_of(content), "slash", ("upos", "xpos"), separator=separator)
    text.encode()
    assert text.count("\n") == len(content)
    again = read(text, "slash", columns={"upos": 1, "xpos": 2}, separator=separator)
    assert [list(zip(s.tokens, s.tags["upos"], s.tags["xpos"], strict=True)) for s in again] == [
        [tuple(map(in_slash, cells)) for cells in row] for row in content
    ]
    assert write(again, "slash", ("upos", "xpos"), separator=separator) == text


@unhurried
@given(contents, st.integers(1, 100))
def test_pretty_fits_the_terminal(content: list[list[tuple[str, str, str]]], width: int) -> None:
    for sentence in sentences_of(content):
        text = write([sentence], "pretty", ("upos", "xpos"), width=width, probabilities=True)
        text.encode()
        assert text.endswith("\n")
        limit = max(width, 6)  # of a probability
        assert all(display_width(line) <= limit for line in text.split("\n"))
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)


@unhurried
@given(st.text(), st.sampled_from([None, True, False]), st.integers(5, 50), st.integers(1, 100))
def test_offsets_cut_out_the_tokens(text: str, per_line: bool | None, paragraph: int, ahead: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paragraphs, "MAX_PARAGRAPH", paragraph)
        patch.setattr(paragraphs, "LOOK_AHEAD", ahead)
        for format in ("text", "lines"):
            sentences = read(text, format, segment=segment, paragraph_per_line=per_line)
            last = 0
            for s in sentences:
                assert s.offsets is not None
                assert [text[a:b] for a, b in s.offsets] == s.tokens
                if s.tokens:
                    assert s.text == text[s.offsets[0][0] : s.offsets[-1][1]]
                    assert s.offsets[0][0] >= last
                    last = s.offsets[-1][1]
            spaces = r"\s+" if format == "text" else r"[ \t\r\n]+"
            assert "".join("".join(s.tokens) for s in sentences) == re.sub(spaces, "", text)
            if format == "lines":
                assert len(sentences) == len(LINE.findall(text))


@unhurried
@given(st.text(), st.sampled_from(list(INPUTS)))
def test_any_input_is_read_or_refused(text: str, format: str) -> None:
    try:
        sentences = read(text, format, segment=segment)
    except InputError as error:
        said = str(error)
        sentences = []
    else:
        said = "in.file, line 0: none"
    assert re.fullmatch(r"in\.file, line \d+: [^\n]+", said)
    for s in islice(sentences, 5):
        s.tags = {"upos": ["X"] * len(s)}
        for output in OUTPUTS:
            write([s], output).encode()

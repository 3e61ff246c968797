"""Every format is read or refused with the line; nothing is lost, and memory stays flat."""

import re
import tracemalloc
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.errors import InputError
from tagger.text import columns, paragraphs, readers
from tagger.text.files import read_lines
from tagger.text.formats import INPUTS, OUTPUTS
from tagger.text.sentence import Sentence
from tests.text.conftest import LINE, read, segment, tokens_of, write


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
    (sentence,) = readers.read(read_lines(str(path)), str(path), format, segment=segment)
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


@pytest.mark.parametrize(
    ("format", "line", "per_line"),
    [
        ("lines", "some words in a line\n", None),
        ("text", "some words in a line\n", None),
        ("text", "some words in a line\n", False),
        ("text", "some words in a line that breaks off because it\n", None),
        ("text", "a piece of an endless line " * 40, None),
    ],
)
def test_memory_stays_flat(monkeypatch: pytest.MonkeyPatch, format: str, line: str, per_line: bool | None) -> None:
    monkeypatch.setattr(paragraphs, "MAX_PARAGRAPH", 10_000)
    monkeypatch.setattr(paragraphs, "BLOCK_START", 10_000)
    monkeypatch.setattr(readers, "MAX_GROUP", 10_000)

    def lines() -> Iterator[str]:
        for _ in range(400_000 // len(line)):
            yield str(line)

    tracemalloc.start()
    try:
        for sentence in readers.read(lines(), "-", format, segment=segment, paragraph_per_line=per_line):
            assert sentence.tokens
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 3_000_000  # all tokens at once would take 10 MB and more


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
        (lambda: readers.read([], "a", "xml"), "'xml'.*conllu"),
        (lambda: readers.read([], "a", "text"), "a: .*--input"),
        (lambda: readers.read([], "a", "slash", separator=""), "''"),
        (lambda: readers.read([], "a", "slash", separator=" "), "' '"),
        (lambda: readers.read([], "a", "slash", columns={"upos": -1}), "a: .*-1"),
    ],
)
def test_what_cannot_be_asked(call: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        call()


@given(st.text(), st.sampled_from([None, True, False]), st.integers(5, 50), st.integers(1, 100))
def test_offsets_cut_out_the_tokens(text: str, per_line: bool | None, paragraph: int, block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paragraphs, "MAX_PARAGRAPH", paragraph)
        patch.setattr(paragraphs, "BLOCK_START", block)
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

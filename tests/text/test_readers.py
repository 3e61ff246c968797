"""Every format is read, written or refused with the line; nothing is lost, and memory stays flat."""

import json
import re
import tracemalloc
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from html import unescape
from itertools import islice
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.errors import InputError
from tagger.text import columns, formats, markup, paragraphs
from tagger.text.columns import column_separator, csv_separator, read_columns
from tagger.text.formats import INPUTS, OUTPUTS, format_of, read_parts, renamed, writer
from tagger.text.markup import read_html, read_markdown, read_subtitles
from tagger.text.paragraphs import JsonText, Paragraph, Part, Segment, cut_parts, cut_texts, paragraphs_of, sentences_of
from tagger.text.sentence import MultiwordToken, Sentence, Token, write_conllu
from tagger.text.strings import SPACE, display_width, encodable

LINE = re.compile(r"[^\n]*\n|[^\n]+")


def segment(paragraphs: Sequence[str]) -> list[list[list[Token]]]:
    """Words between white space; a full stop ends a sentence."""
    found: list[list[list[Token]]] = []
    for paragraph in paragraphs:
        found.append([[]])
        for word in re.finditer(f"[^{SPACE}]+", paragraph):
            found[-1][-1].append(Token(*word.span()))
            if word.group().endswith("."):
                found[-1].append([])
    return found


def read(text: str, format: str, *, segment: Segment | None = None, **options: Any) -> list[Sentence]:
    lines = iter(LINE.findall(text))
    if segment is None:
        return list(formats.read(lines, "in.file", format, **options))
    return list(cut_parts(formats.read_parts(lines, "in.file", format, **options), partial(cut_texts, segment)))


def write(sentences: list[Sentence], format: str, columns: tuple[str, ...] = ("upos",), **options: Any) -> str:
    return "".join(map(writer(format, columns, **options), sentences))


def tokens_of(sentences: list[Sentence]) -> list[list[str]]:
    return [sentence.tokens for sentence in sentences]


form = st.text(max_size=8) | st.sampled_from(["", " ", "\n", "\r\n", "\t", "#", "/", "a/b", "\ud800", "\u2028", "_"])
tag = st.text(max_size=4) | st.sampled_from(["NOUN", "``", "-LRB-", "A=b|C=d", ""])
contents = st.lists(st.lists(st.tuples(form, tag, tag), max_size=5), max_size=4)


def made_of(content: list[list[tuple[str, str, str]]]) -> list[Sentence]:
    return [
        Sentence(
            [f for f, _, _ in row],
            {"upos": [t for _, t, _ in row], "xpos": [t for _, _, t in row]},
            {"upos": [0.5] * len(row), "xpos": [0.5] * len(row)},
            {"upos": [[(t, 0.5), (u, 0.25)] for _, t, u in row], "xpos": [[] for _ in row]},
        )
        for row in content
    ]


def in_form(form: str) -> str:
    """A form as a new block of CoNLL-U holds it."""
    return in_cell(form.strip())


def in_cell(value: str) -> str:
    """What is neither form nor lemma, as a new block of CoNLL-U holds it."""
    value = unicodedata.normalize("NFC", value)
    return re.sub("[\ud800-\udfff]", "\ufffd", re.sub(r"[\t\n\r]", " ", value)) or "_"


def test_read() -> None:
    for format, text, tokens in (
        ("lines", "a b\n\n c\t d\r\ne", [["a", "b"], [], ["c", "d"], ["e"]]),
        ("lines", "a\u00a0b c\u3000d\n", [["a\u00a0b", "c\u3000d"]]),
        ("tokens", "a\nb c\n\nd", [["a", "b c"], ["d"]]),
        ("tokens", "\n\na\r\n\r\n\r\n", [[], [], ["a"], []]),
        ("tokens", " a \n \t\nb\u2028\x85\x0b\n", [[" a "], ["b\u2028\x85\x0b"]]),
        ("tsv", "a\tX\nb c\tY\n\n-DOCSTART-\t-X-\n\n", [["a", "b c"], ["-DOCSTART-"]]),
        ("jsonl", '["a","b c"]\n\n{"tokens":[]}\r\n[]', [["a", "b c"], [], []]),
        ("jsonl", '{"text":"a b. c"}\n', [["a", "b."], ["c"]]),
        ("text", "a b.\nc\n\nd", [["a", "b."], ["c"], ["d"]]),
        ("subtitles", "1\n0:01.0 --> 0:02.0\na b. c\n", [["a", "b."], ["c"]]),
        ("markdown", "# a b.\n\n- c\n", [["a", "b."], ["c"]]),
    ):
        assert tokens_of(read(text, format, segment=segment)) == tokens


LONG_LINES = ["some words in a line that breaks off because it\n", "a piece of an endless line " * 40]


@pytest.mark.parametrize("line", ["some words in a line\n", *LONG_LINES])
@pytest.mark.parametrize("format", ["lines", "text"])
def test_memory_stays_flat(monkeypatch: pytest.MonkeyPatch, format: str, line: str) -> None:
    for name in ("MAX_PARAGRAPH", "BLOCK_START", "MAX_GROUP"):
        monkeypatch.setattr(paragraphs, name, 3_000)
    lines = (line for _ in range(75_000 // len(line)))
    tracemalloc.start()
    try:
        for sentence in cut_parts(read_parts(lines, "-", format), partial(cut_texts, segment)):
            assert sentence.tokens
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 1_000_000  # all tokens at once would take 3 MB and more


def test_sentences_without_end_and_what_cannot_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "MAX_LINE_TOKENS", 9)
    monkeypatch.setattr(columns, "MAX_SENTENCE_TOKENS", 9)
    for format, tokens, start, end in (("lines", "a ", "", ""), ("jsonl", '"a",', "[", '"a"]')):
        assert len(read(f"{start}{tokens * 8}{end or tokens}\n", format)) == 1
        with pytest.raises(InputError, match="line 1: 10 tokens in one sentence"):
            read(f"{start}{tokens * 9}{end or tokens}\n", format)
    for format in ("tokens", "tsv"):
        assert len(read("a\n" * 9 + "\n" + "b\n" * 9, format)) == 2
        with pytest.raises(InputError, match=r"in\.file, line 11: 9 tokens .*'b'; .*empty line"):
            read("\n" + "a\n" * 9 + "b\n", format)
    for format, said in (("xml", "'xml'.*conllu"), ("text", "a: .*--input"), ("jsonl", "a: .*'b c'; give tokens")):
        with pytest.raises(InputError, match=said):
            list(formats.read(['{"text":"b c"}'], "a", format))
    for separator in ("", "\n", "a\r", " ", '"', "ab"):
        for of in (column_separator, csv_separator) if separator in ("", "\n", "a\r") else (csv_separator,):
            with pytest.raises(InputError, match="cannot separate"):
                of(separator)
    with pytest.raises(InputError, match=r"^in\.file, line 2: no separator '_' in 'a\\tX', .* that of the input"):
        columns_of("\na\tX\n", columns={}, separator="_")
    assert tokens_of(columns_of("a\nb\tX_Y\n", columns={}, separator="_")) == [["a", "b\tX"]]
    for format, separator, said in (("xml", "\t", "pretty"), ("tsv", "", "''.*columns"), ("csv", "ab", "'ab'.*CSV")):
        with pytest.raises(InputError, match=said):
            writer(format, ["upos"], separator=separator)
    with pytest.raises(InputError, match=r"','.*csv"):
        write([Sentence([","], {"upos": ["X/Y"]})], "tsv", separator=",")


@given(st.text(), st.booleans(), st.integers(5, 50), st.integers(1, 100))
def test_offsets_cut_out_the_tokens(text: str, per_line: bool, paragraph: int, block: int) -> None:
    text += "\n"
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
    said, sentences = "in.file, line 0: none", []
    try:
        sentences = read(text, format, segment=segment)
    except InputError as error:
        said = str(error)
    assert re.fullmatch(r"in\.file, line \d+: [^\n]+", said)
    for s in islice(sentences, 5):
        s.tags = {"upos": ["X"] * len(s)}
        for output in OUTPUTS:
            write([s], output).encode()


PARTS: list[Part] = [
    Paragraph(0, "a b. c", True),
    Sentence(["x", "y z"]),
    JsonText("d. e\n\nf", [Paragraph(0, "d. e\n\n", True), Paragraph(6, "f", True)], {"id": 1}),
    Paragraph(8, " \n", True),
    JsonText(" ", [Paragraph(0, " ", True)], {"id": 2}),
    JsonText("", [], {}),
    *(Paragraph(10 * i, f"g{i} h.", False) for i in range(30)),
]


def test_groups_decide_nothing_and_a_unit_waits_for_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [[each.text for each in paragraphs_of(part)] for part in PARTS]
    alone = [s for part, own in zip(PARTS, texts, strict=True) for s in sentences_of(part, iter(segment(own)))]
    for most in (1, 20, 100_000):
        monkeypatch.setattr(paragraphs, "MAX_GROUP", most)
        cutter = Mock(side_effect=segment)
        assert list(cut_parts(PARTS, partial(cut_texts, cutter))) == alone
        assert max(sum(map(len, texts)) for ((texts,), _) in cutter.call_args_list) <= most + 6
    assert cutter.call_count < 12
    assert [s.tokens for s in alone[:8]] == [["a", "b."], ["c"], ["x", "y z"], ["d."], ["e"], ["f"], [], []]
    assert [s.fields for s in alone[3:8]] == [{"id": 1}] * 3 + [{"id": 2}, {}]
    assert (alone[6].text, alone[6].offsets) == (" ", [])
    assert [s.offsets for s in cut_parts(PARTS[:7], partial(cut_texts, segment), layout=False)] == [None] * 9

    def stream() -> Iterator[Part]:
        yield from PARTS[:2] * 2
        pytest.fail("read on")

    found = cut_parts(stream(), partial(cut_texts, segment))
    assert [next(found).tokens for _ in range(6)] == [["a", "b."], ["c"], ["x", "y z"]] * 2


def test_json_fields_of_any_kind_come_along_and_conllu_comes_back() -> None:
    text = '{"id":7,"text":"A b. C.","meta":{"x":[1.5,null]}}\n{"id":8,"text":" "}\n{"id":"9","tokens":["d"]}\n'
    sentences = read(text, "jsonl", segment=segment)
    own = {"id": 7, "meta": {"x": [1.5, None]}}
    assert [json.loads(line) for line in write(sentences, "jsonl", ()).splitlines()] == [
        own | {"tokens": ["A", "b."], "offsets": [[0, 1], [2, 4]], "space_after": [True, True], "text": "A b."},
        own | {"tokens": ["C."], "offsets": [[5, 7]], "space_after": [True], "text": "C."},
        {"id": 8, "tokens": [], "offsets": [], "text": " "},
        {"id": "9", "tokens": ["d"]},
    ]
    first = Sentence(["a"], {"upos": ["X"]}, {"upos": [0.75]}, {"upos": [[("X", 0.75), ("Y", 0.25)]]}, [(3, 4)], "a")
    (again,) = read(write([first], "jsonl", probabilities=True, top=2), "jsonl")
    assert (again.offsets, again.text) == (first.offsets, first.text)
    again.tags = {"upos": ["Z"]}
    assert write([again], "jsonl") == '{"tokens":["a"],"upos":["Z"],"offsets":[[3,4]],"text":"a"}\n'
    earlier = '"multiwords": [[0, 2, "x"]], "space_after": [false, true]'  # a text is cut anew
    (sentence,) = read(f'{{"text": "go", {earlier}, "id": 1}}\n', "jsonl", segment=segment)
    assert (sentence.space_after, sentence.fields) == ([True], {"id": 1})
    blank = "\t_" * 5 + "\t"
    block = f"# text = L'eau du lac\n1\tL'\t_\tDET{blank}SpaceAfter=No\n2\teau\t_\tNOUN{blank}_\n"
    block += f"3-4\tdu\t_\t_{blank}_\n3\tde\t_\tADP{blank}_\n4\tle\t_\tDET{blank}_\n"
    block += f"5\tlac\t_\tNOUN{blank}SpaceAfter=No\n\n"
    line = write(read(block, "conllu"), "jsonl")
    assert json.loads(line)["space_after"] == [False, True, False, True, False]
    assert write(read(line, "jsonl", columns={"upos": 0}), "conllu") == block
    odd: list[Any] = ["1-2", {"1-2": "ab"}, [["ab", 0, 2]], [[0, 4, "abcd"]], [[-1, 1, "a"]], [[0, True, "a"]]]
    for value in (*odd, [[0, 2, "ab"], [1, 3, "bc"]]):
        (sentence,) = read(json.dumps({"tokens": ["a", "b", "c"], "multiwords": value}), "jsonl")
        assert sentence.multiwords == []
        sentence.tags = {"upos": ["X"] * 3}
        assert json.loads(write([sentence], "jsonl"))["multiwords"] == value
    words = {"tokens": ["a", "b", "c"], "multiwords": [[0, 3, "abc"]]}
    for value in ("101", [0, 0, 1], [True, False, True], [False, True]):
        (sentence,) = read(json.dumps(words | {"space_after": value}), "jsonl")
        assert (sentence.space_after, sentence.fields) == (None, {"space_after": value})


def columns_of(text: str, **rules: Any) -> list[Sentence]:
    rules = {"columns": {"upos": 1}, **rules}
    return list(read_columns(LINE.findall(text), "in.file", **rules))


def test_separators_and_several_columns_some_of_which_may_be_missing() -> None:
    for separator, text, tokens in (
        (None, "a X\nb  \tY\n", ["a", "b"]),  # the first line with a token decides
        (None, "a\tX\nNew York\tY\n", ["a", "New York"]),
        (None, "\n \t\nNew York\tX\nb\tY\n", ["New York", "b"]),
        (None, "-DOCSTART- O\n\na c\tX\nb\tY\n", ["a c", "b"]),
        (" ", "a\tX\nb Y\n", ["a", "b"]),
        (r"\t", "a\tX\nb\tY", ["a", "b"]),
        ("||", "a||X\nb||Y\r\n", ["a", "b"]),
    ):
        (sentence,) = [s for s in columns_of(text, separator=separator, skip=["-DOCSTART-"]) if s.tokens]
        assert sentence == Sentence(tokens, {"upos": ["X", "Y"]})
    expected = [Sentence(["a", "b"], {"upos": ["N", "V"], "ner": ["B", "I"]})]
    assert read("a\tx\tB\tN\nb\tB\tI\tV\n", "tsv", columns={"upos": -1, "ner": -2}) == expected
    line = '{"ner":["B","I"],"upos":["N","V"],"tokens":["a","b"]}'
    assert read(line, "jsonl", columns={"upos": 1, "ner": 2}) == expected
    lines = ['{"tokens": ["a"], "xpos": ["X"]}\n', '["a"]\n']
    parts = read_parts(lines, "f", "jsonl", columns={"upos": 0, "xpos": 0}, may_lack_tags=True)
    assert [part.tags for part in parts if isinstance(part, Sentence)] == [{"xpos": ["X"]}, {}]
    with pytest.raises(InputError, match="line 1: upos"):
        list(read_parts(lines, "f", "jsonl", columns={"upos": 0, "xpos": 0}))
    (found,) = columns_of("a X B\nb Y\n", optional={"ner": 2, "last": -3})
    assert found == Sentence(["a", "b"], {"upos": ["X", "Y"], "ner": ["B", "_"], "last": ["a", "_"]})


def test_csv_its_separator_and_an_empty_token() -> None:
    for line in ('",PUNCT', '"a"b,X', '"a\rb', 'x,"'):
        with pytest.raises(InputError, match=r"in\.file, line 2: .* is not CSV .*double that quote"):
            columns_of(f'a,X\n{line}\n",PUNCT\n', quoted=True)
    text = '",",PUNCT\n"""",PUNCT\n"a ""b"" c",X\nd,\n\nf,Z\n'
    first, second = columns_of(text, quoted=True)
    assert first == Sentence([",", '"', 'a "b" c', "d"], {"upos": ["PUNCT", "PUNCT", "X", ""]})
    assert second == Sentence(["f"], {"upos": ["Z"]})
    for text, quoted in (("a\tX\n\tX\n", False), ('a,X\n"",X\n', True), ("a;X\n;X\n", True)):
        with pytest.raises(InputError, match=r"^in\.file, line 2: the token in .*X' is empty; write it, or _"):
            columns_of(text, quoted=quoted)
    for text, separator, found in (
        ('";";X\n', None, [[";"]]),
        ("Er;PRON\r\nkam,so;X\r\n", None, [["Er", "kam,so"]]),  # of a spreadsheet in Europe
        ("a;X\n;;\nb;Y\n", None, [["a"], ["b"]]),  # which writes an empty row so
        (",,\na,X\n;,Y\n", None, [[], ["a", ";"]]),
        (";,X\n", None, [[";"]]),
        ("a\tX\nb\tY\n", None, [["a", "b"]]),
        ("1,5;NUM\n", ";", [["1,5"]]),
        ("tt\tX\n", r"\t", [["tt"]]),
        ("t\n\\\n", r"\t", "no column 1"),
        ("1,5;NUM\n", None, "each of several separators; name it with --separator"),
        ("Er|PRON\n", None, "is not divided by a comma, a semicolon or a tab; name it with --separator"),
    ):
        if isinstance(found, str):
            with pytest.raises(InputError, match=rf"^in\.file, line 1: .*{found}"):
                columns_of(text, quoted=True, separator=separator)
        else:
            assert [s.tokens for s in columns_of(text, quoted=True, separator=separator)] == found


def test_suffixes_and_the_lists_of_formats() -> None:
    rows = """a/book.txt text a/book.tsv, a/book.TXT.gz text a/book.tsv.gz, a.conllu conllu a.tsv,
    a.conll-u conllu a.tsv, a.jsonl jsonl a.tsv, a.b.tsv tsv a.b.tsv, a.csv csv a.tsv, a.conll.gz tsv a.tsv.gz,
    a.tokens tokens a.tsv, notes.v2 text notes.v2.tsv, README text README.tsv,
    .txt text .txt.tsv, a.gz text a.tsv.gz, a.srt subtitles a.tsv, a.vtt subtitles a.tsv, a.md markdown a.tsv"""
    for path, format, tsv in map(str.split, rows.split(",")):
        assert (format_of(path), renamed(Path(path), "tsv").as_posix()) == (format, tsv)
    assert (format_of("-"), format_of("a.out", "tsv")) == ("text", "tsv")
    for format in {*INPUTS, *OUTPUTS} - {"pretty"}:
        assert format_of(str(renamed(Path("a.txt"), format))) == format
    assert renamed(Path("a.txt"), "pretty") == Path("a.pretty")
    assert set(formats.SUFFIXES.values()) == set(INPUTS)
    lines = {"subtitles": "0:01.0 --> 0:02.0\na\n", "jsonl": '{"text": "a"}\n', "csv": "a,X\n"}
    lines["conllu"] = "1\ta" + "\t_" * 8 + "\n"
    for format in INPUTS:
        cutter = Mock(side_effect=segment)
        read(lines.get(format, "a\n"), format, segment=cutter)
        assert cutter.called == (format in ("text", "markdown", "html", "subtitles", "jsonl")), format
    sentence = Sentence(["Do", "n't"], {"upos": ["AUX", "PART"]}, text="Don't")
    glued = replace(sentence, offsets=[(0, 2), (2, 5)])
    for format in OUTPUTS:
        written = write([sentence], format)
        assert (written != write([glued], format)) == (format in formats.WITH_OFFSETS), format
        assert (written != write([sentence], format, separator=";")) == (format in formats.SEPARATED), format
    for format in formats.TAGGED:  # of which the tags are read
        (again,) = [each for each in read(write([sentence], format), format, columns={"upos": 1}) if each.tokens]
        assert (again.tokens, again.tags["upos"]) == (sentence.tokens, sentence.tags["upos"]), format


SENTENCE = Sentence(
    ["Don", "'t", "New York"],
    {"xpos": ["VB", "RB", "NNP"], "upos": ["AUX", "PART", "PROPN"], "ner": ["O", "O", "B"]},
    {"upos": [0.9, 0.98765, 1.0], "xpos": [0.5, 0.5, 0.5]},
    {"upos": [[("AUX", 0.9), ("VERB", 0.1)], [("PART", 0.98765)], [("PROPN", 1.0), ("X", 0.0), ("NUM", 0.0)]]},
    offsets=[(0, 3), (3, 5), (6, 14)],
    text="Don't New York",
)


def test_write() -> None:
    for format, options, text in (
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
    ):
        assert write([SENTENCE], format, **options) == text


def test_other_formats_have_the_words_alone_and_tsv_keeps_lines_and_pretty_knows_wide_characters() -> None:
    words = Sentence(["de", "le"], {"upos": ["ADP", "DET"]}, text="du")
    token = replace(words, multiwords=[MultiwordToken(0, 2, "du")], offsets=[(0, 2)] * 2, space_after=[False, True])
    for format in ("tsv", "csv", "pretty"):
        assert write([token], format) == write([words], format)
    record = json.loads(write([SENTENCE], "jsonl", probabilities=True, top=2))
    blank = replace(words, tags={"xpos": ["_"] * len(words)}, probabilities={})
    of_blank = json.loads(writer("jsonl", ["xpos"], probabilities=True, top=2)(blank))
    assert of_blank["xpos_probabilities"] == [None] * len(words)
    assert of_blank["xpos_alternatives"] == [[]] * len(words)
    assert record["upos_probabilities"] == [0.9, round(0.98765, 4), 1.0]
    assert record["upos_alternatives"][2] == [["PROPN", 1.0], ["X", 0.0]]
    shown = write([Sentence(["猫", "e\u0301t", "\x1b[1m", "\t"], {"upos": ["A", "B", "C", "D"]})], "pretty")
    assert shown == "猫  e\u0301t  \ufffd[1m  \ufffd\nA   B   C     D\n\n"
    shown = write([Sentence(["猫" * 5000, "w" * 5000], {"upos": ["A", "B"]})], "pretty")
    assert [len(line) for line in shown.splitlines()] == [40, 1, 0, 80, 1, 0]
    for format, text in (("tokens", "a\n\n\n\nb c\nd\n\n"), ("tsv", "\na\tx\n\n\nb\ty\n\n")):
        sentences = read(text, format)
        for s in sentences:
            s.tags = {"upos": ["X"] * len(s)}
        assert [bool(line) for line in write(sentences, "tsv").split("\n")] == [bool(line) for line in text.split("\n")]
    odd = {"conllu": "", "jsonl": '{"tokens":[],"upos":[]}\n'}
    assert {format: write([Sentence([])], format) for format in OUTPUTS} == dict.fromkeys(OUTPUTS, "\n") | odd
    assert all(write([Sentence([])], format, probabilities=True, top=3) for format in set(OUTPUTS) - {"conllu"})
    assert write([Sentence([])], "conllu", probabilities=True, top=3) == ""


@given(content=contents)
@pytest.mark.parametrize(("format", "separator"), [("tsv", "\t"), ("csv", ";")])
def test_tsv_and_csv_hold_anything(content: list[list[tuple[str, str, str]]], format: str, separator: str) -> None:
    text = write(made_of(content), format, ("upos", "xpos"), separator=separator)
    text.encode()
    again = read(text, format, separator=separator, columns={"upos": 1, "xpos": 2})
    breaks = r"[\t\n\r]" if format == "tsv" else r"[\n\r]"
    assert [list(zip(s.tokens, s.tags["upos"], s.tags["xpos"], strict=True)) for s in again] == [
        [tuple(encodable(re.sub(breaks, " ", cell)) or "_" for cell in cells) for cells in row] for row in content
    ]
    wide = write(made_of(content), "tsv", ("upos",), probabilities=True, top=2)
    assert {line.count("\t") for line in wide.split("\n") if line} <= {3}
    assert wide.count("\n") == text.count("\n")


@given(contents)
def test_conllu_and_jsonl_hold_anything(content: list[list[tuple[str, str, str]]]) -> None:
    text = write(made_of(content), "conllu", ("upos", "xpos"), probabilities=True, top=2)
    text.encode()
    again = read(text, "conllu")
    assert [list(zip(s.tokens, s.tags["upos"], s.tags["xpos"], strict=True)) for s in again] == [
        [(in_form(form), *map(in_cell, tags)) for form, *tags in row] for row in content if row
    ]
    assert "".join(map(write_conllu, again)) == text
    sentences = made_of(content)
    text = write(sentences, "jsonl", ("upos", "xpos"))
    text.encode()
    again = read(text, "jsonl", columns={"upos": 1, "xpos": 2})

    def joined(value: Any) -> Any:  # a high and a low surrogate side by side are one character in JSON
        return json.loads(json.dumps(value))

    assert [(s.tokens, s.tags) for s in again] == [(joined(s.tokens), joined(s.tags)) for s in sentences]
    assert tokens_of(read(write(again, "jsonl", ("upos",)), "jsonl")) == [s.tokens for s in again]


@given(contents, st.integers(1, 100))
def test_pretty_fits_the_terminal(content: list[list[tuple[str, str, str]]], width: int) -> None:
    for sentence in made_of(content):
        text = write([sentence], "pretty", ("upos", "xpos"), width=width, probabilities=True)
        text.encode()
        assert text.endswith("\n")
        limit = max(width, 6)  # of a probability
        assert all(display_width(line) <= limit for line in text.split("\n"))
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)


SRT = """\ufeff1
00:00:01,000 --> 00:00:02,500
<i>Hello there.</i>
{\\an8}- How are you?

2
00:00:03,000 --> 00:00:04,000

42
00:00:05,000 --> 00:00:06,000
42
"""
VTT = """WEBVTT - a film

STYLE
::cue { color: red }

NOTE nobody reads this

intro
00:01.000 --> 00:02.000 align:start
<v Mary>Well, <b>yes</b>.
"""
MARKDOWN = """---
title: left out
---
# A *big* title #

Text with `code x` and [a **link**](http://x.y/z(1) "t") b, ![alt](i.png) <http://a.b> 5 \\* 6.
Second line, [named][ref].
> - quoted item
>   goes on

| a cat | b |
|---|---|
| `e` f | |

Setext
======

```py
x = 1
```

    y = 2

1. one
   - <b>two</b>

[ref]: http://c.d
"""


def words(paragraphs: list[Paragraph], text: str) -> list[str]:
    """The words of each paragraph, which stand in the file where the paragraph says."""
    for paragraph in paragraphs:
        start = paragraph.start
        places = paragraph.places or [(start + i, start + i + 1) for i in range(len(paragraph.text))]
        for (first, end), character in zip(places, paragraph.text, strict=True):
            assert character in (" ", "\n") or character in unescape(text[first:end].removeprefix("\\"))
    return [" ".join(paragraph.text.split()) for paragraph in paragraphs]


PAGE = """<!DOCTYPE html><html><head><title>t</title><style>p {}</style>
<body><h1>A &amp; B</h1><p>One <b>tw</b>o<br>three &#233; AT&T<p>Five
<ul><li>six<li>seven</ul><table><tr><td>a<td>b</table><script>var x = "<p>no</p>"</script>
<pre>code</pre>end <code>c</code>&nbsp;5 < 6<textarea>t</textarea>"""


def test_html_is_read_by_its_paragraphs() -> None:
    found = words(list(read_html(LINE.findall(PAGE), "a.html")), PAGE)
    assert found == ["A & B", "One two three é AT&T", "Five", "six", "seven", "a", "b", "end 5 < 6"]
    for text, expected in (  # ends that HTML lets people leave out
        ("<html><head><title>t</title><p>One.<p>Two.", ["One.", "Two."]),
        ("<p><ruby>a<rt>b</ruby>c reads.<p>Next.", ["ac reads.", "Next."]),
        ("<p>One <code>x<p>Two.", ["One", "Two."]),
    ):
        assert words(list(read_html([text], "a.html")), text) == expected
    (paragraph,) = read_html(["<p>R&amp;D goes"], "a.html")
    (sentence,) = paragraph.cut([[Token(0, 3), Token(4, 8)]])
    assert (sentence.tokens, sentence.offsets) == (["R&D", "goes"], [(3, 10), (11, 15)])


def test_subtitles_and_markdown(monkeypatch: pytest.MonkeyPatch) -> None:
    spoken = {SRT: ["Hello there. - How are you?", "42"], VTT: ["Well, yes."], "": [], "\n\n": []}
    for text, expected in spoken.items():
        assert words(list(read_subtitles(LINE.findall(text), "a.srt")), text) == expected
    times = "0:01 --> 0:02\n"
    for text, expected in (
        (f"1\n{times}a\n2\n{times}b\n", ["a", "b"]),  # no empty line between cues
        (f"{times}R&amp;D un<i>til</i> now<br>they\n", ["R&D until now they"]),
        (f"{times}If 5 < 6 and 7 > 3, <i>go</i> <0:01.5>on.\n", ["If 5 < 6 and 7 > 3, go on."]),
    ):
        assert words(list(read_subtitles(LINE.findall(text), "a.srt")), text) == expected
    nested = "".join(f"{'  ' * depth}- a{depth}\n" for depth in range(40))
    for text, expected in ((nested, [f"a{depth}" for depth in range(40)]), ("|a\\|b|\n|---|\n", ["a|b"])):
        assert words(list(read_markdown(LINE.findall(text), "a.md")), text) == expected
    with pytest.raises(InputError, match=r"a\.md, line 1: .*nested too deep"):
        list(read_markdown(["> " * 200 + "a\n"], "a.md"))
    found = words(list(read_markdown(LINE.findall(MARKDOWN), "a.md")), MARKDOWN)
    assert found[:2] == ["A big title", "Text with and a link b, 5 * 6. Second line, named."]
    assert found[2:] == ["quoted item goes on", "a cat", "b", "f", "Setext", "one", "two"]
    text = "**un**believable R&amp;D \0 l&eacute;s ![a cat](p.png)<br>x\n\n<p>She <b>sl</b>eeps.</p>\n"
    assert words(list(read_markdown(LINE.findall(text), "a.md")), text.replace("\0", "\ufffd")) == [
        "unbelievable R&D \ufffd lés x",
        "She sleeps.",
    ]
    after_code = read_markdown(LINE.findall("a\n\n```\nb\n```\n\nb\n"), "a.md")
    assert [paragraph.start for paragraph in after_code] == [0, 14]
    with pytest.raises(InputError, match=r"a\.srt, line 1: 'Hello\.' and no line like .*--input text"):
        list(read_subtitles(["Hello.\n"], "a.srt"))
    assert list(read_markdown(["---\r\n", "title: a\r\n", "---\r\n"], "a.md")) == []
    monkeypatch.setattr(markup, "MAX_CHARACTERS", 3)
    with pytest.raises(InputError, match=r"a\.md: more than 3 characters .*split the file"):
        list(read_markdown(["abcd\n"], "a.md"))

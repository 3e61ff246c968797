"""What a paragraph is, wherever lines and buffers end."""

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tagger.bundled import bundled
from tagger.text import paragraphs, readers
from tagger.text.conllu import read_conllu
from tagger.text.files import read_lines
from tagger.text.paragraphs import Paragraph, read_paragraphs
from tagger.text.segment import RuleSegmenter
from tagger.text.sentence import MultiwordToken, Sentence, Token
from tests.text.conftest import LINE, read, segment

rules = RuleSegmenter("english").segment_all


def test_text_has_paragraphs_and_offsets() -> None:
    text = "One two. This sentence does not end where its line\r\ndoes.\r\n\r\n \t\r\n  Five.\n\n\n"
    sentences = read(text, "text", segment=segment)
    assert [s.text for s in sentences] == ["One two.", "This sentence does not end where its line\r\ndoes.", "Five."]
    assert [s.comments for s in sentences] == [["# newpar"], [], ["# newpar"]]
    for s in sentences:
        assert [text[a:b] for a, b in s.offsets or []] == s.tokens


def test_words_of_a_multiword_token_share_its_place() -> None:
    text = "Du pain du  chef.Va t'en"
    cut = [
        [Token(0, 2, ("De", "le")), Token(3, 7), Token(8, 10, ("de", "le", "x")), Token(12, 16), Token(16, 17)],
        [],
        [Token(17, 19), Token(20, 24, ("te", "en"))],
    ]
    first, second = Paragraph(100, text, True).cut(cut)
    assert first == Sentence(
        ["De", "le", "pain", "de", "le", "x", "chef", "."],
        offsets=[(100, 102)] * 2 + [(103, 107)] + [(108, 110)] * 3 + [(112, 116), (116, 117)],
        text="Du pain du  chef.",
        comments=["# newpar"],
        multiwords=[MultiwordToken(0, 2, "Du"), MultiwordToken(3, 6, "du")],
        space_after=[False, True, True, False, False, True, False, False],
    )
    assert second == Sentence(
        ["Va", "te", "en"],
        offsets=[(117, 119)] + [(120, 124)] * 2,
        text="Va t'en",
        multiwords=[MultiwordToken(1, 3, "t'en")],
        space_after=[True, False, True],  # the paragraph's end is white space
    )
    (bare, _) = Paragraph(0, text, False).cut(cut, layout=False)
    assert (bare.offsets, bare.space_after, bare.comments) == (None, None, [])
    assert (bare.tokens, bare.multiwords, bare.text) == (first.tokens, first.multiwords, first.text)


@pytest.mark.parametrize(
    ("text", "spaces"), [("abcdef", [False, True]), ("abcdefg", [False, False, True]), ("ab cde f", [True, True, True])]
)
def test_no_space_follows_where_a_long_word_is_cut(
    monkeypatch: pytest.MonkeyPatch, text: str, spaces: list[bool]
) -> None:
    monkeypatch.setattr(paragraphs, "MAX_PARAGRAPH", 3)

    def whole(pieces: Sequence[str]) -> list[list[list[Token]]]:
        return [[[Token(0, len(piece.rstrip()))] if piece.strip() else []] for piece in pieces]

    found = read(text + "\n", "text", segment=whole)
    assert [s.space_after for s in found] == [[space] for space in spaces]


WRAPPED = """\
The tagger reads a paragraph at a time, and Mr.
Brown says that the lines of a hard-wrapped text
are no paragraphs. They end where the next word
would not have fitted.
A line with room to spare ends the paragraph, and
the next one begins.
"""
PROPORTIONAL = """\
Lines that a proportional font made, so that
they are of about one length, but never of
the very same, unless by chance, and the
next word would have fitted on some of them.
"""
LISTED = """\
Milk and honey
Eggs
Bread
A long item of this list, which is not wrapped
"""
PARAGRAPHS = """\
This is the first of some paragraphs, each of which is a line of its own, however long that line may become in the end.
This is short.
And this is the third of them, which is so much longer than any line that an editor has wrapped that nobody mistakes it.
The last.
"""


def texts(text: str) -> list[str]:
    return [" ".join(p.text.split()) for p in read_paragraphs(LINE.findall(text))]


@pytest.mark.parametrize("end", ["", "\n", "\n\n", "\n \t\r\n\n"])
@pytest.mark.parametrize("start", ["", "\n\n"])
def test_empty_lines_around_a_text_change_nothing(start: str, end: str) -> None:
    wrapped = [" ".join(WRAPPED.splitlines()[a:b]) for a, b in ((0, 4), (4, 6))]
    assert texts(start + WRAPPED.rstrip() + end) == wrapped
    assert texts(start + WRAPPED.rstrip().replace("\n", "\r\n") + end) == wrapped
    assert texts(start + LISTED.rstrip() + end) == LISTED.splitlines()
    assert texts(start + PARAGRAPHS.rstrip() + end) == PARAGRAPHS.splitlines()


def test_blocks_are_judged_by_themselves() -> None:
    wrapped = [" ".join(WRAPPED.splitlines()[a:b]) for a, b in ((0, 4), (4, 6))]
    for blocks in ([WRAPPED, LISTED, PARAGRAPHS], [PARAGRAPHS, WRAPPED, LISTED], [LISTED, PARAGRAPHS, WRAPPED]):
        expected = [p for block in blocks for p in (wrapped if block is WRAPPED else block.splitlines())]
        assert texts("\n".join(blocks)) == expected


@pytest.mark.parametrize(
    ("text", "paragraphs"),
    [
        ("Dear all,\n\nBest regards,\nMary Smith\nSenior Engineer\n", 4),  # too narrow to be wrapped
        ("> a quoted mail, in which each line was cut\n> so that all of it fits into some cells and\n> no more.\n", 1),
        (PROPORTIONAL, 1),
        ("\u732b" * 30 + "\n" + "\u732b" * 30 + "\n" + "\u732b" * 8 + "\n", 1),
        ("\u732b" * 30 + "。\n" + "\u732b" * 12 + "\n" + "\u732b" * 31 + "。\n" + "\u732b" * 8 + "\n", 4),
        ('A line of a list that has no end, as it seems\n"A second one that begins with a quote\n- a third\n' * 9, 27),
    ],
)
def test_what_looks_wrapped(text: str, paragraphs: int) -> None:
    assert len(texts(text)) == paragraphs


@pytest.mark.parametrize(("text", "paragraphs"), [("a\nb\n\nc", 3), (WRAPPED, 6)])
def test_the_rule_can_be_overruled(text: str, paragraphs: int) -> None:
    sentences = read(text, "text", segment=segment, paragraph_per_line=True)
    assert sum(s.comments == ["# newpar"] for s in sentences) == paragraphs


@pytest.mark.parametrize("width", [50, 70, 76])
@pytest.mark.parametrize(("between", "share"), [("\n\n", 0), ("\n", 0.05)])
def test_wrapping_a_text_changes_its_sentences_little(width: int, between: str, share: float) -> None:
    path = bundled("data") / "sample" / "sample-train.conllu"
    sentences = [s.text or "" for s in read_conllu(read_lines(str(path)), str(path))]
    paragraphs = [" ".join(sentences[i : i + 4]) for i in range(0, len(sentences), 4)]

    def found(text: str) -> Counter[tuple[str, ...]]:
        return Counter(tuple(s.tokens) for s in read(text, "text", segment=rules))

    whole = found("\n".join(paragraphs))
    wrapped = found(between.join(textwrap.fill(p, width, break_on_hyphens=False) for p in paragraphs))
    assert (whole - wrapped).total() <= share * whole.total()  # without empty lines, some paragraphs end in a full line


@given(
    st.lists(
        st.sampled_from([*WRAPPED.splitlines(True), *LISTED.splitlines(True), "\n", " \n", "x" * 30 + "\n"]),
        max_size=20,
    ),
    st.integers(1, 30),
    st.integers(20, 200),
    st.integers(10, 300),
)
@example([*WRAPPED.splitlines(True)[:4:3], "x" * 30 + "\n"], 1, 26, 49)  # the first line is long
def test_where_buffers_end_decides_nothing(lines: list[str], piece: int, long_line: int, block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paragraphs, "LONG_LINE", long_line)
        patch.setattr(paragraphs, "BLOCK_START", block)
        whole = list(read_paragraphs(lines))
        pieces = [line[i : i + piece] for line in lines for i in range(0, len(line), piece)]
        assert list(read_paragraphs(pieces)) == whole
        assert "".join(p.text for p in whole).split() == "".join(lines).split()


def test_a_long_block_is_judged_by_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paragraphs, "BLOCK_START", 300)
    held: list[str] = []

    def lines() -> Iterator[str]:
        for _ in range(100):
            for line in WRAPPED.splitlines(keepends=True):
                held.append(line)
                yield line

    for number, _ in enumerate(read_paragraphs(lines())):
        assert len(held) <= 6 * (number // 2 + 2)  # reads no further than it must
    assert number == 199


def test_the_first_paragraph_does_not_wait_for_the_whole_input() -> None:
    def lines() -> Iterator[str]:
        yield from ("a\n", "\n", "b\n")
        pytest.fail("read on")

    sentences = readers.read(lines(), "-", "text", segment=segment)
    assert next(sentences).tokens == ["a"]


@pytest.mark.parametrize("filler", ["word ", "x", "猫", "\u3000", "a\n"])
def test_long_paragraphs_are_cut(monkeypatch: pytest.MonkeyPatch, filler: str) -> None:
    monkeypatch.setattr(paragraphs, "MAX_PARAGRAPH", 1000)
    seen: list[str] = []

    def watch(paragraphs: Sequence[str]) -> list[list[list[Token]]]:
        seen.extend(paragraphs)
        return segment(paragraphs)

    text = filler * 2345 + "\n\nend"
    sentences = read(text, "text", segment=watch)
    assert max(map(len, seen)) <= 1000
    assert "".join("".join(s.tokens) for s in sentences) == "".join(text.split())
    for s in sentences:
        assert [text[a:b] for a, b in s.offsets or []] == s.tokens
    if filler == "word ":
        assert {token for s in sentences for token in s.tokens} == {"word", "end"}
        assert sum(len(s.comments) for s in sentences) == 2


def test_a_line_end_inside_a_chinese_word_is_nothing():
    text = "世\n界 Việt\n\u200bNam"
    (sentence,) = Paragraph(0, text, True).cut([[Token(0, 3), Token(4, 13)]])
    assert sentence.tokens == ["世界", "Việt Nam"]
    assert sentence.offsets == [(0, 3), (4, 13)]


def test_many_line_ends_take_linear_time():
    text = "世" + "\n\u200b" * 50_000 + "a"
    (sentence,) = Paragraph(0, text, True).cut([[Token(0, len(text))]])
    assert sentence.tokens == ["世 a"]

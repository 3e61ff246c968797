"""What a paragraph is, wherever lines and buffers end."""

import textwrap
from collections import Counter
from unittest.mock import Mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tagger.bundled import bundled
from tagger.text import paragraphs
from tagger.text.conllu import read_conllu
from tagger.text.files import read_lines
from tagger.text.paragraphs import Paragraph, read_paragraphs
from tagger.text.sentence import MultiwordToken, Sentence, Token
from tagger.words.segment import RuleSegmenter
from tests.text.test_readers import LINE, read, segment

rules = RuleSegmenter("english").segment_all


def test_text_has_paragraphs_and_offsets_which_words_of_a_multiword_token_share() -> None:
    text = "One two. This sentence does not end where its line\r\ndoes.\r\n\r\n \t\r\n  Five.\n\n\n"
    sentences = read(text, "text", segment=segment)
    assert [s.text for s in sentences] == ["One two.", "This sentence does not end where its line\r\ndoes.", "Five."]
    assert [s.comments for s in sentences] == [["# newpar"], [], ["# newpar"]]
    for s in sentences:
        assert [text[a:b] for a, b in s.offsets or []] == s.tokens
    cut = [[Token(0, 2, ("De", "le")), Token(4, 8), Token(8, 9)], [], [Token(9, 11), Token(12, 16, ("te", "en"))]]
    first, second = Paragraph(100, "Du  chef.Va t'en", True).cut(cut)
    assert first == Sentence(
        ["De", "le", "chef", "."],
        offsets=[(100, 102)] * 2 + [(104, 108), (108, 109)],
        text="Du  chef.",
        comments=["# newpar"],
        multiwords=[MultiwordToken(0, 2, "Du")],
        space_after=[False, True, False, False],
    )
    assert (second.offsets, second.comments) == ([(109, 111)] + [(112, 116)] * 2, [])
    assert (second.multiwords, second.text) == ([MultiwordToken(1, 3, "t'en")], "Va t'en")
    assert second.space_after == [True, False, True]  # the paragraph's end is white space
    (bare, _) = Paragraph(0, "Du  chef.Va t'en", False).cut(cut, layout=False)
    assert (bare.offsets, bare.space_after, bare.comments) == (None, None, [])
    assert (bare.tokens, bare.multiwords, bare.text) == (first.tokens, first.multiwords, first.text)
    (sentence,) = Paragraph(0, "世\n界 Việt\n\u200bNam", True).cut([[Token(0, 3), Token(4, 13)]])
    assert (sentence.tokens, sentence.offsets) == (["世界", "Việt Nam"], [(0, 3), (4, 13)])
    text = "世" + "\n\u200b" * 50_000 + "a"  # in linear time
    (sentence,) = Paragraph(0, text, True).cut([[Token(0, len(text))]])
    assert sentence.tokens == ["世 a"]


def test_no_space_follows_where_a_long_word_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paragraphs, "MAX_PARAGRAPH", 3)
    for text, spaces in (("abcdef", [False, True]), ("abcdefg", [False, False, True]), ("ab cde f", [True] * 3)):
        found = read(text + "\n", "text", segment=segment)
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


WRAPPED_LINES = [" ".join(WRAPPED.splitlines()[a:b]) for a, b in ((0, 4), (4, 6))]


def texts(text: str) -> list[str]:
    return [" ".join(p.text.split()) for p in read_paragraphs(LINE.findall(text))]


@pytest.mark.parametrize(("start", "end"), [("", ""), ("\n\n", "\n"), ("", "\n\n"), ("\n\n", "\n \t\r\n\n")])
def test_blocks_are_judged_by_themselves(start: str, end: str) -> None:
    assert texts(start + WRAPPED.rstrip() + end) == WRAPPED_LINES
    assert texts(start + WRAPPED.rstrip().replace("\n", "\r\n") + end) == WRAPPED_LINES
    for blocks in ([WRAPPED, LISTED, PARAGRAPHS], [PARAGRAPHS, WRAPPED, LISTED], [LISTED, PARAGRAPHS, WRAPPED]):
        expected = [p for block in blocks for p in (WRAPPED_LINES if block is WRAPPED else block.splitlines())]
        assert texts(start + "\n".join(blocks) + end) == expected


def test_what_looks_wrapped() -> None:
    for text, count in (
        ("Dear all,\n\nBest regards,\nMary Smith\nSenior Engineer\n", 4),  # too narrow to be wrapped
        (PROPORTIONAL, 1),
        ("The children are already in the garden. It rains a little today.\n" * 3, 3),  # no line breaks off
        ("The children are already in the garden. It rains at nine p.m.\n(so they say) and in the morning\n", 1),
        ("\u732b" * 30 + "\n" + "\u732b" * 30 + "\n" + "\u732b" * 8 + "\n", 1),
        ("\u732b" * 30 + "。\n" + "\u732b" * 12 + "\n" + "\u732b" * 31 + "。\n" + "\u732b" * 8 + "\n", 4),
        ('A line of a list that has no end, as it seems\n"A second one that begins with a quote\n- a third\n' * 9, 27),
    ):
        assert len(texts(text)) == count
        sentences = read(text, "text", segment=segment, paragraph_per_line=True)  # which overrules it
        assert sum(s.comments == ["# newpar"] for s in sentences) == sum(map(bool, text.splitlines()))


@pytest.mark.parametrize(("width", "between", "share"), [(50, "\n\n", 0), (76, "\n", 0.05)])
def test_wrapping_a_text_changes_its_sentences_little(width: int, between: str, share: float) -> None:
    path = bundled("data") / "sample" / "sample-train.conllu"
    sentences = [s.text or "" for s in read_conllu(read_lines(str(path)), str(path))]
    paragraphs = [" ".join(sentences[i : i + 4]) for i in range(0, len(sentences), 4)]

    def found(text: str) -> Counter[tuple[str, ...]]:
        return Counter(tuple(s.tokens) for s in read(text, "text", segment=rules))

    whole = found("\n".join(paragraphs))
    wrapped = found(between.join(textwrap.fill(p, width, break_on_hyphens=False) for p in paragraphs))
    assert (whole - wrapped).total() <= share * whole.total()  # without empty lines, some paragraphs end in a full line


LINES = st.sampled_from([*WRAPPED.splitlines(True), *LISTED.splitlines(True), "\n", " \n", "x" * 30 + "\n"])


@given(st.lists(LINES, max_size=20), st.integers(0, 30), st.integers(10, 100), st.integers(10, 300))
@example([*WRAPPED.splitlines(True)[:4:3], "x" * 30 + "\n"], 1, 26, 49)  # the first line is long
def test_where_buffers_end_decides_nothing(lines: list[str], piece: int, long_line: int, block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paragraphs, "LONG_LINE", long_line)
        patch.setattr(paragraphs, "BLOCK_START", block)
        whole = list(read_paragraphs(lines))
        size = long_line + piece
        pieces = [line[i : i + size] for line in lines for i in range(0, len(line), size)]
        assert list(read_paragraphs(pieces)) == whole
        assert "".join(p.text for p in whole).split() == "".join(lines).split()


@pytest.mark.parametrize("filler", ["word ", "x", "猫", "\u3000", "a\n"])
def test_long_paragraphs_are_cut(monkeypatch: pytest.MonkeyPatch, filler: str) -> None:
    monkeypatch.setattr(paragraphs, "MAX_PARAGRAPH", 1000)
    text = filler * 2345 + "\n\nend"
    cutter = Mock(side_effect=segment)
    sentences = read(text, "text", segment=cutter)
    assert max(len(piece) for ((pieces,), _) in cutter.call_args_list for piece in pieces) <= 1000
    assert "".join("".join(s.tokens) for s in sentences) == "".join(text.split())
    for s in sentences:
        assert [text[a:b] for a, b in s.offsets or []] == s.tokens
    if filler == "word ":
        assert {token for s in sentences for token in s.tokens} == {"word", "end"}
        assert sum(len(s.comments) for s in sentences) == 2


def test_a_long_block_is_judged_by_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paragraphs, "BLOCK_START", 300)
    held: list[str] = []
    lines = (held.append(line) or line for _ in range(100) for line in WRAPPED.splitlines(keepends=True))  # type: ignore[func-returns-value]
    for number, _ in enumerate(read_paragraphs(lines)):
        assert len(held) <= 6 * (number // 2 + 2)  # reads no further than it must
    assert number == 199

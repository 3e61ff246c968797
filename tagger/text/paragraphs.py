"""Running text -> paragraphs -> sentences, in bounded memory. What cuts a paragraph comes from outside.

An empty line always ends a paragraph. The lines between two empty lines are a block, and a rule decides for each block
by itself whether it is hard-wrapped. It is on two conditions: nine of ten lines keep to a width of 40 to 120 cells; and
the lines that break off in mid-sentence because the next word would not fit outnumber the lines that have room for it.

In a hard-wrapped block, a line that has room for the next word ends its paragraph, unless it breaks off in mid-sentence
at three quarters of the width or later. In every other block each line is a paragraph.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, pairwise
from operator import ne
from typing import Any, NamedTuple, TypeVar

from tagger.text.sentence import MultiwordToken, Sentence, Token
from tagger.text.strings import LINE_END_INSIDE, SPACE, display_width

MAX_PARAGRAPH = 100_000  # characters; a longer paragraph is cut at white space
BLOCK_START = 100_000  # characters; the lines that begin in this part decide for a longer block
MIN_WIDTH, MAX_WIDTH = 40, 120  # cells of a hard-wrapped line
NEARLY_FULL, MOSTLY_FULL = 0.85, 0.75  # shares of the width
MAX_GROUP = 50_000  # characters that are cut together; the first paragraph is cut at once, then groups grow
GROUP_GROWTH = 8
LONG_LINE = 1_000  # characters; a line of this length is not hard-wrapped, and may come in pieces

_SPACES = re.compile(f"[{SPACE}]+")
_LAST_SPACE = re.compile(r"\s\S*\Z")
_FIRST_WORD = re.compile(r"[\s>]*(\S+)")  # after the marks of a quoted e-mail
_SENTENCE_END = re.compile(r"[.!?:…。！？؟۔।][\"'”’»)\]]*\Z")
_UNSPACED = re.compile(  # of scripts without spaces: the first characters of a word, which no line break parts
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]{1,12}|[\u2e80-\ua4cf\uf900-\ufaff\uff00-\uffef]{1,2}"
)

Item = TypeVar("Item")
Segment = Callable[[Sequence[str]], list[list[list[Token]]]]
"""Paragraphs to the sentences of each, each sentence a list of its tokens."""


class Paragraph(NamedTuple):
    """A paragraph of running text, or a piece of a very long one."""

    start: int  # characters of the input before it
    text: str
    opens: bool  # False for all but the first piece
    closes: bool = True  # False for a piece that the next one follows without white space
    language: str | None = None  # in which it is tagged; None: nobody has looked
    is_guess: bool = False  # whether others are nearly as likely
    places: Sequence[tuple[int, int]] | None = None  # where each character begins and ends in the input; None: in order

    def cut(self, sentences: Iterable[list[Token]], layout: bool = True) -> Iterator[Sentence]:
        """Its sentences, given their tokens; the first has the comment `# newpar`.

        A sentence without tokens is skipped. With `layout` the sentences get `offsets` and `space_after`.
        """
        start, text, opens, closes, language, is_guess, places = self
        filled = [tokens for tokens in sentences if tokens]
        following = [tokens[0].start for tokens in filled[1:]] + [len(text) + closes]
        for tokens, then in zip(filled, following, strict=False):
            starts, ends, words = zip(*tokens, strict=True)
            forms = [text[a:b] for a, b in zip(starts, ends, strict=True)]
            if _SPACES.search("".join(forms)):
                forms = list(map(form_of, forms))
            sentence = Sentence(forms, text=text[starts[0] : ends[-1]], comments=["# newpar"] if opens else [])
            sentence.language, sentence.is_guess = language, is_guess
            if layout:
                spans = zip(starts, ends, strict=True)
                sentence.offsets = [
                    (start + a, start + b) if places is None else (places[a][0], places[b - 1][1]) for a, b in spans
                ]
                sentence.space_after = list(map(ne, ends, (*starts[1:], then)))
            if any(words):
                _expand(sentence, words)
            yield sentence
            opens = False


class JsonText(NamedTuple):
    """The text of a JSON object."""

    text: str
    paragraphs: list[Paragraph]  # of the text
    fields: dict[str, Any]  # all other keys of the object
    language: str | None = None  # see `Paragraph`
    line: int = 0  # its number in the file; for messages


Part = Paragraph | JsonText | Sentence  # of a document: a sentence, or text that is still to be cut


def form_of(token: str) -> str:
    """The form of a token: white space is one space, but a line end between Chinese or Japanese letters is nothing."""
    return _SPACES.sub(" ", LINE_END_INSIDE.sub("", token))


def _expand(sentence: Sentence, words: Sequence[tuple[str, ...]]) -> None:
    """Puts the words of multiword tokens in the place of the tokens; a token that is a word has none."""
    forms, spans, spaces = sentence.tokens, sentence.offsets, sentence.space_after
    sentence.tokens = []
    for form, parts in zip(forms, words, strict=True):
        if len(parts) > 1:
            first = len(sentence.tokens)
            sentence.multiwords.append(MultiwordToken(first, first + len(parts), form))
        sentence.tokens += parts or (form,)
    sizes = [max(1, len(parts)) for parts in words]
    if spans is not None:
        sentence.offsets = [span for span, size in zip(spans, sizes, strict=True) for _ in range(size)]
    if spaces is not None:
        sentence.space_after = [
            last and space for space, size in zip(spaces, sizes, strict=True) for last in [False] * (size - 1) + [True]
        ]


def read_paragraphs(lines: Iterable[str], per_line: bool = False) -> Iterator[Paragraph]:
    """Yields the paragraphs of running text, not yet cut into sentences; with `per_line` every line is one.

    A long line may come in pieces; all but the last one have `LONG_LINE` characters or more.
    """
    held, start, opens = "", 0, True
    for piece, ends in ((line, line.endswith("\n")) for line in lines) if per_line else _judged(lines):
        held += piece
        while len(held) > MAX_PARAGRAPH:
            space = _LAST_SPACE.search(held, 0, MAX_PARAGRAPH)
            cut = space.start() + 1 if space else MAX_PARAGRAPH
            yield Paragraph(start, held[:cut], opens, closes=space is not None or held[cut].isspace())
            start, held, opens = start + cut, held[cut:], False
        if ends:
            if not held.isspace():
                yield Paragraph(start, held, opens)
            start, held, opens = start + len(held), "", True
    if held:
        yield Paragraph(start, held, opens)


_Piece = tuple[str, bool]
"""A line, or a piece of one that has `LONG_LINE` characters or more, and whether the line begins here."""


def _judged(lines: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """Yields each piece, and whether it ends a paragraph by the rule for its block.

    The last line of a block ends none: there is the end of the text, or an empty line, which belongs to the paragraph.
    """
    block: list[_Piece] = []  # its beginning; once it is judged, its last piece alone
    size = 0  # characters of the block
    width: int | None = None  # see `_wrapped_width`; None: the block is not judged yet
    opens = True  # whether a line begins here
    for text in chain(lines, [None]):
        is_empty = text is None or (opens and len(text) < LONG_LINE and text.isspace())
        if width is None and (is_empty or size >= BLOCK_START):
            width = _wrapped_width(block)
        if width is not None:
            following = [*(after for after, _ in block[1:]), "" if text is None or is_empty else text]
            for (line, begins), after in zip(block, following, strict=False):
                wrapped = width and begins and len(line) < LONG_LINE and _goes_on(line, after[:LONG_LINE], width)
                yield line, bool(after) and line.endswith("\n") and not wrapped
            block = []
        if text is None:
            return
        if is_empty:
            yield text, True
            size, width = 0, None
        else:
            block.append((text, opens))
            size += len(text)
        opens = text.endswith("\n")


def _wrapped_width(block: list[_Piece]) -> int:
    """The width of a hard-wrapped block in cells, or 0 for another block."""
    lines = [text[:LONG_LINE] for text, opens in block if opens]
    if len(lines) < 2:
        return 0
    width = sorted(map(_width, lines))[(9 * len(lines) + 9) // 10 - 1]  # nine of ten lines keep to it
    if not MIN_WIDTH <= width <= MAX_WIDTH:
        return 0
    broken_off = with_room = 0
    for line, after in pairwise(lines):
        goes_on = after.lstrip()[:1].islower()
        if _is_full(line, after, width):
            is_end = _SENTENCE_END.search(line.rstrip()) and not line.rstrip().endswith(":")
            broken_off += goes_on or not is_end or after.lstrip().startswith(("(", ":", ";"))
        elif _width(line) >= NEARLY_FULL * width and goes_on:
            broken_off += 1
        else:
            with_room += 1
    return width if broken_off > with_room else 0


def _goes_on(line: str, after: str, width: int) -> bool:
    """Whether a paragraph goes on from a line of a hard-wrapped block to the line `after` it."""
    return _is_full(line, after, width) or (
        _width(line) >= MOSTLY_FULL * width
        and not _SENTENCE_END.search(line.rstrip())
        and after.lstrip()[:1].isalnum()  # a dash or a quote would begin a paragraph
    )


def _is_full(line: str, after: str, width: int) -> bool:
    """Whether the first word of `after` would not have fitted on the line."""
    first = _FIRST_WORD.match(after, 0, LONG_LINE)
    word = first.group(1) if first else ""
    if not word.isascii() and (unspaced := _UNSPACED.match(word)):
        return _width(line) + _width(unspaced.group()) > width
    return _width(line) + 1 + _width(word) > width


def _width(line: str) -> int:
    return len(line) if len(line) >= LONG_LINE else display_width(line.rstrip())


CutsOf = Callable[[Sequence[Part]], Iterator[list[list[Token]]]]
"""Parts of a document to the sentences of each of their paragraphs."""


def paragraphs_of(part: Part) -> list[Paragraph]:
    """The paragraphs that are to be cut; none if the part is a sentence."""
    if isinstance(part, Sentence):
        return []
    return [part] if isinstance(part, Paragraph) else part.paragraphs


def sentences_of(part: Part, cuts: Iterator[list[list[Token]]], layout: bool = True) -> Iterator[Sentence]:
    """The sentences of a part. The tokens of each of `paragraphs_of(part)` are taken from `cuts`.

    A text without tokens gives a sentence without tokens, which keeps its fields.
    """
    if isinstance(part, Sentence):
        yield part
    elif isinstance(part, Paragraph):
        yield from part.cut(next(cuts), layout)
    else:
        empty = True
        for paragraph in part.paragraphs:
            for sentence in paragraph.cut(next(cuts), layout):
                empty = False
                yield replace(sentence, fields=part.fields)
        if empty:
            yield Sentence(
                [], offsets=[] if layout else None, text=part.text, fields=part.fields, language=part.language
            )


def cut_texts(segment: Segment, parts: Sequence[Part]) -> Iterator[list[list[Token]]]:
    """The sentences of each text of some parts, cut together: a learned segmenter is many times faster then."""
    texts = [paragraph.text for part in parts for paragraph in paragraphs_of(part)]
    return iter(segment(texts) if texts else [])


def cut_parts(parts: Iterable[Part], cuts_of: CutsOf, layout: bool = True, first: int = 1) -> Iterator[Sentence]:
    """Yields the sentences of parts, which are read in groups of `first` to `MAX_GROUP` characters and one part."""

    def size(part: Part) -> int:
        return MAX_GROUP if isinstance(part, Sentence) else 1 + len(part.text)

    for group in grouped(parts, size, first, MAX_GROUP, GROUP_GROWTH):
        cuts = cuts_of(group)
        for part in group:
            yield from sentences_of(part, cuts, layout)


def grouped(
    items: Iterable[Item], size: Callable[[Item], int], first: int, most: int, growth: int = 2, count: int | None = None
) -> Iterator[list[Item]]:
    """Cuts a stream into groups of about the size `first`, `growth` times as much, and so on. The stream decides where.

    Args:
        most: the size of the largest groups.
        count: the most items of a group.
    """
    group: list[Item] = []
    total, limit = 0, first
    for item in items:
        group.append(item)
        total += size(item)
        if total >= limit or len(group) == count:
            yield group
            group, total, limit = [], 0, min(growth * limit, most)
    if group:
        yield group

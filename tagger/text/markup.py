"""Subtitles and Markdown -> paragraphs. White space stands where the file has marks, so that every character keeps its
place."""

import re
from collections.abc import Iterable, Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token as MarkdownToken

from tagger.errors import InputError, shorten
from tagger.text.paragraphs import Paragraph
from tagger.text.strings import whole_lines

MAX_CHARACTERS = 20_000_000  # of a file of Markdown, which is read whole
MAX_NESTING = 100  # lists or quotes of Markdown within each other; the parser calls itself for each
_TIME = r"\s*(?:\d+:)?\d+:\d+(?:[,.]\d+)?\s*"
_TIMES = re.compile(f"{_TIME}-->{_TIME}")
_TAG = re.compile(r"<(?:[A-Za-z/]|\d+:)[^<>\n]*>|\{\\[^{}\n]*\}")  # <i>, <0:01.5>, and {\an8} of SubStation Alpha
_FRONT_MATTER = re.compile(r"---\r?\n.*?\n---\r?\n", re.DOTALL)
_LINK_END = re.compile(r"\](?:\((?:[^()\\]|\\.|\([^()]*\))*\)|\[[^\]]*\])?")
# `text_join` hides where an escape stood.
_MARKDOWN = MarkdownIt("commonmark", {"maxNesting": MAX_NESTING}).enable("table").disable("text_join")


def read_subtitles(lines: Iterable[str], path: str) -> Iterator[Paragraph]:
    """The text of each cue of SubRip (`.srt`) or WebVTT (`.vtt`): the lines from its times up to an empty line.

    Where the next cue follows without one, a line of digits before its times is its number.
    """
    cue: list[str] | None = None  # None: no cue is open
    place = start = 0
    first, found = "", False
    for number, line in enumerate(whole_lines(lines, path), 1):
        first = first or (line.strip() and f"line {number}: {shorten(line.strip())}")
        if _TIMES.match(line):
            if cue and cue[-1].strip().isdigit():
                cue.pop()
            yield from _cue(cue or [], start)
            cue, start, found = [], place + len(line), True
        elif cue is not None and line.strip():
            cue.append(line)
        elif cue is not None:
            yield from _cue(cue, start)
            cue = None
        place += len(line)
    yield from _cue(cue or [], start)
    if first and not found:
        raise InputError(
            f"{path}, {first} and no line like 00:00:01,000 --> 00:00:02,000; if these are no subtitles, name"
            " the format, such as --input text"
        )


def _cue(lines: list[str], start: int) -> Iterator[Paragraph]:
    text = _TAG.sub(lambda tag: " " * len(tag[0]), "".join(lines))
    if text.strip():
        yield Paragraph(start, text, True)


def read_markdown(lines: Iterable[str], path: str) -> Iterator[Paragraph]:
    """The text of each paragraph, heading and table cell of CommonMark with tables.

    Code, HTML, addresses of links and front matter are left out.
    """
    held, size = [], 0
    for line in whole_lines(lines, path):
        held.append(line)
        size += len(line)
        if size > MAX_CHARACTERS:
            raise InputError(f"{path}: more than {MAX_CHARACTERS:,} characters of Markdown; split the file")
    text = "".join(held)
    if matter := _FRONT_MATTER.match(text):
        text = re.sub(r"[^\n]", " ", matter[0]) + text[matter.end() :]
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    kept = bytearray(len(text))  # whether a character is one of words
    place = 0
    for block in _MARKDOWN.parse(text):
        if block.level >= MAX_NESTING - 1:
            line = f", line {block.map[0] + 1}" if block.map else ""
            raise InputError(f"{path}{line}: lists or quotes are nested too deep; flatten them")
        if block.type == "inline" and block.map is not None:
            first = place = max(place, starts[block.map[0]])
            is_address = False
            for child in block.children or ():
                place = _keep(child, text, place, kept, is_address)
                is_address = child.type == "link_open" and child.markup == "autolink"
            shown = "".join(c if kept[first + i] or c == "\n" else " " for i, c in enumerate(text[first:place]))
            if shown.strip():
                yield Paragraph(first, shown, True)


def _keep(child: MarkdownToken, text: str, place: int, kept: bytearray, is_address: bool) -> int:
    """Marks the characters of a part of a block, which stand at `place` or later; and where the next part may stand."""
    if child.type == "link_close" and child.markup != "autolink":
        end = _LINK_END.search(text, place)
        return end.end() if end else place
    written = child.markup if child.type == "text_special" else child.content
    at = text.find(written, place) if written else -1
    if at < 0 and "|" in written:  # in a cell of a table
        written = written.replace("|", r"\|")
        at = text.find(written, place)
    if at < 0:
        return place
    if child.type in ("text", "text_special") and not is_address:
        first = at + written.startswith("\\") * (child.type == "text_special")  # of `\*`, the star
        kept[first : at + len(written)] = b"\1" * (at + len(written) - first)
        for escape in re.finditer(r"\\(?=\|)", written):
            kept[at + escape.start()] = 0
    return at + len(written)

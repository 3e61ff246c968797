"""Subtitles, Markdown and HTML -> paragraphs of what people read. Each character knows its place in the file."""

import re
from collections.abc import Iterable, Iterator
from html import unescape
from html.parser import HTMLParser

from markdown_it import MarkdownIt
from markdown_it.token import Token as MarkdownToken

from tagger.errors import InputError, shorten
from tagger.text.paragraphs import Paragraph
from tagger.text.strings import whole_lines

MAX_CHARACTERS = 20_000_000  # of a file of Markdown or HTML, which is read whole
MAX_NESTING = 100  # lists or quotes of Markdown within each other; the parser calls itself for each
_TIME = r"\s*(?:\d+:)?\d+:\d+(?:[,.]\d+)?\s*"
_TIMES = re.compile(f"{_TIME}-->{_TIME}")
_TAG = r"<(?:[A-Za-z/]|\d+:)[^<>\n]*>|\{\\[^{}\n]*\}"  # <i>, <0:01.5>, and {\an8} of SubStation Alpha
_ENTITY = r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"
_MARK = re.compile(f"{_TAG}|{_ENTITY}")
_FRONT_MATTER = re.compile(r"---\r?\n.*?\n---\r?\n", re.DOTALL)
_LINK_END = re.compile(r"\](?:\((?:[^()\\]|\\.|\([^()]*\))*\)|\[[^\]]*\])?")
# `text_join` hides where an escape stood.
_MARKDOWN = MarkdownIt("commonmark", {"maxNesting": MAX_NESTING}).enable("table").disable("text_join")
# Elements of HTML that do not part words, those whose text nobody reads as text, and those without an end.
_INLINE = set(
    re.findall(
        r"\w+",
        "a abbr b bdi bdo br cite code data del dfn em font i img ins kbd label mark q rb rp rt ruby s samp small span"
        " strong sub sup time tt u var wbr",
    )
)
_LEFT_OUT = set(
    re.findall(
        r"\w+",
        "button canvas code iframe kbd math noscript object pre rp rt samp script select style svg template"
        " textarea title",
    )
)


class _Shown:
    """The characters of a paragraph that people read, and where each one stands in the file."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._places: list[tuple[int, int]] = []

    def add(self, text: str, start: int, end: int | None = None) -> None:
        """Adds text that stands at a place; with an `end`, all of it stands for what is there, such as `&amp;`."""
        self._text.append(text)
        ends = ((start + i, start + i + 1) for i in range(len(text)))
        self._places.extend(ends if end is None else [(start, end)] * len(text))

    def paragraph(self) -> Iterator[Paragraph]:
        """The paragraph, if it has any words; what follows is another one."""
        text, places = "".join(self._text), self._places
        if text.strip():
            plain = places[-1][1] - places[0][0] == len(text)
            yield Paragraph(places[0][0], text, True, places=None if plain else places)
        self._text, self._places = [], []


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
    text, shown, place = "".join(lines), _Shown(), 0
    for mark in _MARK.finditer(text):
        shown.add(text[place : mark.start()], start + place)
        place = mark.end()
        if mark[0][0] == "&":
            shown.add(unescape(mark[0]), start + mark.start(), start + place)
        elif mark[0][:3].lower() == "<br":
            shown.add("\n", start + mark.start(), start + place)
    shown.add(text[place:], start + place)
    yield from shown.paragraph()


def _whole(lines: Iterable[str], path: str) -> str:
    """The text of a file, which is read whole."""
    held, size = [], 0
    for line in whole_lines(lines, path):
        held.append(line)
        size += len(line)
        if size > MAX_CHARACTERS:
            raise InputError(f"{path}: more than {MAX_CHARACTERS:,} characters of Markdown or HTML; split the file")
    return "".join(held)


def read_markdown(lines: Iterable[str], path: str) -> Iterator[Paragraph]:
    """The text of each paragraph, heading and table cell of CommonMark with tables, and of HTML between them.

    Code, pictures, addresses of links and front matter are left out.
    """
    text = _whole(lines, path).replace("\0", "\ufffd")  # as CommonMark reads it
    if matter := _FRONT_MATTER.match(text):
        text = re.sub(r"[^\n]", " ", matter[0]) + text[matter.end() :]
    starts = _line_starts(text)
    place = 0
    for block in _MARKDOWN.parse(text):
        if block.level >= MAX_NESTING - 1:
            line = f", line {block.map[0] + 1}" if block.map else ""
            raise InputError(f"{path}{line}: lists or quotes are nested too deep; flatten them")
        if block.type == "html_block" and block.map is not None:
            place = max(place, starts[block.map[0]])
            yield from _of_html(text[place : starts[block.map[1]]], place)
        elif block.type == "inline" and block.map is not None:
            place, shown, is_address = max(place, starts[block.map[0]]), _Shown(), False
            for child in block.children or ():
                place = _add(child, text, place, shown, is_address)
                is_address = child.type == "link_open" and child.markup == "autolink"
            yield from shown.paragraph()


def _line_starts(text: str) -> list[int]:
    """The characters before each line of a text, and before its end."""
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    starts[-1] -= 1
    return starts


def _add(child: MarkdownToken, text: str, place: int, shown: _Shown, is_address: bool) -> int:
    """Adds a part of a block, which stands at `place` or later; returns where the next part may stand."""
    if child.type == "link_close" and child.markup != "autolink":
        link = _LINK_END.search(text, place)
        return link.end() if link else place
    breaks = child.type in ("softbreak", "hardbreak")
    written = "\n" if breaks else child.markup if child.type == "text_special" else child.content
    at = text.find(written, place) if written else -1
    if at < 0 and "|" in written:  # in a cell of a table
        written = written.replace("|", r"\|")
        at = text.find(written, place)
    if at < 0:
        return place
    end = at + len(written)
    if child.type == "text_special":  # an entity, or an escape
        shown.add(child.content, at, end)
    elif breaks or (child.type == "text" and not is_address):
        first = at
        for escape in re.finditer(r"\\(?=\|)", written):
            shown.add(text[first : at + escape.start()], first)
            first = at + escape.end()
        shown.add(text[first:end], first)
    elif child.type == "code_inline" or child.content[:3].lower() == "<br":
        shown.add(" ", at, end)
    return end


def read_html(lines: Iterable[str], path: str) -> Iterator[Paragraph]:
    """The text of each paragraph, heading, item and cell of HTML. Code, scripts and forms are left out."""
    return _of_html(_whole(lines, path), 0)


def _of_html(text: str, start: int) -> Iterator[Paragraph]:
    """The paragraphs of HTML that begins at a place of its file."""
    reader = _HtmlReader(text, start)
    reader.feed(text)
    reader.close()
    reader.end_block()
    yield from reader.found


class _HtmlReader(HTMLParser):
    """Collects the paragraphs of HTML. Each element ends one, except those within a line."""

    def __init__(self, text: str, start: int) -> None:
        super().__init__(convert_charrefs=False)
        self.found: list[Paragraph] = []
        self._shown, self._text, self._start, self._lines = _Shown(), text, start, _line_starts(text)
        self._left_out: list[str] = []  # the elements around this place whose text is left out

    def end_block(self) -> None:
        self.found.extend(self._shown.paragraph())

    def _end_inline(self, tag: str) -> None:
        """Ends `code` and the like, whose own end may be missing, where another part of the page begins or ends."""
        if tag not in _INLINE or tag == "ruby":
            self._left_out = [each for each in self._left_out if each not in _INLINE]

    def _place(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._end_inline(tag)
        if tag in _LEFT_OUT:
            self._left_out.append(tag)
        if tag == "br" and not self._left_out:
            self._shown.add("\n", self._start + self._place(), self._start + self._place() + 1)
        elif tag not in _INLINE:
            self.end_block()

    def handle_endtag(self, tag: str) -> None:
        self._end_inline(tag)
        if tag in self._left_out:
            del self._left_out[self._left_out.index(tag) :]
        elif tag not in _INLINE:
            self.end_block()

    def handle_data(self, data: str) -> None:
        if not self._left_out:
            self._shown.add(data, self._start + self._place())

    def handle_entityref(self, name: str) -> None:
        self._add_reference(f"&{name}")

    def handle_charref(self, name: str) -> None:
        self._add_reference(f"&#{name}")

    def _add_reference(self, written: str) -> None:
        place = self._place()
        end = place + len(written) + (self._text[place + len(written) : place + len(written) + 1] == ";")
        if not self._left_out:
            self._shown.add(unescape(self._text[place:end]), self._start + place, self._start + end)

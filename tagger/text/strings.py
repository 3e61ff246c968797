"""Small functions on text: what fits a terminal, tables, characters that UTF-8 lacks, long lines, blank tags."""

import re
import unicodedata
import zlib
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import regex

from tagger.errors import InputError, shorten

SURROGATE = re.compile("[\ud800-\udfff]")


def encodable(text: str) -> str:
    """`text` with each lone surrogate, which UTF-8 cannot encode, replaced by U+FFFD."""
    return text if text.isascii() else SURROGATE.sub("\ufffd", text)


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def printable(text: str) -> str:
    """`text` with control characters and lone surrogates replaced by U+FFFD, so that a terminal only shows it."""
    return _CONTROL.sub("\ufffd", text)


def printable_value(value: Any) -> Any:
    """A value of JSON, each string of it as `printable` makes it."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list):
        return [printable_value(item) for item in value]
    if isinstance(value, dict):
        return {printable(key): printable_value(item) for key, item in value.items()}
    return value


def display_width(text: str) -> int:
    """The cells of a terminal that `text` takes: 0 for a combining mark, 2 for a wide character, else 1."""
    if text.isascii() or (max(text) < "\u0300" and "\xad" not in text):
        return len(text)
    return sum(
        0 if unicodedata.category(c) in ("Mn", "Me", "Cf") else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def fitted(text: str, width: int) -> str:
    """`printable(text)`, cut and ended with an ellipsis if it takes more than `width` cells."""
    text = printable(text)
    if len(text) <= width // 2 or display_width(text) <= width:
        return text
    kept, used = 0, 1
    while (used := used + display_width(text[kept])) <= width:
        kept += 1
    return text[:kept] + "…"


WIDTH = 80  # cells of a terminal


def percent(share: float | None) -> str:
    """A share in [0, 1] as text."""
    return "–" if share is None else f"{100 * share:.2f}%"


class Table(NamedTuple):
    """A table of plain text; the first cell of a row names it, the others are numbers."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]

    def as_text(self, gap: int = 2) -> str:
        """Rows at most `WIDTH` cells wide, `gap` spaces between cells, indented below a title; long names are cut."""
        cells = [list(map(printable, row)) for row in (self.heads, *self.rows)]
        width, *widths = (max(map(display_width, column)) for column in zip(*cells, strict=True))
        width = min(width, WIDTH - gap - sum(gap + each for each in widths))
        lines, indent = ([self.title], " " * gap) if self.title else ([], "")
        for name, *numbers in cells:
            name = fitted(name, width)
            name += " " * (width - display_width(name))
            line = indent + name + "".join(f"{n:>{gap + w}}" for n, w in zip(numbers, widths, strict=True))
            lines.append(line.rstrip())
        return "\n".join(lines)

    def as_markdown(self) -> str:
        """A table of Markdown, without the title."""
        rows = [self.heads, ["---"] * len(self.heads), *self.rows]
        return "".join(f"| {' | '.join(row)} |\n" for row in rows)


MAX_LINE = 1 << 22  # characters; a longer line comes in pieces, so that memory stays bounded


def whole_lines(lines: Iterable[str], path: str) -> Iterator[str]:
    """Joins the pieces of long lines, for formats in which a line means something; at most 4."""
    pieces: list[str] = []
    number = 1
    for line in lines:
        if number == 1 and line[-1:] != "\n" and "\r" in line.rstrip("\r"):
            raise InputError(f"{path}, line 1: lines end in CR alone; write LF instead: tr '\\r' '\\n' < OLD > NEW")
        if len(pieces) == 4:
            raise InputError(
                f"{path}, line {number}: longer than {4 * MAX_LINE:,} characters ({shorten(pieces[0])});"
                " break the line up, or give the file as running text (.txt)"
            )
        if len(line) == MAX_LINE and line[-1] != "\n":
            pieces.append(line)
            continue
        yield "".join([*pieces, line]) if pieces else line
        pieces = []
        number += 1
    if pieces:
        yield "".join(pieces)


def text_hash(text: str) -> int:
    """The CRC-32 of a text, by which tables of features know it: unlike `hash`, it is the same in every process."""
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))


affix_hash = lru_cache(maxsize=1 << 16)(text_hash)  # many forms share their beginnings and ends


LEMMA = "lemma"  # the column of lemmas
UPOS = "upos"  # the column of universal parts of speech
FEATS = "feats"  # the column of morphological features
NO_TAG = "_"  # CoNLL-U writes it for "not annotated"; in FEATS it is a tag like any other and means "no features"


def is_annotated(column: str, tag: str, form: str = "") -> bool:
    """Whether `tag` is a gold tag, to be learned and scored, or a blank. The lemma of the form `_` is `_`."""
    return tag != "" and (tag != NO_TAG or column == FEATS or (column == LEMMA and form == NO_TAG))


def is_given(tag: str) -> bool:
    """Whether a cell of a partly tagged file is a tag; `_` and an empty cell are left to the tagger."""
    return tag not in ("", NO_TAG)


SPACE = r"\s\x1c-\x1f\u200b\ufeff"  # what no token holds: white space to Unicode or Python, ZWSP, BOM
UNSPACED_LETTER = r"[\p{Han}\p{Hiragana}\p{Katakana}]"  # between two of them a line end is no space
LINE_END_INSIDE = regex.compile(rf"(?<={UNSPACED_LETTER})(?:(?!\n)[{SPACE}])*+\n[{SPACE}]*+(?={UNSPACED_LETTER})")


CELL_BREAK = re.compile(r"[\t\n\r]")


def cleaned(values: list[str], unfit: re.Pattern[str] = CELL_BREAK) -> list[str]:
    """The values with a space for what the pattern matches; an empty one becomes `_`."""
    if all(values) and not unfit.search("".join(values)):
        return values
    return [unfit.sub(" ", value) or "_" for value in values]

"""The formats `tokens`, `tsv` and `csv`: a token per line, its tags in columns, an empty line after each sentence.

Training, `evaluate` and `tag` all read column files here, so that they see the same sentences.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from tagger.errors import InputError, shorten
from tagger.text.format import Format, Part, Reading, Writing, alternatives, cleaned, decimals
from tagger.text.sentence import Sentence
from tagger.text.strings import NO_TAG, encodable, whole_lines

MAX_SENTENCE_TOKENS = 1_000_000  # more means that the file has no empty lines between its sentences
BLANK_SEPARATED = re.compile(r"[^ \t\r\n]+")

_CELL_BREAK = re.compile(r"[\t\n\r]")
_LINE_BREAK = re.compile(r"[\n\r]")

_Cut = Callable[[str], list[str]]
"""A line without its end to its cells."""


def read_columns(
    lines: Iterable[str],
    path: str,
    columns: Mapping[str, int],
    *,
    token: int = 0,
    optional: Mapping[str, int] | None = None,
    separator: str | None = None,
    quoted: bool = False,
    skip: Sequence[str] = (),
    remedy: str = "check --column and --separator",
) -> Iterator[Sentence]:
    """Yields the sentences of a column file.

    Without a separator, the first line with a token decides for the whole file: if it contains a tab, the cells of
    every line stand between tabs and may contain spaces; if not, they stand between any number of spaces and tabs.

    An empty line ends a sentence; every further empty line is a sentence without tokens. No line is a comment or a
    header unless `skip` says so.

    Args:
        lines: as `tagger.text.files.decoded_lines` yields them.
        path: for error messages.
        columns: the tag columns to read and their places, counted from 0, or from -1 at the end of the line.
        token: the place of the token.
        optional: further tag columns and their places; the tag is `_` if a line has no such place.
        separator: the text between two cells; a space means any number of spaces and tabs, `\\t` means a tab.
        quoted: whether cells are quoted as in CSV; the separator is then a single character, by default a comma.
        skip: a line that begins with one of these has no token and ends a sentence, such as `-DOCSTART-`.
        remedy: the end of the message about a missing column; it names the options for columns and separator.

    Raises:
        InputError: a separator that cannot separate, at once; while iterating, a first line that has tabs but not
            `separator`, a line without one of the columns, a line that is not CSV, or a sentence of more than
            `MAX_SENTENCE_TOKENS` tokens.
    """
    if quoted:
        cut: _Cut | None = _csv_cut("," if separator is None else separator)
    else:
        cut = None if separator is None else _cut_at(column_separator(separator))
    required = {"the token": token, **columns}
    return _read(lines, path, cut, required, optional or {}, tuple(skip), remedy, separator)


def read_tokens(lines: Iterable[str], path: str) -> Iterator[Sentence]:
    """Yields the sentences of a file with a token per line and nothing else; spaces in a line belong to the token.

    Raises:
        InputError: a sentence of more than `MAX_SENTENCE_TOKENS` tokens.
    """
    return _read(lines, path, lambda line: [line], {"the token": 0}, {}, (), "")


def column_separator(separator: str) -> str:
    """`separator` with `\\t` read as a tab.

    Raises:
        InputError: an empty separator, or one with a line end in it.
    """
    separator = separator.replace("\\t", "\t")
    if not separator or "\n" in separator or "\r" in separator:
        raise InputError(f"{shorten(separator)} cannot separate columns; take a tab, a space or another character")
    return separator


def csv_separator(separator: str) -> str:
    """`separator` of a CSV file with `\\t` read as a tab.

    Raises:
        InputError: it is not a single character, or one that has another meaning in CSV.
    """
    separator = column_separator(separator)
    if len(separator) > 1 or separator in '" ':
        raise InputError(f"{shorten(separator)} cannot separate the cells of CSV; take a comma, a semicolon or a tab")
    return separator


def _cut_at(separator: str) -> _Cut:
    return BLANK_SEPARATED.findall if separator == " " else lambda line: line.split(separator)


def _csv_cut(separator: str) -> _Cut:
    separator = csv_separator(separator)
    return lambda line: next(csv.reader([line], delimiter=separator, strict=True))


def _read(
    lines: Iterable[str],
    path: str,
    cut: _Cut | None,
    required: Mapping[str, int],
    optional: Mapping[str, int],
    skip: tuple[str, ...],
    remedy: str,
    separator: str | None = None,
) -> Iterator[Sentence]:
    rows: list[list[str]] = []
    ended = True  # whether the last line ended a sentence
    for number, line in enumerate(whole_lines(lines, path), 1):
        text = line.rstrip("\r\n")
        ended = not text.strip(" \t") or text.startswith(skip)
        if ended:
            yield _sentence(rows, required, optional)
            rows = []
            continue
        if cut is None:
            cut = _cut_at("\t" if "\t" in text else " ")
        try:
            cells = cut(text)
        except csv.Error as error:
            raise InputError(
                f"{path}, line {number}: {shorten(text)} is not CSV ({error}); put a cell with a quote in it between"
                " quotes and double that quote"
            ) from None
        if separator is not None:
            if len(cells) == 1 and "\t" in text:
                raise InputError(
                    f"{path}, line {number}: no separator {shorten(separator)} in {shorten(text)}, which has tabs; the"
                    " separator is that of the input: take \\t, or name none"
                )
            separator = None  # checked
        for name, place in required.items():
            if not -len(cells) <= place < len(cells):
                raise InputError(
                    f"{path}, line {number}: no column {place} (from 0) for {name} in {shorten(text)}; {remedy}"
                )
        if len(rows) == MAX_SENTENCE_TOKENS:
            raise InputError(
                f"{path}, line {number}: {MAX_SENTENCE_TOKENS:,} tokens without an empty line before {shorten(text)};"
                " put an empty line after each sentence"
            )
        rows.append(cells)
    if not ended:
        yield _sentence(rows, required, optional)


def _sentence(rows: list[list[str]], required: Mapping[str, int], optional: Mapping[str, int]) -> Sentence:
    values = {name: [cells[place] for cells in rows] for name, place in required.items()}
    for name, place in optional.items():
        values[name] = [cells[place] if -len(cells) <= place < len(cells) else NO_TAG for cells in rows]
    return Sentence(values.pop("the token"), values)


def _cells(how: Writing, sentence: Sentence, unfit: re.Pattern[str]) -> list[list[str]]:
    """The columns of `tsv` and `csv`; what matches `unfit` becomes a space."""
    cells = [cleaned(sentence.tokens, unfit, " ")]
    for column in how.columns:
        cells.append(cleaned(sentence.tags[column], unfit, " "))
        if how.probabilities:
            cells.append(decimals(sentence, column))
        if how.top:
            cells.append(cleaned(alternatives(sentence, column, how.top), unfit, " "))
    return cells


class Tokens(Format):
    """A token per line."""

    reads: ClassVar[str] = "a token per line, an empty line after each sentence"
    suffixes: ClassVar[tuple[str, ...]] = (".tokens",)

    @classmethod
    def read(cls, lines: Iterable[str], path: str, how: Reading) -> Iterator[Part]:
        """See `read_tokens`."""
        return read_tokens(lines, path)


class Tsv(Format):
    """Columns between tabs, spaces or another separator."""

    reads: ClassVar[str] = "as tokens, with further columns between tabs or spaces"
    writes: ClassVar[str] = "a token per line, its tags between tabs, an empty line after each sentence"
    suffixes: ClassVar[tuple[str, ...]] = (".tsv", ".conll")
    separator: ClassVar[str | None] = "\t"
    has_places = has_rows = True

    @classmethod
    def read(cls, lines: Iterable[str], path: str, how: Reading) -> Iterator[Part]:
        """See `read_columns`."""
        return read_columns(lines, path, how.columns, token=how.token, separator=how.separator, skip=how.skip)

    @classmethod
    def checked(cls, how: Writing) -> Writing:
        """See `Format.checked`."""
        return replace(how, separator=column_separator(how.separator))

    @classmethod
    def write(cls, how: Writing, sentence: Sentence) -> str:
        """See `Format.write`."""
        if not sentence.tokens:
            return "\n"
        cells = _cells(how, sentence, _CELL_BREAK)
        separator = how.separator
        if separator != "\t":
            for value in set().union(*cells):
                if separator in value:
                    raise InputError(
                        f"{shorten(value)} contains the separator {shorten(separator)}; write csv, which quotes such"
                        " cells, or choose another --separator"
                    )
        return encodable("\n".join(map(separator.join, zip(*cells, strict=True)))) + "\n\n"


class Csv(Format):
    """Columns between commas or another character, quoted as in any CSV file."""

    reads: ClassVar[str] = "as tokens, with further columns between commas, quoted"
    writes: ClassVar[str] = "the same between commas, quoted"
    suffixes: ClassVar[tuple[str, ...]] = (".csv",)
    separator: ClassVar[str | None] = ","
    has_places = has_rows = True

    @classmethod
    def read(cls, lines: Iterable[str], path: str, how: Reading) -> Iterator[Part]:
        """See `read_columns`."""
        separator, skip = how.separator, how.skip
        return read_columns(lines, path, how.columns, token=how.token, separator=separator, quoted=True, skip=skip)

    @classmethod
    def checked(cls, how: Writing) -> Writing:
        """See `Format.checked`."""
        return replace(how, separator=csv_separator(how.separator))

    @classmethod
    def write(cls, how: Writing, sentence: Sentence) -> str:
        """See `Format.write`."""
        out = io.StringIO()
        if sentence.tokens:
            cells = _cells(how, sentence, _LINE_BREAK)
            csv.writer(out, delimiter=how.separator, lineterminator="\n").writerows(zip(*cells, strict=True))
        return encodable(out.getvalue()) + "\n"

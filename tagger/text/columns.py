"""The formats `tokens`, `tsv` and `csv`: a token per line, its tags in columns, an empty line after each sentence.

Training, `evaluate` and `tag` all read column files here, so that they see the same sentences.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from tagger.errors import InputError, shorten
from tagger.text.format import MAX_SENTENCE_TOKENS, Options, alternatives, cleaned, decimals
from tagger.text.sentence import Sentence
from tagger.text.strings import NO_TAG, encodable, whole_lines

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
    """Yields the sentences of a column file; a separator that cannot separate is an error at once.

    Without a separator, the first line with a token decides for the whole file: if it contains a tab, the cells of
    every line stand between tabs and may contain spaces; if not, they stand between any number of spaces and tabs.

    An empty line ends a sentence; every further empty line is a sentence without tokens. No line is a comment or a
    header unless `skip` says so.

    Args:
        columns: the tag columns to read and their places, counted from 0, or from -1 at the end of the line.
        optional: further tag columns and their places; the tag is `_` if a line has no such place.
        separator: the text between two cells; a space means any number of spaces and tabs, `\\t` means a tab.
        quoted: whether cells are quoted as in CSV; the separator is then a single character, by default a comma.
        skip: a line that begins with one of these has no token and ends a sentence, such as `-DOCSTART-`.
        remedy: the end of the message about a missing column; it names the options for columns and separator.
    """
    if quoted:
        mark = csv_separator("," if separator is None else separator)
        cut: _Cut | None = lambda line: next(csv.reader([line], delimiter=mark, strict=True))  # noqa: E731
    else:
        cut = None if separator is None else _cut_at(column_separator(separator))
    required = {"the token": token, **columns}
    return _read(lines, path, cut, required, optional or {}, tuple(skip), remedy, separator)


def read_tokens(lines: Iterable[str], path: str) -> Iterator[Sentence]:
    """Yields the sentences of a file with a token per line and nothing else; spaces in a line belong to the token."""
    return _read(lines, path, lambda line: [line], {"the token": 0}, {}, (), "")


def column_separator(separator: str) -> str:
    """`separator` with `\\t` read as a tab; InputError if it cannot separate columns."""
    separator = separator.replace("\\t", "\t")
    if not separator or "\n" in separator or "\r" in separator:
        raise InputError(f"{shorten(separator)} cannot separate columns; take a tab, a space or another character")
    return separator


def csv_separator(separator: str) -> str:
    """The same for CSV: a single character that has no other meaning there."""
    separator = column_separator(separator)
    if len(separator) > 1 or separator in '" ':
        raise InputError(f"{shorten(separator)} cannot separate the cells of CSV; take a comma, a semicolon or a tab")
    return separator


def _cut_at(separator: str) -> _Cut:
    return BLANK_SEPARATED.findall if separator == " " else lambda line: line.split(separator)


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


def _cells(options: Options, sentence: Sentence, unfit: re.Pattern[str]) -> list[list[str]]:
    """The columns of `tsv` and `csv`; what matches `unfit` becomes a space."""
    cells = [cleaned(sentence.tokens, unfit, " ")]
    for column in options.columns:
        cells.append(cleaned(sentence.tags[column], unfit, " "))
        if options.probabilities:
            cells.append(decimals(sentence, column))
        if options.top:
            cells.append(cleaned(alternatives(sentence, column, options.top), unfit, " "))
    return cells


def write_tsv(options: Options, sentence: Sentence) -> str:
    """A line per token, its cells between separators, none of which a cell may contain; then an empty line."""
    if not sentence.tokens:
        return "\n"
    cells, separator = _cells(options, sentence, _CELL_BREAK), options.separator or "\t"
    if separator != "\t":
        for value in set().union(*cells):
            if separator in value:
                raise InputError(
                    f"{shorten(value)} contains the separator {shorten(separator)}; write csv, which quotes such"
                    " cells, or choose another --separator"
                )
    return encodable("\n".join(map(separator.join, zip(*cells, strict=True)))) + "\n\n"


def write_csv(options: Options, sentence: Sentence) -> str:
    """The same, quoted as in any CSV file."""
    out = io.StringIO()
    if sentence.tokens:
        cells = _cells(options, sentence, _LINE_BREAK)
        csv.writer(out, delimiter=options.separator or ",", lineterminator="\n").writerows(zip(*cells, strict=True))
    return encodable(out.getvalue()) + "\n"

"""Formats in which tags stand beside words, and the cells that formats share.

`tokens`, `tsv` and `csv` have a token per line, its tags in columns, and an empty line after each sentence. `lines` has
a sentence per line. `pretty` shows tags below words on a terminal.

Training, `evaluate` and `tag` all read column files here, so that they see the same sentences.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from tagger.errors import InputError, shorten
from tagger.text.sentence import Sentence
from tagger.text.strings import CELL_BREAK, NO_TAG, cleaned, display_width, encodable, fitted, whole_lines

MAX_SENTENCE_TOKENS = 1_000_000  # more means that nothing in the file ends its sentences
MAX_LINE_TOKENS = 200_000  # of a sentence in one line, which is tagged in one go, without progress
BLANK_SEPARATED = re.compile(r"[^ \t\r\n]+")

_LINE_BREAK = re.compile(r"[\n\r]")
_QUOTED = re.compile(r'"(?:[^"]|"")*"')
CSV_SEPARATORS = (",", ";", "\t")


class ReadOptions(NamedTuple):
    """How a file is read. A reader takes the lines, the file's name for messages, and these."""

    columns: Mapping[str, int] = {}  # the tag columns and their places, counted from 0; -1 is the last cell
    separator: str | None = None  # of cells; None: that of the format
    skip: Sequence[str] = ()  # what a line of tsv or csv begins with that has no token
    may_lack_tags: bool = False  # whether a line of jsonl may lack columns
    paragraph_per_line: bool = False  # whether each line of a text is a paragraph; else the lines themselves decide


class WriteOptions(NamedTuple):
    """How sentences are written. A writer takes these and a sentence, and returns text."""

    columns: Sequence[str]  # every sentence with tokens has them
    separator: str | None = None
    probabilities: bool = False
    top: int = 0  # alternatives of each tag; 0: none
    width: int = 80  # of the terminal, for `pretty`


def check_length(tokens: Sequence[str], where: str) -> None:
    """Refuses a sentence that stands in one line of a file and has more than `MAX_LINE_TOKENS`."""
    if len(tokens) > MAX_LINE_TOKENS:
        raise InputError(f"{where}: {len(tokens):,} tokens in one sentence; give each sentence a line of its own")


def decimals(sentence: Sentence, column: str) -> list[str]:
    """The probabilities of a column's tags; `_` where the column was not predicted."""
    shares = sentence.probabilities.get(column)
    return [NO_TAG] * len(sentence) if shares is None else [f"{p:.4f}" for p in shares]


def alternatives(sentence: Sentence, column: str, top: int) -> list[str]:
    """The best tags of each token and their probabilities, `NOUN:0.9312 VERB:0.0514`; `_` as for `decimals`."""
    best = sentence.alternatives.get(column)
    if best is None:
        return [NO_TAG] * len(sentence)
    return [" ".join(f"{tag}:{p:.4f}" for tag, p in pairs[:top]) for pairs in best]


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
    cut: _Cut | None = None,
    skip: Sequence[str] = (),
    remedy: str = "check --column and --separator",
) -> Iterator[Sentence]:
    """Yields the sentences of a column file.

    Without a separator or a `cut`, the first line with a token decides for the whole file. If it contains a tab, the
    cells of every line stand between tabs and may contain spaces; if not, they stand between any number of spaces and
    tabs. In CSV the separator is the comma, the semicolon or the tab that divides that line.

    An empty line, or one of separators alone as spreadsheets write it, ends a sentence. A line that begins with one of
    `skip` does, too; no other line is a comment or a header.

    Args:
        optional: further tag columns and their places; the tag is `_` if a line has no such place.
        separator: a space means any number of spaces and tabs, `\\t` means a tab.
        quoted: whether cells are quoted as in CSV.
        remedy: the end of a message; it names the options for columns and separator.
    """
    blank = " \t" + "".join(CSV_SEPARATORS) if quoted else " \t"  # what an empty line may have
    if separator is not None and quoted:
        mark = csv_separator(separator)
        cut, blank = _csv_cut(mark), f" \t{mark}"
    elif separator is not None:
        cut = _cut_at(column_separator(separator))
    required = {"the token": token, **columns}
    rows: list[list[str]] = []
    ended = True  # whether the last line ended a sentence
    for number, line in enumerate(whole_lines(lines, path), 1):
        text = line.rstrip("\r\n")
        ended = not text.strip(blank) or text.startswith(tuple(skip))
        if ended:
            yield _sentence(rows, required, optional or {}, number - len(rows))
            rows = []
            continue
        where = f"{path}, line {number}"
        try:
            if cut is None and quoted:
                mark = _csv_separator_of(text)
                cut, blank = _csv_cut(mark), f" \t{mark}"
            elif cut is None:
                cut = _cut_at("\t" if "\t" in text else " ")
            cells = cut(text)
        except csv.Error as error:
            raise InputError(
                f"{where}: {shorten(text)} is not CSV ({error}); put a cell with a quote in it between quotes and"
                " double that quote"
            ) from None
        except InputError as error:
            raise InputError(f"{where}: {error}") from None
        if separator is not None:
            if len(cells) == 1 and "\t" in text:
                raise InputError(
                    f"{where}: no separator {shorten(separator)} in {shorten(text)}, which has tabs; the separator is"
                    " that of the input: take \\t, or name none"
                )
            separator = None  # checked
        for name, place in required.items():
            if not -len(cells) <= place < len(cells):
                raise InputError(f"{where}: no column {place} (from 0) for {name} in {shorten(text)}; {remedy}")
        if not cells[token]:
            raise InputError(f"{where}: the token in {shorten(text)} is empty; write it, or _ if it has no form")
        if len(rows) == MAX_SENTENCE_TOKENS:
            raise InputError(
                f"{where}: {MAX_SENTENCE_TOKENS:,} tokens without an empty line before {shorten(text)}; put an empty"
                " line after each sentence"
            )
        rows.append(cells)
    if not ended:
        yield _sentence(rows, required, optional or {}, number - len(rows) + 1)


def read_cells(lines: Iterable[str], path: str, options: ReadOptions, quoted: bool = False) -> Iterator[Sentence]:
    """Yields the sentences of a file of tsv, or of csv, which is `quoted`."""
    return read_columns(lines, path, options.columns, separator=options.separator, skip=options.skip, quoted=quoted)


def read_tokens(lines: Iterable[str], path: str, options: ReadOptions | None = None) -> Iterator[Sentence]:
    """Yields the sentences of a file with a token per line and nothing else; spaces in a line belong to the token."""
    return read_columns(lines, path, {}, cut=lambda line: [line])


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


def _csv_cut(separator: str) -> _Cut:
    return lambda line: next(csv.reader([line], delimiter=separator, strict=True))


def _csv_separator_of(line: str) -> str:
    """The separator that divides the first line of a CSV file, after a token that is not empty."""
    plain = _QUOTED.sub('""', line)
    found = [mark for mark in CSV_SEPARATORS if plain.find(mark) > 0]
    if len(found) != 1:
        marks = "a comma, a semicolon or a tab"
        why = "may be divided by each of several separators" if found else f"is not divided by {marks}"
        raise InputError(f"{shorten(line)} {why}; name it with --separator, or give --input tokens")
    return found[0]


def _sentence(rows: list[list[str]], required: Mapping[str, int], optional: Mapping[str, int], line: int) -> Sentence:
    values = {name: [cells[place] for cells in rows] for name, place in required.items()}
    for name, place in optional.items():
        values[name] = [cells[place] if -len(cells) <= place < len(cells) else NO_TAG for cells in rows]
    return Sentence(values.pop("the token"), values, line=line)


def write_cells(options: WriteOptions, sentence: Sentence, quoted: bool = False) -> str:
    """A line per token of tsv, or of csv, which is `quoted`: the form, and for each column the tag.

    Its probability and alternatives follow if they are asked for. What would break a cell becomes a space.
    """
    if not sentence.tokens:
        return "\n"
    unfit = _LINE_BREAK if quoted else CELL_BREAK
    cells = [cleaned(sentence.tokens, unfit)]
    for column in options.columns:
        cells.append(cleaned(sentence.tags[column], unfit))
        if options.probabilities:
            cells.append(decimals(sentence, column))
        if options.top:
            cells.append(cleaned(alternatives(sentence, column, options.top), unfit))
    if quoted:
        out = io.StringIO()
        csv.writer(out, delimiter=options.separator or ",", lineterminator="\n").writerows(zip(*cells, strict=True))
        return encodable(out.getvalue()) + "\n"
    separator = options.separator or "\t"
    for value in set().union(*cells) if separator != "\t" else ():
        if separator in value:
            raise InputError(
                f"{shorten(value)} contains the separator {shorten(separator)}; write csv, which quotes such cells, or"
                " choose another --separator"
            )
    return encodable("\n".join(map(separator.join, zip(*cells, strict=True)))) + "\n\n"


def read_sentence_lines(lines: Iterable[str], path: str, options: ReadOptions | None = None) -> Iterator[Sentence]:
    """Yields the sentence of each line; its tokens stand between spaces and tabs."""
    start = 0
    for number, line in enumerate(whole_lines(lines, path), 1):
        words = list(BLANK_SEPARATED.finditer(line))
        tokens = [word.group() for word in words]
        check_length(tokens, f"{path}, line {number}")
        yield Sentence(
            tokens=tokens,
            offsets=[(start + word.start(), start + word.end()) for word in words],
            text=line[words[0].start() : words[-1].end()] if words else "",
        )
        start += len(line)


def write_pretty(options: WriteOptions, sentence: Sentence) -> str:
    """Tags below words, in blocks of lines that are as wide as the terminal."""
    rows = [sentence.tokens]
    for column in options.columns if sentence.tokens else ():
        rows.append(sentence.tags[column])
        if options.probabilities:
            rows.append(decimals(sentence, column))
        for rank in range(options.top):
            best = sentence.alternatives[column]
            rows.append([f"{pairs[rank][0]}:{pairs[rank][1]:.4f}" if rank < len(pairs) else "" for pairs in best])
    out: list[str] = []
    block: list[list[str]] = []
    used = 0
    for cells in zip(*rows, strict=True):
        shown = [fitted(cell, options.width) for cell in cells]
        cell_width = max(map(display_width, shown))
        if block and used + cell_width > options.width:
            out += [*map("  ".join, zip(*block, strict=True)), ""]
            block, used = [], 0
        block.append([cell + " " * (cell_width - display_width(cell)) for cell in shown])
        used += cell_width + 2
    out += [*map("  ".join, zip(*block, strict=True)), ""]
    return "".join(f"{line.rstrip()}\n" for line in out)

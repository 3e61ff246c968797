"""Formats in which tags stand beside words, and the cells that formats share.

`tokens`, `tsv` and `csv` have a token per line, its tags in columns, and an empty line after each sentence. `lines` and
`slash` have a sentence per line. `pretty` shows tags below words on a terminal.

Training, `evaluate` and `tag` all read column files here, so that they see the same sentences.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tagger.errors import InputError, shorten
from tagger.text.sentence import Sentence
from tagger.text.strings import NO_TAG, display_width, encodable, fitted, whole_lines

MAX_SENTENCE_TOKENS = 1_000_000  # more means that nothing in the file ends its sentences
MAX_LINE_TOKENS = 200_000  # of a sentence in one line, which is tagged in one go, without progress
BLANK_SEPARATED = re.compile(r"[^ \t\r\n]+")
NO_BREAK_SPACE = "\u00a0"  # stands for a space inside a word of `slash`

_CELL_BREAK = re.compile(r"[\t\n\r]")
_LINE_BREAK = re.compile(r"[\n\r]")
_SPACE = re.compile(r"\s")


@dataclass(frozen=True)
class FileOptions:
    """How a file is read, see `formats.read_parts`, or written, see `formats.writer`.

    Attributes:
        columns: the tag columns; for reading with their places in a line.
        separator: of cells; None: that of the format.
        top: alternatives of each tag that are written; 0: none.
        width: of the terminal, for `pretty`.
    """

    columns: Mapping[str, int] = field(default_factory=dict)
    separator: str | None = None
    paragraph_per_line: bool = False
    skip: Sequence[str] = ()
    takes_text: bool = True
    may_lack_tags: bool = False
    probabilities: bool = False
    top: int = 0
    width: int = 80


def check_length(tokens: Sequence[str], where: str) -> None:
    """Refuses a sentence that stands in one line of a file and has more than `MAX_LINE_TOKENS`."""
    if len(tokens) > MAX_LINE_TOKENS:
        raise InputError(f"{where}: {len(tokens):,} tokens in one sentence; give each sentence a line of its own")


def cleaned(values: list[str], unfit: re.Pattern[str], instead: str) -> list[str]:
    """The values with `instead` for what the pattern matches; an empty one becomes `_`."""
    if all(values) and not unfit.search("".join(values)):
        return values
    return [unfit.sub(instead, value) or "_" for value in values]


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


def _cells(options: FileOptions, sentence: Sentence, unfit: re.Pattern[str]) -> list[list[str]]:
    """The columns of `tsv` and `csv`; what matches `unfit` becomes a space."""
    cells = [cleaned(sentence.tokens, unfit, " ")]
    for column in options.columns:
        cells.append(cleaned(sentence.tags[column], unfit, " "))
        if options.probabilities:
            cells.append(decimals(sentence, column))
        if options.top:
            cells.append(cleaned(alternatives(sentence, column, options.top), unfit, " "))
    return cells


def write_tsv(options: FileOptions, sentence: Sentence) -> str:
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


def write_csv(options: FileOptions, sentence: Sentence) -> str:
    """The same, quoted as in any CSV file."""
    out = io.StringIO()
    if sentence.tokens:
        cells = _cells(options, sentence, _LINE_BREAK)
        csv.writer(out, delimiter=options.separator or ",", lineterminator="\n").writerows(zip(*cells, strict=True))
    return encodable(out.getvalue()) + "\n"


def read_sentence_lines(lines: Iterable[str], path: str) -> Iterator[Sentence]:
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


def read_slash(
    lines: Iterable[str], path: str, columns: Mapping[str, int], separator: str | None
) -> Iterator[Sentence]:
    """Yields the sentence of each line; words stand between spaces and tabs, U+00A0 in a word is read as a space.

    The last N separators of a word split it, N being the largest place in `columns`: with one tag, `and/or/CCONJ` is
    the word `and/or`. The first of these N tags has the place 1, so `columns` must have the last tag of words with
    several. Without `columns` a word may have a tag or none. A separator that cannot separate is an error at once.
    """
    if min(columns.values(), default=1) < 1:
        raise InputError(f"{path}: the tags of a word in slash have the places 1, 2, ..., not {min(columns.values())}")
    return _read_slash(lines, path, slash_separator("/" if separator is None else separator), columns)


def slash_separator(separator: str) -> str:
    """`separator`, which may contain no white space."""
    if not separator or _SPACE.search(separator):
        raise InputError(f"{shorten(separator)} cannot separate words from tags; take / or _ or another character")
    return separator


def _read_slash(lines: Iterable[str], path: str, separator: str, columns: Mapping[str, int]) -> Iterator[Sentence]:
    tags = max(columns.values(), default=0)
    for number, line in enumerate(whole_lines(lines, path), 1):
        rows: list[list[str]] = []
        for item in BLANK_SEPARATED.findall(line):
            cells = item.replace(NO_BREAK_SPACE, " ").rsplit(separator, tags or 1)
            if len(cells) <= tags or (tags and not all(cells)):
                raise InputError(
                    f"{path}, line {number}: {shorten(item)} is not a word with {tags} tag{'s'[: tags > 1]} after"
                    f" {separator}; tag it, or name the separator with --separator"
                )
            rows.append(cells if all(cells) else [separator.join(cells)])
        tokens = [cells[0] for cells in rows]
        check_length(tokens, f"{path}, line {number}")
        yield Sentence(tokens, {column: [cells[place] for cells in rows] for column, place in columns.items()})


def write_slash(options: FileOptions, sentence: Sentence) -> str:
    """A line of words, each with its tags; no tag may contain the separator."""
    separator = options.separator or "/"
    cells = [cleaned(sentence.tokens, _SPACE, NO_BREAK_SPACE)]
    for column in options.columns if sentence.tokens else ():
        tags = cleaned(sentence.tags[column], _SPACE, NO_BREAK_SPACE)
        for tag in set(tags):
            if (separator + tag).rfind(separator):
                raise InputError(f"tag {shorten(tag)} contains {separator}; choose another --separator")
        cells.append(tags)
    return encodable(" ".join(map(separator.join, zip(*cells, strict=True)))) + "\n"


def write_pretty(options: FileOptions, sentence: Sentence) -> str:
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

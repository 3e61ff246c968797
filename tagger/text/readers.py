"""Readers of text and of tagged text: lines of a file in, sentences out.

Readers stream: they hold one sentence, or one paragraph of at most `PARAGRAPH` characters. Only
`\\n` ends a line, so that a form may hold any other character.
"""

import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from typing import Any, NamedTuple

from tagger.errors import InputError, shorten
from tagger.text.conllu import read_conllu
from tagger.text.files import whole_lines
from tagger.text.formats import INPUTS
from tagger.text.sentence import Sentence

PARAGRAPH = 100_000  # characters; a longer paragraph is cut at white space
SENTENCE = 1_000_000  # tokens a line apart; no sentence is longer, an empty line was forgotten
LOOK_AHEAD = 1 << 20  # characters in which an empty line shows that paragraphs have more than one line

Segment = Callable[[str], list[list[tuple[int, int]]]]
"""A paragraph to its sentences, each a list of the (start, end) of its tokens."""


class Paragraph(NamedTuple):
    """A paragraph of running text, or a piece of a very long one."""

    start: int  # characters of the input before it
    text: str
    opens: bool  # False for all but the first piece

    def sentences(self, segment: Segment, offsets: bool = True) -> Iterator[Sentence]:
        """Its sentences, with or without offsets; the first has the comment `# newpar`."""
        start, text, opens = self
        for spans in segment(text):
            if spans:
                yield Sentence(
                    tokens=[text[a:b] for a, b in spans],
                    offsets=[(start + a, start + b) for a, b in spans] if offsets else None,
                    text=text[spans[0][0] : spans[-1][1]],
                    comments=["# newpar"] if opens else [],
                )
                opens = False


_WORD = re.compile(r"[^ \t\r\n]+")
_LAST_SPACE = re.compile(r"\s\S*\Z")
_SPACE = re.compile(r"\s")
NO_BREAK_SPACE = "\u00a0"


def read(
    lines: Iterable[str],
    path: str,
    format: str,
    *,
    segment: Segment | None = None,
    separator: str | None = None,
    paragraph_per_line: bool | None = None,
    columns: Mapping[str, int] | None = None,
    token: int = 0,
) -> Iterator[Sentence]:
    """The sentences of an open file.

    - `text`: `segment` finds sentences and tokens in each paragraph; offsets count the characters
      of the whole input; the first sentence of a paragraph has the comment `# newpar`.
    - `lines`: a sentence a line, tokens between spaces and tabs (of ASCII: U+00A0 or U+3000 are
      part of a token). An empty line is an empty sentence.
    - `tokens`: a token a line, spaces within it kept; an empty line ends a sentence, and one more
      is an empty sentence.
    - `tsv`: likewise, the token in one of several columns. No line is a comment or a header.
    - `conllu`: see `tagger.conllu`; the only format whose sentences keep their lines.
    - `jsonl`: a list of tokens a line, or an object with `tokens` or else `text`, which becomes one
      sentence or more with offsets in that text. Other keys go to `Sentence.fields`.
    - `slash`: a sentence a line, `word/TAG` between spaces and tabs, U+00A0 for a space in a word.
      The last separator splits; a word without a tag is read, too, unless `columns` asks for tags.

    Args:
        lines: as `tagger.files.decoded_lines` yields them.
        path: for error messages.
        format: one of `INPUTS`.
        segment: cuts text into sentences and tokens; `text` needs it, `jsonl` for `text`.
        separator: of word and tag in `slash` (default `/`), of columns in `tsv` (default a tab; a
            space stands for any number of spaces and tabs).
        paragraph_per_line: whether a paragraph ends at every line end, not at empty lines only;
            by default so if the first MiB of the text has no empty line.
        columns: the tag columns to read and their places, counted from 0: cells in `tsv` (-1 is the
            last); in `slash`, where the word is 0; in `jsonl` the names are keys and places do not
            matter. By default tags are passed over.
        token: the place of the token in `tsv`.

    Raises:
        InputError: an unknown format, at once; while iterating, a line that is not of the format.
    """
    columns = columns or {}
    match format:
        case "text":
            if segment is None:
                raise InputError(f"{path}: no rules here to cut text into tokens; use --input lines or tokens")
            return _read_text(lines, segment, paragraph_per_line)
        case "lines":
            return _read_lines(lines, path)
        case "tokens":
            return _read_cells(lines, path, None, {}, 0)
        case "tsv":
            return _read_cells(lines, path, separator or "\t", columns, token)
        case "conllu":
            return read_conllu(lines, path)
        case "jsonl":
            return _read_jsonl(lines, path, segment, paragraph_per_line, columns)
        case "slash":
            if min(columns.values(), default=1) < 1:
                raise InputError(
                    f"{path}: the tags of a word in slash have the places 1, 2, ..., not {min(columns.values())}"
                )
            return _read_slash(lines, path, checked_separator("/" if separator is None else separator), columns)
    raise InputError(f"{shorten(format)} is no input format; choose one of {', '.join(INPUTS)}")


def read_paragraphs(lines: Iterable[str], per_line: bool | None = None) -> Iterator[Paragraph]:
    """The paragraphs of running text, uncut; see `read` for `per_line`, its `paragraph_per_line`."""
    lines = iter(lines)
    ahead: list[str] = []
    if per_line is None:
        size = 0
        for line in lines:
            ahead.append(line)
            size += len(line)
            if line.isspace() or size >= LOOK_AHEAD:
                break
        per_line = not (ahead and ahead[-1].isspace())
    held, start, opens, ended = "", 0, True, True
    for line in chain(ahead, lines):
        empty = ended and line.isspace()
        ended = line.endswith("\n")  # not so for a piece of a very long line
        held += line
        while len(held) > PARAGRAPH:
            space = _LAST_SPACE.search(held, 0, PARAGRAPH)
            cut = space.start() + 1 if space else PARAGRAPH
            yield Paragraph(start, held[:cut], opens)
            start, held, opens = start + cut, held[cut:], False
        if empty or (per_line and ended):
            if not held.isspace():
                yield Paragraph(start, held, opens)
            start, held, opens = start + len(held), "", True
    if held:
        yield Paragraph(start, held, opens)


def _read_text(lines: Iterable[str], segment: Segment, per_line: bool | None) -> Iterator[Sentence]:
    for paragraph in read_paragraphs(lines, per_line):
        yield from paragraph.sentences(segment)


def _read_lines(lines: Iterable[str], path: str) -> Iterator[Sentence]:
    start = 0
    for line in whole_lines(lines, path):
        words = list(_WORD.finditer(line))
        yield Sentence(
            tokens=[word.group() for word in words],
            offsets=[(start + word.start(), start + word.end()) for word in words],
            text=line[words[0].start() : words[-1].end()] if words else "",
        )
        start += len(line)


def _read_cells(
    lines: Iterable[str], path: str, separator: str | None, columns: Mapping[str, int], token: int
) -> Iterator[Sentence]:
    places = {"the token": token, **columns}
    rows: list[list[str]] = []
    ended = True  # whether an empty line, or nothing, came last
    for number, line in enumerate(whole_lines(lines, path), 1):
        row = line.rstrip("\r\n")
        ended = not row.strip(" \t")
        if ended:
            yield _sentence(rows, columns, token)
            rows = []
            continue
        cells = [row] if separator is None else _WORD.findall(row) if separator == " " else row.split(separator)
        for name, place in places.items():
            if not -len(cells) <= place < len(cells):
                raise InputError(
                    f"{path}, line {number}: no column {place} (from 0) for {name} in {shorten(row)};"
                    " check the column numbers and the separator"
                )
        if len(rows) == SENTENCE:
            raise InputError(
                f"{path}, line {number}: {SENTENCE:,} tokens without an end of sentence before {shorten(row)};"
                " put an empty line between sentences"
            )
        rows.append(cells)
    if not ended:
        yield _sentence(rows, columns, token)


def _sentence(rows: list[list[str]], columns: Mapping[str, int], token: int) -> Sentence:
    tags = {column: [cells[place] for cells in rows] for column, place in columns.items()}
    return Sentence([cells[token] for cells in rows], tags)


def _read_jsonl(
    lines: Iterable[str], path: str, segment: Segment | None, per_line: bool | None, columns: Mapping[str, int]
) -> Iterator[Sentence]:
    for number, line in enumerate(whole_lines(lines, path), 1):
        if line.isspace():
            continue
        where = f"{path}, line {number}"
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{where}: {shorten(line.strip())} is no JSON ({error}); write one value a line") from None
        fields: dict[str, Any] = value if isinstance(value, dict) else {"tokens": value}
        if "tokens" in fields:
            yield _tokenised(fields, where, columns)
        elif not isinstance(text := fields.pop("text", None), str):
            raise InputError(f'{where}: neither "tokens" nor "text" in {shorten(line.strip())}; add one of them')
        elif segment is None:
            raise InputError(f'{where}: no rules here to cut text into tokens: {shorten(text)}; give "tokens"')
        else:
            empty = True
            for sentence in _read_text(io.StringIO(text, newline="\n"), segment, per_line):
                empty = False
                yield replace(sentence, fields=fields)
            if empty:  # what its fields say is not lost
                yield Sentence([], offsets=[], text=text, fields=fields)


def _tokenised(fields: dict[str, Any], where: str, columns: Mapping[str, int]) -> Sentence:
    """The sentence of a JSON object; what it takes from `fields` is removed there."""
    tokens = fields.pop("tokens")
    strings = {"tokens": tokens} | {column: fields.pop(column, None) for column in columns}
    for name, value in strings.items():
        if not (isinstance(value, list) and all(isinstance(item, str) for item in value)):
            raise InputError(f'{where}: {name} {shorten(json.dumps(value))} is no list of strings; write ["a", "b"]')
        if len(value) != len(tokens):
            raise InputError(f"{where}: {len(value)} {name} {shorten(json.dumps(value))} for {len(tokens)} tokens")
    sentence = Sentence(tokens, {column: strings[column] for column in columns}, fields=fields)
    if isinstance(fields.get("text"), str):
        sentence.text = fields.pop("text")
    spans = fields.get("offsets")
    if isinstance(spans, list) and len(spans) == len(tokens) and all(_is_span(span) for span in spans):
        sentence.offsets = [(start, end) for start, end in fields.pop("offsets")]
    return sentence


def _is_span(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(type(place) is int for place in value)


def _read_slash(lines: Iterable[str], path: str, separator: str, columns: Mapping[str, int]) -> Iterator[Sentence]:
    tags = max(columns.values(), default=0)
    for number, line in enumerate(whole_lines(lines, path), 1):
        rows: list[list[str]] = []
        for item in _WORD.findall(line):
            cells = item.replace(NO_BREAK_SPACE, " ").rsplit(separator, tags or 1)
            if len(cells) <= tags or (tags and not all(cells)):
                raise InputError(
                    f"{path}, line {number}: {shorten(item)} is no word with {tags} tag{'s'[: tags > 1]} after"
                    f" {separator}; tag it, or name the separator with --separator"
                )
            rows.append(cells if all(cells) else [separator.join(cells)])
        yield _sentence(rows, columns, 0)


def checked_separator(separator: str) -> str:
    """`separator`, or InputError if no word could be told from its tag by it."""
    if not separator or _SPACE.search(separator):
        raise InputError(f"{shorten(separator)} cannot separate words from tags; take / or _ or another character")
    return separator

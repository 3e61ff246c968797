"""Readers of text and of tagged text: lines of a file in, sentences out.

Paragraphs are cut many at a time, since a learned segmenter is many times faster then.

Readers stream: they hold one sentence, or one block of running text of bounded size. Only `\n` ends a line, so that a
form may contain any other character.
"""

import io
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from tagger.errors import InputError, shorten
from tagger.text.columns import BLANK_SEPARATED, read_columns, read_tokens
from tagger.text.conllu import read_conllu
from tagger.text.formats import INPUTS, MAY_HAVE_TEXT
from tagger.text.paragraphs import JsonText, Paragraph, Segment, read_paragraphs
from tagger.text.sentence import MultiwordToken, Sentence, Token
from tagger.text.strings import whole_lines

MAX_GROUP = 50_000  # characters that are cut together; the first paragraph is cut at once, then groups grow
_GROWTH = 8


Unit = Paragraph | JsonText | Sentence


def texts_of(unit: Unit) -> list[str]:
    """The paragraphs that are to be cut; none if the unit is a sentence."""
    if isinstance(unit, Sentence):
        return []
    return [unit.text] if isinstance(unit, Paragraph) else [paragraph.text for paragraph in unit.paragraphs]


def sentences_of(unit: Unit, cuts: Iterator[list[list[Token]]], layout: bool = True) -> Iterator[Sentence]:
    """The sentences of a unit; see `Paragraph.cut`.

    Args:
        unit: a text without tokens gives a sentence without tokens, which keeps its fields.
        cuts: the tokens of each of `texts_of(unit)` are taken from it.
        layout: whether the sentences of text get `offsets` and `space_after`.
    """
    if isinstance(unit, Sentence):
        yield unit
    elif isinstance(unit, Paragraph):
        yield from unit.cut(next(cuts), layout)
    else:
        empty = True
        for paragraph in unit.paragraphs:
            for sentence in paragraph.cut(next(cuts), layout):
                empty = False
                yield replace(sentence, fields=unit.fields)
        if empty:
            yield Sentence([], offsets=[] if layout else None, text=unit.text, fields=unit.fields)


def cut_units(units: Iterable[Unit], segment: Segment, layout: bool = True) -> Iterator[Sentence]:
    """Yields the sentences of units, which are read in groups of up to `MAX_GROUP` characters and one unit.

    Args:
        units: any number of them.
        segment: cuts paragraphs.
        layout: see `sentences_of`.
    """
    group: list[Unit] = []
    size, limit = 0, 1
    for unit in units:
        group.append(unit)
        if not isinstance(unit, Sentence):
            size += 1 + len(unit.text)
            if size < limit:
                continue
            limit = min(limit * _GROWTH, MAX_GROUP)
        yield from _cut(group, segment, layout)
        group, size = [], 0
    yield from _cut(group, segment, layout)


def _cut(group: list[Unit], segment: Segment, layout: bool) -> Iterator[Sentence]:
    texts = [text for unit in group for text in texts_of(unit)]
    cuts = iter(segment(texts) if texts else [])
    for unit in group:
        yield from sentences_of(unit, cuts, layout)


NO_BREAK_SPACE = "\u00a0"  # stands for a space inside a word
_SPACE = re.compile(r"\s")


def read_slash(lines: Iterable[str], path: str, separator: str, columns: Mapping[str, int]) -> Iterator[Sentence]:
    """Yields the sentence of each line; words stand between spaces and tabs, U+00A0 in a word is read as a space.

    The last separators of a word split it, so that `and/or/CCONJ` is the word `and/or`. Without `columns` a word may
    have a tag or none.

    Args:
        lines: as `tagger.text.files.decoded_lines` yields them.
        path: for error messages.
        separator: between a word and its tags.
        columns: the tag columns to read and their places; the first tag of a word has place 1.

    Raises:
        InputError: a place below 1 or a separator that cannot separate, at once; while iterating, a word without one
            of the tags.
    """
    if min(columns.values(), default=1) < 1:
        raise InputError(f"{path}: the tags of a word in slash have the places 1, 2, ..., not {min(columns.values())}")
    return _read(lines, path, slash_separator(separator), columns)


def slash_separator(separator: str) -> str:
    """`separator` unchanged.

    Raises:
        InputError: it is empty or contains white space.
    """
    if not separator or _SPACE.search(separator):
        raise InputError(f"{shorten(separator)} cannot separate words from tags; take / or _ or another character")
    return separator


def _read(lines: Iterable[str], path: str, separator: str, columns: Mapping[str, int]) -> Iterator[Sentence]:
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
        yield Sentence(
            [cells[0] for cells in rows],
            {column: [cells[place] for cells in rows] for column, place in columns.items()},
        )


def read_jsonl(
    lines: Iterable[str],
    path: str,
    takes_text: bool,
    paragraph_per_line: bool | None,
    columns: Mapping[str, int],
    may_lack_tags: bool = False,
) -> Iterator[Sentence | JsonText]:
    """Yields the sentence or the text of each line; empty lines are skipped.

    A line is a list of tokens, or an object with `tokens` or else `text`. A text becomes one sentence or more,
    with offsets in that text; see `sentences_of`. With tokens, `text`, `offsets`, `multiwords` and `space_after`
    are read if they are what `tag` writes. All other keys of the object go to `Sentence.fields`.

    Args:
        lines: as `tagger.text.files.decoded_lines` yields them.
        path: for error messages.
        takes_text: whether there may be a text.
        paragraph_per_line: see `read_paragraphs`.
        columns: its keys are those of the lists of tags to read; its values are not used.
        may_lack_tags: whether a line may have only some of these lists, or none.

    Raises:
        InputError: a line that is not JSON, that has neither tokens nor text, or whose lists are not lists of strings
            of one length.
    """
    for number, line in enumerate(whole_lines(lines, path), 1):
        if line.isspace():
            continue
        where = f"{path}, line {number}"
        try:
            value = json.loads(line, parse_float=_finite, parse_constant=_finite)
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"{where}: {shorten(line.strip())} is not JSON ({error}); write one value per line"
            ) from None
        fields: dict[str, Any] = value if isinstance(value, dict) else {"tokens": value}
        if "tokens" in fields:
            yield _tokenised(fields, where, [c for c in columns if c in fields or not may_lack_tags])
        elif not isinstance(text := fields.pop("text", None), str):
            raise InputError(f'{where}: neither "tokens" nor "text" in {shorten(line.strip())}; add one of them')
        elif not takes_text:
            raise InputError(f'{where}: no rules here to cut text into tokens: {shorten(text)}; give "tokens"')
        else:
            paragraphs = read_paragraphs(io.StringIO(text, newline="\n"), paragraph_per_line)
            for key in ("multiwords", "space_after"):  # of an earlier cut
                fields.pop(key, None)
            yield JsonText(text, list(paragraphs), fields)


def _finite(text: str) -> float:
    """A number of JSON. `NaN` and `Infinity` are none, and most programs refuse a whole file that has one."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text} is not finite; write it as a string")
    return number


def _tokenised(fields: dict[str, Any], where: str, columns: Sequence[str]) -> Sentence:
    """The sentence of a JSON object with tokens; the keys that it uses are removed from `fields`."""
    tokens = fields.pop("tokens")
    strings = {"tokens": tokens} | {column: fields.pop(column, None) for column in columns}
    for name, value in strings.items():
        if not (isinstance(value, list) and all(isinstance(item, str) for item in value)):
            raise InputError(f'{where}: {name} {shorten(json.dumps(value))} is not a list of strings; write ["a", "b"]')
        if len(value) != len(tokens):
            raise InputError(
                f"{where}: {len(value)} {name} {shorten(json.dumps(value))} for {len(tokens)} tokens; give one each"
            )
    sentence = Sentence(tokens, {column: strings[column] for column in columns}, fields=fields)
    if isinstance(fields.get("text"), str):
        sentence.text = fields.pop("text")
    spans = fields.get("offsets")
    if isinstance(spans, list) and len(spans) == len(tokens) and all(_is_span(span) for span in spans):
        sentence.offsets = [(start, end) for start, end in fields.pop("offsets")]
    multiwords = fields.get("multiwords")
    if isinstance(multiwords, list) and _are_multiwords(multiwords, len(tokens)):
        sentence.multiwords = [MultiwordToken(*multiword) for multiword in fields.pop("multiwords")]
    spaces = fields.get("space_after")
    if isinstance(spaces, list) and len(spaces) == len(tokens) and _are_spaces(spaces, sentence.multiwords):
        sentence.space_after = fields.pop("space_after")
    return sentence


def _are_multiwords(values: list[Any], words: int) -> bool:
    """Whether each value is [start, stop, form] and has words of its own, in order."""
    last = 0
    for value in values:
        if not (isinstance(value, list) and len(value) == 3 and _is_span(value[:2]) and isinstance(value[2], str)):
            return False
        start, stop, _ = value
        if not last <= start < stop <= words:
            return False
        last = stop
    return True


def _are_spaces(values: list[Any], multiwords: Iterable[MultiwordToken]) -> bool:
    """Whether each value is true or false, and false within a multiword token."""
    inside = (word for start, stop, _ in multiwords for word in range(start, stop - 1))
    return all(type(value) is bool for value in values) and not any(values[word] for word in inside)


def _is_span(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(type(place) is int for place in value)


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
    skip: Sequence[str] = (),
) -> Iterator[Sentence]:
    """The sentences of an open file.

    - `text`: running text. `segment` finds the sentences and tokens of each paragraph; offsets count the characters
      of the whole input; the first sentence of a paragraph has the comment `# newpar`. What a paragraph is, see
      `tagger.text.paragraphs`.
    - `lines`: a sentence per line, its tokens between spaces and tabs (of ASCII: U+00A0 or U+3000 are part of a
      token). An empty line is a sentence without tokens.
    - `tokens`: a token per line, spaces in the line included. An empty line ends a sentence; every further empty line
      is a sentence without tokens.
    - `tsv`: the same, but the token stands in one of several columns; see `tagger.text.columns`.
    - `csv`: the same between commas, quoted as in any CSV file.
    - `conllu`: see `tagger.text.conllu`; the only format whose sentences keep their lines.
    - `jsonl`: a list of tokens per line, or an object with `tokens` or `text`; see `tagger.text.readers`.
    - `slash`: a sentence per line, as `word/TAG`; see `tagger.text.readers`.

    Args:
        lines: as `tagger.text.files.decoded_lines` yields them.
        path: for error messages.
        format: one of `INPUTS`.
        segment: cuts text into sentences and tokens; `text` needs it, and `jsonl` if it has `text`.
        separator: of columns in `tsv` and `csv`, of word and tag in `slash` (default `/`).
        paragraph_per_line: True: every line of a text is a paragraph; False: only an empty line ends a paragraph;
            None: the lines themselves decide.
        columns: the tag columns to read and their places, counted from 0; cells in `tsv` and `csv` (-1 is the last);
            in `slash` the word is 0; in `jsonl` the names are keys and places do not matter. Without it, tags are not
            read.
        token: the place of the token in `tsv` and `csv`.
        skip: in `tsv` and `csv`, the beginnings of lines that have no token.

    Raises:
        InputError: an unknown format, at once; while iterating, a line that is not of the format.
    """
    if format == "text" and segment is None:
        raise InputError(f"{path}: no rules here to cut text into tokens; use --input lines or tokens")
    units = read_units(
        lines,
        path,
        format,
        separator=separator,
        paragraph_per_line=paragraph_per_line,
        columns=columns,
        token=token,
        skip=skip,
        takes_text=segment is not None,
    )
    if segment is None or format not in MAY_HAVE_TEXT:
        return cast(Iterator[Sentence], units)
    return cut_units(units, segment)


def read_units(
    lines: Iterable[str],
    path: str,
    format: str,
    *,
    separator: str | None = None,
    paragraph_per_line: bool | None = None,
    columns: Mapping[str, int] | None = None,
    token: int = 0,
    skip: Sequence[str] = (),
    takes_text: bool = True,
    may_lack_tags: bool = False,
) -> Iterator[Unit]:
    """The same, but text is not cut yet.

    Args:
        lines, path, format, separator, paragraph_per_line, columns, token, skip: see `read`.
        takes_text: whether `jsonl` may have `text`.
        may_lack_tags: whether a line of `jsonl` may lack lists of `columns`.

    Raises:
        InputError: see `read`.
    """
    columns = columns or {}
    match format:
        case "text":
            return read_paragraphs(lines, paragraph_per_line)
        case "lines":
            return _read_lines(lines, path)
        case "tokens":
            return read_tokens(lines, path)
        case "tsv" | "csv":
            quoted = format == "csv"
            return read_columns(lines, path, columns, token=token, separator=separator, quoted=quoted, skip=skip)
        case "conllu":
            return read_conllu(lines, path)
        case "jsonl":
            return read_jsonl(lines, path, takes_text, paragraph_per_line, columns, may_lack_tags)
        case "slash":
            return read_slash(lines, path, "/" if separator is None else separator, columns)
    raise InputError(f"{shorten(format)} is no input format; choose one of {', '.join(INPUTS)}")


def _read_lines(lines: Iterable[str], path: str) -> Iterator[Sentence]:
    start = 0
    for line in whole_lines(lines, path):
        words = list(BLANK_SEPARATED.finditer(line))
        yield Sentence(
            tokens=[word.group() for word in words],
            offsets=[(start + word.start(), start + word.end()) for word in words],
            text=line[words[0].start() : words[-1].end()] if words else "",
        )
        start += len(line)

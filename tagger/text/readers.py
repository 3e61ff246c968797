"""Readers of text and of tagged text: lines of a file in, sentences out.

Readers stream: they hold one sentence, or one block of running text of bounded size. Only `\\n` ends a line, so that a
form may contain any other character.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import cast

from tagger.errors import InputError, shorten
from tagger.text.columns import BLANK_SEPARATED, read_columns, read_tokens
from tagger.text.conllu import read_conllu
from tagger.text.formats import INPUTS, MAY_HAVE_TEXT
from tagger.text.json_lines import read_jsonl
from tagger.text.lines import whole_lines
from tagger.text.paragraphs import Segment, read_paragraphs
from tagger.text.sentence import Sentence
from tagger.text.slash import read_slash
from tagger.text.units import Unit, cut_units


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
    - `jsonl`: a list of tokens per line, or an object with `tokens` or `text`; see `tagger.text.json_lines`.
    - `slash`: a sentence per line, as `word/TAG`; see `tagger.text.slash`.

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

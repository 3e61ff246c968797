"""Readers of text and of tagged text: lines of a file in, sentences out.

Paragraphs are cut many at a time, since a learned segmenter is many times faster then.

Readers stream: they hold one sentence, or one block of running text of bounded size. Only `\n` ends a line, so that a
form may contain any other character.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import cast

from tagger.errors import InputError, shorten
from tagger.text.format import Part, Reading
from tagger.text.formats import FORMATS, INPUTS
from tagger.text.paragraphs import Paragraph, Segment
from tagger.text.sentence import Sentence, Token

CutsOf = Callable[[Sequence[Part]], Iterator[list[list[Token]]]]
"""Parts of a document to the sentences of each of their paragraphs."""

MAX_GROUP = 50_000  # characters that are cut together; the first paragraph is cut at once, then groups grow
_GROWTH = 8


def texts_of(part: Part) -> list[str]:
    """The paragraphs that are to be cut; none if the part is a sentence."""
    if isinstance(part, Sentence):
        return []
    return [part.text] if isinstance(part, Paragraph) else [paragraph.text for paragraph in part.paragraphs]


def sentences_of(part: Part, cuts: Iterator[list[list[Token]]], layout: bool = True) -> Iterator[Sentence]:
    """The sentences of a part; see `Paragraph.cut`.

    Args:
        part: a text without tokens gives a sentence without tokens, which keeps its fields.
        cuts: the tokens of each of `texts_of(part)` are taken from it.
        layout: whether the sentences of text get `offsets` and `space_after`.
    """
    if isinstance(part, Sentence):
        yield part
    elif isinstance(part, Paragraph):
        yield from part.cut(next(cuts), layout)
    else:
        empty = True
        for paragraph in part.paragraphs:
            for sentence in paragraph.cut(next(cuts), layout):
                empty = False
                yield replace(sentence, fields=part.fields)
        if empty:
            yield Sentence(
                [], offsets=[] if layout else None, text=part.text, fields=part.fields, language=part.language
            )


def cuts_by(segment: Segment) -> CutsOf:
    """What cuts parts of documents by a function that cuts paragraphs."""

    def cuts_of(parts: Sequence[Part]) -> Iterator[list[list[Token]]]:
        texts = [text for part in parts for text in texts_of(part)]
        return iter(segment(texts) if texts else [])

    return cuts_of


def cut_parts(parts: Iterable[Part], cuts_of: CutsOf, layout: bool = True) -> Iterator[Sentence]:
    """Yields the sentences of parts, which are read in groups of up to `MAX_GROUP` characters and one part.

    Args:
        parts: any number of them.
        cuts_of: cuts the paragraphs of some parts; see `Tagger.cuts_of`.
        layout: see `sentences_of`.
    """
    group: list[Part] = []
    size, limit = 0, 1
    for part in parts:
        group.append(part)
        if not isinstance(part, Sentence):
            size += 1 + len(part.text)
            if size < limit:
                continue
            limit = min(limit * _GROWTH, MAX_GROUP)
        yield from _cut(group, cuts_of, layout)
        group, size = [], 0
    yield from _cut(group, cuts_of, layout)


def _cut(group: list[Part], cuts_of: CutsOf, layout: bool) -> Iterator[Sentence]:
    cuts = cuts_of(group)
    for part in group:
        yield from sentences_of(part, cuts, layout)


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
    parts = read_parts(
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
    if segment is None or not FORMATS[format].has_text:
        return cast(Iterator[Sentence], parts)
    return cut_parts(parts, cuts_by(segment))


def read_parts(
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
) -> Iterator[Part]:
    """The same, but text is not cut yet.

    Args:
        lines, path, format, separator, paragraph_per_line, columns, token, skip: see `read`.
        takes_text: whether `jsonl` may have `text`.
        may_lack_tags: whether a line of `jsonl` may lack lists of `columns`.

    Raises:
        InputError: see `read`.
    """
    if format not in INPUTS:
        raise InputError(f"{shorten(format)} is no input format; choose one of {', '.join(INPUTS)}")
    how = Reading(separator, paragraph_per_line, columns or {}, token, skip, takes_text, may_lack_tags)
    return FORMATS[format].read(lines, path, how)

"""Readers of text and of tagged text: lines of a file in, sentences out.

Paragraphs are cut many at a time, since a learned segmenter is many times faster then.

Readers stream: they hold one sentence, or one block of running text of bounded size. Only `\n` ends a line, so that a
form may contain any other character.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from tagger.errors import InputError, shorten
from tagger.text.format import Options, Part
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
    """The sentences of a part; see `Paragraph.cut`. The tokens of each of `texts_of(part)` are taken from `cuts`.

    A text without tokens gives a sentence without tokens, which keeps its fields.
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
    """Yields the sentences of parts, which are read in groups of up to `MAX_GROUP` characters and one part."""
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
    lines: Iterable[str], path: str, format: str, *, segment: Segment | None = None, **options: Any
) -> Iterator[Sentence]:
    """The sentences of an open file; `segment` cuts its text into sentences and tokens. See `read_parts`.

    The offsets of running text count the characters of the whole input, and the first sentence of a paragraph has the
    comment `# newpar`.
    """
    if format == "text" and segment is None:
        raise InputError(f"{path}: no rules here to cut text into tokens; use --input lines or tokens")
    parts = read_parts(lines, path, format, takes_text=segment is not None, **options)
    if segment is None or not FORMATS[format].has_text:
        return cast(Iterator[Sentence], parts)
    return cut_parts(parts, cuts_by(segment))


def read_parts(
    lines: Iterable[str], path: str, format: str, *, columns: Mapping[str, int] | None = None, **options: Any
) -> Iterator[Part]:
    """What an open file holds, in which text is not cut yet.

    - `text`: running text; what a paragraph is, see `paragraphs.py`.
    - `lines`: a sentence per line, its tokens between spaces and tabs (of ASCII: U+00A0 or U+3000 are part of a
      token). An empty line is a sentence without tokens.
    - `tokens`: a token per line, spaces in the line included. An empty line ends a sentence; every further empty line
      is a sentence without tokens.
    - `tsv`: the same, but the token stands in the first of several columns; see `columns.py`.
    - `csv`: the same between commas, quoted as in any CSV file.
    - `conllu`: see `conllu.py`; the only format whose sentences keep their lines.
    - `jsonl`: a list of tokens per line, or an object with `tokens` or `text`; see `json_lines.py`.
    - `slash`: a sentence per line, as `word/TAG`; see `slash.py`.

    Args:
        lines: as `files.decoded_lines` yields them.
        path: for error messages.
        format: one of `INPUTS`.
        columns: the tag columns to read and their places, counted from 0: cells in `tsv` and `csv` (-1 is the last);
            in `slash` the word is 0; in `jsonl` the names are keys and places do not matter.
        options: other fields of `Options`. `paragraph_per_line`: whether every line of a text is a paragraph; else the
            lines themselves decide. `skip`: beginnings of lines in `tsv` and `csv` that have no token. `takes_text`:
            whether `jsonl` may have `text`. `may_lack_tags`: whether its lines may lack `columns`.
    """
    reader = FORMATS[format].read if format in FORMATS else None
    if reader is None:
        raise InputError(f"{shorten(format)} is no input format; choose one of {', '.join(INPUTS)}")
    return reader(lines, path, Options(columns or {}, **options))

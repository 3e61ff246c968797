"""The file formats by name: which one the name of a file stands for, and what reads and writes it."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Literal

from tagger.errors import InputError, shorten
from tagger.text.columns import (
    ReadOptions,
    WriteOptions,
    column_separator,
    csv_separator,
    read_cells,
    read_sentence_lines,
    read_tokens,
    write_cells,
    write_pretty,
)
from tagger.text.conllu import read_conllu, write_tagged
from tagger.text.files import packing
from tagger.text.json_lines import read_jsonl, write_jsonl
from tagger.text.markup import read_html, read_markdown, read_subtitles
from tagger.text.paragraphs import Part, read_paragraphs
from tagger.text.sentence import Sentence
from tagger.text.tags import unknown_tag

READERS: dict[str, Callable[[Iterable[str], str, ReadOptions], Iterator[Part]]] = {
    "text": lambda lines, path, options: read_paragraphs(lines, options.paragraph_per_line),
    "markdown": lambda lines, path, options: read_markdown(lines, path),
    "html": lambda lines, path, options: read_html(lines, path),
    "subtitles": lambda lines, path, options: read_subtitles(lines, path),
    "lines": read_sentence_lines,
    "tokens": read_tokens,
    "tsv": read_cells,
    "csv": partial(read_cells, quoted=True),
    "conllu": read_conllu,
    "jsonl": read_jsonl,
}
WRITERS: dict[str, Callable[[WriteOptions, Sentence], str]] = {
    "tsv": write_cells,
    "csv": partial(write_cells, quoted=True),
    "conllu": write_tagged,
    "jsonl": write_jsonl,
    "pretty": write_pretty,
}
INPUTS = {  # what --help says of each
    "text": "running text",
    "markdown": "the text of Markdown, without code, addresses of links and marks",
    "html": "the text of HTML, without code, scripts and forms",
    "subtitles": "the text of SubRip or WebVTT, a paragraph per cue",
    "lines": "a sentence per line, its tokens between spaces",
    "tokens": "a token per line, an empty line after each sentence",
    "tsv": "as tokens, with further columns between tabs or spaces",
    "csv": "as tokens, with further columns between , ; or tabs, quoted",
    "conllu": "CoNLL-U",
    "jsonl": "a JSON list of tokens per line, or an object with tokens or text",
}
OUTPUTS = {
    "tsv": "a token per line, its tags between tabs, an empty line after each sentence",
    "csv": "the same between commas, quoted",
    "conllu": "CoNLL-U",
    "jsonl": "a JSON object per sentence",
    "pretty": "tags below words, for the terminal",
}
SUFFIXES = {  # the first one of a format is that of outputs
    ".txt": "text",
    ".md": "markdown",
    ".html": "html",
    ".htm": "html",
    ".srt": "subtitles",
    ".vtt": "subtitles",
    ".lines": "lines",
    ".tokens": "tokens",
    ".tsv": "tsv",
    ".conll": "tsv",
    ".csv": "csv",
    ".conllu": "conllu",
    ".conll-u": "conllu",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
SEPARATED = {"tsv": column_separator, "csv": csv_separator}  # their cells have places; what checks their separator
WITH_OFFSETS = ("conllu", "jsonl")  # they show where tokens stood in running text
PLACED = " and ".join(SEPARATED)  # for help
TAGGED = tuple(name for name in INPUTS if name in OUTPUTS)  # with tags: both input and output
SEPARATORS = (
    "Between the cells of tsv (default: tabs, or spaces if the first token's line has no tab) or csv (default: what"
    " divides the first line: a comma, a semicolon or a tab)."
)
if TYPE_CHECKING:  # as types of options, which list the names in their help
    InputFormat = str
    OutputFormat = str
    TaggedFormat = str
else:
    InputFormat, OutputFormat, TaggedFormat = Literal[tuple(INPUTS)], Literal[tuple(OUTPUTS)], Literal[TAGGED]


def format_of(path: str, default: str = "text") -> str:
    """The format that the suffix of `path` names, without regard to `.gz` or `.zst`; `default` if it names none."""
    return SUFFIXES.get(PurePath(path[: len(path) - len(packing(path))].lower()).suffix, default)


def output_format(path: str) -> str:
    """The format that the suffix of an output names; empty if it has none, or that of plain text."""
    format = format_of(path, "")
    suffix = PurePath(path[: len(path) - len(packing(path))]).suffix
    if suffix and not format:
        known = " ".join(suffix for suffix, name in SUFFIXES.items() if name in OUTPUTS)
        raise InputError(f"-o {path}: {suffix} names no format; take one of {known}, or name it with --output")
    return "" if format == "text" else format


def renamed(path: PurePath, format: str) -> PurePath:
    """`path` with the suffix of `format`: `a/book.txt.gz` becomes `a/book.tsv.gz`, `notes.v2` `notes.v2.tsv`."""
    ending = path.name[len(path.name) - len(packing(path.name)) :]
    plain = path.with_suffix("") if ending else path
    stem = plain.stem if plain.suffix.lower() in SUFFIXES else plain.name
    suffix = next((suffix for suffix, name in SUFFIXES.items() if name == format), f".{format}")
    return plain.with_name(stem + suffix + ending)


Writer = Callable[[Sentence], str]
"""A sentence to its text, line ends included."""


def writer(
    format: str,
    columns: Sequence[str],
    *,
    probabilities: bool = False,
    top: int = 1,
    separator: str | None = None,
    width: int = 80,
) -> Writer:
    """Makes a function from a sentence to its text in `format`. It can be pickled.

    `jsonl` keeps every character. Elsewhere a lone surrogate becomes U+FFFD and an empty form or tag `_`; a tab or line
    end becomes a space in `tsv` and `conllu`, a line end does in `csv`. In `tsv` no cell may contain a separator other
    than the tab. With `top=1` there are no alternatives, because the best one is the tag itself.
    """
    if format not in WRITERS:
        raise InputError(f"{shorten(format)} is no output format; choose one of {', '.join(OUTPUTS)}")
    if separator is not None and format in SEPARATED:
        separator = SEPARATED[format](separator)
    options = WriteOptions(columns, separator, probabilities, top if top > 1 else 0, width)
    return partial(WRITERS[format], options)


def read_parts(
    lines: Iterable[str], path: str, format: str, *, columns: Mapping[str, int] | None = None, **options: Any
) -> Iterator[Part]:
    """What an open file holds, in which text is not cut yet.

    Spaces and tabs are those of ASCII: U+00A0 or U+3000 are part of a token. In `lines` an empty line is a sentence
    without tokens; in `tokens`, `tsv` and `csv` it ends a sentence, and every further one is a sentence without tokens.
    `conllu` is the only format whose sentences keep their lines. The `path` is for messages; `columns` are those of
    `ReadOptions`, like `options`, and in `jsonl` their places do not matter.
    """
    if format not in READERS:
        raise InputError(f"{shorten(format)} is no input format; choose one of {', '.join(INPUTS)}")
    return READERS[format](lines, path, ReadOptions(columns or {}, **options))


def read_checked(
    lines: Iterable[str], path: str, format: str, known: Mapping[str, Collection[str]], **options: Any
) -> Iterator[Part]:
    """The same; InputError for a tag that is not one of those `known` of its column."""
    for part in read_parts(lines, path, format, **options):
        if isinstance(part, Sentence) and (unknown := unknown_tag(part, known)) is not None:
            word, message = unknown
            if part.lines is not None:  # CoNLL-U
                line = [i for i, row in enumerate(part.lines) if row.partition("\t")[0].isdigit()][word]
            else:
                line = word if format in SEPARATED else 0
            raise InputError(f"{path}, line {part.line + line}: {message}")
        yield part


def read(lines: Iterable[str], path: str, format: str, **options: Any) -> Iterator[Sentence]:
    """The sentences of an open file, which holds tokens; InputError for text, which only a tagger can cut."""
    for part in read_parts(lines, path, format, **options):
        if not isinstance(part, Sentence):
            raise InputError(
                f"{path}: no rules here to cut text into tokens: {shorten(part.text)}; give tokens (--input lines or"
                " tokens)"
            )
        yield part

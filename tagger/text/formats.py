"""The file formats by name, and which one the name of a file stands for."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal

from tagger.errors import InputError
from tagger.text.columns import column_separator, csv_separator, read_columns, read_tokens, write_csv, write_tsv
from tagger.text.conllu import read_conllu, write_tagged
from tagger.text.files import packing
from tagger.text.format import Options, Part
from tagger.text.json_lines import read_jsonl, write_jsonl
from tagger.text.paragraphs import read_paragraphs
from tagger.text.plain import read_sentence_lines, write_pretty
from tagger.text.sentence import Sentence
from tagger.text.slash import read_slash, slash_separator, write_slash


@dataclass(frozen=True, kw_only=True)
class Format:
    """One format.

    Attributes:
        inputs, outputs: what `--help` says of it as input and as output; empty: it cannot be read, or written.
        suffixes: of its files; the first one is that of outputs.
        read: the lines of a file and its name, for messages, to what the file holds.
        write: a sentence to its text, line ends included. A file has nothing else: no header.
        separator: that stands between cells unless another one is asked for; None: it has none.
        check_separator: raises InputError for one that cannot separate; else the separator, `\\t` read as a tab.
        has_places: whether the tags of a word have numbered places.
        has_rows: whether each word has a line of its own, and an empty line ends a sentence.
        has_text: whether it may hold running text, which is cut into sentences and tokens.
        has_offsets: whether it shows where tokens stood in running text.
    """

    inputs: str = ""
    outputs: str = ""
    suffixes: tuple[str, ...] = ()
    read: Callable[[Iterable[str], str, Options], Iterator[Part]] | None = None
    write: Callable[[Options, Sentence], str] | None = None
    separator: str | None = None
    check_separator: Callable[[str], str] = str
    has_places: bool = False
    has_rows: bool = False
    has_text: bool = False
    has_offsets: bool = False


def _read_columns(lines: Iterable[str], path: str, options: Options, quoted: bool = False) -> Iterator[Sentence]:
    separator, skip = options.separator, options.skip
    return read_columns(lines, path, options.columns, separator=separator, quoted=quoted, skip=skip)


FORMATS = {
    "text": Format(
        inputs="running text",
        suffixes=(".txt",),
        read=lambda lines, path, options: read_paragraphs(lines, options.paragraph_per_line),
        has_text=True,
    ),
    "lines": Format(
        inputs="a sentence per line, its tokens between spaces",
        suffixes=(".lines",),
        read=lambda lines, path, options: read_sentence_lines(lines, path),
    ),
    "tokens": Format(
        inputs="a token per line, an empty line after each sentence",
        suffixes=(".tokens",),
        read=lambda lines, path, options: read_tokens(lines, path),
    ),
    "tsv": Format(
        inputs="as tokens, with further columns between tabs or spaces",
        outputs="a token per line, its tags between tabs, an empty line after each sentence",
        suffixes=(".tsv", ".conll"),
        read=_read_columns,
        write=write_tsv,
        separator="\t",
        check_separator=column_separator,
        has_places=True,
        has_rows=True,
    ),
    "csv": Format(
        inputs="as tokens, with further columns between commas, quoted",
        outputs="the same between commas, quoted",
        suffixes=(".csv",),
        read=partial(_read_columns, quoted=True),
        write=write_csv,
        separator=",",
        check_separator=csv_separator,
        has_places=True,
        has_rows=True,
    ),
    "conllu": Format(
        inputs="CoNLL-U",
        outputs="CoNLL-U",
        suffixes=(".conllu", ".conll-u"),
        read=lambda lines, path, options: read_conllu(lines, path),
        write=write_tagged,
        has_offsets=True,
    ),
    "jsonl": Format(
        inputs="a JSON list of tokens per line, or an object with tokens or text",
        outputs="a JSON object per sentence",
        suffixes=(".jsonl", ".ndjson"),
        read=read_jsonl,
        write=write_jsonl,
        has_text=True,
        has_offsets=True,
    ),
    "slash": Format(
        inputs="a sentence per line, as word/TAG",
        outputs="a sentence per line, as word/TAG",
        suffixes=(".slash",),
        read=lambda lines, path, options: read_slash(lines, path, options.columns, options.separator),
        write=write_slash,
        separator="/",
        check_separator=slash_separator,
        has_places=True,
    ),
    "pretty": Format(outputs="tags below words, for the terminal", write=write_pretty),
}
INPUTS = {name: format.inputs for name, format in FORMATS.items() if format.inputs}
OUTPUTS = {name: format.outputs for name, format in FORMATS.items() if format.outputs}
MAY_HAVE_TEXT = tuple(name for name, format in FORMATS.items() if format.has_text)
TAGGED = tuple(name for name in INPUTS if name in OUTPUTS)  # with tags: both input and output
SUFFIXES = {suffix: name for name, format in FORMATS.items() for suffix in format.suffixes}
SEPARATORS = (
    "Between the cells of tsv (default: tabs, or spaces if the first token's line has no tab), csv (,) or slash (/)."
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

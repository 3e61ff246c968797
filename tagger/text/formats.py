"""The file formats by name: which one the name of a file stands for, and what reads and writes it."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Literal, cast

from tagger.errors import InputError, shorten
from tagger.text.columns import (
    FileOptions,
    column_separator,
    csv_separator,
    read_columns,
    read_sentence_lines,
    read_slash,
    read_tokens,
    slash_separator,
    write_csv,
    write_pretty,
    write_slash,
    write_tsv,
)
from tagger.text.conllu import read_conllu, write_tagged
from tagger.text.files import packing
from tagger.text.json_lines import read_jsonl, write_jsonl
from tagger.text.lexicon_files import known_tags
from tagger.text.paragraphs import Part, Segment, cut_parts, cut_texts, read_paragraphs
from tagger.text.sentence import Sentence
from tagger.text.strings import NO_TAG, is_given


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
        has_rows: whether each word has a line of its own, and an empty line ends a sentence. It serves one purpose: the
            number of the line in a message about an unknown tag.
        has_probabilities: whether it has a place for probabilities and alternatives.
        has_text: whether it may hold running text, which is cut into sentences and tokens.
        has_offsets: whether it shows where tokens stood in running text.
    """

    inputs: str = ""
    outputs: str = ""
    suffixes: tuple[str, ...] = ()
    read: Callable[[Iterable[str], str, FileOptions], Iterator[Part]] | None = None
    write: Callable[[FileOptions, Sentence], str] | None = None
    separator: str | None = None
    check_separator: Callable[[str], str] = str
    has_places: bool = False
    has_rows: bool = False
    has_probabilities: bool = False
    has_text: bool = False
    has_offsets: bool = False


def _read_columns(lines: Iterable[str], path: str, options: FileOptions, quoted: bool = False) -> Iterator[Sentence]:
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
        has_probabilities=True,
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
        has_probabilities=True,
    ),
    "conllu": Format(
        inputs="CoNLL-U",
        outputs="CoNLL-U",
        suffixes=(".conllu", ".conll-u"),
        read=lambda lines, path, options: read_conllu(lines, path),
        write=write_tagged,
        has_probabilities=True,
        has_offsets=True,
    ),
    "jsonl": Format(
        inputs="a JSON list of tokens per line, or an object with tokens or text",
        outputs="a JSON object per sentence",
        suffixes=(".jsonl", ".ndjson"),
        read=read_jsonl,
        write=write_jsonl,
        has_probabilities=True,
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
    "pretty": Format(outputs="tags below words, for the terminal", write=write_pretty, has_probabilities=True),
}
INPUTS = {name: format.inputs for name, format in FORMATS.items() if format.inputs}
OUTPUTS = {name: format.outputs for name, format in FORMATS.items() if format.outputs}
MAY_HAVE_TEXT = tuple(name for name, format in FORMATS.items() if format.has_text)
PLACED = ", ".join(name for name, format in FORMATS.items() if format.has_places)  # for help
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
    """Makes a function from a sentence to its text in `format`, line ends included. It can be pickled.

    - `tsv`: a line per token: the form, then for each column the tag, and the probability and the best alternatives
      (`NOUN:0.9312 VERB:0.0514`) if asked for. An empty line follows each sentence.
    - `csv`: the same cells between commas. A cell with a comma or a quote in it is quoted, as in any CSV file.
    - `conllu`: see `tagger.text.conllu`. MISC gets probabilities as `UposProb=0.9312` and alternatives as
      `UposTop=NOUN:0.9312 VERB:0.0514`. A sentence without tokens that did not come from CoNLL-U has no block.
    - `jsonl`: an object per line: the keys that the input had, `tokens`, `upos`, `upos_probabilities`,
      `upos_alternatives`, and `offsets`, `space_after`, `text` and `language` if they are known. If there are
      multiword tokens, `multiwords` has the number of words before each, the number of those up to its end, and its
      form.
    - `slash`: a line per sentence, `word/UPOS/XPOS` with the tags in the order of the columns.
    - `pretty`: for a terminal, the tags below the words, at most `width` cells wide.

    `jsonl` keeps every character. Elsewhere a lone surrogate becomes U+FFFD and an empty form or tag `_`. A tab or
    line end becomes a space in `tsv` and `conllu`, a line end does in `csv`, and any white space becomes U+00A0 in
    `slash`. In `tsv` no cell may contain a separator other than the tab; in `slash` no tag may.

    Args:
        columns: the tag columns to write, in order; every sentence with tokens has them.
        top: the number of `Sentence.alternatives` to write; with 1 none, because the best one is the tag itself.
        separator: of cells in `tsv` (default a tab) and `csv` (a comma), of word and tags in `slash` (`/`).
        width: of the terminal in cells, for `pretty`.
    """
    kind = FORMATS.get(format)
    if kind is None or kind.write is None:
        raise InputError(f"{shorten(format)} is no output format; choose one of {', '.join(OUTPUTS)}")
    if not kind.has_probabilities and (probabilities or top > 1):
        fit = ", ".join(name for name, other in FORMATS.items() if other.has_probabilities)
        raise InputError(f"the format {format} has no place for probabilities; use one of {fit}")
    separator = kind.check_separator((kind.separator or "") if separator is None else separator)
    order = {column: place for place, column in enumerate(columns, 1)}
    options = FileOptions(order, separator, probabilities=probabilities, top=top if top > 1 else 0, width=width)
    return partial(kind.write, options)


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
    - `slash`: a sentence per line, as `word/TAG`; see `read_slash`.

    Args:
        lines: as `files.decoded_lines` yields them.
        path: for error messages.
        format: one of `INPUTS`.
        columns: the tag columns to read and their places, counted from 0: cells in `tsv` and `csv` (-1 is the last);
            in `slash` the word is 0; in `jsonl` the names are keys and places do not matter.
        options: other fields of `FileOptions`. `paragraph_per_line`: whether every line of a text is a paragraph; else
            the lines themselves decide. `skip`: beginnings of lines in `tsv` and `csv` that have no token.
            `takes_text`: whether `jsonl` may have `text`. `may_lack_tags`: whether its lines may lack `columns`.
    """
    reader = FORMATS[format].read if format in FORMATS else None
    if reader is None:
        raise InputError(f"{shorten(format)} is no input format; choose one of {', '.join(INPUTS)}")
    return reader(lines, path, FileOptions(columns or {}, **options))


def read_checked(
    lines: Iterable[str], path: str, format: str, known: Mapping[str, Collection[str]], **options: Any
) -> Iterator[Part]:
    """The same; InputError for a tag that is not one of those `known` of its column."""
    counted = _CountedLines(lines, FORMATS[format].has_rows)
    for part in read_parts(counted, path, format, **options):
        if isinstance(part, Sentence):
            for column, tags in part.tags.items():
                for word, tag in enumerate(tags if column in known else ()):
                    if tag not in known[column] and is_given(tag):
                        raise InputError(
                            f"{path}, line {counted.line_of(part, word)}: {shorten(tag)} is no tag of {column};"
                            f" {known_tags(known[column])}; correct it, or write {NO_TAG}"
                        )
        yield part


class _CountedLines:
    """Lines, whose number is counted while they are read."""

    def __init__(self, lines: Iterable[str], in_rows: bool) -> None:
        """Takes the lines; `in_rows` says whether a word that has no CoNLL-U has a line of its own."""
        self._lines, self._in_rows = lines, in_rows
        self._ended = 0  # lines that have ended
        self._last = "\n"  # what has been read last

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self._ended += line.endswith("\n")
            self._last = line
            yield line

    def line_of(self, sentence: Sentence, word: int) -> int:
        """The number of the line of a word, if its sentence is the last one that was read."""
        here = self._ended + (not self._last.endswith("\n"))
        if sentence.lines is not None:  # CoNLL-U
            rows = [i for i, row in enumerate(sentence.lines) if row.partition("\t")[0].isdigit()]
            return here - len(sentence.lines) + rows[word] + 1
        if not self._in_rows:
            return here
        after = here if not self._last.strip() else here + 1  # the line after the sentence's last word
        return after - len(sentence) + word


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
    return cut_parts(parts, partial(cut_texts, segment))

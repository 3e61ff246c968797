"""The file formats by name, and which one the name of a file stands for."""

from pathlib import PurePath
from typing import TYPE_CHECKING, Literal

from tagger.text.columns import Csv, Tokens, Tsv
from tagger.text.conllu import Conllu
from tagger.text.format import Format
from tagger.text.json_lines import JsonLines
from tagger.text.packed import packing
from tagger.text.plain import Lines, Text
from tagger.text.pretty import Pretty
from tagger.text.slash import Slash

FORMATS: dict[str, type[Format]] = {
    "text": Text,
    "lines": Lines,
    "tokens": Tokens,
    "tsv": Tsv,
    "csv": Csv,
    "conllu": Conllu,
    "jsonl": JsonLines,
    "slash": Slash,
    "pretty": Pretty,
}
INPUTS = {name: format.reads for name, format in FORMATS.items() if format.reads}
OUTPUTS = {name: format.writes for name, format in FORMATS.items() if format.writes}
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


def renamed(path: PurePath, format: str) -> PurePath:
    """`path` with the suffix of `format`: `a/book.txt.gz` becomes `a/book.tsv.gz`, `notes.v2` `notes.v2.tsv`."""
    ending = path.name[len(path.name) - len(packing(path.name)) :]
    plain = path.with_suffix("") if ending else path
    stem = plain.stem if plain.suffix.lower() in SUFFIXES else plain.name
    suffix = next((suffix for suffix, name in SUFFIXES.items() if name == format), f".{format}")
    return plain.with_name(stem + suffix + ending)

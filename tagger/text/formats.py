"""What formats there are, and which one the name of a file stands for.

To add one, follow the row of the table in CONTRIBUTING.md.
"""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Literal

from tagger.text.packed import packing

TaggedFormat = Literal["conllu", "tsv", "csv", "slash", "jsonl"]  # with tags: both input and output
InputFormat = Literal["text", "lines", "tokens", TaggedFormat]
OutputFormat = Literal[TaggedFormat, "pretty"]

INPUTS: Mapping[InputFormat, str] = {
    "text": "running text",
    "lines": "a sentence per line, its tokens between spaces",
    "tokens": "a token per line, an empty line after each sentence",
    "tsv": "as tokens, with further columns between tabs or spaces",
    "csv": "as tokens, with further columns between commas, quoted",
    "conllu": "CoNLL-U",
    "jsonl": "a JSON list of tokens per line, or an object with tokens or text",
    "slash": "a sentence per line, as word/TAG",
}
OUTPUTS: Mapping[OutputFormat, str] = {
    "tsv": "a token per line, its tags between tabs, an empty line after each sentence",
    "csv": "the same between commas, quoted",
    "conllu": "CoNLL-U",
    "jsonl": "a JSON object per sentence",
    "slash": "a sentence per line, as word/TAG",
    "pretty": "tags below words, for the terminal",
}
SEPARATORS = (
    "Between the cells of tsv (default: tabs, or spaces if the first token's line has no tab), csv (,) or slash (/)."
)
TAKES_SEPARATOR = ("tsv", "csv", "slash")
MAY_HAVE_TEXT = ("text", "jsonl")  # inputs that may have running text, which is cut into sentences and tokens
WITH_OFFSETS = ("conllu", "jsonl")  # outputs that show where tokens stood in running text
SUFFIXES: Mapping[str, InputFormat] = {  # the first suffix of a format is the one that outputs get
    ".txt": "text",
    ".lines": "lines",
    ".tokens": "tokens",
    ".tsv": "tsv",
    ".conll": "tsv",
    ".csv": "csv",
    ".conllu": "conllu",
    ".conll-u": "conllu",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".slash": "slash",
}


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

"""The name of a file -> its format: suffixes and separators."""

from pathlib import Path

INPUTS = ("text", "lines", "tokens", "tsv", "conllu", "jsonl", "slash")
SUFFIXES = {  # of input formats; the first of a format is the one that its outputs get
    ".txt": "text",
    ".lines": "lines",
    ".tokens": "tokens",
    ".tsv": "tsv",
    ".conll": "tsv",
    ".conllu": "conllu",
    ".conll-u": "conllu",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".slash": "slash",
}


def format_of(path: str, default: str = "text") -> str:
    """The format that the suffix of `path` names, `.gz` aside; `default` if it names none."""
    name = Path(path.lower().removesuffix(".gz"))
    return SUFFIXES.get(name.suffix, default)


def cell_separator(path: str, format: str) -> str | None:
    """What stands between the cells of a line: blanks in a `.conll` file, None for the format's own."""
    return " " if format == "tsv" and path.lower().removesuffix(".gz").endswith(".conll") else None


def renamed(path: Path, format: str) -> Path:
    """`path` with the suffix of `format`: `a/book.txt.gz` becomes `a/book.tsv.gz`, `notes.v2` `notes.v2.tsv`."""
    packed = path.suffix if path.suffix.lower() == ".gz" else ""
    plain = path.with_suffix("") if packed else path
    stem = plain.stem if plain.suffix.lower() in SUFFIXES else plain.name
    suffix = next((suffix for suffix, name in SUFFIXES.items() if name == format), f".{format}")
    return plain.with_name(stem + suffix + packed)

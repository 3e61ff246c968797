"""The options that several commands share: their types, names, help and checks."""

import os
import textwrap
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperCommand

from tagger.bundled import bundled
from tagger.errors import InputError
from tagger.text.files import STDIO
from tagger.text.formats import (
    INPUTS,
    OUTPUTS,
    SEPARATORS,
    SUFFIXES,
    TAGGED,
    InputFormat,
    format_of,
)
from tagger.text.output_files import is_replaced

FORMATS, GIVEN_TAGS, LARGE_JOBS = "Formats", "Given tags and lexicons", "For large jobs"  # parts of a long help
SKIPPED_LINES = ("-DOCSTART-",)  # CoNLL-2003 has such a line before each document


def gold_format(file: str, default: str = "conllu") -> str:
    """The format of a file with tags: by its suffix, if that names a format with tags, else `default`."""
    named = format_of(file, "")
    return named if named in TAGGED else default


def column_places(columns: Sequence[str], known: Sequence[str]) -> dict[str, int]:
    """The place of each column that `--column` names. Without the option, the columns follow the token in order."""
    if not columns:
        return {name: place for place, name in enumerate(known, 1)}
    places: dict[str, int] = {}
    for item in columns:
        name, _, place = item.partition("=")
        if name not in known or not place.removeprefix("-").isdecimal():
            raise InputError(f"--column {item}: write NAME=NUMBER with a column of the tagger ({', '.join(known)})")
        if name in places:
            raise InputError(f"--column {item}: {name} has the place {places[name]} already; leave one of the two out")
        places[name] = int(place)
    return places


def complete_keys(context: typer.Context, incomplete: str) -> list[str]:
    """The keys and groups of the command's config that begin with `incomplete`: `KEY=` and `GROUP=CHOICE`."""
    from omegaconf import DictConfig, OmegaConf

    folder = bundled("conf")
    file = folder / f"{context.info_name}.yaml"
    if not file.is_file():
        return []

    def keys(config: DictConfig, before: str = "") -> list[str]:
        found: list[str] = []
        for name in config:
            value = config._get_node(name)
            full = f"{before}{name!s}"
            found += keys(value, f"{full}.") if isinstance(value, DictConfig) and len(value) else [f"{full}="]
        return found

    config = OmegaConf.load(file)
    assert isinstance(config, DictConfig)
    groups = [f"{path.parent.name}={path.stem}" for path in sorted(folder.glob("*/*.yaml"))]
    plain = [key for key in keys(config) if key.partition(".")[0].rstrip("=") not in ("defaults", "hydra")]
    return [key for key in [*plain, *groups] if key.startswith(incomplete)]


Precision = Literal["auto", "float32", "bfloat16"]
SegmenterChoice = Literal["auto", "learned", "english", "unicode"]

HELP_WIDTH = 76  # columns for the list of formats; 4 of 80 are indentation
TRAINING_MEMORY = (
    "choose smaller sizes in model or embedding, or smaller batch_tokens"  # the remedy for a lack of memory
)
DEFAULT_MODEL = "english"  # the name of the tagger that comes with the package


def format_help(inputs: Iterable[InputFormat] = tuple(INPUTS), outputs: bool = False) -> str:
    """The formats that a command reads and their suffixes, as the last part of its help; those of --output, too."""
    lines = ["\b", "Formats of --input, and their suffixes, which .gz or .zst may follow:"]
    for name in inputs:
        suffixes = " ".join(suffix for suffix, format in SUFFIXES.items() if format == name)
        lines += _entry(name, f"{INPUTS[name]} ({suffixes})")
    if outputs:
        lines += ["", "\b", "Formats of --output:"]
        for written, meaning in OUTPUTS.items():
            lines += _entry(written, meaning)
    return "\n".join(lines)


def _entry(name: str, meaning: str) -> list[str]:
    return textwrap.wrap(f"  {name:<8}{meaning}", HELP_WIDTH, subsequent_indent=" " * 10, drop_whitespace=True)


class GroupedOptions(TyperCommand):
    """A command whose help has the options under the headings that `rich_help_panel` gives them."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Writes the first options, then each group."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            argument = parameter.param_type_name == "argument"
            title = "Arguments" if argument else getattr(parameter, "rich_help_panel", None) or "Options"
            if (row := parameter.get_help_record(ctx)) is not None:
                groups.setdefault(title, []).append(row)
        for title, rows in groups.items():
            with formatter.section(title):
                formatter.write_dl(rows)


def lexicon_files(options: Sequence[str]) -> dict[str, str]:
    """The files that `--lexicon` names, by column; an empty name stands for the tagger's first column."""
    files: dict[str, str] = {}
    for option in options:
        name, sign, rest = option.partition("=")
        column, file = (name, rest) if sign and name.isidentifier() else ("", option)
        if file in ("", STDIO):
            raise InputError(f"--lexicon {option or repr(option)} names no file; write --lexicon [NAME=]FILE")
        if column in files:
            raise InputError(f"--lexicon {option}: the column has the lexicon {files[column]}; join the two files")
        files[column] = file
    return files


def check_output(option: str, path: str | None, sources: Iterable[str], force: bool) -> None:
    """Checks the file of an `option`. The `sources` are never replaced, also by another name; others need `force`."""
    if path is None:
        return
    if path == STDIO:
        raise InputError(f"{option} -: standard output has the text; name a file")
    if Path(path).is_dir():
        raise InputError(f"{option} {path} is a folder; name a file")
    if not is_replaced(path):
        return
    for source in sources:
        with suppress(OSError):
            if os.path.samestat(os.stat(path), os.fstat(0) if source == STDIO else os.stat(source)):
                raise InputError(f"{option} {path} would replace a file that is read; choose another name")
    if not force:
        raise InputError(f"{path} exists; --force replaces it")


_MODEL = "A name that `tagger models` lists, the folder of a tagger or of a run, or hf:OWNER/NAME, on the Hub."
Model = Annotated[str, typer.Option(metavar="MODEL", help=_MODEL)]
ModelOrNone = Annotated[
    str | None, typer.Option(metavar="MODEL", help=f"{_MODEL} Default: the tagger of the text's language.")
]
LanguageOption = Annotated[
    str | None,
    typer.Option(metavar="CODE", help="Of the text, such as de or german. Default: the text tells, of each paragraph."),
]
Encoding = Annotated[
    str,
    typer.Option(metavar="NAME", help="Encoding of the input. The output is UTF-8.", rich_help_panel=FORMATS),
]
PrecisionOption = Annotated[
    Precision,
    typer.Option(
        metavar="TYPE",
        help="auto, float32 or bfloat16. auto: bfloat16 if the processor is fast at it.",
        rich_help_panel=LARGE_JOBS,
    ),
]
DeviceOption = Annotated[
    str, typer.Option(metavar="DEVICE", help="auto, cpu, cuda, cuda:1 or mps.", rich_help_panel=LARGE_JOBS)
]
SegmenterOption = Annotated[
    SegmenterChoice,
    typer.Option(
        metavar="NAME",
        help="What cuts text: learned (the tagger's own), english or unicode (rules). auto: its own, else the rules"
        " that its training chose.",
        rich_help_panel=FORMATS,
    ),
]
CorpusOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Of a tagger that was trained on several corpora, the one that the text is like. Default: it is not told.",
        rich_help_panel=FORMATS,
    ),
]
InputOption = Annotated[
    InputFormat | None,
    typer.Option(metavar="FORMAT", help=f"{', '.join(INPUTS)}. Default: by the suffix, else text."),
]
LexiconOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[NAME=]FILE",
        help="The tags that word forms may have, in each line a form, a tab and TAG|TAG; others may have every tag."
        " Of the column NAME; default: the first. May be repeated.",
        rich_help_panel=GIVEN_TAGS,
    ),
]
Separator = Annotated[str | None, typer.Option(metavar="TEXT", help=SEPARATORS)]
Force = Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Workers = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Processes. Default: one per physical core.", rich_help_panel=LARGE_JOBS),
]

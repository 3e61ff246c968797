"""The options that several commands share: their types, names, help and checks."""

import os
import textwrap
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal

import typer

from tagger.errors import InputError
from tagger.text.files import STDIO
from tagger.text.formats import INPUTS, OUTPUTS, SEPARATORS, SUFFIXES, TAGGED, InputFormat, OutputFormat, format_of
from tagger.text.output_files import is_replaced

FORMAT_OPTIONS, GIVEN_TAGS, LARGE_JOBS = "Formats", "Given tags and lexicons", "For large jobs"  # parts of a long help
SKIPPED_LINES = ("-DOCSTART-",)  # CoNLL-2003 has such a line before each document


def gold_format(file: str, default: str = "conllu") -> str:
    """The format of a file with tags: by its suffix, if that names a format with tags, else `default`."""
    named = format_of(file, "")
    return named if named in TAGGED else default


Precision = Literal["auto", "float32", "bfloat16"]

HELP_WIDTH = 76  # columns for the list of formats; 4 of 80 are indentation


def format_help(inputs: Iterable[InputFormat] = tuple(INPUTS), outputs: bool = False) -> str:
    """The formats that a command reads and their suffixes, as the last part of its help; those of --output, too."""
    read = {name: f"{INPUTS[name]} ({' '.join(s for s, of in SUFFIXES.items() if of == name)})" for name in inputs}
    parts = {"Formats of --input, and their suffixes, which .gz or .zst may follow:": read}
    if outputs:
        parts["Formats of --output:"] = OUTPUTS
    lines: list[str] = []
    for title, meanings in parts.items():
        lines += [*([""] if lines else []), "\b", title]  # click keeps the lines of what \b begins
        for name, meaning in meanings.items():
            lines += textwrap.wrap(f"  {name:<11}{meaning}", HELP_WIDTH, subsequent_indent=" " * 13)
    return "\n".join(lines)


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
    exists = is_replaced(path)
    for source in sources:
        is_read = path == source  # at a URL, too
        with suppress(OSError):
            status = os.fstat(0) if source == STDIO else os.stat(source)
            is_read = is_read or (exists and os.path.samestat(os.stat(path), status))
        if is_read:
            raise InputError(f"{option} {path} would replace a file that is read; choose another name")
    if exists and not force:
        raise InputError(f"{path} exists; --force replaces it")


MODEL_HELP = "A name that `tagger models` lists, the folder of a tagger or of a run, or hf:OWNER/NAME, on the Hub."
ModelOption = Annotated[
    str | None, typer.Option(metavar="MODEL", help=f"{MODEL_HELP} Default: the tagger of the text's language.")
]
LanguageOption = Annotated[
    str | None, typer.Option(metavar="CODE", help="Of the text, such as de or german. Default: the text tells.")
]
Encoding = Annotated[
    str,
    typer.Option(metavar="NAME", help="Encoding of the input. The output is UTF-8.", rich_help_panel=FORMAT_OPTIONS),
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
CorpusOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Of a tagger that was trained on several corpora, the one that the text is like. Default: it is not told.",
        rich_help_panel=FORMAT_OPTIONS,
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
Sources = Annotated[list[str] | None, typer.Argument(metavar="FILE|FOLDER", help="Default: -, standard input.")]
OutputOption = Annotated[
    OutputFormat | None,
    typer.Option(
        metavar="FORMAT",
        help=f"{', '.join(OUTPUTS)}. Default: by the suffix of -o, else conllu for conllu and tsv for others.",
    ),
]
ColumnsOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME,NAME",
        help="Write only these columns of the tagger: some of upos, xpos, feats and lemma, or other names that its"
        " training gave.",
    ),
]
Probabilities = Annotated[bool, typer.Option("--probabilities", help="Add the probability of each tag.")]
Top = Annotated[int, typer.Option(min=1, metavar="N", help="Add the N best tags of each token.")]
ForceOutputs = Annotated[bool, typer.Option("--force", help="Replace outputs that exist.")]
WorkersOption = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Processes. Default: one per physical core.", rich_help_panel=LARGE_JOBS),
]
MemoryOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="MB",
        help="That taggers of different languages take together; more, for texts in more than ten languages. Default:"
        " a twentieth of the machine's, 250 to 400.",
        rich_help_panel=LARGE_JOBS,
    ),
]


def of_megabytes(memory: int | None) -> int | None:
    """Bytes of megabytes."""
    return None if memory is None else memory * 1_000_000

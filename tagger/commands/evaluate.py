"""The command `evaluate`: scores a tagger on gold tags."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import tee
from typing import Annotated, Literal, get_args

import typer

from tagger.commands.options import (
    DeviceOption,
    Encoding,
    Model,
    PrecisionOption,
    check_tags,
    clear_errors,
    load_and_tell,
)
from tagger.errors import InputError
from tagger.evaluation import metrics
from tagger.evaluation.metrics import Scored
from tagger.evaluation.raw_scores import F1, gold_paragraphs, raw_scores
from tagger.tagging.tagger import Tagger
from tagger.text.files import read_lines
from tagger.text.formats import INPUTS, SEPARATORS, describe, format_of
from tagger.text.readers import read
from tagger.text.sentence import Sentence
from tagger.weights.catalog import DEFAULT

DOCUMENT = "-DOCSTART-"  # CoNLL-2003 has such a line before each document

GoldInput = Literal["conllu", "tsv", "csv", "slash", "jsonl"]


def evaluate(
    file: Annotated[str, typer.Argument(help="CoNLL-U, or one token a line with its tags; - is standard input.")],
    model: Model = DEFAULT,
    input: Annotated[
        GoldInput | None,
        typer.Option(
            metavar="FORMAT",
            help=f"{describe(INPUTS, get_args(GoldInput))}. Default: by suffix, else tsv with --column, else conllu.",
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=N", help="Where a column stands in tsv and slash, the token being 0; may be repeated."
        ),
    ] = None,
    separator: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help=SEPARATORS),
    ] = None,
    raw: Annotated[
        bool,
        typer.Option("--raw", help="Tag the raw text (# text lines, a paragraph per # newpar) and score words too."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    encoding: Encoding = "utf-8",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
) -> None:
    """Scores a tagger on a file with gold tags."""
    with clear_errors():
        tagger = load_and_tell(model, device, precision)
        check_tags(tagger, model)
        places = _places(column or [], tagger.columns)
        format = input or _gold_format(file, bool(column))
        if raw and format != "conllu":
            raise InputError(f"{file}: --raw needs CoNLL-U with `# text` lines, not {format}")
        lines = read_lines(file, encoding)
        sentences = read(lines, file, format, separator=separator, columns=places, skip=[DOCUMENT])
        if raw:
            _print_raw(file, raw_scores(*_raw(tagger, sentences)), as_json)
            return
        report = metrics.report(
            (Scored(s.tokens, gold, s.tags) for s, gold in tagger.retag(sentences) if s.tokens),
            tagger.vocabulary,
        )
        print(json.dumps(report, indent=2) if as_json else metrics.format_report(report, file))


def _raw(
    tagger: Tagger, sentences: Iterator[Sentence]
) -> tuple[Iterator[tuple[str, list[Sentence]]], Iterator[list[Sentence]]]:
    gold, texts = tee(gold_paragraphs(sentences))
    return gold, (list(tagger.annotate(text)) for text, _ in texts)


def _print_raw(file: str, scores: Mapping[str, F1], as_json: bool) -> None:
    rows = {name: {"precision": s.precision, "recall": s.recall, "f1": s.f1} for name, s in scores.items()}
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    print(f"{file} from raw text\n  {'':<24}{'precision':>10} {'recall':>9} {'F1':>9}")
    for name, row in rows.items():
        print(f"  {name:<24}{100 * row['precision']:>9.2f}% {100 * row['recall']:>8.2f}% {100 * row['f1']:>8.2f}%")


def _gold_format(file: str, columns: bool) -> str:
    named = format_of(file, "")
    return named if named in get_args(GoldInput) else "tsv" if columns else "conllu"


def _places(columns: Sequence[str], known: Sequence[str]) -> dict[str, int]:
    if not columns:
        return {name: place for place, name in enumerate(known, 1)}
    places = {}
    for item in columns:
        name, _, place = item.partition("=")
        if name not in known or not place.removeprefix("-").isdigit():
            raise InputError(f"--column {item}: write NAME=NUMBER with a column of the tagger ({', '.join(known)})")
        places[name] = int(place)
    return places

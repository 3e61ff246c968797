"""The command `evaluate`: a tagger and a file with gold tags in, scores out."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import typer

from tagger.commands.console import show, show_json
from tagger.commands.options import (
    SKIPPED_LINES,
    AsJson,
    CorpusOption,
    DeviceOption,
    Encoding,
    LanguageOption,
    LexiconOption,
    ModelOption,
    PrecisionOption,
    Separator,
    format_help,
    gold_format,
    lexicon_files,
)
from tagger.errors import InputError
from tagger.text.files import check_input, read_lines
from tagger.text.formats import PLACED, SEPARATED, TAGGED, TaggedFormat, read
from tagger.text.spacing import gold_paragraphs
from tagger.text.strings import Table, percent
from tagger.words.segment import LEARNED

SegmenterChoice = Literal["auto", "learned", "english", "unicode"]
SETTINGS = {"evaluate": {"epilog": format_help(TAGGED)}}


def evaluate(
    file: Annotated[str, typer.Argument(metavar="FILE", help="With gold tags. - is standard input.")],
    language: LanguageOption = None,
    model: ModelOption = None,
    input: Annotated[
        TaggedFormat | None,
        typer.Option(
            metavar="FORMAT",
            help=f"{', '.join(TAGGED)}. Default: by the suffix, else tsv with --column, else conllu.",
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=N",
            help=f"Place of a tag column in {PLACED}, the token being 0, the last cell -1. May be repeated.",
        ),
    ] = None,
    separator: Separator = None,
    raw: Annotated[
        bool,
        typer.Option(
            "--raw", help="Tag the raw text of CoNLL-U (a paragraph per # newpar), and score tokens and sentences too."
        ),
    ] = False,
    segmenter: Annotated[
        SegmenterChoice,
        typer.Option(
            metavar="NAME",
            help="What cuts text: learned (the tagger's own), english or unicode (rules). auto: its own, else the rules"
            " that its training chose.",
        ),
    ] = "auto",
    corpus: CorpusOption = None,
    lexicon: LexiconOption = None,
    as_json: AsJson = False,
    encoding: Encoding = "utf-8",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
) -> None:
    """Scores a tagger on a file with gold tags."""
    from tagger.commands.loading import load_for
    from tagger.evaluation import metrics
    from tagger.evaluation.raw_scores import score_text

    check_input([file], encoding)
    lexicons = lexicon_files(lexicon or [])
    format = input or gold_format(file, "tsv" if column else "conllu")
    if column and format not in SEPARATED:
        own = "CoNLL-U has places of its own" if format == "conllu" else f"{format} has no numbered places"
        raise InputError(f"--column {column[0]}: {own}; leave it out, or read {file} as tsv with --input tsv")
    if segmenter != "auto" and not raw:
        raise InputError(f"--segmenter {segmenter} cuts raw text; add --raw, or leave it out")
    if raw and format != "conllu":
        raise InputError(f"{file}: --raw needs CoNLL-U, which has text, not {format}")
    more: dict[str, Any] = {"segmenter": segmenter, "corpus": corpus, "lexicons": lexicons}
    opened = read_lines(file, encoding)
    tagger, lines = load_for(opened, file, format, language, model, device, precision, separator, **more)
    places = column_places(column or [], tagger.columns)
    sentences = read(lines, file, format, separator=separator, columns=places, skip=SKIPPED_LINES)
    found: dict[str, Any]
    if raw:
        scores = score_text(tagger, gold_paragraphs(sentences, file))
        found = {name: score.shares() for name, score in scores.items()}
        rules = tagger.segmenter.name if tagger.segmenter is not None else ""
        cut = "the learned segmenter" if rules == LEARNED else f"the rules {rules}"
        rows = [[name, *(percent(share) for share in shares.values())] for name, shares in found.items()]
        text = Table(f"{file} from raw text, cut by {cut}", ["", "precision", "recall", "F1"], rows).as_text()
    else:
        found = metrics.report(tagger.retag(sentences), tagger.vocabulary)
        text = metrics.format_report(found, file)
    if as_json:
        show_json(found)
    else:
        show(text)


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

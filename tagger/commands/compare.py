"""The command `compare`: taggers or tagged files of two sides and gold files in, what differs between them out."""

import gc
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tagger.commands.console import show, show_json
from tagger.commands.options import (
    SKIPPED_LINES,
    AsJson,
    DeviceOption,
    Encoding,
    Force,
    PrecisionOption,
    Separator,
    check_output,
    gold_format,
)
from tagger.errors import InputError
from tagger.text.conllu import COLUMNS
from tagger.text.files import check_input, read_lines
from tagger.text.formats import TAGGED, format_of
from tagger.text.output_files import whole_file
from tagger.text.readers import read
from tagger.text.sentence import Sentence

if TYPE_CHECKING:
    from tagger.evaluation.compare import Tags, WordTable


def compare(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="A B GOLD...",
            help="Two sides and files with gold tags. A side is a tagger (a name or a folder), or a file that it has"
            " tagged.",
            show_default=False,
        ),
    ],
    a: Annotated[
        list[str] | None,
        typer.Option("--a", metavar="TAGGER", help="Side A, repeated for each seed; then only GOLD stands alone."),
    ] = None,
    b: Annotated[list[str] | None, typer.Option("--b", metavar="TAGGER", help="Side B likewise.")] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[=N]",
            help="A tag column to compare, and its place in tsv, csv and slash, the token being 0. May be repeated."
            " Default: all that both sides and GOLD have; in files other than CoNLL-U, upos=1.",
        ),
    ] = None,
    train: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE",
            help="Training data, which says which words are seen and which are ambiguous (have several tags). May be"
            " repeated. Default: seen is what all taggers know from training, and GOLD says which words are ambiguous.",
        ),
    ] = None,
    as_json: AsJson = False,
    html: Annotated[str | None, typer.Option(metavar="FILE", help="Write a web page too.")] = None,
    force: Force = False,
    separator: Separator = None,
    encoding: Encoding = "utf-8",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
) -> None:
    """Compares two taggers on files with gold tags.

    Shows the accuracies of both sides, whether their difference is significant, and the words that one side gets right
    and the other wrong. A side is a tagger, or several that were trained alike with other seeds; their accuracies are
    averaged. A tagged file of a side must have the sentences and words of the one GOLD file.
    """
    from tagger.evaluation import compare as comparing
    from tagger.evaluation.compare_tables import format_comparison, to_html

    a, b, files = _sides(names, a or [], b or [])
    places = _places(column or [])
    tagged = [name for name in (*a, *b) if _is_file(name)]
    sources = [*files, *tagged, *(train or [])]
    check_input(sources, encoding)
    check_output("--html", html, sources, force)
    if tagged and len(files) > 1:
        raise InputError(
            f"{tagged[0]} is tagged and needs one GOLD file with its sentences, not {len(files)}; name one"
        )

    def read_tagged(file: str) -> Iterator[Sentence]:
        lines, format = read_lines(file, encoding), gold_format(file)
        return read(lines, file, format, separator=separator, columns=places or {"upos": 1}, skip=SKIPPED_LINES)

    wanted = list(places)
    gold = comparing.WordTable(chain.from_iterable(map(read_tagged, files)), wanted or list(COLUMNS))
    known: list[frozenset[str]] = []
    said: list[comparing.Tags] = []
    for name in (*a, *b):
        if name not in tagged:
            tags, forms = _tag(name, gold, device, precision)
            said.append(tags)
            known.append(forms)
        elif (format := gold_format(name)) in comparing.COMPARED:
            sentences = comparing.same_sentences(read_tagged(name), gold.tokens(), name, format, files[0])
            said.append(gold.predicted(sentences, gold.columns))
        else:
            raise InputError(
                f"{name}: a tagged file is read as {', '.join(comparing.COMPARED)}, not as {format}; convert it"
            )
    columns = _common(gold, ", ".join(files), said, (*a, *b), wanted)
    training = comparing.WordTable(chain.from_iterable(map(read_tagged, train)), columns) if train else gold
    if train:
        for name in columns:
            if name not in training.columns:
                raise InputError(f"{', '.join(train)}: no gold tags in the column {name}; name another --column")
        known = [frozenset(training.form_names)]
    ambiguous = {name: training.ambiguous(name) for name in columns}
    found = {
        "gold": files,
        "a": a,
        "b": b,
        "train": train or [],
        "sentences": len(gold),
        "words": len(gold.forms),
        "training_known": bool(known),
        "columns": comparing.compare(gold, said[: len(a)], said[len(a) :], columns, known, ambiguous),
    }
    if html is not None:
        with whole_file(html) as page:
            page.write(to_html(found))
    if as_json:
        show_json(found)
    else:
        show(format_comparison(found))


def _sides(names: list[str], a: list[str], b: list[str]) -> tuple[list[str], list[str], list[str]]:
    """Side A, side B and the gold files, from positions alone or with `--a` and `--b`."""
    if a and b:
        return a, b, names
    if a or b:
        raise InputError(f"--{'b' if a else 'a'} is missing: name both sides, or write compare A B GOLD")
    if len(names) < 3:
        raise InputError(f"{' '.join(names)}: name two sides and a file with gold tags: compare A B GOLD")
    return names[:1], names[1:2], names[2:]


def _places(columns: Sequence[str]) -> dict[str, int]:
    """The place of each column that the user names; raises InputError for another form than NAME or NAME=NUMBER."""
    places: dict[str, int] = {}
    for number, item in enumerate(columns, 1):
        name, equals, place = item.partition("=")
        if not name or (equals and not place.removeprefix("-").isdecimal()):
            raise InputError(f"--column {item}: write NAME, or NAME=NUMBER with the column's place in tsv")
        places[name] = int(place) if equals else number
    return places


def _is_file(name: str) -> bool:
    """Whether a side is a tagged file: there is such a file, or no folder and the suffix of a file with tags."""
    path = Path(name)
    return path.is_file() or (format_of(name, "") in TAGGED and not path.is_dir())


def _tag(name: str, gold: "WordTable", device: str, precision: str) -> tuple["Tags", frozenset[str]]:
    """What a tagger says of the gold words, and the forms of its training data."""
    from tagger.commands.loading import load_with_tags

    tagger = load_with_tags(name, device, precision)
    columns = [column for column in tagger.columns if column in gold.columns]
    tags = gold.predicted(tagger.stream(map(Sentence, gold.tokens())), columns)  # all, as they are chosen together
    forms = tagger.vocabulary.known_forms
    del tagger
    gc.unfreeze()  # loading froze the tagger, which refers to itself
    gc.collect()
    return tags, forms


def _common(
    gold: "WordTable", gold_name: str, said: Iterable["Tags"], names: Iterable[str], wanted: list[str]
) -> list[str]:
    """The columns to compare: those that are wanted, or else all that the gold files and all taggers have.

    Raises:
        InputError: one that is wanted is missing somewhere, or there are none.
    """
    if not gold.columns:
        raise InputError(f"{gold_name}: no gold tags in {', '.join(wanted or COLUMNS)}; give a file that has some")
    there = {gold_name: gold.columns}
    for name, tags in zip(names, said, strict=True):
        there[name] = [column for column in gold.columns if gold.has_tags(tags, column)]
    for name, columns in there.items():
        for column in wanted:
            if column not in columns:
                raise InputError(f"{name}: no tags in the column {column}; name another --column, or none")
    common = [column for column in gold.columns if all(column in columns for columns in there.values())]
    if not common:
        shown = "; ".join(f"{name}: {', '.join(columns) or 'none'}" for name, columns in there.items())
        raise InputError(f"no column with tags in all of them ({shown}); compare others")
    return wanted or common

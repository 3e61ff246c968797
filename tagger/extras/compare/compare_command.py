"""The command `compare`: two taggers or tagged files and gold files in, what differs between them out."""

import csv
from collections.abc import Iterable, Iterator
from itertools import chain, islice, tee
from pathlib import Path
from typing import Annotated

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
from tagger.text.files import check_input, read_lines
from tagger.text.formats import PLACED, TAGGED, format_of, read
from tagger.text.output_files import whole_file
from tagger.text.sentence import COLUMNS, Sentence

BEGINNING = 500  # sentences of the gold files that show their language


def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="A tagger (a name or a folder), or a file that it has tagged.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The other side likewise.")],
    files: Annotated[list[str], typer.Argument(metavar="GOLD...", help="Files with gold tags.")],
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[=N]",
            help=f"A tag column to compare, and its place in {PLACED}, the token being 0. May be repeated. Default: all"
            " that both sides and GOLD have; in files other than CoNLL-U, upos=1.",
        ),
    ] = None,
    csv_file: Annotated[
        str | None, typer.Option("--csv", metavar="FILE", help="Write all words that differ too.")
    ] = None,
    as_json: AsJson = False,
    force: Force = False,
    separator: Separator = None,
    encoding: Encoding = "utf-8",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
) -> None:
    """Compares two taggers on files with gold tags.

    Shows the accuracies of both sides, whether their difference is significant, and the words that one side gets right
    and the other wrong. A tagged file must have the sentences and words of the one GOLD file.
    """
    from tagger.bundle.catalog import find_tagger
    from tagger.commands.loading import load_and_tell, tell_other_language
    from tagger.extras.compare import compare as comparing

    places = _places(column or [])
    tagged = [name for name in (a, b) if _is_file(name)]
    check_input([*files, *tagged], encoding)
    check_output("--csv", csv_file, [*files, *tagged], force)
    if tagged and len(files) > 1:
        raise InputError(
            f"{tagged[0]} is tagged and needs one GOLD file with its sentences, not {len(files)}; name one"
        )

    def read_tagged(file: str) -> Iterator[Sentence]:
        lines, format = read_lines(file, encoding), gold_format(file)
        found = read(lines, file, format, separator=separator, columns=places or {"upos": 1}, skip=SKIPPED_LINES)
        return (sentence for sentence in found if sentence.tokens)

    def side(name: str, gold: Iterable[Sentence]) -> Iterator[Sentence]:
        if name in tagged:
            return comparing.same_sentences(read_tagged(name), gold, name, files[0])
        beginning = list(islice(gold, BEGINNING))
        folder = find_tagger(name)
        tell_other_language(folder, "\n".join(" ".join(sentence.tokens) for sentence in beginning), files[0])
        tagger = load_and_tell(folder, device, precision)
        plain = (Sentence(sentence.tokens) for sentence in chain(beginning, gold))
        return tagger.stream(plain, columns=tagger.vocabulary.columns)

    gold, for_a, for_b = tee(chain.from_iterable(map(read_tagged, files)), 3)
    sentences = zip(gold, side(a, for_a), side(b, for_b), strict=True)
    found = comparing.compare(sentences, list(places or COLUMNS), (", ".join(files), a, b), bool(places))
    if csv_file is not None:
        with whole_file(csv_file) as out:
            rows = csv.writer(out, lineterminator="\n")
            rows.writerow(["column", "word", "gold", "a", "b", "count"])
            for name, values in found.items():
                rows.writerows([name, *row] for row in values["different"])
    if as_json:
        show_json({"gold": files, "a": a, "b": b, "columns": found})
    else:
        show(f"gold: {', '.join(files)}\nA: {a}\nB: {b}\n\n{comparing.format_comparison(found)}")


def _places(columns: Iterable[str]) -> dict[str, int]:
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

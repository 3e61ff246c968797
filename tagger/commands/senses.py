"""The command `senses`."""

import json
from typing import Annotated

import typer

from tagger.analysis.located import read_files
from tagger.analysis.occurrences import MIN_OCCURRENCES, find
from tagger.commands.options import (
    DeviceOption,
    Encoding,
    InputOption,
    LayerOption,
    Model,
    clear_errors,
    load_and_tell,
    say,
    standard_output,
)
from tagger.errors import InputError
from tagger.tagging.layer_vectors import ALL
from tagger.weights.catalog import DEFAULT


def senses(
    word: Annotated[str | None, typer.Argument(metavar="WORD", help="In upper or lower case.")] = None,
    files: Annotated[list[str] | None, typer.Argument(metavar="FILE...", help="- is standard input.")] = None,
    model: Model = DEFAULT,
    layer: LayerOption = ALL,
    groups: Annotated[
        int | None, typer.Option(min=1, max=20, metavar="N", help="How many. Default: what fits best, 1 to 6.")
    ] = None,
    limit: Annotated[
        int,
        typer.Option(
            min=MIN_OCCURRENCES, max=5000, metavar="N", help="Occurrences at most, chosen evenly over all of them."
        ),
    ] = 1000,
    png: Annotated[str | None, typer.Option(metavar="FILE", help="Draw them too, replacing what is there.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the groups, or the scores, as JSON.")] = False,
    evaluate: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Score every layer on lines of word, tab, sense, tab, sentence instead."),
    ] = None,
    input: InputOption = None,
    encoding: Encoding = "utf-8",
    device: DeviceOption = "auto",
) -> None:
    """Groups the occurrences of a word in files by the vectors that it has in its sentences.

    Each group has its size, the other words of the files that are nearest to it, and its most typical
    sentences. The groups are those of 2 to 6 whose silhouette (of cosine distances, after the word's mean
    is taken away) is best; if that is less than 0.15, all occurrences are one group.
    """
    from tagger.analysis import sense_scores as sense_score
    from tagger.analysis import senses as grouping

    with clear_errors():
        if (word is None or not files) if evaluate is None else (word or png or groups is not None):
            raise InputError("name a WORD and the FILEs to look for it in, or --evaluate FILE alone")
        tagger = load_and_tell(model, device, "float32")
        if evaluate is not None:
            scores = sense_score.sense_scores(tagger, sense_score.read_examples(tagger, evaluate, encoding))
            report = sense_score.to_json(scores) if as_json else sense_score.format_table(scores)
        else:
            assert word is not None
            assert files is not None
            found = find(tagger, word, files, read_files(tagger, files, input, encoding), limit)
            if found.total > limit:
                say(f"{limit:,} of {found.total:,} occurrences, chosen evenly over all of them; see --limit")
            grouped = grouping.senses(tagger, word, found, layer, groups)
            if png is not None:
                grouping.draw(grouped, png)
            report = grouping.to_json(grouped) if as_json else grouping.format_groups(grouped)
        with standard_output() as out:
            out.write(report if isinstance(report, str) else json.dumps(report, indent=2) + "\n")

"""The command `senses`: a word and files in, groups of its occurrences by meaning out."""

from typing import Annotated

import typer

from tagger.commands.console import say, show, show_json
from tagger.commands.options import (
    DEFAULT_MODEL,
    AsJson,
    DeviceOption,
    Encoding,
    Force,
    InputOption,
    LayerOption,
    Model,
    SegmenterOption,
    check_output,
    check_segmenter,
    format_help,
)
from tagger.errors import InputError
from tagger.text.files import check_input
from tagger.text.formats import format_of

SETTINGS = {"epilog": format_help()}


def senses(
    word: Annotated[str | None, typer.Argument(metavar="WORD", help="In upper or lower case.")] = None,
    files: Annotated[list[str] | None, typer.Argument(metavar="FILE", help="- is standard input.")] = None,
    model: Model = DEFAULT_MODEL,
    layer: LayerOption = "all",
    groups: Annotated[
        int | None, typer.Option(min=1, max=20, metavar="N", help="Number of groups. Default: the best of 1 to 6.")
    ] = None,
    limit: Annotated[
        int, typer.Option(min=3, max=5000, metavar="N", help="Maximum of occurrences, chosen evenly from all.")
    ] = 1000,
    png: Annotated[str | None, typer.Option(metavar="FILE", help="Draw them too.")] = None,
    force: Force = False,
    as_json: AsJson = False,
    evaluate: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Instead, score every layer on lines of word, tab, sense, tab, sentence in FILE."
        ),
    ] = None,
    input: InputOption = None,
    segmenter: SegmenterOption = "auto",
    encoding: Encoding = "utf-8",
    device: DeviceOption = "auto",
) -> None:
    """Groups the occurrences of a word in files by meaning.

    What is grouped are the vectors that the word has in its sentences. Each group is shown with its size, the other
    words of the files that are nearest to it, and its most typical sentences. The number of groups, 2 to 6, is the one
    with the best silhouette (of cosine distances, after the mean vector of the word is subtracted). If no silhouette
    reaches 0.15, all occurrences form one group.
    """
    from tagger.analysis import sense_scores
    from tagger.analysis import senses as grouping
    from tagger.analysis.located import read_files
    from tagger.analysis.occurrences import find
    from tagger.commands.loading import load_with_layers

    if evaluate is not None:
        if word or png or groups is not None:
            raise InputError("--evaluate FILE stands alone: leave out WORD, FILE, --png and --groups")
        tagger = load_with_layers(model, device, segmenter)
        scores = sense_scores.sense_scores(tagger, sense_scores.read_examples(tagger, evaluate, encoding))
        if as_json:
            show_json(sense_scores.to_json(scores))
        else:
            show(sense_scores.format_table(scores))
        return
    if word is None or not files:
        raise InputError("name a WORD and the FILEs to look for it in, or --evaluate FILE alone")
    check_input(files, encoding)
    check_segmenter(segmenter, {file: input or format_of(file) for file in files})
    check_output("--png", png, files, force)
    tagger = load_with_layers(model, device, segmenter)
    found = find(tagger, word, files, read_files(tagger, files, input, encoding), limit)
    if found.total > limit:
        say(f"{limit:,} of {found.total:,} occurrences, chosen evenly from all; see --limit")
    grouped = grouping.senses(tagger, word, found, layer, groups)
    if png is not None:
        grouping.draw(grouped, png)
    if as_json:
        show_json(grouping.to_json(grouped))
    else:
        show(grouping.format_groups(grouped))

"""The command `senses`: a word and files in, groups of its occurrences by meaning out."""

from typing import Annotated

import typer

from tagger.commands.console import say, show
from tagger.commands.options import (
    DEFAULT_MODEL,
    DeviceOption,
    Encoding,
    InputOption,
    LayerOption,
    Model,
    format_help,
)
from tagger.text.files import check_input

SETTINGS = {"senses": {"epilog": format_help()}}


def senses(
    word: Annotated[str, typer.Argument(metavar="WORD", help="In upper or lower case.", show_default=False)],
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="- is standard input.", show_default=False)],
    model: Model = DEFAULT_MODEL,
    layer: LayerOption = "all",
    groups: Annotated[
        int | None, typer.Option(min=1, max=20, metavar="N", help="Number of groups. Default: the best of 1 to 6.")
    ] = None,
    limit: Annotated[
        int, typer.Option(min=3, max=5000, metavar="N", help="Maximum of occurrences, chosen evenly from all.")
    ] = 1000,
    input: InputOption = None,
    encoding: Encoding = "utf-8",
    device: DeviceOption = "auto",
) -> None:
    """Groups the occurrences of a word in files by meaning.

    What is grouped are the vectors that the word has in its sentences. Each group is shown with its size, the other
    words of the files that are nearest to it, and its most typical sentences. The number of groups, 2 to 6, is the one
    with the best silhouette (of cosine distances, after the mean vector of the word is subtracted). If no silhouette
    reaches 0.15, all occurrences form one group.
    """
    from tagger.extras.analysis.located import load_with_layers, read_files
    from tagger.extras.analysis.senses import find, format_groups
    from tagger.extras.analysis.senses import senses as grouped

    check_input(files, encoding)
    tagger = load_with_layers(model, device)
    found = find(word, read_files(tagger, files, input, encoding), limit)
    if found.total > limit:
        say(f"{limit:,} of {found.total:,} occurrences, chosen evenly from all; see --limit")
    show(format_groups(grouped(tagger, word, found, layer, groups)))

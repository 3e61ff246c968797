"""The commands `explain`, `embed` and `senses`: text in, what can be seen in its words out."""

import io
from pathlib import Path
from typing import Annotated

import typer

from tagger.commands.console import say, show, show_json
from tagger.commands.options import (
    AsJson,
    DeviceOption,
    Encoding,
    Force,
    InputOption,
    LanguageOption,
    ModelOption,
    PrecisionOption,
    check_output,
    format_help,
)
from tagger.errors import InputError
from tagger.text.files import STDIO, check_input, read_lines
from tagger.text.formats import read_parts
from tagger.text.paragraphs import cut_parts

LayerOption = Annotated[
    str,
    typer.Option(
        metavar="LAYER",
        help="0: embedding of the form alone. 1, 2, ...: a recurrent layer. all: these side by side. mean: their mean.",
    ),
]
SETTINGS = {"embed": {"epilog": format_help()}, "senses": {"epilog": format_help()}}


def explain(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="One or several sentences. - is standard input.")],
    language: LanguageOption = None,
    model: ModelOption = None,
    column: Annotated[
        str | None, typer.Option(metavar="NAME", help="The tag column. Default: the tagger's first.")
    ] = None,
    tokens: Annotated[
        bool, typer.Option("--tokens", help="TEXT has a sentence a line, spaces between tokens, U+00A0 within them.")
    ] = False,
    as_json: AsJson = False,
    encoding: Encoding = "utf-8",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "float32",
) -> None:
    """Shows what the tag of each word rests on.

    The probability of the tag is given four times: for the whole sentence, for the word with the words on its left,
    for the word with those on its right, and for the word alone. If another tag is better there, it stands beside the
    probability. Then come the words that decided the tag: what its probability loses (+) or gains (-) without each.
    """
    from dataclasses import asdict

    from tagger.commands.loading import load_for
    from tagger.extras.analysis.explanations import explain as explained
    from tagger.extras.analysis.explanations import format_table

    opened = read_lines(STDIO, encoding) if text == STDIO else iter(io.StringIO(text))
    tagger, lines = load_for(opened, "TEXT", "lines" if tokens else "text", language, model, device, precision)
    if not tokens and not tagger.takes_text:
        tokens = True
        say("this tagger takes tokens: TEXT is cut at spaces")
    read_in = cut_parts(read_parts(lines, "TEXT", "lines" if tokens else "text"), tagger.cuts_of)
    sentences = [sentence.tokens for sentence in read_in]
    if tokens:
        sentences = [[token.replace("\u00a0", " ") for token in words] for words in sentences]
    found = explained(tagger, sentences, column)
    if as_json:
        show_json([asdict(each) for each in found])
    else:
        show("\n".join(map(format_table, found)))


def embed(
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="- is standard input.", show_default=False)],
    to: Annotated[str, typer.Option("-o", metavar="FILE", help="The .npz to write.", show_default=False)],
    language: LanguageOption = None,
    model: ModelOption = None,
    layer: LayerOption = "all",
    input: InputOption = None,
    encoding: Encoding = "utf-8",
    device: DeviceOption = "auto",
    force: Force = False,
) -> None:
    """Writes a vector for every word of files.

    The vectors come from the layers of a tagger. The .npz has the arrays vectors, words, sentences, positions (both
    from 0) and files; they are held in memory until they are written.
    """
    from tagger.extras.analysis.vectors import load_layer, save_vectors

    if Path(to).suffix != ".npz":
        raise InputError(f"-o {to}: name a file that ends in .npz")
    check_output("-o", to, files, force)
    check_input(files, encoding)
    vectors, located = load_layer(layer, files, input, encoding, language, model, device)
    words, width = save_vectors(to, vectors, located)
    say(f"{to}: {words:,} words, {width:,} numbers each (layer {layer})")


def senses(
    word: Annotated[str, typer.Argument(metavar="WORD", help="In upper or lower case.", show_default=False)],
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="- is standard input.", show_default=False)],
    language: LanguageOption = None,
    model: ModelOption = None,
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
    from tagger.extras.analysis.senses import find, format_groups
    from tagger.extras.analysis.senses import senses as grouped
    from tagger.extras.analysis.vectors import load_layer

    check_input(files, encoding)
    vectors, located = load_layer(layer, files, input, encoding, language, model, device)
    found = find(word, located, limit)
    if found.total > limit:
        say(f"{limit:,} of {found.total:,} occurrences, chosen evenly from all; see --limit")
    show(format_groups(grouped(vectors, word, found, layer, groups)))

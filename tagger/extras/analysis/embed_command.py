"""The command `embed`: files in, a file with a vector for every word out."""

from pathlib import Path
from typing import Annotated

import typer

from tagger.commands.console import say
from tagger.commands.options import (
    DEFAULT_MODEL,
    DeviceOption,
    Encoding,
    Force,
    InputOption,
    LayerOption,
    Model,
    check_output,
    format_help,
)
from tagger.errors import InputError
from tagger.text.files import check_input

SETTINGS = {"embed": {"epilog": format_help()}}


def embed(
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="- is standard input.", show_default=False)],
    to: Annotated[str, typer.Option("-o", metavar="FILE", help="The .npz to write.", show_default=False)],
    model: Model = DEFAULT_MODEL,
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
    from tagger.extras.analysis.located import load_with_layers, read_files, save_vectors

    if Path(to).suffix != ".npz":
        raise InputError(f"-o {to}: name a file that ends in .npz")
    check_output("-o", to, files, force)
    check_input(files, encoding)
    tagger = load_with_layers(model, device)
    words, width = save_vectors(to, tagger, read_files(tagger, files, input, encoding), layer)
    say(f"{to}: {words:,} words, {width:,} numbers each (layer {layer})")

"""The command `embed`: files in, a file with a vector for every word out."""

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
    SegmenterOption,
    check_output,
    check_segmenter,
    format_help,
)
from tagger.text.files import check_input
from tagger.text.formats import format_of

SETTINGS = {"epilog": format_help()}


def embed(
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="- is standard input.", show_default=False)],
    to: Annotated[str, typer.Option("-o", metavar="FILE", help="The .npz or .parquet to write.", show_default=False)],
    model: Model = DEFAULT_MODEL,
    layer: LayerOption = "all",
    input: InputOption = None,
    segmenter: SegmenterOption = "auto",
    encoding: Encoding = "utf-8",
    device: DeviceOption = "auto",
    force: Force = False,
) -> None:
    """Writes a vector for every word of files.

    The vectors come from the layers of a tagger. A .parquet file has a row per word: file, sentence and position (both
    from 0), word, vector. An .npz file has the arrays vectors, words, sentences, positions and files, and is held in
    memory until it is written.
    """
    from tagger.analysis.located import embedded, read_files
    from tagger.analysis.vector_files import checked_target, save_vectors
    from tagger.commands.loading import load_with_layers

    checked_target(to)
    check_output("-o", to, files, force)
    check_input(files, encoding)
    check_segmenter(segmenter, {file: input or format_of(file) for file in files})
    tagger = load_with_layers(model, device, segmenter)
    rows = embedded(tagger, read_files(tagger, files, input, encoding), layer)
    words, width = save_vectors(to, files, rows)
    say(f"{to}: {words:,} words, {width:,} numbers each (layer {layer})")

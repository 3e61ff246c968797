"""The command `embed`."""

from typing import Annotated

import typer

from tagger.analysis.located import embedded, read_files
from tagger.commands.options import (
    DeviceOption,
    Encoding,
    InputOption,
    LayerOption,
    Model,
    clear_errors,
    load_and_tell,
    say,
)
from tagger.tagging.layer_vectors import ALL
from tagger.weights.catalog import DEFAULT


def embed(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="- is standard input.", show_default=False)],
    to: Annotated[str, typer.Option("-o", metavar="FILE", help="The .npz or .parquet to write.", show_default=False)],
    model: Model = DEFAULT,
    layer: LayerOption = ALL,
    input: InputOption = None,
    encoding: Encoding = "utf-8",
    device: DeviceOption = "auto",
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
) -> None:
    """Writes a vector for every word of files, from the layers of a tagger.

    A .parquet has a row per word: file, sentence and position (both from 0), word, vector. A .npz has the
    arrays vectors, words, sentences, positions and files, and is held in memory.
    """
    from tagger.analysis.vector_files import checked_target, save_vectors

    with clear_errors():
        checked_target(to, force)
        tagger = load_and_tell(model, device, "float32")
        rows = embedded(tagger, read_files(tagger, files, input, encoding), layer)
        words, width = save_vectors(to, files, rows, force)
        say(f"{to}: {words:,} words, {width:,} numbers each (layer {layer})")

"""The command `export`: a tagger in, files for programs that do not have this package out."""

from pathlib import Path
from typing import Annotated

import typer

from tagger.commands.console import say, size_text
from tagger.commands.options import MODEL_HELP, CorpusOption


def export(
    onnx: Annotated[str, typer.Option("--onnx", metavar="FILE", help="The ONNX graph to write.", show_default=False)],
    vocabulary: Annotated[
        str | None, typer.Option(metavar="FILE", help="The JSON to write beside it. Default: its name and .json.")
    ] = None,
    model: Annotated[str, typer.Option(metavar="MODEL", help=MODEL_HELP)] = "english",
    corpus: CorpusOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
) -> None:
    """Writes a tagger as an ONNX graph, for programs in any language.

    The JSON beside it says how words become the numbers that the graph reads, and what its outputs mean. docs/onnx.md
    has readers of both in Python and in JavaScript. Lemmas are left out. Taggers with a transformer, a CRF or a
    linear chain, networks with different words and pretrained networks cannot be exported.
    """
    from tagger.bundle.catalog import find_tagger
    from tagger.extras.onnx.onnx_file import export_onnx
    from tagger.model.batch import MAX_SENTENCE_TOKENS

    graph, description = Path(onnx), Path(vocabulary or f"{onnx}.json")
    done = export_onnx(find_tagger(model), graph, description, MAX_SENTENCE_TOKENS, corpus, force)
    left_out = f"; left out: {', '.join(done.left_out)}" if done.left_out else ""
    say(f"{graph}: {', '.join(done.columns)}, {size_text(done.sizes[0])}{left_out}")
    say(f"{description}: its vocabulary, {size_text(done.sizes[1])}")

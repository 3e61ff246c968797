"""The command `benchmark`."""

import json
from typing import Annotated

import typer

from tagger.bundled import bundled
from tagger.commands.options import (
    Model,
    check_tags,
    clear_errors,
)
from tagger.tagging.tagger import load
from tagger.text.files import read_lines
from tagger.text.formats import INPUTS, InputFormat, format_of
from tagger.text.readers import read
from tagger.weights.catalog import DEFAULT


def benchmark(
    model: Model = DEFAULT,
    file: Annotated[
        str | None, typer.Option(metavar="FILE", help="Text or tokens to tag. Default: the bundled sample treebank.")
    ] = None,
    input: Annotated[
        InputFormat | None, typer.Option(metavar="FORMAT", help=f"One of {', '.join(INPUTS)}. Default: by suffix.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Processes. Default: the physical cores.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the numbers as JSON.")] = False,
) -> None:
    """Measures the speed of a tagger on this machine."""
    from tagger.evaluation.benchmark import format_table, measure

    with clear_errors():
        files = [file] if file else sorted(map(str, bundled("data").glob("sample/*.conllu")))
        tagger = load(model, "cpu")
        check_tags(tagger, model)
        sentences = []
        for path in files:
            format = input or format_of(path)
            read_in = read(read_lines(path), path, format, segment=tagger.segment)
            sentences += [sentence.tokens for sentence in read_in if sentence.tokens]
        result = measure(model, sentences, workers)
        print(json.dumps(result, indent=2) if as_json else format_table(result))

"""The command `benchmark`: a tagger and text in, its speed on this machine out."""

from typing import Annotated

import typer

from tagger.commands.console import show, show_json
from tagger.commands.options import (
    DEFAULT_MODEL,
    AsJson,
    InputOption,
    Model,
    Workers,
)


def benchmark(
    model: Model = DEFAULT_MODEL,
    file: Annotated[
        str | None, typer.Option(metavar="FILE", help="File to tag. Default: the bundled sample treebank.")
    ] = None,
    input: InputOption = None,
    workers: Workers = None,
    as_json: AsJson = False,
) -> None:
    """Measures the speed of a tagger on this machine."""
    from tagger.bundle.catalog import find_tagger
    from tagger.bundled import bundled
    from tagger.commands.loading import load_and_tell
    from tagger.extras.benchmark.benchmark import format_table, measure
    from tagger.text.files import read_lines
    from tagger.text.formats import format_of, read

    files = [file] if file else sorted(map(str, bundled("data").glob("sample/*.conllu")))
    folder = find_tagger(model)
    tagger = load_and_tell(folder, "cpu", "auto")
    sentences = [
        sentence.tokens
        for name in files
        for sentence in read(read_lines(name), name, input or format_of(name), segment=tagger.segment_all)
        if sentence.tokens
    ]
    result = measure(str(folder.absolute()), sentences, workers) | {"model": model}
    if as_json:
        show_json(result)
    else:
        show(format_table(result))

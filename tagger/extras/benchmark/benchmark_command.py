"""The command `benchmark`: a tagger and text in, its speed on this machine out."""

from pathlib import Path
from typing import Annotated

import typer

from tagger.commands.console import show, show_json
from tagger.commands.options import AsJson, InputOption, LanguageOption, ModelOption, WorkersOption


def benchmark(
    language: LanguageOption = None,
    model: ModelOption = None,
    file: Annotated[
        str | None, typer.Option(metavar="FILE", help="File to tag. Default: the bundled sample treebank.")
    ] = None,
    input: InputOption = None,
    workers: WorkersOption = None,
    as_json: AsJson = False,
) -> None:
    """Measures the speed of a tagger on this machine."""
    from tagger.bundled import bundled
    from tagger.commands.loading import load_for
    from tagger.extras.benchmark.benchmark import format_table, measure
    from tagger.text.files import read_lines
    from tagger.text.formats import format_of, read_parts
    from tagger.text.paragraphs import cut_parts

    files = [file] if file else sorted(map(str, bundled("data").glob("sample/*.conllu")))
    (name, format, lines), *others = [(name, input or format_of(name), read_lines(name)) for name in files]
    tagger, lines = load_for(lines, name, format, language, model, "cpu", "auto")
    sentences = [
        sentence.tokens
        for name, format, lines in [(name, format, lines), *others]
        for sentence in cut_parts(read_parts(lines, name, format), tagger.cuts_of)
        if sentence.tokens
    ]
    result = measure(tagger.name, sentences, workers) | {"model": model or language or Path(tagger.name).name}
    if as_json:
        show_json(result)
    else:
        show(format_table(result))

"""The command `tag`: files in, tagged files out."""

import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, TextIO

import typer

from tagger.commands.console import BAD_INPUT, say, standard_output
from tagger.commands.options import (
    DEFAULT_MODEL,
    CorpusOption,
    DeviceOption,
    Encoding,
    InputOption,
    Model,
    PrecisionOption,
    SegmenterOption,
    Workers,
    check_segmenter,
    format_help,
)
from tagger.text.columns import column_separator
from tagger.text.files import STDIO, check_input
from tagger.text.formats import OUTPUTS, SEPARATORS, OutputFormat

SETTINGS = {"epilog": format_help(outputs=True)}


def tag(
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="FILE|FOLDER", help="Default: -, standard input.")
    ] = None,
    to: Annotated[str | None, typer.Option("-o", metavar="FILE|FOLDER", help="Default: -, standard output.")] = None,
    model: Model = DEFAULT_MODEL,
    input: InputOption = None,
    output: Annotated[
        OutputFormat | None,
        typer.Option(
            metavar="FORMAT",
            help=f"{', '.join(OUTPUTS)}. Default: by the suffix of -o, else conllu for conllu and tsv for others.",
        ),
    ] = None,
    probabilities: Annotated[bool, typer.Option("--probabilities", help="Add the probability of each tag.")] = False,
    top: Annotated[int, typer.Option(min=1, metavar="N", help="Add the N best tags of each token.")] = 1,
    separator: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help=f"{SEPARATORS} Of the input, and of an output in the same format."),
    ] = None,
    paragraph_per_line: Annotated[
        bool | None,
        typer.Option(help="Of text: whether each line is a paragraph. Default: unless lines are hard-wrapped."),
    ] = None,
    segmenter: SegmenterOption = "auto",
    corpus: CorpusOption = None,
    encoding: Encoding = "utf-8",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    workers: Workers = None,
    cache_size: Annotated[
        int | None,
        typer.Option(metavar="N", help="Word forms whose values are cached, at least 16000. Default: 50000."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace outputs that exist.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a run that was killed: same FILEs, options and -o FOLDER.")
    ] = False,
) -> None:
    """Tags files: running text, or tokens in one of several formats.

    Files ending in .gz are read and written compressed. An output appears under its name when it is whole. Outputs that
    exist are kept. A folder of outputs gets a manifest, which lists what is finished.
    """
    from rich.console import Console

    from tagger.commands.loading import load_with_tags
    from tagger.commands.progress import progress_line
    from tagger.tagging.bulk import Options, tag_files
    from tagger.tagging.devices import choose_device, choose_precision
    from tagger.tagging.jobs import Job, format_skipped, plan_jobs
    from tagger.tagging.manifest import Manifest, fingerprint
    from tagger.tagging.outputs import Outputs
    from tagger.tagging.workers import processor_cores
    from tagger.weights.catalog import find_tagger

    check_input([], encoding)
    if separator is not None:
        column_separator(separator)
    to = None if to == STDIO else to
    jobs, skipped = plan_jobs(sources or [], to, input, output)
    check_segmenter(segmenter, {job.source: job.input for job in jobs})
    if skipped:
        say(format_skipped(skipped))
    folder = find_tagger(model)
    own = ([] if segmenter == "auto" else [segmenter]) + ([] if corpus is None else [{"corpus": corpus}])
    settings = {
        "model": fingerprint(folder),
        "precision": choose_precision(precision, choose_device(device)),
        "options": [input, output, probabilities, top, separator, paragraph_per_line, encoding, *own],
    }
    manifest = Manifest(Path(to), settings) if to and all(job.target != Path(to) for job in jobs) else None
    outputs = Outputs(jobs, manifest, force, resume)
    for message in outputs.messages:
        say(message)
    pending = outputs.pending
    if not pending:
        return
    tagger = load_with_tags(
        model, device, precision, folder, cache_size, workers or processor_cores(), segmenter, corpus
    )

    def open_output(job: Job) -> AbstractContextManager[TextIO]:
        return standard_output() if job.target is None else outputs.open(job)

    failures = 0
    options = Options(encoding, separator, paragraph_per_line, probabilities, top)
    to_terminal = any(job.target is None for job in pending) and sys.stdout is not None and sys.stdout.isatty()
    with progress_line(sum(job.size for job in pending), not to_terminal) as progress:
        for step in tag_files(tagger, pending, options, open_output, Console().width):
            progress.show(step)
            if step.error is not None:
                failures += 1
                say(f"error: {step.error}")
    if failures:
        if failures < len(pending):
            say(f"{failures} of {len(pending)} files failed; the others are tagged")
        raise typer.Exit(BAD_INPUT)

"""The command `ray`: files in, tagged files out, by the processes of a Ray cluster."""

import os
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from tagger.bundled import bundled
from tagger.commands.console import BAD_INPUT, say
from tagger.commands.options import (
    ColumnsOption,
    DeviceOption,
    Encoding,
    ForceOutputs,
    InputOption,
    LanguageOption,
    ModelOption,
    OutputOption,
    PrecisionOption,
    Probabilities,
    Top,
    format_help,
)
from tagger.commands.tag import show_progress
from tagger.errors import InputError
from tagger.text.files import STDIO, codec_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tagger.tagging.tagger import DocumentTagger

SETTINGS = {"ray": {"epilog": format_help(outputs=True)}}


def ray(
    sources: Annotated[list[str], typer.Argument(metavar="FILE|FOLDER", help="May be URLs, as for tag.")],
    to: Annotated[str, typer.Option("-o", metavar="FOLDER", help="The folder of the tagged files.")],
    language: LanguageOption = None,
    model: ModelOption = None,
    input: InputOption = None,
    output: OutputOption = None,
    columns: ColumnsOption = None,
    probabilities: Probabilities = False,
    top: Top = 1,
    force: ForceOutputs = False,
    encoding: Encoding = "utf-8",
    workers: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Processes. Default: one per CPU of the cluster, or per GPU."),
    ] = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
) -> None:
    """Tags files as tag does, with the processes of a Ray cluster.

    The cluster is that of the variable RAY_ADDRESS; without it, a Ray of this machine starts and ends with the run.
    """
    from tagger.bundle.catalog import find_tagger
    from tagger.commands.loading import load_and_tell, one_or_all
    from tagger.extras.ray.ray_files import tag_jobs  # before a model is loaded: Ray may not be installed
    from tagger.jobs.bulk import JobOptions
    from tagger.jobs.outputs import PlannedOutputs
    from tagger.jobs.plan import plan_jobs
    from tagger.model.device import choose_device, choose_precision
    from tagger.tagging.tagger_options import checked_columns

    codec_of(encoding)
    plan = plan_jobs(sources, os.path.join(to, ""), input, output)
    for job in plan.jobs:
        if job.source == STDIO:
            raise InputError("Ray tags files, and standard input is none; name files or folders")
    for line in (*plan.skipped, *plan.errors):
        say(line)
    chosen = one_or_all(language, model, {})
    folder = bundled("data") if chosen is None else find_tagger(chosen)
    settings = {
        "--precision": choose_precision(precision, choose_device(device)),
        "--input": input,
        "--output": output,
        "--encoding": encoding,
        "--probabilities": probabilities,
        "--top": top,
        "--columns": columns,
    }
    load: Callable[[], DocumentTagger] = partial(load_and_tell, folder if chosen else None, device, precision)
    outputs, failed = PlannedOutputs(plan.jobs, to, folder, settings, force), len(plan.errors)
    if outputs.message:
        say(outputs.message)
    if outputs.pending:
        tagger = load()
        chosen_columns = None if columns is None else checked_columns(columns.split(","), tagger.columns)
        options = JobOptions(encoding, None, probabilities, top, None, chosen_columns, force=force)
        steps = tag_jobs(load, list(outputs.unmade()), options, workers=workers, device=device)
        failed += show_progress(outputs.pending, steps)
    if failed:
        raise typer.Exit(BAD_INPUT)

"""The command `tag`: files in, tagged files out."""

import os
import sys
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from typer.core import TyperCommand

from tagger.bundled import bundled
from tagger.commands.console import BAD_INPUT, hush, say
from tagger.commands.options import (
    FORMAT_OPTIONS,
    GIVEN_TAGS,
    LARGE_JOBS,
    ColumnsOption,
    CorpusOption,
    DeviceOption,
    Encoding,
    ForceOutputs,
    InputOption,
    LanguageOption,
    LexiconOption,
    MemoryOption,
    ModelOption,
    OutputOption,
    PrecisionOption,
    Probabilities,
    Sources,
    Top,
    WorkersOption,
    format_help,
    lexicon_files,
)
from tagger.errors import InputError
from tagger.jobs.plan import Job, file_state
from tagger.text.columns import column_separator
from tagger.text.files import STDIO, codec_of
from tagger.text.formats import PLACED, SEPARATORS, TAGGED

if TYPE_CHECKING:
    from tagger.jobs.bulk import Step
    from tagger.tagging.tagger import DocumentTagger


class GroupedOptions(TyperCommand):
    """A command whose help has the options under the headings that `rich_help_panel` gives them."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Writes the first options, then each group."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            argument = parameter.param_type_name == "argument"
            title = "Arguments" if argument else getattr(parameter, "rich_help_panel", None) or "Options"
            if (row := parameter.get_help_record(ctx)) is not None:
                groups.setdefault(title, []).append(row)
        for title, rows in groups.items():
            with formatter.section(title):
                formatter.write_dl(rows)


SETTINGS = {"tag": {"epilog": format_help(outputs=True), "cls": GroupedOptions}}


def tag(
    sources: Sources = None,
    to: Annotated[str | None, typer.Option("-o", metavar="FILE|FOLDER", help="Default: -, standard output.")] = None,
    language: LanguageOption = None,
    model: ModelOption = None,
    text: Annotated[str | None, typer.Option(metavar="TEXT", help="Tag this text, not a file.")] = None,
    input: InputOption = None,
    output: OutputOption = None,
    columns: ColumnsOption = None,
    probabilities: Probabilities = False,
    top: Top = 1,
    force: ForceOutputs = False,
    separator: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help=f"{SEPARATORS} Of the input, and of an output in the same format.",
            rich_help_panel=FORMAT_OPTIONS,
        ),
    ] = None,
    corpus: CorpusOption = None,
    encoding: Encoding = "utf-8",
    keep: Annotated[
        bool,
        typer.Option(
            "--keep",
            help=f"Keep the tags that the input has, in {PLACED} those of the first column after the token; _ stands"
            " for a tag that is to be found.",
            rich_help_panel=GIVEN_TAGS,
        ),
    ] = False,
    lexicon: LexiconOption = None,
    workers: WorkersOption = None,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="i/n",
            help="Tag only the i-th of n parts of the files; n runs, on one machine or on many, tag all into one"
            " -o FOLDER.",
            rich_help_panel=LARGE_JOBS,
        ),
    ] = None,
    memory: MemoryOption = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing on standard error but errors.")] = False,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
) -> None:
    """Tags files: running text, or tokens in one of several formats.

    Files and folders may be URLs: s3://, gs://, and for input hf:// and https://. Files ending in .gz or .zst are read
    and written compressed. An output appears under its name when it is whole. Outputs that exist are kept.
    """
    from tagger.bundle.catalog import find_tagger
    from tagger.commands.loading import load_and_tell, one_or_all, tell_missing
    from tagger.jobs.bulk import JobOptions, tag_files
    from tagger.jobs.outputs import PlannedOutputs
    from tagger.jobs.plan import jobs_of_shard, plan_jobs
    from tagger.model.device import choose_device, choose_precision
    from tagger.tagging.tagger_options import checked_columns
    from tagger.tagging.workers import processor_cores

    if quiet:
        hush()
    to = None if to == STDIO else to
    for other, given in {"FILE": bool(sources), "--shard": shard is not None}.items():
        if text is not None and given:
            raise InputError(f"--text does not go with {other}; leave one of the two out")
    codec_of(encoding)
    if separator is not None:
        column_separator(separator)
    lexicons = lexicon_files(lexicon or [])
    plan = plan_jobs(sources or [], to, input, output)
    jobs, failed = plan.jobs, len(plan.errors)
    if text is not None:
        jobs = [jobs[0]._replace(source="--text", text=text)]
    for job in jobs:
        if keep and job.input not in TAGGED:
            raise InputError(f"--keep: {job.source} ({job.input}) has no tags; give {', '.join(TAGGED)} with --input")
    for line in plan.skipped:
        say(line)
    for line in plan.errors:
        say(line, always=True)
    if shard is not None:
        own = jobs_of_shard(jobs, shard)
        nothing = "" if own else ", so there is nothing to do"
        say(f"shard {shard}: {len(own) or 'none'} of {len(jobs)} files{nothing}")
        jobs = own

    names_one = {"--corpus": corpus is not None, "--keep": keep, "--lexicon": bool(lexicons)}
    chosen = one_or_all(language, model, names_one) if jobs else None
    folder = bundled("data") if chosen is None else find_tagger(chosen)
    settings = {
        "--precision": choose_precision(precision, choose_device(device)),
        "--input": input,
        "--output": output,
        "--encoding": encoding,
        "--separator": separator,
        "--probabilities": probabilities,
        "--top": top,
        "--corpus": corpus,
        "--keep": keep,
        "--columns": columns,
        "--lexicon": {name: [os.path.abspath(file), file_state(file)] for name, file in lexicons.items()},
    }
    into = to if jobs and jobs[0].name else None
    outputs = PlannedOutputs(jobs, into, folder, settings, force)
    if outputs.message:
        say(outputs.message)
    if outputs.pending:
        count = workers or processor_cores()
        named = None if chosen is None else folder
        tagger: DocumentTagger = load_and_tell(
            named, device, precision, count, memory, corpus=corpus, lexicons=lexicons
        )
        kept = {tagger.columns[0]: 1} if keep else None
        chosen_columns = None if columns is None else checked_columns(columns.split(","), tagger.columns)
        tell_missing(tagger, chosen_columns or [])
        width = Console().width
        options = JobOptions(encoding, separator, probabilities, top, kept, chosen_columns, width, force)
        if any(job.source == STDIO for job in jobs) and sys.stdin is not None and sys.stdin.isatty():
            say("type a text; Ctrl+D in a line of its own ends it")
        failed += show_progress(outputs.pending, tag_files(tagger, outputs.unmade(), options), quiet)
    if failed:
        raise typer.Exit(BAD_INPUT)


def show_progress(jobs: Sequence[Job], steps: Generator["Step", None, None], quiet: bool = False) -> int:
    """Shows errors, on a terminal bytes, words per second and time left, and last what was written. Counts failures."""
    printed = any(job.target is None for job in jobs) and sys.stdout is not None and sys.stdout.isatty()
    columns = (BarColumn(), DownloadColumn(), TextColumn("{task.fields[words]}"), TimeRemainingColumn())
    hidden = quiet or printed or sys.stderr is None or not sys.stderr.isatty()
    # No thread that refreshes the bar: workers of a process with threads start in seconds.
    bar = Progress(*columns, console=Console(stderr=True), transient=True, disable=hidden, auto_refresh=False)
    sizes = {job: job.state[0] for job in jobs if job.state is not None}
    task = bar.add_task("", total=sum(sizes.values()) or None, words="")
    words = read = shown = failed = 0  # `read`: bytes of files that are done
    tagged = Counter[Job]()  # words of each file that has not failed
    with closing(steps), bar:
        for step in steps:
            words += step.words
            tagged[step.job] += step.words
            if step.finished or step.error is not None:
                read += sizes.get(step.job, 0)
            if step.error is not None:
                failed += 1
                del tagged[step.job]
                say(f"error: {step.error}", always=True)
            speed = f"{words / (bar.tasks[0].elapsed or 1):,.0f} words/s"
            shown = max(shown, read + step.read)  # a file's last step does not know how much was read
            bar.update(task, completed=shown, words=speed, refresh=True)
    first = next((job.target for job in jobs if job in tagged), None)
    if first is not None:
        others = f" and {len(tagged) - 1:,} more" if len(tagged) > 1 else ""
        say(f"tagged {tagged.total():,} words: {first}{others}")
    if 0 < failed < len(jobs):
        say(f"{failed} of {len(jobs)} files failed; the others are tagged", always=True)
    return failed

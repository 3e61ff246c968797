"""The command `tag`: files in, tagged files out."""

import os
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from typer.core import TyperCommand

from tagger.bundled import bundled
from tagger.commands.console import BAD_INPUT, say
from tagger.commands.options import (
    FORMAT_OPTIONS,
    GIVEN_TAGS,
    LARGE_JOBS,
    MODEL_HELP,
    CorpusOption,
    DeviceOption,
    Encoding,
    InputOption,
    LexiconOption,
    PrecisionOption,
    Workers,
    format_help,
    lexicon_files,
)
from tagger.errors import InputError
from tagger.jobs.jobs import Job, file_state
from tagger.text.columns import column_separator
from tagger.text.files import STDIO, check_input
from tagger.text.formats import OUTPUTS, PLACED, SEPARATORS, TAGGED, OutputFormat

if TYPE_CHECKING:
    from tagger.jobs.bulk import Progress as Step
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
RAY = "ray"
CONTRADICTIONS = {  # an option, and what it does not go with
    "--text": ("FILE", "--shard", "--engine ray"),
    "--shard": ("--engine ray",),
}


def tag(
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="FILE|FOLDER", help="Default: -, standard input.")
    ] = None,
    to: Annotated[str | None, typer.Option("-o", metavar="FILE|FOLDER", help="Default: -, standard output.")] = None,
    language: Annotated[
        str | None,
        typer.Option(
            metavar="CODE", help="Of the text, such as de or german. Default: the text tells, of each paragraph."
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="MODEL", help=f"{MODEL_HELP} Default: the tagger of the text's language.")
    ] = None,
    text: Annotated[str | None, typer.Option(metavar="TEXT", help="Tag this text, not a file.")] = None,
    input: InputOption = None,
    output: Annotated[
        OutputFormat | None,
        typer.Option(
            metavar="FORMAT",
            help=f"{', '.join(OUTPUTS)}. Default: by the suffix of -o, else conllu for conllu and tsv for others.",
        ),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,NAME",
            help="Write only these columns of the tagger: some of upos, xpos, feats and lemma, or other names that its"
            " training gave.",
        ),
    ] = None,
    probabilities: Annotated[bool, typer.Option("--probabilities", help="Add the probability of each tag.")] = False,
    top: Annotated[int, typer.Option(min=1, metavar="N", help="Add the N best tags of each token.")] = 1,
    force: Annotated[bool, typer.Option("--force", help="Replace outputs that exist.")] = False,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with a run that was killed, or tag again what has changed since: same FILEs and -o FOLDER.",
        ),
    ] = False,
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
    workers: Workers = None,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="i/n",
            help="Tag only the i-th of n parts of the files; n runs, on one machine or on many, tag all into one"
            " -o FOLDER.",
            rich_help_panel=LARGE_JOBS,
        ),
    ] = None,
    engine: Annotated[
        Literal["local", "ray"],
        typer.Option(
            metavar="ENGINE",
            help="local, ray: what runs the workers: this machine, or Ray, on the cluster RAY_ADDRESS or here.",
            rich_help_panel=LARGE_JOBS,
        ),
    ] = "local",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
) -> None:
    """Tags files: running text, or tokens in one of several formats.

    Files and folders may be URLs: s3://, gs://, and for input hf:// and https://. Files ending in .gz or .zst are read
    and written compressed. An output appears under its name when it is whole. Outputs that exist are kept. A folder of
    outputs gets a manifest, which lists what is finished.
    """
    from tagger.bundle.catalog import find_tagger
    from tagger.commands.loading import load_all, load_and_tell, one_or_all
    from tagger.jobs.bulk import JobOptions, tag_files
    from tagger.jobs.jobs import jobs_of_shard, parse_shard, plan_jobs
    from tagger.jobs.outputs import Outputs
    from tagger.model.device import choose_device, choose_precision
    from tagger.tagging.arguments import checked_columns
    from tagger.tagging.workers import processor_cores

    to = None if to == STDIO else to
    given = {"--text": text is not None, "FILE": bool(sources)}
    given |= {"--shard": shard is not None, "--engine ray": engine == RAY}
    for option, others in CONTRADICTIONS.items():
        for other in others if given[option] else ():
            if given[other]:
                raise InputError(f"{option} does not go with {other}; leave one of the two out")
    check_input([], encoding)
    if separator is not None:
        column_separator(separator)
    part = None if shard is None else parse_shard(shard)
    lexicons = lexicon_files(lexicon or [])
    if engine == RAY:
        from tagger.jobs.ray_engine import tag_jobs  # before a model is loaded: it may not be installed

    plan = plan_jobs(sources or [], to, input, output)
    jobs, failed = plan.jobs, len(plan.errors)
    if text is not None:
        jobs = [jobs[0]._replace(source="--text", text=text)]
    for job in jobs:
        if engine == RAY and (job.state is None or job.target is None):
            raise InputError(f"--engine ray tags files into a folder, and {job.source} is no file or has no output")
        if keep and job.input not in TAGGED:
            raise InputError(f"--keep: {job.source} ({job.input}) has no tags; give {', '.join(TAGGED)} with --input")
    for line in [*plan.skipped, *(f"error: {line}" for line in plan.errors)]:
        say(line)
    if part is not None:
        own = jobs_of_shard(jobs, part, sources or [], to)
        nothing = "" if own else ", so there is nothing to do"
        say(f"shard {part}: {len(own) or 'none'} of {len(jobs)} files{nothing}")
        jobs = own

    names_one = {"--corpus": corpus is not None, "--keep": keep, "--lexicon": bool(lexicons)}
    chosen = one_or_all(language, model, names_one) if jobs else None
    folder = bundled("data") if chosen is None else find_tagger(chosen)
    options = JobOptions(encoding, separator, probabilities, top)
    if jobs:
        settings = {
            "tagger": [os.path.abspath(folder), file_state(folder / "config.json")],
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
        named = f"{part.number}-of-{part.total}" if part is not None else ""
        outputs = Outputs(jobs, to if jobs[0].name else None, settings, part=named, force=force, resume=resume)
        for message in outputs.messages:
            say(message)
        jobs, failed = outputs.pending, failed + len(outputs.foreign)

    if jobs:
        count = 1 if engine == RAY else workers or processor_cores()
        if chosen is None:
            load: Callable[[], DocumentTagger] = partial(load_all, device, precision, count)
        else:
            load = partial(load_and_tell, folder, device, precision, workers=count, corpus=corpus, lexicons=lexicons)
        tagger = load()
        if keep:
            options = options._replace(keep={tagger.columns[0]: 1})
        if columns is not None:
            options = options._replace(columns=checked_columns(columns.split(","), tagger.columns))
        if any(job.source == STDIO for job in jobs) and sys.stdin is not None and sys.stdin.isatty():
            say("type a text; Ctrl+D in a line of its own ends it")
        if engine == RAY:
            steps = tag_jobs(load, jobs, options, outputs, Console().width, workers=workers, device=device)
            failed += _show(jobs, steps)
        else:
            failed += _show(jobs, tag_files(tagger, jobs, options, outputs.open, Console().width))
    if failed:
        raise typer.Exit(BAD_INPUT)


def _show(jobs: Sequence[Job], steps: Generator["Step", None, None]) -> int:
    """Shows steps as they come: errors, and on a terminal bytes, words per second and time left. Counts failed jobs."""
    printed = any(job.target is None for job in jobs) and sys.stdout is not None and sys.stdout.isatty()
    columns = (BarColumn(), DownloadColumn(), TextColumn("{task.fields[words]}"), TimeRemainingColumn())
    hidden = printed or sys.stderr is None or not sys.stderr.isatty()
    # No thread that refreshes the bar: workers of a process with threads start in seconds.
    bar = Progress(*columns, console=Console(stderr=True), transient=True, disable=hidden, auto_refresh=False)
    task = bar.add_task("", total=sum(job.size for job in jobs) or None, words="")
    words = read = shown = failed = 0  # `read`: bytes of files that are done
    with closing(steps), bar:
        for step in steps:
            words += step.words
            if step.finished or step.error is not None:
                read += step.job.size
            if step.error is not None:
                failed += 1
                say(f"error: {step.error}")
            speed = f"{words / (bar.tasks[0].elapsed or 1):,.0f} words/s"
            shown = max(shown, read + step.read)  # a file's last step does not know how much was read
            bar.update(task, completed=shown, words=speed, refresh=True)
    if 0 < failed < len(jobs):
        say(f"{failed} of {len(jobs)} files failed; the others are tagged")
    return failed

"""The command `tag`: files in, tagged files out."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Annotated, TextIO

import rich.progress
import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TaskID, TextColumn, TimeRemainingColumn

from tagger.commands.options import (
    DeviceOption,
    Encoding,
    InputOption,
    Model,
    PrecisionOption,
    check_tags,
    clear_errors,
    load_and_tell,
    say,
    standard_output,
)
from tagger.errors import InputError
from tagger.tagging.bulk import Options, Progress, tag_files
from tagger.tagging.engine import BATCH_TOKENS, CACHE_SIZE
from tagger.tagging.jobs import Job, plan_jobs
from tagger.tagging.manifest import Manifest, fingerprint
from tagger.tagging.tagger import choose_device, choose_precision
from tagger.tagging.workers import processor_cores
from tagger.text.files import whole_file
from tagger.text.formats import OUTPUTS, SEPARATORS, OutputFormat, describe
from tagger.weights.catalog import DEFAULT, find_tagger


def tag(
    sources: Annotated[list[str] | None, typer.Argument(metavar="FILE|FOLDER", help="- is standard input.")] = None,
    to: Annotated[str | None, typer.Option("-o", metavar="FILE|FOLDER", help="Default: standard output.")] = None,
    model: Model = DEFAULT,
    input: InputOption = None,
    output: Annotated[
        OutputFormat | None,
        typer.Option(
            metavar="FORMAT",
            help=f"{describe(OUTPUTS)}. Default: by the suffix of -o, else conllu for conllu, or tsv.",
        ),
    ] = None,
    probabilities: Annotated[bool, typer.Option("--probabilities", help="Add the confidence of each tag.")] = False,
    top: Annotated[int, typer.Option(min=1, metavar="N", help="Add the best N tags of each token.")] = 1,
    separator: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help=f"{SEPARATORS} Of the input, and of an output in the same format."),
    ] = None,
    paragraph_per_line: Annotated[
        bool | None, typer.Option(help="Text: every line is a paragraph. Default: if no line is empty.")
    ] = None,
    encoding: Encoding = "utf-8",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    workers: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Processes for large files. Default: the physical cores.")
    ] = None,
    cache_size: Annotated[
        int, typer.Option(min=BATCH_TOKENS, metavar="N", help="Word forms to remember what was computed of.")
    ] = CACHE_SIZE,
    force: Annotated[bool, typer.Option("--force", help="Replace outputs that exist.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a run that was killed: same FILEs, options and -o FOLDER.")
    ] = False,
) -> None:
    """Tags files: text, or tokens in one of several formats.

    Files ending in .gz are read and written compressed. An output appears under its name only when
    it is whole; outputs that exist are kept. A folder of outputs gets a manifest of what is finished.
    """
    with clear_errors():
        jobs = plan_jobs(sources or [], to, input, output)
        settings = {
            "model": fingerprint(find_tagger(model)),
            "precision": choose_precision(precision, choose_device(device)),
            "options": [input, output, probabilities, top, separator, paragraph_per_line, encoding],
        }
        manifest = Manifest(Path(to), settings) if to and all(job.target != Path(to) for job in jobs) else None
        pending = _pending(jobs, manifest, force, resume)
        if not pending:
            return
        tagger = load_and_tell(model, device, precision, cache_size, workers or processor_cores())
        check_tags(tagger, model)
        failures = 0
        options = Options(encoding, separator, paragraph_per_line, probabilities, top)
        to_terminal = any(job.target is None for job in pending) and sys.stdout is not None and sys.stdout.isatty()
        with _progress(sum(job.size for job in pending), not to_terminal) as progress:
            for step in tag_files(tagger, pending, options, _output, Console().width):
                progress.show(step)
                error = step.error
                if step.finished and manifest is not None:
                    try:
                        manifest.add(step.job)
                    except InputError as unlisted:
                        error = unlisted
                if error is not None:
                    failures += 1
                    say(f"error: {error}")
        if failures:
            if len(pending) > 1:
                say(f"{failures} of {len(pending)} files failed; the others are tagged")
            raise typer.Exit(2)


def _pending(jobs: list[Job], manifest: Manifest | None, force: bool, resume: bool) -> list[Job]:
    """The jobs that are still to be done."""
    if resume:
        if manifest is None or force:
            raise InputError("--resume goes on with a run into a folder (-o FOLDER), without --force")
        if not manifest.fits:
            raise InputError(
                f"{manifest.path} is of a run with another model, precision or options; give the same, or use --force"
            )
        manifest.remove_leftovers(jobs)
        pending = [job for job in jobs if not manifest.finished(job)]
        say(f"resuming: {len(jobs) - len(pending)} of {len(jobs)} outputs are finished")
        return pending
    pending, kept = [], []
    for job in jobs:
        if force or job.target is None or not job.target.is_file():
            pending.append(job)
        else:
            kept.append(str(job.target))
    if kept:
        more = f" and {len(kept) - 1} more" if len(kept) > 1 else ""
        say(f"kept: {kept[0]}{more}; --force replaces what exists")
    return pending


def _output(job: Job) -> AbstractContextManager[TextIO]:
    return standard_output() if job.target is None else whole_file(job.target)


class _Progress:
    """Bytes, words per second and time left on standard error, where that is a terminal."""

    def __init__(self, display: rich.progress.Progress | None, task: TaskID) -> None:
        self.display, self.task = display, task
        self.words = self.before = 0

    def show(self, step: Progress) -> None:
        self.words += step.words
        if step.finished or step.error is not None:
            self.before += step.job.size
        if self.display is not None:
            elapsed = self.display.tasks[self.task].elapsed or 1
            shown = f"{self.words / elapsed:,.0f} words/s"
            self.display.update(self.task, completed=self.before + step.read, words=shown)


@contextmanager
def _progress(total: int, wanted: bool) -> Iterator[_Progress]:
    if not wanted or sys.stderr is None or not sys.stderr.isatty():
        yield _Progress(None, TaskID(0))
        return
    columns = (BarColumn(), DownloadColumn(), TextColumn("{task.fields[words]}"), TimeRemainingColumn())
    with rich.progress.Progress(*columns, console=Console(stderr=True), transient=True) as display:
        yield _Progress(display, display.add_task("", total=total or None, words=""))

"""The commands that take options: tag, evaluate, models, benchmark, explain, embed, senses."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import tee
from pathlib import Path
from typing import Annotated, Literal, TextIO, get_args

import rich.progress
import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TaskID, TextColumn, TimeRemainingColumn

from tagger import metrics
from tagger.bulk import Options, Progress, tag_files
from tagger.bundled import bundled
from tagger.cli_words import embed, explain, fill, senses
from tagger.console import (
    DeviceOption,
    Encoding,
    Input,
    InputOption,
    Model,
    PrecisionOption,
    check_tags,
    clear_errors,
    load_and_tell,
    say,
    standard_output,
)
from tagger.engine import BATCH_TOKENS, CACHE_SIZE
from tagger.errors import InputError
from tagger.files import read_lines, whole_file
from tagger.formats import cell_separator, format_of, read
from tagger.jobs import Job, plan_jobs
from tagger.manifest import Manifest, fingerprint
from tagger.metrics import Scored
from tagger.models import DEFAULT, find_tagger, list_models
from tagger.predictor import Tagger, choose_device, choose_precision, load
from tagger.raw_score import F1, gold_paragraphs, raw_scores
from tagger.sentence import Sentence
from tagger.workers import processor_cores

DOCUMENT = "-DOCSTART-"  # between the documents of CoNLL-2003; no word

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)

GoldInput = Literal["conllu", "tsv", "slash", "jsonl"]
Output = Literal["tsv", "conllu", "jsonl", "slash", "pretty"]


@app.callback()
def commands() -> None:
    """Tags text, and scores taggers."""


@app.command()
def tag(
    sources: Annotated[list[str] | None, typer.Argument(metavar="FILE|FOLDER", help="- is standard input.")] = None,
    to: Annotated[str | None, typer.Option("-o", metavar="FILE|FOLDER", help="Default: standard output.")] = None,
    model: Model = DEFAULT,
    input: InputOption = None,
    output: Annotated[
        Output | None,
        typer.Option(
            metavar="FORMAT",
            help=f"One of {', '.join(get_args(Output))}. Default: by the suffix of -o, else conllu for conllu, or tsv.",
        ),
    ] = None,
    probabilities: Annotated[bool, typer.Option("--probabilities", help="Add the confidence of each tag.")] = False,
    top: Annotated[int, typer.Option(min=1, metavar="N", help="Add the best N tags of each token.")] = 1,
    separator: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Between the cells of tsv (default: a tab; blanks in .conll) or slash (/)."),
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


@app.command()
def evaluate(
    file: Annotated[str, typer.Argument(help="CoNLL-U, or one token a line with its tags; - is standard input.")],
    model: Model = DEFAULT,
    input: Annotated[
        GoldInput | None,
        typer.Option(
            metavar="FORMAT",
            help=f"One of {', '.join(get_args(GoldInput))}. Default: by suffix, else tsv with --column, else conllu.",
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=N", help="Where a column stands in tsv and slash, the token being 0; may be repeated."
        ),
    ] = None,
    separator: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Between the cells of tsv (default: a tab; blanks in .conll) or slash (/)."),
    ] = None,
    raw: Annotated[
        bool,
        typer.Option("--raw", help="Tag the raw text (# text lines, a paragraph per # newpar) and score words too."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    encoding: Encoding = "utf-8",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
) -> None:
    """Scores a tagger on a file with gold tags."""
    with clear_errors():
        tagger = load_and_tell(model, device, precision)
        check_tags(tagger, model)
        places = _places(column or [], tagger.columns)
        format = input or _gold_format(file, bool(column))
        if raw and format != "conllu":
            raise InputError(f"{file}: --raw needs CoNLL-U with `# text` lines, not {format}")
        lines = read_lines(file, encoding)
        sentences = read(lines, file, format, separator=separator or cell_separator(file, format), columns=places)
        if raw:
            _print_raw(file, raw_scores(*_raw(tagger, sentences)), as_json)
            return
        report = metrics.report(
            (Scored(s.tokens, gold, s.tags) for s, gold in tagger.retag(sentences) if s.tokens not in ([], [DOCUMENT])),
            tagger.vocabulary,
        )
        print(json.dumps(report, indent=2) if as_json else metrics.render(report, file))


@app.command()
def models(as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False) -> None:
    """Lists the taggers that can be loaded by name."""
    with clear_errors():
        found = list_models()
        if as_json:
            print(json.dumps([{**model._asdict(), "folder": str(model.folder)} for model in found], indent=2))
            return
        for model in found:
            print(f"{model.name}: {model.corpus}, {model.size / 1e6:.1f} MB, licence {model.license or 'not named'}")
            for split, scores in model.scores.items():
                shown = "  ".join(f"{column} {100 * accuracy:.2f}" for column, accuracy in scores.items())
                print(f"  {split:<6}{shown}")
            print(f"  {model.folder}")


@app.command()
def benchmark(
    model: Model = DEFAULT,
    file: Annotated[
        str | None, typer.Option(metavar="FILE", help="Text or tokens to tag. Default: the bundled sample treebank.")
    ] = None,
    input: Annotated[
        Input | None, typer.Option(metavar="FORMAT", help=f"One of {', '.join(get_args(Input))}. Default: by suffix.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Processes. Default: the physical cores.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the numbers as JSON.")] = False,
) -> None:
    """Measures the speed of a tagger on this machine."""
    from tagger.benchmark import measure, render

    with clear_errors():
        files = [file] if file else sorted(map(str, bundled("data").glob("sample/*.conllu")))
        tagger = load(model, "cpu")
        check_tags(tagger, model)
        sentences = []
        for path in files:
            format = input or format_of(path)
            read_in = read(
                read_lines(path), path, format, segment=tagger.segment, separator=cell_separator(path, format)
            )
            sentences += [sentence.tokens for sentence in read_in if sentence.tokens]
        result = measure(model, sentences, workers)
        print(json.dumps(result, indent=2) if as_json else render(result))


for command in (explain, fill, embed, senses):
    app.command()(command)


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


def _raw(
    tagger: Tagger, sentences: Iterator[Sentence]
) -> tuple[Iterator[tuple[str, list[Sentence]]], Iterator[list[Sentence]]]:
    gold, texts = tee(gold_paragraphs(sentences))
    return gold, (list(tagger.annotate(text)) for text, _ in texts)


def _print_raw(file: str, scores: Mapping[str, F1], as_json: bool) -> None:
    rows = {name: {"precision": s.precision, "recall": s.recall, "f1": s.f1} for name, s in scores.items()}
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    print(f"{file} from raw text\n  {'':<24}{'precision':>10} {'recall':>9} {'F1':>9}")
    for name, row in rows.items():
        print(f"  {name:<24}{100 * row['precision']:>9.2f}% {100 * row['recall']:>8.2f}% {100 * row['f1']:>8.2f}%")


def _gold_format(file: str, columns: bool) -> str:
    named = format_of(file, "")
    return named if named in get_args(GoldInput) else "tsv" if columns else "conllu"


def _places(columns: Sequence[str], known: Sequence[str]) -> dict[str, int]:
    if not columns:
        return {name: place for place, name in enumerate(known, 1)}
    places = {}
    for item in columns:
        name, _, place = item.partition("=")
        if name not in known or not place.removeprefix("-").isdigit():
            raise InputError(f"--column {item}: write NAME=NUMBER with a column of the tagger ({', '.join(known)})")
        places[name] = int(place)
    return places


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

"""The commands that take options: tag, evaluate, models, benchmark, explain, embed, senses."""

import gc
import io
import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict
from functools import partial
from itertools import tee
from pathlib import Path
from typing import Annotated, Literal, TextIO, get_args

import rich.progress
import torch
import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TaskID, TextColumn, TimeRemainingColumn

from tagger import metrics
from tagger.bulk import Options, Progress, tag_files
from tagger.bundled import bundled
from tagger.engine import CACHE_SIZE, LONGEST
from tagger.errors import InputError
from tagger.files import STDIO, read_lines, whole_file
from tagger.folder import load_masked
from tagger.formats import NO_BREAK_SPACE, cell_separator, format_of, read
from tagger.jobs import Job, plan_jobs
from tagger.layers import ALL
from tagger.manifest import Manifest, fingerprint
from tagger.metrics import Scored
from tagger.models import DEFAULT, LATEST, find_masked, find_tagger, list_models
from tagger.occurrences import LEAST, find
from tagger.predictor import Tagger, choose_device, choose_precision, load
from tagger.raw_score import F1, gold_paragraphs, raw_scores
from tagger.segment import segment
from tagger.sentence import Sentence
from tagger.sources import embedded, read_files
from tagger.workers import processor_cores

DOCUMENT = "-DOCSTART-"  # between the documents of CoNLL-2003; no word

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)

Input = Literal["text", "lines", "tokens", "tsv", "conllu", "jsonl", "slash"]
GoldInput = Literal["conllu", "tsv", "slash", "jsonl"]
Output = Literal["tsv", "conllu", "jsonl", "slash", "pretty"]
Device = Literal["auto", "cpu", "cuda", "mps"]
Model = Annotated[
    str, typer.Option(metavar="MODEL", help="A name that `models` lists, or a tagger's or a run's folder.")
]
Encoding = Annotated[str, typer.Option(metavar="NAME", help="Of the input; the output is UTF-8.")]
Precision = Literal["auto", "float32", "bfloat16"]
PrecisionOption = Annotated[
    Precision, typer.Option(metavar="TYPE", help="auto, float32 or bfloat16; auto: what the processor is fast at.")
]
DeviceOption = Annotated[Device, typer.Option(metavar="DEVICE", help="auto, cpu, cuda or mps.")]
InputOption = Annotated[
    Input | None,
    typer.Option(metavar="FORMAT", help=f"One of {', '.join(get_args(Input))}. Default: by suffix, else text."),
]
LayerOption = Annotated[
    str,
    typer.Option(
        metavar="LAYER", help="0: of the form alone; 1, 2, ...: a recurrent layer; all: these side by side; mean."
    ),
]


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
        int, typer.Option(min=LONGEST, metavar="N", help="Word forms to remember what was computed of.")
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
    with _clear_errors():
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
        tagger = _load(model, device, precision, cache_size, workers or processor_cores())
        _check_tags(tagger, model)
        failures = 0
        options = Options(encoding, separator, paragraph_per_line, probabilities, top)
        to_terminal = any(job.target is None for job in pending) and sys.stdout is not None and sys.stdout.isatty()
        with _progress(sum(job.size for job in pending), not to_terminal) as progress:
            for step in tag_files(tagger, pending, options, _output, Console().width):
                progress.show(step)
                if step.finished and manifest is not None:
                    manifest.add(step.job)
                if step.error is not None:
                    failures += 1
                    _say(f"error: {step.error}")
        if failures:
            if len(pending) > 1:
                _say(f"{failures} of {len(pending)} files failed; the others are tagged")
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
    with _clear_errors():
        tagger = _load(model, device, precision)
        _check_tags(tagger, model)
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
    with _clear_errors():
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

    with _clear_errors():
        files = [file] if file else sorted(map(str, bundled("data").glob("sample/*.conllu")))
        tagger = load(model, "cpu")
        _check_tags(tagger, model)
        sentences = []
        for path in files:
            format = input or format_of(path)
            read_in = read(
                read_lines(path), path, format, segment=tagger.segment, separator=cell_separator(path, format)
            )
            sentences += [sentence.tokens for sentence in read_in if sentence.tokens]
        result = measure(model, sentences, workers)
        print(json.dumps(result, indent=2) if as_json else render(result))


@app.command()
def explain(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="One or several sentences; - is standard input.")],
    model: Model = DEFAULT,
    column: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which tags. Default: the tagger's first column.")
    ] = None,
    tokens: Annotated[
        bool, typer.Option("--tokens", help="TEXT is a sentence a line, spaces between words, U+00A0 within.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a list of sentences as JSON.")] = False,
    html: Annotated[str | None, typer.Option(metavar="FILE", help="Write a page too, replacing what is there.")] = None,
    encoding: Encoding = "utf-8",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "float32",
) -> None:
    """Shows what the tag of each word rests on.

    The probability of the tag is given for the whole sentence, for the word with the words on its left
    alone, with those on its right alone, and without any, each with the best tag where that is another.
    Then come the words that decided it: what its probability loses (+) or gains (-) without them.
    """
    from tagger.explain import explain as explained
    from tagger.explain import render, to_html

    with _clear_errors():
        tagger = _load(model, device, precision)
        _check_tags(tagger, model)
        if not tokens and not tagger.takes_text:
            tokens = True
            _say("this tagger takes tokens: TEXT is cut at spaces")
        lines = read_lines(STDIO, encoding) if text == STDIO else io.StringIO(text)
        read_in = read(lines, "TEXT", "lines" if tokens else "text", segment=tagger.segment)
        sentences = [sentence.tokens for sentence in read_in]
        if tokens:
            sentences = [[token.replace(NO_BREAK_SPACE, " ") for token in words] for words in sentences]
        found = explained(tagger, sentences, column)
        if html is not None:
            with whole_file(html) as page:
                page.write(to_html(found))
        with _standard_output() as out:
            if as_json:
                out.write(json.dumps([asdict(each) for each in found], indent=2) + "\n")
            else:
                out.write(render(found, color=sys.stdout.isatty()))


@app.command()
def fill(
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="Sentences with ___ where words are missing; - is standard input.")
    ],
    model: Annotated[
        str, typer.Option(metavar="FOLDER", help="A run of `pretrain`; latest is the newest below runs/.")
    ] = LATEST,
    top: Annotated[int, typer.Option(min=1, metavar="N", help="Candidates for each blank.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print a list of sentences as JSON.")] = False,
    encoding: Encoding = "utf-8",
) -> None:
    """Proposes words for the blanks (___) of sentences, from both sides of a blank and from each side alone."""
    from tagger.fill import BLANK, Filler, render

    with _clear_errors():
        torch.set_num_threads(1)
        filler = Filler(load_masked(find_masked(model)))
        lines = read_lines(STDIO, encoding) if text == STDIO else io.StringIO(text)
        read_in = read(lines, "TEXT", "text", segment=partial(segment, rules=filler.rules))
        sentences = [s.tokens for s in read_in if any(map(BLANK.fullmatch, s.tokens))]
        if not sentences:
            raise InputError("TEXT has no blank; write ___ where a word is missing")
        found = [(tokens, filler.fill(tokens, top)) for tokens in sentences]
        with _standard_output() as out:
            if as_json:
                records = [{"tokens": tokens, "blanks": [b._asdict() for b in blanks]} for tokens, blanks in found]
                out.write(json.dumps(records, indent=2) + "\n")
            else:
                out.write("\n".join(render(tokens, blanks) for tokens, blanks in found))


@app.command()
def embed(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="- is standard input.", show_default=False)],
    to: Annotated[str, typer.Option("-o", metavar="FILE", help="The .npz or .parquet to write.", show_default=False)],
    model: Model = DEFAULT,
    layer: LayerOption = ALL,
    input: InputOption = None,
    encoding: Encoding = "utf-8",
    device: DeviceOption = "auto",
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
) -> None:
    """Writes a vector for every word of files, from the layers of a tagger.

    A .parquet has a row per word: file, sentence and position (both from 0), word, vector. A .npz has the
    arrays vectors, words, sentences, positions and files, and is held in memory.
    """
    from tagger.vector_files import checked_target, save_vectors

    with _clear_errors():
        checked_target(to, force)
        tagger = _load(model, device, "float32")
        rows = embedded(tagger, read_files(tagger, files, input, encoding), layer)
        words, width = save_vectors(to, files, rows, force)
        _say(f"{to}: {words:,} words, {width:,} numbers each (layer {layer})")


@app.command()
def senses(
    word: Annotated[str | None, typer.Argument(metavar="WORD", help="In upper or lower case.")] = None,
    files: Annotated[list[str] | None, typer.Argument(metavar="FILE...", help="- is standard input.")] = None,
    model: Model = DEFAULT,
    layer: LayerOption = ALL,
    groups: Annotated[
        int | None, typer.Option(min=1, max=20, metavar="N", help="How many. Default: what fits best, 1 to 6.")
    ] = None,
    limit: Annotated[
        int, typer.Option(min=LEAST, max=5000, metavar="N", help="Occurrences at most, chosen evenly over all of them.")
    ] = 1000,
    png: Annotated[str | None, typer.Option(metavar="FILE", help="Draw them too, replacing what is there.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the groups, or the scores, as JSON.")] = False,
    evaluate: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Score every layer on lines of word, tab, sense, tab, sentence instead."),
    ] = None,
    input: InputOption = None,
    encoding: Encoding = "utf-8",
    device: DeviceOption = "auto",
) -> None:
    """Groups the occurrences of a word in files by the vectors that it has in its sentences.

    Each group has its size, the other words of the files that are nearest to it, and its most typical
    sentences. The groups are those of 2 to 6 whose silhouette (of cosine distances, after the word's mean
    is taken away) is best; if that is less than 0.15, all occurrences are one group.
    """
    from tagger import sense_score
    from tagger import senses as grouping

    with _clear_errors():
        if (word is None or not files) if evaluate is None else (word is not None or png is not None):
            raise InputError("name a WORD and the FILEs to look for it in, or --evaluate FILE alone")
        tagger = _load(model, device, "float32")
        if evaluate is not None:
            scores = sense_score.sense_scores(tagger, sense_score.read_examples(tagger, evaluate, encoding))
            report = sense_score.to_json(scores) if as_json else sense_score.render(scores)
        else:
            assert word is not None
            assert files is not None
            found = find(tagger, word, files, read_files(tagger, files, input, encoding), limit)
            if found.total > limit:
                _say(f"{limit:,} of {found.total:,} occurrences, chosen evenly over all of them; see --limit")
            grouped = grouping.senses(tagger, word, found, layer, groups)
            if png is not None:
                grouping.draw(grouped, png)
            report = grouping.to_json(grouped) if as_json else grouping.render(grouped)
        with _standard_output() as out:
            out.write(report if isinstance(report, str) else json.dumps(report, indent=2) + "\n")


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
        _say(f"resuming: {len(jobs) - len(pending)} of {len(jobs)} outputs are finished")
        return pending
    pending = [job for job in jobs if force or job.target is None or not job.target.is_file()]
    if len(pending) < len(jobs):
        kept = [str(job.target) for job in jobs if job not in pending]
        more = f" and {len(kept) - 1} more" if len(kept) > 1 else ""
        _say(f"kept: {kept[0]}{more}; --force replaces what exists")
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


def _load(name: str, device: str, precision: str, cache_size: int = CACHE_SIZE, workers: int = 1) -> Tagger:
    torch.set_num_threads(1)  # more are slower: the steps are small
    tagger = load(name, device, precision, cache_size, workers)
    gc.freeze()  # what is there by now stays, and what tagging makes is freed without a search for cycles:
    gc.set_threshold(100_000, 10, 10)  # to search often would take a tenth of the time
    scores = tagger.config.get("scores", {}).get("dev", {})
    shown = ", ".join(f"{column} {100 * accuracy:.2f}" for column, accuracy in scores.items())
    corpus, computed = tagger.config.get("corpus"), tagger.engine.precision
    _say(f"model: {find_tagger(name)} (trained on {corpus}; dev {shown}); {computed} on {tagger.device}")
    return tagger


def _check_tags(tagger: Tagger, name: str) -> None:
    if not tagger.columns:
        raise InputError(
            f"{name} predicts words and has no tags; train a tagger from it with python -m tagger init={name}"
        )


def _say(message: str) -> None:
    if sys.stderr is not None:
        print(message, file=sys.stderr, flush=True)


@contextmanager
def _clear_errors() -> Iterator[None]:
    """Bad input is one line and status 2; a reader that went away (`| head`) is no error."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # end as on Ctrl+C, nothing half-written
    try:
        yield
    except InputError as error:
        _say(f"error: {error}")
        raise typer.Exit(2) from None
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing more to flush into the closed pipe
        raise typer.Exit(141) from None
    except OSError as error:
        _say(f"error: standard output cannot be written: {error.strerror}")
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        _say("interrupted; files that were not whole are not written")
        raise typer.Exit(130) from None


@contextmanager
def _standard_output() -> Iterator[TextIO]:
    if sys.stdout is None:
        raise InputError("standard output is closed; name a file with -o")
    out = io.TextIOWrapper(sys.stdout.buffer, "utf-8", errors="backslashreplace", newline="\n")
    try:
        yield out
        out.flush()
    finally:
        out.detach()


def _output(job: Job) -> AbstractContextManager[TextIO]:
    return _standard_output() if job.target is None else whole_file(job.target)


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

"""The command `tag`: files in, tagged files out."""

import sys
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TextIO

import rich.progress
import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn

from tagger.bundled import bundled
from tagger.commands.console import BAD_INPUT, say, standard_output
from tagger.commands.options import (
    FORMATS,
    GIVEN_TAGS,
    LARGE_JOBS,
    CorpusOption,
    DeviceOption,
    Encoding,
    GroupedOptions,
    InputOption,
    LanguageOption,
    LexiconCaseOption,
    LexiconOption,
    ModelOrNone,
    PrecisionOption,
    SegmenterOption,
    Workers,
    check_segmenter,
    column_places,
    format_help,
    lexicon_files,
)
from tagger.errors import InputError
from tagger.text.columns import column_separator
from tagger.text.conllu import with_comments
from tagger.text.files import STDIO, check_input
from tagger.text.formats import OUTPUTS, SEPARATORS, TAGGED, OutputFormat, format_of
from tagger.text.output_files import is_replaced, whole_file
from tagger.text.remote_path import Place, place_of
from tagger.text.segment import LEARNED
from tagger.text.sentence import Sentence
from tagger.text.strings import printable
from tagger.text.writers import writer

if TYPE_CHECKING:
    from tagger.jobs.bulk import Options, Progress
    from tagger.jobs.jobs import Job
    from tagger.jobs.outputs import Outputs
    from tagger.tagging.document_tagger import DocumentTagger

SETTINGS = {"epilog": format_help(outputs=True), "cls": GroupedOptions}
RAY = "ray"


def tag(
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="FILE|FOLDER", help="Default: -, standard input.")
    ] = None,
    to: Annotated[str | None, typer.Option("-o", metavar="FILE|FOLDER", help="Default: -, standard output.")] = None,
    language: LanguageOption = None,
    model: ModelOrNone = None,
    text: Annotated[str | None, typer.Option(metavar="TEXT", help="Tag this text, not a file.")] = None,
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
            rich_help_panel=FORMATS,
        ),
    ] = None,
    paragraph_per_line: Annotated[
        bool | None,
        typer.Option(
            help="Of text: whether each line is a paragraph. Default: unless lines are hard-wrapped.",
            rich_help_panel=FORMATS,
        ),
    ] = None,
    segmenter: SegmenterOption = "auto",
    corpus: CorpusOption = None,
    encoding: Encoding = "utf-8",
    keep: Annotated[
        bool,
        typer.Option(
            "--keep",
            help="Keep the tags that the input has; _ stands for a tag that is to be found.",
            rich_help_panel=GIVEN_TAGS,
        ),
    ] = False,
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=N",
            help="With --keep, the place of a tag column in tsv, csv and slash, the token being 0. May be repeated."
            " Default: the first column has the place 1. CoNLL-U has places of its own.",
            rich_help_panel=GIVEN_TAGS,
        ),
    ] = None,
    lexicon: LexiconOption = None,
    lexicon_case: LexiconCaseOption = "exact",
    review_below: Annotated[
        float | None,
        typer.Option(
            metavar="P",
            help="Write only the sentences with a word whose tag is less probable than P, 0 to 1, the most doubtful one"
            " first, to one CoNLL-U file.",
            rich_help_panel=GIVEN_TAGS,
        ),
    ] = None,
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
            help="local, ray: what runs the workers: this machine, or Ray, on a cluster (--address) or here.",
            rich_help_panel=LARGE_JOBS,
        ),
    ] = "local",
    address: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="With --engine ray, the cluster: auto, HOST:6379 or ray://HOST:10001. Default: the variable"
            " RAY_ADDRESS, else a Ray of this machine that ends with the run.",
            rich_help_panel=LARGE_JOBS,
        ),
    ] = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    cache_size: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Word forms whose values are cached, at least 16000. Default: 50000.",
            rich_help_panel=LARGE_JOBS,
        ),
    ] = None,
) -> None:
    """Tags files: running text, or tokens in one of several formats.

    Files and folders may be URLs: s3://, gs://, and for input hf:// and https://. Files ending in .gz or .zst are read
    and written compressed. An output appears under its name when it is whole. Outputs that exist are kept. A folder of
    outputs gets a manifest, which lists what is finished.
    """
    from tagger.bundle.catalog import find_tagger
    from tagger.commands.loading import load_all, load_with_tags, one_or_all
    from tagger.jobs.bulk import Options, tag_files
    from tagger.jobs.jobs import jobs_of_shard, parse_shard, plan_jobs
    from tagger.jobs.manifest import Manifest, tagger_digest
    from tagger.jobs.outputs import Outputs
    from tagger.model.device import choose_device, choose_precision
    from tagger.tagging.workers import processor_cores

    if text is not None and sources:
        raise InputError(f"--text is the text to tag, and so is {sources[0]}; leave one of the two out")
    check_input([], encoding)
    if separator is not None:
        column_separator(separator)
    to = None if to == STDIO else to
    part = None if shard is None else parse_shard(shard)
    alone = {"--text": text is not None, "--review-below": review_below is not None}
    _check_engine(engine, address, {**alone, "--shard": part is not None})
    for option, given in alone.items():
        if given and part is not None:
            raise InputError(f"--shard {part} divides files by their outputs, and {option} has one; leave one out")
    if review_below is not None:
        _check_review(review_below, to, output, {"--top": top > 1, "--resume": resume})
        if to is not None and is_replaced(place_of(to)) and not force:
            say(f"kept: {to}; --force replaces what exists")
            return
    plan = plan_jobs(sources or [], to, input, output, into_one=review_below is not None)
    jobs, target = plan.jobs, plan.to
    if text is not None:
        jobs = [jobs[0]._replace(source="--text", text=text)]
    if engine == RAY:
        from tagger.jobs.ray_cluster import tag_jobs  # before a model is loaded: it may not be installed

        _check_files(jobs)
    check_segmenter(segmenter, {job.source: job.input for job in jobs})
    lexicons = lexicon_files(lexicon or [])
    if keep:
        _check_tags_to_keep(jobs)
    elif column:
        raise InputError(f"--column {column[0]} says where tags are that stay; add --keep, or leave it out")
    for line in plan.skipped:
        say(line)
    for line in plan.errors:
        say(f"error: {line}")
    if part is not None:
        own = jobs_of_shard(jobs, part, sources or [], target)
        nothing = "" if own else ", so there is nothing to do"
        say(f"shard {part}: {len(own) or 'none'} of {len(jobs)} files{nothing}")
        jobs = own
    failed = len(plan.errors)
    if jobs:
        names_one = {"--segmenter learned": segmenter == LEARNED, "--corpus": corpus is not None, "--keep": keep}
        names_one |= {"--lexicon": bool(lexicons), "--cache-size": cache_size is not None}
        count = 1 if engine == RAY else workers or processor_cores()
        chosen = one_or_all(language, model, names_one)
        folder = bundled("data") if chosen is None else find_tagger(chosen)
        options = Options(encoding, separator, paragraph_per_line, probabilities, top)
        manifest = None
        if target is not None and all(job.target not in (None, target) for job in jobs):
            computes = choose_precision(precision, choose_device(device))
            digest = tagger_digest(
                *(folder, computes, input, output, options, segmenter, corpus),
                *((column or []) if keep else None, lexicons, lexicon_case),
            )
            manifest = Manifest(target, digest, part)
        outputs = Outputs(jobs, manifest, force, resume)
        for message in outputs.messages:
            say(message)
        failed += len(outputs.foreign)
        jobs = outputs.pending
    if jobs:
        if chosen is None:
            tagger: DocumentTagger = load_all(device, precision, count, segmenter)
        else:
            tagger = load_with_tags(
                *(chosen, device, precision, folder, cache_size, count, segmenter, corpus, lexicons, lexicon_case)
            )
        if keep:
            options = options._replace(keep=column_places(column or [f"{tagger.columns[0]}=1"], tagger.columns))
        if review_below is not None:
            failed += _review(tagger, jobs, options, review_below, target)
        else:
            work = tagger, jobs, options, partial(_open, outputs), Console().width
            on_ray = engine == RAY
            failed += _show(jobs, tag_jobs(*work, address=address, workers=workers) if on_ray else tag_files(*work))
    if failed:
        raise typer.Exit(BAD_INPUT)


def _open(outputs: "Outputs", job: "Job") -> AbstractContextManager[TextIO]:
    return standard_output() if job.target is None else outputs.open(job)


def _show(jobs: Sequence["Job"], steps: Generator["Progress", None, None]) -> int:
    """Shows steps as they come: errors, and on a terminal bytes, words per second and time left.

    Args:
        jobs: that are done.
        steps: of them.

    Returns:
        The number of jobs that failed.
    """
    words = read = failed = 0  # bytes of files that are done
    with closing(steps), _progress_bar(jobs) as bar:
        for step in steps:
            words += step.words
            if step.finished or step.error is not None:
                read += step.job.size
            if step.error is not None:
                failed += 1
                say(f"error: {step.error}")
            if bar is not None:
                speed = f"{words / (bar.tasks[0].elapsed or 1):,.0f} words/s"
                bar.update(bar.tasks[0].id, completed=read + step.read, words=speed)
    if 0 < failed < len(jobs):
        say(f"{failed} of {len(jobs)} files failed; the others are tagged")
    return failed


@contextmanager
def _progress_bar(jobs: Sequence["Job"]) -> Iterator[rich.progress.Progress | None]:
    """A bar on standard error, if that is a terminal on which no tags are printed; else None."""
    printed = any(job.target is None for job in jobs) and sys.stdout is not None and sys.stdout.isatty()
    if printed or sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    columns = (BarColumn(), DownloadColumn(), TextColumn("{task.fields[words]}"), TimeRemainingColumn())
    with rich.progress.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        bar.add_task("", total=sum(job.size for job in jobs) or None, words="")
        yield bar


def _check_engine(engine: str, address: str | None, others: Mapping[str, bool]) -> None:
    """Checks `--engine` and `--address` beside options that Ray has no use for, which are given or not."""
    if engine != RAY and address is not None:
        raise InputError(f"--address {address} is that of a Ray cluster; add --engine ray, or leave it out")
    for option, given in others.items():
        if given and engine == RAY:
            raise InputError(f"{option} does not go with --engine ray; leave one of the two out")


def _check_files(jobs: Sequence["Job"]) -> None:
    """Checks that other processes can open all inputs and outputs."""
    for job in jobs:
        if job.source == STDIO:
            raise InputError("--engine ray tags files, and standard input is none; name files or folders")
        if job.target is None:
            raise InputError("--engine ray writes files, and standard output is none; name a folder: -o FOLDER/")
        for path in (place_of(job.source), job.target):
            if isinstance(path, Path) and path.exists() and not path.is_file():
                raise InputError(f"{path} is no regular file, so processes of Ray cannot open it; copy it into a file")


def _check_tags_to_keep(jobs: Sequence["Job"]) -> None:
    for job in jobs:
        if job.input not in TAGGED:
            shown = "standard input" if job.source == STDIO else job.source
            raise InputError(
                f"--keep keeps tags of the input, but {shown} ({job.input}) has none; give"
                f" {', '.join(TAGGED)} with --input"
            )


def _check_review(below: float, to: str | None, output: str | None, others: Mapping[str, object]) -> None:
    if not 0 <= below <= 1:
        raise InputError(f"--review-below {below:g}: a probability is a number from 0 to 1")
    named = f"--output {output}" if output is not None else f"-o {to}"
    if (output or format_of(to or "", "conllu")) != "conllu":
        raise InputError(f"{named} does not go with --review-below, which writes CoNLL-U; name a file such as x.conllu")
    if to is not None and (to.endswith("/") or place_of(to).is_dir()):
        file = place_of(to) / "review.conllu"
        raise InputError(f"-o {to} is a folder; --review-below writes one file, such as {file}")
    for option, value in others.items():
        if value:
            raise InputError(f"{option} does not go with --review-below, which writes CoNLL-U with probabilities")


def _review(tagger: "DocumentTagger", jobs: Sequence["Job"], options: "Options", below: float, to: Place | None) -> int:
    """Writes the sentences that the tagger doubts, of all files together, and returns how many files failed."""
    from tagger.jobs.bulk import file_sentences
    from tagger.tagging.review import doubtful_sentences

    total = failed = 0

    def sentences() -> Iterator[Sentence]:
        nonlocal total, failed
        for job in jobs:
            try:
                for sentence in file_sentences(tagger, job, options):
                    total += bool(sentence.tokens)
                    source = [f"# source = {printable(job.source)}"] if len(jobs) > 1 else []
                    yield with_comments(sentence, "# source =", source) if source else sentence
            except InputError as error:
                if len(jobs) == 1:
                    raise
                failed += 1
                say(f"error: {error}")

    write = writer("conllu", tagger.columns, probabilities=True)
    with standard_output() if to is None else whole_file(to) as out:  # before tagging, which may take hours
        doubtful = doubtful_sentences(tagger, sentences(), below, options.keep is not None)
        for sentence in doubtful:
            out.write(write(sentence))
    say(f"{len(doubtful):,} of {total:,} sentences have a word whose tag is less probable than {below:g}")
    return failed

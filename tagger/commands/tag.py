"""The command `tag`: files in, tagged files out."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from typing import TYPE_CHECKING, Annotated, TextIO, get_args

import typer

from tagger.commands.console import BAD_INPUT, say, standard_output
from tagger.commands.options import (
    DEFAULT_MODEL,
    CorpusOption,
    DeviceOption,
    Encoding,
    InputOption,
    LexiconCaseOption,
    LexiconOption,
    Model,
    PrecisionOption,
    SegmenterOption,
    Workers,
    check_segmenter,
    column_places,
    format_help,
    lexicon_files,
)
from tagger.commands.tag_engine import RAY, AddressOption, EngineOption, check_engine, check_files
from tagger.errors import InputError
from tagger.text.columns import column_separator
from tagger.text.conllu import with_comments
from tagger.text.files import STDIO, check_input
from tagger.text.formats import MAX_PATHS, OUTPUTS, SEPARATORS, OutputFormat, TaggedFormat, format_of
from tagger.text.place_files import replaces, whole_text
from tagger.text.remote_path import Place, place_of
from tagger.text.sentence import Sentence
from tagger.text.strings import printable
from tagger.text.writers import writer

if TYPE_CHECKING:
    from tagger.tagging.bulk import Options
    from tagger.tagging.jobs import Job
    from tagger.tagging.tagger import Tagger

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
    paths: Annotated[
        int,
        typer.Option(
            min=0,
            max=MAX_PATHS,
            metavar="N",
            help="Add the N most probable sequences of tags of each sentence (conllu, jsonl).",
        ),
    ] = 0,
    top: Annotated[int, typer.Option(min=1, metavar="N", help="Add the N best tags of each token.")] = 1,
    lexicon: LexiconOption = None,
    lexicon_case: LexiconCaseOption = "exact",
    keep: Annotated[
        bool,
        typer.Option("--keep", help="Keep the tags that the input has; _ stands for a tag that is to be found."),
    ] = False,
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=N",
            help="With --keep, the place of a tag column in tsv, csv and slash, the token being 0. May be repeated."
            " Default: the first column has the place 1. CoNLL-U has places of its own.",
        ),
    ] = None,
    review_below: Annotated[
        float | None,
        typer.Option(
            metavar="P",
            help="Write only the sentences with a word whose tag is less probable than P, 0 to 1, the most doubtful one"
            " first, to one CoNLL-U file.",
        ),
    ] = None,
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
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="i/n",
            help="Tag only the i-th of n parts of the files; n runs, on one machine or on many, tag all into one"
            " -o FOLDER.",
        ),
    ] = None,
    engine: EngineOption = "local",
    address: AddressOption = None,
) -> None:
    """Tags files: running text, or tokens in one of several formats.

    Files and folders may be URLs: s3://, gs://, and for input hf:// and https://. Files ending in .gz or .zst are read
    and written compressed. An output appears under its name when it is whole. Outputs that exist are kept. A folder of
    outputs gets a manifest, which lists what is finished.
    """
    from rich.console import Console

    from tagger.commands.loading import load_with_tags
    from tagger.commands.progress import progress_line
    from tagger.tagging.batches import choose_device, choose_precision
    from tagger.tagging.bulk import Options, tag_files
    from tagger.tagging.jobs import Job, format_skipped, plan_jobs
    from tagger.tagging.manifest import Manifest
    from tagger.tagging.outputs import Outputs
    from tagger.tagging.run_settings import run_settings
    from tagger.tagging.shard import jobs_of_shard, parse_shard
    from tagger.tagging.workers import processor_cores
    from tagger.weights.catalog import find_tagger

    check_input([], encoding)
    if separator is not None:
        column_separator(separator)
    to = None if to == STDIO else to
    part = None if shard is None else parse_shard(shard)
    check_engine(engine, address, {"--review-below": review_below is not None, "--shard": part is not None})
    if review_below is not None:
        _check_review(review_below, to, output, {"--top": top > 1, "--paths": paths, "--resume": resume})
        if part is not None:
            raise InputError(
                f"--shard {part} does not go with --review-below, whose one output has the doubtful sentences of all"
                " files"
            )
        if to is not None and replaces(place_of(to)) and not force:
            say(f"kept: {to}; --force replaces what exists")
            return
    jobs, skipped, target = plan_jobs(sources or [], to, input, output, into_one=review_below is not None)
    if engine == RAY:
        from tagger.adapters.ray_cluster import tag_jobs  # before a model is loaded: it may not be installed

        check_files(jobs)
    check_segmenter(segmenter, {job.source: job.input for job in jobs})
    lexicons = lexicon_files(lexicon or [])
    if keep:
        _check_tags_to_keep(jobs)
    elif column:
        raise InputError(f"--column {column[0]} says where tags are that stay; add --keep, or leave it out")
    if skipped:
        say(format_skipped(skipped))
    if part is not None:
        own = jobs_of_shard(jobs, part, sources or [], target)
        if not own:
            say(f"shard {part}: none of {len(jobs)} files, so there is nothing to do")
            return
        say(f"shard {part}: {len(own)} of {len(jobs)} files")
        jobs = own
    folder = find_tagger(model)
    options = Options(encoding, separator, paragraph_per_line, probabilities, top, paths)
    settings = run_settings(
        *(folder, choose_precision(precision, choose_device(device)), input, output, options, segmenter, corpus),
        *((column or []) if keep else None, lexicons, lexicon_case),
    )
    manifest = Manifest(target, settings, part) if target and all(job.target != target for job in jobs) else None
    outputs = Outputs(jobs, manifest, force, resume)
    for message in outputs.messages:
        say(message)
    pending = outputs.pending
    if not pending:
        return
    tagger = load_with_tags(
        *(model, device, precision, folder, cache_size, 1 if engine == RAY else workers or processor_cores()),
        *(segmenter, corpus, lexicons, lexicon_case),
    )
    if keep:
        places = column_places(column, tagger.columns) if column else {tagger.columns[0]: 1}
        options = options._replace(keep=places)
    if review_below is not None:
        _review(tagger, jobs, options, review_below, target)
        return

    def open_output(job: Job) -> AbstractContextManager[TextIO]:
        return standard_output() if job.target is None else outputs.open(job)

    if engine == RAY:
        steps = tag_jobs(tagger, pending, options, open_output, Console().width, address=address, workers=workers)
    else:
        steps = tag_files(tagger, pending, options, open_output, Console().width)
    failures = 0
    to_terminal = any(job.target is None for job in pending) and sys.stdout is not None and sys.stdout.isatty()
    with closing(steps), progress_line(sum(job.size for job in pending), not to_terminal) as progress:
        for step in steps:
            progress.show(step)
            if step.error is not None:
                failures += 1
                say(f"error: {step.error}")
    if failures:
        if failures < len(pending):
            say(f"{failures} of {len(pending)} files failed; the others are tagged")
        raise typer.Exit(BAD_INPUT)


def _check_tags_to_keep(jobs: Sequence["Job"]) -> None:
    for job in jobs:
        if job.input not in get_args(TaggedFormat):
            shown = "standard input" if job.source == STDIO else job.source
            raise InputError(
                f"--keep keeps tags of the input, but {shown} ({job.input}) has none; give"
                f" {', '.join(get_args(TaggedFormat))} with --input"
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


def _review(tagger: "Tagger", jobs: Sequence["Job"], options: "Options", below: float, to: Place | None) -> None:
    """Writes the sentences that the tagger doubts, of all files together."""
    from tagger.tagging.bulk import file_sentences
    from tagger.tagging.review import doubtful_sentences

    total = 0

    def sentences() -> Iterator[Sentence]:
        nonlocal total
        for job in jobs:
            for sentence in file_sentences(tagger, job, options):
                total += bool(sentence.tokens)
                source = [f"# source = {printable(job.source)}"] if len(jobs) > 1 else []
                yield with_comments(sentence, "# source =", source) if source else sentence

    write = writer("conllu", tagger.columns, probabilities=True)
    with standard_output() if to is None else whole_text(to) as out:  # before tagging, which may take hours
        doubtful = doubtful_sentences(tagger, sentences(), below, options.keep is not None)
        for sentence in doubtful:
            out.write(write(sentence))
    say(f"{len(doubtful):,} of {total:,} sentences have a word whose tag is less probable than {below:g}")

"""The command `review`: files in, the sentences that the tagger doubts out."""

import os
from collections.abc import Iterator
from typing import Annotated

import typer

from tagger.commands.console import BAD_INPUT, say
from tagger.commands.options import (
    GIVEN_TAGS,
    MODEL_HELP,
    CorpusOption,
    DeviceOption,
    Encoding,
    Force,
    InputOption,
    LexiconOption,
    PrecisionOption,
    Separator,
    WorkersOption,
    check_output,
    format_help,
    lexicon_files,
)
from tagger.errors import InputError
from tagger.text.files import STDIO, codec_of
from tagger.text.formats import TAGGED, format_of, writer
from tagger.text.output_files import is_replaced, whole_file
from tagger.text.paragraphs import cut_parts
from tagger.text.sentence import Sentence
from tagger.text.strings import printable

SETTINGS = {"review": {"epilog": format_help()}}
SOURCE = "# source ="  # begins the comment that names the file of a sentence, where there are several


def review(
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="FILE|FOLDER", help="Default: -, standard input.")
    ] = None,
    to: Annotated[
        str | None, typer.Option("-o", metavar="FILE", help="A CoNLL-U file. Default: -, standard output.")
    ] = None,
    below: Annotated[
        float, typer.Option(metavar="P", help="A tag is doubtful if it is less probable than P, 0 to 1.")
    ] = 0.6,
    language: Annotated[
        str | None, typer.Option(metavar="CODE", help="Of the text, such as de. Default: the text tells.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="MODEL", help=f"{MODEL_HELP} Default: the tagger of the text's language.")
    ] = None,
    input: InputOption = None,
    keep: Annotated[
        bool,
        typer.Option("--keep", help="Keep the tags that the input has, and doubt none.", rich_help_panel=GIVEN_TAGS),
    ] = False,
    lexicon: LexiconOption = None,
    corpus: CorpusOption = None,
    encoding: Encoding = "utf-8",
    separator: Separator = None,
    force: Force = False,
    workers: WorkersOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
) -> None:
    """Writes the sentences with a doubtful tag, in order of doubt.

    The sentences of all files go into one CoNLL-U file, to be corrected. The first column of tags decides.
    """
    from tagger.bundle.catalog import find_tagger
    from tagger.commands.loading import load_and_tell, one_or_all
    from tagger.extras.review.review import doubtful_sentences, with_comments
    from tagger.jobs.bulk import JobOptions, file_parts
    from tagger.jobs.plan import find_files
    from tagger.tagging.workers import processor_cores

    to = None if to == STDIO else to
    if not 0 <= below <= 1:
        raise InputError(f"--below {below:g}: a probability is a number from 0 to 1")
    if to is not None and (os.path.isdir(to) or to.endswith("/") or format_of(to, "conllu") != "conllu"):
        raise InputError(f"-o {to}: a review is one CoNLL-U file; name it, such as -o review.conllu")
    codec_of(encoding)
    if to is not None and is_replaced(to) and not force:
        say(f"kept: {to}; --force replaces what exists")
        return
    lexicons = lexicon_files(lexicon or [])
    plan = find_files(sources or [], to, input)
    check_output("-o", to, [job.source for job in plan.jobs], force=True)
    for job in plan.jobs:
        if keep and job.input not in TAGGED:
            raise InputError(f"--keep: {job.source} ({job.input}) has no tags; give {', '.join(TAGGED)} with --input")
    for line in (*plan.skipped, *plan.errors):
        say(line)
    names_one = {"--corpus": corpus is not None, "--keep": keep, "--lexicon": bool(lexicons)}
    chosen, count = one_or_all(language, model, names_one), workers or processor_cores()
    folder = None if chosen is None else find_tagger(chosen)
    tagger = load_and_tell(folder, device, precision, count, corpus=corpus, lexicons=lexicons)
    options = JobOptions(encoding, separator, keep={tagger.columns[0]: 1} if keep else None)
    total, failed = 0, len(plan.errors)

    def sentences() -> Iterator[Sentence]:
        nonlocal total, failed
        for job in plan.jobs:
            try:
                for sentence in cut_parts((part for part, _ in file_parts(tagger, job, options)), tagger.cuts_of):
                    total += bool(sentence.tokens)
                    source = [f"{SOURCE} {printable(job.source)}"] if len(plan.jobs) > 1 else []
                    yield with_comments(sentence, SOURCE, source) if source else sentence
            except InputError as error:
                if len(plan.jobs) == 1:
                    raise
                failed += 1
                say(f"error: {error}")

    write = writer("conllu", tagger.columns, probabilities=True)
    with whole_file(to) as out:  # before tagging, which may take hours
        doubtful = doubtful_sentences(tagger, sentences(), below, keep)
        out.writelines(map(write, doubtful))
    say(f"{len(doubtful):,} of {total:,} sentences have a word whose tag is less probable than {below:g}")
    if not doubtful and not failed:
        say("there is nothing to correct; a larger --below finds more")
    if failed:
        raise typer.Exit(BAD_INPUT)

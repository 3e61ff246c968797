"""Files -> tagged files: this process reads and writes; the tagger's workers cut text, tag it and format it.

Every file is tagged in windows of its own, whose sizes follow from its content alone. Files that are one small window
are computed together with fixed shapes (see `PackedBatch`), so a sentence's values do not depend on the others. The
output of a file is therefore the same to the byte whether it is tagged alone or among others, by one worker or by
several, or after a run was resumed.
"""

import io
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from itertools import chain, compress, groupby
from typing import BinaryIO, NamedTuple

from tagger.errors import InputError
from tagger.jobs.outputs import open_output
from tagger.jobs.plan import Job, file_state
from tagger.tagging.tagger import WINDOW_TOKENS, DocumentTagger
from tagger.tagging.tagger_options import Request
from tagger.tagging.workers import WorkBatch, WorkersDied
from tagger.text.files import STDIO, decoded_lines, open_binary
from tagger.text.formats import SEPARATED, WITH_OFFSETS, Writer, read_checked, read_parts, writer
from tagger.text.paragraphs import Part, grouped, sentences_of
from tagger.text.sentence import Sentence, numbered

FIRST_WINDOW = 16_000  # tokens of a file's first window, so that most files are one batch; then they double
FIRST_BATCH = 1_000  # tokens of the first batch that is sent to a worker; likewise
CHARACTERS_PER_TOKEN = 5  # of running text, about
MAX_WINDOWS = 500  # of a batch


class JobOptions(NamedTuple):
    """How files are read and written."""

    encoding: str = "utf-8"
    separator: str | None = None
    probabilities: bool = False
    top: int = 1
    # Places of the columns whose given tags stay; None: none stay. In conllu and jsonl those of all columns stay.
    keep: Mapping[str, int] | None = None
    columns: Sequence[str] | None = None  # that are written; None: all
    width: int = 80  # of the terminal
    force: bool = False  # whether an output that was made meanwhile is replaced


class Step(NamedTuple):
    """A window of an output has been written, or the output has ended."""

    job: Job
    words: int = 0  # of the window
    read: int = 0  # bytes of the source up to its end; 0 if that is not known
    finished: bool = False  # whether the output is whole and has its name
    error: InputError | None = None  # the error that stopped this output


class _FileWindow(NamedTuple):
    """Parts of a file that are tagged together, and how they are written."""

    job: Job
    parts: list[Part]
    write: Writer
    layout: bool  # whether the format shows where words stand
    whole: bool = True  # whether it is a whole file, which may be computed together with others
    tokens: int = 0  # about how many
    read: int = 0  # bytes of the file up to the end of the window
    error: InputError | None = None  # why the rest of the file cannot be read


_Result = tuple[str, int] | InputError  # a window as text and the number of its words, or why there is none


def tag_files(tagger: DocumentTagger, jobs: Iterable[Job], options: JobOptions) -> Generator[Step, None, None]:
    """Tags files one after the other. An error in one does not stop the others; `WorkersDied` ends the run."""
    failed: set[Job] = set()
    request = Request(top=options.top, probabilities=options.probabilities, keep=options.keep is not None)
    windows = _windows(tagger, jobs, options, failed)
    groups = grouped(windows, lambda window: window.tokens, FIRST_BATCH, WINDOW_TOKENS, count=MAX_WINDOWS)
    batches = (
        WorkBatch([window._replace(parts=[]) for window in group], group, sum(window.tokens for window in group))
        for group in groups
    )
    results = tagger.workers.map(partial(_write, request=request), batches)
    pairs = (pair for group, texts in results for pair in zip(group, texts, strict=True))
    for job, own in groupby(pairs, lambda pair: pair[0].job):
        try:
            first = next(own)
            for error in (first[0].error, first[1]):
                if isinstance(error, InputError):
                    raise error  # before there is an output
            with open_output(job, options.force) as out:
                sentence = 1
                for window, result in chain([first], own):
                    if isinstance(result, InputError):
                        raise result
                    text, words = result
                    if job.output == "conllu" != job.input:
                        text, sentence = numbered(text, sentence)
                    out.write(text)
                    if window.error is not None:
                        raise window.error
                    yield Step(job, words, window.read)
            yield Step(job, finished=True)
        except WorkersDied:
            raise
        except InputError as error:
            failed.add(job)
            yield Step(job, error=error)


def _windows(
    tagger: DocumentTagger, jobs: Iterable[Job], options: JobOptions, failed: Collection[Job]
) -> Iterator[_FileWindow]:
    """The windows of all files, at least one of each."""
    for job in jobs:
        write = writer(
            job.output,
            options.columns or tagger.columns,
            probabilities=options.probabilities,
            top=options.top,
            separator=options.separator if job.input == job.output or job.input not in SEPARATED else None,
            width=options.width,
        )
        window = _FileWindow(job, [], write, job.output in WITH_OFFSETS)
        tokens, limit = 0, FIRST_WINDOW
        error = None
        try:
            for part, read in file_parts(tagger, job, options):
                if job in failed:
                    break
                window.parts.append(part)
                tokens += len(part) if isinstance(part, Sentence) else 1 + len(part.text) // CHARACTERS_PER_TOKEN
                if tokens >= limit:
                    yield window._replace(whole=False, tokens=tokens, read=read())
                    window, tokens = window._replace(parts=[], whole=False), 0
                    limit = min(2 * limit, WINDOW_TOKENS)
        except InputError as found:
            error = found
        yield window._replace(tokens=tokens, error=error)


def file_parts(tagger: DocumentTagger, job: Job, options: JobOptions) -> Iterator[tuple[Part, Callable[[], int]]]:
    """The parts of a file, each with a function that returns the number of bytes read so far."""
    binary: BinaryIO
    if job.text is None:
        binary, encoding = open_binary(job.source), options.encoding
    else:
        binary, encoding = io.BytesIO(job.text.encode(errors="surrogateescape")), "utf-8"
    before = file_state(binary)

    def position() -> int:
        return binary.tell() if isinstance(binary, io.BufferedReader) and binary.seekable() else 0

    try:
        with closing(decoded_lines(binary, job.source, encoding, html=job.input == "html")) as lines:
            read = read_parts if options.keep is None else partial(read_checked, known=tagger.known_tags)
            columns = dict.fromkeys(tagger.columns, 0) if options.keep and job.input == "jsonl" else options.keep
            parts = read(lines, job.source, job.input, columns=columns, separator=options.separator, may_lack_tags=True)
            for part in tagger.with_languages(parts, job.source):
                yield part, position
            if file_state(binary) != before:
                raise InputError(f"{job.source} changed while it was read; tag it again when it is whole")
    finally:
        if job.source != STDIO:
            binary.close()


def _write(tagger: DocumentTagger, windows: list[_FileWindow], request: Request) -> list[_Result]:
    """The work of a process: cuts paragraphs, all of them together, tags sentences, and writes them as text."""
    try:
        cuts = tagger.cuts_of([part for window in windows for part in window.parts])
    except InputError as error:  # of one of them
        return [error] if len(windows) == 1 else [each for one in windows for each in _write(tagger, [one], request)]
    cut = [[each for part in own.parts for each in sentences_of(part, cuts, own.layout)] for own in windows]
    together = [window.whole and tagger.has_fixed_shapes for window in windows]
    for sentences, is_among in zip(cut, together, strict=True):
        if not is_among:
            tagger.tag_window(sentences, request)
    whole = [sentence for sentences in compress(cut, together) for sentence in sentences]
    tagger.tag_window(whole, request._replace(fixed_shapes=True))
    results: list[_Result] = []
    for window, sentences in zip(windows, cut, strict=True):
        try:
            results.append(("".join(map(window.write, sentences)), sum(map(len, sentences))))
        except InputError as error:
            results.append(error)
    return results

"""Files -> tagged files: this process reads and writes, the tagger's workers cut text, tag it and format it."""

import io
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, closing
from functools import partial
from itertools import chain, groupby
from typing import NamedTuple, TextIO

from tagger.errors import InputError
from tagger.tagging.jobs import Job
from tagger.tagging.tagger import FIRST_WINDOW, WINDOW_TOKENS, Tagger, Wanted
from tagger.tagging.workers import Part, WorkersDied
from tagger.text.files import STDIO, decoded_lines, open_binary
from tagger.text.formats import TAKES_SEPARATOR
from tagger.text.paragraphs import Paragraph, read_paragraphs
from tagger.text.readers import read
from tagger.text.sentence import Sentence
from tagger.text.writers import Writer, writer

CHARACTERS = 5  # of running text per token, about
FILES = 500  # of which there are pieces in a window, at most
OFFSETS = ("conllu", "jsonl")  # formats that show where tokens stood


class Options(NamedTuple):
    """How files are read and written; see `formats.read` and `writers.writer`."""

    encoding: str = "utf-8"
    separator: str | None = None
    paragraph_per_line: bool | None = None
    probabilities: bool = False
    top: int = 1


class Progress(NamedTuple):
    """A piece of an output has been written, or there is no more of it."""

    job: Job
    words: int = 0  # of the piece
    read: int = 0  # bytes of the source up to its end; 0 where that is not known
    finished: bool = False  # whether the output is whole and has its name
    error: InputError | None = None  # why it never will


class _Piece(NamedTuple):
    """Consecutive paragraphs or sentences of one file, and how they are written."""

    units: list[Paragraph | Sentence]
    write: Writer
    offsets: bool  # whether the format shows them


class _Source(NamedTuple):
    """Where a piece comes from."""

    job: int  # its number
    read: int = 0
    error: InputError | None = None  # what came instead of the rest of the file


class _Written(NamedTuple):
    """A piece as text."""

    text: str
    words: int
    error: InputError | None = None  # what came instead of it


def tag_files(
    tagger: Tagger,
    jobs: Sequence[Job],
    options: Options,
    output: Callable[[Job], AbstractContextManager[TextIO]],
    width: int = 80,
) -> Iterator[Progress]:
    """Tags files, a part of a large one or several small ones per worker; outputs come in order.

    A file that cannot be read or written does not stop the others.

    Args:
        tagger: with as many workers as are wanted.
        jobs: what to do.
        options: of all of them.
        output: what opens a job's output, and ends it well or not.
        width: of the terminal.

    Raises:
        WorkersDied: see there; nothing more is done.
    """
    failed: set[int] = set()
    wanted = Wanted(top=options.top, probabilities=options.probabilities)
    windows = _windows(tagger, jobs, options, width, failed)
    results = tagger.workers.map(partial(_write, wanted=wanted), windows)
    pieces = (pair for sources, texts in results for pair in zip(sources, texts, strict=True))
    for number, own in groupby(pieces, lambda pair: pair[0].job):
        job = jobs[number]
        try:
            first = next(own)
            _raise(first)  # before there is an output
            with output(job) as out:
                for source, written in chain([first], own):
                    out.write(written.text)
                    _raise((source, written))
                    yield Progress(job, written.words, source.read)
            yield Progress(job, finished=True)
        except WorkersDied:
            raise
        except InputError as error:
            failed.add(number)
            yield Progress(job, error=error)


def _raise(piece: tuple[_Source, _Written]) -> None:
    for part in piece:
        if part.error is not None:
            raise part.error


def _windows(
    tagger: Tagger, jobs: Sequence[Job], options: Options, width: int, failed: Collection[int]
) -> Iterator[Part[list[_Source], list[_Piece]]]:
    """Pieces of files, of one or of several after each other, of about `WINDOW_TOKENS` tokens together."""
    sources: list[_Source] = []
    window: list[_Piece] = []
    tokens, limit = 0, FIRST_WINDOW
    for number, job in enumerate(jobs):
        write = writer(
            job.output,
            tagger.columns,
            probabilities=options.probabilities,
            top=options.top,
            separator=options.separator if job.input == job.output or job.input not in TAKES_SEPARATOR else None,
            width=width,
        )
        if window and job.source == STDIO:  # it may be long in coming
            yield Part(sources, window, tokens)
            sources, window, tokens = [], [], 0
        sources.append(_Source(number))
        offsets = job.output in OFFSETS
        window.append(_Piece([], write, offsets))
        try:
            for unit, read in _units(tagger, job, options):
                if number in failed:
                    break
                window[-1].units.append(unit)
                tokens += len(unit) if isinstance(unit, Sentence) else 1 + len(unit.text) // CHARACTERS
                if tokens >= limit:
                    sources[-1] = _Source(number, read())
                    yield Part(sources, window, tokens)
                    sources, window, tokens = [_Source(number)], [_Piece([], write, offsets)], 0
                    limit = min(2 * limit, WINDOW_TOKENS)
        except InputError as error:
            sources[-1] = _Source(number, error=error)
        if len(window) >= FILES:
            yield Part(sources, window, tokens)
            sources, window, tokens = [], [], 0
    if window:
        yield Part(sources, window, tokens)


def _units(tagger: Tagger, job: Job, options: Options) -> Iterator[tuple[Paragraph | Sentence, Callable[[], int]]]:
    """What a file consists of, each with what tells how many bytes have been read by then."""
    binary = open_binary(job.source)

    def position() -> int:
        return binary.tell() if isinstance(binary, io.BufferedReader) and binary.seekable() else 0

    try:
        with closing(decoded_lines(binary, job.source, options.encoding)) as lines:
            units: Iterator[Paragraph | Sentence]
            if job.input == "text":
                units = read_paragraphs(lines, options.paragraph_per_line)
            else:
                units = read(
                    lines,
                    job.source,
                    job.input,
                    segment=tagger.segment,
                    separator=options.separator,
                    paragraph_per_line=options.paragraph_per_line,
                )
            for unit in units:
                yield unit, position
    finally:
        if job.source != STDIO:
            binary.close()


def _write(tagger: Tagger, pieces: list[_Piece], wanted: Wanted) -> list[_Written]:
    """What a worker does: cuts paragraphs, tags sentences, and writes them as text."""
    found = [_sentences(tagger, piece) for piece in pieces]
    tagger.tag_window([sentence for each in found if isinstance(each, list) for sentence in each], wanted)
    return [
        _Written("", 0, each) if isinstance(each, InputError) else _text(each, piece.write)
        for each, piece in zip(found, pieces, strict=True)
    ]


def _sentences(tagger: Tagger, piece: _Piece) -> list[Sentence] | InputError:
    sentences: list[Sentence] = []
    try:
        for unit in piece.units:
            if isinstance(unit, Paragraph):
                sentences += unit.sentences(tagger.segment, piece.offsets)
            else:
                sentences.append(unit)
    except InputError as error:
        return error
    return sentences


def _text(sentences: list[Sentence], write: Writer) -> _Written:
    try:
        return _Written("".join(map(write, sentences)), sum(map(len, sentences)))
    except InputError as error:
        return _Written("", 0, error)

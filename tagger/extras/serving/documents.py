"""A text of any size -> its answer, in bounded memory: a window of it is read, tagged and written at a time.

A window is a job of the batcher like any other, so small requests are tagged between the windows of a large one.
"""

import asyncio
import io
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import replace
from tempfile import SpooledTemporaryFile
from typing import cast

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from tagger.bundle.catalog import DEFAULT
from tagger.extras.serving.batcher import Batcher, TextJob
from tagger.extras.serving.bodies import Refusal
from tagger.tagging.languages import Languages
from tagger.tagging.tagger import DocumentTagger
from tagger.text.formats import Writer, read_parts
from tagger.text.paragraphs import Paragraph, Part, grouped
from tagger.text.sentence import Sentence, numbered

WHERE = "the text"  # in error messages, in the place of the name of a file
WINDOW = 40_000  # characters
MAX_SENTENCE = 20_000  # words: a sentence is tagged at once, and other requests wait
IN_MEMORY = 1 << 18  # bytes of an answer; a larger one lies on disk
CHUNK = 1 << 16  # bytes
AT_ONCE = 16_000  # characters of a text that is read in the event loop
After = Callable[[list[str]], bytes]


async def answer(
    job: TextJob, batcher: Batcher, request: Request, before: bytes, after: After, media_type: str, window: int = WINDOW
) -> Response:
    """The response to a request, when the whole text is tagged: an error in its last line is an error, too.

    `before` begins the answer, `after` makes its end of the warnings about the text, of which `window` characters are
    tagged at once.
    """
    warnings: list[str] = []
    is_small = job.size <= min(window, AT_ONCE)
    most = sys.maxsize if is_small else window
    windows = grouped(job.tagger.with_languages(job.parts, WHERE, warnings.append), _size, most, most)
    if is_small:
        if isinstance(job.tagger, Languages):  # it finds languages and loads them, while others are answered
            job.parts = await asyncio.to_thread(_next, windows, job.tagger)
        else:
            job.parts = _next(windows, job.tagger)
        return Response(before + await batcher.run(job) + after(warnings), media_type=media_type)
    out = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - `_chunks` closes it
    out.write(before)
    first = True
    while found := await asyncio.to_thread(_next, windows, job.tagger):
        if not first and await request.is_disconnected():
            raise ClientDisconnect
        first = False
        out.write(await batcher.run(replace(job, parts=found, size=sum(map(_size, found)))))
    out.write(after(warnings))
    size = out.tell()
    out.seek(0)
    return StreamingResponse(_chunks(out), media_type=media_type, headers={"content-length": str(size)})


def _next(windows: Iterator[list[Part]], tagger: DocumentTagger) -> list[Part]:
    """The next window; the taggers of its languages are loaded."""
    window = next(windows, [])
    if isinstance(tagger, Languages):
        for language in dict.fromkeys(part.language for part in window):
            tagger.of(language or DEFAULT)
    return window


def _size(part: Part) -> int:
    """Characters, about."""
    if isinstance(part, Sentence) and len(part) > MAX_SENTENCE:
        raise Refusal(413, f"a sentence has {len(part):,} words, more than {MAX_SENTENCE:,}; break it up")
    return 6 * len(part) if isinstance(part, Sentence) else len(part.text)


async def _chunks(out: "SpooledTemporaryFile[bytes]") -> AsyncIterator[bytes]:
    with out:
        while chunk := out.read(CHUNK):
            yield chunk


def parts_of_text(tagger: DocumentTagger, text: str) -> Iterator[Part]:
    """The paragraphs of a text, cut as `tag` cuts a file."""
    return read_parts(io.StringIO(text, newline="\n"), WHERE, "text")


def lines_as_sentences(parts: Iterable[Part]) -> Iterator[Part]:
    """Paragraphs that are the lines of a text -> the same, as parts of paragraphs that an empty line ends."""
    end = -1
    for part in parts:
        line = cast(Paragraph, part)
        yield line._replace(opens=line.start != end)
        end = line.start + len(line.text)


def conllu_blocks(write: Writer) -> Callable[[list[Sentence]], str]:
    """A function from sentences to their blocks of CoNLL-U; new ones are numbered on from call to call."""
    first = 1

    def blocks(sentences: list[Sentence]) -> str:
        nonlocal first
        text = "".join(map(write, sentences))
        if sentences and sentences[0].lines is None:
            text, first = numbered(text, first)
        return text

    return blocks

"""A text of any size -> its answer, in bounded memory: a window of it is read, tagged and written at a time.

A window is a job of the batcher like any other, so small requests are tagged between the windows of a large one.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from starlette.responses import Response, StreamingResponse

from tagger.errors import InputError
from tagger.serving.batcher import Batcher, Job, Render, size_of
from tagger.serving.bodies import Spool
from tagger.serving.refusal import CLIENT_GONE, Refusal
from tagger.tagging.decoding import Request
from tagger.text.readers import Unit
from tagger.text.sentence import Sentence

if TYPE_CHECKING:
    from tagger.tagging.tagger import Tagger

WINDOW = 40_000  # characters
MAX_SENTENCE = 20_000  # words: a sentence is tagged at once, and other requests wait
CHUNK = 1 << 16  # bytes
AT_ONCE = 16_000  # bytes of a text that is read in the event loop


class Document(NamedTuple):
    """A text to be tagged.

    Attributes:
        tagger: that tags it.
        units: the text; they are read as they are needed.
        size: bytes of the text.
        request: what is asked of its words; None: nothing is tagged.
        render: makes the answer of each window.
        one_sentence: whether each paragraph is one sentence.
        window: characters that are tagged at once.
    """

    tagger: "Tagger"
    units: Iterable[Unit]
    size: int
    request: Request | None
    render: Render
    one_sentence: bool = False
    window: int = WINDOW


async def answer(
    document: Document,
    batcher: Batcher,
    before: bytes,
    after: bytes,
    media_type: str,
    gone: Callable[[], Awaitable[bool]],
) -> Response:
    """The response to a request, when the whole text is tagged: an error in its last line is an error, too.

    Args:
        document: the text.
        batcher: tags it.
        before: the beginning of the answer.
        after: its end.
        media_type: of the answer.
        gone: whether the client went away, so that nobody needs the answer.

    Raises:
        Refusal: a line of the text is bad, or the client went away.
    """
    out, first = Spool(), True
    try:
        out.write(before)
        async for window in _windows(document):
            if not first and await gone():
                raise Refusal(CLIENT_GONE, "the client went away")
            job = Job(
                document.tagger,
                lambda window=window: window,  # type: ignore[misc]
                size_of(window),
                document.request,
                document.render,
                document.one_sentence,
            )
            out.write(await batcher.run(job))
            first = False
        out.write(after)
        size = out.tell()
        out.seek(0)
        if size <= CHUNK:
            with out:
                return Response(out.read(), media_type=media_type)
        return StreamingResponse(_chunks(out), media_type=media_type, headers={"content-length": str(size)})
    except BaseException:
        out.close()
        raise


async def _windows(document: Document) -> AsyncIterator[list[Unit]]:
    """Reads the text; a large one in another thread, since reading takes time."""
    units = iter(document.units)
    while True:
        try:
            if document.size <= AT_ONCE:
                window = _window(units, document.window)
            else:
                window = await asyncio.to_thread(_window, units, document.window)
        except InputError as error:
            raise Refusal(400, str(error)) from None
        if not window:
            return
        yield window


def _window(units: Iterator[Unit], most: int) -> list[Unit]:
    window: list[Unit] = []
    size = 0
    for unit in units:
        if isinstance(unit, Sentence) and len(unit) > MAX_SENTENCE:
            raise Refusal(413, f"a sentence has {len(unit):,} words, more than {MAX_SENTENCE:,}; break it up")
        window.append(unit)
        size += size_of([unit])
        if size >= most:
            break
    return window


async def _chunks(out: Spool) -> AsyncIterator[bytes]:
    try:
        while chunk := out.read(CHUNK):
            yield chunk
    finally:
        out.close()

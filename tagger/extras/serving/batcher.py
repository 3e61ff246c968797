"""Jobs of many requests -> batches, which one thread tags: while it tags one, the next one gathers.

Nobody waits for a batch to fill: the thread takes what is there. So a lone request is tagged at once, and under load
the batches grow by themselves. Answers are finished bytes, made in the thread, so that the event loop is free.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from tagger.errors import InputError
from tagger.extras.serving.bodies import Refusal
from tagger.tagging.tagger import DocumentTagger
from tagger.tagging.tagger_options import Request
from tagger.text.paragraphs import Part, sentences_of
from tagger.text.sentence import Sentence, Token

MAX_BATCH = 60_000  # characters of the jobs of a batch: about 10,000 words, a tenth of a second
Render = Callable[[list[Sentence]], bytes]

log = logging.getLogger("tagger.serve")


@dataclass(eq=False)
class TextJob:
    """A text to be tagged, and how its answer is written.

    Attributes:
        tagger: that tags it.
        parts: the text. `documents.answer` reads them as it needs them, and hands over lists.
        size: characters or bytes of the text, about.
        request: what is asked of its words; None: text is cut and nothing is tagged.
        render: makes the answer, or a part of it, of sentences; in the batcher's thread, once for each.
        one_sentence: whether each paragraph is one sentence.
    """

    tagger: DocumentTagger
    parts: Iterable[Part]
    size: int
    request: Request | None
    render: Render
    one_sentence: bool = False


Waiting = tuple[TextJob, "asyncio.Future[bytes]"]


class Batcher:
    """Tags jobs in a thread of its own, and counts batches and words."""

    def __init__(self) -> None:
        self.batches = self.words = 0
        self._queue: SimpleQueue[Waiting | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="batcher", daemon=True)

    def start(self) -> None:
        """Starts the thread; to be called in the event loop whose tasks call `run`."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread when the jobs that were given are done."""
        self._queue.put(None)
        self._thread.join()

    async def run(self, job: TextJob) -> bytes:
        """The answer of a job; raises what its client is to be told."""
        job.parts = list(job.parts)
        future: asyncio.Future[bytes] = self._loop.create_future()
        self._queue.put((job, future))
        return await future

    def _work(self) -> None:
        while (first := self._queue.get()) is not None:
            taken, size, ended = [first], first[0].size, False
            try:
                while size < MAX_BATCH and not ended:
                    if (more := self._queue.get_nowait()) is None:
                        ended = True
                    else:
                        taken.append(more)
                        size += more[0].size
            except Empty:
                pass
            self._tag(taken)
            if ended:
                return

    def _tag(self, taken: list[Waiting]) -> None:
        """Tags a batch, the jobs of one tagger and request together, and hands over the answers."""
        self.batches += 1
        groups: dict[tuple[int, Request | None], list[Waiting]] = {}
        for job, future in taken:
            if not future.cancelled():
                groups.setdefault((id(job.tagger), job.request), []).append((job, future))
        answers = [answer for group in groups.values() for answer in self._answers(group)]
        self._loop.call_soon_threadsafe(_deliver, answers)

    def _answers(self, group: list[Waiting]) -> list[tuple["asyncio.Future[bytes]", bytes | Exception]]:
        """The answers of jobs that one call of the tagger tags. One bad job does not spoil the others."""
        try:
            found = self._tagged([job for job, _ in group])
        except Exception as error:
            if len(group) > 1:
                return [answer for waiting in group for answer in self._answers([waiting])]
            return [(group[0][1], _for_client(error))]
        answers: list[tuple[asyncio.Future[bytes], bytes | Exception]] = []
        for (job, future), sentences in zip(group, found, strict=True):
            try:
                answers.append((future, job.render(sentences)))
            except Exception as error:
                answers.append((future, _for_client(error)))
        return answers

    def _tagged(self, jobs: list[TextJob]) -> list[list[Sentence]]:
        """The tagged sentences of each job."""
        tagger, request = jobs[0].tagger, jobs[0].request
        cuts = tagger.cuts_of([part for job in jobs for part in job.parts])
        of_jobs = [
            [s for part in job.parts for s in sentences_of(part, _joined(cuts) if job.one_sentence else cuts)]
            for job in jobs
        ]
        if request is not None:
            window = [sentence for sentences in of_jobs for sentence in sentences]
            self.words += sum(map(len, window))
            tagger.tag_window(window, request)
        return of_jobs


def _for_client(error: Exception) -> Exception:
    """What the client is told of an error."""
    if isinstance(error, Refusal | InputError):
        return error
    log.error("a job failed", exc_info=error)
    return Refusal(500, "tagging failed; the log of the service says why")


def _joined(cuts: Iterator[list[list[Token]]]) -> Iterator[list[list[Token]]]:
    """The same tokens, all in one sentence."""
    for sentences in cuts:
        yield [[token for tokens in sentences for token in tokens]]


def _deliver(answers: list[tuple["asyncio.Future[bytes]", bytes | Exception]]) -> None:
    """Hands answers over, in the event loop, to those that still wait."""
    for future, answer in answers:
        if future.done():
            continue
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)

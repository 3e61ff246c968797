"""A stream of sentences -> windows, which are tagged all at once, and the tags of a window -> its sentences."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from itertools import accumulate, chain, pairwise
from typing import NamedTuple, TypeVar

from tagger.model.decoder import Decoded
from tagger.model.tag_codec import TagCodec
from tagger.tagging.constraints import GivenTags, put_back
from tagger.tagging.decoding import Request
from tagger.text.sentence import Sentence

WINDOW_TOKENS = 48_000  # sentences are sorted by length within a window of this many tokens
FIRST_WINDOW = 1_000  # the first window of a stream is small, so that the first sentences come soon; then they double
LIST_WINDOW = 16_000  # the first one of a list, whose sentences are all there: few and large batches are faster
WINDOW_SENTENCES = 8_000

Tokens = TypeVar("Tokens", bound=Sized)


class Work(NamedTuple):
    """What is sent to a process for a window."""

    sentences: list[list[str]]  # as they are written
    read: list[Sequence[str]]  # what the networks read instead; see `Casing`
    given: GivenTags


def cut_windows(sentences: Iterable[Tokens], first: int | None = None) -> Iterator[list[Tokens]]:
    """Cuts a stream into windows of about `first` tokens, twice as many, and so on. Only the stream decides where.

    Args:
        first: tokens of the first window, `FIRST_WINDOW` if None; the largest have `WINDOW_TOKENS`.
    """
    window: list[Tokens] = []
    tokens, limit = 0, FIRST_WINDOW if first is None else first
    for sentence in sentences:
        window.append(sentence)
        tokens += len(sentence)
        if tokens >= limit or len(window) >= WINDOW_SENTENCES:
            yield window
            window, tokens, limit = [], 0, min(2 * limit, WINDOW_TOKENS)
    if window:
        yield window


def first_window(sentences: Iterable[object], processes: int) -> int:
    """The tokens of the first window of a stream or a list that some processes share."""
    return LIST_WINDOW if isinstance(sentences, list) and processes == 1 else FIRST_WINDOW


def fill(
    window: list[Sentence],
    read: Iterable[Sequence[str]],
    found: Mapping[str, Decoded],
    request: Request,
    codecs: Mapping[str, TagCodec],
) -> None:
    """Gives each sentence of a window its part of the tags.

    Args:
        read: their words as the networks read them.
    """
    forms = list(chain.from_iterable(read))
    spans = list(pairwise(accumulate(map(len, window), initial=0)))
    for sentence in window:
        sentence.probabilities, sentence.alternatives = {}, {}
    before = [sentence.tags for sentence in window]
    for sentence in window:
        sentence.tags = {**sentence.tags}
    for column, decoded in found.items():
        best, shares, alternatives = codecs[column].read(forms, decoded.ids, decoded.probabilities, request.top)
        for sentence, (start, end) in zip(window, spans, strict=True):
            sentence.tags[column] = best[start:end]
            if request.probabilities and shares is not None:
                sentence.probabilities[column] = shares[start:end]
            if request.top > 1 and alternatives is not None:
                sentence.alternatives[column] = alternatives[start:end]
    if request.keep:
        for sentence, tags in zip(window, before, strict=True):
            put_back(sentence, {column: tags[column] for column in found if column in tags})

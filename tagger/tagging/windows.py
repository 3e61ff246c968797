"""A stream of sentences -> windows, which are tagged all at once; a window -> batches, which are computed all at once.

In a batch the tokens are packed: the first token of every sentence, the longest sentence's first, then the second
tokens, and so on. So the tokens of a step are rows that follow each other, and there is no padding.

The last bits of a product depend on its number of rows. With fixed shapes every product has a fixed number of rows, so
the values of a sentence do not depend on the sentences beside it, and small files can share batches.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from typing import NamedTuple, TypeVar

import numpy as np

from tagger.text.paragraphs import grouped

# N tokens of a batch, T tokens in its longest sentence, B sentences

WINDOW_TOKENS = 48_000  # of the largest windows
FIRST_WINDOW = 1_000  # the first window of a stream is small, so that the first sentences come soon; then they double
# The first one of a list that one process tags: few and large batches are faster. With the same first window for any
# number of processes, either one loses up to 11 % of its speed (8,000), or several half of theirs (16,000).
LIST_WINDOW = 16_000
WINDOW_SENTENCES = 8_000

BATCH_TOKENS = 16_000  # tokens of a batch, at most; of a tagger with a transformer, pieces
MAX_SENTENCE_TOKENS = 1_000  # a longer sentence is read in pieces of this many tokens
FIXED_SENTENCES = 128  # sentences of a batch with fixed shapes; rows of each of its products with the state
FIXED_BLOCK = 1_024  # rows of each of its other products

Tokens = TypeVar("Tokens", bound=Sized)


def cut_windows(sentences: Iterable[Tokens], first: int | None = None) -> Iterator[list[Tokens]]:
    """Cuts a stream into windows; the first has about `first` tokens, `FIRST_WINDOW` if None."""
    return grouped(sentences, len, first or FIRST_WINDOW, WINDOW_TOKENS, count=WINDOW_SENTENCES)


def first_window(sentences: Iterable[object], processes: int) -> int:
    """The tokens of the first window of a stream or a list that some processes share."""
    return LIST_WINDOW if isinstance(sentences, list) and processes == 1 else FIRST_WINDOW


class PackedBatch(NamedTuple):
    """Which tokens of a list of sentences a batch holds."""

    tokens: np.ndarray  # (N,) number of each token in the list, in packed order
    counts: list[int]  # (T,) sentences that have a token at each step; never growing
    fixed: bool  # whether every product has a fixed number of rows


def plan_batches(
    sentences: Sequence[Sequence[str]],
    size: Callable[[Sequence[str]], int] = len,
    fixed: bool = False,
) -> Iterator[PackedBatch]:
    """Sorts sentences by length, the longest first, and cuts the list into batches of about `BATCH_TOKENS`.

    Args:
        size: how much of `BATCH_TOKENS` a sentence takes.
        fixed: whether the batches are computed with fixed shapes; they have at most `FIXED_SENTENCES` sentences then.
    """
    if any(len(sentence) > MAX_SENTENCE_TOKENS for sentence in sentences):
        sentences = [
            sentence[start : start + MAX_SENTENCE_TOKENS]
            for sentence in sentences
            for start in range(0, len(sentence), MAX_SENTENCE_TOKENS)
        ]
    lengths = np.array([len(sentence) for sentence in sentences], dtype=np.int64)
    starts = np.cumsum(lengths) - lengths
    by_length = np.argsort(-lengths, kind="stable")
    starts, lengths = starts[by_length], lengths[by_length]
    ends = np.cumsum(lengths if size is len else [size(sentences[i]) for i in by_length.tolist()])
    first, total = 0, int((lengths > 0).sum())
    while first < total:
        limit = BATCH_TOKENS + (ends[first - 1] if first else 0)
        last = max(first + 1, min(total, int(np.searchsorted(ends, limit, side="right"))))
        if fixed:
            last = min(last, first + FIXED_SENTENCES)
        here = np.arange(lengths[first])[:, None] < lengths[first:last]  # (T, B)
        tokens = (starts[first:last] + np.arange(lengths[first])[:, None])[here]
        yield PackedBatch(tokens, here.sum(axis=1).tolist(), fixed)
        first = last

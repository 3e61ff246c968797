"""Which sentences are computed together.

Packed means: the first token of every sentence, the longest sentence's first, then the second tokens, and so on.

The last bits of a product depend on its number of rows. With fixed shapes every product has a fixed number of rows, so
the values of a sentence do not depend on the sentences beside it, and small files can share batches.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

# N tokens of a batch, T tokens in its longest sentence, B sentences


BATCH_TOKENS = 16_000  # tokens of a batch, at most; of a tagger with a transformer, pieces
MAX_SENTENCE_TOKENS = 1_000  # a longer sentence is read in pieces of this many tokens
FIXED_SENTENCES = 128  # sentences of a batch with fixed shapes; rows of each of its products with the state
FIXED_BLOCK = 1_024  # rows of each of its other products


class PackedBatch(NamedTuple):
    """Which tokens of a list of sentences a batch holds."""

    tokens: np.ndarray  # (N,) number of each token in the list, in packed order
    counts: list[int]  # (T,) sentences that have a token at each step; never growing


def plan_batches(
    sentences: Sequence[Sequence[str]],
    size: Callable[[Sequence[str]], int] = len,
    max_sentences: int | None = None,
) -> Iterator[PackedBatch]:
    """Sorts sentences by length, the longest first, and cuts the list into batches of about `BATCH_TOKENS`.

    Args:
        size: how much of `BATCH_TOKENS` a sentence takes.
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
        if max_sentences is not None:
            last = min(last, first + max_sentences)
        here = np.arange(lengths[first])[:, None] < lengths[first:last]  # (T, B)
        tokens = (starts[first:last] + np.arange(lengths[first])[:, None])[here]
        yield PackedBatch(tokens, here.sum(axis=1).tolist())
        first = last

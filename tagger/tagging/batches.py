"""How the network is run: which sentences are computed together, one thread at a time, on which device.

Packed means: the first token of every sentence, the longest sentence's first, then the second tokens, and so on.

The last bits of a product depend on its number of rows. In a pool every product has a fixed number of rows, so the
values of a sentence do not depend on the sentences beside it, and small files can share batches.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch

from tagger.errors import InputError
from tagger.model.fast_cpu import multiplies_bfloat16

# N tokens of a batch, T tokens in its longest sentence, B sentences


BATCH_TOKENS = 16_000  # tokens of a batch, at most; of a tagger with a transformer, pieces
MAX_SENTENCE_TOKENS = 1_000  # a longer sentence is read in pieces of this many tokens
POOL_SENTENCES = 128  # sentences of a batch of a pool; rows of each of its products with the state
POOL_BLOCK = 1_024  # rows of each of its other products


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
        sentences: lists of forms, of any length.
        size: how much of `BATCH_TOKENS` a sentence takes.
        max_sentences: the largest number of sentences of a batch; None: no limit.
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


_turn = threading.RLock()


@contextmanager
def own_turn() -> Iterator[None]:
    """Within the block only this thread tags, without gradients, and torch uses one thread.

    Threads of a process take turns, also those of different taggers: torch's number of threads is a setting of the
    whole process, and the steps of a recurrent layer are so small that more threads slow them down. The previous
    setting is restored. To use more cores, load a tagger with `workers`.
    """
    with _turn, torch.inference_mode():
        threads = torch.get_num_threads()
        if threads != 1:
            torch.set_num_threads(1)
        try:
            yield
        finally:
            if threads != 1:
                torch.set_num_threads(threads)


if hasattr(os, "register_at_fork"):  # not on Windows
    # A process is forked only while no thread computes, so that its copy of the tagger is consistent.
    os.register_at_fork(before=_turn.acquire, after_in_parent=_turn.release, after_in_child=_turn.release)


PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def choose_device(name: Any) -> str:
    """Returns a device; `auto` stands for the best one of this machine, and `cuda:1` for its second NVIDIA GPU.

    Raises:
        InputError: the device is not there.
    """
    there = []
    if torch.cuda.is_available():
        there += ["cuda", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        there += ["mps", "mps:0"]
    there.append("cpu")
    if name == "auto":
        return there[0]
    if name not in there:
        raise InputError(f"device {name} is not there; choose one of {', '.join(['auto', *there])}")
    return str(name)


def choose_precision(name: Any, device: str) -> str:
    """Returns a precision; `auto` stands for bfloat16 if the processor has instructions for it, else float32.

    Raises:
        InputError: no such precision.
    """
    if name not in ("auto", *PRECISIONS):
        raise InputError(f"precision {name}: choose one of auto, {', '.join(PRECISIONS)}")
    if name != "auto":
        return str(name)
    return "bfloat16" if device == "cpu" and multiplies_bfloat16() else "float32"

"""Sentences to batches: here sentences are padded.

Sentences of near-equal length go into one batch (`length_buckets`), so that there is little padding.
"""

# U distinct forms, T tokens in the longest sentence, B sentences

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch

from tagger.model.batch import IGNORE, PAD, UNK, UNSEEN, Batch
from tagger.model.embeddings import CHARACTERS, WORDS
from tagger.model.forms import FormTable
from tagger.model.pieces import windows
from tagger.text.strings import is_annotated


def collate(
    sentences: Sequence[Sequence[str]],
    table: "FormTable",
    tags: Mapping[str, Sequence[Sequence[str]]] | None = None,
    word_dropout: float = 0.0,
    generator: np.random.Generator | None = None,
) -> Batch:
    """Makes a batch of sentences, padded on the right.

    Args:
        tags: for each column B lists of gold tags.
        word_dropout: w. A word that occurs n times in training becomes `UNK` with probability w / (w + n); its
            affixes and characters stay. So the embedding of unknown words is trained on rare words, which are most
            like them. Kiperwasser and Goldberg (2016), https://arxiv.org/abs/1603.04351.
        generator: draws the words that become `UNK`; without one there is no word dropout.

    Returns:
        The batch. Its forms are numbered in the order of the text, so the order of sums does not depend on what the
        table has seen before.
    """
    lengths = np.array([len(sentence) for sentence in sentences], dtype=np.int64)
    here = np.arange(lengths.max())[:, None] < lengths  # (T, B), whether there is a token
    rows = table.rows([form for sentence in sentences for form in sentence])  # (tokens,)
    unknown = np.zeros(len(rows), dtype=bool)
    if generator is not None:
        counts = table.counts[table.features[WORDS][rows]]
        unknown = generator.random(len(rows)) < word_dropout / (word_dropout + counts)
    pieces = None
    if table.tokenizer is not None:
        ends = np.cumsum(lengths)
        read = [table.pieces[row] for row in rows]
        pieces = windows([read[end - n : end] for end, n in zip(ends, lengths, strict=True)], table.tokenizer)
    keys, numbers = _number(rows * 2 + unknown)  # a word that became UNK is a form of its own
    rows, unknown = keys // 2, keys % 2 == 1  # of each distinct form, (U,)
    index = np.zeros_like(here, dtype=np.int64)
    index.T[here.T] = numbers
    features = {name: torch.from_numpy(array[rows]) for name, array in table.features.items()}
    features[WORDS][torch.from_numpy(unknown)] = UNK
    if CHARACTERS in features:
        longest = max(1, int((features[CHARACTERS] != PAD).sum(dim=1).max()))
        features[CHARACTERS] = features[CHARACTERS][:, :longest]
    targets = {}
    for column, gold in (tags or {}).items():
        ids = table.vocabulary.tag_ids[column]
        target = np.full_like(index, IGNORE)
        target.T[here.T] = [
            ids.get(tag, UNSEEN if is_annotated(column, tag) else IGNORE)
            for forms, cells in zip(sentences, gold, strict=True)
            for tag in table.vocabulary.codecs[column].learned(forms, cells)
        ]
        targets[column] = torch.from_numpy(target)
    return Batch(
        features,
        index=torch.from_numpy(index),
        lengths=torch.from_numpy(lengths),
        targets=targets,
        pieces=pieces,
    )


def _number(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers the distinct keys of a text from 0, in the order in which they first occur.

    >>> _number(np.array([30, 10, 30, 20]))
    (array([30, 10, 20]), array([0, 1, 0, 2]))
    """
    distinct, first, inverse = np.unique(keys, return_index=True, return_inverse=True)  # sorted by key
    order = np.argsort(first)  # number -> its place among the sorted keys
    return distinct[order], np.argsort(order)[inverse]


def length_buckets(
    lengths: np.ndarray, max_tokens: int, generator: np.random.Generator | None = None
) -> Iterator[np.ndarray]:
    """Groups sentences of near-equal length into batches.

    Args:
        lengths: of each sentence, in tokens.
        max_tokens: the largest T * B of a batch; a longer sentence is a batch of its own.
        generator: mixes sentences of similar length, and orders the batches at random. Without it the shortest
            sentences come first.

    Yields:
        The sentences of each batch, by their numbers from 0.
    """
    if generator is None:
        order = np.argsort(lengths, kind="stable")
    else:
        order = np.argsort(lengths * (1 + 0.05 * generator.random(len(lengths))), kind="stable")
    batches: list[np.ndarray] = []
    start = longest = 0  # of the batch that is being filled
    for end, number in enumerate(order):
        longest = max(longest, int(lengths[number]))
        if end > start and longest * (end - start + 1) > max_tokens:
            batches.append(order[start:end])
            start, longest = end, int(lengths[number])
    if start < len(order):
        batches.append(order[start:])
    if generator is not None:
        batches = [batches[i] for i in generator.permutation(len(batches))]
    yield from batches

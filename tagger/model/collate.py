"""Sentences to batches: the only place where padding happens."""

# U distinct forms, T tokens in the longest sentence, B sentences, A affixes of a form, C characters of a form,
# V sources of pretrained vectors, M layers of a transformer, D its size

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from tagger.model.batch import IGNORE, PAD, UNK, UNSEEN, Batch
from tagger.model.pieces import windows
from tagger.text.sentence import is_annotated

if TYPE_CHECKING:
    from tagger.model.forms import FormTable


def collate(
    sentences: Sequence[Sequence[str]],
    table: "FormTable",
    tags: Mapping[str, Sequence[Sequence[str]]] | None = None,
    word_dropout: float = 0.0,
    generator: np.random.Generator | None = None,
) -> Batch:
    """Pads sentences on the right.

    Args:
        sentences: B lists of word forms, none of them empty.
        table: features of the forms.
        tags: for each column B lists of gold tags.
        word_dropout: a word that training has n times is hidden with probability w / (w + n) (its
            affixes and characters stay), so that the unknown word is trained by the words that are
            most like it, the rare ones. Kiperwasser and Goldberg (2016), https://arxiv.org/abs/1603.04351.
        generator: where the choice of hidden words comes from; needed if `word_dropout` is not 0.
    """
    lengths = np.array([len(sentence) for sentence in sentences], dtype=np.int64)
    here = np.arange(lengths.max())[:, None] < lengths  # (T, B) where there is a token
    rows = table.rows([form for sentence in sentences for form in sentence])  # (tokens,)
    hidden = np.zeros(len(rows), dtype=bool)
    if generator is not None:
        hidden = generator.random(len(rows)) < word_dropout / (word_dropout + table.counts[rows])
    pieces = None
    if table.tokenizer is not None:
        ends = np.cumsum(lengths)
        read = [table.pieces[row] for row in rows]
        pieces = windows([read[end - n : end] for end, n in zip(ends, lengths, strict=True)], table.tokenizer)
    keys, first, inverse = np.unique(
        rows * 2 + hidden, return_index=True, return_inverse=True
    )  # a hidden word is a form
    order = np.argsort(first)  # forms in order of occurrence, whatever the table has seen before: sums round the same
    rows, hidden = keys[order] // 2, keys[order] % 2 == 1
    index = np.zeros_like(here, dtype=np.int64)
    index.T[here.T] = np.argsort(order)[inverse]
    characters = table.characters[rows]
    used = max(1, int((characters != PAD).sum(axis=1).max()))
    targets = {}
    for column, gold in (tags or {}).items():
        ids = table.vocabulary.tag_ids[column]
        target = np.full_like(index, IGNORE)
        target.T[here.T] = [
            ids.get(tag, UNSEEN if is_annotated(column, tag) else IGNORE) for sentence in gold for tag in sentence
        ]
        targets[column] = torch.from_numpy(target)
    return Batch(
        words=torch.from_numpy(np.where(hidden, UNK, table.words[rows])),
        affixes=torch.from_numpy(table.affixes[rows]),
        characters=torch.from_numpy(characters[:, :used]),
        vectors=torch.from_numpy(table.vectors[rows]),
        index=torch.from_numpy(index),
        lengths=torch.from_numpy(lengths),
        targets=targets,
        pieces=pieces,
    )


def length_buckets(
    lengths: np.ndarray, max_tokens: int, generator: np.random.Generator | None = None
) -> Iterator[np.ndarray]:
    """Yields the numbers of sentences of near-equal length, at most `max_tokens` slots (T * B) a batch.

    Without a generator batches come shortest first; with one, neighbours in length are mixed and
    the batches come in random order. A sentence longer than `max_tokens` is a batch of its own.
    """
    if generator is None:
        order = np.argsort(lengths, kind="stable")
    else:
        order = np.argsort(lengths * (1 + 0.05 * generator.random(len(lengths))), kind="stable")
    batches: list[np.ndarray] = []
    start = longest = 0
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

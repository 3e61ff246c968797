"""Sentences to batches: padded ones for training, packed ones for tagging.

`collate` makes a `Batch` of sentences of near-equal length, which `length_buckets` puts together, so that there is
little padding. A `FormTable` remembers what the parts of the embedding read of each word form. `plan_batches` makes
packed batches.
"""

# U distinct forms, N tokens, T tokens in the longest sentence, B sentences, V auxiliary values, k tags that a teacher
# names, M' outputs of a transformer that are used, D size of an output

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from tagger.model.embeddings import CHARACTERS, LEMMAS, WORDS, FormConfig, features
from tagger.model.transformer import Pieces, PieceTokenizer, windows
from tagger.model.vocabulary import FIRST_ID, IGNORE, PAD, UNK, UNSEEN, Vocabulary
from tagger.text.strings import is_annotated

INITIAL_ROWS = 1024  # the table grows when it is full
BATCH_TOKENS = 16_000  # tokens of a packed batch, at most; of a tagger with a transformer, pieces
MAX_SENTENCE_TOKENS = 1_000  # a longer sentence is read in pieces of this many tokens
FIXED_SENTENCES = 128  # sentences of a batch with fixed shapes; rows of each of its products with the state
FIXED_BLOCK = 1_024  # rows of each of its other products


@dataclass
class Batch:
    """Padded sentences, as the network reads them.

    What depends on a form's spelling alone is stored once per distinct form. `index` says which form a token has.
    """

    features: dict[str, Tensor]  # name of a part of `FormEmbedding` -> what it reads of each distinct form, (U, ...)
    index: Tensor  # (T, B) the token's form, 0 to U - 1; after a sentence's end 0, the first form
    lengths: Tensor  # (B,) tokens per sentence
    # column -> (T, B) tag ids; UNSEEN: a tag that training lacks, which counts as wrong; IGNORE: none, or padding
    targets: dict[str, Tensor] = field(default_factory=dict)
    pieces: Pieces | None = None  # for a transformer, if the network has one
    # (T, B, V) of training: 1 where a value of XPOS or FEATS holds of a token, -1: unknown; see `training/auxiliary.py`
    auxiliary: Tensor | None = None
    # column -> (T, B, k, 2) ids of a teacher's best tags (-1: of none) and probabilities; see `training/teacher.py`
    teacher: dict[str, Tensor] = field(default_factory=dict)
    outputs: Tensor | None = None  # (T, B, M', D) of a frozen transformer, if they are cached
    corpora: Tensor | None = None  # (B,) id of each sentence's corpus, or NO_CORPUS; None: of all unknown

    def to(self, device: torch.device | str) -> "Batch":
        """The batch on another device."""

        def moved(value: Any) -> Any:
            if isinstance(value, dict):
                return {column: target.to(device) for column, target in value.items()}
            return None if value is None else value.to(device)

        return Batch(**{name: moved(value) for name, value in vars(self).items()})


class FormTable:
    """The features of word forms, computed once per form and remembered.

    Before a call after which there were more than `limit` forms the table forgets everything, so that memory stays
    bounded.
    """

    def __init__(
        self, vocabulary: Vocabulary, config: FormConfig, tokenizer: PieceTokenizer | None = None, limit: int = 200_000
    ) -> None:
        self.vocabulary, self.config, self.tokenizer, self.limit = vocabulary, config, tokenizer, limit
        # How often the word, or the lemma, of each id occurs in training, from id 0; 1 for `UNK`.
        self.counts = np.array([1] * FIRST_ID + list(vocabulary.words.values()), dtype=np.int64)
        self.lemma_counts = np.array([1] * FIRST_ID + list(vocabulary.lemmas.values()), dtype=np.int64)
        self._compute = features(vocabulary, config)
        self._clear()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.vocabulary, self.config, self.tokenizer, self.limit)

    def _clear(self) -> None:
        self._rows: dict[str, int] = {}
        # Name of a part of `FormEmbedding` that the network has -> an array with a row per form; word ids in any case.
        self.features = {name: _grown(compute([]), INITIAL_ROWS) for name, compute in self._compute.items()}
        self.pieces: list[list[int]] = []  # of each form, which a transformer reads; empty without a tokenizer

    def rows(self, forms: Sequence[str]) -> np.ndarray:
        """The rows of forms, valid until the next call; of more forms than `limit`, too, but then the table has no
        others.
        """
        if self._rows and len(self._rows) + len(forms) > self.limit:
            self._clear()
        row_of = self._rows
        new = [form for form in dict.fromkeys(forms) if form not in row_of]
        if new:
            start, end = len(row_of), len(row_of) + len(new)
            row_of.update(zip(new, range(start, end), strict=True))
            self.features = {name: _grown(array, end) for name, array in self.features.items()}
            for name, compute in self._compute.items():
                self.features[name][start:end] = compute(new)
            if self.tokenizer is not None:
                self.pieces += self.tokenizer.pieces(new)
        return np.fromiter((row_of[form] for form in forms), dtype=np.int64, count=len(forms))

    def size(self, forms: Sequence[str]) -> int:
        """How long a sentence is in a batch: in tokens, or in pieces if a transformer reads it."""
        return len(forms) if self.tokenizer is None else sum(len(self.pieces[row]) for row in self.rows(forms))


def _grown(array: np.ndarray, rows: int) -> np.ndarray:
    """The same array, or a larger copy, if it has less than `rows` rows."""
    if rows <= len(array):
        return array
    grown = np.zeros((max(rows, 2 * len(array)), *array.shape[1:]), dtype=array.dtype)
    grown[: len(array)] = array
    return grown


def collate(
    sentences: Sequence[Sequence[str]],
    table: FormTable,
    tags: Mapping[str, Sequence[Sequence[str]]] | None = None,
    word_dropout: float = 0.0,
    generator: np.random.Generator | None = None,
) -> Batch:
    """Makes a batch of sentences, padded on the right.

    Forms are numbered in the order of the text, so the order of sums does not depend on what the table has seen before.

    `tags` has for each column B lists of gold tags. Lemmas become edit scripts, see `tag_codec.py`.

    If there is a generator, a word that occurs n times in training becomes `UNK` with probability w / (w + n), with w
    the `word_dropout`; its affixes and characters stay. So the embedding of unknown words is trained on rare words,
    which are most like them: Kiperwasser and Goldberg (2016), https://arxiv.org/abs/1603.04351. The lemma that a
    dictionary gives a word becomes `UNK` in the same way.
    """
    lengths = np.array([len(sentence) for sentence in sentences], dtype=np.int64)
    is_token = np.arange(lengths.max())[:, None] < lengths  # (T, B), whether there is a token
    rows = table.rows([form for sentence in sentences for form in sentence])  # (tokens,)
    unknown, no_lemma = _hidden(table, rows, word_dropout, generator)
    # One number for a row and its two flags: a word that became UNK is a form of its own.
    keys, numbers = _number(rows * 4 + no_lemma * 2 + unknown)
    features = _features(table, keys // 4, keys % 2 == 1, keys // 2 % 2 == 1)
    pieces = None
    if table.tokenizer is not None:
        read = [table.pieces[row] for row in rows]
        spans = pairwise([0, *np.cumsum(lengths)])
        pieces = windows([read[start:end] for start, end in spans], table.tokenizer)
    index = np.zeros_like(is_token, dtype=np.int64)
    index.T[is_token.T] = numbers
    targets = {}
    for column, gold in (tags or {}).items():
        target = np.full_like(index, IGNORE)
        target.T[is_token.T] = _tag_ids(table.vocabulary, column, sentences, gold)
        targets[column] = torch.from_numpy(target)
    return Batch(
        features, index=torch.from_numpy(index), lengths=torch.from_numpy(lengths), targets=targets, pieces=pieces
    )


def _hidden(
    table: FormTable, rows: np.ndarray, word_dropout: float, generator: np.random.Generator | None
) -> tuple[np.ndarray, np.ndarray]:
    """Whether each word becomes `UNK`, (tokens,), and whether its lemma does; see `collate`."""
    none = np.zeros(len(rows), dtype=bool)
    if generator is None:
        return none, none
    counts = table.counts[table.features[WORDS][rows]]
    unknown = generator.random(len(rows)) < word_dropout / (word_dropout + counts)
    if LEMMAS not in table.features:
        return unknown, none
    lemmas = table.features[LEMMAS][rows, 0]
    counts = table.lemma_counts[lemmas]
    return unknown, (lemmas != PAD) & (generator.random(len(rows)) < word_dropout / (word_dropout + counts))


def _features(table: FormTable, rows: np.ndarray, unknown: np.ndarray, no_lemma: np.ndarray) -> dict[str, Tensor]:
    """The features of U distinct forms, some of them hidden, characters as many as the longest form has."""
    features = {name: torch.from_numpy(array[rows]) for name, array in table.features.items()}
    features[WORDS][torch.from_numpy(unknown)] = UNK
    if LEMMAS in features:
        features[LEMMAS][torch.from_numpy(no_lemma), 0] = UNK
    if CHARACTERS in features:
        longest = max(1, int((features[CHARACTERS] != PAD).sum(dim=1).max()))
        features[CHARACTERS] = features[CHARACTERS][:, :longest]
    return features


def _tag_ids(
    vocabulary: Vocabulary, column: str, sentences: Sequence[Sequence[str]], gold: Sequence[Sequence[str]]
) -> list[int]:
    """The ids of the gold tags of all words; `UNSEEN` for one that training lacks, `IGNORE` for a blank."""
    ids, codec = vocabulary.tag_ids[column], vocabulary.codecs[column]
    return [
        ids.get(tag, UNSEEN if is_annotated(column, tag) else IGNORE)
        for forms, cells in zip(sentences, gold, strict=True)
        for tag in codec.learned(forms, cells)
    ]


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
    """Groups sentences of near-equal length into batches: their numbers from 0.

    T * B of a batch is at most `max_tokens`; a longer sentence is a batch of its own. A generator mixes sentences of
    similar length, and orders the batches at random. Without one the shortest sentences come first.
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


class PackedBatch(NamedTuple):
    """Which tokens of a list of sentences a batch for tagging holds.

    They are packed: the first token of every sentence, the longest sentence's first, then the second tokens, and so on.
    So the tokens of a step are rows that follow each other, and there is no padding.

    The last bits of a product depend on its number of rows. With fixed shapes every product has a fixed number of rows,
    so the values of a sentence do not depend on the sentences beside it, and small files can share batches.
    """

    tokens: np.ndarray  # (N,) number of each token in the list, in packed order
    counts: list[int]  # (T,) sentences that have a token at each step; never growing
    fixed: bool  # whether every product has a fixed number of rows


def plan_batches(
    sentences: Sequence[Sequence[str]], size: Callable[[Sequence[str]], int] = len, fixed: bool = False
) -> Iterator[PackedBatch]:
    """Sorts sentences by length, the longest first, and cuts the list into batches of about `BATCH_TOKENS`.

    `size` says how much of that a sentence takes. A batch with fixed shapes has at most `FIXED_SENTENCES` sentences.
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

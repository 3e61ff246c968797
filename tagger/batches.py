"""Sentences to batches: the only place where padding happens."""

# U distinct forms, T tokens in the longest sentence, B sentences, A affixes of a form, C characters of a form,
# V sources of pretrained vectors, M layers of a transformer, D its size

import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tagger.pieces import Pieces, PieceTokenizer, windows
from tagger.vectors import row_of
from tagger.vocabulary import IGNORE, PAD, UNK, UNSEEN, Vocabulary, is_annotated

PREFIXES = (1, 2, 3)
SUFFIXES = (1, 2, 3, 4)
AFFIXES = len(PREFIXES) + len(SUFFIXES) + 1  # and the word's shape
EDGE = 16  # the character encoder reads this many characters from each end of a form


@dataclass
class Batch:
    """Padded sentences as the network takes them; see `collate`."""

    words: Tensor  # (U,) word id of each distinct form
    affixes: Tensor  # (U, A) row in the affix table
    characters: Tensor  # (U, C) character ids, PAD beyond the end
    vectors: Tensor  # (U, V) row in each table of pretrained vectors, 0 where it has none
    index: Tensor  # (T, B) which form stands there; 0 beyond the end
    lengths: Tensor  # (B,) tokens per sentence
    targets: dict[str, Tensor] = field(default_factory=dict)  # per column (T, B) tag ids, UNSEEN or IGNORE
    pieces: Pieces | None = None  # what a transformer reads
    outputs: Tensor | None = None  # (T, B, M, D) what a frozen transformer has said of each token, where it is known

    def to(self, device: torch.device | str) -> "Batch":
        """The batch on another device."""

        def moved(value: Any) -> Any:
            if isinstance(value, dict):
                return {column: target.to(device) for column, target in value.items()}
            return None if value is None else value.to(device)

        return Batch(**{name: moved(value) for name, value in vars(self).items()})


class _Kinds(dict[str, str]):
    """Characters -> what a shape shows of them, found out once each."""

    def __missing__(self, character: str) -> str:
        kind = "X" if character.isupper() else "x" if character.isalpha() else "9" if character.isdigit() else character
        self[character] = kind
        return kind


_KINDS = _Kinds()
_LONG_RUN = re.compile(r"(.)\1{3,}", re.DOTALL)


def word_shape(form: str) -> str:
    """Upper-case letters as X, other letters as x, digits as 9, the rest as it is; runs at most 3 long.

    >>> word_shape("McDonald's"), word_shape("1,250")
    ("XxXxxx'x", '9,999')
    """
    if form.islower() and form.isalpha():
        return "xxx"[: len(form)]  # as most words are
    return _LONG_RUN.sub(r"\1\1\1", "".join(map(_KINDS.__getitem__, form[: 2 * EDGE])))


def affix_rows(form: str, buckets: int) -> list[int]:
    """The rows of a form's prefixes, suffixes and shape in a table of AFFIXES * buckets rows."""
    lower = form.lower()
    affixes = [lower[:n] for n in PREFIXES] + [lower[-n:] for n in SUFFIXES] + [word_shape(form)]
    return [kind * buckets + hashed % buckets for kind, hashed in enumerate(map(_hash, affixes))]


@lru_cache(maxsize=1 << 16)
def _hash(affix: str) -> int:
    return zlib.crc32(affix.encode("utf-8", "surrogatepass"))


class FormTable:
    """Word forms -> rows of features, computed once per form and kept.

    The table forgets everything when it holds `limit` forms, so that memory stays bounded.

    Attributes:
        pieces: per row the pieces of the form that a transformer reads; empty without a tokenizer.
    """

    def __init__(
        self, vocabulary: Vocabulary, buckets: int, tokenizer: PieceTokenizer | None = None, limit: int = 200_000
    ) -> None:
        self.vocabulary, self.buckets, self.tokenizer, self.limit = vocabulary, buckets, tokenizer, limit
        self._clear(1024)

    def _clear(self, size: int) -> None:
        self._rows: dict[str, int] = {}
        self.words = np.zeros(size, dtype=np.int64)
        self.counts = np.zeros(size, dtype=np.int64)  # how often training has the word
        self.affixes = np.zeros((size, AFFIXES), dtype=np.int64)
        self.characters = np.zeros((size, 2 * EDGE), dtype=np.int64)
        self.vectors = np.zeros((size, len(self.vocabulary.vectors)), dtype=np.int64)
        self.pieces: list[list[int]] = []

    def rows(self, forms: Sequence[str]) -> np.ndarray:
        """The rows of `forms`, valid until the next call."""
        if len(self._rows) + len(forms) > max(self.limit, len(forms)):
            self._clear(1024)
        known = self._rows
        new = [form for form in dict.fromkeys(forms) if form not in known]
        if new:
            self._add(new)
            if self.tokenizer is not None:
                self.pieces += self.tokenizer.pieces(new)
        return np.fromiter((known[form] for form in forms), dtype=np.int64, count=len(forms))

    def size(self, forms: Sequence[str]) -> int:
        """What a sentence takes in a batch: its tokens, or what a transformer reads of them, its pieces."""
        return len(forms) if self.tokenizer is None else sum(len(self.pieces[row]) for row in self.rows(forms))

    def _add(self, new: list[str]) -> None:
        start, end = len(self._rows), len(self._rows) + len(new)
        if end > len(self.words):
            size = max(end, 2 * len(self.words))
            for name in ("words", "counts", "affixes", "characters", "vectors"):
                array = getattr(self, name)
                grown = np.zeros((size, *array.shape[1:]), dtype=array.dtype)
                grown[: len(array)] = array
                setattr(self, name, grown)
        vocabulary = self.vocabulary
        self._rows.update(zip(new, range(start, end), strict=True))
        lower = [form.lower() for form in new]
        self.words[start:end] = [vocabulary.word_ids.get(form, UNK) for form in lower]
        self.counts[start:end] = [vocabulary.words.get(form, 1) for form in lower]
        self.affixes[start:end] = [affix_rows(form, self.buckets) for form in new]
        kept = [form if len(form) <= 2 * EDGE else form[:EDGE] + form[-EDGE:] for form in new]
        here = np.arange(2 * EDGE) < np.array([len(form) for form in kept])[:, None]
        ids = vocabulary.character_ids
        self.characters[start:end][here] = [ids.get(character, UNK) for character in "".join(kept)]
        for source, rows in enumerate(vocabulary.vectors.values()):
            found = [row_of(rows, form) for form in new]
            self.vectors[start:end, source] = [0 if row is None else row + 1 for row in found]


def collate(
    sentences: Sequence[Sequence[str]],
    table: FormTable,
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

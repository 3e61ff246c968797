"""A teacher and sentences -> the teacher's best tags of every token with their probabilities, computed once.

They are kept in the cache, in files of some thousand sentences each. The name of a file is a digest of everything that
decides its content: the teacher's folder, the sentences, the columns. So a run that was interrupted goes on where it
stopped, and other students of the same teacher read what is there.
"""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import datasets
import numpy as np
import torch
from datasets import Dataset

from tagger.corpus.arrow import token_counts
from tagger.errors import InputError
from tagger.model.vocabulary import Vocabulary
from tagger.tagging.decoding import Request
from tagger.text.output_files import whole_binary
from tagger.training.card import describe
from tagger.weights.catalog import find_named
from tagger.weights.disk_cache import alone, cache_limit, lock_while_open, open_cached, trim
from tagger.weights.hub import is_hub_name
from tagger.weights.saved_config import CARD, TAGGER_IN_RUN

if TYPE_CHECKING:
    from tagger.tagging.tagger import Tagger


# T tokens in the longest sentence, B sentences, k tags that are kept of a token


class Shard(NamedTuple):
    """The arrays of a file: for each column the ids and the probabilities, (tokens, k) each."""

    ids: list[np.ndarray]
    shares: list[np.ndarray]


class Targets:
    """The teacher's best tags of the tokens of all sentences, with their probabilities."""

    def __init__(
        self,
        shards: Sequence[Shard],
        lengths: np.ndarray,
        columns: Sequence[str],
        translations: Mapping[str, np.ndarray],
    ) -> None:
        """Keeps its arguments.

        Args:
            shards: one after another.
            lengths: (sentences,) their tokens.
            columns: of the arrays of a shard.
            translations: for each column of the student, its ids of the teacher's tags; -1 for a tag that it lacks.
        """
        self._shards, self._translations = shards, translations
        self._places = {column: columns.index(column) for column in translations}  # among the arrays of a shard
        ends = np.cumsum(lengths)
        self._starts = ends - lengths
        self._lengths = lengths
        self._borders = np.cumsum([0, *(len(shard.ids[0]) for shard in shards)])  # tokens before each shard
        self._of = np.searchsorted(self._borders, self._starts, side="right") - 1  # the shard of each sentence

    def __len__(self) -> int:
        """The number of sentences."""
        return len(self._lengths)

    def batch(self, numbers: Sequence[int] | np.ndarray) -> dict[str, np.ndarray]:
        """For each column float32 (T, B, k, 2): ids and probabilities, 0 after a sentence's end.

        A tag that the student lacks has the id -1 and the probability 0.

        Args:
            numbers: of B sentences.
        """
        longest, found = int(self._lengths[numbers].max()), {}
        for column, place in self._places.items():
            k = self._shards[0].ids[place].shape[1]
            values = np.zeros((longest, len(numbers), k, 2), dtype=np.float32)
            for i, number in enumerate(numbers):
                shard, length = self._of[number], self._lengths[number]
                start = self._starts[number] - self._borders[shard]
                ids = self._translations[column][self._shards[shard].ids[place][start : start + length]]
                shares = self._shards[shard].shares[place][start : start + length]
                values[:length, i, :, 0] = ids
                values[:length, i, :, 1] = _sharpened(shares, len(self._translations[column])) * (ids >= 0)
            found[column] = values
        return found


def _sharpened(shares: np.ndarray, tags: int) -> np.ndarray:
    """Probabilities in half precision, the largest of each token corrected; float32.

    A number near 1 is rounded so much in half precision that the rest, 1 minus the sum, would mean nothing. But no tag
    that is not kept is more probable than the last one that is, so the rest has a bound.

    Args:
        shares: (tokens, k) of the chosen tag and of the best others, best first.
        tags: how many tags the teacher has.
    """
    shares = shares.astype(np.float32)
    k = shares.shape[1]
    if k == 1 < tags:  # the chosen tag may be less probable than others
        return shares
    rows, largest = np.arange(len(shares)), shares.argmax(axis=1)
    before = shares[rows, largest]
    least = 1 - (shares.sum(axis=1) - before) - (tags - k) * shares[:, -1]
    shares[rows, largest] = np.maximum(before, least)
    return shares


class Distillation(NamedTuple):
    """What a student learns beside gold tags.

    Attributes:
        sentences: of train, then those of the untagged text.
        gold: how many of them are of train.
        text_sentences: of the text in an epoch.
        targets: what the teacher says of all sentences.
    """

    sentences: Dataset
    gold: int
    text_sentences: int
    targets: Targets


# k tags that are kept of a token


Load = Callable[[Path], "Tagger"]
"""The folder of a tagger to the tagger."""

_log = logging.getLogger(__name__)
SHARD_TOKENS = 50_000  # of a file, at least, but for the last one
MAX_SHARDS = 128  # about; of more text a file has more tokens, since each stays open while it is mapped
PIECE_TOKENS = 20_000  # that the teacher tags at a time
SECONDS = 10  # between two lines of progress
FORMAT = 1  # of the files; raise it when their content changes
IDS, SHARES = np.dtype(np.uint16), np.dtype(np.float16)


class Teacher:
    """A trained tagger that others learn from.

    Attributes:
        folder: of the tagger.
        name: the last part of the name of its folder, or of the folder of its run.
        tagger: loaded.
        digest: of all its files.
    """

    def __init__(self, name: str, columns: Sequence[str], load: Load) -> None:
        """Loads the tagger.

        Args:
            name: of the tagger, or its folder.
            columns: that a student learns.
            load: loads it.

        Raises:
            InputError: there is none of that name, it cannot be read, or it lacks a column.
        """
        try:
            self.folder = find_named(name)
        except InputError as error:
            raise error if is_hub_name(name) else InputError(f"distill.teacher={error}") from None
        resolved = self.folder.resolve()
        own_name = resolved.parent.name if resolved.name == TAGGER_IN_RUN else resolved.name
        self.name = name if is_hub_name(name) else own_name
        with torch.random.fork_rng(devices=[]):  # the student begins with the weights that it has without a teacher
            self.tagger = load(self.folder)
        self.digest = _folder_digest(self.folder)
        own = self.tagger.vocabulary.columns
        if not own:
            raise InputError(f"distill.teacher={name}: it predicts words and has no tags; name a tagger")
        for column in columns:
            if column not in own:
                raise InputError(
                    f"distill.teacher={name}: it has no column {column}, only {', '.join(own)}; choose columns=[...]"
                    " among these, or another teacher"
                )

    @property
    def description(self) -> dict[str, Any]:
        """Its name, what it was trained on, and its scores."""
        config = self.tagger.config
        corpus = describe(config) if config.get("corpus") else None
        return {"name": self.name, "corpus": corpus, "scores": config.get("scores", {})}

    def check(self, vocabulary: Vocabulary) -> None:
        """Raises InputError if the teacher knows no tag of a student's column."""
        for column, tags in vocabulary.tags.items():
            if not set(tags) & set(self.tagger.vocabulary.tags[column]):
                raise InputError(
                    f"distill.teacher={self.folder}: it knows no tag that the corpus has in {column}; choose a teacher"
                    " that was trained on such tags"
                )

    def targets(self, sentences: Dataset, top: int, vocabulary: Vocabulary) -> Targets:
        """The teacher's tags for sentences; all its columns are kept, so that students of other columns find them.

        Args:
            sentences: with `tokens`.
            top: k, the number of tags that are kept of a token, or fewer if a column has fewer.
            vocabulary: the student's, which decides the ids.

        Raises:
            InputError: a file of the cache cannot be written or read.
        """
        columns = self.tagger.vocabulary.columns
        folder = Path(datasets.config.HF_DATASETS_CACHE) / "tagger"
        sizes = [min(top, len(self.tagger.vocabulary.tags[column])) for column in columns]
        lengths = token_counts(sentences)
        total = int(lengths.sum())
        progress = _Progress(f"{self.name} tags {total:,} words for the student once", total)
        size = max(SHARD_TOKENS, total // MAX_SHARDS)
        shards = [self._shard(shard, columns, sizes, folder, progress) for shard in _shards(sentences, size)]
        return Targets(shards, lengths, columns, self._translations(vocabulary))

    def _shard(
        self, sentences: list[list[str]], columns: list[str], sizes: list[int], folder: Path, progress: "_Progress"
    ) -> Shard:
        """The arrays of some sentences, from the cache if they are there."""
        tokens = sum(map(len, sentences))
        key = [FORMAT, self.digest, self.tagger.engine.precision, columns, sizes, sentences]
        path = folder / f"{hashlib.sha256(json.dumps(key).encode()).hexdigest()}.teacher"
        size = tokens * sum(sizes) * (IDS.itemsize + SHARES.itemsize)
        remedy = "make room for what the teacher says, or set HF_DATASETS_CACHE to another folder"
        try:
            if (found := self._cached(path, tokens, columns, sizes, size)) is not None:
                progress.found(tokens)
                return found
            with alone(path):
                if (found := self._cached(path, tokens, columns, sizes, size)) is not None:  # another process was first
                    progress.found(tokens)
                    return found
                progress.begin()
                trim(folder, size, cache_limit())
                arrays = self._ask(sentences, columns, sizes, progress)
                with whole_binary(path, remedy) as file:
                    lock_while_open(file)
                    for array in arrays:
                        file.write(array.tobytes())
                with path.open("rb") as file:
                    lock_while_open(file)
                    return _mapped(np.memmap(file, dtype=np.uint8, mode="r"), tokens, sizes)
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}; {remedy}") from None

    def _cached(self, path: Path, tokens: int, columns: list[str], sizes: list[int], size: int) -> Shard | None:
        """The arrays of a file of the cache; None if there is none, or if it is damaged."""
        with open_cached(path, size) as file:
            if file is None:
                return None
            shard = _mapped(np.memmap(file, dtype=np.uint8, mode="r"), tokens, sizes)
        for column, ids, shares in zip(columns, shard.ids, shard.shares, strict=True):
            if ids.max() >= len(self.tagger.vocabulary.tags[column]) or not (shares.min() >= 0 and shares.max() <= 1):
                return None
        return shard

    def _ask(
        self, sentences: list[list[str]], columns: list[str], sizes: list[int], progress: "_Progress"
    ) -> list[np.ndarray]:
        """For each column the ids and the probabilities, (tokens, k) each; the teacher tags a piece at a time."""
        ends = np.cumsum([0, *map(len, sentences)])
        arrays = [np.empty((ends[-1], k), dtype) for k in sizes for dtype in (IDS, SHARES)]
        pieces = np.searchsorted(ends, np.arange(0, ends[-1], PIECE_TOKENS))  # the first sentence of each
        for first, last in pairwise(np.unique([*pieces, len(sentences)]).tolist()):
            found = self.tagger.engine.tag(sentences[first:last], Request(columns, max(sizes), probabilities=True))
            start, end = ends[first], ends[last]
            for place, (column, k) in enumerate(zip(columns, sizes, strict=True)):
                tags = found[column].tags
                assert tags.probabilities is not None
                arrays[2 * place][start:end] = tags.ids[:, :k]
                arrays[2 * place + 1][start:end] = tags.probabilities[:, :k].clip(0, 1)
            progress.computed(int(end - start))
        return arrays

    def _translations(self, vocabulary: Vocabulary) -> dict[str, np.ndarray]:
        """For each column the student's id of each of the teacher's tags; -1: the student does not have it."""
        own = self.tagger.vocabulary.tags
        return {
            column: np.array([ids.get(tag, -1) for tag in own[column]], dtype=np.int64)
            for column, ids in vocabulary.tag_ids.items()
        }


class _Progress:
    """Says how far the teacher is."""

    def __init__(self, title: str, total: int) -> None:
        self.title, self.total, self.done, self.own = title, total, 0, 0
        self.start: float | None = None
        self.said = 0.0

    def begin(self) -> None:
        """Says what the teacher does, before it does it for the first time."""
        if self.start is None:
            self.start = self.said = time.monotonic()
            known = f"; {self.done:,} of them are known" if self.done else ""
            _log.info("%s%s", self.title, known)

    def found(self, tokens: int) -> None:
        """Counts words that the cache had."""
        self.done += tokens

    def computed(self, tokens: int) -> None:
        """Counts words that the teacher has just tagged; says so every ten seconds, and at the end."""
        self.done, self.own = self.done + tokens, self.own + tokens
        now = time.monotonic()
        if now - self.said >= SECONDS or self.done >= self.total:
            self.said = now
            rate = self.own / max(1e-9, now - (self.start or now))
            left = f", {in_words((self.total - self.done) / rate)} left" if self.done < self.total else ""
            _log.info(
                "teacher: %s of %s words, %s words/s%s", *(f"{n:,.0f}" for n in (self.done, self.total, rate)), left
            )


def in_words(seconds: float) -> str:
    """A time in the largest unit of which there are at least two.

    >>> in_words(90), in_words(600), in_words(10_000)
    ('90 s', '10 min', '2.8 h')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _shards(sentences: Dataset, size: int) -> Iterator[list[list[str]]]:
    """Sentences of at least `size` tokens at a time."""
    shard: list[list[str]] = []
    tokens = 0
    for rows in sentences.select_columns(["tokens"]).iter(1000):
        for sentence in rows["tokens"]:
            shard.append(sentence)
            tokens += len(sentence)
            if tokens >= size:
                yield shard
                shard, tokens = [], 0
    if shard:
        yield shard


def _mapped(content: np.ndarray, tokens: int, sizes: Sequence[int]) -> Shard:
    """The arrays that the bytes of a file are."""
    shard = Shard([], [])
    place = 0
    for k in sizes:
        for arrays, kind in ((shard.ids, IDS), (shard.shares, SHARES)):
            size = tokens * k * kind.itemsize
            arrays.append(content[place : place + size].view(kind).reshape(tokens, k))
            place += size
    return shard


def _folder_digest(folder: Path) -> str:
    """A digest of all files of a tagger but its cards."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name != CARD):
        digest.update(f"{path.relative_to(folder)}\n".encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()

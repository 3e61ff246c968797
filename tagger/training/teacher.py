"""A teacher and sentences -> the teacher's best tags of every token with their probabilities, computed once.

They are kept in the cache, in files of some thousand sentences each. The name of a file is a digest of everything that
decides its content: the teacher's folder, the sentences, the columns. So a run that was interrupted goes on where it
stopped, and other students of the same teacher read what is there.
"""

# k tags that are kept of a token

import hashlib
import json
import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import datasets
import numpy as np
from datasets import Dataset

from tagger.corpus.arrow import token_counts
from tagger.errors import InputError
from tagger.model.vocabulary import Vocabulary
from tagger.tagging.decoding import Request
from tagger.tagging.load import load
from tagger.text.output_files import whole_binary
from tagger.weights.catalog import find_tagger
from tagger.weights.disk_cache import cache_limit, lock_while_open, open_cached, trim
from tagger.weights.saved_config import CARD

_log = logging.getLogger(__name__)
SHARD_TOKENS = 50_000  # of a file, at least, but for the last one
FORMAT = 1  # of the files; raise it when their content changes
IDS, SHARES = np.dtype(np.uint16), np.dtype(np.float16)


class _Shard(NamedTuple):
    """The arrays of a file: for each column the ids and the probabilities, (tokens, k) each."""

    ids: list[np.ndarray]
    shares: list[np.ndarray]


class Teacher:
    """A trained tagger that others learn from.

    Attributes:
        folder: of the tagger.
        tagger: loaded.
    """

    def __init__(self, name: str) -> None:
        """Loads the tagger.

        Raises:
            InputError: there is none of that name, or it cannot be read.
        """
        try:
            self.folder = find_tagger(name)
        except InputError:
            raise InputError(f"distill.teacher={name}: no such tagger; name one, or the folder of its run") from None
        self.tagger = load(self.folder)
        self.digest = _folder_digest(self.folder)

    def check(self, vocabulary: Vocabulary) -> None:
        """Raises InputError if the teacher lacks a column of a student, or all tags of one."""
        own = self.tagger.vocabulary
        for column, tags in vocabulary.tags.items():
            if column not in own.tags:
                raise InputError(
                    f"distill.teacher={self.folder}: it has no column {column}, it has {', '.join(own.columns)};"
                    " choose columns=[...] among these, or another teacher"
                )
            if not set(tags) & set(own.tags[column]):
                raise InputError(
                    f"distill.teacher={self.folder}: no tag of the corpus in {column} is known to it; choose a teacher"
                    " that was trained on such tags"
                )

    def targets(self, sentences: Dataset, top: int, vocabulary: Vocabulary) -> "Targets":
        """The teacher's tags for sentences.

        Args:
            sentences: with `tokens`.
            top: k, the number of tags that are kept of a token, or fewer if a column has fewer.
            vocabulary: the student's, which decides the ids.

        Raises:
            InputError: a file of the cache cannot be written or read.
        """
        columns = vocabulary.columns
        folder = Path(datasets.config.HF_DATASETS_CACHE) / "tagger"
        sizes = [min(top, len(self.tagger.vocabulary.tags[column])) for column in columns]
        lengths = token_counts(sentences)
        progress = _Progress(self.folder, int(lengths.sum()))
        shards = [self._shard(shard, columns, sizes, folder, progress) for shard in _shards(sentences)]
        return Targets(shards, lengths, columns, self._translations(vocabulary))

    def _shard(
        self, sentences: list[list[str]], columns: list[str], sizes: list[int], folder: Path, progress: "_Progress"
    ) -> _Shard:
        """The arrays of some sentences, from the cache if they are there."""
        tokens = sum(map(len, sentences))
        key = [FORMAT, self.digest, self.tagger.engine.precision, columns, sizes, sentences]
        path = folder / f"{hashlib.sha256(json.dumps(key).encode()).hexdigest()}.teacher"
        size = tokens * sum(sizes) * (IDS.itemsize + SHARES.itemsize)
        remedy = "make room for what the teacher says, or set HF_DATASETS_CACHE to another folder"
        try:
            with open_cached(path, size) as cached:
                if cached is not None:
                    progress.found(tokens)
                    return _mapped(path, tokens, sizes)
            trim(folder, size, cache_limit())
            found = self.tagger.engine.tag(sentences, Request(columns, top=max(sizes), probabilities=True))
            with whole_binary(path, remedy) as file:
                for column, k in zip(columns, sizes, strict=True):
                    tags = found[column].tags
                    assert tags.probabilities is not None
                    file.write(tags.ids[:, :k].astype(IDS).tobytes())
                    file.write(tags.probabilities[:, :k].astype(SHARES).tobytes())
            progress.computed(tokens)
            return _mapped(path, tokens, sizes)
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}; {remedy}") from None

    def _translations(self, vocabulary: Vocabulary) -> list[np.ndarray]:
        """For each column the student's id of each of the teacher's tags; -1: the student does not have it."""
        own = self.tagger.vocabulary.tags
        return [
            np.array([ids.get(tag, -1) for tag in own[column]], dtype=np.int64)
            for column, ids in vocabulary.tag_ids.items()
        ]


class Targets:
    """What a teacher says of the tokens of all sentences; it stays on disk."""

    def __init__(
        self,
        shards: Sequence[_Shard],
        lengths: np.ndarray,
        columns: Sequence[str],
        translations: Sequence[np.ndarray],
    ) -> None:
        """Keeps its arguments.

        Args:
            shards: one after another.
            lengths: (sentences,) their tokens.
            columns: of the arrays of a shard.
            translations: of each column; the student's ids of the teacher's tags, -1 for a tag that the student lacks.
        """
        self._shards, self._columns, self._translations = shards, columns, translations
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

        Args:
            numbers: of B sentences.
        """
        longest, found = int(self._lengths[numbers].max()), {}
        for place, column in enumerate(self._columns):
            k = self._shards[0].ids[place].shape[1]
            values = np.zeros((longest, len(numbers), k, 2), dtype=np.float32)
            for i, number in enumerate(numbers):
                shard, length = self._of[number], self._lengths[number]
                start = self._starts[number] - self._borders[shard]
                ids = self._translations[place][self._shards[shard].ids[place][start : start + length]]
                values[:length, i, :, 0] = ids.clip(min=0)
                values[:length, i, :, 1] = self._shards[shard].shares[place][start : start + length] * (ids >= 0)
            found[column] = values
        return found


class _Progress:
    """Says how far the teacher is."""

    def __init__(self, folder: Path, total: int) -> None:
        self.folder, self.total, self.done, self.own = folder, total, 0, 0
        self.start = self.said = time.monotonic()

    def found(self, tokens: int) -> None:
        """Counts words that the cache had."""
        self.done += tokens

    def computed(self, tokens: int) -> None:
        """Counts words that the teacher has just tagged; says so every ten seconds, and at the end."""
        self.done, self.own = self.done + tokens, self.own + tokens
        now = time.monotonic()
        if now - self.said >= 10 or self.done >= self.total:
            self.said = now
            rate = self.own / max(1e-9, now - self.start)
            _log.info(
                "teacher %s: %s of %s words, %s words/s, kept on disk",
                self.folder,
                f"{self.done:,}",
                f"{self.total:,}",
                f"{rate:,.0f}",
            )


def _shards(sentences: Dataset) -> Iterator[list[list[str]]]:
    shard: list[list[str]] = []
    tokens = 0
    for rows in sentences.select_columns(["tokens"]).iter(1000):
        for sentence in rows["tokens"]:
            shard.append(sentence)
            tokens += len(sentence)
            if tokens >= SHARD_TOKENS:
                yield shard
                shard, tokens = [], 0
    if shard:
        yield shard


def _mapped(path: Path, tokens: int, sizes: Sequence[int]) -> _Shard:
    ids: list[np.ndarray] = []
    shares: list[np.ndarray] = []
    place = 0
    with path.open("rb") as file:
        lock_while_open(file)  # as long as it is mapped
        for k in sizes:
            for arrays, kind in ((ids, IDS), (shares, SHARES)):
                arrays.append(np.memmap(file, dtype=kind, mode="r", offset=place, shape=(tokens, k)))
                place += tokens * k * kind.itemsize
    return _Shard(ids, shares)


def _folder_digest(folder: Path) -> str:
    """A digest of all files of a tagger but its card."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name != CARD):
        digest.update(f"{path.relative_to(folder)}\n".encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()

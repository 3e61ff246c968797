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
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import datasets
import numpy as np
from datasets import Dataset

from tagger.corpus.arrow import token_counts
from tagger.errors import InputError
from tagger.model.vocabulary import Vocabulary
from tagger.tagging.decoding import Request
from tagger.text.output_files import whole_binary
from tagger.training.targets import Shard, Targets
from tagger.weights.catalog import find_tagger
from tagger.weights.disk_cache import cache_limit, lock_while_open, open_cached, trim
from tagger.weights.saved_config import CARD

if TYPE_CHECKING:
    from tagger.tagging.tagger import Tagger

Load = Callable[[Path], "Tagger"]
"""The folder of a tagger to the tagger."""

_log = logging.getLogger(__name__)
SHARD_TOKENS = 50_000  # of a file, at least, but for the last one
FORMAT = 1  # of the files; raise it when their content changes
IDS, SHARES = np.dtype(np.uint16), np.dtype(np.float16)


class Teacher:
    """A trained tagger that others learn from.

    Attributes:
        folder: of the tagger.
        tagger: loaded.
    """

    def __init__(self, name: str, load: Load) -> None:
        """Loads the tagger.

        Args:
            name: of the tagger, or its folder.
            load: loads it.

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

    def targets(self, sentences: Dataset, top: int, vocabulary: Vocabulary) -> Targets:
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
    ) -> Shard:
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


def _mapped(path: Path, tokens: int, sizes: Sequence[int]) -> Shard:
    ids: list[np.ndarray] = []
    shares: list[np.ndarray] = []
    place = 0
    with path.open("rb") as file:
        lock_while_open(file)  # as long as it is mapped
        for k in sizes:
            for arrays, kind in ((ids, IDS), (shares, SHARES)):
                arrays.append(np.memmap(file, dtype=kind, mode="r", offset=place, shape=(tokens, k)))
                place += tokens * k * kind.itemsize
    return Shard(ids, shares)


def _folder_digest(folder: Path) -> str:
    """A digest of all files of a tagger but its card."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name != CARD):
        digest.update(f"{path.relative_to(folder)}\n".encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()

"""A corpus -> batches of sentences of similar length, with about equally many tokens in each.

`BucketSampler` chooses the sentences of each batch, and `Batches` makes a `Batch` of them: it reads their rows, spoils
some of them if the config asks for noise, pads them, and adds what a network reads or learns beside words and tags.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from datasets import Dataset, DatasetDict
from torch.utils.data import DataLoader, Sampler

from tagger.corpus.corpus_config import CORPUS
from tagger.corpus.noise import Copy, gathered, with_noise
from tagger.corpus.splits import AUXILIARY_COLUMNS, corpus_names, token_counts
from tagger.errors import InputError
from tagger.model.batch import Batch, FormTable, collate, length_buckets
from tagger.model.vocabulary import IGNORE, NO_CORPUS
from tagger.text.strings import LEMMA
from tagger.training.auxiliary import Auxiliary
from tagger.training.teacher import TeacherTargets

# T tokens in the longest sentence, B sentences; of a transformer M' outputs that are used, D size of an output

# t: of a corpus of n sentences, one of several, an epoch has sentences in proportion to n ** (1 / t)
CORPORA_TEMPERATURE = 2.0
NO_LEMMA = (-1.0, 0.0)  # id and probability of a tag that a teacher does not name
NOISE = 1  # ends the seed of a batch's noise: word dropout, whose seed lacks it, is the same with and without noise


OutputsOf = Callable[[Iterable[list[str]], np.ndarray, torch.device | str], np.ndarray | None]
"""Sentences, their lengths and a device -> the outputs of a transformer for each token, if it does not learn."""


@dataclass(frozen=True)
class BatchOptions:
    """How training reads sentences, in batches."""

    batch_tokens: int = 500  # of a batch, padding included; a longer sentence is a batch of its own
    word_dropout: float = 1.0  # see `collate`
    # Of several corpora, the share of training's sentences whose corpus is not told; dev's are told if this is 0.
    corpus_dropout: float = 0.0
    noise: float = 0.0  # share of the sentences of which training reads a spoilt copy; see `with_noise`
    seed: int = 1  # of the batches, of word dropout and of noise


class TaggerDataModule(pl.LightningDataModule):
    """Train and dev batches of a corpus; they are planned when a loader is made."""

    def __init__(
        self,
        splits: DatasetDict,
        table: FormTable,
        reading: BatchOptions,
        auxiliary: Auxiliary | None = None,
        targets: TeacherTargets | None = None,
        outputs_of: OutputsOf | None = None,
    ) -> None:
        """Takes the splits "train" and "dev".

        Args:
            table: how words are read.
            auxiliary: values of other columns, which training predicts beside the tags.
            targets: what a teacher says of train, and of untagged text that training reads beside it.
            outputs_of: gives the outputs of a transformer that does not learn.
        """
        super().__init__()
        self.splits, self.table, self.reading, self.outputs_of = splits, table, reading, outputs_of
        self.auxiliary = auxiliary if auxiliary and auxiliary.values else None
        self.targets = targets

    def train_dataloader(self) -> DataLoader[Batch]:
        train = self.splits["train"]
        sentences = train if self.targets is None else self.targets.sentences
        batches = Batches(sentences, self.table, self.reading, len(train), self.auxiliary, self.targets)
        return self._loader(batches, self.reading.seed, self._mixture(sentences))

    def val_dataloader(self) -> DataLoader[Batch]:
        sentences = self.splits["dev"]
        return self._loader(Batches(sentences, self.table, self.reading, len(sentences)), None, None)

    def _loader(self, batches: "Batches", seed: int | None, mixture: "Mixture | None") -> DataLoader[Batch]:
        lengths = token_counts(batches.sentences)
        if self.outputs_of is not None:
            device = self.trainer.strategy.root_device if self.trainer else "cpu"
            batches.outputs = self.outputs_of((row["tokens"] for row in batches.sentences), lengths, device)
            batches.ends = np.cumsum(lengths)
        rank, world = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        sampler = BucketSampler(lengths, self.reading.batch_tokens, seed, rank, world, mixture)
        # The loader has its own generator: nothing may draw from the global one, whose state a checkpoint restores.
        return DataLoader(batches, batch_size=None, sampler=sampler, generator=torch.Generator())

    def _mixture(self, sentences: Dataset) -> "Mixture | None":
        """The sentences of train that an epoch reads, where those without tags come last; None: all."""
        tagged = len(self.splits["train"])
        several, untagged = CORPUS in sentences.column_names, len(sentences) - tagged
        if not untagged and not (several and CORPORA_TEMPERATURE > 1):
            return None
        names = corpus_names(sentences)[:tagged] if several else np.zeros(tagged)
        corpora = np.unique(names, return_inverse=True)[1]
        counts = tempered_counts(np.bincount(corpora), CORPORA_TEMPERATURE)
        if self.targets is not None and untagged:
            corpora = np.concatenate([corpora, np.full(untagged, len(counts))])
            counts = np.append(counts, self.targets.text_sentences)
        return Mixture(corpora, counts, self.reading.seed)


@dataclass
class Rows:
    """The sentences of a batch."""

    numbers: np.ndarray  # of the sentences as they are on disk
    columns: dict[str, Any]  # for each column the values of every sentence
    untagged: np.ndarray  # (B,) whether a sentence is untagged text
    copies: list[Copy] | None = None  # as noise left them, fewer than `numbers` if some were joined; None without noise
    changed: np.ndarray | None = None  # (T', B') whether noise changed a word of the copies

    def spoilt(self, share: float, generator: np.random.Generator) -> "Rows":
        """The sentences with noise in a share of them."""
        tokens = self.columns["tokens"]
        kinds = list(zip(self.columns.get(CORPUS, self.untagged), self.untagged, strict=True))
        copies = with_noise(tokens, kinds, share, generator)
        columns = {
            name: [values[copy.sentences[0]] if name == CORPUS else copy.of_words(values) for copy in copies]
            for name, values in self.columns.items()
        } | {"tokens": [copy.forms for copy in copies]}
        untagged = self.untagged[[copy.sentences[0] for copy in copies]]
        changed = np.zeros((max(len(copy.forms) for copy in copies), len(copies)), dtype=bool)
        for number, copy in enumerate(copies):
            words = copy.of_words(tokens)
            changed[: len(words), number] = [a != b for a, b in zip(copy.forms, words, strict=True)]
        return Rows(self.numbers, columns, untagged, copies, changed)


class Batches(torch.utils.data.Dataset[Batch]):
    """The numbers of sentences and a seed, None for dev, -> a `Batch`. The sentences stay on disk.

    Attributes:
        outputs: of a frozen transformer, (tokens of all sentences, M', D), on disk; `ends` are those of each sentence.
    """

    outputs: np.ndarray | None = None
    ends: np.ndarray

    def __init__(
        self,
        sentences: Dataset,
        table: FormTable,
        reading: BatchOptions,
        tagged: int,
        auxiliary: Auxiliary | None = None,
        targets: TeacherTargets | None = None,
    ) -> None:
        """The first `tagged` sentences have tags; those after them are untagged text."""
        columns = {"tokens", *table.vocabulary.columns, *(AUXILIARY_COLUMNS if auxiliary else ()), CORPUS}
        self.sentences = sentences.select_columns([name for name in sentences.column_names if name in columns])
        self.table, self.reading, self.tagged = table, reading, tagged
        self.auxiliary, self.targets = auxiliary, targets

    def __getitem__(self, item: Any) -> Batch:
        numbers, seed = item
        generator = None if seed is None else np.random.default_rng(seed)
        rows = Rows(numbers, self.sentences[numbers], numbers >= self.tagged)
        if seed is not None and self.reading.noise:
            rows = rows.spoilt(self.reading.noise, np.random.default_rng([*seed, NOISE]))
        tags = {column: rows.columns[column] for column in self.table.vocabulary.columns}
        batch = collate(rows.columns["tokens"], self.table, tags, self.reading.word_dropout, generator)
        lengths, untagged = batch.lengths.tolist(), torch.from_numpy(rows.untagged)
        if CORPUS in rows.columns and (generator is not None or not self.reading.corpus_dropout):
            known = self.table.vocabulary.corpus_ids
            ids = np.array([known.get(str(name), NO_CORPUS) for name in rows.columns[CORPUS]], dtype=np.int64)
            if generator is not None:
                ids[generator.random(len(ids)) < self.reading.corpus_dropout] = NO_CORPUS
            batch.corpora = torch.from_numpy(ids)
        if self.auxiliary is not None:
            batch.auxiliary = torch.from_numpy(self.auxiliary.matrix(rows.columns, lengths))
            batch.auxiliary[:, untagged] = -1
        if self.targets is not None:
            for target in batch.targets.values():
                target[:, untagged] = IGNORE
            batch.teacher = self._said(self.targets, rows)
        if self.outputs is not None:
            states = np.zeros((*batch.index.shape, *self.outputs.shape[1:]), dtype=np.float32)  # (T, B, M', D)
            for column, (end, length) in enumerate(zip(self.ends[numbers], lengths, strict=True)):
                states[:length, column] = self.outputs[end - length : end]
            batch.outputs = torch.from_numpy(states)
        return batch

    @staticmethod
    def _said(targets: TeacherTargets, rows: Rows) -> dict[str, torch.Tensor]:
        """What a teacher says of each word.

        Of a word that noise changed it says no lemma: its edit script is that of the word as it was.
        """
        said = {}
        for column, values in targets.batch(rows.numbers).items():
            values = values if rows.copies is None else gathered(values, rows.copies)
            if column == LEMMA and rows.changed is not None:
                values[rows.changed] = NO_LEMMA
            said[column] = torch.from_numpy(values)
        return said


class BucketSampler(Sampler[tuple[np.ndarray, list[int] | None]]):
    """Yields the sentence numbers of each batch, and the seed of its word dropout.

    The batches depend on the seed and the epoch alone. Every epoch has the same number of batches, because the trainer
    computes its number of steps from the first. Of n processes, each takes every n-th batch. In training, the
    first batches are repeated until all processes have equally many; in dev each process has at least one.
    """

    def __init__(
        self,
        lengths: np.ndarray,
        max_tokens: int,
        seed: int | None,
        rank: int = 0,
        world: int = 1,
        mixture: "Mixture | None" = None,
    ) -> None:
        """Counts the batches of sentences with these lengths, (N,).

        Args:
            max_tokens: of a batch, padding included.
            seed: None: no shuffling, the batches in order of length.
            rank, world: the number of this process, and of all.
            mixture: says which sentences an epoch reads; None: all. With a seed alone.
        """
        if len(lengths) < world:
            raise InputError(f"trainer.devices={world}: a split has fewer sentences, {len(lengths)}; give fewer")
        self.mixture = mixture
        self.lengths, self.max_tokens, self.seed = lengths, max_tokens, seed
        self.rank, self.world, self.epoch = rank, world, 0
        self._batches: tuple[int, list[np.ndarray]] | None = None
        first = lengths if mixture is None else lengths[mixture.sentences(0)]
        sorted_batches = len(list(length_buckets(first, max_tokens)))
        self._count = min(sorted_batches + sorted_batches // 50 + 1, len(first))  # shuffled sentences need a few more

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def _plan(self) -> list[np.ndarray]:
        if self._batches is None or self._batches[0] != self.epoch:
            generator = None if self.seed is None else np.random.default_rng([self.seed, self.epoch])
            numbers = np.arange(len(self.lengths)) if self.mixture is None else self.mixture.sentences(self.epoch)
            lengths = self.lengths[numbers]
            batches = list(length_buckets(lengths, self.max_tokens, generator))
            if generator is not None:
                while len(batches) > self._count:  # a mixture whose sentences are longer here than in the first epoch
                    batches.sort(key=lambda batch: len(batch) * lengths[batch].max(), reverse=True)
                    batches.append(np.concatenate([batches.pop(), batches.pop()]))  # the two smallest become one
            while len(batches) < (self.world if generator is None else self._count):
                largest = max(range(len(batches)), key=lambda i: len(batches[i]))  # the one with most sentences
                half = len(batches[largest]) // 2
                batches[largest], rest = batches[largest][:half], batches[largest][half:]
                batches.append(rest)
            if generator is not None:
                batches = [batches[i] for i in generator.permutation(len(batches))]
                batches += [batches[i % len(batches)] for i in range(-len(batches) % self.world)]
            self._batches = self.epoch, [numbers[batch] for batch in batches]
        return self._batches[1]

    def __iter__(self) -> Iterator[tuple[np.ndarray, list[int] | None]]:
        for i, numbers in enumerate(self._plan()):
            if i % self.world == self.rank:
                yield numbers, None if self.seed is None else [self.seed, self.epoch, i]

    def __len__(self) -> int:
        return len(range(self.rank, len(self._plan()), self.world))


class Mixture:
    """The sentences of several corpora, or of a corpus and of untagged text, that an epoch reads.

    A corpus is read in an order drawn at random to its end, then in another order. An epoch goes on where the last one
    stopped. So no sentence of a corpus is read twice more than another.
    """

    def __init__(self, corpora: np.ndarray, counts: np.ndarray, seed: int) -> None:
        """Takes the number of each sentence's corpus, (N,), and how many sentences of each corpus an epoch has."""
        self._members = [np.flatnonzero(corpora == corpus) for corpus in range(len(counts))]
        self.counts, self._seed = counts, seed

    def sentences(self, epoch: int) -> np.ndarray:
        """(sum of `counts`,) the numbers of an epoch's sentences."""
        found = []
        for number, (members, count) in enumerate(zip(self._members, self.counts.tolist(), strict=True)):
            for turn in range(epoch * count // len(members), ((epoch + 1) * count - 1) // len(members) + 1):
                order = np.random.default_rng([self._seed, number, turn]).permutation(members)
                before = turn * len(members)  # sentences of this corpus that earlier turns have read
                found.append(order[max(0, epoch * count - before) : (epoch + 1) * count - before])
        return np.concatenate(found)


def tempered_counts(sizes: np.ndarray, temperature: float) -> np.ndarray:
    """How many sentences of each of several corpora an epoch has; in all about as many as they have together.

    A corpus of n sentences has a part in proportion to n ** (1 / temperature): Arivazhagan et al. (2019),
    https://arxiv.org/abs/1907.05019. At 1 every sentence is read once in an epoch.
    """
    weights = sizes.astype(np.float64) ** (1 / temperature)
    counts: np.ndarray = np.maximum(1, np.round(sizes.sum() * weights / weights.sum())).astype(np.int64)
    return counts

"""What trains a network that predicts hidden words: the LightningModule, and sections of a text as batches."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from tagger.corpus.raw_text import Counts, Texts
from tagger.model.collate import length_buckets
from tagger.model.forms import FormTable
from tagger.model.hidden_words import MaskedWordNetwork
from tagger.model.masked_batch import MaskedBatch, masked_batch
from tagger.model.network import NetworkConfig, TaggerNetwork
from tagger.model.vocabulary import Vocabulary
from tagger.training.config import PretrainConfig
from tagger.training.module import PER_EPOCH, Module
from tagger.training.sampler import BucketSampler

EVERY = 8  # of the held-out words one is hidden at a time, so that no two neighbours are


class MaskedWordModule(Module):
    """Trains a `MaskedWordNetwork`."""

    def __init__(
        self,
        vocabulary: dict[str, Any],
        network: NetworkConfig,
        samples: int = 8192,
        lr: float = 3e-3,
        weight_decay: float = 0.01,
        warmup: float = 0.05,
    ) -> None:
        """Builds the network.

        Args:
            vocabulary: the fields of a `Vocabulary` without tags.
            network: sizes of the body.
            samples: see `MaskedWordNetwork`.
            lr: the highest learning rate.
            weight_decay: of AdamW.
            warmup: share of the steps in which the learning rate climbs to `lr`.
        """
        super().__init__()
        self.save_hyperparameters(logger=False)
        self.vocabulary = Vocabulary(**vocabulary)
        self.network = MaskedWordNetwork(self.vocabulary, network, samples)

    @property
    def body(self) -> TaggerNetwork:
        return self.network.body

    def training_step(self, batch: MaskedBatch, _: int) -> Tensor:
        predicted = self.network.predict(batch.batch, batch.masked)
        if not len(predicted):  # no word of the batch is in the vocabulary
            return predicted.sum()
        loss = self.network.loss(predicted, batch.targets)
        self.log("train/loss", loss, batch_size=len(batch.targets), **PER_EPOCH)
        return loss

    def validation_step(self, batch: MaskedBatch, _: int) -> None:
        known = batch.targets >= 0
        count = int(known.sum())
        if not count:
            return
        scores = self.network.scores(self.network.predict(batch.batch, batch.masked))[known].float()
        loss, first, fifth = word_scores(scores, batch.targets[known])
        for name, value in (("loss", loss), ("accuracy", first), ("top5", fifth)):
            self.log(f"dev/{name}", value.sum() / max(1, count), batch_size=count, **PER_EPOCH)


def word_scores(scores: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """For each of n words: minus the logarithm of its probability, whether it is the first and among the first five."""
    right = scores.gather(1, targets[:, None])
    rank = (scores > right).sum(1)
    return scores.logsumexp(1) - right[:, 0], (rank == 0).float(), (rank < 5).float()


class _Section(Dataset[MaskedBatch]):
    """Sentence numbers and a seed -> a batch in which words of the vocabulary are hidden at random.

    Some sentences are cut off before or after a word, which is hidden: so the network learns what one side
    of a word says, and not that a word at the edge is a full stop.
    """

    def __init__(self, sentences: Sequence[list[str]], table: FormTable, hide: float, cut: float) -> None:
        self.sentences, self.table, self.hide, self.cut = sentences, table, hide, cut

    def __getitem__(self, item: Any) -> MaskedBatch:
        numbers, seed = item
        generator = np.random.default_rng(seed)
        parts = [self._part(self.sentences[i], generator) for i in numbers]
        return masked_batch([tokens for tokens, _ in parts], [hidden for _, hidden in parts], self.table)

    def _part(self, tokens: list[str], generator: np.random.Generator) -> tuple[list[str], np.ndarray]:
        edge = None
        if generator.random() < self.cut:
            place = int(generator.integers(len(tokens)))
            before = generator.random() < 0.5
            tokens, edge = (tokens[: place + 1], place) if before else (tokens[place:], 0)
        ids = self.table.vocabulary.word_ids
        known = np.array([token.lower() in ids for token in tokens])
        hidden = known & (generator.random(len(tokens)) < self.hide)
        if edge is not None and known[edge]:
            hidden[edge] = True
        if known.any() and not hidden.any():
            hidden[generator.choice(np.flatnonzero(known))] = True
        return tokens, np.flatnonzero(hidden)


class HeldOut(Dataset[MaskedBatch]):
    """Batches in which every `EVERY`-th word is hidden, from `shift` on."""

    def __init__(self, sentences: Sequence[list[str]], table: FormTable, batch_tokens: int, shift: int = 0) -> None:
        self.sentences, self.table, self.shift = sentences, table, shift
        lengths = np.array([len(sentence) for sentence in sentences])
        self.batches = list(length_buckets(lengths, batch_tokens))

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, number: int) -> MaskedBatch:
        numbers = self.batches[number].tolist()
        hidden = [np.arange((i + self.shift) % EVERY, len(self.sentences[i]), EVERY) for i in numbers]
        return masked_batch([self.sentences[i] for i in numbers], hidden, self.table)


class MaskedWordDataModule(pl.LightningDataModule):
    """A section of the text per epoch, and the held-out sentences."""

    def __init__(
        self,
        texts: Texts,
        counts: Counts,
        sections: int,
        held_out: Sequence[list[str]],
        table: FormTable,
        config: PretrainConfig,
    ) -> None:
        super().__init__()
        self.texts, self.counts, self.sections, self.held_out = texts, counts, sections, held_out
        self.table, self.config = table, config

    def train_dataloader(self) -> DataLoader[MaskedBatch]:
        number = self.trainer.current_epoch % self.sections if self.trainer else 0
        found: list[list[str]] = []
        for later in range(self.sections):  # a section is empty where a paragraph is longer than one
            found = self.texts.section((number + later) % self.sections, self.sections, self.counts.characters)
            if found:
                break
        sentences = [sentence for sentence in found if len(sentence) > 1] or found  # one word alone has no context
        rank, world = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        lengths = np.array([len(sentence) for sentence in sentences])
        sampler = BucketSampler(lengths, self.config.batch_tokens, self.config.seed, rank, world)
        dataset = _Section(sentences, self.table, self.config.mask, self.config.cut)
        return DataLoader(dataset, batch_size=None, sampler=sampler, generator=torch.Generator())

    def val_dataloader(self) -> DataLoader[MaskedBatch]:
        dataset = HeldOut(self.held_out, self.table, self.config.batch_tokens)
        return DataLoader(dataset, batch_size=None, generator=torch.Generator())

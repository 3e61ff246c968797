"""Untagged text -> batches with hidden words: a section of the text per epoch for training, and the dev sentences."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, Dataset

from tagger.corpus.raw_text import Counts, Texts
from tagger.model.collate import length_buckets
from tagger.model.forms import FormTable
from tagger.pretraining.config import PretrainConfig
from tagger.pretraining.network import HiddenWordBatch, hide_words
from tagger.training.sampler import BucketSampler

DEV_STRIDE = 8  # one of 8 dev words is hidden at a time, so that its neighbours stay visible


class _TrainBatches(Dataset[HiddenWordBatch]):
    """Sentence numbers and a seed -> a batch in which words of the vocabulary are hidden at random.

    Some sentences are cut off before or after a word, and that word is hidden. So the network learns to predict a word
    from one side; otherwise it would learn that the word at the edge is a full stop.
    """

    def __init__(self, sentences: Sequence[list[str]], table: FormTable, mask: float, cut: float) -> None:
        self.sentences, self.table, self.mask, self.cut = sentences, table, mask, cut

    def __getitem__(self, item: Any) -> HiddenWordBatch:
        numbers, seed = item
        generator = np.random.default_rng(seed)
        drawn = [self._mask(self.sentences[i], generator) for i in numbers]
        return hide_words([tokens for tokens, _ in drawn], [places for _, places in drawn], self.table)

    def _mask(self, tokens: list[str], generator: np.random.Generator) -> tuple[list[str], np.ndarray]:
        """A sentence, perhaps cut off, and the places of its hidden words."""
        edge = None
        if generator.random() < self.cut:
            place = int(generator.integers(len(tokens)))
            before = generator.random() < 0.5
            tokens, edge = (tokens[: place + 1], place) if before else (tokens[place:], 0)
        ids = self.table.vocabulary.word_ids
        known = np.array([token.lower() in ids for token in tokens])
        hidden = known & (generator.random(len(tokens)) < self.mask)
        if edge is not None and known[edge]:
            hidden[edge] = True
        if known.any() and not hidden.any():
            hidden[generator.choice(np.flatnonzero(known))] = True
        return tokens, np.flatnonzero(hidden)


class DevBatches(Dataset[HiddenWordBatch]):
    """Batches of dev sentences in which every `DEV_STRIDE`-th word is hidden, from place `shift` on."""

    def __init__(self, sentences: Sequence[list[str]], table: FormTable, batch_tokens: int, shift: int = 0) -> None:
        self.sentences, self.table, self.shift = sentences, table, shift
        lengths = np.array([len(sentence) for sentence in sentences])
        self.batches = list(length_buckets(lengths, batch_tokens))

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, number: int) -> HiddenWordBatch:
        numbers = self.batches[number].tolist()
        hidden = [np.arange((i + self.shift) % DEV_STRIDE, len(self.sentences[i]), DEV_STRIDE) for i in numbers]
        return hide_words([self.sentences[i] for i in numbers], hidden, self.table)


class HiddenWordDataModule(pl.LightningDataModule):
    """A section of the text per epoch, and the dev sentences."""

    def __init__(
        self,
        texts: Texts,
        counts: Counts,
        sections: int,
        dev: Sequence[list[str]],
        table: FormTable,
        config: PretrainConfig,
    ) -> None:
        """Keeps its arguments.

        Args:
            texts: to learn from.
            counts: of the texts.
            sections: their number; they have about equally many characters.
            dev: the sentences to score.
            table: features of the forms.
            config: of the pretraining.
        """
        super().__init__()
        self.texts, self.counts, self.sections, self.dev = texts, counts, sections, dev
        self.table, self.config = table, config

    def train_dataloader(self) -> DataLoader[HiddenWordBatch]:
        number = self.trainer.current_epoch % self.sections if self.trainer else 0
        found: list[list[str]] = []
        for later in range(self.sections):  # a section is empty if one paragraph is longer than a section
            found = self.texts.section((number + later) % self.sections, self.sections, self.counts.characters)
            if found:
                break
        sentences = [sentence for sentence in found if len(sentence) > 1] or found  # one word alone has no context
        rank, world = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        lengths = np.array([len(sentence) for sentence in sentences])
        sampler = BucketSampler(lengths, self.config.batch_tokens, self.config.seed, rank, world)
        batches = _TrainBatches(sentences, self.table, self.config.mask, self.config.cut)
        return DataLoader(batches, batch_size=None, sampler=sampler, generator=torch.Generator())

    def val_dataloader(self) -> DataLoader[HiddenWordBatch]:
        batches = DevBatches(self.dev, self.table, self.config.batch_tokens)
        return DataLoader(batches, batch_size=None, generator=torch.Generator())

"""`SegmenterModule`: the network of a segmenter with its losses, its optimizer and the average of its weights."""

# T units of the longest window, B windows, N units of a text, A affixes, C columns of the surroundings

import random
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, IterableDataset

from tagger.model.batch import IGNORE as IGNORED
from tagger.model.segmenter import SegmenterConfig, SegmenterNetwork, SegmenterVocabulary
from tagger.model.segmenter_features import Lexicon, context_rows
from tagger.model.segmenter_rules import rule_labels
from tagger.model.segmenter_units import UnitTable

if TYPE_CHECKING:
    from tagger.training.segmenter_text import TrainingText

BATCH_UNITS = 1_500  # of a batch, padding included
WINDOW_UNITS = 100  # of a window; a paragraph of up to one and a half is one window
SORTED_WINDOWS = 400  # windows that are sorted by length together
LEARNING_RATE, WARMUP_STEPS, WEIGHT_DECAY, MAX_GRADIENT = 0.004, 50, 0.01, 1.0
AVERAGING = 0.995  # weight of the average so far against that of the newest step
TAG_LOSS = 0.3  # weight of the loss of the tags


class SegmenterBatch(NamedTuple):
    """Windows of texts, padded on the right."""

    types: Tensor  # (T, B, 1 + 2 A)
    context: Tensor  # (T, B, C)
    lengths: Tensor  # (B,)
    labels: Tensor  # (T, B), IGNORED where nothing is to be learned, as in the next two
    scripts: Tensor
    tags: Tensor


class SegmenterModule(pl.LightningModule):
    """Trains a `SegmenterNetwork` for a number of steps.

    Attributes:
        network: what is trained.
        average: the moving average of the weights of `network`; it is what is used afterwards.
    """

    def __init__(
        self, vocabulary: SegmenterVocabulary, config: SegmenterConfig, text: "TrainingText", steps: int
    ) -> None:
        """Builds the network.

        Args:
            vocabulary, config: of the network.
            text: what it learns from.
            steps: of the optimizer.
        """
        super().__init__()
        self.network = SegmenterNetwork(vocabulary, config)
        self.tag_scores = nn.Linear(2 * config["hidden"], len(text.tags)) if text.tags else None
        self.average = {name: value.clone() for name, value in self.network.state_dict().items()}
        self._steps = steps

    def training_step(self, batch: SegmenterBatch, _: int) -> Tensor:
        """The loss of a batch: labels, scripts and tags."""
        states = self.network(batch.types, batch.context, batch.lengths)
        loss = self._loss(states, self.network.labels, batch.labels)
        if self.network.scripts.out_features > 1:
            loss = loss + self._loss(states, self.network.scripts, batch.scripts)
        if self.tag_scores is not None:
            loss = loss + TAG_LOSS * self._loss(states, self.tag_scores, batch.tags)
        self.log("train/loss", loss, on_step=False, on_epoch=True, prog_bar=True, batch_size=len(batch.lengths))
        return loss

    @staticmethod
    def _loss(states: Tensor, head: nn.Linear, targets: Tensor) -> Tensor:
        learned = targets != IGNORED
        if not learned.any():
            return states.new_zeros(())
        return cross_entropy(head(states[learned]), targets[learned])

    def on_train_batch_end(self, *_: Any) -> None:
        """Averages the weights; the first steps count less."""
        step = self.global_step
        kept = min(AVERAGING, (step + 1) / (step + 10))
        with torch.no_grad():
            for name, value in self.network.state_dict().items():
                self.average[name].lerp_(value.cpu(), 1 - kept)

    def configure_optimizers(self) -> Any:
        """AdamW with a linear warm-up and decay."""
        optimizer = torch.optim.AdamW(
            self.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.98), weight_decay=WEIGHT_DECAY, fused=True
        )
        scheduler = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: min(1.0, (step + 1) / WARMUP_STEPS) * max(0.0, 1 - step / self._steps)
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


class SegmenterBatches(IterableDataset[SegmenterBatch]):
    """The batches of an epoch; each iteration is the next epoch.

    Attributes:
        units: of the unchanged text.
    """

    def __init__(
        self,
        text: "TrainingText",
        vocabulary: SegmenterVocabulary,
        config: SegmenterConfig,
        lexicon: Lexicon,
        seed: int,
    ) -> None:
        """Keeps its arguments.

        Args:
            text: to learn from.
            vocabulary, config, lexicon: of the network.
            seed: of the order of sentences, their variants and the windows.
        """
        self._text, self._lexicon, self._config = text, lexicon, config
        self._scripts = {script: number for number, script in enumerate(vocabulary.scripts, 1)}
        self._table = UnitTable(vocabulary.forms, config["affix_buckets"], config["characters"])
        self._generator = random.Random(seed)
        texts, _ = text.texts()
        self.units = sum(stop - start for start, stop in self._table.read(texts).bounds)

    def __iter__(self) -> Iterator[SegmenterBatch]:
        texts, gold = self._text.texts(self._generator)
        units = self._table.read(texts)
        targets = self._text.targets(texts, gold, units, self._scripts)
        rules = rule_labels(texts, units, self._config["rules"])
        context = context_rows(
            self._table, units, self._lexicon, rules, self._config["buckets"], self._config["pairs"], targets.lengths
        )
        types = self._table.rows[units.types]
        for windows in batches_of(units.bounds, self._generator):
            lengths = np.array([stop - start for start, stop in windows])
            steps = np.arange(lengths.max())[:, None]
            places = np.minimum(np.array([start for start, _ in windows]) + steps, len(types) - 1)  # (T, B)
            labels, scripts, tags = (
                np.where(steps < lengths, each[places], IGNORED)
                for each in (targets.labels, targets.scripts, targets.tags)
            )
            yield SegmenterBatch(
                *map(torch.from_numpy, (types[places], context[places], lengths, labels, scripts, tags))
            )

    def loader(self) -> "DataLoader[SegmenterBatch]":
        """A loader of this process."""
        return DataLoader(self, batch_size=None)


def batches_of(bounds: list[tuple[int, int]], generator: random.Random) -> list[list[tuple[int, int]]]:
    """The windows (first unit, the one after the last) of an epoch's batches, at random."""
    windows = []
    for start, stop in bounds:
        if stop - start > 1.5 * WINDOW_UNITS:
            end = start + generator.randint(WINDOW_UNITS // 2, WINDOW_UNITS)
            windows.append((start, end))
            start = end
            while stop - start > 1.5 * WINDOW_UNITS:
                windows.append((start, start + WINDOW_UNITS))
                start += WINDOW_UNITS
        if stop > start:
            windows.append((start, stop))
    generator.shuffle(windows)
    batches = []
    for first in range(0, len(windows), SORTED_WINDOWS):
        batch: list[tuple[int, int]] = []
        for window in sorted(windows[first : first + SORTED_WINDOWS], key=lambda each: each[1] - each[0]):
            if batch and (len(batch) + 1) * (window[1] - window[0]) > BATCH_UNITS:
                batches.append(batch)
                batch = []
            batch.append(window)
        batches.append(batch)
    generator.shuffle(batches)
    return batches

"""Untagged text -> sentences in the cache of `datasets` -> batches with hidden words."""

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytorch_lightning as pl
import torch
from datasets import Dataset
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as Batches

from tagger.corpus.arrow import to_arrow, token_counts
from tagger.corpus.corpus_config import HubTextConfig
from tagger.corpus.raw_text import Texts, text_files
from tagger.errors import InputError
from tagger.model.batch import Batch
from tagger.text.files import file_version
from tagger.text.segment import RuleSegmenter
from tagger.text.sentence import Sentence
from tagger.training.data import BucketSampler
from tagger.training.hidden_words import HiddenWordNetwork
from tagger.training.pretrain_config import PretrainConfig

DEV_SHARE = 0.05  # the end of the text is dev text, unless files are named
DEV_STRIDE = 8  # one of 8 known dev words is hidden, so that its neighbours stay visible
CUT = 0.15  # share of the sentences that are cut off before or after a hidden word


class UntaggedText(NamedTuple):
    """The text of a config, cut into sentences of tokens; training does not read the dev text."""

    name: str
    train: Dataset
    dev: Dataset

    def counts(self) -> Counter[str]:
        """How often each form occurs in train."""
        return Counter(form for rows in self.train.iter(1000) for tokens in rows["tokens"] for form in tokens)


def read_text(config: PretrainConfig) -> UntaggedText:
    """Reads the text, and keeps it on disk."""
    texts = Texts(config.text, config.hub)
    if config.dev is None:
        whole = _stored(tuple(texts.files), config)
        if len(whole) < 2:
            raise InputError(f"{texts.name}: too little text to set apart dev text; give files as dev")
        size = len(whole) - max(1, round(DEV_SHARE * len(whole)))
        return UntaggedText(texts.name, whole.select(range(size)), whole.select(range(size, len(whole))))
    dev = text_files(config.dev, "dev")
    apart = set(map(os.path.realpath, dev))
    files = tuple(file for file in texts.files if os.path.realpath(file) not in apart)
    if texts.files and not files:
        raise InputError("dev names all of text; leave some to learn from")
    return UntaggedText(texts.name, _stored(files, config), _stored(tuple(dev), config))


def _stored(files: tuple[str, ...], config: PretrainConfig) -> Dataset:
    source = vars(config.hub) if not files else {"name": None, "config": None, "split": "", "column": ""}
    arguments = {"files": files, "hub": tuple(source.values()), "segmenter": config.segmenter}
    name = ", ".join(files[:3]) or str(config.hub.name)
    return to_arrow(_sentences, arguments, (), name, tuple(map(file_version, files))).select_columns(["tokens"])


def _sentences(files: tuple[str, ...], hub: tuple[Any, ...], segmenter: str) -> Iterator[Sentence]:
    texts = Texts(list(files) or None, HubTextConfig(*hub), RuleSegmenter(segmenter))
    return map(Sentence, texts.sentences())


class _Batches(Batches[Batch]):
    """Sentence numbers and a seed -> a batch in which words of the vocabulary are hidden, by the seed at random.

    Some sentences are cut off before or after a word, and that word is hidden. So the network learns to predict a word
    from one side; otherwise it would learn that the word at the edge is a full stop.
    """

    def __init__(self, sentences: Dataset, network: HiddenWordNetwork, mask: float) -> None:
        self.sentences, self.network, self.mask = sentences, network, mask

    def __getitem__(self, item: Any) -> Batch:
        numbers, seed = item
        sentences = self.sentences[numbers.tolist()]["tokens"]
        if seed is None:
            known = map(self._known, sentences)
            places = [p[i % min(DEV_STRIDE, max(1, len(p))) :: DEV_STRIDE] for i, p in zip(numbers, known, strict=True)]
            return self.network.batch(sentences, places)
        generator = np.random.default_rng(seed)
        drawn = [self._drawn(tokens, generator) for tokens in sentences]
        return self.network.batch([tokens for tokens, _ in drawn], [places for _, places in drawn])

    def _drawn(self, tokens: list[str], generator: np.random.Generator) -> tuple[list[str], np.ndarray]:
        """A sentence, perhaps cut off, and the places of its hidden words."""
        edge = -1
        if generator.random() < CUT:
            place = int(generator.integers(len(tokens)))
            tokens, edge = (tokens[: place + 1], place) if generator.random() < 0.5 else (tokens[place:], 0)
        known = self._known(tokens)
        hidden = known[(generator.random(len(known)) < self.mask) | (known == edge)]
        return tokens, hidden if len(hidden) or not len(known) else generator.choice(known, 1)

    def _known(self, tokens: list[str]) -> np.ndarray:
        """The places of the words that can be predicted."""
        ids = self.network.vocabulary.word_ids
        return np.array([i for i, token in enumerate(tokens) if token.lower() in ids], dtype=np.int64)


class HiddenWordDataModule(pl.LightningDataModule):
    """Batches of a text."""

    def __init__(self, text: UntaggedText, network: HiddenWordNetwork, config: PretrainConfig) -> None:
        super().__init__()
        self.text, self.network, self.config = text, network, config

    def train_dataloader(self) -> DataLoader[Batch]:
        rank, world = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        return self._loader(self.text.train, self.config.seed, rank, world)

    def val_dataloader(self) -> DataLoader[Batch]:
        return self._loader(self.text.dev, None)

    def _loader(self, sentences: Dataset, seed: int | None, rank: int = 0, world: int = 1) -> DataLoader[Batch]:
        sampler = BucketSampler(token_counts(sentences), self.config.batch_tokens, seed, rank, world)
        batches = _Batches(sentences, self.network, self.config.mask)
        return DataLoader(batches, batch_size=None, sampler=sampler, generator=torch.Generator())

"""A corpus -> batches of sentences of similar length, with about equally many tokens in each."""

from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from datasets import Dataset, DatasetDict
from torch.utils.data import DataLoader

from tagger.corpus.arrow import FACT_COLUMNS, token_counts
from tagger.corpus.corpus_config import CORPUS
from tagger.corpus.noise import gathered, with_noise
from tagger.corpus.splits import corpus_names
from tagger.model.batch import IGNORE, NO_CORPUS, Batch
from tagger.model.collate import collate
from tagger.model.forms import FormTable
from tagger.model.network import NetworkConfig
from tagger.model.pieces import PieceTokenizer
from tagger.model.transformer import TransformerEmbedding
from tagger.model.vocabulary import Vocabulary
from tagger.pretrained.cached_outputs import frozen_outputs
from tagger.training.facts import Facts
from tagger.training.sampler import BucketSampler, Mixture, tempered_counts
from tagger.training.teacher import Distillation

TEMPERATURE = 2.0  # t: an epoch's sentences of a corpus that has n are in proportion to n ** (1 / t)
NOISE = 1  # ends the seed of a batch's noise, so that word dropout is drawn as without


class _Batches(torch.utils.data.Dataset[Batch]):
    """The numbers of sentences and a seed, None for dev, -> a `Batch`.

    The sentences and the outputs of a frozen transformer, (tokens of all sentences, M, D), stay on disk.
    """

    def __init__(
        self, data: "TaggerDataModule", sentences: Dataset, lengths: np.ndarray, outputs: np.ndarray | None, train: bool
    ) -> None:
        self.sentences, self.outputs, self.ends = sentences, outputs, np.cumsum(lengths)
        self.table, self.word_dropout, self.unnamed, self.noise = (
            data.table,
            data.word_dropout,
            data.unnamed,
            data.noise,
        )
        self.facts, self.distilled = (data.facts, data.distilled) if train else (None, None)

    def __getitem__(self, item: Any) -> Batch:
        numbers, seed = item
        rows: dict[str, Any] = self.sentences[numbers]
        untagged = np.asarray(numbers) >= (len(self.ends) if self.distilled is None else self.distilled.gold)  # (B,)
        copies = None
        if seed is not None and self.noise:
            kinds = list(zip(rows.get(CORPUS, untagged), untagged, strict=True))
            copies = with_noise(rows["tokens"], kinds, self.noise, np.random.default_rng([*seed, NOISE]))
            rows = {
                name: [values[copy.sentences[0]] if name == CORPUS else copy.of_words(values) for copy in copies]
                for name, values in rows.items()
            } | {"tokens": [copy.forms for copy in copies]}
            untagged = untagged[[copy.sentences[0] for copy in copies]]
        tags = {column: rows[column] for column in self.table.vocabulary.columns}
        generator = None if seed is None else np.random.default_rng(seed)
        batch = collate(rows["tokens"], self.table, tags, self.word_dropout, generator)
        if CORPUS in rows and (generator is not None or not self.unnamed):
            known = self.table.vocabulary.corpus_ids
            ids = np.array([known.get(str(name), NO_CORPUS) for name in rows[CORPUS]], dtype=np.int64)
            if generator is not None:
                ids[generator.random(len(ids)) < self.unnamed] = NO_CORPUS
            batch.corpora = torch.from_numpy(ids)
        if self.facts is not None:
            batch.facts = torch.from_numpy(self.facts.matrix(rows, batch.lengths.tolist()))
        if self.distilled is not None:
            of_text = torch.from_numpy(untagged)
            for target in batch.targets.values():
                target[:, of_text] = IGNORE
            if batch.facts is not None:
                batch.facts[:, of_text] = -1
            said = self.distilled.targets.batch(numbers)
            if copies is not None:
                said = {column: gathered(values, copies) for column, values in said.items()}
            batch.teacher = {column: torch.from_numpy(values) for column, values in said.items()}
        if self.outputs is not None:
            states = np.zeros((*batch.index.shape, *self.outputs.shape[1:]), dtype=np.float32)  # (T, B, M, D)
            for column, number in enumerate(numbers):
                length = len(rows["tokens"][column])
                states[:length, column] = self.outputs[self.ends[number] - length : self.ends[number]]
            batch.outputs = torch.from_numpy(states)
        return batch


class TaggerDataModule(pl.LightningDataModule):
    """Train and dev batches of a corpus."""

    def __init__(
        self,
        splits: DatasetDict,
        vocabulary: Vocabulary,
        network: NetworkConfig,
        batch_tokens: int = 500,
        word_dropout: float = 1.0,
        seed: int = 1,
        tokenizer: PieceTokenizer | None = None,
        transformer: TransformerEmbedding | None = None,
        temperature: float = 1.0,
        unnamed: float = 0.0,
        facts: Facts | None = None,
        distilled: Distillation | None = None,
        noise: float = 0.0,
        shards: Path | None = None,
    ) -> None:
        """Keeps its arguments; batches are planned when a loader is made.

        Args:
            splits: "train" and "dev", with `tokens` and the vocabulary's columns.
            vocabulary: gives words, characters and tags their ids.
            network: its config.
            batch_tokens: of a batch, padding included; a longer sentence is a batch of its own.
            word_dropout: see `collate`.
            seed: of the batches and of word dropout.
            tokenizer: of the transformer, if there is one.
            transformer: of the network, if it has one; the outputs of one that does not learn now are computed once.
            temperature: of several corpora, see `Mixture`.
            unnamed: of several corpora, the share of training's sentences whose corpus is not told. That of dev's
                sentences is told if this is 0.
            facts: what training predicts beside the tags; None: nothing.
            distilled: what a teacher says of train, and untagged text that training reads beside it.
            noise: share of the sentences of which training reads a spoilt copy; see `with_noise`.
            shards: the folder where the outputs of a frozen transformer are kept.
        """
        super().__init__()
        self.tokenizer, self.transformer, self.noise, self.shards = tokenizer, transformer, noise, shards
        self.temperature, self.unnamed, self.facts, self.distilled = temperature, unnamed, facts, distilled
        self.splits, self.batch_tokens, self.word_dropout, self.seed = splits, batch_tokens, word_dropout, seed
        never_learns = transformer is not None and not transformer.config["tune"]
        self.table = FormTable(vocabulary, network, None if never_learns else tokenizer)

    def _loader(self, split: str, seed: int | None) -> DataLoader[Batch]:
        facts, distilled = (self.facts, self.distilled) if seed is not None else (None, None)
        data = self.splits[split] if distilled is None else distilled.sentences
        several = CORPUS in data.column_names
        columns = {"tokens", *self.table.vocabulary.columns, *([CORPUS] if several else [])}
        sentences = data.select_columns(sorted(columns.union(FACT_COLUMNS if facts else ())))
        mixture = None if seed is None else self._mixture(sentences, seed)
        lengths = token_counts(sentences)
        rank, world = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        sampler = BucketSampler(lengths, self.batch_tokens, seed, rank, world, mixture)
        outputs = self._outputs(split, sentences, lengths)
        batches = _Batches(self, sentences, lengths, outputs, seed is not None)
        # The loader has its own generator: nothing may draw from the global one, whose state a checkpoint restores.
        return DataLoader(batches, batch_size=None, sampler=sampler, generator=torch.Generator())

    def _mixture(self, sentences: Dataset, seed: int) -> Mixture | None:
        """The sentences of train that an epoch reads; None: all."""
        several = CORPUS in sentences.column_names
        gold = len(sentences) if self.distilled is None else self.distilled.gold
        untagged = len(sentences) - gold
        if not untagged and not (several and self.temperature > 1):
            return None
        names = corpus_names(sentences)[:gold] if several else np.zeros(gold)
        corpora = np.unique(names, return_inverse=True)[1]
        counts = tempered_counts(np.bincount(corpora), self.temperature)
        if self.distilled is not None and untagged:
            corpora = np.concatenate([corpora, np.full(untagged, len(counts))])
            counts = np.append(counts, self.distilled.text_sentences)
        return Mixture(corpora, counts, seed)

    def _outputs(self, split: str, sentences: Dataset, lengths: np.ndarray) -> np.ndarray | None:
        if self.transformer is None or self.tokenizer is None or self.transformer.learns:
            return None
        assert self.shards is not None
        device = self.trainer.strategy.root_device if self.trainer else "cpu"
        tokens, path = (row["tokens"] for row in sentences), self.shards / f"{split}.npy"
        return frozen_outputs(self.transformer, self.tokenizer, tokens, lengths, path, device)

    def train_dataloader(self) -> DataLoader[Batch]:
        return self._loader("train", self.seed)

    def val_dataloader(self) -> DataLoader[Batch]:
        return self._loader("dev", None)

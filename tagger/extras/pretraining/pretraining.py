"""Untagged text -> batches with hidden words, and a module that learns to predict them -> a run's folder.

A tagger can start from the network in that folder.
"""

import json
import logging
import math
import os
import re
import shlex
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import pytorch_lightning as pl
import torch
from datasets import Dataset
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from msgspec import Meta
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader

from tagger.bundle.catalog import LOCK, RUNS, claim_run
from tagger.corpus.raw_text import Texts, text_files
from tagger.corpus.splits import to_arrow, token_counts
from tagger.errors import InputError
from tagger.evaluation.report_page import draw_learning_curve
from tagger.extras.pretraining.hidden_words import PRETRAINED, WORD, HiddenWordNetwork
from tagger.model.batch import Batch
from tagger.model.decoder import SOFTMAX
from tagger.model.encoder import CELLS
from tagger.model.network import NetworkConfig, check_training_memory
from tagger.model.vocabulary import IGNORE, Vocabulary
from tagger.text.files import file_version
from tagger.text.schema import Count, Dropout, Name, Rate, Seed, Size, bad_value, nearest, one_of, read, read_json
from tagger.text.sentence import Sentence
from tagger.text.strings import text_hash
from tagger.training.config import CardConfig, Files, HiddenConfig, check_machine, check_trainer_settings
from tagger.training.data import BucketSampler
from tagger.training.launch import VERSION_BASE, in_one_line, keys_of
from tagger.training.module import TaggerModule
from tagger.training.report import config_section
from tagger.training.run_folder import can_resume
from tagger.training.trainer import begin, finish, fit_best
from tagger.words.segment import RULES, RuleSegmenter

DEV_SHARE = 0.05  # the end of the text is dev text, unless files are named
DEV_STRIDE = 8  # one of 8 dev words that can be predicted is hidden, so that its neighbours stay visible
VALUES, MAX_VALUES = "values.json", 10_000_000  # file of a run with what decides its network, and its bytes at most
CUT = 0.15  # share of the sentences that are cut off before or after a hidden word

_log = logging.getLogger(__name__)


@dataclass
class LayerConfig:
    """The recurrent layers."""

    cell: Annotated[str, one_of(CELLS)]
    depth: Count
    hidden: HiddenConfig
    dropout: Dropout


@dataclass
class FormSizes:
    """The embeddings of a form; a size of 0 leaves one out."""

    words: Size
    affixes: Size
    chars: Size
    buckets: Count


@dataclass
class AdamConfig:
    """The settings of AdamW."""

    lr: Annotated[float, Meta(gt=0, le=1)]
    weight_decay: Rate


@dataclass
class PretrainConfig:
    """The values of `pretrain.yaml`."""

    folder: Name | None
    text: Files
    dev: Files
    segmenter: Annotated[str, one_of(RULES)]
    passes: Count
    mask: Annotated[float, Meta(ge=0.01, le=0.9)]
    min_count: Count
    max_words: Count
    model: LayerConfig
    embedding: FormSizes
    optimizer: AdamConfig
    batch_tokens: Count
    seed: Seed
    threads: Count
    card: CardConfig
    trainer: dict[str, Any]

    def __post_init__(self) -> None:
        check_trainer_settings(self.trainer)
        if self.text is None:
            raise InputError("give text=FILES, such as text=novels/*.txt")
        if "max_epochs" in self.trainer:
            raise InputError("trainer.max_epochs: pretraining ends after a number of passes; set passes")
        for key, value in vars(self.model.hidden).items():
            if value is None:  # no corpus decides it
                raise bad_value(f"model.hidden.{key}", value, "give a number, or a list with one for each layer")


def config_of(overrides: Sequence[str]) -> PretrainConfig:
    """The values of `pretrain.yaml` with the overrides of a command line, checked."""
    try:
        with initialize_config_dir(str(Path(__file__).parent.resolve()), **VERSION_BASE):
            values: Any = OmegaConf.to_container(compose("pretrain", list(overrides)), resolve=True)
    except (HydraException, OmegaConfBaseException) as error:
        if unknown := re.match("Could not override '(.+)'", str(error)):
            known = keys_of(Path(__file__).with_name("pretrain.yaml"))
            near = nearest(unknown[1], known)
            remedy = f"did you mean {near}?" if near else f"the keys are {', '.join(known)}"
            raise InputError(f"{unknown[1]}: no such key; {remedy}") from None
        raise in_one_line(error) from None
    config = read(PretrainConfig, values, from_page=True)
    check_machine(config.threads, config.trainer)
    text_files(config.text or [], "text")
    return config


class TextSplits(NamedTuple):
    """The text of a config, cut into sentences of tokens; training does not read the dev text."""

    name: str
    train: Dataset
    dev: Dataset

    def counts(self) -> Counter[str]:
        """How often each form occurs in train."""
        return Counter(form for rows in self.train.iter(1000) for tokens in rows["tokens"] for form in tokens)


def read_text(config: PretrainConfig) -> TextSplits:
    """Reads the text, and keeps it on disk."""
    texts = Texts(config.text or [])
    if config.dev is None:
        whole = _stored(texts.files, config)
        if len(whole) < 2:
            raise InputError(f"{texts.name}: too little text to set apart dev text; give files as dev")
        size = len(whole) - max(1, round(DEV_SHARE * len(whole)))
        return TextSplits(texts.name, whole.select(range(size)), whole.select(range(size, len(whole))))
    dev = text_files(config.dev, "dev")
    apart = set(map(os.path.realpath, dev))
    files = [file for file in texts.files if os.path.realpath(file) not in apart]
    if not files:
        raise InputError("dev names all of text; leave some to learn from")
    return TextSplits(texts.name, _stored(files, config), _stored(dev, config))


def _stored(files: Sequence[str], config: PretrainConfig) -> Dataset:
    arguments = {"files": tuple(files), "segmenter": config.segmenter}
    return to_arrow(_sentences, arguments, (), ", ".join(files[:3]), tuple(map(file_version, files))).select_columns(
        ["tokens"]
    )


def _sentences(files: tuple[str, ...], segmenter: str) -> Iterator[Sentence]:
    return map(Sentence, Texts(list(files), RuleSegmenter(segmenter).segment_all).sentences())


class HiddenWordBatches(torch.utils.data.Dataset[Batch]):
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
            words = zip(numbers, map(self._predictable, sentences), strict=True)
            hidden = [p[i % min(DEV_STRIDE, max(1, len(p))) :: DEV_STRIDE] for i, p in words]
            return self.network.batch(sentences, hidden)
        generator = np.random.default_rng(seed)
        drawn = [self._drawn(tokens, generator) for tokens in sentences]
        return self.network.batch([tokens for tokens, _ in drawn], [hidden for _, hidden in drawn])

    def _drawn(self, tokens: list[str], generator: np.random.Generator) -> tuple[list[str], np.ndarray]:
        """A sentence, perhaps cut off, and the positions of its hidden words."""
        edge = -1
        if generator.random() < CUT:
            cut = int(generator.integers(len(tokens)))
            tokens, edge = (tokens[: cut + 1], cut) if generator.random() < 0.5 else (tokens[cut:], 0)
        words = self._predictable(tokens)
        hidden = words[(generator.random(len(words)) < self.mask) | (words == edge)]
        return tokens, hidden if len(hidden) or not len(words) else generator.choice(words, 1)

    def _predictable(self, tokens: list[str]) -> np.ndarray:
        """The positions of the words that can be predicted."""
        ids = self.network.vocabulary.word_ids
        return np.array([i for i, token in enumerate(tokens) if token.lower() in ids], dtype=np.int64)


class HiddenWordDataModule(pl.LightningDataModule):
    """Batches of a text."""

    def __init__(self, text: TextSplits, network: HiddenWordNetwork, config: PretrainConfig) -> None:
        super().__init__()
        self.text, self.network, self.config = text, network, config

    def train_dataloader(self) -> DataLoader[Batch]:
        rank, world = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        return self._loader(self.text.train, self.config.seed, rank, world)

    def val_dataloader(self) -> DataLoader[Batch]:
        return self._loader(self.text.dev, None)

    def _loader(self, sentences: Dataset, seed: int | None, rank: int = 0, world: int = 1) -> DataLoader[Batch]:
        sampler = BucketSampler(token_counts(sentences), self.config.batch_tokens, seed, rank, world)
        batches = HiddenWordBatches(sentences, self.network, self.config.mask)
        return DataLoader(batches, batch_size=None, sampler=sampler, generator=torch.Generator())


# n hidden words, V words that can be predicted


class HiddenWordModule(TaggerModule):
    """Trains a `HiddenWordNetwork`; `vocabulary` has the fields of a `Vocabulary` without tags."""

    def __init__(self, vocabulary: dict[str, Any], network: NetworkConfig, lr: float, weight_decay: float) -> None:
        super().__init__(vocabulary, network, lr=lr, weight_decay=weight_decay, transformer_lr=0.0)
        self.network = HiddenWordNetwork(self.vocabulary, self.body)

    def training_step(self, batch: Batch, _: int) -> Tensor:
        loss, _scores, targets = self._losses(batch)
        count = len(targets)
        self.count("train/loss", loss, count)
        return loss / max(1, count)

    def validation_step(self, batch: Batch, _: int) -> None:
        loss, scores, targets = self._losses(batch)
        rank = (scores > scores.gather(1, targets[:, None])).sum(1)
        for name, total in (("loss", loss), ("accuracy", (rank == 0).sum()), ("top5", (rank < 5).sum())):
            self.count(f"dev/{name}", total, len(targets))

    def _losses(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Of the n hidden words that can be predicted the sum of the losses, the scores (n, V), and the words (n,)."""
        targets = batch.targets[WORD]
        targets = targets[targets != IGNORE]
        scores, targets = self.network.scores(self.network(batch)[targets >= 0]), targets[targets >= 0]
        return cross_entropy(scores, targets, reduction="sum"), scores, targets


def pretrain(config: PretrainConfig, command: str) -> dict[str, Any]:
    """Trains a network that predicts hidden words; returns what `report.json` holds.

    A run that has a complete epoch goes on after it.
    """
    folder = Path(os.path.expanduser(config.folder) if config.folder else RUNS / time.strftime("%Y-%m-%d/%H-%M-%S"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        resume = can_resume(folder)
        if not resume and {path.name for path in folder.iterdir()} - {LOCK, VALUES}:
            raise InputError(f"folder={folder}: it holds files, and none of an epoch to go on from; name another one")
    except OSError as error:
        raise InputError(f"folder={folder} cannot be a run's folder: {error.strerror}") from None
    with claim_run(folder):
        try:
            results = _train(config, folder, command, resume)
        except KeyboardInterrupt:
            kept = f"go on with the same command and folder={folder}" if can_resume(folder) else "nothing is kept"
            raise KeyboardInterrupt(kept) from None
    start = shlex.quote(f"init={folder / PRETRAINED}")
    print(f"{_format(results)}\nrun: {folder}\nstart a tagger from it: python -m tagger {start}")
    return results


def _train(config: PretrainConfig, folder: Path, command: str, resume: bool) -> dict[str, Any]:
    begin(config.threads, config.seed)
    text = read_text(config)
    vocabulary = Vocabulary.of_forms(text.counts(), config.min_count, config.max_words)
    if not vocabulary.words:
        raise InputError(f"min_count={config.min_count}: no word of {text.name} occurs that often; give more text")
    if not any(token.lower() in vocabulary.word_ids for tokens in text.dev["tokens"] for token in tokens):
        raise InputError("dev: none of its words can be predicted; give other dev files, or more text")
    _keep_values(folder / VALUES, config, list(vocabulary.words), resume)
    network: Any = {
        **asdict(config.model),
        **asdict(config.embedding),
        "decoder": SOFTMAX,
        "lemmas": 0,
        "dictionary": {},
    }
    network |= {"vectors": None, "transformer": None}
    check_training_memory(vocabulary, network)
    module = HiddenWordModule(asdict(vocabulary), network, **asdict(config.optimizer))
    words, parameters = int(token_counts(text.train).sum()), sum(p.numel() for p in module.parameters())
    _log.info(
        "%s: %s words, of dev %s; %s words to predict; %s parameters",
        text.name,
        *(f"{n:,}" for n in (words, token_counts(text.dev).sum(), len(vocabulary.words), parameters)),
    )
    data = HiddenWordDataModule(text, module.network, config)
    values = {name: value for name, value in asdict(config).items() if name != "folder"}
    epochs, fitted = fit_best(module, data, config.trainer | {"max_epochs": config.passes}, folder, resume)

    best = epochs[fitted["best_epoch"] - 1]
    scores = {name: best[f"dev/{name}"] for name in ("loss", "accuracy", "top5")}
    scores["perplexity"] = math.exp(scores["loss"])
    results = {
        "text": text.name,
        "words": words,
        "parameters": parameters,
        **fitted,
        "dev": {"words": scores},
    }
    saved = values | {"transformer": {}}
    accuracies = {"dev": {"words": scores["accuracy"]}}
    described = {"corpus": text.name, **asdict(config.card), "start": None, "training": saved, "scores": accuracies}
    page = f"# Predictor of hidden words, from {text.name}\n\n{_format(results)}\n\n    {command}\n\n"
    module.network.eval().to("cpu").save(folder / PRETRAINED, config.segmenter, described, page + config_section(saved))
    draw_learning_curve(epochs, folder / "learning_curve.png")
    finish(folder, results)
    return results


def _keep_values(file: Path, config: PretrainConfig, words: list[str], resume: bool) -> None:
    """Writes what decides the network of a run, or refuses to go on with another one."""
    free = ("folder", "passes", "threads", "trainer", "card")
    values = {name: value for name, value in asdict(config).items() if name not in free}
    values = json.loads(json.dumps(values | {"words of text": text_hash(" ".join(words))}))
    if resume and file.is_file():
        there = read_json(file, MAX_VALUES)
        if names := [name for name, value in values.items() if there.get(name) != value]:
            raise InputError(
                f"folder={file.parent}: its run has other values of {', '.join(names)}; give the same, or name another"
                " folder"
            )
    file.write_text(json.dumps(values, indent=2), encoding="utf-8")


def _format(results: Mapping[str, Any]) -> str:
    scores = results["dev"]["words"]
    return (
        f"{results['words']:,} words, {results['parameters']:,} parameters; best pass {results['best_epoch']} of"
        f" {results['epochs']}, {results['training_seconds']:.0f} s\n"
        f"hidden words of dev: perplexity {scores['perplexity']:.1f}, the right word first"
        f" {100 * scores['accuracy']:.2f}%, among the first five {100 * scores['top5']:.2f}%"
    )

"""Pretraining on untagged text: config -> text, module and batches; after training a folder to start taggers from."""

import logging
import math
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.nn.functional import cross_entropy

from tagger.bundle.saved_config import PRETRAINED_IN_RUN
from tagger.corpus.arrow import token_counts
from tagger.errors import InputError
from tagger.evaluation.plots import draw_learning_curve
from tagger.model.batch import Batch
from tagger.model.members import check_training_memory
from tagger.model.network import NetworkConfig, TaggerNetwork
from tagger.model.vocabulary import IGNORE, Vocabulary
from tagger.training.card import config_section
from tagger.training.checkpoints import AfterEpoch
from tagger.training.config_parts import network_config
from tagger.training.hidden_words import WORD, HiddenWordNetwork
from tagger.training.loggers import run_loggers
from tagger.training.module import WARMUP, Module
from tagger.training.pretrain_config import PretrainConfig
from tagger.training.pretrain_data import HiddenWordDataModule, read_text
from tagger.training.run import begin, finish, fit_best

# n hidden words, V words that can be predicted

_log = logging.getLogger(__name__)


class HiddenWordModule(Module):
    """Trains a `HiddenWordNetwork`; `vocabulary` has the fields of a `Vocabulary` without tags."""

    def __init__(
        self,
        vocabulary: dict[str, Any],
        network: NetworkConfig,
        lr: float = 3e-3,
        weight_decay: float = 0.01,
        warmup: float = WARMUP,
    ) -> None:
        super().__init__()
        self.save_hyperparameters(logger=False)
        self.vocabulary = Vocabulary(**vocabulary)
        self.network = HiddenWordNetwork(self.vocabulary, network)

    @property
    def body(self) -> TaggerNetwork:
        return self.network.body

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


def pretrain(
    config: PretrainConfig, folder: Path, command: str, resume: bool = False, after_epoch: AfterEpoch | None = None
) -> dict[str, Any]:
    """Trains a network that predicts hidden words, from its config to its report; see `training.train.train`."""
    begin(config)
    with run_loggers(config.logger, folder) as loggers:
        text = read_text(config)
        vocabulary = Vocabulary.of_forms(text.counts(), config.min_count, config.max_words)
        if not vocabulary.words:
            raise InputError(f"min_count={config.min_count}: no word of {text.name} occurs that often; give more text")
        if not any(token.lower() in vocabulary.word_ids for tokens in text.dev["tokens"] for token in tokens):
            raise InputError("dev: none of its words can be predicted; give other dev files, or more text")
        network = network_config(config.model, config.embedding)
        check_training_memory(vocabulary, network)
        module = HiddenWordModule(asdict(vocabulary), network, **asdict(config.optimizer))
        words, parameters = int(token_counts(text.train).sum()), sum(p.numel() for p in module.parameters())
        _log.info(
            "%s: %s words, of dev %s; %s words to predict; %s parameters",
            text.name,
            *(f"{n:,}" for n in (words, token_counts(text.dev).sum(), len(vocabulary.words), parameters)),
        )
        data = HiddenWordDataModule(text, module.network, config)
        settings = {"max_epochs": config.passes}
        fitted = fit_best(
            module, data, config, folder, resume, after_epoch, loggers, asdict(config), settings, "dev/loss", "min"
        )

        best = fitted.epochs[fitted.results["best_epoch"] - 1]
        scores = {name: best[f"dev/{name}"] for name in ("loss", "accuracy", "top5")}
        scores["perplexity"] = math.exp(scores["loss"])
        results = {
            "text": text.name,
            "words": words,
            "parameters": parameters,
            **fitted.results,
            "dev": {"words": scores},
        }
        saved = {name: value for name, value in asdict(config).items() if name != "logger"} | {"transformer": {}}
        accuracies = {"dev": {"words": scores["accuracy"]}}
        described = {"corpus": text.name, **asdict(config.card), "start": None, "training": saved, "scores": accuracies}
        page = f"# Predictor of hidden words, from {text.name}\n\n{_format(results)}\n\n    {command}\n\n"
        module.network.eval().to("cpu").save(
            folder / PRETRAINED_IN_RUN, config.segmenter, described, page + config_section(saved)
        )
        draw_learning_curve(fitted.epochs, folder / "learning_curve.png")
        finish(folder, results, loggers)
    name = shlex.quote(str(folder))
    print(
        f"{_format(results)}\nrun: {folder}\n"
        f"fill blanks with it: python -m tagger fill 'I am ___.' --model {name}\n"
        f"start a tagger from it: python -m tagger {shlex.quote(f'init={folder}')}"
    )
    return results


def _format(results: dict[str, Any]) -> str:
    scores = results["dev"]["words"]
    return (
        f"{results['words']:,} words, {results['parameters']:,} parameters; best pass {results['best_epoch']} of"
        f" {results['epochs']}, {results['training_seconds']:.0f} s\n"
        f"hidden words of dev: perplexity {scores['perplexity']:.1f}, the right word first"
        f" {100 * scores['accuracy']:.2f}%, among the first five {100 * scores['top5']:.2f}%"
    )

"""Pretraining on untagged text: config -> texts, module and batches; after training a folder to start taggers from."""

import logging
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tagger.corpus.raw_text import Texts
from tagger.errors import InputError
from tagger.model.forms import FormTable
from tagger.model.hidden_words import HiddenWordNetwork
from tagger.model.network import check_training_memory
from tagger.model.vocabulary import Vocabulary
from tagger.text.segmenter import RuleSegmenter
from tagger.training.card import pretrained_card
from tagger.training.config_parts import network_config
from tagger.training.experiment import Experiment, run_experiment
from tagger.training.neighbour_baseline import NeighbourModel, neighbours
from tagger.training.pretrain_config import PretrainConfig
from tagger.training.pretrain_data import DEV_STRIDE, DevBatches, HiddenWordDataModule
from tagger.training.pretrain_module import HiddenWordModule, word_scores
from tagger.training.watch import Watch
from tagger.weights.pretrained_folder import save_word_predictor
from tagger.weights.saved_config import PRETRAINED_IN_RUN

BATCH_FILL = 0.93  # approximate share of a batch that is not padding

_log = logging.getLogger(__name__)


def pretrain(
    config: PretrainConfig, folder: Path, command: str, resume: bool = False, watch: Watch | None = None
) -> dict[str, Any] | None:
    """Trains a network that predicts hidden words; see `run_experiment`."""
    return run_experiment(Pretraining, config, folder, command, resume, watch)


class Pretraining(Experiment):
    """The training of a network that predicts hidden words."""

    config: PretrainConfig
    monitor, mode = "dev/loss", "min"
    inside = PRETRAINED_IN_RUN
    epoch_name = "section"

    def __init__(self, config: PretrainConfig) -> None:
        """Reads the text once and builds the module.

        Raises:
            InputError: the text cannot be read, or has too little to learn from or to score.
        """
        self.config = config
        texts = Texts(
            config.text,
            config.hub,
            config.dev,
            RuleSegmenter(config.segmenter),
            config.paragraph_per_line,
            config.encoding,
        )
        counts = texts.count()
        self.dev = texts.dev_sentences(config.dev_tokens)
        self.vocabulary = Vocabulary.of_forms(counts.forms, config.min_count, config.max_words)
        ids = self.vocabulary.word_ids
        if not ids:
            raise InputError(f"min_count={config.min_count}: no word of {texts.name} occurs that often; give more text")
        if not any(token.lower() in ids for sentence in self.dev for token in sentence[::DEV_STRIDE]):
            raise InputError("dev: no word that can be scored is in the vocabulary; give other dev files, or more text")
        counts.forms.clear()
        network = network_config(config.model, config.embedding)
        check_training_memory(self.vocabulary, network)
        module = HiddenWordModule(asdict(self.vocabulary), network, config.samples, **asdict(config.optimizer))
        module.batches = config.passes * counts.tokens / (BATCH_FILL * config.batch_tokens)
        self.network, self.texts = module.network, texts
        parameters = sum(parameter.numel() for parameter in module.parameters())
        sections = max(1, round(counts.tokens / config.section_tokens))
        _log.info(
            "%s: %s words in %s documents; %s words to predict, %s words of dev",
            texts.name,
            f"{counts.tokens:,}",
            f"{counts.documents:,}",
            f"{len(ids):,}",
            f"{sum(map(len, self.dev)):,}",
        )
        _log.info("%s parameters; passes: %d, sections of each: %d", f"{parameters:,}", config.passes, sections)
        self.table = FormTable(self.vocabulary, config.embedding.buckets)
        data = HiddenWordDataModule(texts, counts, sections, self.dev, self.table, config)
        super().__init__(module, data, {"text": texts.name, "words": counts.tokens, "parameters": parameters})
        self.hidden_word_data = data
        self.settings = {"max_epochs": config.passes * sections, "reload_dataloaders_every_n_epochs": 1}

    def description(self) -> dict[str, Any]:
        return {
            "corpus": self.texts.name,
            **asdict(self.config.card),
            "segmenter": self.config.segmenter,
            "network": self.module.hparams["network"],
            "vectors": [],
            "start": None,
            "training": {name: value for name, value in asdict(self.config).items() if name != "logger"}
            | {"transformer": {}},
        }

    def dev_accuracies(self, epoch: Mapping[str, float]) -> dict[str, float]:
        return {"words": epoch["dev/accuracy"]}

    def card(self, description: Mapping[str, Any], results: Mapping[str, Any], command: str) -> str:
        return pretrained_card(description, results, command)

    def save(self, folder: Path, description: dict[str, Any], card: str) -> None:
        save_word_predictor(folder, self.network.eval().to("cpu"), self.vocabulary, description, card)

    def report(self, folder: Path, description: dict[str, Any], device: torch.device) -> dict[str, Any]:
        scores = score_words(self.network.eval().to("cpu"), self.dev, self.table, self.config.batch_tokens)
        results: dict[str, Any] = {"dev": {"words": scores}}
        if self.config.neighbours:
            results["neighbours"] = neighbour_accuracy(self.hidden_word_data, self.vocabulary)
        return results

    def format_results(self, results: Mapping[str, Any], folder: Path) -> str:
        scores = results["dev"]["words"]
        lines = [
            f"dev: {scores['scored']:,} words that can be predicted, of {scores['tokens']:,}",
            f"  perplexity {scores['perplexity']:.1f}, the right word first {100 * scores['accuracy']:.2f}%,"
            f" among the first five {100 * scores['top5']:.2f}%",
        ]
        if "neighbours" in results:
            lines.append(f"  a count model of the two neighbouring words: first {100 * results['neighbours']:.2f}%")
        return "\n".join(
            [
                *lines,
                f"best section {results['best_epoch']} of {results['epochs']}, {results['training_seconds']:.0f} s,"
                f" {results['parameters']:,} parameters",
                f"run: {folder}",
                f"fill blanks with it: python -m tagger fill 'I am ___.' --model {shlex.quote(str(folder))}",
                f"start a tagger from it: python -m tagger {shlex.quote(f'init={folder}')}",
            ]
        )


@torch.inference_mode()
def score_words(
    network: HiddenWordNetwork, sentences: Sequence[list[str]], table: FormTable, batch_tokens: int
) -> dict[str, float]:
    """Scores the prediction of each word of sentences. One word in `DEV_STRIDE` is hidden at a time.

    Returns:
        `tokens`, the number of all words; `scored`, the number of words in the vocabulary; and of the scored words
        `loss` (nats), `perplexity`, `accuracy` (top-1) and `top5`.
    """
    sums = np.zeros(3)
    scored = 0
    for shift in range(DEV_STRIDE):
        batches = DevBatches(sentences, table, batch_tokens, shift)
        for batch in map(batches.__getitem__, range(len(batches))):
            known = batch.targets >= 0
            scores = network.scores(network.predict(batch.batch, batch.places))[known].float()
            sums += [float(values.sum()) for values in word_scores(scores, batch.targets[known])]
            scored += int(known.sum())
    loss, first, first_five = (sums / max(1, scored)).tolist()
    tokens = sum(map(len, sentences))
    return {
        "tokens": tokens,
        "scored": scored,
        "loss": loss,
        "perplexity": float(np.exp(loss)),
        "accuracy": first,
        "top5": first_five,
    }


def neighbour_accuracy(data: HiddenWordDataModule, vocabulary: Vocabulary) -> float:
    """The accuracy on dev of a count model of the two neighbouring words, trained on the same text."""
    sections = (data.texts.section(i, data.sections, data.counts.characters) for i in range(data.sections))
    model = NeighbourModel(*neighbours(chain.from_iterable(sections), vocabulary))
    left, word, right = neighbours(data.dev, vocabulary)
    known = word >= 0
    return float((model.predict(left, right) == word)[known].mean())

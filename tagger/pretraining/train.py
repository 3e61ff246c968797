"""Pretraining on untagged text: config -> texts, module and batches; after training a folder to start taggers from."""

import logging
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tagger.bundle.saved_config import PRETRAINED_IN_RUN
from tagger.corpus.raw_text import Counts, Texts
from tagger.errors import InputError
from tagger.evaluation.plots import draw_learning_curve
from tagger.model.batch import FIRST_ID
from tagger.model.forms import FormTable
from tagger.model.members import check_training_memory
from tagger.model.network import NetworkConfig, TaggerNetwork
from tagger.model.vocabulary import Vocabulary
from tagger.pretraining.config import PretrainConfig
from tagger.pretraining.data import DEV_STRIDE, DevBatches, HiddenWordDataModule
from tagger.pretraining.network import HiddenWordBatch, HiddenWordNetwork
from tagger.pretraining.predictor import save_word_predictor
from tagger.text.segment import RuleSegmenter
from tagger.training.card import pretrained_card
from tagger.training.config_parts import network_config
from tagger.training.loggers import run_loggers
from tagger.training.module import WARMUP, Module
from tagger.training.run import accuracies, begin, finish, fit_best
from tagger.training.watch import UNWATCHED, Watch

# N words of training, n words to predict


class NeighbourModel:
    """Predicts a word from the one before it and the one after it.

    It predicts the word that stood most often between both. If no word stood between the two, there are two candidates:
    the word that most often followed the left one, and the word that most often came before the right one. It takes
    the one with the greater share: its count over the count of its neighbour plus one. If neither neighbour was seen,
    it takes the most frequent word.
    """

    def __init__(self, left: np.ndarray, word: np.ndarray, right: np.ndarray) -> None:
        """Counts; see `neighbours`.

        Args:
            left: (N,) what stands before each word: ids from 0, one of which is a sentence's edge.
            word: (N,) the words; -1 for those that cannot be predicted.
            right: (N,) what stands after each.
        """
        self._size = int(max(left.max(initial=0), right.max(initial=0))) + 1
        known = word >= 0
        left, word, right = left[known], word[known], right[known]
        self._both = _most_frequent(left * self._size + right, word)
        self._left, self._right = _most_frequent(left, word), _most_frequent(right, word)
        self._most_frequent_word = int(np.bincount(word).argmax()) if len(word) else 0

    def predict(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """The most likely word of each place, (n,)."""
        after_left, left_share = _look_up(self._left, left)
        before_right, right_share = _look_up(self._right, right)
        beside = np.where(left_share >= right_share, after_left, before_right)
        beside = np.where(beside < 0, self._most_frequent_word, beside)
        between = _look_up(self._both, left * self._size + right)[0]
        return np.where(between < 0, beside, between)


def neighbours(sentences: Iterable[list[str]], vocabulary: Vocabulary) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The word before each word, the word, and the word after it, (n,) each.

    Neighbours are ids of the vocabulary, 0 being a sentence's edge; words count from 0, and unknown ones are -1.
    """
    ids = vocabulary.word_ids
    rows = [
        np.array([0, *(ids.get(form.lower(), FIRST_ID - 1) for form in sentence), 0], dtype=np.int64)
        for sentence in sentences
    ]
    left = np.concatenate([row[:-2] for row in rows])
    word = np.concatenate([row[1:-1] for row in rows]) - FIRST_ID
    right = np.concatenate([row[2:] for row in rows])
    return left, word, right


_Table = tuple[np.ndarray, np.ndarray, np.ndarray]  # contexts in ascending order, the best word of each, its share


def _most_frequent(context: np.ndarray, word: np.ndarray) -> _Table:
    pairs, counts = np.unique(np.stack([context, word], axis=1), axis=0, return_counts=True)
    order = np.lexsort((-counts, pairs[:, 0]))  # in each context the most frequent word first, of equals the smaller id
    contexts, first, places = np.unique(pairs[order, 0], return_index=True, return_inverse=True)
    totals = np.bincount(places, counts[order])
    return contexts, pairs[order, 1][first], counts[order][first] / (totals + 1)


def _look_up(table: _Table, context: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The word, or -1, and its share, or 0."""
    contexts, words, shares = table
    place = np.minimum(np.searchsorted(contexts, context), max(0, len(contexts) - 1))
    found = contexts[place] == context if len(contexts) else np.zeros(len(context), dtype=bool)
    return np.where(found, words[place], -1), np.where(found, shares[place], 0.0)


# n hidden words, V words that can be predicted


class HiddenWordModule(Module):
    """Trains a `HiddenWordNetwork`."""

    def __init__(
        self,
        vocabulary: dict[str, Any],
        network: NetworkConfig,
        samples: int = 8192,
        lr: float = 3e-3,
        weight_decay: float = 0.01,
        warmup: float = WARMUP,
    ) -> None:
        """Builds the network.

        Args:
            vocabulary: the fields of a `Vocabulary` without tags.
            network: sizes of the body.
            samples: see `HiddenWordNetwork`.
            lr: the highest learning rate.
            weight_decay: of AdamW.
            warmup: share of the steps in which the learning rate climbs to `lr`.
        """
        super().__init__()
        self.save_hyperparameters(logger=False)
        self.vocabulary = Vocabulary(**vocabulary)
        self.network = HiddenWordNetwork(self.vocabulary, network, samples)

    @property
    def body(self) -> TaggerNetwork:
        return self.network.body

    def training_step(self, batch: HiddenWordBatch, _: int) -> Tensor:
        predicted = self.network.predict(batch.batch, batch.places)  # (n, D)
        if not len(predicted):  # no word of the batch is in the vocabulary
            return predicted.sum()
        loss = self.network.loss(predicted, batch.targets)
        self.count("train/loss", loss.detach(), len(batch.targets))
        return loss

    def validation_step(self, batch: HiddenWordBatch, _: int) -> None:
        known = batch.targets >= 0
        count = int(known.sum())
        if not count:
            return
        scores = self.network.scores(self.network.predict(batch.batch, batch.places))[known].float()  # (n, V)
        loss, first, first_five = word_scores(scores, batch.targets[known])
        for name, value in (("loss", loss), ("accuracy", first), ("top5", first_five)):
            self.count(f"dev/{name}", value.sum() / max(1, count), count)


def word_scores(scores: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """How well each hidden word is predicted.

    Args:
        scores: (n, V) logits.
        targets: (n,) the right words.

    Returns:
        Three times (n,): minus the logarithm of the word's probability, whether it comes first, and whether it is
        among the first five; the latter two as 0 or 1.
    """
    right = scores.gather(1, targets[:, None])
    rank = (scores > right).sum(1)
    return scores.logsumexp(1) - right[:, 0], (rank == 0).float(), (rank < 5).float()


BATCH_FILL = 0.93  # approximate share of a batch that is not padding

_log = logging.getLogger(__name__)


def pretrain(
    config: PretrainConfig, folder: Path, command: str, resume: bool = False, watch: Watch = UNWATCHED
) -> dict[str, Any]:
    """Trains a network that predicts hidden words, from its config to its report; see `training.train.train`.

    Raises:
        InputError: the text cannot be read, or has too little to learn from or to score; or the folder cannot be
            written to.
        Interrupted: by Ctrl+C or a signal.
    """
    begin(config)
    with run_loggers(config.logger, folder) as loggers:
        rules = RuleSegmenter(config.segmenter)
        texts = Texts(config.text, config.hub, config.dev, rules, config.paragraph_per_line, config.encoding)
        counts = texts.count()
        dev = texts.dev_sentences(config.dev_tokens)
        vocabulary = _vocabulary(config, texts, counts, dev)
        module = _module(config, vocabulary, counts)
        sections = max(1, round(counts.tokens / config.section_tokens))
        parameters = sum(parameter.numel() for parameter in module.parameters())
        _log.info("%s parameters; passes: %d, sections of each: %d", f"{parameters:,}", config.passes, sections)
        table = FormTable(vocabulary, module.network.body.config)
        data = HiddenWordDataModule(texts, counts, sections, dev, table, config)
        settings = {"max_epochs": config.passes * sections, "reload_dataloaders_every_n_epochs": 1}
        fitted = fit_best(
            module, data, config, folder, resume, watch, loggers, asdict(config), settings, "dev/loss", "min"
        )

        results: dict[str, Any] = {"text": texts.name, "words": counts.tokens, "parameters": parameters}
        network = module.network.eval().to("cpu")
        results |= fitted.results | {"dev": {"words": score_words(network, dev, table, config.batch_tokens)}}
        if config.neighbours:
            results["neighbours"] = neighbour_accuracy(data, vocabulary)
        described = {
            "corpus": texts.name,
            **asdict(config.card),
            "start": None,
            "training": {**asdict(config), "transformer": {}},
            "scores": accuracies(results),
        }
        del described["training"]["logger"]
        card = pretrained_card(described, results, command)
        save_word_predictor(folder / PRETRAINED_IN_RUN, network, vocabulary, config.segmenter, described, card)
        draw_learning_curve(fitted.epochs, folder / "learning_curve.png", "section")
        finish(folder, results, loggers)
    print(_format_results(results, folder))
    return results


def _vocabulary(config: PretrainConfig, texts: Texts, counts: Counts, dev: Sequence[list[str]]) -> Vocabulary:
    """The words to predict; the counts of forms are needed no more."""
    vocabulary = Vocabulary.of_forms(counts.forms, config.min_count, config.max_words)
    ids = vocabulary.word_ids
    if not ids:
        raise InputError(f"min_count={config.min_count}: no word of {texts.name} occurs that often; give more text")
    if not any(token.lower() in ids for sentence in dev for token in sentence[::DEV_STRIDE]):
        raise InputError("dev: no word that can be scored is in the vocabulary; give other dev files, or more text")
    counts.forms.clear()
    _log.info(
        "%s: %s words in %s documents; %s words to predict, %s words of dev",
        texts.name,
        *(f"{n:,}" for n in (counts.tokens, counts.documents, len(ids), sum(map(len, dev)))),
    )
    return vocabulary


def _module(config: PretrainConfig, vocabulary: Vocabulary, counts: Counts) -> HiddenWordModule:
    network = network_config(config.model, config.embedding)
    check_training_memory(vocabulary, network)
    module = HiddenWordModule(asdict(vocabulary), network, config.samples, **asdict(config.optimizer))
    module.batches = config.passes * counts.tokens / (BATCH_FILL * config.batch_tokens)
    return module


def _format_results(results: Mapping[str, Any], folder: Path) -> str:
    scores, name = results["dev"]["words"], shlex.quote(str(folder))
    lines = [
        f"dev: {scores['scored']:,} words that can be predicted, of {scores['tokens']:,}",
        f"  perplexity {scores['perplexity']:.1f}, the right word first {100 * scores['accuracy']:.2f}%,"
        f" among the first five {100 * scores['top5']:.2f}%",
    ]
    if "neighbours" in results:
        lines.append(f"  a count model of the two neighbouring words: first {100 * results['neighbours']:.2f}%")
    lines += [
        f"best section {results['best_epoch']} of {results['epochs']}, {results['training_seconds']:.0f} s,"
        f" {results['parameters']:,} parameters",
        f"run: {folder}",
        f"fill blanks with it: python -m tagger fill 'I am ___.' --model {name}",
        f"start a tagger from it: python -m tagger {shlex.quote(f'init={folder}')}",
    ]
    return "\n".join(lines)


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

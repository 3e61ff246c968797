"""Pretraining on untagged text: config -> texts, module, trainer; fit; report; a folder to start taggers from."""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from tagger.batches import FormTable, length_buckets
from tagger.callbacks import Checkpoints, History
from tagger.card import pretrained_card
from tagger.config import check_pretraining, network_config
from tagger.datamodule import BucketSampler
from tagger.errors import InputError
from tagger.figures import learning_curve
from tagger.files import whole_file
from tagger.fit import CHECKPOINTS, fit, make_trainer, quiet
from tagger.folder import INSIDE_PRETRAINING, save_masked
from tagger.masked import FIRST, MaskedBatch, MaskedWordNetwork, masked_batch
from tagger.module import PER_EPOCH, Module
from tagger.neighbours import NeighbourModel
from tagger.network import NetworkConfig, TaggerNetwork
from tagger.texts import Counts, Texts
from tagger.vocabulary import Vocabulary

log = logging.getLogger(__name__)
EVERY = 8  # of the held-out words one is hidden at a time, so that no two neighbours are
FILLED = 0.93  # of the slots of a batch, about


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
        loss, first, fifth = _scores(scores, batch.targets[known])
        for name, value in (("loss", loss), ("accuracy", first), ("top5", fifth)):
            self.log(f"dev/{name}", value.sum() / max(1, count), batch_size=count, **PER_EPOCH)


def _scores(scores: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
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


class _HeldOut(Dataset[MaskedBatch]):
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
        config: Mapping[str, Any],
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
        sampler = BucketSampler(lengths, self.config["batch_tokens"], self.config["seed"], rank, world)
        dataset = _Section(sentences, self.table, self.config["mask"], self.config["cut"])
        return DataLoader(dataset, batch_size=None, sampler=sampler, generator=torch.Generator())

    def val_dataloader(self) -> DataLoader[MaskedBatch]:
        dataset = _HeldOut(self.held_out, self.table, self.config["batch_tokens"])
        return DataLoader(dataset, batch_size=None, generator=torch.Generator())


def pretrain(config: dict[str, Any], folder: Path, command: str, resume: bool = False) -> dict[str, Any] | None:
    """Runs a pretraining.

    Args:
        config: the values of `conf/pretrain.yaml`, plain.
        folder: the run's folder, made if it is not there.
        command: the command line that started the run, for the model card.
        resume: whether to go on from the folder's last checkpoint.

    Returns:
        What `report.json` holds, or None in a process that only helped (DDP).

    Raises:
        InputError: the text or a value of the config is bad.
        Interrupted: see there.
    """
    quiet()
    check_pretraining(config)
    torch.set_num_threads(config["threads"])
    pl.seed_everything(config["seed"], verbose=False)
    texts = Texts(
        config["text"],
        config["hub"],
        config["held_out"],
        config["segmenter"],
        config["paragraph_per_line"],
        config["encoding"],
    )
    counts = texts.count()
    held_out = texts.held_out(config["held_out_tokens"])
    vocabulary = Vocabulary.of_forms(counts.forms, config["min_count"], config["max_words"])
    if not vocabulary.words:
        raise InputError(f"min_count={config['min_count']}: no word of {texts.name} occurs so often; give more text")
    if not any(token.lower() in vocabulary.word_ids for sentence in held_out for token in sentence[::EVERY]):
        raise InputError("held_out: no word to measure on is known from the text; give other files, or more")
    counts.forms.clear()
    module = MaskedWordModule(asdict(vocabulary), network_config(config), config["samples"], **config["optimizer"])
    parameters = sum(parameter.numel() for parameter in module.parameters())
    sections = max(1, round(counts.tokens / config["section_tokens"]))
    log.info(
        "%s: %s words in %s documents; %s words to predict, held out %s",
        texts.name,
        f"{counts.tokens:,}",
        f"{counts.documents:,}",
        f"{len(vocabulary.words):,}",
        f"{sum(map(len, held_out)):,}",
    )
    log.info("%s parameters; %d passes of %d sections", f"{parameters:,}", config["passes"], sections)
    table = FormTable(vocabulary, config["embedding"]["buckets"])
    data = MaskedWordDataModule(texts, counts, sections, held_out, table, config)
    history = History(folder / "metrics.csv")
    settings = config["trainer"] | {"max_epochs": config["passes"] * sections, "reload_dataloaders_every_n_epochs": 1}
    trainer = make_trainer(settings, folder, [history, Checkpoints(folder / CHECKPOINTS, "dev/loss", "min")])
    at_once = FILLED * config["batch_tokens"] * trainer.world_size
    module.steps = max(1, round(config["passes"] * counts.tokens / at_once))
    if not fit(trainer, module, data, folder / CHECKPOINTS / "last.ckpt" if resume else None):
        return None

    best = torch.load(folder / CHECKPOINTS / "best.ckpt", map_location="cpu", weights_only=True)
    module.load_state_dict(best["state_dict"])
    network = module.network.eval().to("cpu")
    results: dict[str, Any] = {
        "text": texts.name,
        "words": counts.tokens,
        "parameters": parameters,
        "training_seconds": round(sum(epoch["seconds"] for epoch in history.epochs), 1),
        "epochs": len(history.epochs),
        "best_epoch": int(best["epoch"]) + 1,
        "dev": {"words": score(network, held_out, table, config["batch_tokens"])},
    }
    if config["neighbours"]:
        results["neighbours"] = neighbour_accuracy(data, vocabulary)
    saved = {
        "corpus": texts.name,
        **{name: None if value is None else str(value) for name, value in config["card"].items()},
        "segmenter": config["segmenter"],
        "network": module.hparams["network"],
        "vectors": [],
        "start": None,
        "training": {name: value for name, value in config.items() if name != "resume"} | {"transformer": {}},
        "scores": {"dev": {"words": results["dev"]["words"]["accuracy"]}},
    }
    save_masked(folder / INSIDE_PRETRAINING, network, vocabulary, saved, pretrained_card(saved, results, command))
    with whole_file(folder / "report.json") as out:
        json.dump(results, out, indent=2)
        out.write("\n")
    learning_curve(history.epochs, folder / "learning_curve.png", "section")
    print(render(results, folder))
    return results


@torch.inference_mode()
def score(
    network: MaskedWordNetwork, sentences: Sequence[list[str]], table: FormTable, batch_tokens: int
) -> dict[str, float]:
    """How well every word of sentences is predicted when it is hidden, with one in `EVERY` others.

    Returns:
        `tokens`, how many of them are `scored`, being words of the vocabulary, and of these `loss` (nats),
        `perplexity`, `accuracy` (top-1) and `top5`.
    """
    sums = np.zeros(3)
    scored = 0
    for shift in range(EVERY):
        batches = _HeldOut(sentences, table, batch_tokens, shift)
        for batch in map(batches.__getitem__, range(len(batches))):
            known = batch.targets >= 0
            scores = network.scores(network.predict(batch.batch, batch.masked))[known].float()
            sums += [float(values.sum()) for values in _scores(scores, batch.targets[known])]
            scored += int(known.sum())
    loss, first, fifth = (sums / max(1, scored)).tolist()
    tokens = sum(map(len, sentences))
    return {
        "tokens": tokens,
        "scored": scored,
        "loss": loss,
        "perplexity": float(np.exp(loss)),
        "accuracy": first,
        "top5": fifth,
    }


def neighbour_accuracy(data: MaskedWordDataModule, vocabulary: Vocabulary) -> float:
    """The accuracy of a count model of the two neighbouring words on the held-out words, trained on the same text."""
    sections = (data.texts.section(i, data.sections, data.counts.characters) for i in range(data.sections))
    model = NeighbourModel(*_neighbours(chain.from_iterable(sections), vocabulary))
    left, word, right = _neighbours(data.held_out, vocabulary)
    scored = word >= 0
    return float((model.predict(left, right) == word)[scored].mean())


def _neighbours(sentences: Iterable[list[str]], vocabulary: Vocabulary) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The word before each word, the word, -1 if it is unknown, and the word after it; 0 is a sentence's edge."""
    parts = []
    ids = vocabulary.word_ids
    for sentence in sentences:
        parts.append(np.array([0, *(ids.get(form.lower(), FIRST - 1) for form in sentence), 0], dtype=np.int64))
    left = np.concatenate([part[:-2] for part in parts])
    word = np.concatenate([part[1:-1] for part in parts]) - FIRST
    right = np.concatenate([part[2:] for part in parts])
    return left, word, right


def render(results: Mapping[str, Any], folder: Path) -> str:
    """The report as text."""
    scores = results["dev"]["words"]
    lines = [
        f"held out: {scores['scored']:,} words that can be predicted, of {scores['tokens']:,}",
        f"  perplexity {scores['perplexity']:.1f}, the right word first {100 * scores['accuracy']:.2f}%,"
        f" among the first five {100 * scores['top5']:.2f}%",
    ]
    if "neighbours" in results:
        lines.append(f"  a count model of the two neighbouring words: first {100 * results['neighbours']:.2f}%")
    return "\n".join(
        [
            *lines,
            f"best section {results['best_epoch']} of {results['epochs']}, {results['training_seconds']:.0f} s,"
            f" {results['parameters']:,} parameters\nrun: {folder}",
            f"fill blanks with it: python -m tagger fill 'I am ___.' --model {folder}",
            f"start a tagger from it: python -m tagger init={folder}",
        ]
    )

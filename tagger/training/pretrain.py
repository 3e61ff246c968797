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

from tagger.corpus.raw_text import Texts
from tagger.errors import InputError
from tagger.model.batch import FIRST_ID
from tagger.model.forms import FormTable
from tagger.model.hidden_words import MaskedWordNetwork
from tagger.model.vocabulary import Vocabulary
from tagger.text.files import whole_file
from tagger.training.card import pretrained_card
from tagger.training.config import PretrainConfig, check_machine, network_config
from tagger.training.figures import learning_curve
from tagger.training.neighbour_baseline import NeighbourModel
from tagger.training.pretrain_module import EVERY, HeldOut, MaskedWordDataModule, MaskedWordModule, word_scores
from tagger.training.trainer import CHECKPOINTS, Checkpoints, History, fit, make_trainer, quiet
from tagger.weights.pretrained_folder import save_masked
from tagger.weights.saved_config import PRETRAINED_IN_RUN

log = logging.getLogger(__name__)
FILLED = 0.93  # of the slots of a batch, about


def pretrain(config: PretrainConfig, folder: Path, command: str, resume: bool = False) -> dict[str, Any] | None:
    """Runs a pretraining.

    Args:
        config: of the pretraining, from `pretrain_config`.
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
    check_machine(config)
    torch.set_num_threads(config.threads)
    pl.seed_everything(config.seed, verbose=False)
    texts = Texts(
        config.text,
        config.hub,
        config.dev,
        config.segmenter,
        config.paragraph_per_line,
        config.encoding,
    )
    counts = texts.count()
    held_out = texts.dev_sentences(config.dev_tokens)
    vocabulary = Vocabulary.of_forms(counts.forms, config.min_count, config.max_words)
    if not vocabulary.words:
        raise InputError(f"min_count={config.min_count}: no word of {texts.name} occurs so often; give more text")
    if not any(token.lower() in vocabulary.word_ids for sentence in held_out for token in sentence[::EVERY]):
        raise InputError("dev: no word to measure on is known from the text; give other files, or more")
    counts.forms.clear()
    network = network_config(config.model, config.embedding)
    module = MaskedWordModule(asdict(vocabulary), network, config.samples, **asdict(config.optimizer))
    parameters = sum(parameter.numel() for parameter in module.parameters())
    sections = max(1, round(counts.tokens / config.section_tokens))
    log.info(
        "%s: %s words in %s documents; %s words to predict, held out %s",
        texts.name,
        f"{counts.tokens:,}",
        f"{counts.documents:,}",
        f"{len(vocabulary.words):,}",
        f"{sum(map(len, held_out)):,}",
    )
    log.info("%s parameters; %d passes of %d sections", f"{parameters:,}", config.passes, sections)
    table = FormTable(vocabulary, config.embedding.buckets)
    data = MaskedWordDataModule(texts, counts, sections, held_out, table, config)
    history = History(folder / "metrics.csv")
    settings = config.trainer | {"max_epochs": config.passes * sections, "reload_dataloaders_every_n_epochs": 1}
    trainer = make_trainer(settings, folder, [history, Checkpoints(folder / CHECKPOINTS, "dev/loss", "min")])
    at_once = FILLED * config.batch_tokens * trainer.world_size
    module.steps = max(1, round(config.passes * counts.tokens / at_once))
    if not fit(trainer, module, data, folder / CHECKPOINTS / "last.ckpt" if resume else None):
        return None

    best = torch.load(folder / CHECKPOINTS / "best.ckpt", map_location="cpu", weights_only=True)
    module.load_state_dict(best["state_dict"])
    trained = module.network.eval().to("cpu")
    results: dict[str, Any] = {
        "text": texts.name,
        "words": counts.tokens,
        "parameters": parameters,
        "training_seconds": round(sum(epoch["seconds"] for epoch in history.epochs), 1),
        "epochs": len(history.epochs),
        "best_epoch": int(best["epoch"]) + 1,
        "dev": {"words": score(trained, held_out, table, config.batch_tokens)},
    }
    if config.neighbours:
        results["neighbours"] = neighbour_accuracy(data, vocabulary)
    saved = {
        "corpus": texts.name,
        **asdict(config.card),
        "segmenter": config.segmenter,
        "network": module.hparams["network"],
        "vectors": [],
        "start": None,
        "training": asdict(config) | {"transformer": {}},
        "scores": {"dev": {"words": results["dev"]["words"]["accuracy"]}},
    }
    save_masked(folder / PRETRAINED_IN_RUN, trained, vocabulary, saved, pretrained_card(saved, results, command))
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
        batches = HeldOut(sentences, table, batch_tokens, shift)
        for batch in map(batches.__getitem__, range(len(batches))):
            known = batch.targets >= 0
            scores = network.scores(network.predict(batch.batch, batch.masked))[known].float()
            sums += [float(values.sum()) for values in word_scores(scores, batch.targets[known])]
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
        parts.append(np.array([0, *(ids.get(form.lower(), FIRST_ID - 1) for form in sentence), 0], dtype=np.int64))
    left = np.concatenate([part[:-2] for part in parts])
    word = np.concatenate([part[1:-1] for part in parts]) - FIRST_ID
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

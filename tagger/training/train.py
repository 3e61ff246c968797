"""One experiment: config -> corpus, module, trainer; fit; report; a folder with the tagger."""

import json
import logging
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EarlyStopping

from tagger.corpus.sources import load_corpus
from tagger.corpus.splits import Corpus
from tagger.errors import InputError
from tagger.evaluation import metrics
from tagger.evaluation.report import report_dev, score_split
from tagger.model.vocabulary import Vocabulary
from tagger.tagging.tagger import Tagger
from tagger.text.files import whole_file
from tagger.training.card import describe, model_card
from tagger.training.config import TrainConfig, check_machine
from tagger.training.datamodule import TaggerDataModule
from tagger.training.figures import learning_curve
from tagger.training.start import build, with_start
from tagger.training.trainer import CHECKPOINTS, Checkpoints, History, fit, make_trainer, quiet
from tagger.weights.folder import save_tagger, saved_weights
from tagger.weights.quantize import expand
from tagger.weights.saved_config import TAGGER_IN_RUN

log = logging.getLogger(__name__)


def train(config: TrainConfig, folder: Path, test: bool, command: str, resume: bool = False) -> dict[str, Any] | None:
    """Runs an experiment.

    Args:
        config: of the experiment, from `train_config`.
        folder: the run's folder, made if it is not there.
        test: whether to report on the test split.
        command: the command line that started the run, for the model card.
        resume: whether to go on from the folder's last checkpoint.

    Returns:
        What `report.json` holds, or None in a process that only helped (DDP).

    Raises:
        InputError: the corpus or a value of the config is bad.
        Interrupted: see there.
    """
    quiet()
    check_machine(config)
    torch.set_num_threads(config.threads)
    pl.seed_everything(config.seed, verbose=False)
    corpus = load_corpus(config.corpus, config.columns, config.seed)
    module, tokenizer, start = build(config, corpus)
    vocabulary, network = module.vocabulary, module.network
    _check_dev(corpus, vocabulary)
    automatic = start.config["segmenter"] if start else corpus.rules
    segmenter = config.segmenter if config.segmenter != "auto" else automatic
    sizes = ", ".join(f"{name} {len(split):,}" for name, split in corpus.splits.items())
    log.info("%s: sentences %s; %d forms, %d words", corpus.name, sizes, len(vocabulary.forms), len(vocabulary.words))
    parameters = sum(parameter.numel() for parameter in module.parameters())
    learned = sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
    log.info(
        "%s: %s parameters%s; raw text by the rules %s",
        " + ".join(vocabulary.columns),
        f"{parameters:,}",
        f", {learned:,} of them learned" if learned < parameters else "",
        segmenter,
    )
    log.info(
        "at most %d epochs; training ends after %d without a better dev accuracy",
        config.trainer["max_epochs"],
        config.patience,
    )
    transformer = network.transformer
    data = TaggerDataModule(
        corpus.splits,
        vocabulary,
        module.hparams["network"]["buckets"],
        config.batch_tokens,
        config.embedding.word_dropout,
        config.seed,
        tokenizer,
        transformer if transformer is not None and not transformer.config["tune"] else None,
    )
    history = History(folder / "metrics.csv")
    stopping = EarlyStopping("dev/accuracy", mode="max", patience=config.patience)
    trainer = make_trainer(config.trainer, folder, [history, Checkpoints(folder / CHECKPOINTS), stopping])
    if not fit(trainer, module, data, folder / CHECKPOINTS / "last.ckpt" if resume else None):
        return None

    best = torch.load(folder / CHECKPOINTS / "best.ckpt", map_location="cpu", weights_only=True)
    module.load_state_dict(best["state_dict"])
    # The scores are those of the weights that are saved.
    network.load_state_dict(expand(saved_weights(network, config.storage_dtype)), strict=False)
    saved = {
        "corpus": corpus.name,
        **asdict(config.card),
        "segmenter": segmenter,
        "network": module.hparams["network"],
        "vectors": list(vocabulary.vectors),
        "start": describe(start.config) if start else None,
        "training": {k: v for k, v in asdict(with_start(config, start)).items() if k != "test"},
    }
    tagger = Tagger(network, vocabulary, saved, tokenizer, str(trainer.strategy.root_device), "float32")
    results: dict[str, Any] = {
        "corpus": corpus.name,
        "parameters": parameters,
        "training_seconds": round(sum(epoch["seconds"] for epoch in history.epochs), 1),
        "epochs": len(history.epochs),
        "best_epoch": int(best["epoch"]) + 1,
        "words_per_second": _speed(tagger, corpus.splits["dev"]["tokens"]),
        "dev": report_dev(tagger, corpus.splits["dev"], f"{corpus.name} dev", folder),
    }
    if test and "test" in corpus.splits:
        try:
            results["test"] = score_split(tagger, corpus.splits["test"])
        except InputError as error:  # a test split may be blind
            log.info("test: %s", error)
    saved["scores"] = {
        split: {column: results[split][column]["accuracy"] for column in results[split]}
        for split in ("dev", "test")
        if split in results
    }
    card = model_card(saved, results, command)
    save_tagger(folder / TAGGER_IN_RUN, network, vocabulary, saved, card, tokenizer, config.storage_dtype)
    with whole_file(folder / "report.json") as out:
        json.dump(results, out, indent=2)
        out.write("\n")
    learning_curve(history.epochs, folder / "learning_curve.png")
    for split in saved["scores"]:
        print(metrics.format_report(results[split], f"{corpus.name} {split}"))
    print(
        f"best epoch {results['best_epoch']} of {results['epochs']}, {results['training_seconds']:.0f} s,"
        f" {parameters:,} parameters\nrun: {folder}\ntag with it: python -m tagger tag FILE --model {folder}"
    )
    return results


def _speed(tagger: Tagger, sentences: Sequence[Sequence[str]]) -> int:
    """Words that the tagger tags in a second on this thread, in the precision that the processor is good at.

    The best of three rounds, the word forms remembered.
    """
    auto = Tagger(tagger.network, tagger.vocabulary, tagger.config, tagger.engine.tokenizer, tagger.device)
    auto.tag_sentences(sentences)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        auto.tag_sentences(sentences)
        seconds.append(time.perf_counter() - start)
    return round(sum(map(len, sentences)) / min(seconds))


def _check_dev(corpus: Corpus, vocabulary: Vocabulary) -> None:
    for column, ids in vocabulary.tag_ids.items():
        if not any(tag in ids for tags in corpus.splits["dev"][column] for tag in tags):
            raise InputError(
                f"{corpus.name}: column {column} of dev has no tag that train has; give another corpus.dev"
            )

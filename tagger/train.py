"""One experiment: config -> corpus, module, trainer; fit; report; a folder with the tagger."""

import csv
import json
import logging
import shlex
import sys
import time
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint, TQDMProgressBar
from pytorch_lightning.utilities.exceptions import (  # type: ignore[attr-defined]
    MisconfigurationException,
    SIGTERMException,
)

from tagger import metrics
from tagger.card import model_card
from tagger.corpora import load_corpus
from tagger.datamodule import TaggerDataModule
from tagger.errors import InputError
from tagger.figures import learning_curve
from tagger.files import whole_file
from tagger.folder import INSIDE_RUN, save_tagger
from tagger.module import TaggerModule
from tagger.network import NetworkConfig
from tagger.predictor import Tagger
from tagger.report import report_dev, score_split
from tagger.segment import RULES
from tagger.vocabulary import Vocabulary

log = logging.getLogger(__name__)
CHECKPOINTS = "checkpoints"


class Interrupted(Exception):
    """Training was asked to stop; the checkpoint of the last complete epoch stays."""


def train(config: dict[str, Any], folder: Path, test: bool, resume: bool = False) -> dict[str, Any] | None:
    """Runs an experiment.

    Args:
        config: the values of `conf/train.yaml`, plain.
        folder: the run's folder, made if it is not there.
        test: whether to report on the test split.
        resume: whether to go on from the folder's last checkpoint.

    Returns:
        What `report.json` holds, or None in a process that only helped (DDP).

    Raises:
        InputError: the corpus or a value of the config is bad.
        Interrupted: see there.
    """
    _quiet()
    if config["segmenter"] not in ("auto", *RULES):
        raise InputError(f"segmenter={config['segmenter']}: choose one of auto, {', '.join(RULES)}")
    pl.seed_everything(config["seed"], verbose=False)
    corpus = load_corpus(config["corpus"], config["columns"], config["seed"])
    vocabulary = Vocabulary.build(corpus.splits["train"], config["columns"], config["embedding"]["min_count"])
    sizes = ", ".join(f"{name} {len(split):,}" for name, split in corpus.splits.items())
    log.info("%s: sentences %s; %d forms, %d words", corpus.name, sizes, len(vocabulary.forms), len(vocabulary.words))

    module = TaggerModule(asdict(vocabulary), network_config(config), **config["optimizer"])
    parameters = sum(parameter.numel() for parameter in module.parameters())
    log.info("%s: %s parameters", " + ".join(config["columns"]), f"{parameters:,}")
    data = TaggerDataModule(
        corpus.splits,
        vocabulary,
        config["embedding"]["buckets"],
        config["batch_tokens"],
        config["embedding"]["word_dropout"],
        config["seed"],
    )
    checkpoints = ModelCheckpoint(
        folder / CHECKPOINTS,
        "best",
        monitor="dev/accuracy",
        mode="max",
        save_last=True,
        save_on_train_epoch_end=True,
        enable_version_counter=False,
    )
    history = _History(folder / "metrics.csv")
    trainer = _trainer(config, folder, [history, checkpoints])
    last = folder / CHECKPOINTS / "last.ckpt"
    try:
        trainer.fit(module, datamodule=data, ckpt_path=str(last) if resume else None, weights_only=True)
    except (SystemExit, SIGTERMException):  # what Lightning makes of Ctrl+C and of a polite kill
        raise Interrupted from None
    if not trainer.is_global_zero:
        return None
    seconds = sum(epoch["seconds"] for epoch in history.epochs)

    best = torch.load(checkpoints.best_model_path, map_location="cpu", weights_only=True)
    module.load_state_dict(best["state_dict"])
    saved = {
        "corpus": corpus.name,
        "segmenter": _segmenter(config["segmenter"], corpus.name),
        "network": network_config(config),
        "training": {k: v for k, v in config.items() if k not in ("resume", "test")},
    }
    tagger = Tagger(module.network, vocabulary, saved, str(trainer.strategy.root_device))
    results: dict[str, Any] = {
        "corpus": corpus.name,
        "parameters": parameters,
        "training_seconds": round(seconds, 1),
        "epochs": trainer.current_epoch,
        "best_epoch": int(best["epoch"]) + 1,
        "dev": report_dev(tagger, corpus.splits["dev"], f"{corpus.name} dev", folder),
    }
    if test and "test" in corpus.splits:
        results["test"] = score_split(tagger, corpus.splits["test"])
    saved["scores"] = {
        split: {column: results[split][column]["accuracy"] for column in results[split]}
        for split in ("dev", "test")
        if split in results
    }
    command = shlex.join(["python", "-m", "tagger", *sys.argv[1:]])
    save_tagger(folder / INSIDE_RUN, module.network, vocabulary, saved, model_card(saved, results, command))
    with whole_file(folder / "report.json") as out:
        json.dump(results, out, indent=2)
        out.write("\n")
    learning_curve(history.epochs, folder / "learning_curve.png")
    for split in saved["scores"]:
        print(metrics.render(results[split], f"{corpus.name} {split}"))
    print(f"best epoch {results['best_epoch']} of {results['epochs']}, {seconds:.0f} s, {parameters:,} parameters")
    print(f"run: {folder}\ntag with it: python -m tagger tag FILE --model {folder}")
    return results


def network_config(config: Mapping[str, Any]) -> NetworkConfig:
    """The part of an experiment's config that the network is built from."""
    model, embedding = config["model"], config["embedding"]
    return NetworkConfig(
        cell=model["cell"],
        depth=model["depth"],
        hidden=dict(model["hidden"]),
        dropout=model["dropout"],
        words=embedding["words"],
        affixes=embedding["affixes"],
        chars=embedding["chars"],
        buckets=embedding["buckets"],
    )


def _trainer(config: Mapping[str, Any], folder: Path, callbacks: list[Callback]) -> pl.Trainer:
    callbacks = [*callbacks, EarlyStopping("dev/accuracy", mode="max", patience=config["patience"])]
    if sys.stderr.isatty():
        callbacks.append(TQDMProgressBar(leave=False))
    try:
        return pl.Trainer(
            **config["trainer"],
            default_root_dir=folder,
            logger=False,
            callbacks=callbacks,
            enable_progress_bar=sys.stderr.isatty(),
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,  # the datamodule shares the batches out
        )
    except (MisconfigurationException, TypeError, ValueError) as error:
        raise InputError(f"trainer: {' '.join(str(error).split())}") from None


class _History(Callback):
    """Loss and accuracies of every epoch: a line on the terminal, a row of `metrics.csv`, and kept in checkpoints."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.epochs: list[dict[str, float]] = []

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.start = time.monotonic()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # Lightning calls checkpoint callbacks last, so this epoch's checkpoint has its row.
        epoch: dict[str, float] = {"epoch": trainer.current_epoch + 1}
        epoch |= {name: float(value) for name, value in trainer.callback_metrics.items()}
        epoch["seconds"] = round(time.monotonic() - self.start, 1)
        self.epochs.append(epoch)
        columns = cast(TaggerModule, pl_module).vocabulary.columns
        each = "".join(f"  {name} {100 * epoch[f'dev/{name}']:.2f}" for name in columns if len(columns) > 1)
        log.info(
            "epoch %d/%d  loss %.4f  dev loss %.4f  dev accuracy %.2f%s  %.1f s",
            epoch["epoch"],
            trainer.max_epochs,
            epoch["train/loss"],
            epoch["dev/loss"],
            100 * epoch["dev/accuracy"],
            each,
            epoch["seconds"],
        )
        if trainer.is_global_zero:
            with whole_file(self.path) as out:
                table = csv.DictWriter(out, list(epoch), lineterminator="\n")
                table.writeheader()
                table.writerows(self.epochs)

    def state_dict(self) -> dict[str, Any]:
        return {"epochs": self.epochs}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.epochs = list(state_dict["epochs"])


def _segmenter(choice: str, corpus: str) -> str:
    if choice != "auto":
        return choice
    english = corpus == "sample" or "english" in corpus.lower() or corpus.startswith(("en_", "conll200"))
    return "english" if english else "unicode"


def _quiet() -> None:
    """Lightning's advice is for people who write the training code."""
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="pytorch_lightning")
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")

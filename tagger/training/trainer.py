"""Lightning's trainer: made quiet, run, interrupted and resumed; the checkpoints and the history that it keeps."""

import csv
import logging
import os
import sys
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, ModelCheckpoint, TQDMProgressBar
from pytorch_lightning.utilities.exceptions import (  # type: ignore[attr-defined]
    MisconfigurationException,
    SIGTERMException,
)

from tagger.errors import InputError
from tagger.text.files import whole_file
from tagger.training.module import Module

CHECKPOINTS = "checkpoints"


class Interrupted(Exception):
    """Training was asked to stop; the checkpoint of the last complete epoch stays."""


def make_trainer(config: Mapping[str, Any], folder: Path, callbacks: Sequence[Callback]) -> pl.Trainer:
    """A trainer that shows progress on a terminal, and nothing else.

    Args:
        config: arguments of `pytorch_lightning.Trainer`.
        folder: the run's folder.
        callbacks: beside the progress bar.

    Raises:
        InputError: the trainer does not take the arguments.
    """
    callbacks = [*callbacks, *([TQDMProgressBar(leave=False)] if sys.stderr.isatty() else [])]
    try:
        return pl.Trainer(
            **config,
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


def quiet() -> None:
    """Lightning's advice is for people who write the training code."""
    for name in ("pytorch_lightning", "lightning_fabric", "lightning"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="pytorch_lightning")
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    warnings.filterwarnings("ignore", message=".*all_gather is deprecated.*")


def fit(trainer: pl.Trainer, module: pl.LightningModule, data: pl.LightningDataModule, last: Path | None) -> bool:
    """Trains, from the checkpoint `last` on if there is one; whether this is the process that goes on to report.

    Raises:
        InputError: `last` is damaged.
        Interrupted: see there.
    """
    if last is not None:
        try:
            torch.load(last, map_location="cpu", weights_only=True)
        except Exception as error:  # whatever a damaged file leads to
            reason = " ".join(str(error).split())[:200]
            raise InputError(f"{last} is damaged ({reason}); start the run again") from None
    try:
        trainer.fit(module, datamodule=data, ckpt_path=None if last is None else str(last), weights_only=True)
    except (SystemExit, SIGTERMException):  # what Lightning makes of Ctrl+C and of a polite kill
        raise Interrupted from None
    first = trainer.is_global_zero
    if torch.distributed.is_initialized():  # the next run of a sweep starts processes of its own
        torch.distributed.destroy_process_group()
        for name in ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK", "LOCAL_RANK", "WORLD_SIZE"):
            os.environ.pop(name, None)
    return first


_log = logging.getLogger(__name__)


class Checkpoints(ModelCheckpoint):
    """The best epoch on dev and the last; their folder may move between an interruption and its continuation."""

    def __init__(self, folder: Path, monitor: str = "dev/accuracy", mode: str = "max") -> None:
        super().__init__(
            folder,
            "best",
            monitor=monitor,
            mode=mode,
            save_last=True,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        def here(path: str) -> str:
            return str(Path(str(self.dirpath)) / Path(path).name) if path else path

        moved = {name: here(path) for name, path in state_dict.items() if name.endswith("_path")}
        kept = {here(path): score for path, score in state_dict["best_k_models"].items()}
        super().load_state_dict({**state_dict, **moved, "best_k_models": kept, "dirpath": self.dirpath})


class History(Callback):
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
        columns = cast(Module, pl_module).vocabulary.columns
        each = "".join(f"  {name} {100 * epoch[f'dev/{name}']:.2f}" for name in columns if len(columns) > 1)
        _log.info(
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

"""Lightning's trainer: made quiet, run, interrupted and resumed."""

import logging
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, TQDMProgressBar
from pytorch_lightning.utilities.exceptions import (  # type: ignore[attr-defined]
    MisconfigurationException,
    SIGTERMException,
)

from tagger.errors import InputError

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

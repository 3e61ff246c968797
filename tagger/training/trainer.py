"""Lightning's trainer: checks its settings, runs and resumes it, and silences its own messages."""

import logging
import os
import signal
import sys
import threading
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, TQDMProgressBar
from pytorch_lightning.plugins.environments import LightningEnvironment  # type: ignore[attr-defined]
from pytorch_lightning.utilities.exceptions import (  # type: ignore[attr-defined]
    MisconfigurationException,
    SIGTERMException,
)

from tagger.errors import InputError, shorten
from tagger.training.checkpoints import EpochRecorder, WholeFileIO
from tagger.training.processes import broken_connections_interrupt, cluster, is_helper
from tagger.training.structured import bad_value

# What a config may pass on to `pytorch_lightning.Trainer`. Lightning imports classes by name, and a config may come
# from somebody else, so no other key and no other word reaches it.
_NUMBERS = {
    **dict.fromkeys(("max_epochs", "min_epochs", "num_nodes", "accumulate_grad_batches", "devices"), int),
    **dict.fromkeys(("gradient_clip_val", "limit_train_batches", "limit_val_batches"), float),
}
_SWITCHES = ("benchmark", "detect_anomaly", "deterministic")
_WORDS = {
    "accelerator": ("auto", "cpu", "gpu", "cuda", "mps"),
    "devices": ("auto",),
    "strategy": ("auto", "ddp", "ddp_find_unused_parameters_true"),
    "precision": ("32-true", "bf16-mixed", "16-mixed"),
    "deterministic": ("warn",),
    "gradient_clip_algorithm": ("norm", "value"),
}


class Interrupted(KeyboardInterrupt):
    """Training was asked to stop; the message says how to go on. The checkpoint of the last complete epoch stays."""


class SigtermAsInterrupt(Callback):
    """Takes SIGTERM during training as Ctrl+C.

    Lightning's own handler tells the other processes of a run by a broadcast. If a step is under way in which they
    exchange gradients, each waits for the other forever.
    """

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Replaces Lightning's handler, which it has just set and takes away at the end."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, signal.default_int_handler)


def check_machine(threads: int, settings: Mapping[str, Any]) -> None:
    """Raises InputError if a config wants more threads or processes than the machine has processors.

    Args:
        threads: of the processor.
        settings: of the trainer.
    """
    processors = os.cpu_count() or 1
    has = f"this machine has {processors} processor{'s' * (processors > 1)}"
    if threads > processors:
        raise bad_value("threads", threads, f"{has}; give at most {processors}")
    devices, accelerator = settings.get("devices"), settings.get("accelerator")
    on_processor = accelerator == "cpu" or (accelerator in (None, "auto") and not torch.cuda.is_available())
    if on_processor and type(devices) is int and devices > processors:  # with every strategy
        raise bad_value("trainer.devices", devices, f"one process per processor, and {has}; give at most {processors}")


def check_trainer_settings(settings: Mapping[str, Any]) -> None:
    """Raises InputError for a setting that a config may not pass on to Lightning, or with a bad value."""
    for name, value in settings.items():
        if name not in {*_NUMBERS, *_SWITCHES, *_WORDS}:
            raise InputError(
                f"trainer.{name}: no such setting; there are {', '.join(sorted({*_NUMBERS, *_SWITCHES, *_WORDS}))}"
            )
        numbers = value if name == "devices" and isinstance(value, list) else [value]
        least = 0 if name == "devices" and isinstance(value, list) else 1  # there 0 is the first GPU
        kind = _NUMBERS.get(name)
        if (
            value is None
            or (type(value) is bool and name in _SWITCHES)
            or (kind is int and numbers and all(type(number) is int and number >= least for number in numbers))
            or (kind is float and type(value) in (int, float) and 0 < value < float("inf"))
            or (type(value) is str and value in _WORDS.get(name, ()))
        ):
            continue
        choices = [*_WORDS.get(name, ())]
        choices += ["true", "false"] if name in _SWITCHES else []
        choices += [] if kind is None else ["a whole number, at least 1" if kind is int else "a number above 0"]
        raise InputError(f"trainer.{name}={shorten(str(value))[1:-1]}: give {' or '.join(choices)}")


def make_trainer(
    settings: Mapping[str, Any], own: Mapping[str, Any], folder: Path, callbacks: Sequence[Callback]
) -> pl.Trainer:
    """Makes a trainer that prints nothing but progress on a terminal.

    Args:
        settings: those of the config.
        own: further arguments of `pytorch_lightning.Trainer`, which no config may set.
        folder: the run's folder.
        callbacks: beside the progress bar.

    Raises:
        InputError: see `check_trainer_settings`; or the machine has no such device, or the settings contradict each
            other.
    """
    settings = {name: value for name, value in settings.items() if name not in own}
    check_trainer_settings(settings)
    on_terminal = sys.stderr.isatty()
    try:
        return pl.Trainer(
            **settings,
            **own,
            default_root_dir=folder,
            logger=False,
            callbacks=[*callbacks, SigtermAsInterrupt(), *([TQDMProgressBar(leave=False)] if on_terminal else [])],
            plugins=[WholeFileIO(), cluster() or LightningEnvironment()],
            enable_progress_bar=on_terminal,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,  # each process's data module takes its share of the batches itself
        )
    except (MisconfigurationException, TypeError, ValueError) as error:
        raise InputError(f"trainer: {' '.join(str(error).split())}") from None


def quiet() -> None:
    """Silences Lightning's advice, which is for people who write the training code."""
    for name in ("pytorch_lightning", "lightning_fabric", "lightning"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="pytorch_lightning")
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    warnings.filterwarnings("ignore", message=".*all_gather is deprecated.*")
    warnings.filterwarnings("ignore", message=".*Experiment logs directory.*")  # a resumed run writes it anew


def fit(
    trainer: pl.Trainer, module: pl.LightningModule, data: pl.LightningDataModule, epochs: EpochRecorder, resume: bool
) -> bool:
    """Trains; afterwards `epochs` has every epoch and the best checkpoint.

    Args:
        trainer: from `make_trainer`; `epochs` is among its callbacks.
        module: trained in place.
        data: train and dev batches.
        epochs: records the run.
        resume: whether to go on after the run's last complete epoch; a finished run is not trained further.

    Returns:
        Whether this is the process that goes on to save and report; with DDP there are others.

    Raises:
        InputError: there is nothing to resume, its checkpoint is damaged, or the next one cannot be written.
        Interrupted: by Ctrl+C or a signal.
    """
    if resume:
        epochs.read_last()
        if epochs.complete:
            if not is_helper():
                epochs.write_metrics()
            return not is_helper()
    with broken_connections_interrupt(trainer.world_size):
        run_fit(trainer, module, data, ckpt_path=str(epochs.last) if resume else None, weights_only=True)
    first = trainer.is_global_zero
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
        if cluster() is None:  # Lightning set these; the next run of a sweep starts processes of its own
            for name in ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK", "LOCAL_RANK", "WORLD_SIZE"):
                os.environ.pop(name, None)
    return first


def run_fit(trainer: pl.Trainer, module: pl.LightningModule, data: Any, **options: Any) -> None:
    """Calls `trainer.fit`.

    Args:
        trainer: from `make_trainer`.
        module: trained in place.
        data: a data module or a loader.
        options: of `trainer.fit`.

    Raises:
        Interrupted: by Ctrl+C or a signal.
    """
    try:
        trainer.fit(module, data, **options)
    except (SystemExit, SIGTERMException):  # Lightning turns Ctrl+C and SIGTERM into these
        raise Interrupted from None

"""Lightning's trainer: checks its settings, runs and resumes it, and silences its own messages."""

import logging
import os
import signal
import sys
import threading
import warnings
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, TQDMProgressBar
from pytorch_lightning.callbacks.progress.tqdm_progress import Tqdm
from pytorch_lightning.plugins.environments import LightningEnvironment  # type: ignore[attr-defined]
from pytorch_lightning.utilities.exceptions import (  # type: ignore[attr-defined]
    MisconfigurationException,
    SIGTERMException,
)
from tqdm.contrib.logging import logging_redirect_tqdm

from tagger.errors import InputError
from tagger.training.checkpoints import EpochRecorder, WholeFileIO
from tagger.training.config_parts import check_trainer_settings
from tagger.training.processes import broken_connections_interrupt, cluster, devices_have_processes, is_helper


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


class OwnProcesses(LightningEnvironment):
    """The devices of this machine, whose processes `devices_have_processes` starts, not Lightning."""

    creates_processes_externally = True


class EpochBar(TQDMProgressBar):
    """The batches of an epoch as a bar on a terminal, which goes when the epoch's line comes: that has the numbers."""

    def init_train_tqdm(self) -> Tqdm:
        """The bar, which leaves no line behind."""
        bar = super().init_train_tqdm()
        bar.leave = False
        return bar

    def on_train_epoch_start(self, trainer: pl.Trainer, *rest: Any) -> None:
        """Begins the bar of an epoch, which is counted from 1 as in its line."""
        super().on_train_epoch_start(trainer, *rest)
        self.train_progress_bar.set_description(f"epoch {trainer.current_epoch + 1}")

    def on_exception(self, *_: Any) -> None:
        """Takes the bar away, so that the message stands in a line of its own."""
        with suppress(TypeError):  # Lightning's own complaint if no epoch has begun
            self.train_progress_bar.close()

    def get_metrics(self, *_: Any) -> dict[str, Any]:
        """No numbers beside the bar."""
        return {}


# Unless a config says otherwise: the norm of the gradient is at most this, and a GPU operation without a fixed order
# gives a warning.
DEFAULTS: dict[str, Any] = {"gradient_clip_val": 1.0, "deterministic": "warn"}


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
    settings = DEFAULTS | settings
    on_terminal = sys.stdout.isatty()  # where Lightning draws its bar
    try:
        return pl.Trainer(
            **settings,
            **own,
            default_root_dir=folder,
            logger=False,
            callbacks=[*callbacks, SigtermAsInterrupt(), *([EpochBar()] if on_terminal else [])],
            plugins=[WholeFileIO(), cluster() or OwnProcesses()],
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
    with ExitStack() as processes:
        processes.enter_context(broken_connections_interrupt(trainer.world_size))
        if trainer.world_size > 1 and cluster() is None and not is_helper():
            port = trainer.strategy.cluster_environment.main_port  # type: ignore[attr-defined]
            processes.enter_context(devices_have_processes(epochs.folder, trainer.world_size, port))
        run_fit(trainer, module, data, ckpt_path=str(epochs.last) if resume else None, weights_only=True)
    first = trainer.is_global_zero
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
        if cluster() is None:  # Lightning set these; the next run of a sweep has other processes
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
        with logging_redirect_tqdm(tqdm_class=Tqdm):  # a line takes the place of the bar, which is drawn again below it
            trainer.fit(module, data, **options)
    except (SystemExit, SIGTERMException):  # Lightning turns Ctrl+C and SIGTERM into these
        raise Interrupted from None

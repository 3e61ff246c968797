"""Trainings by Lightning: a module and batches -> the weights of the best epoch -> the report that ends a run."""

import json
import logging
import sys
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
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
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException
from tqdm.contrib.logging import logging_redirect_tqdm

from tagger.errors import InputError
from tagger.text.output_files import whole_file
from tagger.training.checkpoints import EpochRecorder, WholeFileIO, load_checkpoint
from tagger.training.loggers import log_results
from tagger.training.module import TaggerModule
from tagger.training.run_folder import REPORT

# Unless a config says otherwise: the norm of the gradient is at most this, and a GPU operation without a fixed order
# gives a warning.
DEFAULTS: dict[str, Any] = {"gradient_clip_val": 1.0, "deterministic": "warn"}


def begin(threads: int, seed: int) -> None:
    """Prepares this process for a training, and silences Lightning's advice, which is for people who write its code."""
    for name in ("pytorch_lightning", "lightning_fabric", "lightning"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="pytorch_lightning")
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    warnings.filterwarnings("ignore", message=".*all_gather is deprecated.*")
    torch.set_num_threads(threads)
    pl.seed_everything(seed, verbose=False)


def fit_best(
    module: TaggerModule,
    data: pl.LightningDataModule,
    config: Mapping[str, Any],
    folder: Path,
    resume: bool,
    settings: Mapping[str, Any],
    loggers: Sequence[Any] = (),
    callbacks: Sequence[Callback] = (),
    seconds_after: float = 0.0,
) -> tuple[list[dict[str, float]], dict[str, Any]]:
    """Trains a module, and gives it the weights of its best epoch.

    Returned are the epochs, see `EpochRecorder`, and what `report.json` says of them.

    An interruption or an error after the epochs loses none of them: the run goes on from its checkpoints.

    Args:
        module, data: what is trained, in place, and its batches.
        config: the values that the run was started with, which checkpoints name; `trainer` has settings.
        folder: the run's folder.
        resume: whether to go on after the run's last complete epoch.
        loggers: of the run.
        settings: of the trainer, beside those of the config.
        callbacks: of the trainer.
        seconds_after: about how long what is trained after the epochs takes.
    """
    recorder = EpochRecorder(folder, config, seconds_after)
    trainer = make_trainer(config["trainer"], settings, folder, [recorder, *callbacks], loggers)
    if resume:
        recorder.read_last()
    if resume and recorder.complete:
        recorder.write_metrics()
    else:
        run_fit(trainer, module, data, ckpt_path=str(recorder.last) if resume else None, weights_only=True)
        if trainer.world_size > 1:  # the epochs were those of other processes
            recorder.read_last()
    best = load_checkpoint(recorder.best)
    module.load_state_dict(best["state_dict"])
    results = {
        "training_seconds": round(sum(epoch["seconds"] for epoch in recorder.epochs), 1),
        "epochs": len(recorder.epochs),
        "best_epoch": int(best["epoch"]) + 1,
    }
    return recorder.epochs, results


def make_trainer(
    settings: Mapping[str, Any],
    fixed: Mapping[str, Any],
    folder: Path,
    callbacks: Sequence[Callback],
    loggers: Sequence[Any] = (),
) -> pl.Trainer:
    """Makes a trainer that prints nothing but progress on a terminal.

    Args:
        settings: those of the config.
        fixed: further arguments of `pytorch_lightning.Trainer`, which no config may set.
        folder: the run's folder.
        callbacks, loggers: of the trainer.
    """
    settings = {name: value for name, value in settings.items() if name not in fixed}
    on_terminal = sys.stdout.isatty()  # where Lightning draws its bar
    try:
        return pl.Trainer(
            **DEFAULTS | settings,
            **fixed,
            default_root_dir=folder,
            logger=list(loggers) or False,
            callbacks=[*callbacks, *([EpochBar()] if on_terminal else [])],
            plugins=[WholeFileIO(), LightningEnvironment()],  # also within a job of SLURM
            enable_progress_bar=on_terminal,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,  # each process's data module takes its share of the batches itself
        )
    except (MisconfigurationException, TypeError, ValueError) as error:
        raise InputError(f"trainer: {' '.join(str(error).split())}") from None


def run_fit(trainer: pl.Trainer, module: pl.LightningModule, data: Any, **options: Any) -> None:
    """Calls `trainer.fit` with a data module or a loader. Ctrl+C and SIGTERM end it with KeyboardInterrupt."""
    try:
        with logging_redirect_tqdm(tqdm_class=Tqdm):  # a line takes the place of the bar, which is drawn again below it
            trainer.fit(module, data, **options)
    except (SystemExit, SIGTERMException, ProcessExitedException):  # Lightning turns Ctrl+C and SIGTERM into these
        if trainer.strategy.launcher is not None:
            trainer.strategy.launcher.kill(9)
        raise KeyboardInterrupt from None
    except ProcessRaisedException as error:  # of several processes; its text ends with what one of them raised
        kind, _, message = str(error).strip().splitlines()[-1].partition(": ")
        if kind.rpartition(".")[2] != InputError.__name__:
            raise
        raise InputError(message) from None


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


def finish(folder: Path, results: Mapping[str, Any], loggers: Sequence[Any] = ()) -> None:
    """Logs the results and writes `report.json`, the last file of a run: it says that the run is complete."""
    with whole_file(folder / REPORT) as out:
        json.dump(results, out, indent=2)
        out.write("\n")
    log_results(loggers, results)

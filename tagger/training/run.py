"""The steps that trainings share: begin, fit, report. `training/train.py` and `pretraining/train.py` use them."""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from tagger.text.output_files import whole_file
from tagger.training.checkpoints import EpochRecorder, EpochWatcher, load_checkpoint
from tagger.training.logger_config import LoggerConfig
from tagger.training.loggers import RunLoggers, run_loggers
from tagger.training.module import Module
from tagger.training.run_folder import REPORT
from tagger.training.trainer import fit, make_trainer, quiet
from tagger.training.watch import Watch


class Config(Protocol):
    """What the configs of all trainings have."""

    threads: int
    seed: int
    trainer: dict[str, Any]
    logger: LoggerConfig


@dataclass(frozen=True)
class Fitting:
    """What is fitted, and how.

    Attributes:
        module: trained in place.
        data: its batches.
        values: those of the config that it is trained with: what depends on the data is decided.
        monitor: the metric that decides which epoch is the best.
        mode: whether its highest or its lowest value is the best.
        settings: of the trainer, beside those of the config.
        callbacks: of the trainer.
        seconds_after: about how long what is trained after the epochs takes.
    """

    module: Module
    data: pl.LightningDataModule
    values: dict[str, Any]
    monitor: str
    mode: Literal["max", "min"]
    settings: dict[str, Any]
    callbacks: Sequence[Callback] = field(default=())
    seconds_after: float = 0.0


class Fitted(NamedTuple):
    """What `fit_best` leaves, beside the module with the weights of the best epoch.

    Attributes:
        epochs: see `EpochRecorder`.
        results: what `report.json` says of them.
        device: what training ran on.
    """

    epochs: list[dict[str, float]]
    results: dict[str, Any]
    device: torch.device


@contextmanager
def begun(config: Config, folder: Path) -> Iterator[RunLoggers]:
    """Prepares this process for a training, which happens in the block; gives the loggers of the run.

    Args:
        config: checked values.
        folder: the run's folder.
    """
    quiet()
    torch.set_num_threads(config.threads)
    pl.seed_everything(config.seed, verbose=False)
    with run_loggers(config.logger, folder) as loggers:
        yield loggers


def fit_best(
    fitting: Fitting, config: Config, folder: Path, resume: bool, watch: Watch, loggers: RunLoggers
) -> Fitted | None:
    """Trains a module, and gives it the weights of its best epoch.

    An interruption or an error after the epochs loses none of them: the run goes on from its checkpoints.

    Args:
        fitting: what is trained.
        config: checked values, as the run was started with.
        folder: the run's folder.
        resume: whether to go on after the run's last complete epoch.
        watch: what a sweep wants of the run.
        loggers: of the run.

    Returns:
        None in a process that only helps (DDP).

    Raises:
        InputError: the folder cannot be written to.
        Interrupted: by Ctrl+C or a signal.
        EndedEarly: `watch` wanted that.
    """
    trained_with = {name: value for name, value in asdict(config).items() if name != "logger"}  # type: ignore[call-overload]
    recorder = EpochRecorder(folder, trained_with, fitting.monitor, fitting.mode, seconds_after=fitting.seconds_after)
    watchers: list[Callback] = [] if watch.after_epoch is None else [EpochWatcher(watch.after_epoch, recorder)]
    loggers.recorder = recorder
    trainer = make_trainer(config.trainer, fitting.settings, folder, [recorder, loggers, *watchers, *fitting.callbacks])
    loggers.open(fitting.values)
    if not fit(trainer, fitting.module, fitting.data, recorder, resume):
        return None
    best = load_checkpoint(recorder.best)
    fitting.module.load_state_dict(best["state_dict"])
    results = {
        "training_seconds": round(sum(epoch["seconds"] for epoch in recorder.epochs), 1),
        "epochs": len(recorder.epochs),
        "best_epoch": int(best["epoch"]) + 1,
    }
    return Fitted(recorder.epochs, results, trainer.strategy.root_device)


def accuracies(results: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """What `config.json` says of the scores: for each split the accuracy of each column."""
    return {
        split: {column: scores["accuracy"] for column, scores in results[split].items()}
        for split in ("dev", "test")
        if split in results
    }


def write_report(folder: Path, results: Mapping[str, Any]) -> None:
    """Writes `report.json`, the last file of a run: it says that the run is complete."""
    with whole_file(folder / REPORT) as out:
        json.dump(results, out, indent=2)
        out.write("\n")


def finish(folder: Path, results: Mapping[str, Any], fitted: Fitted, loggers: RunLoggers) -> None:
    """Writes and logs the results of a run, whose folder has all else."""
    write_report(folder, results)
    loggers.log_epochs(fitted.epochs)  # those of a complete run that is resumed with other loggers
    loggers.log_results(results)


def format_run(folder: Path) -> str:
    """How to use the tagger of a run."""
    name = shlex.quote(str(folder))
    return (
        f"score it: python -m tagger evaluate GOLD --model {name}\n"
        f"tag with it: python -m tagger tag FILE --model {name}"
    )

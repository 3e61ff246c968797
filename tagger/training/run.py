"""The steps that trainings share: begin, fit, report. `training/train.py` and `training/pretrain.py` use them."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, Protocol

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from tagger.text.output_files import whole_file
from tagger.training.checkpoints import AfterEpoch, EpochRecorder, EpochWatcher, load_checkpoint
from tagger.training.loggers import Config as LoggerConfig
from tagger.training.loggers import log_results
from tagger.training.module import Module
from tagger.training.run_folder import REPORT
from tagger.training.trainer import make_trainer, quiet, run_fit


class Config(Protocol):
    """What the configs of all trainings have."""

    threads: int
    seed: int
    trainer: dict[str, Any]
    logger: LoggerConfig


def begin(config: Config) -> None:
    """Prepares this process for a training."""
    quiet()
    torch.set_num_threads(config.threads)
    pl.seed_everything(config.seed, verbose=False)


def fit_best(
    module: Module,
    data: pl.LightningDataModule,
    config: Config,
    folder: Path,
    resume: bool,
    after_epoch: AfterEpoch | None,
    loggers: Sequence[Any],
    values: Mapping[str, Any],
    settings: Mapping[str, Any],
    monitor: str = "dev/accuracy",
    mode: Literal["max", "min"] = "max",
    callbacks: Sequence[Callback] = (),
    seconds_after: float = 0.0,
) -> tuple[list[dict[str, float]], dict[str, Any]]:
    """Trains a module, and gives it the weights of its best epoch.

    Returned are the epochs, see `EpochRecorder`, and what `report.json` says of them.

    An interruption or an error after the epochs loses none of them: the run goes on from its checkpoints.

    Args:
        module, data: what is trained, in place, and its batches.
        config: as the run was started with; `values` are those with what the data decides, for the loggers.
        folder: the run's folder.
        resume: whether to go on after the run's last complete epoch.
        after_epoch: see `EpochWatcher`.
        loggers: of the run.
        settings: of the trainer, beside those of the config.
        monitor, mode: the metric whose highest or lowest value makes the best epoch.
        callbacks: of the trainer.
        seconds_after: about how long what is trained after the epochs takes.
    """
    trained_with = {name: value for name, value in asdict(config).items() if name != "logger"}  # type: ignore[call-overload]
    recorder = EpochRecorder(folder, trained_with, monitor, mode, seconds_after)
    watchers: list[Callback] = [] if after_epoch is None else [EpochWatcher(after_epoch, recorder)]
    trainer = make_trainer(config.trainer, settings, folder, [recorder, *watchers, *callbacks], loggers)
    for logger in loggers:
        logger.log_hyperparams({name: value for name, value in values.items() if name != "logger"})
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


def accuracies(results: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """What `config.json` says of the scores: for each split the accuracy of each column."""
    return {
        split: {column: scores["accuracy"] for column, scores in results[split].items()}
        for split in ("dev", "test")
        if split in results
    }


def finish(folder: Path, results: Mapping[str, Any], loggers: Sequence[Any]) -> None:
    """Logs the results and writes `report.json`, the last file of a run: it says that the run is complete."""
    with whole_file(folder / REPORT) as out:
        json.dump(results, out, indent=2)
        out.write("\n")
    log_results(loggers, results)


def format_run(folder: Path) -> str:
    """How to use the tagger of a run."""
    name = shlex.quote(str(folder))
    return (
        f"score it: python -m tagger evaluate GOLD --model {name}\n"
        f"tag with it: python -m tagger tag FILE --model {name}"
    )

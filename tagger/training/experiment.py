"""The steps of every training: prepare, fit, save, report. `train.py` and `pretrain.py` fill them in."""

import json
import shlex
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from tagger.evaluation.plots import draw_learning_curve
from tagger.pretraining.config import PretrainConfig
from tagger.text.output_files import whole_file
from tagger.training.checkpoints import EpochRecorder, EpochWatcher, Watch, load_checkpoint
from tagger.training.config import TrainConfig
from tagger.training.loggers import RunLoggers, run_loggers
from tagger.training.module import Module
from tagger.training.run_folder import REPORT
from tagger.training.trainer import fit, make_trainer, quiet


class Experiment(ABC):
    """One training, prepared.

    Attributes:
        config: as it is trained with: what depends on the data is decided.
        module: trained by `run_experiment`.
        data: its batches.
        summary: what `report.json` says about the data and the network.
        settings: of the trainer, beside those of the config.
        callbacks: of the trainer.
        monitor: the metric that decides which epoch is the best.
        mode: whether its highest or its lowest value is the best.
        inside: the trained network's folder in the run's folder.
        epoch_name: what an epoch is called.
        measures_speed: whether the report has the speed of the tagger.
        seconds_after: about how long what is trained after the epochs takes.
    """

    config: Any  # TrainConfig or PretrainConfig
    monitor: ClassVar[str]
    mode: ClassVar[Literal["max", "min"]]
    inside: ClassVar[str]
    epoch_name: ClassVar[str] = "epoch"
    measures_speed: bool = True
    seconds_after: float = 0.0

    def __init__(self, module: Module, data: pl.LightningDataModule, summary: dict[str, Any]) -> None:
        self.module, self.data, self.summary = module, data, summary
        self.settings: dict[str, Any] = {}
        self.callbacks: Sequence[Callback] = []

    @abstractmethod
    def description(self) -> dict[str, Any]:
        """What `config.json` of the trained network's folder says, but for the scores."""

    @abstractmethod
    def card(self, description: Mapping[str, Any], results: Mapping[str, Any], command: str) -> str:
        """The model card."""

    @abstractmethod
    def save(self, folder: Path, description: dict[str, Any], card: str) -> None:
        """Writes the trained network's folder."""

    @abstractmethod
    def report(self, folder: Path, description: dict[str, Any], device: torch.device) -> dict[str, Any]:
        """Makes what comes after the network, and scores it; `dev` and `test` map a column to its scores.

        Args:
            folder: the run's folder, where pictures and tables of errors go.
            description: see `description`; it gets what is found.
            device: what training ran on.

        Returns:
            What `report.json` says of it. One of the scores of a column is `accuracy`.
        """

    def write_page(self, results: Mapping[str, Any], epochs: Sequence[Mapping[str, float]], folder: Path) -> None:
        """Writes a page that shows the results, if there is one for them.

        Args:
            results: what `report.json` holds.
            epochs: see `EpochRecorder`.
            folder: the run's folder.
        """
        return  # none for networks without tags

    @abstractmethod
    def format_results(self, results: Mapping[str, Any], folder: Path) -> str:
        """The results as text for the terminal."""


Config = TypeVar("Config", TrainConfig, PretrainConfig)


def run_experiment(
    prepare: Callable[[Config], Experiment],
    config: Config,
    folder: Path,
    command: str,
    resume: bool = False,
    watch: Watch | None = None,
) -> dict[str, Any] | None:
    """Runs a training from its config to its report.

    The trained network's folder is written once, when all of it is known; that of a finished run stays as it is until
    then. An interruption or an error after the epochs loses none of them: the run goes on from its checkpoints.

    Args:
        prepare: makes the experiment.
        config: checked values.
        folder: the run's folder.
        command: the command line that started the run, for the model card.
        resume: whether to go on after the run's last complete epoch.
        watch: what a sweep wants of the run.

    Returns:
        What `report.json` holds, or None in a process that only helps (DDP).

    Raises:
        InputError: the data or a value of the config is bad, or the folder cannot be written to.
        Interrupted: by Ctrl+C or a signal.
        EndedEarly: `watch` wanted that.
    """
    quiet()
    watch = watch or Watch()
    torch.set_num_threads(config.threads)
    pl.seed_everything(config.seed, verbose=False)
    with run_loggers(config.logger, folder) as loggers:
        return _run(prepare(config), config, folder, command, resume, watch, loggers)


def _run(
    experiment: Experiment,
    config: Config,
    folder: Path,
    command: str,
    resume: bool,
    watch: Watch,
    loggers: RunLoggers,
) -> dict[str, Any] | None:
    """Does what `run_experiment` says with an experiment that is prepared."""
    trained_with = {name: value for name, value in asdict(config).items() if name != "logger"}
    recorder = EpochRecorder(
        folder, trained_with, experiment.monitor, experiment.mode, seconds_after=experiment.seconds_after
    )
    experiment.measures_speed = watch.measures_speed
    watchers: list[Callback] = [] if watch.after_epoch is None else [EpochWatcher(watch.after_epoch, recorder)]
    loggers.recorder = recorder
    callbacks = [recorder, loggers, *watchers, *experiment.callbacks]
    trainer = make_trainer(config.trainer, experiment.settings, folder, callbacks)
    loggers.open(asdict(experiment.config))
    if not fit(trainer, experiment.module, experiment.data, recorder, resume):
        return None

    best = load_checkpoint(recorder.best)
    experiment.module.load_state_dict(best["state_dict"])
    epochs, best_epoch = recorder.epochs, int(best["epoch"]) + 1
    results = experiment.summary | {
        "training_seconds": round(sum(epoch["seconds"] for epoch in epochs), 1),
        "epochs": len(epochs),
        "best_epoch": best_epoch,
    }
    description = experiment.description()
    results |= experiment.report(folder, description, trainer.strategy.root_device)
    description["scores"] = {
        split: {column: scores["accuracy"] for column, scores in results[split].items()}
        for split in ("dev", "test")
        if split in results
    }
    experiment.save(folder / experiment.inside, description, experiment.card(description, results, command))
    draw_learning_curve(epochs, folder / "learning_curve.png", experiment.epoch_name)
    experiment.write_page(results, epochs, folder)
    with whole_file(folder / REPORT) as out:  # last: it says that the run is complete
        json.dump(results, out, indent=2)
        out.write("\n")
    loggers.log_epochs(epochs)  # those of a complete run that is resumed with other loggers
    loggers.log_results(results)
    print(experiment.format_results(results, folder))
    return results


def format_run(folder: Path) -> str:
    """How to use the tagger of a run."""
    name = shlex.quote(str(folder))
    return (
        f"score it: python -m tagger evaluate GOLD --model {name}\n"
        f"tag with it: python -m tagger tag FILE --model {name}"
    )

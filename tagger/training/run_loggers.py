"""The group `logger` of a config -> the run's epochs and scores in each logger that it names.

Only the first process of a run logs. `logs/state.json` in the run's folder says what was logged where, so that a
resumed run goes on in the same logs.
"""

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Checkpoint

from tagger.errors import InputError, reason
from tagger.text.output_files import whole_file
from tagger.training.checkpoints import EndedEarly, EpochRecorder
from tagger.training.helper_process import is_helper
from tagger.training.log_state import STATE, read_state
from tagger.training.logger_config import LoggerConfig
from tagger.training.run_folder import LOGS, group_of, shown_folder
from tagger.training.run_logger import CsvLogger, EventLogger, Place, RunLogger, Status

SCORED = ("dev", "test")

_log = logging.getLogger(__name__)


class RunLoggers:
    """The loggers of a run."""

    def __init__(self, config: LoggerConfig, run: Path) -> None:
        """Opens nothing yet.

        Args:
            config: the loggers that are wanted.
            run: the run's folder.
        """
        self.config, self.run = config, run
        self.values: dict[str, Any] = {}
        self._open: dict[str, RunLogger] = {}
        self._state = read_state(run / LOGS) if config.chosen else {}

    def open(self, values: dict[str, Any]) -> None:
        """Opens the loggers and logs the config.

        Args:
            values: the whole config, nested.

        Raises:
            InputError: one cannot be opened.
        """
        self.values = {name: value for name, value in values.items() if name != "logger"}
        for name, make in self._makers().items():
            state = self._state.setdefault(name, {})
            try:
                made = make(self._place(state.get("id")))
                self._open[name] = made
                made.start(self.values)
            except OSError as error:
                raise InputError(f"logger={name}: {reason(error)}; see the folder of the logger") from None
            state |= {"epochs": 0 if made.forgets else state.get("epochs", 0), "id": made.id}
            if made.notice:
                _log.info("%s", made.notice)
        self._save()

    def _place(self, id: str | None) -> Place:
        logs, name, group = self.run / LOGS, shown_folder(self.run), group_of(self.run)
        if group is None:
            return Place(logs, name, None, "", id)
        return Place(logs, name, shown_folder(group), str(self.run.absolute().relative_to(group)), id)

    def _makers(self) -> dict[str, Callable[[Place], RunLogger]]:
        """For each logger that is wanted what makes it; its package is imported here."""
        makers: dict[str, Callable[[Place], RunLogger]] = {}
        if (csv := self.config.csv) is not None:
            makers["csv"] = lambda place: CsvLogger(place.own_path(csv.folder, "csv"))
        if (board := self.config.tensorboard) is not None:
            makers["tensorboard"] = lambda place: EventLogger(place.own_path(board.folder, "tensorboard"))
        if (wandb := self.config.wandb) is not None:
            from tagger.training.wandb_run import WandbRun

            makers["wandb"] = lambda place: WandbRun(wandb, place)
        if (mlflow := self.config.mlflow) is not None:
            from tagger.training.mlflow_run import MlflowRun

            makers["mlflow"] = lambda place: MlflowRun(mlflow, place)
        return makers

    def log_epochs(self, epochs: Sequence[Mapping[str, float]]) -> None:
        """Logs those of a run's epochs that are not logged yet; a logger that fails is left out from then on."""
        for name, logger in list(self._open.items()):
            state = self._state[name]
            with self._going_on(name):
                for epoch in epochs[state["epochs"] :]:
                    logger.log(epoch, int(epoch["epoch"]))
                    state["epochs"] += 1
        self._save()

    def log_results(self, results: Mapping[str, Any]) -> None:
        """Logs the scores of the trained network, which `report.json` holds."""
        for name, logger in list(self._open.items()):
            with self._going_on(name):
                logger.log_scores(final_scores(results), results["best_epoch"], self.values)

    def close(self, status: Status) -> None:
        """Closes all; the run has ended."""
        for name, logger in list(self._open.items()):
            with self._going_on(name):
                logger.close(status)
        self._open.clear()

    @contextmanager
    def _going_on(self, name: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # a server that went away is no reason to lose a training
            _log.warning("logger=%s: %s; training goes on without it", name, reason(error))
            self._open.pop(name, None)

    def _save(self) -> None:
        if self._open:
            (self.run / LOGS).mkdir(parents=True, exist_ok=True)
            with whole_file(self.run / LOGS / STATE) as out:
                json.dump(self._state, out, indent=2)
                out.write("\n")


class EpochLogging(Checkpoint):
    """Logs each epoch after its checkpoint is written: Lightning calls callbacks of this class last, in their order."""

    def __init__(self, loggers: RunLoggers, recorder: EpochRecorder) -> None:
        """Makes the callback.

        Args:
            loggers: of the run.
            recorder: of the run; it comes before this callback.
        """
        self._loggers, self._recorder = loggers, recorder

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Logs what an earlier part of the run has not logged."""
        self._loggers.log_epochs(self._recorder.epochs)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Logs the epoch."""
        self._loggers.log_epochs(self._recorder.epochs)


@contextmanager
def run_loggers(config: LoggerConfig, run: Path) -> Iterator[RunLoggers]:
    """The loggers of a run; they are closed when the block ends. A process that only helps has none."""
    loggers = RunLoggers(LoggerConfig() if is_helper() else config, run)
    status: Status = "failed"
    try:
        yield loggers
        status = "success"
    except (KeyboardInterrupt, EndedEarly):
        status = "interrupted"
        raise
    finally:
        loggers.close(status)


def final_scores(results: Mapping[str, Any]) -> dict[str, float]:
    """The scores of a trained network by names such as `final/test/upos/accuracy`.

    Args:
        results: what `report.json` holds.
    """
    found = {
        name: float(results[name])
        for name in ("best_epoch", "training_seconds", "words_per_second", "parameters")
        if name in results
    }
    parts = {split: results[split] for split in SCORED if split in results}
    parts |= {f"raw/{split}": {"": scores} for split, scores in results.get("raw", {}).items()}
    for split, columns in parts.items():
        for column, scores in columns.items():
            prefix = f"{split}/{column}/" if column else f"{split}/"
            found |= {prefix + name: value for name, value in scores.items() if type(value) is float}
    return {f"final/{name}": value for name, value in found.items()}

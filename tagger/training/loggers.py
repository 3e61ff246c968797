"""The group `logger` of a config -> Lightning's loggers, which get the epochs and the final scores of a run.

The trainer is not given the loggers: it would log after the number of batches, in several pieces, and take a run for
finished before its tagger is scored. Only the first process of a run logs. `logs/state.json` in the run's folder says
what was logged where, so that a resumed run goes on in the same logs.
"""

import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Checkpoint
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger, WandbLogger
from pytorch_lightning.loggers.logger import Logger

from tagger.errors import InputError, reason
from tagger.text.output_files import whole_file
from tagger.training.checkpoints import EpochRecorder
from tagger.training.logger_config import LoggerConfig, Place
from tagger.training.processes import is_helper
from tagger.training.run_folder import LOGS, group_of, shown_folder
from tagger.training.watch import EndedEarly

STATE = "state.json"  # in the folder of logs
SCORED = ("dev", "test")
Status = Literal["success", "failed", "interrupted"]
_WANDB_EXIT = {"success": 0, "failed": 1, "interrupted": 130}
_MLFLOW_STATUS = {"success": "success", "failed": "failed", "interrupted": "KILLED"}  # as Lightning's logger takes them

_log = logging.getLogger(__name__)


class RunLoggers(Checkpoint):
    """The loggers of a run, as a callback that logs each epoch after its checkpoint is written.

    Lightning calls callbacks of the class `Checkpoint` last, in their order.
    """

    def __init__(self, config: LoggerConfig, run: Path) -> None:
        """Opens nothing yet.

        Args:
            config: the loggers that are wanted.
            run: the run's folder.
        """
        self.config, self.run = config, run
        self.recorder: EpochRecorder | None = None  # of the run; it comes before this callback
        self.values: dict[str, Any] = {}
        self._open: dict[str, Logger] = {}
        self._state = read_state(run / LOGS) if config.chosen else {}

    def open(self, values: dict[str, Any]) -> None:
        """Opens the loggers and logs the config.

        Args:
            values: the whole config, nested.

        Raises:
            InputError: one cannot be opened.
        """
        self.values = {name: value for name, value in values.items() if name != "logger"}
        folder, group = self.run.absolute(), group_of(self.run)
        in_group = "" if group is None else str(folder.relative_to(group))
        place = Place(self.run / LOGS, shown_folder(self.run), None if group is None else shown_folder(group), in_group)
        for name, part in self.config.chosen.items():
            state = self._state.setdefault(name, {"epochs": 0, "id": None})
            try:
                logger, notice = part.make(place, state["id"])
                if state["id"] is None:  # the config is in the run that is resumed already
                    logger.log_hyperparams(self.values)
            except OSError as error:
                raise InputError(f"logger={name}: {reason(error)}; see the folder of the logger") from None
            if isinstance(logger, CSVLogger):
                state["epochs"] = 0  # Lightning's logger removes what an earlier part of the run has logged
            state["id"] = str(logger.version or "") or None
            self._open[name] = logger
            if notice:
                _log.info("%s", notice)
        self._save()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Logs what an earlier part of the run has not logged."""
        self._log_recorded()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Logs the epoch."""
        self._log_recorded()

    def _log_recorded(self) -> None:
        if self.recorder is not None:
            self.log_epochs(self.recorder.epochs)

    def log_epochs(self, epochs: Sequence[Mapping[str, float]]) -> None:
        """Logs those of a run's epochs that are not logged yet; a logger that fails is left out from then on."""
        for name, logger in list(self._open.items()):
            state = self._state[name]
            with self._going_on(name):
                for epoch in epochs[state["epochs"] :]:
                    logger.log_metrics(dict(epoch), int(epoch["epoch"]))
                    logger.save()
                    state["epochs"] += 1
        self._save()

    def log_results(self, results: Mapping[str, Any]) -> None:
        """Logs the scores of the trained network, which `report.json` holds, at its best epoch."""
        scores, step = final_scores(results), int(results["best_epoch"])
        for name, logger in list(self._open.items()):
            with self._going_on(name):
                if isinstance(logger, TensorBoardLogger):
                    logger.log_hyperparams(self.values, scores, step)  # its table needs both
                else:
                    logger.log_metrics(scores, step)
                logger.save()

    def close(self, status: Status) -> None:
        """Writes what is not written yet, and says how the run ended."""
        for name, logger in list(self._open.items()):
            with self._going_on(name):
                logger.finalize(_MLFLOW_STATUS[status])
                if isinstance(logger, WandbLogger):
                    logger.experiment.finish(exit_code=_WANDB_EXIT[status])
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


def read_state(folder: Path) -> dict[str, dict[str, Any]]:
    """What an earlier part of a run has logged: for each logger `epochs`, their number, and `id`, that of the run.

    Args:
        folder: of the run's logs.

    Raises:
        InputError: the file is damaged.
    """
    path = folder / STATE
    if not path.is_file():
        return {}
    try:
        state: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        for each in state.values():
            name = each["id"]
            if type(each["epochs"]) is not int or not (name is None or re.fullmatch(r"[\w-]{1,64}", name)):
                raise ValueError("no such numbers")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is damaged ({reason(error)}); remove it, and new logs are begun") from None
    return state


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

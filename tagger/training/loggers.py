"""The group `logger` of a config -> Lightning's loggers, which get the epochs and the final scores of a run.

The trainer is not given the loggers: it would log after the number of batches, in several pieces, and take a run for
finished before its tagger is scored. Only the first process of a run logs. `logs/state.json` in the run's folder says
what was logged where, so that a resumed run goes on in the same logs.
"""

import json
import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from secrets import token_hex
from typing import Any, Literal, NamedTuple

import pytorch_lightning as pl
from filelock import FileLock
from pytorch_lightning.callbacks import Checkpoint
from pytorch_lightning.loggers import CSVLogger, MLFlowLogger, TensorBoardLogger, WandbLogger
from pytorch_lightning.loggers.logger import Logger

from tagger.errors import InputError, missing_extra, reason
from tagger.text.output_files import whole_file
from tagger.text.start_folder import SQLITE, located, located_address
from tagger.training.checkpoints import EndedEarly, EpochRecorder
from tagger.training.logger_config import (
    OFFLINE,
    WANDB_REMEDY,
    CsvConfig,
    LoggerConfig,
    LoggerPart,
    MlflowConfig,
    TensorBoardConfig,
    WandbConfig,
)
from tagger.training.processes import is_helper
from tagger.training.run_folder import LOGS, group_of, shown_folder

STATE = "state.json"  # in the folder of logs
SCORED = ("dev", "test")
Status = Literal["success", "failed", "interrupted"]
_WANDB_EXIT = {"success": 0, "failed": 1, "interrupted": 130}
_MLFLOW_STATUS = {"success": "success", "failed": "failed", "interrupted": "KILLED"}  # as Lightning's logger takes them

_log = logging.getLogger(__name__)


class Place(NamedTuple):
    """The run that is logged.

    Attributes:
        folder: for logs, in the run's folder.
        name: of the run.
        group: the folder of the sweep or the ensemble that the run belongs to.
        in_group: the run's folder in that folder; empty if it belongs to none.
    """

    folder: Path
    name: str
    group: str | None
    in_group: str

    def own_path(self, given: str | None, inside: str) -> Path:
        """The folder that a config names, below which runs of a sweep have one each; if it names none, the run's."""
        return self.folder / inside if given is None else Path(located(given)) / self.in_group


def make_logger(part: LoggerPart, place: Place, id: str | None) -> tuple[Logger, str]:
    """Makes one of Lightning's loggers.

    Args:
        part: the values of a file of `conf/logger/`.
        place: of the run.
        id: of the run in W&B or MLflow, if it was logged there before.

    Returns:
        The logger, and a line for people or nothing.

    Raises:
        InputError: it cannot be opened.
    """
    match part:
        case CsvConfig():
            return CSVLogger(place.own_path(part.folder, "csv"), name="", version=""), ""
        case TensorBoardConfig():
            folder = place.own_path(part.folder, "tensorboard")
            return TensorBoardLogger(folder, name="", version="", default_hp_metric=False), ""
        case WandbConfig():
            return _wandb_logger(part, place, id)
        case MlflowConfig():
            return _mlflow_logger(part, place, id)
    raise TypeError(part)


def _wandb_logger(config: WandbConfig, place: Place, id: str | None) -> tuple[Logger, str]:
    import wandb

    folder = (place.folder if config.folder is None else Path(located(config.folder))).absolute()
    folder.mkdir(parents=True, exist_ok=True)  # otherwise W&B would take a temporary folder
    settings = wandb.Settings(silent=True, console="off", init_timeout=30.0)
    with suppress(ValueError):  # W&B may take this setting away; a process that is killed loses what is not written yet
        settings.x_transaction_log_flush_interval = 1.0
    logger = WandbLogger(
        project=config.project,
        entity=config.entity,
        name=config.name or place.name,
        group=config.group or place.group,
        tags=config.tags,
        id=id or token_hex(4),
        save_dir=folder,
        mode=config.mode,
        settings=settings,
    )
    try:
        run = logger.experiment
    except (wandb.Error, OSError, ValueError) as error:
        raise InputError(f"logger=wandb: {reason(error)}; {WANDB_REMEDY}") from None
    if config.mode == OFFLINE:
        return logger, f"wandb: wandb sync {folder}/wandb/offline-run-*-{logger.version} uploads it"
    return logger, f"wandb: {run.url}"


def _mlflow_logger(config: MlflowConfig, place: Place, id: str | None) -> tuple[Logger, str]:
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")  # read when it is imported
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")  # MLflow's own number is 7, and takes minutes
    if config.tracking_uri is not None:
        address, artifacts = located_address(config.tracking_uri), None
    else:
        folder = (place.folder / "mlflow").absolute()
        folder.mkdir(parents=True, exist_ok=True)
        address, artifacts = f"sqlite:///{folder / 'mlflow.db'}", str(folder / "artifacts")
    file = address.removeprefix(SQLITE).partition("?")[0] if address.startswith(SQLITE) else ""
    before = os.environ.get("MLFLOW_TRACKING_URI")
    try:
        # Two processes that make the tables of a new database at once break them.
        with nullcontext() if file in ("", ":memory:") else FileLock(f"{file}.lock"):
            logger = MLFlowLogger(
                experiment_name=config.experiment,
                run_name=config.name or place.name,
                tracking_uri=address,
                artifact_location=artifacts,
                tags={"group": place.group} if place.group else None,
                run_id=id,
            )
            run = logger.run_id
        if id is not None:
            logger.experiment.update_run(id, status="RUNNING")
    except ModuleNotFoundError as error:
        raise missing_extra(str(error.name), "mlflow") from None
    except Exception as error:  # SQLAlchemy and Alembic raise errors of their own
        raise InputError(
            f"logger=mlflow: {address} cannot be used ({reason(error)}); see logger.mlflow.tracking_uri"
        ) from None
    finally:  # MLflow makes its address that of all later runs of this process
        os.environ.pop("MLFLOW_TRACKING_URI", None)
        if before is not None:
            os.environ["MLFLOW_TRACKING_URI"] = before
    return logger, f"mlflow: run {run} in {address}"


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
        for part in self.config.chosen:
            name = part.prefix.split(".")[1]
            state = self._state.setdefault(name, {"epochs": 0, "id": None})
            try:
                logger, notice = make_logger(part, place, state["id"])
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

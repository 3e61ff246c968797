"""The group `logger` of a config -> Lightning's loggers, which get the config, the epochs and the scores of a run."""

import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tagger.errors import InputError, missing_extra, reason
from tagger.training.run_folder import LOGS, shown_folder

Config = dict[str, dict[str, Any]]
"""Name of a logger -> its values, those of its file in `conf/logger`."""

OFFLINE = "offline"
WANDB_REMEDY = f"log in with `wandb login`, or set logger.wandb.mode={OFFLINE} and upload later with `wandb sync`"
SCORED = ("dev", "test")


def _log_folder(run: Path, folder: str | None, name: str) -> Path:
    """Makes the folder that a config names, else one in the run's folder."""
    path = Path(os.path.expanduser(folder)) if folder else run.absolute() / LOGS / name
    path.mkdir(parents=True, exist_ok=True)
    return path


def _csv(run: Path, folder: str | None) -> Any:
    from pytorch_lightning.loggers import CSVLogger

    return CSVLogger(_log_folder(run, folder, "csv"), name="")


def _tensorboard(run: Path, folder: str | None) -> Any:
    from pytorch_lightning.loggers import TensorBoardLogger

    return TensorBoardLogger(_log_folder(run, folder, "tensorboard"), name="", default_hp_metric=False)


def _wandb(run: Path, project: str, name: str | None, mode: str, folder: str | None, **others: Any) -> Any:
    import wandb
    from pytorch_lightning.loggers import WandbLogger

    save_dir = _log_folder(run, folder, "")  # if it is not there, W&B takes a temporary folder
    settings = wandb.Settings(silent=True, console="off", init_timeout=30.0)
    given: dict[str, Any] = {"project": project, "name": name or shown_folder(run), "mode": mode, "save_dir": save_dir}
    logger = WandbLogger(**given, **others, settings=settings)
    try:
        logger.experiment  # noqa: B018  it connects
    except (wandb.Error, OSError, ValueError) as error:
        raise InputError(f"logger=wandb: {reason(error)}; {WANDB_REMEDY}") from None
    return logger


def _mlflow(run: Path, experiment: str, name: str | None, tracking_uri: str | None) -> Any:
    for package in ("mlflow", "alembic"):
        logging.getLogger(package).setLevel(logging.ERROR)
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")  # MLflow's own number is 7, and takes minutes
    from pytorch_lightning.loggers import MLFlowLogger

    folder = None if tracking_uri else _log_folder(run, None, "mlflow")
    address = tracking_uri or f"sqlite:///{folder}/mlflow.db"
    before = os.environ.get("MLFLOW_TRACKING_URI")
    try:
        logger = MLFlowLogger(
            experiment_name=experiment,
            run_name=name or shown_folder(run),
            tracking_uri=address,
            artifact_location=f"{folder}/artifacts" if folder else None,
        )
        logger.run_id  # noqa: B018  it connects
    finally:  # MLflow makes its address that of all later runs of this process
        os.environ.pop("MLFLOW_TRACKING_URI", None)
        if before is not None:
            os.environ["MLFLOW_TRACKING_URI"] = before
    return logger


LOGGERS: dict[str, Callable[..., Any]] = {
    "csv": _csv,
    "tensorboard": _tensorboard,
    "wandb": _wandb,
    "mlflow": _mlflow,
}


def check_loggers(config: Config) -> None:
    """Looks whether the chosen loggers can work here, before anything is trained."""
    for name in config:
        if name not in LOGGERS:
            raise InputError(f"logger.{name}: no such logger; choose from {', '.join(LOGGERS)}")
        if name != "csv" and find_spec(name) is None:
            raise missing_extra(name, name)
    if "wandb" in config and config["wandb"].get("mode") != OFFLINE:
        import wandb

        wandb.setup(settings=wandb.Settings(silent=True))
        if not wandb.login(prompt=False, verify=False):  # nobody is asked for a key, and the key is not tried out
            raise InputError(f"logger=wandb: there is no login; {WANDB_REMEDY}")


@contextmanager
def run_loggers(config: Config, run: Path) -> Iterator[list[Any]]:
    """The loggers of a run, for the trainer; W&B's run ends with the block."""
    loggers = []
    try:
        for name, values in config.items():
            try:
                loggers.append(LOGGERS[name](run, **values))
            except InputError:
                raise
            except Exception as error:  # SQLAlchemy and Alembic raise errors of their own
                raise InputError(f"logger={name}: {reason(error)}; see the values of logger.{name}") from None
        yield loggers
    finally:
        if "wandb" in config and "wandb" in sys.modules:
            sys.modules["wandb"].finish(exit_code=int(sys.exc_info()[0] is not None))


def log_results(loggers: Sequence[Any], results: Mapping[str, Any]) -> None:
    """Logs the scores of the trained network, which `report.json` holds, at its best epoch."""
    for logger in loggers:
        logger.log_metrics(final_scores(results), int(results.get("best_epoch", 0)))
        logger.finalize("success")


def final_scores(results: Mapping[str, Any]) -> dict[str, float]:
    """The scores of `report.json` by names such as `final/test/upos/accuracy`."""
    named = ("best_epoch", "training_seconds", "words_per_second", "parameters")
    final = {name: float(results[name]) for name in named if name in results}
    parts = {split: results[split] for split in SCORED if split in results}
    parts |= {f"raw/{split}": {"": scores} for split, scores in results.get("raw", {}).items()}
    for split, columns in parts.items():
        for column, scores in columns.items():
            prefix = f"{split}/{column}/" if column else f"{split}/"
            final |= {prefix + name: value for name, value in scores.items() if type(value) is float}
    return {f"final/{name}": value for name, value in final.items()}

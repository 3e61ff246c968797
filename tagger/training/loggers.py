"""The group `logger` of a config -> Lightning's loggers, which get the config, the epochs and the scores of a run."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tagger.errors import InputError, missing_extra, reason
from tagger.training.run_folder import LOGS

LOGGERS = {"csv": "CSVLogger", "tensorboard": "TensorBoardLogger", "wandb": "WandbLogger", "mlflow": "MLFlowLogger"}
SCORED = ("dev", "test")


def check_loggers(config: Mapping[str, Any]) -> None:
    """Looks whether the chosen loggers are installed, before anything is trained."""
    for name in config:
        if name not in LOGGERS:
            raise InputError(f"logger.{name}: no such logger; choose from {', '.join(LOGGERS)}")
        if name != "csv" and find_spec(name) is None:
            raise missing_extra(name, name)


@contextmanager
def run_loggers(config: Mapping[str, Mapping[str, Any]], run: Path) -> Iterator[list[Any]]:
    """The loggers of a run, for the trainer; without a `save_dir` they write into its folder."""
    try:
        yield [_logger(name, values, run.absolute() / LOGS / name) for name, values in config.items()]
    finally:
        if "wandb" in config and "wandb" in sys.modules:
            sys.modules["wandb"].finish()  # or the next run of a sweep would be logged as a part of this one


def _logger(name: str, values: Mapping[str, Any], folder: Path) -> Any:
    """Lightning's logger, which gets the values that are not null as its arguments."""
    from pytorch_lightning import loggers

    given = {"save_dir": str(folder)} | {key: value for key, value in values.items() if value is not None}
    try:
        Path(given["save_dir"]).mkdir(parents=True, exist_ok=True)
        logger = getattr(loggers, LOGGERS[name])(**given)
        logger.experiment  # noqa: B018  it connects
    except Exception as error:  # each library has errors of its own
        raise InputError(f"logger={name}: {reason(error)}; see the values of logger.{name}") from None
    return logger


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

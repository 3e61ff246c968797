"""One of Lightning's loggers from the start of a run to its end: CSV and TensorBoard are here, W&B and MLflow beside.

The trainer is not given the loggers: it would log after the number of batches, in several pieces, and take a run for
finished before its tagger is scored.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger
from pytorch_lightning.loggers.logger import Logger

from tagger.text.start_folder import located

Status = Literal["success", "failed", "interrupted"]


class Place(NamedTuple):
    """The run that is logged.

    Attributes:
        folder: for logs, in the run's folder.
        name: of the run.
        group: the folder of the sweep or the ensemble that the run belongs to.
        in_group: the run's folder in that folder; empty if it belongs to none.
        id: of the run in W&B or MLflow, if it was logged there before.
    """

    folder: Path
    name: str
    group: str | None
    in_group: str
    id: str | None

    def path(self, given: str | None, inside: str = "") -> Path:
        """The folder that a config names; if it names none, the one for logs or a folder in it."""
        return self.folder / inside if given is None else Path(located(given))

    def own_path(self, given: str | None, inside: str) -> Path:
        """The same for a logger whose files have the same names for all runs, which share the folder of a config."""
        return self.path(given, inside) if given is None else self.path(given) / self.in_group


class RunLogger:
    """One of Lightning's loggers.

    Attributes:
        logger: Lightning's.
        id: of the run, if the logger has such numbers.
        forgets: whether Lightning's logger removes what an earlier part of the run has logged.
        notice: a line for people, or nothing.
    """

    forgets: ClassVar[bool] = False
    id: str | None = None
    notice: str = ""

    def __init__(self, logger: Logger) -> None:
        self.logger = logger

    def start(self, values: dict[str, Any]) -> None:
        """Logs the config, nested."""
        self.logger.log_hyperparams(values)

    def log(self, metrics: Mapping[str, float], epoch: int) -> None:
        """Logs what was measured in an epoch; its number is the step."""
        self.logger.log_metrics(dict(metrics), epoch)
        self.logger.save()

    def log_scores(self, scores: Mapping[str, float], epoch: int, values: dict[str, Any]) -> None:
        """Logs the scores of the trained network, which is that of the best epoch, beside the config."""
        self.log(scores, epoch)

    def close(self, status: Status) -> None:
        """Writes what is not written yet, and says how the run ended."""
        self.logger.finalize(status)


class CsvLogger(RunLogger):
    """`metrics.csv` with a row for each epoch and one for the final scores, and `hparams.yaml`."""

    forgets = True

    def __init__(self, folder: Path) -> None:
        super().__init__(CSVLogger(folder, name="", version=""))


class EventLogger(RunLogger):
    """TensorBoard's files of events: curves, and the final scores beside the config under HPARAMS."""

    def __init__(self, folder: Path) -> None:
        super().__init__(TensorBoardLogger(folder, name="", version="", default_hp_metric=False))

    def log_scores(self, scores: Mapping[str, float], epoch: int, values: dict[str, Any]) -> None:
        """Logs the scores and the config together, as TensorBoard's table needs them."""
        assert isinstance(self.logger, TensorBoardLogger)
        self.logger.log_hyperparams(values, dict(scores), epoch)

"""The loggers: the values of the group `logger` of a page, what each needs, and how it is opened.

To add one, write a subclass of `LoggerPart`, name it in `LOGGERS`, and add a file with its values to `conf/logger`.
"""

import logging
import os
from abc import abstractmethod
from contextlib import nullcontext, suppress
from dataclasses import dataclass, make_dataclass
from importlib.util import find_spec
from pathlib import Path
from secrets import token_hex
from typing import Annotated, Any, ClassVar, NamedTuple

from filelock import FileLock

from tagger.errors import InputError, missing_extra, reason
from tagger.text.paths import SQLITE, located, located_address
from tagger.text.schema import Name, one_of

OFFLINE = "offline"
WANDB_REMEDY = f"log in with `wandb login`, or set logger.wandb.mode={OFFLINE} and upload later with `wandb sync`"


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


@dataclass
class LoggerPart:
    """The values of one logger.

    Attributes:
        package: that it needs, as Python imports it; an extra has the same name.
    """

    package: ClassVar[str | None] = None

    @abstractmethod
    def make(self, place: Place, id: str | None) -> tuple[Any, str]:
        """Makes one of Lightning's loggers.

        Args:
            place: of the run.
            id: of the run in W&B or MLflow, if it was logged there before.

        Returns:
            The logger, and a line for people or nothing.

        Raises:
            InputError: it cannot be opened.
        """


@dataclass
class CsvConfig(LoggerPart):
    """A table in a file."""

    folder: Name | None

    def make(self, place: Place, id: str | None) -> tuple[Any, str]:
        """See `LoggerPart.make`."""
        from pytorch_lightning.loggers import CSVLogger

        return CSVLogger(place.own_path(self.folder, "csv"), name="", version=""), ""


@dataclass
class TensorBoardConfig(LoggerPart):
    """TensorBoard's files."""

    package: ClassVar[str | None] = "tensorboard"
    folder: Name | None

    def make(self, place: Place, id: str | None) -> tuple[Any, str]:
        """See `LoggerPart.make`."""
        from pytorch_lightning.loggers import TensorBoardLogger

        folder = place.own_path(self.folder, "tensorboard")
        return TensorBoardLogger(folder, name="", version="", default_hp_metric=False), ""


@dataclass
class WandbConfig(LoggerPart):
    """A run of Weights & Biases."""

    package: ClassVar[str | None] = "wandb"
    project: Name
    entity: Name | None
    name: Name | None
    group: Name | None
    tags: list[str]
    mode: Annotated[str, one_of(("online", OFFLINE))]
    folder: Name | None

    def make(self, place: Place, id: str | None) -> tuple[Any, str]:
        """See `LoggerPart.make`."""
        import wandb
        from pytorch_lightning.loggers import WandbLogger

        folder = (place.folder if self.folder is None else Path(located(self.folder))).absolute()
        folder.mkdir(parents=True, exist_ok=True)  # otherwise W&B would take a temporary folder
        settings = wandb.Settings(silent=True, console="off", init_timeout=30.0)
        with suppress(
            ValueError
        ):  # W&B may take this setting away; a process that is killed loses what is not written yet
            settings.x_transaction_log_flush_interval = 1.0
        logger = WandbLogger(
            project=self.project,
            entity=self.entity,
            name=self.name or place.name,
            group=self.group or place.group,
            tags=self.tags,
            id=id or token_hex(4),
            save_dir=folder,
            mode=self.mode,
            settings=settings,
        )
        try:
            run = logger.experiment
        except (wandb.Error, OSError, ValueError) as error:
            raise InputError(f"logger=wandb: {reason(error)}; {WANDB_REMEDY}") from None
        if self.mode == OFFLINE:
            return logger, f"wandb: wandb sync {folder}/wandb/offline-run-*-{logger.version} uploads it"
        return logger, f"wandb: {run.url}"


@dataclass
class MlflowConfig(LoggerPart):
    """A run of MLflow."""

    package: ClassVar[str | None] = "mlflow"
    experiment: Name
    name: Name | None
    tracking_uri: Name | None

    def make(self, place: Place, id: str | None) -> tuple[Any, str]:
        """See `LoggerPart.make`."""
        from pytorch_lightning.loggers import MLFlowLogger

        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.ERROR)
        os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")  # read when it is imported
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")  # MLflow's own number is 7, and takes minutes
        if self.tracking_uri is not None:
            address, artifacts = located_address(self.tracking_uri), None
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
                    experiment_name=self.experiment,
                    run_name=self.name or place.name,
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


LOGGERS: dict[str, type[LoggerPart]] = {
    "csv": CsvConfig,
    "tensorboard": TensorBoardConfig,
    "wandb": WandbConfig,
    "mlflow": MlflowConfig,
}
_CHOICES: Any = make_dataclass("_CHOICES", [(name, kind | None, None) for name, kind in LOGGERS.items()])


@dataclass
class LoggerConfig(_CHOICES):  # type: ignore[misc]
    """The loggers that are chosen, by name; the others are None."""

    @property
    def chosen(self) -> dict[str, LoggerPart]:
        """The chosen loggers by name."""
        return {name: part for name in LOGGERS if (part := getattr(self, name)) is not None}


def check_loggers(config: LoggerConfig) -> None:
    """Looks whether the chosen loggers can work here, before anything is trained.

    Raises:
        InputError: a package is missing, or W&B knows no login.
    """
    for part in config.chosen.values():
        if part.package is not None and find_spec(part.package) is None:
            raise missing_extra(part.package, part.package)
    if config.wandb is not None and config.wandb.mode != OFFLINE:
        import wandb

        wandb.setup(settings=wandb.Settings(silent=True))
        if not wandb.login(prompt=False, verify=False):  # nobody is asked for a key, and the key is not tried out
            raise InputError(f"logger=wandb: there is no login; {WANDB_REMEDY}")

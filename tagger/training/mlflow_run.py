"""A run of MLflow, on a server, in a database that the config names, or in a database of its own."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from filelock import FileLock
from pytorch_lightning.loggers import MLFlowLogger

from tagger.errors import InputError, missing_extra, reason
from tagger.text.start_folder import SQLITE, located_address
from tagger.training.logger_config import MlflowConfig
from tagger.training.run_logger import Place, RunLogger, Status

DATABASE = "mlflow.db"
RETRIES = "3"  # of a request; MLflow's own number is 7, and takes minutes
_ADDRESS = "MLFLOW_TRACKING_URI"
_STATUSES = {"success": "success", "failed": "failed", "interrupted": "KILLED"}  # as Lightning's logger takes them


class MlflowRun(RunLogger):
    """A run of MLflow."""

    def __init__(self, config: MlflowConfig, place: Place) -> None:
        """Opens the run.

        Raises:
            InputError: the server or the database cannot be used.
        """
        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.ERROR)
        os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")  # read when it is imported
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", RETRIES)
        artifacts = None
        if config.tracking_uri is not None:
            address = located_address(config.tracking_uri)
        else:
            folder = (place.folder / "mlflow").absolute()
            folder.mkdir(parents=True, exist_ok=True)
            address, artifacts = f"sqlite:///{folder / DATABASE}", str(folder / "artifacts")
        self.address = address
        try:
            with _one_at_a_time(address), _same_environment():
                logger = MLFlowLogger(
                    experiment_name=config.experiment,
                    run_name=config.name or place.name,
                    tracking_uri=address,
                    artifact_location=artifacts,
                    tags={"group": place.group} if place.group else None,
                    run_id=place.id,
                )
                super().__init__(logger)
                self.client = logger.experiment
            self.id = logger.run_id
            if place.id is not None:
                self.client.update_run(place.id, status="RUNNING")
        except ModuleNotFoundError as error:
            raise missing_extra(str(error.name), "mlflow") from None
        except Exception as error:  # SQLAlchemy and Alembic raise errors of their own
            raise InputError(
                f"logger=mlflow: {address} cannot be used ({reason(error)}); see logger.mlflow.tracking_uri"
            ) from None
        self.notice = f"mlflow: run {self.id} in {address}"

    def start(self, values: dict[str, Any]) -> None:
        """Logs the config; MLflow refuses a second time with other words, such as a run's after an update."""
        if not self.client.get_run(self.id).data.params:
            super().start(values)

    def close(self, status: Status) -> None:
        """Says how the run ended."""
        self.logger.finalize(_STATUSES[status])


@contextmanager
def _one_at_a_time(address: str) -> Iterator[None]:
    """Waits for other processes that open the same file: the first one makes its tables, and two at once break them."""
    path = address.removeprefix(SQLITE).partition("?")[0]
    if not address.startswith(SQLITE) or path in ("", ":memory:"):
        yield
        return
    with FileLock(f"{path}.lock"):
        yield


@contextmanager
def _same_environment() -> Iterator[None]:
    """Undoes that MLflow makes its address that of all later runs of this process."""
    before = os.environ.get(_ADDRESS)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(_ADDRESS, None)
        else:
            os.environ[_ADDRESS] = before

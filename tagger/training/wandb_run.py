"""A run of Weights & Biases: it is logged online, or offline into the run's folder and uploaded later."""

import secrets
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import wandb
from pytorch_lightning.loggers import WandbLogger

from tagger.errors import InputError, reason
from tagger.training.logger_config import OFFLINE, WANDB_REMEDY, WandbConfig
from tagger.training.run_logger import Place, RunLogger, Status

CONNECT_SECONDS = 30.0
FLUSH_SECONDS = 1.0  # a process that is killed loses what W&B has not written by then; its own number is 15
_EXIT = {"success": 0, "failed": 1, "interrupted": 130}


def has_login() -> bool:
    """Whether W&B knows a key, which is not tried out; nobody is asked for one."""
    wandb.setup(settings=wandb.Settings(silent=True))
    return bool(wandb.login(prompt=False, verify=False))


class WandbRun(RunLogger):
    """A run of W&B. The number of an epoch is the metric `epoch`, on which all others depend."""

    def __init__(self, config: WandbConfig, place: Place) -> None:
        """Opens the run.

        Raises:
            InputError: W&B cannot be reached, or refuses the run.
        """
        wandb.setup(settings=wandb.Settings(silent=True))
        self.id = place.id or secrets.token_hex(4)
        folder = place.path(config.folder).absolute()  # another process of W&B's writes there
        folder.mkdir(parents=True, exist_ok=True)  # otherwise W&B would take a temporary folder
        logger = WandbLogger(
            project=config.project,
            entity=config.entity,
            name=config.name or place.name,
            group=config.group or place.group,
            tags=config.tags,
            id=self.id,
            save_dir=folder,
            mode=config.mode,
            settings=settings(),
        )
        super().__init__(logger)
        try:
            self.run = logger.experiment
        except (wandb.Error, OSError, ValueError) as error:
            raise InputError(f"logger=wandb: {reason(error)}; {WANDB_REMEDY}") from None
        self.run.define_metric("epoch")
        self.run.define_metric("*", step_metric="epoch")
        upload = upload_command(Path(self.run.dir).parents[1], self.id)
        self.notice = f"wandb: {upload} uploads it" if config.mode == OFFLINE else f"wandb: {self.run.url}"

    def log(self, metrics: Mapping[str, float], epoch: int) -> None:
        """Logs an epoch; W&B has a step of its own, which counts calls."""
        self.logger.log_metrics({**metrics, "epoch": epoch})

    def log_scores(self, scores: Mapping[str, float], epoch: int, values: dict[str, Any]) -> None:
        """Puts the scores into the summary of the run, which W&B shows in its table of runs."""
        self.run.summary.update(dict(scores))

    def close(self, status: Status) -> None:
        """Ends the run; what is not uploaded yet is uploaded."""
        self.run.finish(exit_code=_EXIT[status])


def upload_command(folder: Path, run: str) -> str:
    """The command that uploads a run that was logged offline, with all of its parts.

    Args:
        folder: W&B's folder `wandb/`, which gets a folder each time that the run is started or resumed.
        run: its id.
    """
    return shlex.join(["wandb", "sync", *map(str, sorted(folder.glob(f"offline-run-*-{run}")))])


def settings() -> wandb.Settings:
    """Those of a run. A name with `x_` is one that W&B may take away."""
    found = wandb.Settings(silent=True, console="off", init_timeout=CONNECT_SECONDS)
    if hasattr(found, "x_transaction_log_flush_interval"):
        found.x_transaction_log_flush_interval = FLUSH_SECONDS
    return found

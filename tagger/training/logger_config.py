"""The group `logger` of a config: where the epochs and the scores of a run are logged, and what each logger needs."""

from dataclasses import dataclass, fields
from importlib.util import find_spec
from typing import Annotated, ClassVar

from tagger.errors import InputError, missing_extra
from tagger.training.structured import Checked, OneOf, bad_value

OFFLINE = "offline"
WANDB_REMEDY = f"log in with `wandb login`, or set logger.wandb.mode={OFFLINE} and upload later with `wandb sync`"


@dataclass
class LoggerPart(Checked):
    """What one logger needs; no value of it is an empty word."""

    package: ClassVar[str | None] = None  # as Python imports it; an extra has the same name

    def __post_init__(self) -> None:
        super().__post_init__()
        for each in fields(self):
            if getattr(self, each.name) == "":
                raise bad_value(self.prefix + each.name, "", "give a word, or leave it out")


@dataclass
class CsvConfig(LoggerPart):
    """A table in a file."""

    prefix: ClassVar[str] = "logger.csv."
    folder: str | None


@dataclass
class TensorBoardConfig(LoggerPart):
    """TensorBoard's files."""

    prefix: ClassVar[str] = "logger.tensorboard."
    package: ClassVar[str | None] = "tensorboard"
    folder: str | None


@dataclass
class WandbConfig(LoggerPart):
    """A run of Weights & Biases."""

    prefix: ClassVar[str] = "logger.wandb."
    package: ClassVar[str | None] = "wandb"
    project: str
    entity: str | None
    name: str | None
    group: str | None
    tags: list[str]
    mode: Annotated[str, OneOf(("online", OFFLINE))]
    folder: str | None


@dataclass
class MlflowConfig(LoggerPart):
    """A run of MLflow."""

    prefix: ClassVar[str] = "logger.mlflow."
    package: ClassVar[str | None] = "mlflow"
    experiment: str
    name: str | None
    tracking_uri: str | None


LOGGER_PARTS: tuple[type[LoggerPart], ...] = (CsvConfig, TensorBoardConfig, WandbConfig, MlflowConfig)


@dataclass
class LoggerConfig:
    """The loggers that are chosen; the others are None."""

    csv: CsvConfig | None = None
    tensorboard: TensorBoardConfig | None = None
    wandb: WandbConfig | None = None
    mlflow: MlflowConfig | None = None

    @property
    def chosen(self) -> list[LoggerPart]:
        """The parts of the chosen loggers."""
        parts = (self.csv, self.tensorboard, self.wandb, self.mlflow)
        return [part for part in parts if part is not None]


def check_loggers(config: LoggerConfig) -> None:
    """Looks whether the chosen loggers can work here, before anything is trained.

    Raises:
        InputError: a package is missing, or W&B knows no login.
    """
    for part in config.chosen:
        if part.package is not None and find_spec(part.package) is None:
            raise missing_extra(part.package, part.package)
    if config.wandb is not None and config.wandb.mode != OFFLINE:
        import wandb

        wandb.setup(settings=wandb.Settings(silent=True))
        if not wandb.login(prompt=False, verify=False):  # nobody is asked for a key, and the key is not tried out
            raise InputError(f"logger=wandb: there is no login; {WANDB_REMEDY}")

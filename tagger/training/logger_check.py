"""The loggers that a config names -> an error before anything is trained, if one of them cannot work here."""

from importlib.util import find_spec

from tagger.errors import InputError, missing_extra
from tagger.training.logger_config import OFFLINE, WANDB_REMEDY, LoggerConfig


def check_loggers(config: LoggerConfig) -> None:
    """Looks whether the chosen loggers can work here.

    Raises:
        InputError: a package is missing, or W&B knows no login.
    """
    for part in config.chosen:
        if part.package is not None and find_spec(part.package) is None:
            raise missing_extra(part.package, part.package)
    if config.wandb is not None and config.wandb.mode != OFFLINE:
        from tagger.training.wandb_run import has_login

        if not has_login():
            raise InputError(f"logger=wandb: there is no login; {WANDB_REMEDY}")

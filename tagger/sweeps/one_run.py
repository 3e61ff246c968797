"""How one run was started -> its config, checked, and its training, in its folder.

What trains is imported when it is needed: mistakes are found before Lightning is imported, which takes seconds.
"""

import shlex
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from tagger.bundle.hub import is_hub_name
from tagger.bundle.run_lock import claim_run
from tagger.bundle.saved_config import TAGGER_IN_RUN
from tagger.corpus.config import NO_HUB, check_files
from tagger.corpus.raw_text import Texts
from tagger.pretraining.config import PretrainConfig, pretrain_config
from tagger.training.config import (
    AUTO,
    RULES_OF_CORPUS,
    TrainConfig,
    check_override,
    find_start,
    train_config,
)
from tagger.training.config_parts import check_machine
from tagger.training.loggers import check_loggers
from tagger.training.run_folder import Command, RunRecord, can_resume
from tagger.training.watch import UNWATCHED, Watch


def checked_config(
    command: Command, values: Any, overrides: Sequence[str] = (), in_sweep: bool = False
) -> TrainConfig | PretrainConfig:
    """The config of a run as a dataclass.

    What can be known before anything is read or trained is checked: values, this machine, loggers, and whether the
    files are there.

    Args:
        command: that the config belongs to.
        values: plain, or as Hydra composed them.
        overrides: of the command line; one that `init` makes useless is an error.
        in_sweep: whether the run is one of several: it does not look at test, and trains a segmenter only if it is
            told to.

    Raises:
        InputError: something is wrong.
    """
    config = train_config(values) if command == "train" else pretrain_config(values)
    check_machine(config.threads, config.trainer)
    check_loggers(config.logger)
    if isinstance(config, PretrainConfig):
        Texts(config.text, config.hub)
        return config
    if config.init is not None:
        last = {override.lstrip("+").partition("=")[0]: override for override in overrides}  # the one that counts
        for override in last.values():
            check_override(override, config)
        if not is_hub_name(config.init):
            find_start(config.init)
    if config.distill.text is not None:
        Texts(config.distill.text, NO_HUB, keys="distill.")
    check_files(config.corpus)
    if not in_sweep:
        return config
    return replace(config, test=False, segmenter=RULES_OF_CORPUS if config.segmenter == AUTO else config.segmenter)


def train_run(
    record: RunRecord,
    folder: Path,
    resuming: bool = False,
    watch: Watch | None = None,
    config: TrainConfig | PretrainConfig | None = None,
    is_claimed: bool = False,
) -> dict[str, Any] | None:
    """Trains as a record says.

    Args:
        record: how the run was started.
        folder: of the run.
        resuming: whether to go on after the last complete epoch.
        watch: what a sweep wants of the run.
        config: that of the record, if it has been checked already.
        is_claimed: whether this process has the lock of the run already.

    Returns:
        The content of `report.json`, or None in a process that only helps (DDP).

    Raises:
        InputError: another process trains the run, or its config or its data is bad.
        Interrupted: by Ctrl+C or a signal.
        EndedEarly: `watch` wanted that.
    """
    config = config or checked_config(record.command, record.config)

    from tagger.pretraining.train import pretrain
    from tagger.training.train import train
    from tagger.training.trainer import Interrupted

    watch = watch or UNWATCHED
    words = [*([] if record.command == "train" else [record.command]), *record.overrides]
    line = shlex.join(["python", "-m", "tagger", *words])
    try:
        with nullcontext() if is_claimed else claim_run(folder):
            if isinstance(config, PretrainConfig):
                return pretrain(config, folder, line, resuming, watch)
            return train(config, folder, line, resuming, watch)
    except KeyboardInterrupt:
        if can_resume(folder):
            raise Interrupted(f"go on with: python -m tagger resume {shlex.quote(str(folder))}") from None
        if (folder / TAGGER_IN_RUN).is_dir():
            raise Interrupted(f"the tagger in {folder} is complete; only its scores are missing") from None
        raise Interrupted("no epoch was complete, and nothing is kept") from None

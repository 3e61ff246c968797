"""How one run was started -> its training, in its folder."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from tagger.bundle.run_lock import claim_run
from tagger.bundle.saved_config import TAGGER_IN_RUN
from tagger.pretraining.config import PretrainConfig
from tagger.pretraining.train import pretrain
from tagger.sweeps.plan import checked_config
from tagger.text.start_folder import paths_begin_in
from tagger.training.checkpoints import UNWATCHED, Watch
from tagger.training.config import ALL, TrainConfig
from tagger.training.ensemble_run import run_ensemble
from tagger.training.processes import end_with_parent, is_helper, is_member
from tagger.training.refit import UNFINISHED, refit
from tagger.training.run_folder import RunRecord, can_resume
from tagger.training.train import train
from tagger.training.trainer import Interrupted


def train_run(
    record: RunRecord,
    folder: Path,
    resuming: bool = False,
    watch: Watch = UNWATCHED,
    config: TrainConfig | PretrainConfig | None = None,
) -> dict[str, Any] | None:
    """Trains as a record says.

    Args:
        record: how the run was started.
        folder: of the run.
        resuming: whether to go on after the last complete epoch.
        watch: what a sweep wants of the run.
        config: that of the record, if it has been checked already.

    Returns:
        The content of `report.json`, or None in a process that only helps (DDP).

    Raises:
        InputError: another process trains the run, or its config or its data is bad.
        Interrupted: by Ctrl+C or a signal.
        EndedEarly: `watch` wanted that.
    """
    words = [*([] if record.command == "train" else [record.command]), *record.overrides]
    line = shlex.join(["python", "-m", "tagger", *words])
    if is_helper() or is_member():
        end_with_parent()
    try:
        claimed = nullcontext() if is_helper() else claim_run(folder)
        with claimed, _helpers_resume(folder), paths_begin_in(record.started_in):
            config = config or checked_config(record.command, record.config)
            if isinstance(config, PretrainConfig):
                return pretrain(config, folder, line, resuming, watch)
            if config.parts != ALL:
                return refit(config, folder, line)
            if config.ensemble > 1:
                return run_ensemble(config, folder, record.overrides, line, watch.measures_speed)
            return train(config, folder, line, resuming, watch)
    except KeyboardInterrupt:
        if can_resume(folder):
            raise Interrupted(f"go on with: python -m tagger resume {shlex.quote(str(folder))}") from None
        if (folder / TAGGER_IN_RUN).is_dir():
            raise Interrupted(f"the tagger in {folder} is complete; only its scores are missing") from None
        parts = str(record.config.get("parts"))
        missing = UNFINISHED.get(parts, "no epoch was complete")
        kept = "nothing is kept"
        if (record.config.get("distill") or {}).get("teacher") is not None:
            kept = "what the teacher has tagged alone is kept; start the run again"
        raise Interrupted(f"{missing}, and {kept}") from None


@contextmanager
def _helpers_resume(folder: Path) -> Iterator[None]:
    """Lets the processes that help with a run join it as `python -m tagger resume FOLDER`.

    For DDP, Lightning starts a process for each further device with the command line that `sys.argv` holds.
    """
    before = sys.argv
    sys.argv = [before[0], "resume", str(folder.absolute())]
    try:
        yield
    finally:
        sys.argv = before

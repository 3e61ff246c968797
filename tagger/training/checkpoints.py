"""The end of an epoch: its numbers are recorded, and its checkpoint is written.

A run's folder holds two checkpoints: `last.ckpt`, from which the run can be resumed, and `best.ckpt`, the best epoch
on dev. Both are whole files at any time, and both name the config that they were trained with.
"""

import csv
import logging
import os
import shlex
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Checkpoint
from pytorch_lightning.plugins import TorchCheckpointIO

from tagger.errors import InputError, reason, shorten
from tagger.text.output_files import whole_binary, whole_file
from tagger.training.module import TaggerModule
from tagger.training.run_folder import BEST, CHECKPOINTS, LAST, METRICS

PROGRESS_SECONDS = 60.0  # between two lines within an epoch

_log = logging.getLogger(__name__)


class WholeFileIO(TorchCheckpointIO):
    """Writes a checkpoint to a hidden file and renames it; Lightning may leave half a file under the final name."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Writes a checkpoint. If the disk is full, nothing is left of it."""
        with whole_binary(path, remedy="make room") as out:
            try:
                torch.save(checkpoint, out)
            except RuntimeError as error:  # what went wrong stands behind it
                raise (error.__context__ if isinstance(error.__context__, OSError) else error) from None


class EpochRecorder(Checkpoint):
    """Keeps the numbers and the checkpoints of a run.

    Lightning calls callbacks of this class after all others, so a checkpoint holds their state of the same epoch.

    Attributes:
        epochs: for each epoch so far `epoch` (from 1), the metrics that the module logs, and `seconds`.
        complete: whether training has ended.
    """

    def __init__(
        self,
        folder: Path,
        config: Mapping[str, Any],
        seconds_after: float = 0.0,
    ) -> None:
        """Makes the callback.

        Args:
            folder: the run's folder.
            config: plain values; every checkpoint gets them.
            seconds_after: that the run needs after its epochs, for the time that is left.
        """
        self.folder, self.config = folder, dict(config)
        self.last, self.best = (folder / CHECKPOINTS / name for name in (LAST, BEST))
        self.epochs: list[dict[str, float]] = []
        self.complete = False
        self._seconds: list[float] = []  # of the epochs of this process
        self._seconds_after = seconds_after
        self._start = self._said = 0.0  # when the epoch began, and when its last line was logged

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._start = self._said = time.monotonic()

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *step: Any) -> None:
        """Logs once a minute how far a long epoch is, where no bar shows it."""
        now = time.monotonic()
        if now - self._said < PROGRESS_SECONDS or trainer.progress_bar_callback or not trainer.is_global_zero:
            return
        self._said = now
        share, epochs = (step[-1] + 1) / trainer.num_training_batches, trainer.max_epochs or 0
        left = (epochs - trainer.current_epoch - share) * (now - self._start) / share + self._seconds_after
        _log.info("epoch %d/%d  %.0f %% of it%s", trainer.current_epoch + 1, epochs, 100 * share, time_left(left))

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Records the epoch's numbers, saves its checkpoint and logs a line."""
        epoch: dict[str, float] = {"epoch": trainer.current_epoch + 1}
        epoch |= {name: float(value) for name, value in trainer.callback_metrics.items()}
        self._seconds.append(time.monotonic() - self._start)
        epoch["seconds"] = round(self._seconds[-1], 1)
        self.epochs.append(epoch)
        stopped = trainer.should_stop and epoch["epoch"] >= (trainer.min_epochs or 0)  # by EarlyStopping
        self.complete = stopped or epoch["epoch"] == trainer.max_epochs
        self._save(trainer)
        if not trainer.is_global_zero:
            return
        self.write_metrics()
        columns = cast(TaggerModule, pl_module).vocabulary.columns
        by_column = "".join(f"  {name} {100 * epoch[f'dev/{name}']:.2f}" for name in columns if len(columns) > 1)
        _log.info(
            "epoch %d/%d  loss %.4f  dev loss %.4f  dev accuracy %.2f%s%s",
            epoch["epoch"],
            trainer.max_epochs,
            epoch["train/loss"],
            epoch["dev/loss"],
            100 * epoch["dev/accuracy"],
            by_column,
            time_left(self._seconds_left(trainer)),
        )

    def _seconds_left(self, trainer: pl.Trainer) -> float:
        """What the run still needs, at most: the mean of its epochs but the first, which is slower, for each one."""
        seconds = self._seconds[1:] or self._seconds
        epochs = 0 if self.complete else (trainer.max_epochs or 0) - len(self.epochs)
        return max(0, epochs) * sum(seconds) / len(seconds) + self._seconds_after

    def write_metrics(self) -> None:
        """Writes the epochs to `metrics.csv`."""
        with whole_file(self.folder / METRICS) as out:
            table = csv.DictWriter(out, list(self.epochs[0]), lineterminator="\n")
            table.writeheader()
            table.writerows(self.epochs)

    def _save(self, trainer: pl.Trainer) -> None:
        new = self.last.with_name("new.ckpt")
        try:
            trainer.save_checkpoint(new)  # every process takes part, the first one writes
            if trainer.is_global_zero:
                if self._best_number() == len(self.epochs):
                    # best.ckpt first: a run that is killed in between repeats this epoch with the same result.
                    _replace_by_link(new, self.best)
                new.replace(self.last)
        except (OSError, InputError) as error:
            message = f"{self.last} cannot be written: {error.strerror}" if isinstance(error, OSError) else str(error)
            if self.last.is_file():
                message += f"; then go on with: python -m tagger resume {shlex.quote(str(self.folder))}"
            raise InputError(message) from None
        trainer.strategy.barrier()

    def _best_number(self) -> int:
        """The number (from 1) of the best epoch, the earliest of equals. An epoch whose score is NaN never wins."""
        scores = [epoch["dev/accuracy"] for epoch in self.epochs]
        scores = [score if score == score else float("-inf") for score in scores]
        return 1 + max(range(len(scores)), key=scores.__getitem__)

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Adds the config, so that no run with another config resumes from the checkpoint."""
        checkpoint["config"] = self.config

    def state_dict(self) -> dict[str, Any]:
        return {"epochs": self.epochs, "complete": self.complete}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.epochs, self.complete = list(state_dict["epochs"]), bool(state_dict["complete"])

    def read_last(self) -> None:
        """Restores the state from the last epoch's checkpoint."""
        if not self.last.is_file():
            raise InputError(f"{self.folder}: no epoch was completed; start the run again")
        checkpoint = load_checkpoint(self.last)
        state, config = (checkpoint.get("callbacks") or {}).get(self.state_key), checkpoint.get("config")
        if state is None or not isinstance(config, dict):
            raise InputError(f"{self.last} was written by another version of tagger; start the run again")
        if config != self.config:
            key = next(key for key in {**config, **self.config} if config.get(key) != self.config.get(key))
            before, now = (shorten(str(each.get(key))) for each in (config, self.config))
            raise InputError(
                f"{self.last} was trained with another {key} than the run's config has ({before}, {now}); start the run"
                " again"
            )
        self.load_state_dict(state)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Reads a checkpoint onto the CPU; no code in it is run."""
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError(f"{path} is missing; start the run again") from None
    except PermissionError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except Exception as error:  # a damaged file can raise any error
        raise InputError(f"{path} is damaged ({reason(error)}); start the run again") from None
    if not isinstance(checkpoint, dict):
        raise InputError(f"{path} is damaged (it holds no checkpoint); start the run again")
    return checkpoint


def time_left(seconds: float) -> str:
    """The end of a line of progress: about how long it takes from here; empty if it is soon.

    >>> [time_left(seconds) for seconds in (0.4, 42, 150, 7300)]
    ['', '  40 s left', '  3 min left', '  2 h left']
    """
    if seconds < 5:
        return ""
    if seconds < 95:
        return f"  {10 * round(seconds / 10)} s left"
    return f"  {seconds / 60:.0f} min left" if seconds < 5400 else f"  {seconds / 3600:.0f} h left"


def _replace_by_link(source: Path, target: Path) -> None:
    """Makes `target` a hard link to `source`, replacing it; copies if the file system has no hard links."""
    partial = target.with_name(f".{target.name}.part")
    partial.unlink(missing_ok=True)
    try:
        os.link(source, partial)
    except OSError:
        shutil.copyfile(source, partial)
    partial.replace(target)

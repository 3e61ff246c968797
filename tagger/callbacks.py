"""What training keeps while it runs: the best and the last checkpoint, and the history of its epochs."""

import csv
import logging
import time
from pathlib import Path
from typing import Any, cast

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback, ModelCheckpoint

from tagger.files import whole_file
from tagger.module import Module

_log = logging.getLogger(__name__)


class Checkpoints(ModelCheckpoint):
    """The best epoch on dev and the last; their folder may move between an interruption and its continuation."""

    def __init__(self, folder: Path, monitor: str = "dev/accuracy", mode: str = "max") -> None:
        super().__init__(
            folder,
            "best",
            monitor=monitor,
            mode=mode,
            save_last=True,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        def here(path: str) -> str:
            return str(Path(str(self.dirpath)) / Path(path).name) if path else path

        moved = {name: here(path) for name, path in state_dict.items() if name.endswith("_path")}
        kept = {here(path): score for path, score in state_dict["best_k_models"].items()}
        super().load_state_dict({**state_dict, **moved, "best_k_models": kept, "dirpath": self.dirpath})


class History(Callback):
    """Loss and accuracies of every epoch: a line on the terminal, a row of `metrics.csv`, and kept in checkpoints."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.epochs: list[dict[str, float]] = []

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.start = time.monotonic()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # Lightning calls checkpoint callbacks last, so this epoch's checkpoint has its row.
        epoch: dict[str, float] = {"epoch": trainer.current_epoch + 1}
        epoch |= {name: float(value) for name, value in trainer.callback_metrics.items()}
        epoch["seconds"] = round(time.monotonic() - self.start, 1)
        self.epochs.append(epoch)
        columns = cast(Module, pl_module).vocabulary.columns
        each = "".join(f"  {name} {100 * epoch[f'dev/{name}']:.2f}" for name in columns if len(columns) > 1)
        _log.info(
            "epoch %d/%d  loss %.4f  dev loss %.4f  dev accuracy %.2f%s  %.1f s",
            epoch["epoch"],
            trainer.max_epochs,
            epoch["train/loss"],
            epoch["dev/loss"],
            100 * epoch["dev/accuracy"],
            each,
            epoch["seconds"],
        )
        if trainer.is_global_zero:
            with whole_file(self.path) as out:
                table = csv.DictWriter(out, list(epoch), lineterminator="\n")
                table.writeheader()
                table.writerows(self.epochs)

    def state_dict(self) -> dict[str, Any]:
        return {"epochs": self.epochs}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.epochs = list(state_dict["epochs"])

"""Checkpoints: after every epoch, whole or not at all, before the epoch's line, and bound to their config."""

from pathlib import Path
from typing import Any

import pytest
import torch

from tagger.errors import InputError
from tagger.training import checkpoints
from tagger.training.checkpoints import EpochRecorder, WholeFileIO, load_checkpoint
from tagger.training.train import train
from tests.conftest import largest_file
from tests.training.conftest import COMMAND, config_of


def test_a_checkpoint_that_fits_no_more_leaves_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints" / "best.ckpt"
    WholeFileIO().save_checkpoint({"weights": torch.zeros(10)}, path)
    with largest_file(100_000), pytest.raises(InputError, match=r"best.ckpt cannot be written: File too large"):
        WholeFileIO().save_checkpoint({"weights": torch.zeros(100_000)}, path)
    assert [file.name for file in path.parent.iterdir()] == ["best.ckpt"]
    assert len(load_checkpoint(path)["weights"]) == 10


def test_every_epoch_leaves_a_last_checkpoint_and_only_a_better_one_a_best(
    treebank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr(checkpoints, "PROGRESS_SECONDS", 0.0)
    accuracies = [0.5, 0.7, 0.6, 0.7, float("nan")]
    told: list[tuple[int, int]] = []
    save = EpochRecorder._save

    def pretend(self: EpochRecorder, trainer: Any) -> None:
        self.epochs[-1]["dev/accuracy"] = accuracies[trainer.current_epoch]
        save(self, trainer)
        told.append((load_checkpoint(self.last)["epoch"], load_checkpoint(self.best)["epoch"]))

    monkeypatch.setattr(EpochRecorder, "_save", pretend)
    results = train(config_of(treebank, "trainer.max_epochs=5"), tmp_path, COMMAND)
    assert told == [(0, 0), (1, 1), (2, 1), (3, 1), (4, 1)]
    assert results["best_epoch"] == 2
    assert "epoch 2/5  100 % of it" in caplog.text
    assert sorted(file.name for file in (tmp_path / "checkpoints").iterdir()) == ["best.ckpt", "last.ckpt"]


def test_checkpoints_of_another_config_and_damaged_ones_are_not_resumed(treebank: Path, tmp_path: Path) -> None:
    config = config_of(treebank, "trainer.max_epochs=1")
    train(config, tmp_path, COMMAND)
    with pytest.raises(InputError, match=r"last.ckpt was trained with another seed than .* \('1', '2'\)"):
        train(config_of(treebank, "trainer.max_epochs=1", "seed=2"), tmp_path, COMMAND, resume=True)
    checkpoint = tmp_path / "checkpoints" / "last.ckpt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"last.ckpt is damaged \([^.]+\); start the run again$"):
        train(config, tmp_path, COMMAND, resume=True)

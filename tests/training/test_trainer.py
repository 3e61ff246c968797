"""The trainer: the settings that reach Lightning, and a training that is interrupted, moved, resumed or complete."""

import os
import random
import signal
import socket
import time
from pathlib import Path

import pytest
import pytorch_lightning as pl

from tagger.errors import InputError
from tagger.training.checkpoints import EpochRecorder
from tagger.training.train import train
from tests.training.conftest import COMMAND, config_of, weights


def interrupt_in(epoch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl+C while an epoch, counted from 0, is trained."""

    def interrupt(self: EpochRecorder, trainer: pl.Trainer, *_: object) -> None:
        if trainer.current_epoch == epoch:
            raise KeyboardInterrupt

    monkeypatch.setattr(EpochRecorder, "on_train_batch_end", interrupt)


def test_an_interrupted_run_resumes_to_the_same_weights(
    treebank: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of(treebank, "trainer.max_epochs=3", "test=true")
    for epoch in (1, 2):  # twice, and the second time in a folder that has moved
        interrupt_in(epoch, monkeypatch)
        with pytest.raises(KeyboardInterrupt):
            train(config, tmp_path / f"run{epoch}", COMMAND, resume=epoch > 1)
        monkeypatch.undo()
        assert not (tmp_path / f"run{epoch}" / "tagger").exists()
        (tmp_path / f"run{epoch}").rename(tmp_path / f"run{epoch + 1}")
    train(config, tmp_path / "run3", COMMAND, resume=True)
    assert weights(tmp_path / "run3") == weights(finished)
    rows = (tmp_path / "run3" / "metrics.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["epoch", "1", "2", "3"]


def test_an_epoch_without_a_better_accuracy_is_not_repeated(
    treebank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of(treebank, "trainer.max_epochs=4", "optimizer.lr=1e-60")  # every epoch has the same accuracy
    interrupt_in(3, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        train(config, tmp_path, COMMAND)
    monkeypatch.undo()
    started: list[int] = []
    monkeypatch.setattr(EpochRecorder, "on_train_start", lambda _, trainer, __: started.append(trainer.current_epoch))
    results = train(config, tmp_path, COMMAND, resume=True)
    assert started == [3]
    assert (results["epochs"], results["best_epoch"]) == (4, 1)


def test_a_run_that_stopped_early_trains_no_more(
    treebank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of(treebank, "trainer.max_epochs=9", "optimizer.lr=1e-60", "patience=2")
    before = train(config, tmp_path, COMMAND)
    assert before["epochs"] == 3
    (tmp_path / "metrics.csv").unlink()
    saved = weights(tmp_path)
    monkeypatch.setattr(pl.Trainer, "fit", lambda *_, **__: pytest.fail("trained on"))
    after = train(config, tmp_path, COMMAND, resume=True)
    assert after["dev"] == before["dev"]
    assert weights(tmp_path) == saved
    assert len((tmp_path / "metrics.csv").read_text().splitlines()) == 4


def test_a_run_without_an_epoch_is_not_resumed(treebank: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no epoch was completed; start the run again"):
        train(config_of(treebank), tmp_path, COMMAND, resume=True)


def free_port() -> int:
    """A port outside the range from which the system gives ports away, so that nobody gets it before it is used."""
    for port in random.sample(range(20_000, 30_000), 100):
        with socket.socket() as taken:
            if taken.connect_ex(("127.0.0.1", port)):
                return port
    raise AssertionError("100 ports are taken")


@pytest.mark.slow
def test_two_processes_train_one_tagger(treebank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = ["accelerator=ddp", "trainer.accelerator=cpu", "linear=0", "trainer.max_epochs=2"]
    config = config_of(treebank, *given)
    monkeypatch.setenv("MASTER_PORT", str(free_port()))
    whole = train(config, tmp_path / "whole", COMMAND)

    def interrupt(self: EpochRecorder, trainer: pl.Trainer, *_: object) -> None:
        if trainer.current_epoch == 1:
            os.kill(os.getppid(), signal.SIGINT)
            time.sleep(60)

    monkeypatch.setenv("MASTER_PORT", str(free_port()))
    monkeypatch.setattr(EpochRecorder, "on_train_batch_end", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train(config, tmp_path / "run", COMMAND)
    monkeypatch.undo()
    monkeypatch.setenv("MASTER_PORT", str(free_port()))
    results = train(config, tmp_path / "run", COMMAND, resume=True)
    assert (results["dev"], results["epochs"]) == (whole["dev"], 2)
    assert weights(tmp_path / "run") == weights(tmp_path / "whole")
    rows = (tmp_path / "run" / "metrics.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["epoch", "1", "2"]

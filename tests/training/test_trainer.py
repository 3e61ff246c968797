"""The trainer: checkpoints and lines of epochs, trainings that are interrupted and resumed, loggers."""

import csv
import os
import random
import re
import signal
import socket
import time
from pathlib import Path
from typing import Any

import mlflow
import pytest
import pytorch_lightning as pl
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tagger.errors import InputError
from tagger.training import trainer as module
from tagger.training.train import train
from tagger.training.trainer import EpochRecorder, WholeFileIO, load_checkpoint
from tests.conftest import largest_file
from tests.training.conftest import COMMAND, config_of, interruption, weights


def test_an_interrupted_run_resumes_to_the_same_weights(
    treebank: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of(treebank, "trainer.max_epochs=3", "test=true")
    for epoch in (1, 2):  # twice, and the second time in a folder that has moved
        with interruption(epoch, monkeypatch), pytest.raises(KeyboardInterrupt):
            train(config, tmp_path / f"run{epoch}", COMMAND, resume=epoch > 1)
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
    with interruption(3, monkeypatch), pytest.raises(KeyboardInterrupt):
        train(config, tmp_path, COMMAND)
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
    monkeypatch.setattr(module, "LONG_SECONDS", 0.0)
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
    assert re.search(r"an epoch takes about \d+ s\n.*epoch 1/5 ", caplog.text, re.DOTALL)
    assert sorted(file.name for file in (tmp_path / "checkpoints").iterdir()) == ["best.ckpt", "last.ckpt"]


def test_missing_and_damaged_checkpoints_are_not_resumed(treebank: Path, tmp_path: Path) -> None:
    config = config_of(treebank, "trainer.max_epochs=1")
    with pytest.raises(InputError, match="no epoch was completed; start the run again"):
        train(config, tmp_path, COMMAND, resume=True)
    train(config, tmp_path, COMMAND)
    checkpoint = tmp_path / "checkpoints" / "last.ckpt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"last.ckpt is damaged \([^.]+\); start the run again$"):
        train(config, tmp_path, COMMAND, resume=True)


def test_a_checkpoint_of_other_sizes_is_not_resumed_whether_epochs_are_left_or_not(
    treebank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = config_of(treebank, "trainer.max_epochs=2", "model.hidden.forward=5")
    with interruption(1, monkeypatch), pytest.raises(KeyboardInterrupt):
        train(config_of(treebank, "trainer.max_epochs=2"), tmp_path, COMMAND)
    with pytest.raises(InputError, match="the config has changed since the run began; start the run again"):
        train(other, tmp_path, COMMAND, resume=True)
    train(config_of(treebank, "trainer.max_epochs=2"), tmp_path, COMMAND, resume=True)
    with pytest.raises(InputError, match="the config has changed since the run began; start the run again"):
        train(other, tmp_path, COMMAND, resume=True)


def test_every_logger_has_every_epoch_and_the_scores(
    treebank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("WANDB_MODE", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    loggers = ["logger=[csv,tensorboard,wandb,mlflow]", "logger.wandb.offline=true", "logger.wandb.tags=[tiny]"]
    results = train(config_of(treebank, *loggers, "trainer.max_epochs=2"), Path("run"), COMMAND)
    accuracy, key, logs = results["dev"]["upos"]["accuracy"], "final/dev/upos/accuracy", Path("run/logs").absolute()

    rows = list(csv.DictReader((logs / "csv/version_0/metrics.csv").read_text().splitlines()))
    epochs = [row["dev/accuracy"] for row in csv.DictReader(Path("run/metrics.csv").read_text().splitlines())]
    assert [row["dev/accuracy"] for row in rows if row["dev/accuracy"]] == epochs
    assert [float(row[key]) for row in rows if row[key]] == [accuracy]
    assert "dropout: 0.6" in (logs / "csv/version_0/hparams.yaml").read_text()  # what the corpus decided

    events = EventAccumulator(str(logs / "tensorboard/version_0")).Reload()
    assert len(events.Scalars("dev/accuracy")) == 2
    assert events.Scalars(key)[0].value == pytest.approx(accuracy)

    client = mlflow.MlflowClient("sqlite:///mlflow.db")
    (found,) = client.search_runs([client.get_experiment_by_name("tagger").experiment_id])
    assert found.info.status == "FINISHED"
    assert len(client.get_metric_history(found.info.run_id, "dev/accuracy")) == 2
    assert found.data.metrics[key] == accuracy

    (path,) = (logs / "wandb").rglob("offline-run-*/*.wandb")
    assert key.encode() in path.read_bytes()


def test_a_logger_that_cannot_be_reached_is_one_line(treebank: Path, tmp_path: Path) -> None:
    values = ["logger=mlflow", "logger.mlflow.tracking_uri=sqlite:////proc/no/mlflow.db", "trainer.max_epochs=1"]
    with pytest.raises(InputError, match=r"^logger=mlflow: "):
        train(config_of(treebank, *values), tmp_path, COMMAND)

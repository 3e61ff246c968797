"""What tests of sweeps share with those of single trainings, and commands in a folder of their own."""

import csv
import json
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl

from tagger.commands.console import clear_errors
from tagger.commands.options import TRAINING_MEMORY
from tagger.sweeps import launch
from tagger.training.checkpoints import EpochRecorder
from tests.training.conftest import TINY, _pictures_are_empty, finished, spaced, treebank

__all__ = ["_pictures_are_empty", "finished", "spaced", "treebank"]

TRAIN = "tagger.training.train.train"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Commands run where nothing is, and change no signals of the tests."""
    monkeypatch.chdir(tmp_path)
    before = {name: signal.getsignal(name) for name in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for name, handler in before.items():
        signal.signal(name, handler)


@pytest.fixture
def arguments(treebank: Path) -> list[str]:
    """Those of a tiny training."""
    return ["corpus=conllu", f"corpus.path={treebank}", *TINY, "test=false", "trainer.max_epochs=2"]


def status(work: Callable[[Any], int], given: Any) -> int:
    """The exit status of a command; its errors are printed as the command line prints them."""
    try:
        with clear_errors(memory=TRAINING_MEMORY):
            return work(given)
    except SystemExit as end:
        return int(end.code or 0)


def train(arguments: Sequence[str]) -> int:
    return status(launch.train, arguments)


def resume(folder: str) -> int:
    return status(launch.resume, folder)


def rows(folder: str) -> list[dict[str, str]]:
    """Those of a sweep's table, in their order."""
    with Path(folder, "sweep.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@contextmanager
def interruption(epoch: int, monkeypatch: pytest.MonkeyPatch, seed: int = 1) -> Iterator[None]:
    """Within the block there is a Ctrl+C while an epoch, counted from 0, of a run with that seed is trained."""

    def interrupt(self: EpochRecorder, trainer: pl.Trainer, *_: object) -> None:
        if trainer.current_epoch == epoch and self.config["seed"] == seed:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(EpochRecorder, "on_train_batch_end", interrupt)
        yield


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Stands for trainings, whose accuracy is a hundredth of the seed: the seeds in turn. Seed 13 fails."""
    seeds: list[int] = []

    def score(config: Any, folder: Path, command: str, resume: bool, after_epoch: Any) -> None:
        seeds.append(config.seed)
        if config.seed == 13:
            raise ValueError("out of luck")
        for epoch in range(1, config.trainer["max_epochs"] + 1) if after_epoch else ():
            after_epoch(epoch, config.seed / 100, epoch == config.trainer["max_epochs"])
        (folder / "report.json").write_text(json.dumps({"dev": {"upos": {"accuracy": config.seed / 100}}}))

    monkeypatch.setattr(TRAIN, score)
    return seeds

"""The commands `train` and `resume`: what they hand on, and what they do without a place to print to."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tagger.sweeps import launch
from tests.commands.conftest import call
from tests.training.conftest import TINY, treebank

__all__ = ["treebank"]

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("arguments", "command", "handed_on"),
    [
        (["train", "-m", "model.depth=1,2", "--cfg", "job"], "train", ["-m", "model.depth=1,2", "--cfg", "job"]),
        (["model.depth=3", "-m"], "train", ["model.depth=3", "-m"]),
        (["--multirun", "seed=1,2"], "train", ["--multirun", "seed=1,2"]),
        ([], "train", []),
        (["pretrain", "text=a b.txt", "-c", "job"], "pretrain", ["text=a b.txt", "-c", "job"]),
        (["resume", "runs/my run"], "resume", "runs/my run"),
    ],
)
@pytest.mark.parametrize("status", [0, 1, 2, 130])
def test_arguments_are_handed_on_as_they_are(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], command: str, handed_on: object, status: int
) -> None:
    taken: list[object] = []

    def take(given: object) -> int:
        taken.append(given)
        return status

    monkeypatch.setattr(launch, command, take)
    call(*arguments, status=status)
    assert taken == [handed_on]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_a_training_without_a_place_to_print_to_is_saved_and_ends_in_one_line(treebank: Path, tmp_path: Path) -> None:
    values = ["corpus=conllu", f"corpus.path={treebank}", *TINY, "trainer.max_epochs=1", "test=false"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "tagger", *values, "hydra.run.dir=run"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=300,
        )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert [line for line in done.stderr.splitlines() if "error" in line] == [
        "error: No space left on device; the system names no file"
    ]
    assert (tmp_path / "run" / "tagger" / "config.json").is_file()

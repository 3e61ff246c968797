"""The runs of a grid: each is trained once, side by side too, and what went wrong stays in its folder."""

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest
from joblib.externals.loky import get_reusable_executor

from tagger.errors import InputError
from tagger.sweeps import grid as grid_module
from tagger.sweeps.compose import BASIC
from tagger.sweeps.folder import Sweep
from tagger.sweeps.grid import train_grid
from tagger.sweeps.record import PlannedRun, SweepRecord
from tagger.text.output_files import whole_file
from tagger.training.checkpoints import Watch
from tagger.training.run_folder import LOG, RunRecord


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grid_module, "POLL_SECONDS", 0.05)


def score(record: RunRecord, folder: Path, resuming: bool, watch: Watch) -> None:
    """Stands for a training. A seed of 13 fails, and one of 99 kills its process."""
    seed = record.config["seed"]
    assert not watch.measures_speed
    with (folder / "trained").open("a") as out:
        out.write("x")
    print(f"training with seed {seed}")
    if seed == 13:
        raise ValueError("unlucky")
    if seed == 99:
        os.kill(os.getpid(), signal.SIGKILL)
    with whole_file(folder / "report.json") as out:  # other processes read it
        json.dump({"dev": {"upos": {"accuracy": seed / 100}}}, out)


def grid(folder: Path, *seeds: int, launcher: str = BASIC, overrides: list[str] | None = None) -> Sweep:
    runs = [PlannedRun([f"seed={seed}"], f"runs/{i}", {"seed": seed}) for i, seed in enumerate(seeds)]
    own = [f"hydra/launcher={launcher}", *(overrides or [])] if launcher != BASIC else []
    made = Sweep(folder, SweepRecord("id", "train", "train", None, own, launcher, runs))
    made.save()
    return made


def states(sweep: Sweep) -> list[str]:
    return [run.state for run in sweep.runs()]


def times(sweep: Sweep) -> list[int]:
    return [len((sweep.path(n) / "trained").read_text()) for n in sweep.numbers]


def test_what_is_complete_is_not_trained_again_and_what_failed_is(tmp_path: Path) -> None:
    sweep = grid(tmp_path, 1, 13, 2)
    train_grid(sweep, score)
    assert states(sweep) == ["complete", "failed", "complete"]
    assert sweep.run(1).error == "ValueError: unlucky"
    train_grid(sweep, score)
    assert times(sweep) == [1, 2, 1]


def test_a_run_that_cannot_be_composed_is_not_tried(tmp_path: Path) -> None:
    sweep = grid(tmp_path, 1, 2)
    assert sweep.record.runs is not None
    sweep.record.runs[0].error = "no such key"
    train_grid(sweep, score)
    assert states(sweep) == ["failed", "complete"]
    assert not sweep.path(0).exists()


def test_the_run_of_another_process_is_waited_for(tmp_path: Path) -> None:
    sweep = grid(tmp_path, 1, 2)
    claimed, release = threading.Event(), threading.Event()

    def other() -> None:
        with sweep.claim(0) as free:
            assert free
            claimed.set()
            release.wait(60)
            sweep.begin(0, sweep.record_of(0))
            score(sweep.record_of(0), sweep.path(0), False, Watch(measures_speed=False))

    def train(*arguments: object) -> None:
        release.set()
        score(*arguments)  # type: ignore[arg-type]

    thread = threading.Thread(target=other)
    thread.start()
    claimed.wait(60)
    train_grid(sweep, train)
    thread.join()
    assert states(sweep) == ["complete", "complete"]
    assert times(sweep) == [1, 1]


def test_the_run_of_a_process_that_died_is_taken_over(tmp_path: Path) -> None:
    sweep = grid(tmp_path, 1, 2)
    claimed, release = threading.Event(), threading.Event()

    def other() -> None:
        with sweep.claim(0):
            claimed.set()
            release.wait(60)

    def train(*arguments: object) -> None:
        score(*arguments)  # type: ignore[arg-type]
        release.set()

    thread = threading.Thread(target=other)
    thread.start()
    claimed.wait(60)
    train_grid(sweep, train)
    thread.join()
    assert states(sweep) == ["complete", "complete"]


def test_joblib_trains_side_by_side_and_each_run_has_a_log(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    get_reusable_executor().shutdown(kill_workers=True)  # workers that an earlier test has started print to that test
    sweep = grid(tmp_path, 1, 13, 2, 3, launcher="joblib", overrides=["hydra.launcher.n_jobs=2"])
    with sweep.claim(3) as free:  # as another process does between the look at the runs and their start
        assert free
        assert grid_module._launch(sweep, [0, 3], score) == [0]
    train_grid(sweep, score)
    assert states(sweep) == ["complete", "failed", "complete", "complete"]
    assert times(sweep) == [1, 1, 1, 1]
    assert "training with seed 2\n" in (sweep.path(2) / LOG).read_text()
    printed = capfd.readouterr().out
    assert "run 1: failed, ValueError: unlucky" in printed
    assert "run 3: complete, dev 3.00" in printed
    assert "training with" not in printed
    assert not list(tmp_path.rglob(".hydra"))


def test_a_worker_that_is_killed_leaves_runs_to_go_on_with(tmp_path: Path) -> None:
    sweep = grid(tmp_path, 99, 1, launcher="joblib", overrides=["hydra.launcher.n_jobs=2"])
    train_grid(sweep, score)
    assert "unfinished" in states(sweep)
    assert sweep.record.runs is not None
    sweep.record.runs[0].config["seed"] = 2
    sweep.save()
    train_grid(sweep, score)
    assert states(sweep) == ["complete", "complete"]


def test_submitit_trains_on_this_machine(tmp_path: Path) -> None:
    sweep = grid(tmp_path, 1, 13, launcher="submitit_local", overrides=["hydra.launcher.timeout_min=2"])
    before = time.monotonic()
    train_grid(sweep, score)
    assert states(sweep) == ["complete", "failed"], time.monotonic() - before


def test_a_launcher_that_refuses_its_settings_is_one_line(tmp_path: Path) -> None:
    sweep = grid(tmp_path, 1, launcher="joblib", overrides=["hydra.launcher.n_jobs=two"])
    with pytest.raises(InputError, match=r"hydra.launcher.n_jobs=two: this kind of value does not fit") as caught:
        train_grid(sweep, score)
    assert "\n" not in str(caught.value)

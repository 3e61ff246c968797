"""The runs of a grid: each is trained once, side by side too, and what went wrong stays in its folder."""

import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from joblib.externals.loky import get_reusable_executor

from tagger.errors import InputError
from tagger.sweeps import grid, launch
from tagger.sweeps.folder import Sweep
from tagger.training.run_folder import LOG, RunRecord, read_record
from tagger.training.watch import Watch
from tests.sweeps.stand_in import DEADLY, INTERRUPTED, UNLUCKY, score


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(grid, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(grid, "train_run", score)


def sweep(*seeds: int, options: tuple[str, ...] = ()) -> list[str]:
    """The words of a grid in the folder `sweep`."""
    return ["-m", f"seed={','.join(map(str, seeds))}", "patience=7", "hydra.sweep.dir=sweep", *options]


def states() -> list[str]:
    return [run.state for run in Sweep.read(Path("sweep")).runs()]


def times() -> list[int]:
    found = Sweep.read(Path("sweep"))
    return [len((found.path(n) / "trained").read_text()) for n in found.numbers]


def test_what_is_complete_is_not_trained_again_and_what_failed_is() -> None:
    assert launch.train(sweep(1, UNLUCKY, 2)) == 1
    assert states() == ["complete", "failed", "complete"]
    assert Sweep.read(Path("sweep")).run(1).error == "ValueError: unlucky"
    assert launch.resume("sweep") == 1
    assert launch.train(sweep(1, UNLUCKY, 2)) == 1
    assert times() == [1, 3, 1]
    before = sorted(Path("sweep").rglob("*"))
    with pytest.raises(InputError, match=r"sweep holds another sweep; give this one a folder of its own"):
        launch.train(sweep(1, 2))
    assert sorted(Path("sweep").rglob("*")) == before


def test_a_run_keeps_its_config_and_its_name_is_that_of_the_sweep() -> None:
    words = ["-m", f"seed=1,{INTERRUPTED},2", "name=tamil"]
    with pytest.raises(KeyboardInterrupt, match=r"^go on with: python -m tagger resume runs/tamil$"):
        launch.train(words)
    record = read_record(Path("runs/tamil/1"))
    assert record.overrides == [f"seed={INTERRUPTED}"]
    assert record.sweep_run == 1
    assert not record.config["test"]
    path = Path("runs/tamil/1/run.json")
    path.write_text(path.read_text().replace('"patience": null', '"patience": 9'))
    assert launch.train(words) == 0
    assert read_record(Path("runs/tamil/1")).config["patience"] == 9
    with pytest.raises(InputError, match=r"^name=tamil: runs/tamil exists; take another name, or go on with"):
        launch.train(["-m", "seed=1,2", "name=tamil"])


def test_a_run_that_cannot_be_is_a_row_and_a_grid_of_such_runs_is_refused() -> None:
    assert launch.train(["-m", "model.depth=0,1", "seed=1", "hydra.sweep.dir=sweep"]) == 1
    assert states() == ["failed", "complete"]
    assert Sweep.read(Path("sweep")).run(0).error == "model.depth=0: expected"
    assert "InputError" in Path("sweep/0/traceback.txt").read_text()
    with pytest.raises(InputError, match=r"^model.depth=0: "):
        launch.train(["-m", "model.depth=0,-1"])
    assert os.listdir() == ["sweep"]


def test_the_values_of_a_grid() -> None:
    def overrides(*words: str) -> list[list[str]]:
        for path in Path().glob("sweep/*/trained"):
            path.unlink()
        folder = f"hydra.sweep.dir={len(os.listdir())}"
        assert launch.train([*words, folder]) == 0
        return [run.overrides for run in Sweep.read(Path(folder.partition("=")[2])).runs()]

    own = ["model.depth=1,2", "seed=3,4", "patience=7"]
    assert overrides("-m", *own) == [
        [f"model.depth={depth}", f"seed={seed}", "patience=7"] for depth in (1, 2) for seed in (3, 4)
    ]
    assert overrides("seed=1,2", "seed=3", "-m") == [["seed=3"]]
    # An experiment may be a sweep; the configs of others, and a group that decides whether there is a key.
    assert [len(each) for each in overrides("experiment=directions")] == [2] * 5
    Path("own/experiment").mkdir(parents=True)
    Path("own/experiment/mine.yaml").write_text("# @package _global_\nmodel: {depth: 4}\n")
    Path("own/page.yaml").write_text("defaults: [train, _self_]\nseed: 7\n")
    folder = str(len(os.listdir()))
    assert overrides("--config-dir", "own", "--config-name", "page", "-m", "experiment=mine,fast") == [
        ["experiment=mine"],
        ["experiment=fast"],
    ]
    configs = [read_record(Path(folder, number)).config for number in "01"]
    assert [(config["model"]["depth"], config["seed"]) for config in configs] == [(4, 7), (1, 7)]
    with pytest.raises(InputError, match="give the command that started the sweep again"):  # its pages may be anybody's
        launch.resume(folder)
    words = ["--config-dir", "own", "--config-name", "page", "-m", "experiment=mine,fast"]
    assert launch.train([*words, f"hydra.sweep.dir={folder}"]) == 0
    assert Sweep.read(Path(folder)).go_on == f"go on with: the command that started it, and hydra.sweep.dir={folder}"


@pytest.mark.parametrize("ends", [True, False])
def test_the_run_of_another_process_is_waited_for_or_taken_over(ends: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    claimed, release = threading.Event(), threading.Event()

    def other() -> None:
        while not Path("sweep/sweep.json").is_file():
            time.sleep(0.01)
        found = Sweep.read(Path("sweep"))
        with found.claim(1) as free:
            assert free
            claimed.set()
            release.wait(60)
            if ends:
                record = RunRecord("train", ["seed=2"], {"seed": 2}, 1)
                found.begin(1, record)
                score(record, found.path(1), False, Watch(measures_speed=False), True)

    def train(*arguments: Any, **options: Any) -> None:
        claimed.wait(60)
        score(*arguments, **options)
        threading.Timer(0.3, release.set).start()

    monkeypatch.setattr(grid, "train_run", train)
    thread = threading.Thread(target=other)
    thread.start()
    assert launch.train(sweep(1, 2)) == 0
    thread.join()
    assert states() == ["complete", "complete"]
    assert times() == [1, 1]


@pytest.mark.slow
def test_joblib_trains_side_by_side_and_each_run_has_a_log(capfd: pytest.CaptureFixture[str]) -> None:
    get_reusable_executor().shutdown(kill_workers=True)  # workers that an earlier test has started print to that test
    options = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    assert launch.train(sweep(1, UNLUCKY, DEADLY, options=options)) == 1
    assert states() == ["complete", "failed", "unfinished"]
    assert launch.resume("sweep") == 1
    assert states() == ["complete", "failed", "complete"]
    assert times() == [1, 2, 2]
    printed = capfd.readouterr().out
    assert "run 1: failed, ValueError: unlucky" in printed
    assert "training with" not in printed
    assert "training with seed 1\n" in Path("sweep/0", LOG).read_text()
    assert not list(Path().rglob(".hydra"))


@pytest.mark.slow
def test_submitit_trains_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))  # where `score` is
    options = ("hydra/launcher=submitit_local", "hydra.launcher.timeout_min=2")
    assert launch.train(sweep(1, UNLUCKY, options=options)) == 1
    assert states() == ["complete", "failed"]


@pytest.mark.parametrize(
    ("folder", "message"),
    [
        ("../../x", "hydra.sweep.subdir=../../x: not below the folder of the sweep"),
        (".", "hydra.sweep.subdir=.: not below the folder of the sweep"),
        ("/tmp/x", "hydra.sweep.subdir=/tmp/x: not below the folder of the sweep"),
        ("x", "hydra.sweep.subdir=x: two runs would have this folder"),
    ],
)
def test_the_runs_of_a_sweep_have_folders_of_their_own_in_it(folder: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        launch.train(sweep(1, 2, options=(f"hydra.sweep.subdir={folder}",)))
    assert str(error.value).startswith(message)
    assert os.listdir() == []
    assert launch.train(sweep(1, 2, options=("hydra.sweep.subdir=of-${seed}",))) == 0
    assert sorted(path.name for path in Path("sweep").glob("of-*")) == ["of-1", "of-2"]

"""Sweeps: their table, what the same command trains, and what stays; what Optuna is asked and hears."""

import shlex
from pathlib import Path
from typing import Any

import optuna
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna import distributions

from tagger.extras.search.search import _distribution
from tagger.training.train import train as train_run
from tests.conftest import forked, started
from tests.training.conftest import (
    TRAIN,
    _pictures_are_empty,
    arguments,
    interruption,
    own_folder,
    rows,
    train,
    treebank,
    tried,
    wait_for,
    weights,
)

__all__ = ["_pictures_are_empty", "arguments", "own_folder", "treebank", "tried"]
pytestmark = pytest.mark.usefixtures("own_folder")

PLAIN = ["-m", "trainer.max_epochs=2", "trainer.limit_train_batches=1.0", "test=false"]
SEARCH = ["-m", "hydra/sweeper=optuna", "trainer.max_epochs=2", "hydra.sweep.dir=search"]


def test_mistakes_are_one_line_with_status_2_and_leave_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    for words, message in (
        ("-m model.dept=1,2", "model.dept: no such key; did you mean model.depth?"),
        ("-m model.depth=range(0)", "names nothing to try"),
        ("-m seed=range(100000000) model.depth=1,2", "more than 1,000 runs; give fewer values"),
        ("-m seed=1,2 hydra.sweep.subdir=x", "hydra.sweep.subdir=x: two runs would have this folder"),
        ("-m seed=1,x", "error: seed=x: expected int, got str"),
        ("-m model.depth=1,-1", "error: model.depth=-1: expected int >= 1"),
        ("-m corpus=sample,conlu", "error: In 'train': Could not find 'corpus/conlu' Available options in 'corpus': "),
        ("-m hydra/sweeper=optuna seed=3", "nothing to search"),
        ("-m hydra/sweeper=optuna seed=1,2 hydra.sweeper.sampler=grid", "hydra.sweeper.sampler=grid: "),
        ("-m hydra/sweeper=optuna seed=1,2 model.depth=0", "model.depth=0: expected"),
        ("-m hydra/sweeper=optuna seed=1,x", "seed=x: expected int"),
        ("-m hydra/sweeper=optuna model.depth=interval(1,4)", "model.depth=2.10364: expected int"),
        ("-m hydra/sweeper=optuna seed=1,2 hydra/launcher=joblib", "hydra/launcher=joblib: start the same command"),
    ):
        assert train(words.split()) == 2
        said = capsys.readouterr().err
        assert message in said
        assert said.count("\n") == 1
        assert not list(Path().iterdir())


def test_where_the_runs_are(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TRAIN, lambda *_: None)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for values in (["name=both"], ["hydra.sweep.dir=~/two"]):
        assert train(["-m", *arguments, "seed=1,2", *values]) == 1  # a run without a report is not finished
    found = sorted(path.parent.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("run.json"))
    assert found == ["home/two/0", "home/two/1", "runs/both/0", "runs/both/1"]


def test_rows_of_a_grid(tried: list[int], capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    assert train([*PLAIN, "seed=13,1,2", "model.depth=3,1", "name=grid"]) == 1
    assert tried == [13, 13, 1, 1, 2, 2]
    table = [(row["run"], row["state"], row["dev_accuracy"], row["error"]) for row in rows("runs/grid")]
    assert table == [
        *((run, "complete", accuracy, "") for run, accuracy in zip("4523", ["0.02"] * 2 + ["0.01"] * 2, strict=True)),
        *((run, "failed", "", "ValueError: out of luck") for run in "01"),
    ]
    assert rows("runs/grid")[0]["overrides"] == " ".join([*PLAIN[1:], "seed=2", "model.depth=3"])  # as they were typed
    assert caplog.messages[0] == "a sweep in runs/grid; if it is stopped, give the same command again"
    lines = capsys.readouterr().out.split("sweep.csv\n")[1].splitlines()
    assert lines[0].split() == ["run", "dev", "words/s", "parameters", "seconds", "overrides"]
    assert lines[1].split() == ["4", "2.00", "seed=2", "model.depth=3"]
    assert lines[5].split() == ["0", "failed", "seed=13", "model.depth=3"]
    assert lines[6].strip() == "ValueError: out of luck"
    tried.clear()
    command = [*PLAIN, "seed=1,13,2", "hydra.sweep.dir=grid"]
    assert train(command) == 1
    before = rows("grid")
    Path("grid/2/report.json").unlink()
    Path("grid/0").rename("taken")
    assert train(command) == 1
    assert tried == [1, 13, 2, 1, 13, 2]
    Path("grid/1/report.json").write_text('{"dev": {"upos": {"accuracy": 0.5}}}')
    assert train(command) == 0
    assert tried == [1, 13, 2, 1, 13, 2]
    assert [row["run"] for row in rows("grid")] == ["1", "2", "0"]
    assert rows("grid")[1:] == before[:2]
    assert train([*PLAIN, "seed=1", "hydra.sweep.dir=grid"]) == 0
    assert rows("grid")[1:] == before[:2]  # runs that the command does not ask for keep their rows
    tried.clear()
    caplog.clear()
    caplog.set_level("INFO")
    assert train([*PLAIN, "seed=1,2"]) == 0  # without a name
    words = shlex.split(caplog.messages[0].partition("go on with: ")[2])
    assert words[:3] == ["python", "-m", "tagger"]
    assert train(words[3:]) == 0
    assert tried == [1, 2]


def test_other_values_in_the_folder_are_an_error(tried: list[int], capsys: pytest.CaptureFixture[str]) -> None:
    assert train([*PLAIN, "seed=1,2", "hydra.sweep.dir=grid"]) == 0
    before = {path: path.read_bytes() for path in Path("grid").rglob("*") if path.is_file()}
    capsys.readouterr()
    for values, message in (
        ("seed=1,3", "grid/1 holds a run with another seed; give the sweep another folder"),
        ("seed=1,2 model.depth=3", "grid/0 holds a run with another model.depth"),
        ("seed=1,2,4 card.license=x", "grid/0 holds a run with another card.license"),
    ):
        assert train([*PLAIN, *values.split(), "hydra.sweep.dir=grid"]) == 2
        assert message in capsys.readouterr().err
        assert {path: path.read_bytes() for path in Path("grid").rglob("*") if path.is_file()} == before
        assert tried == [1, 2]


@pytest.mark.parametrize("file", ["grid/mine.txt", "grid/0/mine.txt", "grid"])
def test_what_is_no_run_and_no_sweep_stays(file: str, tried: list[int]) -> None:
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    Path(file).write_text("mine")
    assert train([*PLAIN, "seed=1,2", "hydra.sweep.dir=grid"]) == 2
    assert train(["seed=1", f"hydra.run.dir={Path(file).parent if '/' in file else file}"]) == 2
    assert [path.as_posix() for path in Path().rglob("*") if path.is_file()] == [file]
    assert tried == []


@pytest.mark.slow
def test_a_run_that_was_interrupted_goes_on_from_its_last_epoch(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(["-m", *arguments, "seed=1,2", "name=whole"]) == 0
    with interruption(1, monkeypatch, seed=2):
        assert train(["-m", *arguments, "seed=1,2", "name=grid"]) == 130
    assert capsys.readouterr().err == "interrupted; give the same command again\n"
    begun = []

    def count(config: Any, folder: Path, command: str, resume: bool, *rest: Any) -> Any:
        begun.append((config.seed, resume, config.test, config.segmenter))
        return train_run(config, folder, command, resume, *rest)

    monkeypatch.setattr(TRAIN, count)
    assert train(["-m", *arguments, "seed=1,2", "name=grid"]) == 0
    assert begun == [(2, True, False, "rules")]
    for run in "01":
        assert weights(Path("runs/grid", run)) == weights(Path("runs/whole", run))
    same = ("run", "state", "overrides", "dev_accuracy", "parameters", "error")
    tables = [[[row[name] for name in same] for row in rows(f"runs/{sweep}")] for sweep in ("grid", "whole")]
    assert tables[0] == tables[1]


@pytest.mark.slow
def test_a_sweep_whose_process_was_killed_goes_on(arguments: list[str], tmp_path: Path) -> None:
    command = ["-m", *arguments, "seed=1,2", "name=grid"]
    process = started(*command)
    wait_for("runs/grid/1/checkpoints/last.ckpt", process)
    process.kill()
    process.join()
    first = Path("runs/grid/0/report.json").stat().st_mtime_ns
    done = forked(tmp_path, *command)
    assert done.returncode == 0, done.stderr
    assert Path("runs/grid/0/report.json").stat().st_mtime_ns == first
    assert [row["state"] for row in rows("runs/grid")] == ["complete", "complete"]
    assert len(Path("runs/grid/1/metrics.csv").read_text().splitlines()) == 3


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["joblib hydra.launcher.n_jobs=2", "submitit_local hydra.launcher.timeout_min=5"])
def test_launchers_of_hydra(launcher: str, arguments: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    values = f"hydra/launcher={launcher} model.depth=1,2 name=grid".split()
    for _ in range(2):
        assert train(["-m", *arguments, "trainer.max_epochs=1", *values]) == 0
        assert sorted((row["run"], row["state"]) for row in rows("runs/grid")) == [("0", "complete"), ("1", "complete")]
        assert "Traceback" not in capfd.readouterr().err
    log = Path("runs/grid/1/train.log").read_text()
    assert log.count("epoch 1/1") == log.count("it is complete") == 1


def trials() -> list[optuna.trial.FrozenTrial]:
    backend = optuna.storages.journal.JournalFileBackend("search/study.journal")
    return optuna.load_study(study_name="tagger", storage=optuna.storages.JournalStorage(backend)).trials


@pytest.mark.slow
def test_an_interrupted_search_has_the_trials_of_one_that_was_not(
    tried: list[int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for override, wanted in (
        ("model.depth=choice(1,2,1)", distributions.CategoricalDistribution(("1", "2"))),
        ("model.depth=range(1,5)", distributions.IntDistribution(1, 4)),
        ("embedding.chars=range(32,129,32)", distributions.IntDistribution(32, 128, step=32)),
        ("optimizer.lr=tag(log,interval(0.001,0.01))", distributions.FloatDistribution(0.001, 0.01, log=True)),
    ):
        assert _distribution(OverridesParser.create().parse_override(override)) == wanted
    command = [*SEARCH, "hydra.sweeper.n_trials=11", "seed=range(100)", "optimizer.lr=interval(0.001,0.01)"]
    assert train(command) == 0
    whole, table = list(tried), rows("search")
    Path("search").rename("whole")
    tell = optuna.Study.tell
    stops = iter([False, False, True, False] + [False] * 20)

    def stop(self: optuna.Study, *given: Any, **more: Any) -> Any:
        if next(stops):
            raise KeyboardInterrupt
        return tell(self, *given, **more)

    monkeypatch.setattr(optuna.Study, "tell", stop)
    assert train(command) == 130
    assert capsys.readouterr().err == "interrupted; give the same command again\n"
    assert train(command) == 0
    assert tried == whole * 2
    assert rows("search") == table
    assert [trial.state.name for trial in trials()] == ["COMPLETE"] * 11
    assert max(trial.value or 0 for trial in trials()) == max(whole) / 100 == float(table[0]["dev_accuracy"])
    assert train([*command, "hydra.sweeper.n_trials=12"]) == 0
    assert len(tried) == 2 * len(whole) + 1
    for other in (["seed=range(99)"], ["model.depth=3"], ["hydra.sweeper.direction=minimize"]):
        assert train([*command, *other]) == 2
        assert "search holds a search over other values" in capsys.readouterr().err


def test_failed_and_pruned_trials_are_rows(tried: list[int]) -> None:
    values = "hydra.sweeper.n_trials=20 seed=choice(50,2,13) hydra.sweeper.sampler=random trainer.max_epochs=3"
    assert train([*SEARCH, *values.split()]) == 1
    found = {(row["state"], row["overrides"].split()[-1], row["error"]) for row in rows("search")}
    others = {each for each in found if each[0] != "complete"}
    assert others == {("failed", "seed=13", "ValueError: out of luck"), ("pruned", "seed=2", "")}
    assert {trial.state.name for trial in trials()} == {"COMPLETE", "FAIL", "PRUNED"}


@pytest.mark.slow
def test_two_processes_share_a_study_and_a_killed_one_is_replaced(arguments: list[str], tmp_path: Path) -> None:
    command = [*SEARCH, *arguments, "hydra.sweeper.n_trials=3", "optimizer.lr=interval(0.001,0.01)"]
    killed = started(*command)
    wait_for("search/0/checkpoints/last.ckpt", killed)
    other = started(*command)
    wait_for("search/1/run.json", other)
    killed.kill()
    killed.join()
    other.join(300)
    done = forked(tmp_path, *command)
    assert done.returncode == 0, done.stderr
    assert sorted(row["run"] for row in rows("search")) == ["0", "1", "2"]
    assert {row["state"] for row in rows("search")} == {"complete"}
    assert [len(Path(f"search/{run}/metrics.csv").read_text().splitlines()) for run in "012"] == [3, 3, 3]

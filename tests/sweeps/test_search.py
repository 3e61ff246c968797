"""A search: its trials repeat, bad ones end early, several processes share it, and a killed one loses nothing."""

import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import optuna
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FixedTrial

from tagger.errors import InputError
from tagger.sweeps import launch
from tagger.sweeps import search as search_module
from tagger.sweeps.folder import JOURNAL, Sweep
from tagger.sweeps.record import SweepRecord
from tagger.sweeps.search import Search, SearchConfig, Space, open_study, search_space, trial_overrides
from tagger.text.output_files import whole_file
from tagger.text.schema import read
from tagger.training.run_folder import RunRecord
from tagger.training.watch import EndedEarly, Watch
from tests.training.conftest import TINY

SPACE: Space = {"lr": FloatDistribution(0.0, 1.0)}
VALUES: dict[str, Any] = {
    **{"n_trials": 6, "direction": "maximize", "directions": None, "seed": 1, "sampler": "tpe", "sampler_startup": 3},
    **{"pruner": "median", "pruner_startup": 1, "pruner_warmup": 0, "storage": None, "study_name": "tagger"},
}


def values(**changes: object) -> SearchConfig:
    return read(SearchConfig, VALUES | changes, "hydra.sweeper.")


def sweep_in(folder: Path) -> Sweep:
    folder.mkdir(exist_ok=True)
    made = Sweep(folder, SweepRecord(str(folder), "train", "train", None, [], None))
    made.save()
    return made


Train = Callable[[int, float, Path, Watch], None]


def score(number: int, lr: float, folder: Path, watch: Watch) -> None:
    """Stands for a training of three epochs, the better the nearer its learning rate is to 0.3."""
    accuracy = round(1 - abs(lr - 0.3), 6)
    with (folder / "trained").open("a") as out:
        out.write("x")
    for epoch in (1, 2, 3):
        if watch.after_epoch is not None and watch.after_epoch(epoch, accuracy * epoch / 3) and epoch < 3:
            raise EndedEarly(f"ended after epoch {epoch}")
    report: dict[str, Any] = {"dev": {"upos": {"accuracy": accuracy}}}
    if watch.measures_speed:
        report["words_per_second"] = int(1000 * lr)
    with whole_file(folder / "report.json") as out:  # other processes read it
        json.dump(report, out)


def searching(sweep: Sweep, config: SearchConfig, train: Train = score) -> Search:
    """A search whose trials are trained by a function."""

    def trained(number: int, overrides: list[str], watch: Watch) -> None:
        sweep.begin(number, RunRecord("train", overrides, {}, number))
        try:
            train(number, float(overrides[0].partition("=")[2]), sweep.path(number), watch)
        except EndedEarly:
            sweep.end(number, "pruned")
        except Exception as error:
            sweep.end(number, "failed", error)

    return Search(sweep, config, SPACE, trained)


def search(sweep: Sweep, config: SearchConfig, train: Train = score) -> list[optuna.trial.FrozenTrial]:
    searching(sweep, config, train).run()
    return open_study(config, sweep.folder).get_trials()


def states(trials: Sequence[optuna.trial.FrozenTrial]) -> list[str]:
    return [trial.state.name for trial in trials]


def test_bad_trials_end_early_and_the_study_knows_what_each_run_found(tmp_path: Path) -> None:
    sweep = sweep_in(tmp_path)
    trials = search(sweep, values(n_trials=10))
    assert len(trials) == 10
    assert {*states(trials)} == {"COMPLETE", "PRUNED"}
    for trial, found in zip(trials, sweep.runs(), strict=True):
        assert found.overrides == [f"lr={trial.params['lr']:.6g}"]
        assert found.state == trial.state.name.lower()
        if found.state == "complete":
            assert trial.values == [found.dev_accuracy]
    with (tmp_path / "sweep.csv").open(newline="") as lines:
        assert len(list(csv.DictReader(lines))) == 10


@pytest.mark.parametrize("sampler", ["tpe", "random", "nsgaii"])
def test_a_search_that_was_interrupted_has_the_trials_that_it_would_have_had(tmp_path: Path, sampler: str) -> None:
    config = values(sampler=sampler)
    whole = search(sweep_in(tmp_path / "whole"), config)
    started = []

    def interrupted(number: int, *others: Any) -> None:
        started.append(number)
        if started in ([0], [0, 0, 1, 2, 3]):
            raise KeyboardInterrupt
        score(number, *others)

    sweep = sweep_in(tmp_path / "interrupted")
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            search(sweep, config, interrupted)
    again = search(sweep, config, interrupted)
    assert [trial.params for trial in again] == [trial.params for trial in whole]
    assert [(trial.state, trial.values) for trial in again] == [(trial.state, trial.values) for trial in whole]
    assert started == [0, 0, 1, 2, 3, 3, 4, 5]


def test_another_seed_gives_other_trials_and_more_trials_can_follow(tmp_path: Path) -> None:
    first = search(sweep_in(tmp_path / "1"), values())
    assert search(sweep_in(tmp_path / "2"), values(seed=2))[0].params != first[0].params
    more = search(Sweep.read(tmp_path / "1"), values(n_trials=8))
    assert [trial.params for trial in more[:6]] == [trial.params for trial in first]
    assert len(more) == 8


def test_a_run_that_fails_is_a_trial_that_failed(tmp_path: Path) -> None:
    def fail(number: int, *others: Any) -> None:
        if number == 1:
            raise ValueError("unlucky")
        if number == 2:
            (others[1] / "report.json").write_text("{}")
        else:
            score(number, *others)

    sweep = sweep_in(tmp_path)
    assert states(search(sweep, values(n_trials=4), fail)) == ["COMPLETE", "FAIL", "FAIL", "COMPLETE"]
    assert [run.state for run in sweep.runs()] == ["complete", "failed", "complete", "complete"]
    assert sweep.run(1).error == "ValueError: unlucky"


def test_accuracy_and_speed_are_two_objectives(tmp_path: Path) -> None:
    config = values(directions=["maximize", "maximize"])
    trials = search(sweep_in(tmp_path), config)
    assert states(trials) == ["COMPLETE"] * 6
    for trial in trials:
        lr = float(f"{trial.params['lr']:.6g}")
        assert trial.values == [round(1 - abs(lr - 0.3), 6), int(1000 * lr)]


def test_threads_share_a_search_and_none_trains_a_trial_twice(tmp_path: Path) -> None:
    sweep = sweep_in(tmp_path)
    failures: list[BaseException] = []

    def slowly(*arguments: Any) -> None:
        time.sleep(0.05)
        score(*arguments)

    def work() -> None:
        try:
            searching(sweep, values(n_trials=10), slowly).run()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert sweep.numbers == list(range(10))
    assert all((sweep.path(number) / "trained").read_text() == "x" for number in sweep.numbers)
    assert "RUNNING" not in states(open_study(values(), tmp_path).get_trials())


def test_two_sweeps_share_a_database_but_not_their_trials(tmp_path: Path) -> None:
    config = values(storage=f"sqlite:///{tmp_path / 'trials.db'}", n_trials=2)
    search(sweep_in(tmp_path / "a"), config)
    trials = search(sweep_in(tmp_path / "b"), config)
    assert len(trials) == 4
    assert (tmp_path / "b" / "2").is_dir()
    assert not (tmp_path / "b" / "0").exists()


@pytest.mark.parametrize("storage", [None, "trials.log", "sqlite:///trials.db"])
@pytest.mark.parametrize("is_there", [False, True])
def test_a_search_whose_trials_are_gone_is_refused_and_keeps_its_runs(
    storage: str | None, is_there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "before").mkdir()
    (tmp_path / "after").mkdir()
    monkeypatch.chdir(tmp_path / "before")
    sweep = sweep_in(tmp_path / "sweep")
    search(sweep, values(n_trials=2, storage=storage))
    (sweep.folder / "study.journal").unlink(missing_ok=True)
    monkeypatch.chdir(tmp_path / "after")
    if is_there:
        open_study(values(storage=storage), sweep.folder)
    kept = {path: path.read_bytes() for path in sweep.folder.glob("[01]/*")}
    with pytest.raises(InputError, match=r"none of the trials of .*sweep; put the storage back"):
        searching(sweep, values(n_trials=3, storage=storage)).run()
    assert kept == {path: path.read_bytes() for path in sweep.folder.glob("[01]/*")}
    assert sweep.numbers == [0, 1]
    assert is_there or not list((tmp_path / "after").iterdir())


def test_a_study_with_other_objectives_is_one_line(tmp_path: Path) -> None:
    open_study(values(), tmp_path)
    with pytest.raises(InputError, match=r"its study tagger has the objectives maximize, not maximize, maximize"):
        open_study(values(directions=["maximize", "maximize"]), tmp_path)


@pytest.mark.parametrize("storage", ["sqlite:////no/such/folder/x.db", "nonsense://x", "/no/such/folder/x.journal"])
def test_a_storage_that_cannot_be_used_is_one_line(tmp_path: Path, storage: str) -> None:
    with pytest.raises(InputError, match=r"hydra.sweeper.storage: .* cannot be used") as caught:
        open_study(values(storage=storage), tmp_path)
    assert "\n" not in str(caught.value)


def test_a_database_whose_tables_another_process_makes_is_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create, said = optuna.create_study, ["UNIQUE constraint failed: alembic_version", "table studies already exists"]

    def create_study(**arguments: Any) -> Any:
        if said:
            raise RuntimeError(said.pop())
        return create(**arguments)

    monkeypatch.setattr(optuna, "create_study", create_study)
    monkeypatch.setattr(search_module.time, "sleep", lambda seconds: None)
    assert open_study(values(storage=f"sqlite:///{tmp_path}/trials.db"), tmp_path).trials == []
    assert not said


def test_without_optuna_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    monkeypatch.delitem(sys.modules, "tagger.sweeps.search", raising=False)
    with pytest.raises(InputError, match=r"pip install -e '\.\[tune\]'"):
        launch.train(["-m", "hydra/sweeper=optuna", "model.depth=1,2"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pruner": "axe"}, "hydra.sweeper.pruner=axe: expected"),
        ({"n_trials": 0}, "hydra.sweeper.n_trials=0"),
        ({"directions": ["maximize"]}, "give two"),
        ({"directions": ["maximize", "up"]}, "give two"),
        ({"directions": ["maximize", "maximize"], "pruner": "halving"}, "needs one direction"),
        ({"trials": 3}, "hydra.sweeper.trials: no such key"),
    ],
)
def test_values_that_make_no_search_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        values(**changes)


def test_a_mistyped_key_of_a_search_is_named() -> None:
    with pytest.raises(InputError, match=r"hydra.sweeper.ntrials: no such key; did you mean hydra.sweeper.n_trials\?"):
        launch.train(["-m", "hydra/sweeper=optuna", "model.depth=1,2", "hydra.sweeper.ntrials=3"])


@pytest.mark.filterwarnings("ignore:The value of `grace_period`")
def test_a_process_that_was_killed_while_it_wrote_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(search_module, "LOCK_SECONDS", 1, raising=False)
    sweep = sweep_in(Path("sweep"))
    storage: Any = search_module._storage(str(sweep.folder / JOURNAL))
    assert storage._backend._lock.acquire()
    searching = threading.Thread(target=search, args=(sweep, values(n_trials=1)), daemon=True)
    searching.start()
    searching.join(40)
    assert not searching.is_alive()
    assert [run.state for run in sweep.runs()] == ["complete"]


@pytest.mark.slow
def test_two_processes_are_killed_and_the_search_is_completed(
    treebank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [
        "-m",
        "corpus=conllu",
        f"corpus.path={treebank}",
        *TINY,
        "trainer.max_epochs=3",
        "model.depth=1,2",
        "model.members=1",
    ]
    command += ["hydra/sweeper=optuna", "hydra.sweeper.n_trials=3", "optimizer.lr=tag(log,interval(0.001,0.01))"]
    command += ["hydra.sweep.dir=search", "model.members=1"]
    line = [sys.executable, "-m", "tagger", *command]
    options: Any = {"cwd": tmp_path, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(line, **options) as first, subprocess.Popen(line, **options) as second:
        wanted = [tmp_path / "search/0/checkpoints/last.ckpt", tmp_path / "search/1/run.json"]
        while first.poll() is None and second.poll() is None and not all(path.exists() for path in wanted):
            time.sleep(0.05)
        for process in (first, second):
            process.send_signal(signal.SIGKILL)
    assert (first.returncode, second.returncode) == (-signal.SIGKILL, -signal.SIGKILL)
    monkeypatch.chdir(tmp_path)
    assert launch.resume("search") == 0
    assert sorted(path.name for path in (tmp_path / "search").iterdir() if path.name.isdecimal()) == ["0", "1", "2"]
    with (tmp_path / "search/sweep.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert {row["state"] for row in rows} <= {"complete", "pruned"}
    assert (tmp_path / "search/sweep.html").is_file()
    with pytest.raises(InputError, match="search holds another sweep"):
        launch.train([*command, "hydra.sweeper.seed=2"])
    assert os.listdir(tmp_path) == ["search"]


def space(*texts: str, whole: bool = False) -> Space:
    parser = OverridesParser.create()
    return search_space([parser.parse_override(text) for text in texts], lambda key: whole)


@pytest.mark.parametrize(
    ("text", "whole", "expected"),
    [
        ("a=1,2", False, CategoricalDistribution(("1", "2"))),
        ("a=choice(x,[1,2],{b:1})", False, CategoricalDistribution(("x", "[1,2]", "{b:1}"))),
        ("a=sort(3,1,2)", False, CategoricalDistribution(("1", "2", "3"))),
        ("a=interval(0.5,2)", False, FloatDistribution(0.5, 2.0)),
        ("a=tag(log,interval(0.001,0.1))", False, FloatDistribution(0.001, 0.1, log=True)),
        ("a=int(interval(1,4))", False, IntDistribution(1, 4)),
        ("a=interval(1,4)", True, IntDistribution(1, 4)),
        ("a=interval(1.5,4)", True, FloatDistribution(1.5, 4.0)),
        ("a=range(1,6,2)", False, IntDistribution(1, 5, step=2)),
        ("a=range(1,5,2)", False, IntDistribution(1, 3, step=2)),
        ("a=range(3)", False, IntDistribution(0, 2)),
        ("a=range(0,1,0.25)", False, FloatDistribution(0, 0.75, step=0.25)),
    ],
)
def test_a_sweep_is_choices_or_numbers(text: str, whole: bool, expected: object) -> None:
    assert space(text, "b=1", "c=[1,2]", whole=whole) == {"a": expected}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a=range(5,5)", "no number lies between these"),
        ("a=interval(2,1)", "no number lies between these"),
        ("a=tag(log,interval(0,1))", "begins above 0"),
        ("a=tag(log,range(1,4))", "for a logarithmic one write"),
        ("a=range(5,1,-1)", "steps above 0"),
        ("a=tag(lgo,interval(1,4))", r"there is no tag lgo; a search knows tag\(log,interval"),
    ],
)
def test_bounds_that_hold_nothing_are_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        space(text)


def test_a_trial_has_a_value_of_each_key() -> None:
    found = space("a=x,y", "b=interval(0.001,0.1)", "c=range(1,6,2)")
    trial: Any = FixedTrial({"a": "y", "b": 0.012345678, "c": 5})
    assert trial_overrides(found, trial) == ["a=y", "b=0.0123457", "c=5"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["model.depth=2"], "hydra/sweeper=optuna: nothing to search; give a key several values"),
        (["model.depth=1,2", "hydra/launcher=joblib"], "hydra/launcher=joblib: a search trains its runs itself"),
        (["model.depth=1,2", "hydra.sweep.subdir=x"], "hydra.sweep.subdir: the folders of a search are the numbers"),
        (["model.depth=1,2", "hydra.sweeper.storage=' '"], "hydra.sweeper.storage= names no file"),
        (["model.depth=0,1"], "model.depth=0: expected"),
    ],
)
def test_command_lines_that_make_no_search_are_refused(words: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        launch.train(["-m", "hydra/sweeper=optuna", f"hydra.sweep.dir={tmp_path}/x", *words])
    directions = "hydra.sweeper.directions=[maximize,maximize]"
    with pytest.raises(InputError, match="a pretrained network has no speed"):
        launch.pretrain(["-m", "hydra/sweeper=optuna", "model.depth=1,2", directions, "text=a.txt"])
    assert list(tmp_path.iterdir()) == []

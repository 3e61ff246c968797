"""Searches: what Optuna is asked, what it hears, and that the same command goes on with the study."""

from pathlib import Path
from typing import Any

import optuna
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.distributions import CategoricalDistribution as Category
from optuna.distributions import FloatDistribution as Float
from optuna.distributions import IntDistribution as Int

from tagger.extras.search.search import _distribution
from tests.forked import forked, started
from tests.training.conftest import _pictures_are_empty, arguments, own_folder, rows, train, treebank, tried, wait_for

__all__ = ["_pictures_are_empty", "arguments", "own_folder", "treebank", "tried"]
pytestmark = pytest.mark.usefixtures("own_folder")

SEARCH = ["-m", "hydra/sweeper=optuna", "trainer.max_epochs=2", "hydra.sweep.dir=search"]


def trials() -> list[optuna.trial.FrozenTrial]:
    backend = optuna.storages.journal.JournalFileBackend("search/study.journal")
    return optuna.load_study(study_name="tagger", storage=optuna.storages.JournalStorage(backend)).trials


@pytest.mark.parametrize(
    ("override", "wanted"),
    [
        ("model.depth=choice(1,2,1)", Category(("1", "2"))),
        ("model.depth=range(1,5)", Int(1, 4)),
        ("embedding.chars=range(32,129,32)", Int(32, 128, step=32)),
        ("optimizer.lr=tag(log,interval(0.001,0.01))", Float(0.001, 0.01, log=True)),
    ],
)
def test_what_is_searched(override: str, wanted: object) -> None:
    assert _distribution(OverridesParser.create().parse_override(override)) == wanted


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("seed=3", "nothing to search"),
        ("seed=1,2 hydra.sweeper.sampler=grid", "hydra.sweeper.sampler=grid: "),
        ("seed=1,2 model.depth=0", "model.depth=0: expected"),
        ("seed=1,x", "seed=x: expected int"),
        ("model.depth=interval(1,4)", "model.depth=2.10364: expected int"),
        ("seed=1,2 hydra/launcher=joblib", "hydra/launcher=joblib: start the same command several times"),
    ],
)
def test_mistakes_leave_nothing(values: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert train([*SEARCH, *values.split()]) == 2
    assert message in capsys.readouterr().err
    assert not list(Path().iterdir())


def test_an_interrupted_search_has_the_trials_of_one_that_was_not(
    tried: list[int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
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
    assert {each for each in found if each[0] != "complete"} == {
        *[("failed", "seed=13", "ValueError: out of luck"), ("pruned", "seed=2", "")]
    }
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

"""The command line of training: commands, sweeps, errors and their exit statuses."""

import csv
from pathlib import Path

import pytest

from tests.training.test_train import TINY, run, treebank  # noqa: F401


def test_a_sweep_trains_the_grid_and_a_failed_run_is_a_row(treebank: Path, tmp_path: Path) -> None:  # noqa: F811
    done = run(
        tmp_path,
        *("-m", "corpus=conllu", f"corpus.path={treebank}", *TINY, "trainer.max_epochs=1", "test=true"),
        *("model.depth=1,2", "model.hidden.forward=8,[8]", "hydra.sweep.dir=sweep"),
    )
    assert done.returncode == 1, done.stderr  # depth 2 with one size fails
    with (tmp_path / "sweep" / "sweep.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 4
    accuracies = [float(row["dev_accuracy"]) for row in rows[:3]]
    assert accuracies == sorted(accuracies, reverse=True)
    assert all(int(row["parameters"]) > 0 for row in rows[:3])
    assert all(int(row["words_per_second"]) > 0 for row in rows[:3])
    assert (tmp_path / "sweep" / "frontier.png").read_bytes().startswith(b"\x89PNG")
    assert "model.hidden.forward" in rows[3]["error"]
    assert {"model.depth=2", "model.hidden.forward=[8]"} <= set(rows[3]["overrides"].split())
    assert "failed" in done.stdout
    table = done.stdout.split("upos: words not seen in training")[1].splitlines()
    assert len(table) == 5
    assert table[1].startswith("run  not seen")
    assert max(map(len, table)) <= 80
    for report in tmp_path.glob("sweep/*/report.json"):
        assert '"test"' not in report.read_text()


def test_a_sweep_with_two_processes_a_run(treebank: Path, tmp_path: Path) -> None:  # noqa: F811
    done = run(
        tmp_path,
        *("-m", "corpus=conllu", f"corpus.path={treebank}", *TINY[:-1], "accelerator=ddp", "trainer.accelerator=cpu"),
        *("seed=1,2", "trainer.max_epochs=1", "hydra.sweep.dir=sweep"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len((tmp_path / "sweep" / "sweep.csv").read_text().splitlines()) == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["corpus=conllu", "corpus.path=nowhere"], ["nowhere"]),
        (["trainer.nonsense=1"], ["nonsense"]),
    ],
)
def test_mistakes_end_in_a_clear_message(tmp_path: Path, arguments: list[str], words: list[str]) -> None:
    done = run(tmp_path, *arguments)
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


def test_an_empty_corpus_is_an_error_with_status_2(tmp_path: Path) -> None:
    (tmp_path / "x-train.conllu").write_text("")
    done = run(tmp_path, "corpus=conllu", "corpus.path=.")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "x-train.conllu" in done.stderr


def test_help_shows_the_commands_first(tmp_path: Path) -> None:
    done = run(tmp_path, "--help")
    assert done.returncode == 0
    assert done.stdout.index("evaluate") < done.stdout.index("--cfg job")

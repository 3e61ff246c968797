"""The loggers of a run: what each has logged is read back."""

import csv
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from wandb.proto import wandb_internal_pb2 as wandb_records

from tagger.errors import InputError
from tagger.training.loggers import check_loggers, final_scores
from tagger.training.train import train
from tests.training.conftest import COMMAND, config_of

ALL = ["logger=[csv,tensorboard,wandb,mlflow]", "logger.wandb.mode=offline", "logger.wandb.tags=[tiny]"]
EPOCHS = 2


@pytest.fixture(scope="module")
def logged(treebank: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The folder of a run with all loggers, and its results."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("logged"))
        for name in ("WANDB_MODE", "MLFLOW_TRACKING_URI"):
            patch.delenv(name, raising=False)
        config = config_of(treebank, *ALL, f"trainer.max_epochs={EPOCHS}", "linear=0")
        results = train(config, Path("run"), COMMAND)
        assert "MLFLOW_TRACKING_URI" not in os.environ  # the next run of a sweep has a database of its own
        yield Path("run").absolute(), results


def test_csv_has_every_epoch_and_the_scores(logged: tuple[Path, dict[str, Any]]) -> None:
    run, results = logged
    with (run / "logs/csv/version_0/metrics.csv").open() as table:
        rows = list(csv.DictReader(table))
    with (run / "metrics.csv").open() as table:
        epochs = [row["dev/accuracy"] for row in csv.DictReader(table)]
    assert [row["dev/accuracy"] for row in rows if row["dev/accuracy"]] == epochs
    assert len([row for row in rows if row["train/loss"]]) == EPOCHS
    assert [float(row["final/dev/upos/accuracy"]) for row in rows if row["final/dev/upos/accuracy"]] == [
        results["dev"]["upos"]["accuracy"]
    ]
    assert "dropout: 0.6" in (run / "logs/csv/version_0/hparams.yaml").read_text()  # what the corpus decided


def test_tensorboard_has_them(logged: tuple[Path, dict[str, Any]]) -> None:
    run, results = logged
    found = EventAccumulator(str(run / "logs/tensorboard/version_0")).Reload()
    assert len(found.Scalars("dev/accuracy")) == EPOCHS
    assert found.Scalars("final/dev/upos/accuracy")[0].value == pytest.approx(results["dev"]["upos"]["accuracy"])


def test_mlflow_has_them(logged: tuple[Path, dict[str, Any]]) -> None:
    run, results = logged
    client = mlflow.MlflowClient(f"sqlite:///{run}/logs/mlflow/mlflow.db")
    (found,) = client.search_runs([client.get_experiment_by_name("tagger").experiment_id])
    assert (found.info.status, found.data.tags["mlflow.runName"]) == ("FINISHED", "run")
    assert len(client.get_metric_history(found.info.run_id, "dev/accuracy")) == EPOCHS
    assert found.data.metrics["final/dev/upos/accuracy"] == results["dev"]["upos"]["accuracy"]


def test_wandb_has_them(logged: tuple[Path, dict[str, Any]]) -> None:
    run, _ = logged
    (path,) = (run / "logs/wandb").glob("offline-run-*/*.wandb")
    # LevelDB's log format after a header of seven bytes: https://github.com/google/leveldb/blob/main/doc/log_format.md
    data, place, part, records = path.read_bytes(), 7, b"", []
    while place + 7 <= len(data):
        place += 32768 - place % 32768 if 32768 - place % 32768 < 7 else 0
        length, kind = int.from_bytes(data[place + 4 : place + 6], "little"), data[place + 6]
        part += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # whole, or the last part
            records.append(wandb_records.Record.FromString(part))
            part = b""
    keys = [key for record in records for item in record.history.item for key in (item.key, *item.nested_key)]
    assert keys.count("dev/accuracy") == EPOCHS
    assert "final/dev/upos/accuracy" in keys
    assert [record.exit.exit_code for record in records if record.HasField("exit")] == [0]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"nolog": {}}, r"^logger.nolog: no such logger; choose from csv, tensorboard, wandb, mlflow$"),
        ({"wandb": {"mode": "online"}}, r"^logger=wandb: there is no login; log in with"),
    ],
)
def test_mistakes_are_found_before_training(
    config: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    with pytest.raises(InputError, match=message):
        check_loggers(config)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["logger=mlflow", "logger.mlflow.tracking_uri=sqlite:////proc/no/mlflow.db"], r"^logger=mlflow: "),
        (["logger=csv", "logger.csv.folder=/proc/no"], r"^logger=csv: "),
    ],
)
def test_a_logger_that_cannot_be_opened_is_one_line(
    treebank: Path, values: list[str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        train(config_of(treebank, *values, "trainer.max_epochs=1"), tmp_path, COMMAND)


def test_final_scores_have_the_names_of_the_report() -> None:
    results = {"best_epoch": 2, "dev": {"upos": {"accuracy": 0.5, "tokens": 7}}, "raw": {"dev": {"Words": 0.9}}}
    assert final_scores(results) == {
        "final/best_epoch": 2.0,
        "final/dev/upos/accuracy": 0.5,
        "final/raw/dev/Words": 0.9,
    }

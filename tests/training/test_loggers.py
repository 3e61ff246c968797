"""The loggers of a run: what each has logged is read back."""

import csv
from pathlib import Path

import mlflow
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tagger.errors import InputError
from tagger.training.loggers import check_loggers
from tagger.training.train import train
from tests.training.conftest import COMMAND, config_of


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


def test_mistakes_are_one_line(treebank: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^logger.nolog: no such logger; choose from csv, .*, mlflow$"):
        check_loggers({"nolog": {}})
    values = ["logger=mlflow", "logger.mlflow.tracking_uri=sqlite:////proc/no/mlflow.db", "trainer.max_epochs=1"]
    with pytest.raises(InputError, match=r"^logger=mlflow: "):
        train(config_of(treebank, *values), tmp_path, COMMAND)

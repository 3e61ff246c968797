"""The loggers of a run: what each has logged is read back, after an interruption and a resumption too."""

import contextlib
import csv
import glob
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import pytest
import pytorch_lightning as pl
from filelock import FileLock, Timeout
from pytorch_lightning.loggers import CSVLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from wandb.proto import wandb_internal_pb2 as wandb_records

from tagger.bundle.saved_config import SWEEP
from tagger.errors import InputError
from tagger.sweeps import launch
from tagger.training import loggers
from tagger.training.checkpoints import EpochRecorder, load_checkpoint
from tagger.training.logger_config import MlflowConfig
from tagger.training.loggers import Place, final_scores, read_state
from tagger.training.train import train
from tagger.training.trainer import Interrupted
from tests.training.conftest import COMMAND, TINY, config_of

ALL = ["logger=[csv,tensorboard,wandb,mlflow]", "logger.wandb.mode=offline", "logger.wandb.tags=[tiny]"]
EPOCHS = 3


def interrupt_in(epoch: int, patch: pytest.MonkeyPatch) -> None:
    """Ctrl+C while an epoch, counted from 0, is trained."""

    def interrupt(self: EpochRecorder, trainer: pl.Trainer, *_: object) -> None:
        if trainer.current_epoch == epoch:
            raise KeyboardInterrupt

    patch.setattr(EpochRecorder, "on_train_batch_end", interrupt)


@pytest.fixture(scope="module")
def notices() -> Iterator[list[str]]:
    """Lines that the loggers of the module's runs show."""
    found: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: found.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("tagger.training.loggers")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield found
    logger.removeHandler(handler)
    logger.setLevel(before)


@pytest.fixture(scope="module")
def logged(treebank: Path, tmp_path_factory: pytest.TempPathFactory, notices: list[str]) -> Iterator[Path]:
    """The folder of a run with all loggers, which was interrupted in its third epoch and resumed; its name is `run`."""
    with pytest.MonkeyPatch.context() as patch:
        where = tmp_path_factory.mktemp("logged")
        patch.chdir(where)
        for name in ("WANDB_MODE", "MLFLOW_TRACKING_URI"):
            patch.delenv(name, raising=False)
        config = config_of(treebank, *ALL, f"trainer.max_epochs={EPOCHS}", "test=true")
        with pytest.MonkeyPatch.context() as stop:
            interrupt_in(2, stop)
            with pytest.raises(Interrupted):
                train(config, Path("run"), COMMAND)
        (where / "run" / "interrupted").write_text(mlflow_run(where / "run").info.status)
        train(config, Path("run"), COMMAND, resume=True)
        assert "MLFLOW_TRACKING_URI" not in os.environ  # the next run of a sweep has a database of its own
        yield where / "run"


def epochs_of(run: Path) -> list[dict[str, float]]:
    """The rows of the run's own `metrics.csv`."""
    with (run / "metrics.csv").open() as lines:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(lines)]


def scores_of(run: Path) -> dict[str, float]:
    return final_scores(json.loads((run / "report.json").read_text()))


def mlflow_run(run: Path) -> Any:
    client = mlflow.MlflowClient(f"sqlite:///{run / 'logs' / 'mlflow' / 'mlflow.db'}")
    (experiment,) = client.search_experiments(filter_string="name = 'tagger'")
    (found,) = client.search_runs([experiment.experiment_id])
    return found


def wandb_files(run: Path) -> list[list[Any]]:
    """The records of each file of W&B, in order: LevelDB's log format after a header of seven bytes.

    https://github.com/google/leveldb/blob/main/doc/log_format.md
    """
    files = []
    for path in sorted((run / "logs" / "wandb").glob("offline-run-*/*.wandb")):
        data, place, parts, records = path.read_bytes(), 7, b"", []
        while place + 7 <= len(data):
            if 32768 - place % 32768 < 7:
                place += 32768 - place % 32768
            length, kind = int.from_bytes(data[place + 4 : place + 6], "little"), data[place + 6]
            parts += data[place + 7 : place + 7 + length]
            place += 7 + length
            if kind in (1, 4):  # whole, or the last part
                record = wandb_records.Record()
                record.ParseFromString(parts)
                records.append(record)
                parts = b""
        files.append(records)
    return files


def items(found: Any) -> dict[str, Any]:
    """The keys and values that a record of W&B sets."""
    return {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in found}


def test_the_final_scores_are_those_of_the_report(logged: Path) -> None:
    report, scores = json.loads((logged / "report.json").read_text()), scores_of(logged)
    for split in ("dev", "test"):
        for name in ("accuracy", "known", "unknown", "whole_sentences"):
            assert scores[f"final/{split}/upos/{name}"] == report[split]["upos"][name]
        assert scores[f"final/raw/{split}/Words"] == report["raw"][split]["Words"]
    for name in ("best_epoch", "training_seconds", "words_per_second", "parameters"):
        assert scores[f"final/{name}"] == report[name]


def test_csv_has_every_epoch_and_the_final_scores(logged: Path) -> None:
    with (logged / "logs" / "csv" / "metrics.csv").open() as lines:
        *rows, last = [{name: float(x) for name, x in row.items() if x} for row in csv.DictReader(lines)]
    assert rows == [{**epoch, "step": epoch["epoch"]} for epoch in epochs_of(logged)]
    scores = scores_of(logged)
    assert last == pytest.approx({**scores, "step": scores["final/best_epoch"]}, rel=1e-6)
    assert "depth: 2" in (logged / "logs" / "csv" / "hparams.yaml").read_text()


def test_tensorboard_has_every_epoch_once(logged: Path) -> None:
    events = EventAccumulator(str(logged / "logs" / "tensorboard"))
    events.Reload()
    epochs, scores = epochs_of(logged), scores_of(logged)
    found = {name: [(event.step, event.value) for event in events.Scalars(name)] for name in events.Tags()["scalars"]}
    expected = {name: [(epoch["epoch"], pytest.approx(epoch[name])) for epoch in epochs] for name in epochs[0]}
    expected |= {name: [(scores["final/best_epoch"], pytest.approx(value))] for name, value in scores.items()}
    assert found == expected
    values = events.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    assert b"model/depth" in values
    assert b"logger" not in values


def test_wandb_has_every_epoch_in_one_run(logged: Path) -> None:
    first, second = wandb_files(logged)
    runs = [
        record.run for records in (first, second) for record in records if record.WhichOneof("record_type") == "run"
    ]
    assert {(run.run_id, run.project, run.display_name, run.run_group) for run in runs} == {
        (read_state(logged / "logs")["wandb"]["id"], "tagger", "run", "")
    }
    assert list(runs[0].tags) == ["tiny"]
    records = [*first, *second]
    history = [items(record.history.item) for record in records if record.WhichOneof("record_type") == "history"]
    *rows, last = [{name: value for name, value in row.items() if not name.startswith("_")} for row in history]
    assert rows == [{**epoch, "trainer/global_step": epoch["epoch"]} for epoch in epochs_of(logged)]
    assert last == {**scores_of(logged), "trainer/global_step": scores_of(logged)["final/best_epoch"]}
    summary: dict[str, Any] = {}
    config: dict[str, Any] = {}
    for record in records:
        summary |= items(record.summary.update)
        config |= items(record.config.update)
    assert {name: summary[name] for name in scores_of(logged)} == scores_of(logged)
    assert config["model"]["depth"] == 2
    assert "logger" not in config
    exits = [record.exit.exit_code for record in records if record.WhichOneof("record_type") == "exit"]
    assert exits == [130, 0]


def test_all_parts_of_a_resumed_run_are_uploaded_to_wandb(logged: Path, notices: list[str]) -> None:
    folder = logged / "logs" / "wandb"
    parts = {str(path) for path in folder.iterdir() if path.name.startswith("offline-run-")}
    assert len(parts) == 2
    (pattern,) = {notice.split()[3] for notice in notices if notice.startswith("wandb: wandb sync ")}
    assert set(glob.glob(pattern)) == parts


def test_mlflow_has_every_epoch_in_one_run(logged: Path) -> None:
    run = mlflow_run(logged)  # the only one
    assert (logged / "interrupted").read_text() == "KILLED"
    assert run.info.status == "FINISHED"
    assert (run.info.run_name, run.info.run_id) == ("run", read_state(logged / "logs")["mlflow"]["id"])
    assert run.data.params["model/depth"] == "2"
    assert "group" not in run.data.tags
    client = mlflow.MlflowClient(f"sqlite:///{logged / 'logs' / 'mlflow' / 'mlflow.db'}")
    for name in epochs_of(logged)[0]:
        history = [(point.step, point.value) for point in client.get_metric_history(run.info.run_id, name)]
        assert history == [(epoch["epoch"], epoch[name]) for epoch in epochs_of(logged)]
    assert {name: run.data.metrics[name] for name in scores_of(logged)} == scores_of(logged)


def test_logs_are_in_the_runs_folder_alone(logged: Path) -> None:
    assert [path.name for path in logged.parent.iterdir()] == ["run"]
    assert {path.name for path in (logged / "logs").iterdir()} == {
        *("csv", "tensorboard", "wandb", "mlflow", "state.json")
    }


def test_the_tagger_and_its_checkpoints_do_not_depend_on_loggers(logged: Path) -> None:
    assert "logger" not in load_checkpoint(logged / "checkpoints" / "last.ckpt")["config"]
    assert "logger" not in json.loads((logged / "tagger" / "config.json").read_text())["training"]


def test_a_failed_training_is_failed_in_a_database_that_the_config_names(
    treebank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("broken")

    address = "logger.mlflow.tracking_uri=sqlite:///all.db"  # beside the folder where the run was started
    config = config_of(treebank, "logger=mlflow", address, "logger.mlflow.name=mine")
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep" / SWEEP).touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(EpochRecorder, "on_train_batch_end", fail)
    (tmp_path / "start").mkdir()
    with pytest.raises(RuntimeError, match="broken"), contextlib.chdir(tmp_path / "start"):
        train(config, tmp_path / "sweep" / "0", COMMAND)
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'start/all.db'}")
    experiment = client.get_experiment_by_name("tagger")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert (run.info.status, run.info.run_name, run.data.tags["group"]) == ("FAILED", "mine", str(tmp_path / "sweep"))


def test_folders_of_logs(tmp_path: Path) -> None:
    place = Place(Path("run/logs"), "run", None, "")
    with contextlib.chdir(tmp_path):
        assert place.own_path(None, "csv") == Path("run/logs/csv")
        assert place.own_path("mine", "csv") == Path("mine")
        assert place._replace(in_group="3/members/1").own_path("mine", "csv") == Path("mine/3/members/1")


def test_a_database_is_opened_by_one_process_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = FileLock(tmp_path / "all.db.lock")

    def opened(**_: object) -> None:
        with pytest.raises(Timeout):
            lock.acquire(timeout=0)
        raise OSError("another process would wait")

    monkeypatch.setattr("pytorch_lightning.loggers.MLFlowLogger", opened)
    config = MlflowConfig("tagger", None, f"sqlite:///{tmp_path / 'all.db'}")
    with pytest.raises(InputError, match="another process would wait"):
        config.make(Place(tmp_path, "0", None, ""), None)
    assert not lock.is_locked


def test_training_goes_on_without_a_logger_that_fails(
    treebank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr(CSVLogger, "log_metrics", fail)
    config = config_of(treebank, "logger=[csv,tensorboard]", "trainer.max_epochs=2")
    assert train(config, tmp_path, COMMAND) is not None
    warnings = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == ["logger=csv: the disk is gone; training goes on without it"]
    state = read_state(tmp_path / "logs")
    assert {name: state[name]["epochs"] for name in state} == {"csv": 0, "tensorboard": 2}


def test_a_folder_that_cannot_be_written_is_one_line(treebank: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    config = config_of(treebank, "logger=csv", f"logger.csv.folder={tmp_path / 'file' / 'logs'}")
    with pytest.raises(InputError, match=r"^logger=csv: .*file.*; see the folder of the logger$"):
        train(config, tmp_path / "run", COMMAND)


def test_a_run_without_an_epoch_leaves_no_logs(treebank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    interrupt_in(0, monkeypatch)
    with pytest.raises(Interrupted, match="no epoch was complete, and nothing is kept"):
        launch.train([*TINY, "corpus=conllu", f"corpus.path={treebank}", "logger=[csv,tensorboard]"])
    assert list(tmp_path.iterdir()) == []


def test_pretraining_logs_its_sections(treebank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    values = [value for value in TINY if value != "segmenter=rules"]
    files = [f"text={treebank}/en_tiny-ud-train.conllu", f"dev={treebank}/en_tiny-ud-dev.conllu"]
    arguments = [*values, *files, "passes=2", "section_tokens=500", "min_count=1", "model.depth=1"]
    assert launch.pretrain([*arguments, "logger=csv", "logger.csv.folder=my=logs", "hydra.run.dir=run"]) == 0
    with (tmp_path / "my=logs" / "metrics.csv").open() as lines:
        *rows, last = [{name: float(x) for name, x in row.items() if x} for row in csv.DictReader(lines)]
    assert rows == [{**epoch, "step": epoch["epoch"]} for epoch in epochs_of(tmp_path / "run")]
    assert len(rows) > 2
    assert last == pytest.approx({**scores_of(tmp_path / "run"), "step": last["final/best_epoch"]}, rel=1e-6)
    assert {"final/dev/words/perplexity", "final/dev/words/accuracy"} <= set(last)


def test_a_process_that_helps_logs_nothing(treebank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loggers, "is_helper", lambda: True)
    with loggers.run_loggers(config_of(treebank, "logger=csv").logger, tmp_path) as none:
        none.open({"seed": 1})
        none.log_epochs([{"epoch": 1, "dev/loss": 1.0}])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text", ["[]", "{", '{"wandb": {"epochs": "1", "id": null}}', '{"x": {"epochs": 1, "id": "../x"}}']
)
def test_a_damaged_state_is_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text(text)
    with pytest.raises(InputError, match=r"state.json is damaged \(.*\); remove it, and new logs are begun"):
        read_state(tmp_path)

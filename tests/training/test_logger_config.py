"""Loggers that cannot work here are refused before a run's folder is made; bad values of loggers are one line."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest
import wandb
from hydra import compose, initialize_config_dir

from tagger.bundled import bundled
from tagger.commands.console import clear_errors
from tagger.errors import InputError
from tagger.pretraining.config import pretrain_config
from tagger.sweeps import launch
from tagger.training import logger_config
from tagger.training.config import train_config
from tagger.training.logger_config import CsvConfig, LoggerConfig, MlflowConfig


@pytest.fixture(autouse=True)
def _nobody_is_logged_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("WANDB_API_KEY", "WANDB_MODE", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)


def loggers(*overrides: str) -> LoggerConfig:
    with initialize_config_dir(str(bundled("conf")), version_base="1.3"):
        return train_config(compose("train", list(overrides))).logger


def status(arguments: list[str], command: Callable[[list[str]], int] = launch.train) -> int:
    with pytest.raises(SystemExit) as end, clear_errors():
        command(arguments)
    return int(end.value.code or 0)


@pytest.mark.parametrize("command", [launch.train, launch.pretrain])
@pytest.mark.parametrize("name", ["tensorboard", "wandb", "mlflow"])
def test_a_missing_package_is_one_line(
    name: str, command: Callable[[list[str]], int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(logger_config, "find_spec", lambda package: None if package == name else found(package))
    assert status([f"logger=[csv,{name}]", "hydra.run.dir=run"], command) == 2
    remedy = f"in the folder of the tagger's source, run pip install -e '.[{name}]'"
    assert capsys.readouterr().err == f"error: {name} is not installed; {remedy}\n"
    assert list(Path().iterdir()) == []


def test_nobody_is_asked_for_a_login(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wandb, "init", lambda **_: pytest.fail("asks"))
    assert status(["logger=wandb", "hydra.run.dir=run"]) == 2
    assert capfd.readouterr().err == (
        "error: logger=wandb: there is no login; log in with `wandb login`, or set logger.wandb.mode=offline and upload"
        " later with `wandb sync`\n"
    )
    assert list(Path().iterdir()) == []


def test_there_is_no_logger_unless_one_is_named() -> None:
    assert loggers().chosen == {}
    assert loggers("logger=[]").chosen == {}
    assert loggers("logger=[csv,mlflow]").chosen == {
        "csv": CsvConfig(None),
        "mlflow": MlflowConfig("tagger", None, None),
    }


def test_runs_of_before_have_no_logger() -> None:
    with initialize_config_dir(str(bundled("conf")), version_base="1.3"):
        page, other = compose("train"), compose("pretrain")
    assert "logger" not in page
    assert "logger" not in other
    assert train_config(page).logger.chosen == pretrain_config(other).logger.chosen == {}


def test_the_environment_names_a_server_and_a_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://localhost:5000")
    config = loggers("logger=[wandb,mlflow]")
    assert config.wandb is not None
    assert config.mlflow is not None
    assert (config.wandb.mode, config.mlflow.tracking_uri) == ("offline", "http://localhost:5000")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["logger=wandb", "logger.wandb.mode=disabled"], "logger.wandb.mode=disabled: expected"),
        (["logger=wandb", "logger.wandb.project=null"], "logger.wandb.project=null: expected"),
        (["logger=wandb", "logger.wandb.project=''"], "logger.wandb.project=: expected"),
        (["logger=wandb", "logger.wandb.tags=a"], r"logger.wandb.tags=a: expected"),
        (["logger=csv", "+logger.csv.level=3"], "logger.csv.level: no such key; logger.csv has folder"),
        (["logger=csv", "+logger.comet.x=3"], "logger.comet: no such key; logger has csv, tensorboard, wandb, mlflow"),
        (["logger=csv", "+logger.csv._target_=os.system"], "logger.csv._target_: no such key"),
        (
            ["logger=csv", "parts=temperature", "init=x"],
            "logger: parts=temperature has no epochs to log; leave it out",
        ),
    ],
)
def test_bad_values_are_one_line(overrides: list[str], message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}"):
        loggers(*overrides)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["logger=comet"], "logger=comet: no such choice; logger is one of csv, mlflow, tensorboard, wandb"),
        (["logger.wandb.name=x"], "logger.wandb.name=x: no such key here; it needs logger=wandb"),
    ],
)
def test_choices_that_do_not_exist_are_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status(arguments) == 2
    assert capsys.readouterr().err == f"error: {message}\n"

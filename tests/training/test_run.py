"""Trainings that end after their epochs, at any point: a tagger's folder is whole, or it is the one before."""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import tagger
from tagger.bundle.bundle import Bundle
from tagger.training import train as module
from tagger.training.config import TrainConfig
from tagger.training.report import model_card
from tagger.training.train import train
from tests.training.conftest import COMMAND, config_of, contents, steps

STAGES = ["segmenter", "report", "card", "save", "page"]


def end_at(monkeypatch: pytest.MonkeyPatch, stage: str, error: BaseException) -> None:
    """Ends trainings with an error at one point after the tagger is saved without its segmenter and its scores."""

    def end(*_: object) -> None:
        raise error

    def card(bundle: Bundle, results: Mapping[str, Any], command: str) -> str:
        if "dev" in results:
            raise error
        return model_card(bundle, results, command)

    if stage == "segmenter":
        monkeypatch.setattr(module, "with_segmenter", end)
    elif stage == "save":  # in the middle of it
        monkeypatch.setattr(module, "accuracies", lambda _: {"this cannot be written": object()})
    elif stage == "card":
        monkeypatch.setattr(module, "model_card", card)
    else:
        monkeypatch.setattr(module, {"report": "report_tagger", "page": "write_tagger_page"}[stage], end)


@pytest.fixture(scope="module", autouse=True)
def _two_steps() -> Iterator[None]:
    """Segmenters are trained, and learn nothing."""
    with pytest.MonkeyPatch.context() as patched:
        steps(patched, 2)
        yield


@pytest.fixture(scope="module")
def config(spaced: Path) -> TrainConfig:
    """Of a training with a segmenter of its own."""
    return config_of(spaced, "trainer.max_epochs=2", "segmenter=learned")


@pytest.fixture(scope="module")
def learned(config: TrainConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run's folder of a finished training with `config`; not to be changed."""
    folder = tmp_path_factory.mktemp("learned")
    train(config, folder, COMMAND)
    return folder


@pytest.mark.parametrize("stage", STAGES)
def test_a_finished_tagger_stays_until_the_new_one_is_whole(
    config: TrainConfig, learned: Path, tmp_path: Path, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    shutil.copytree(learned, run)
    before = contents(run / "tagger")
    error: BaseException = KeyboardInterrupt() if stage in ("segmenter", "page") else RuntimeError("a mistake")
    end_at(monkeypatch, stage, error)
    with pytest.raises(TypeError if stage == "save" else type(error)):
        train(config, run, COMMAND, resume=True)
    after = contents(run / "tagger")
    assert [path.name for path in run.iterdir() if path.name.startswith(".")] == []
    if stage == "page":  # the new one was whole
        assert after.keys() == before.keys()
        assert after["segmenter.safetensors"] == before["segmenter.safetensors"]
    else:
        assert after == before
    assert tagger.load(run).segmenter.name == "learned"  # type: ignore[union-attr]


@pytest.mark.parametrize("stage", STAGES)
def test_a_run_that_ends_after_its_epochs_is_resumed_to_the_same_tagger(
    config: TrainConfig, learned: Path, tmp_path: Path, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    with monkeypatch.context() as patched:
        end_at(patched, stage, RuntimeError("a mistake"))
        with pytest.raises((RuntimeError, TypeError)):
            train(config, run, COMMAND)
    saved = tagger.load(run, "cpu")  # whole, as soon as the epochs have ended
    assert (saved.segmenter.name == "learned") == (stage == "page")  # type: ignore[union-attr]
    assert ("upos" in saved.config["scores"].get("dev", {})) == (stage == "page")
    assert not (run / "report.json").exists()
    train(config, run, COMMAND, resume=True)
    one, other = contents(run / "tagger"), contents(learned / "tagger")
    assert one.keys() == other.keys()
    assert all(one[name] == other[name] for name in one if name.endswith((".safetensors", ".json")))
    report = json.loads((run / "report.json").read_text())
    scores = report["dev"]["upos"]["accuracy"]
    assert json.loads(one["config.json"])["scores"]["dev"]["upos"] == scores
    assert f"{100 * scores:.2f}" in one["README.md"].decode()

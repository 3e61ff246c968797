"""Trainings that end after their epochs, at any point: a tagger's folder is whole, or the one before. Runs' folders."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

import tagger
from tagger.bundle.catalog import claim_run, is_being_trained
from tagger.bundle.saved_config import RECORD
from tagger.errors import InputError
from tagger.training import train as module
from tagger.training.config import TrainConfig
from tagger.training.report import model_card
from tagger.training.run_folder import RunRecord, find_run, new_run_folder, read_record
from tagger.training.train import train
from tests.conftest import files_of
from tests.training.conftest import COMMAND, config_of, steps

# The points after the tagger is saved without its segmenter and its scores, and what is called at each.
STAGES = {
    "segmenter": "with_segmenter",
    "report": "report_tagger",
    "card": "model_card",
    "save": "accuracies",
    "page": "write_tagger_page",
}


def end_at(monkeypatch: pytest.MonkeyPatch, stage: str, error: BaseException) -> None:
    """Ends trainings with an error at one point."""

    def end(*given: Any) -> Any:
        if stage == "save":  # in the middle of it
            return {"this cannot be written": object()}
        if stage == "card" and "dev" not in given[1]:  # of the first one, without scores
            return model_card(*given)
        raise error

    monkeypatch.setattr(module, STAGES[stage], end)


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
def test_a_run_that_ends_after_its_epochs_is_resumed_to_the_same_tagger_which_stays_until_a_new_one_is_whole(
    config: TrainConfig,
    learned: Path,
    tmp_path: Path,
    stage: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "tagger")

    def ends(error: BaseException, resume: bool) -> None:
        with monkeypatch.context() as patched:
            end_at(patched, stage, error)
            with pytest.raises(TypeError if stage == "save" else type(error)):
                train(config, run, COMMAND, resume)

    run = tmp_path / "run"
    ends(RuntimeError("a mistake"), resume=False)
    saved = tagger.load(run, "cpu")  # whole, as soon as the epochs have ended
    assert (saved.segmenter.name == "learned") == (stage == "page")  # type: ignore[union-attr]
    assert ("upos" in saved.config["scores"].get("dev", {})) == (stage == "page")
    assert not (run / "report.json").exists()
    assert "nothing is trained" not in caplog.text
    train(config, run, COMMAND, resume=True)
    assert "its epochs have ended, so nothing is trained" in caplog.text
    one, other = files_of(run / "tagger"), files_of(learned / "tagger")
    assert one.keys() == other.keys()
    assert all(one[name] == other[name] for name in one if name.endswith((".safetensors", ".json")))
    report = json.loads((run / "report.json").read_text())
    scores = report["dev"]["upos"]["accuracy"]
    assert json.loads(one["config.json"])["scores"]["dev"]["upos"] == scores
    assert f"{100 * scores:.2f}" in one["README.md"].decode()
    ends(KeyboardInterrupt() if stage in ("segmenter", "page") else RuntimeError("a mistake"), resume=True)
    after = files_of(run / "tagger")
    assert [path.name for path in run.iterdir() if path.name.startswith(".")] == []
    if stage == "page":  # the new one was whole
        assert after.keys() == one.keys()
        assert after["segmenter.safetensors"] == one["segmenter.safetensors"]
    else:
        assert after == one
    assert tagger.load(run).segmenter.name == "learned"  # type: ignore[union-attr]


# The folder

RUN = RunRecord(["seed=2"], {"seed": 2, "model": {"depth": 1}})


def begun(wanted: Path, add_number: bool = False) -> Path:
    """The folder of a run whose process was killed at once."""
    with new_run_folder(wanted, RUN, add_number) as path:
        return path


def test_folders_of_runs_are_their_own_or_empty(tmp_path: Path) -> None:
    wanted = tmp_path / "runs" / "12-00-00"
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: begun(wanted, add_number=True), range(8)))
    assert sorted(path.name for path in made) == sorted(["12-00-00", *(f"12-00-00-{number}" for number in range(2, 9))])
    assert all(read_record(path) == RUN for path in made)
    (tmp_path / "locked").mkdir()
    (tmp_path / "locked" / ".lock").touch()
    for name in ("new", "locked"):
        with new_run_folder(tmp_path / name, RunRecord(["seed=3"], {}), add_number=False) as path:
            assert read_record(path).overrides == ["seed=3"]
            assert {each.name for each in path.iterdir()} == {"run.json", ".lock"}
            with pytest.raises(InputError, match=f"{name} exists, a run without a complete epoch; remove it, or take"):
                begun(path)


def test_what_another_holds_stays(tmp_path: Path) -> None:
    for number, (file, message) in enumerate(
        {
            "mine.txt": "exists, a run without a complete epoch; remove it, or take another name",
            "checkpoints/last.ckpt": "exists; take another name or folder, or go on with: python -m tagger resume",
        }.items()
    ):
        run = begun(tmp_path / str(number))
        (run / file).parent.mkdir(exist_ok=True)
        (run / file).write_text("mine")
        before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
        for wanted, said in (
            (run, message),
            (run / file, r"is a file, or holds files"),
            (run / file / "new", r"new cannot be made a run's folder: Not a directory"),
        ):
            with pytest.raises(InputError, match=said):
                begun(wanted)
        assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_run_without_an_epoch_leaves_nothing_but_what_is_not_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for number, file in enumerate(("checkpoints/.new.ckpt.part", "mine.txt", "checkpoints/last.ckpt")):
        with suppress(KeyboardInterrupt), new_run_folder(Path(f"runs/day/{number}"), RUN, add_number=True) as folder:
            (folder / file).parent.mkdir(exist_ok=True)
            (folder / file).write_bytes(b"")
            raise KeyboardInterrupt
    left = [path.relative_to("runs/day").as_posix() for path in Path("runs").rglob("*") if path.is_file()]
    assert sorted(left) == ["1/mine.txt", "2/.lock", "2/checkpoints/last.ckpt", "2/run.json"]


def test_a_damaged_record_is_one_line(tmp_path: Path) -> None:
    records = (json.dumps(asdict(RUN) | change) for change in ({"overrides": "x"}, {"config": []}))
    for text in ("", "[" * 100_000, "{}", '"train"', "[1]", "\0", "[" + "1," * 600_000 + "1]", *records):
        (tmp_path / RECORD).write_text(text)
        with pytest.raises(InputError, match=f"{RECORD} (does not say how|is damaged|has more than)[^\n]*\\Z"):
            read_record(tmp_path)


def test_runs_are_found_by_name_and_the_last_one_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"^no run below runs/ here"):
        find_run("latest")
    for number, path in enumerate(("runs/tamil/run.json", "runs/day/12-00/run.json", "runs/s/0/run.json")):
        Path(path).parent.mkdir(parents=True)
        Path(path).touch()
        os.utime(path, (number, number))
    assert find_run("tamil") == Path("runs/tamil")
    assert find_run("latest") == Path("runs/s/0")
    for name, message in (
        ("nowhere", r"^nowhere is no run's folder, it does not exist; name one below runs/$"),
        ("", r"^'' is no run's folder"),
        ("tamli", r"^tamli is no run's folder, it does not exist; did you mean tamil\?$"),
    ):
        with pytest.raises(InputError, match=message):
            find_run(name)
    with pytest.raises(InputError, match=r"is no run's folder, it has no run.json; name one below runs/"):
        read_record(tmp_path)


def test_a_run_has_one_process_until_that_ends_even_if_it_is_killed(tmp_path: Path) -> None:
    code = "import sys, time; from pathlib import Path; from tagger.bundle.catalog import claim_run\n"
    code += "with claim_run(Path(sys.argv[1])): print('claimed', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "claimed\n"
        assert is_being_trained(tmp_path)
        with pytest.raises(InputError, match="is being trained by another process; wait"), claim_run(tmp_path):
            pass
        other.kill()
        other.wait()
        with claim_run(tmp_path):
            assert is_being_trained(tmp_path)
    assert not is_being_trained(tmp_path)
    (tmp_path / "run.txt").touch()
    with claim_run(tmp_path / "run.txt") as has_lock:  # where nothing can be locked, nothing is
        assert not has_lock
        assert not is_being_trained(tmp_path / "run.txt")

"""The command `push`, and taggers of the Hub wherever a command takes a model."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from tagger.bundled import bundled
from tagger.errors import InputError
from tagger.sweeps.overrides import checked_overrides
from tagger.training.config import find_start
from tests.bundle.hub_server import TOKEN, Hub, Repository
from tests.commands.conftest import call, error

ROOT = Path(__file__).resolve().parents[2]
TEXT = "They book flights .\n"


def test_push_and_tag(hub: Hub, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    done = call("push", str(model), "o/tiny", "--message", "First", "--language", "en")
    commit = hub.repositories["o/tiny"].refs["main"]
    assert f"{hub.address}/o/tiny/commit/{commit}: 4 files, " in done.stderr
    assert "tag with it: tagger tag FILE --model hf:o/tiny\n" in done.stderr
    assert TOKEN not in done.output
    assert b"\nlanguage: en\n" in hub.repositories["o/tiny"].commits[commit]["README.md"]
    monkeypatch.delenv("HF_TOKEN")
    expected = call("tag", "--input", "lines", "--model", str(model), input=TEXT).stdout
    there = call("tag", "--input", "lines", "--model", "hf:o/tiny", input=TEXT)
    assert there.stdout == expected
    (line,) = [line for line in there.stderr.splitlines() if line.startswith("model: ")]
    assert f"/snapshots/{commit} (trained on Tiny" in line
    told = error("tag", "--model", "hf:o/tiny@v9", input=TEXT)
    assert told == "error: hf:o/tiny@v9 has no such revision; name a branch, a tag or a commit"


@pytest.mark.slow
def test_the_environment_names_the_hub(hub: Hub, trained: Path, tmp_path: Path) -> None:
    """A process reads HF_ENDPOINT, HF_HOME and HF_TOKEN; with HF_HUB_OFFLINE the cache is all it has."""
    files = {path.name: path.read_bytes() for path in trained.iterdir()}
    hub.repositories["o/tiny"] = Repository(files, private=True)
    known = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    settings = {"HF_ENDPOINT": hub.address, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_DISABLE_XET": "1"}
    code = (
        "import tagger; from huggingface_hub import constants; print(tagger.load('hf:o/tiny').tag(['They']));"
        " constants.HF_HUB_OFFLINE = True; print(tagger.load('hf:o/tiny').tag(['They']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**known, **settings, "HF_TOKEN": TOKEN, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (0, "['PRON']\n['PRON']\n"), done.stderr
    assert TOKEN not in done.stderr
    assert f"Bearer {TOKEN}" in hub.tokens
    assert (tmp_path / "hf" / "hub").is_dir()


def test_other_commands(hub: Hub, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    told = call("push", str(model), "hf:o/tiny", "--branch", "v1").stderr
    assert told.endswith("tag with it: tagger tag FILE --model hf:o/tiny@v1\n")
    pytest.importorskip("onnx")
    call("export", "--onnx", "x.onnx", "--model", "hf:o/tiny@v1")
    call("ensemble", "hf:o/tiny@v1", str(model), "-o", "both")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["both", "x.onnx", "x.onnx.json"]


def test_training_takes_it_too(hub: Hub) -> None:
    overrides = checked_overrides(["init=hf:o/n@v1.0", "distill.teacher=hf:o/n"], "train")
    with initialize_config_dir(str(bundled("conf")), version_base="1.3"):
        config = compose("train", overrides)
    assert (config.init, config.distill.teacher) == ("hf:o/n@v1.0", "hf:o/n")
    with pytest.raises(InputError, match="hf:o/n is not on the Hub"):
        find_start("hf:o/n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere", "o/n"], "nowhere: no such tagger"),
        (["hf:o/m", "o/n"], "hf:o/m is on the Hub already; name a folder"),
        (["latest", "o/n"], "no trained tagger below runs/ here; train one with `python -m tagger`, or name a folder"),
        (["english", "n"], "'n' names no repository of the Hub; write OWNER/NAME"),
        (["english", "o/n", "--branch", "x y"], "'x y' cannot be a branch"),
        (["english", "o/n", "--message", " "], "--message is empty"),
        (["english", "o/n"], "o/n is refused by the Hub (401)"),
        (["english"], "missing argument"),
    ],
)
def test_bad_input(hub: Hub, arguments: list[str], message: str) -> None:
    assert message in error("push", *arguments)
    assert hub.repositories == {}

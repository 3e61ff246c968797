"""Runs with `ensemble=N`: members side by side, their ensemble, interruptions and failures."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from joblib.externals.loky import get_reusable_executor

import tagger
from tagger.bundle.bundle import Bundle
from tagger.errors import InputError
from tagger.sweeps import ensemble, launch
from tagger.sweeps.ensemble import Member, processes, train_members
from tagger.training.run_folder import CHECKPOINTS, LAST, LOG, RunRecord, read_record
from tests.conftest import TOKENS
from tests.html_page import data_of
from tests.training.conftest import TINY, config_of, weights


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def arguments(treebank: Path) -> list[str]:
    return ["corpus=conllu", f"corpus.path={treebank}", *TINY, "trainer.max_epochs=3", "hydra.run.dir=run"]


@pytest.fixture
def copied(finished: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[Member]]:
    """Members are copies of a finished run; the list gets those of each call."""
    calls = []

    def copy(members: Sequence[Member], *_: object) -> None:
        calls.append(list(members))
        for member in members:
            shutil.copytree(finished, member.folder, ignore=shutil.ignore_patterns("run.json"), dirs_exist_ok=True)

    monkeypatch.setattr(ensemble, "train_members", copy)
    return calls


@pytest.mark.slow
def test_an_ensemble_is_killed_and_resumed(
    arguments: list[str],
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command = [sys.executable, "-m", "tagger", *arguments, "ensemble=2", "seed=5", "trainer.max_epochs=5"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if ": epoch 1/" in line:
                process.kill()
    assert process.returncode == -signal.SIGKILL
    caplog.set_level("INFO")
    time.sleep(2)  # in which its other processes end
    monkeypatch.setattr(ensemble, "processes", lambda *_: 1)  # this one trains what is left
    assert launch.resume("run") == 0
    assert "member 1 of 2, seed 5 is complete: dev upos " in caplog.text
    assert "tag with it: python -m tagger tag FILE --model run" in capsys.readouterr().out

    # The member is what a training with its seed is.
    record = read_record(Path("run/members/2"))
    assert launch.train([*record.overrides, "hydra.run.dir=alone"]) == 0
    assert weights(Path("run/members/2")) == weights(Path("alone"))
    assert weights(Path("run/members/1")) != weights(Path("alone"))
    together, alone = Bundle.load(Path("run/tagger")).networks[-1], Bundle.load(Path("alone/tagger")).networks[-1]
    assert all(torch.equal(weight, alone.state_dict()[name]) for name, weight in together.state_dict().items())

    # A finished run is put together and scored again, and nothing is trained again.
    before = {path: path.stat().st_mtime_ns for path in Path("run/members").rglob("*")}
    report = json.loads(Path("run/report.json").read_text())
    shutil.rmtree("run/tagger")
    assert launch.resume("run") == 0
    assert {path: path.stat().st_mtime_ns for path in Path("run/members").rglob("*")} == before
    again = json.loads(Path("run/report.json").read_text())
    assert again | {"words_per_second": 0} == report | {"words_per_second": 0}


def test_what_an_ensemble_leaves(arguments: list[str], copied: list[list[Member]], finished: Path) -> None:
    assert (
        launch.train(
            [*arguments, "ensemble=3", "seed=7", "segmenter=auto", "segmenter_steps=40", "corpus.dev_share=0.2"]
        )
        == 0
    )
    assert [(member.number, member.seed) for member in copied[0]] == [(1, 7), (2, 8), (3, 9)]
    records = [read_record(member.folder) for member in copied[0]]
    assert [record.member for record in records] == [1, 2, 3]
    assert [record.config["ensemble"] for record in records] == [1, 1, 1]
    assert [record.config["seed"] for record in records] == [7, 8, 9]
    assert [record.config["segmenter"] for record in records] == ["auto", "rules", "rules"]
    assert {record.config["corpus"]["dev_seed"] for record in records} == {7}
    own = ["ensemble=1", "seed=8", "segmenter=rules", "corpus.dev_seed=7"]
    kept = [text for text in arguments if not text.startswith(("segmenter=", "hydra."))]
    assert records[1].overrides == [*kept, "segmenter_steps=40", "corpus.dev_share=0.2", *own]

    report = json.loads(Path("run/report.json").read_text())
    single = json.loads((finished / "report.json").read_text())
    accuracy = single["dev"]["upos"]["accuracy"]
    assert [row["seed"] for row in report["members"]] == [7, 8, 9]
    assert report["members"][0]["dev"] == {"upos": accuracy}
    assert report["mean"]["dev"]["upos"] == pytest.approx(accuracy)
    assert report["mean"]["test"]["upos"] == pytest.approx(single["test"]["upos"]["accuracy"])
    assert report["dev"]["upos"]["accuracy"] == accuracy  # three equal taggers
    assert report["parameters"] == 3 * single["parameters"]
    config = json.loads(Path("run/tagger/config.json").read_text())
    assert config["scores"]["test"]["upos"] == report["test"]["upos"]["accuracy"]
    assert config["temperatures"]["upos"] == pytest.approx(1, abs=0.02)  # each member has its own already
    assert config["ensemble"] == [pytest.approx(1 / 3)] * 3
    assert len(config["members"]) == 3
    page = data_of(Path("run/report.html"))
    assert page["columns"]["upos"]["splits"]["dev"]["accuracy"] == accuracy
    assert page["epochs"] == []
    (members,) = [table for table in page["tables"] if table["title"] == "Members of the ensemble"]
    assert members["heads"] == ["", "dev upos", "test upos"]
    assert [row[:2] for row in members["rows"]] == [[f"seed {n}", f"{100 * accuracy:.2f}%"] for n in (7, 8, 9)]
    card = Path("run/tagger/README.md").read_text()
    assert card.startswith("# Ensemble of 3 part-of-speech taggers for ")
    for words in (
        "ensemble=3 seed=7",
        "| dev | upos |",
        "| test | upos |",
        "## Confidence",
        "## Raw text",
        "## Config",
    ):
        assert words in card
    one, three = tagger.load(finished, "cpu", "float32"), tagger.load("run", "cpu", "float32")
    assert three.tag_sentences(TOKENS) == one.tag_sentences(TOKENS)


def test_a_sweep_of_ensembles(arguments: list[str], copied: list[list[Member]]) -> None:
    own = [text for text in arguments if not text.startswith("hydra.")]
    assert launch.train(["-m", *own, "ensemble=2,3", "hydra.sweep.dir=sweep"]) == 0
    assert [len(members) for members in copied] == [2, 3]
    assert not read_record(copied[0][0].folder).config["test"]
    with Path("sweep/sweep.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert {row["run"]: row["error"] for row in rows} == {"0": "", "1": ""}
    assert all(float(row["dev_accuracy"]) > 0 for row in rows)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["ensemble=0"], "ensemble=0"),
        (["ensemble=17"], "ensemble=17"),
        (["ensemble=2", "parts=temperature", "init=x"], "ensemble=2: parts=temperature trains no members"),
        (["ensemble=2", "seed=4294967295"], "seed=4294967295: those of an ensemble"),
    ],
)
def test_values_that_cannot_be(treebank: Path, overrides: list[str], words: str) -> None:
    with pytest.raises(InputError) as caught:
        config_of(treebank, *overrides)
    assert words in str(caught.value)


def test_bad_input_leaves_nothing(arguments: list[str], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere"):
        launch.train([*arguments, "corpus.path=nowhere", "ensemble=2"])
    assert list(tmp_path.iterdir()) == []


REPORT: dict[str, Any] = {"dev": {"upos": {"accuracy": 0.5}}, "best_epoch": 1, "epochs": 2, "training_seconds": 3.0}


def score(record: RunRecord, folder: Path, resuming: bool) -> None:
    """Stands for the training of a member, as its seed says."""
    with (folder / "trained").open("a") as out:
        out.write("x")
    print("other")
    ensemble._log.info("epoch 1/2  loss 1")
    if record.config["seed"] == 2:
        raise InputError("no such file")
    if record.config["seed"] == 3:
        raise ValueError("broken")
    if record.config["seed"] == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    (folder / "tagger").mkdir(exist_ok=True)
    (folder / "report.json").write_text(json.dumps(REPORT))


def members(*seeds: int) -> list[Member]:
    found = []
    for number, seed in enumerate(seeds, 1):
        folder = Path("members") / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "run.json").write_text(RunRecord("train", [], {"seed": seed}, member=number).to_json())
        found.append(Member(number, seed, folder))
    return found


@pytest.fixture
def one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ensemble, "processes", lambda *_: 1)


@pytest.mark.usefixtures("one_at_a_time")
def test_members_that_are_complete_are_not_trained(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    both = members(1, 5)
    train_members(both, 1, {}, score)
    train_members(both, 1, {}, score)
    assert [(member.folder / "trained").read_text() for member in both] == ["x", "x"]
    assert "member 1 of 2, seed 1 is complete: dev upos 50.00, best epoch 1 of 2, 3 s" in caplog.text
    names = ("member 1 of 2, seed 1", "member 2 of 2, seed 5")
    assert capsys.readouterr().out.splitlines()[:2] == [f"{name}: epoch 1/2  loss 1" for name in names]
    assert (both[0].folder / LOG).read_text() == "other\nepoch 1/2  loss 1\n"
    (both[1].folder / "report.json").write_text("[]")
    with pytest.raises(InputError, match=r"members/2/report.json is damaged; remove it and resume the run"):
        train_members(both, 1, {}, score)


@pytest.mark.usefixtures("one_at_a_time")
def test_the_error_of_a_member_is_that_of_the_ensemble() -> None:
    with pytest.raises(InputError, match=r"^member 1 of 2, seed 2: no such file$"):
        train_members(members(2, 1), 1, {}, score)
    with pytest.raises(RuntimeError, match=r"^member 1 of 2, seed 3: ValueError: broken; see members/1/train.log$"):
        train_members(members(3, 1), 1, {}, score)
    assert 'raise ValueError("broken")' in Path("members/1", LOG).read_text()


@pytest.mark.slow
def test_a_member_that_is_killed_ends_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    get_reusable_executor().shutdown(kill_workers=True)
    monkeypatch.setattr(ensemble, "processes", lambda *_: 2)
    with pytest.raises(InputError, match=r"the process of a member was killed, perhaps for lack of memory; see"):
        train_members(members(4, 4), 1, {}, score)


def test_a_member_that_fails_at_once_leaves_nothing(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise InputError("member 2: bad")

    monkeypatch.setattr(ensemble, "train_members", fail)
    with pytest.raises(InputError, match=r"^member 2: bad$"):
        launch.train([*arguments, "ensemble=2"])
    assert list(tmp_path.iterdir()) == []


def test_an_ensemble_that_is_interrupted_says_how_to_go_on(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(members: Sequence[Member], *_: object) -> None:
        (members[1].folder / CHECKPOINTS).mkdir()
        (members[1].folder / CHECKPOINTS / LAST).touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(ensemble, "train_members", interrupt)
    with pytest.raises(KeyboardInterrupt, match=r"^go on with: python -m tagger resume run$"):
        launch.train([*arguments, "ensemble=2"])
    assert read_record(Path("run/members/2")).member == 2


def test_as_many_at_a_time_as_there_are_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(6)), raising=False)
    assert processes(1, {"accelerator": "cpu"}) == 6
    assert processes(2, {"accelerator": "cpu"}) == 3
    assert processes(2, {"accelerator": "cpu", "devices": 2}) == 1
    assert processes(9, {"accelerator": "cpu"}) == 1
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert processes(1, {"accelerator": "auto"}) == 1
    assert processes(1, {"accelerator": "cpu"}) == 6

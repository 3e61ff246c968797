"""Runs with `ensemble=N`: members in processes of their own, their ensemble, interruptions and failures."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tagger.training.member_processes import LOG, Member, MemberFailed, processes, train_members

import tagger
from tagger.errors import InputError
from tagger.sweeps import launch
from tagger.training import ensemble_run, member_processes
from tagger.training.run_folder import CHECKPOINTS, LAST, read_record
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

    monkeypatch.setattr(ensemble_run, "train_members", copy)
    return calls


def members_running(folder: Path) -> list[str]:
    """The processes that train a member of a run."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:  # it has ended
            continue
        if b"resume" in words and any(word.startswith(os.fsencode(folder)) for word in words):
            found.append(path.parent.name)
    return found


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_an_ensemble_is_killed_and_resumed(
    arguments: list[str],
    finished: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The first member is a finished run; the second one is killed with the run, and goes on."""

    def copy(members: Sequence[Member], *_: object) -> None:
        ignored = shutil.ignore_patterns("run.json")
        shutil.copytree(finished, members[0].folder, ignore=ignored, dirs_exist_ok=True)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(ensemble_run, "train_members", copy)
        with pytest.raises(KeyboardInterrupt):
            launch.train([*arguments, "ensemble=2", "seed=5", "trainer.max_epochs=10"])
    command = [sys.executable, "-m", "tagger", "resume", "run"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if ": epoch 1/" in line:
                assert len(members_running(tmp_path)) == 1
                process.kill()
    assert process.returncode == -signal.SIGKILL
    deadline = time.monotonic() + 60
    while members_running(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert members_running(tmp_path) == []

    caplog.set_level("INFO")
    assert launch.resume("run") == 0
    assert "member 1 of 2, seed 5 is complete: dev upos " in caplog.text
    assert "member 2 of 2, seed 6 is complete: dev upos " in caplog.text
    assert "tag with it: python -m tagger tag FILE --model run" in capsys.readouterr().out

    # The member is what a training with its seed is.
    record = read_record(Path("run/members/2"))
    assert launch.train([*record.overrides, "hydra.run.dir=alone"]) == 0
    assert weights(Path("run/members/2")) == weights(Path("alone"))
    assert weights(Path("run/members/1")) != weights(Path("alone"))
    assert Path("run/tagger/members/2/model.safetensors").read_bytes() == weights(Path("alone"))

    # A finished run is put together and scored again, and nothing is trained again.
    before = {path: path.stat().st_mtime_ns for path in Path("run/members").rglob("*")}
    report = json.loads(Path("run/report.json").read_text())
    shutil.rmtree("run/tagger")
    assert launch.resume("run") == 0
    assert {path: path.stat().st_mtime_ns for path in Path("run/members").rglob("*")} == before
    again = json.loads(Path("run/report.json").read_text())
    assert again | {"words_per_second": 0} == report | {"words_per_second": 0}


def test_what_an_ensemble_leaves(arguments: list[str], copied: list[list[Member]], finished: Path) -> None:
    assert launch.train([*arguments, "ensemble=3", "seed=7", "segmenter=auto", "corpus.dev_share=0.2"]) == 0
    assert [(member.number, member.seed) for member in copied[0]] == [(1, 7), (2, 8), (3, 9)]
    records = [read_record(member.folder) for member in copied[0]]
    assert [record.member for record in records] == [1, 2, 3]
    assert [record.config["ensemble"] for record in records] == [1, 1, 1]
    assert [record.config["seed"] for record in records] == [7, 8, 9]
    assert [record.config["segmenter"] for record in records] == ["auto", "rules", "rules"]
    assert {record.config["corpus"]["dev_seed"] for record in records} == {7}
    own = ["ensemble=1", "seed=8", "segmenter=rules", "corpus.dev_seed=7"]
    kept = [text for text in arguments if not text.startswith(("segmenter=", "hydra."))]
    assert records[1].overrides == [*kept, "corpus.dev_share=0.2", *own]

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


def members(folder: Path, *scripts: str, monkeypatch: pytest.MonkeyPatch) -> list[Member]:
    """Members whose processes run shell scripts."""
    shell = folder / "shell"
    shell.write_text('#!/bin/sh\n. "$4/script"\n')
    shell.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(shell))
    found = []
    for number, script in enumerate(scripts, 1):
        own = folder / "members" / str(number)
        own.mkdir(parents=True)
        (own / "script").write_text(f'cd "$4"\n{script}\n')
        found.append(Member(number, number, own))
    return found


REPORT: dict[str, Any] = {"dev": {"upos": {"accuracy": 0.5}}, "best_epoch": 1, "epochs": 2, "training_seconds": 3.0}
DONE = f"mkdir tagger\necho 'epoch 1/2  loss 1'\necho other\necho '{json.dumps(REPORT)}' > report.json"
# A shell that is told to end while it makes a process may miss it; here it makes one, and then waits for a signal.
WAIT = "trap 'echo ended; exit 130' TERM\nsleep 600 &\ntouch up\nwait"


def test_members_that_are_complete_are_not_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    both = members(tmp_path, DONE, DONE, monkeypatch=monkeypatch)
    train_members(both, 1, {"accelerator": "cpu"})
    text = caplog.text
    assert "member 2 of 2, seed 2: epoch 1/2  loss 1" in text
    assert "member 1 of 2, seed 1 is complete: dev upos 50.00, best epoch 1 of 2, 3 s" in text
    assert "other" not in text
    assert (both[0].folder / LOG).read_text() == "epoch 1/2  loss 1\nother\n"
    for member in both:
        (member.folder / "script").write_text("exit 1")
    train_members(both, 1, {"accelerator": "cpu"})
    (both[1].folder / "report.json").write_text("[]")
    with pytest.raises(InputError, match=r"members/2/report.json is damaged; remove it and resume the run"):
        train_members(both, 1, {"accelerator": "cpu"})


@pytest.mark.parametrize(
    ("script", "status", "words"),
    [
        ("echo Traceback; echo 'RuntimeError: broken'; exit 1", 1, "member 1 of 2, seed 1: RuntimeError: broken; see "),
        ("kill -9 $$", 137, "a signal killed it (SIGKILL), perhaps for lack of memory; see "),
        ("exit 0", 1, "member 1 of 2, seed 1: it ended too early; see "),
    ],
)
def test_a_member_that_fails_ends_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, status: int, words: str
) -> None:
    monkeypatch.setattr(member_processes, "processes", lambda *_: 2)
    own = f"while [ ! -e ../2/up ]; do sleep 0.05; done; {script}"
    both = members(tmp_path, own, WAIT, monkeypatch=monkeypatch)
    with pytest.raises(MemberFailed) as caught:
        train_members(both, 1, {})
    assert words in str(caught.value)
    assert caught.value.status == status
    assert (both[1].folder / LOG).read_text().endswith("ended\n")
    (both[0].folder / "script").write_text("echo 'error: no such file'; exit 2")
    with pytest.raises(InputError) as bad:
        train_members(both, 1, {})
    assert str(bad.value) == "member 1 of 2, seed 1: no such file"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_members_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    monkeypatch.setattr(member_processes, "processes", lambda *_: 2)
    both = members(tmp_path, WAIT, WAIT, monkeypatch=monkeypatch)

    def end_soon() -> None:
        while not all((member.folder / "up").exists() for member in both):
            time.sleep(0.05)
        os.kill(os.getpid(), number)

    threading.Thread(target=end_soon).start()
    with pytest.raises(KeyboardInterrupt):
        train_members(both, 1, {})
    assert all((member.folder / LOG).read_text().endswith("ended\n") for member in both)


@pytest.mark.parametrize(
    ("error", "status"), [(MemberFailed("member 1 of 2, seed 1: broken", 7), 7), (InputError("member 2: bad"), None)]
)
def test_a_member_that_fails_at_once_leaves_nothing_and_its_status(
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    status: int | None,
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(ensemble_run, "train_members", fail)
    if status is None:
        with pytest.raises(InputError, match=r"^member 2: bad$"):
            launch.train([*arguments, "ensemble=2"])
    else:
        assert launch.train([*arguments, "ensemble=2"]) == status
        assert capsys.readouterr().err == f"error: {error}\n"
    assert list(tmp_path.iterdir()) == []


def test_an_ensemble_that_is_interrupted_says_how_to_go_on(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(members: Sequence[Member], *_: object) -> None:
        (members[1].folder / CHECKPOINTS).mkdir()
        (members[1].folder / CHECKPOINTS / LAST).touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(ensemble_run, "train_members", interrupt)
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

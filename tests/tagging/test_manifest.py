"""A run that is killed goes on: no output is made twice, and all are what they would have been."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tagger.commands.app import app
from tagger.errors import InputError
from tagger.tagging.jobs import Job, plan_jobs
from tagger.tagging.manifest import NAME, Manifest, fingerprint

SETTINGS = {"model": "a", "options": [1, None]}


@pytest.fixture
def jobs(tmp_path: Path) -> list[Job]:
    (tmp_path / "in").mkdir()
    for name in "abc":
        (tmp_path / "in" / f"{name}.txt").write_text(f"They book {name}.\n")
    return plan_jobs([str(tmp_path / "in")], str(tmp_path / "out"), None, None)


def finish(manifest: Manifest, job: Job, text: str = "done\n") -> None:
    assert job.target is not None
    job.target.parent.mkdir(exist_ok=True)
    job.target.write_text(text)
    manifest.add(job)


def test_what_is_listed_is_finished(jobs: list[Job], tmp_path: Path) -> None:
    first = Manifest(tmp_path / "out", SETTINGS)
    finish(first, jobs[0])
    finish(first, jobs[2])
    first.close()
    again = Manifest(tmp_path / "out", SETTINGS)
    assert [again.finished(job) for job in jobs] == [True, False, True]
    finish(again, jobs[1])
    assert [Manifest(tmp_path / "out", SETTINGS).finished(job) for job in jobs] == [True] * 3


def test_a_changed_source_or_output_is_not_finished(jobs: list[Job], tmp_path: Path) -> None:
    manifest = Manifest(tmp_path / "out", SETTINGS)
    for job in jobs:
        finish(manifest, job)
    Path(jobs[0].source).write_text("They read.\n")
    assert jobs[1].target is not None
    jobs[1].target.write_text("cut")
    assert jobs[2].target is not None
    jobs[2].target.unlink()
    assert not any(Manifest(tmp_path / "out", SETTINGS).finished(job) for job in jobs)


def test_a_last_line_that_is_not_whole_is_dropped(jobs: list[Job], tmp_path: Path) -> None:
    manifest = Manifest(tmp_path / "out", SETTINGS)
    finish(manifest, jobs[0])
    finish(manifest, jobs[1])
    manifest.close()
    path = tmp_path / "out" / NAME
    path.write_bytes(path.read_bytes()[:-9])
    again = Manifest(tmp_path / "out", SETTINGS)
    assert [again.finished(job) for job in jobs] == [True, False, False]
    finish(again, jobs[2])
    assert [json.loads(line).get("target") for line in path.read_text().splitlines()] == [None, "a.tsv", "c.tsv"]


def test_other_settings_and_damage(jobs: list[Job], tmp_path: Path) -> None:
    manifest = Manifest(tmp_path / "out", SETTINGS)
    finish(manifest, jobs[0])
    other = Manifest(tmp_path / "out", {**SETTINGS, "model": "b"})
    assert not other.fits
    assert not other.finished(jobs[0])
    (tmp_path / "out" / NAME).write_text("{]\n")
    with pytest.raises(InputError, match="is damaged"):
        Manifest(tmp_path / "out", SETTINGS)


def test_what_was_half_written_is_removed(jobs: list[Job], tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    for name in (".a.tsv.x1y2.part", ".b.tsv.zz.part", ".d.tsv.zz.part", "a.tsv.part"):
        (tmp_path / "out" / name).write_text("half")
    Manifest(tmp_path / "out", SETTINGS).remove_leftovers(jobs)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [".d.tsv.zz.part", "a.tsv.part"]


def test_a_fingerprint_tells_taggers_apart(trained: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in trained.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    assert fingerprint(copy) == fingerprint(trained)
    (copy / "README.md").write_text("another card")
    assert fingerprint(copy) == fingerprint(trained)
    (copy / "config.json").write_text((copy / "config.json").read_text() + " ")
    assert fingerprint(copy) != fingerprint(trained)


def test_killed_at_random_times_and_resumed(trained: Path, tmp_path: Path) -> None:
    sources = tmp_path / "in"
    for number in range(60):
        path = sources / f"{number % 4}" / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"They book flights {number}. The book reads well.\n\n" * (40 + 200 * (number % 3 == 0)))
    command = [sys.executable, "-m", "tagger", "tag", "in", "--model", str(trained), "--workers", "2", "-o"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    whole = subprocess.run([*command, "whole"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert whole.returncode == 0, whole.stderr
    chance = random.Random(7)
    made: dict[str, int] = {}
    kills = 0
    for _ in range(40):
        out = tmp_path / "out"
        before = len(list(out.rglob("*.tsv"))) if out.exists() else 0
        process = subprocess.Popen([*command, "out", "--resume"], cwd=tmp_path, env=environment, stderr=subprocess.PIPE)
        if kills < 4:
            while process.poll() is None and (not out.exists() or len(list(out.rglob("*.tsv"))) == before):
                time.sleep(0.002)
            time.sleep(chance.random() * 0.1)
            if process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)
                kills += 1
        process.communicate()
        listed = [json.loads(line)["target"] for line in (out / NAME).read_text().split("\n")[1:-1] if line[-1] == "}"]
        for target in listed:
            inode = (out / target).stat().st_mtime_ns
            assert made.setdefault(target, inode) == inode  # not made again
        if process.returncode == 0:
            break
    assert process.returncode == 0
    assert kills >= 2
    expected = {path.relative_to(tmp_path / "whole"): path.read_bytes() for path in (tmp_path / "whole").rglob("*.tsv")}
    files = [path for path in out.rglob("*") if path.is_file() and path.name != NAME]
    found = {path.relative_to(out): path.read_bytes() for path in files}
    assert len(expected) == 60
    assert found == expected


def test_resume_on_the_command_line(trained: Path, jobs: list[Job], tmp_path: Path) -> None:
    command = ["tag", str(tmp_path / "in"), "--model", str(trained), "--workers", "1"]
    alone = CliRunner().invoke(app, [*command[:1], jobs[0].source, "-o", str(tmp_path / "one.tsv"), "--resume"])
    assert alone.exit_code == 2
    assert "-o FOLDER" in alone.output
    into = [*command, "-o", str(tmp_path / "out")]
    assert CliRunner().invoke(app, into).exit_code == 0
    assert jobs[1].target is not None
    jobs[1].target.unlink()
    again = CliRunner().invoke(app, [*into, "--resume"])
    assert again.exit_code == 0
    assert "2 of 3 outputs are finished" in again.output
    assert jobs[1].target.is_file()
    other = CliRunner().invoke(app, [*into, "--resume", "--probabilities"])
    assert other.exit_code == 2
    assert "another model, precision or options" in other.output

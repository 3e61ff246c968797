"""`tag --resume`: a run that is killed goes on, no output is made twice, and all are what they would have been."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from tagger.tagging.jobs import MANIFEST_NAME
from tests.commands.conftest import call, error


def test_killed_at_random_times_and_resumed(trained: Path, tmp_path: Path) -> None:
    sources = tmp_path / "in"
    for number in range(60):
        path = sources / f"{number % 4}" / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"They book flights {number}. The book reads well.\n\n" * (40 + 200 * (number % 3 == 0)))
    command = [sys.executable, "-m", "tagger", "tag", "in", "--model", str(trained), "--workers", "2", "-o"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    call("tag", "in", "--model", str(trained), "--workers", "2", "-o", "whole")
    chance = random.Random(7)
    made: dict[str, int] = {}
    kills = 0
    for _ in range(40):
        out = tmp_path / "out"
        before = len(list(out.rglob("*.tsv"))) if out.exists() else 0
        process = subprocess.Popen([*command, "out", "--resume"], cwd=tmp_path, env=environment, stderr=subprocess.PIPE)
        if kills < 3:
            while process.poll() is None and (not out.exists() or len(list(out.rglob("*.tsv"))) == before):
                time.sleep(0.002)
            time.sleep(chance.random() * 0.1)
            if process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)
                kills += 1
        process.communicate()
        for path in out.rglob("*.tsv"):
            changed = path.stat().st_mtime_ns
            assert made.setdefault(str(path), changed) == changed  # not made again
        if process.returncode == 0:
            break
    assert process.returncode == 0
    assert kills >= 2
    expected = {path.relative_to(tmp_path / "whole"): path.read_bytes() for path in (tmp_path / "whole").rglob("*.tsv")}
    files = [path for path in out.rglob("*") if path.is_file() and path.name != MANIFEST_NAME]
    found = {path.relative_to(out): path.read_bytes() for path in files}
    assert len(expected) == 60
    assert found == expected


def test_resume_on_the_command_line(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in "abc":
        (tmp_path / "in" / f"{name}.txt").write_text(f"They book {name}.\n")
    command = ["tag", "in", "--model", str(trained), "--workers", "1"]
    assert "-o FOLDER" in error("tag", "in/a.txt", "-o", "one.tsv", "--resume", "--model", str(trained))
    into = [*command, "-o", "out"]
    call(*into)
    (tmp_path / "out" / "b.tsv").unlink()
    corrected = (tmp_path / "out" / "c.tsv").read_text().replace("book", "BOOK")
    (tmp_path / "out" / "c.tsv").write_text(corrected)
    again = call(*into, "--resume")
    assert "1 of 3 outputs are finished" in again.stderr
    assert "kept: out/c.tsv, changed after tagging" in again.stderr
    assert (tmp_path / "out" / "b.tsv").is_file()
    assert (tmp_path / "out" / "c.tsv").read_text() == corrected
    assert "another model, precision or options" in error(*into, "--resume", "--probabilities")

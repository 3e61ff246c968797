"""`tag --shard`: several runs at the same time make together what one run makes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tagger.tagging.jobs import is_manifest
from tests.commands.conftest import call, error


def files(folder: Path) -> dict[str, bytes]:
    """All that is in a folder of outputs but manifests."""
    found = [path for path in folder.rglob("*") if path.is_file() and not is_manifest(path.name)]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_five_processes_at_once_make_what_one_makes(trained: Path, tmp_path: Path) -> None:
    for number in range(40):
        path = tmp_path / "in" / f"{number % 3}" / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"They book flights {number}. The book reads well.\n\n" * (1 + number * number % 60))
    options = ["--model", str(trained), "--workers", "1"]
    call("tag", "in", "-o", "whole", *options)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "tagger", "tag", "in", "-o", "out", *options, "--shard"]
    running = [
        subprocess.Popen([*command, f"{number}/5"], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
        for number in range(1, 6)
    ]
    said = [process.communicate()[1] for process in running]
    assert [process.returncode for process in running] == [0] * 5, said
    counts = [int(re.findall(rf"shard {number}/5: (\d+) of 40 files", text)[0]) for number, text in enumerate(said, 1)]
    assert sum(counts) == 40
    whole = files(tmp_path / "whole")
    assert len(whole) == 40
    assert files(tmp_path / "out") == whole
    (tmp_path / "out" / "1" / "1.tsv").unlink()
    again = [call("tag", "in", "-o", "out", *options, "--resume", "--shard", f"{n}/5").stderr for n in range(1, 6)]
    finished = [int(re.findall(r"resuming: (\d+) of", text)[0]) for text in again]
    assert sum(finished) == 39
    assert all(count - done in (0, 1) for count, done in zip(counts, finished, strict=True))
    assert files(tmp_path / "out") == whole


def test_a_shard_without_files_succeeds(model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("They book.\n")
    said = [
        call("tag", "a.txt", "-o", "out/", "--model", str(model), "--shard", f"{n}/3").stderr.splitlines()
        for n in (1, 2, 3)
    ]
    empty = [f"shard {n}/3: none of 1 files, so there is nothing to do" in lines for n, lines in enumerate(said, 1)]
    assert empty.count(True) == 2
    assert (tmp_path / "out" / "a.tsv").is_file()


@pytest.mark.parametrize("shard", ["1/2", "2/2"])
def test_what_is_wrong_with_the_whole_list_is_said_by_every_shard(model: Path, tmp_path: Path, shard: str) -> None:
    for name in ("a.txt", "b/a.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("They book.\n")
    options = ["--model", str(model), "--shard", shard]
    assert "would both become" in error("tag", "a.txt", "b/a.txt", "-o", "out/", *options)
    assert "--keep keeps tags of the input" in error("tag", "b", "-o", "out/", "--keep", *options)
    assert "--review-below, whose one output" in error("tag", "b", "--review-below", "0.5", *options)
    assert "standard input is none" in error("tag", *options, input="They")
    assert "-o FOLDER/" in error("tag", "a.txt", "-o", "a.tsv", *options)
    assert "-o FOLDER/" in error("tag", "a.txt", *options)
    assert "write i/n" in error("tag", "b", "-o", "out/", *options[:-1], "3/2")
    assert not (tmp_path / "out").exists()

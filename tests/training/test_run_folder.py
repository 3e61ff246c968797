"""A run's folder: one for each run, and a record in it that is read as plain values."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import pytest

from tagger.bundle.run_lock import claim_run, is_being_trained
from tagger.bundle.saved_config import RECORD
from tagger.errors import InputError
from tagger.training.run_folder import RunRecord, discard_run, find_run, new_run_folder, read_record

RUN = RunRecord("train", ["seed=2"], {"seed": 2, "model": {"depth": 1}})


def test_runs_that_start_at_the_same_time_get_folders_of_their_own(tmp_path: Path) -> None:
    wanted = tmp_path / "runs" / "12-00-00"
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: new_run_folder(wanted, RUN, add_number=True), range(8)))
    assert sorted(path.name for path in made) == sorted(["12-00-00", *(f"12-00-00-{number}" for number in range(2, 9))])
    assert all(read_record(path) == RUN for path in made)


def test_a_named_folder_is_taken_once(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("empty", "new"):
        new_run_folder(tmp_path / name, RUN, add_number=False)
        with pytest.raises(
            InputError, match=f"{name} exists; take another name .*, or go on with: python -m tagger resume"
        ):
            new_run_folder(tmp_path / name, RUN, add_number=False)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="notes is a file, or holds files"):
        new_run_folder(tmp_path / "notes", RUN, add_number=False)
    with pytest.raises(InputError, match=r"txt/run cannot be made a run's folder: Not a directory"):
        new_run_folder(tmp_path / "notes" / "mine.txt" / "run", RUN, add_number=True)
    assert (tmp_path / "notes" / "mine.txt").read_text() == "mine"


def test_a_run_without_an_epoch_leaves_nothing_but_what_is_not_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = new_run_folder(Path("runs/day/run"), RUN, add_number=True)
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / ".new.ckpt.part").write_bytes(b"half")
    discard_run(folder)
    assert not (tmp_path / "runs").exists()
    folder = new_run_folder(tmp_path / "runs" / "day" / "run", RUN, add_number=True)
    (folder / "mine.txt").write_text("mine")
    discard_run(folder)
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]
    folder = new_run_folder(tmp_path / "kept", RUN, add_number=False)
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "last.ckpt").write_bytes(b"whole")  # a run with an epoch stays
    discard_run(folder)
    assert read_record(folder) == RUN


@pytest.mark.parametrize(
    "text",
    [
        *("", "[" * 100_000, "{}", '"train"', "[1]", "\0", "[" + "1," * 600_000 + "1]"),
        *(json.dumps(asdict(RUN) | change) for change in ({"command": "rm"}, {"overrides": "x"}, {"config": []})),
    ],
)
def test_a_damaged_record_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / RECORD).write_text(text)
    with pytest.raises(InputError, match=f"{RECORD} does not say how the run was started") as error:
        read_record(tmp_path)
    assert "\n" not in str(error.value)


def test_runs_are_found_by_name_and_the_last_one_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, message in (
        ("latest", r"^no run below runs/ here"),
        ("nowhere", r"^nowhere is no run's folder, it does not exist; name one below runs/$"),
        ("", r"^'' is no run's folder"),
    ):
        with pytest.raises(InputError, match=message):
            find_run(name)
    for number, path in enumerate(("runs/tamil/run.json", "runs/day/12-00/run.json", "runs/s/0/run.json")):
        Path(path).parent.mkdir(parents=True)
        Path(path).touch()
        os.utime(path, (number, number))
    assert find_run("tamil") == Path("runs/tamil")
    assert find_run("latest") == Path("runs/s/0")
    with pytest.raises(InputError, match=r"^tamli is no run's folder, it does not exist; did you mean tamil\?$"):
        find_run("tamli")
    with pytest.raises(InputError, match=r"is no run's folder, it has no run.json; name one below runs/"):
        read_record(tmp_path)


def test_a_run_has_one_process_until_that_ends_even_if_it_is_killed(tmp_path: Path) -> None:
    code = "import sys, time; from pathlib import Path; from tagger.bundle.run_lock import claim_run\n"
    code += "with claim_run(Path(sys.argv[1])): print('claimed', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
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
    with claim_run(tmp_path / "run.txt"):  # where nothing can be locked, nothing is
        assert not is_being_trained(tmp_path / "run.txt")

"""How commands fail: one line on standard error, an exit status, and no control character from outside."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from tagger.commands.console import clear_errors, say, show
from tagger.errors import InputError, missing_extra
from tests.conftest import largest_file


@pytest.mark.parametrize(
    ("raised", "status", "line"),
    [
        (InputError("a.txt: no such file"), 2, "error: a.txt: no such file"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "a.txt"), 2, "error: 'a.txt': No such"),
        (OSError("no such shell"), 2, "error: no such shell; the system names no file, it may be standard output\n"),
        (OSError(errno.EXDEV, "Invalid link", "a", None, "b"), 2, "error: 'a' and 'b': Invalid link"),
        (MemoryError(), 2, "error: this needs more memory than there is"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), 2, "error: this needs more memory"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_what_is_to_be_expected_is_one_line(
    capsys: pytest.CaptureFixture[str], raised: BaseException, status: int, line: str
) -> None:
    with pytest.raises(SystemExit) as end, clear_errors():
        raise raised
    assert end.value.code == status
    shown = capsys.readouterr().err
    assert shown.startswith(line)
    assert shown.count("\n") == 1


def test_a_missing_package_is_installed_from_the_source() -> None:
    said = "onnx is not installed; in the folder of the tagger's source, run pip install -e '.[onnx]'"
    assert str(missing_extra("onnx", "onnx")) == said
    assert str(missing_extra("pandas", None)).endswith(", run pip install -e .")


def test_control_characters_are_replaced(capfd: pytest.CaptureFixture[str]) -> None:
    say("model: \x1b[2Jmine")
    show("one\x07\n\x1b[2Jtwo\n")
    assert capfd.readouterr() == ("one\ufffd\n\ufffd[2Jtwo\n", "model: \ufffd[2Jmine\n")


def test_standard_error_that_cannot_be_written_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with largest_file(3), (tmp_path / "said").open("w") as file:
        monkeypatch.setattr(sys, "stderr", file)
        with pytest.raises(SystemExit) as end, clear_errors():
            raise InputError("a.txt: no such file")
        assert end.value.code == 2


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = command.replace("tagger", f"{sys.executable} -m tagger", 1)
    return subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True, timeout=120)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize("command", ["--help", "models --json", "tag --language en --text They"])
def test_standard_output_that_is_full_is_one_line(tmp_path: Path, command: str) -> None:
    done = shell(f"tagger {command} > /dev/full", tmp_path)
    assert done.returncode == 2
    *before, said = done.stderr.splitlines()
    assert said.startswith("error: ")
    assert all(part in said for part in ("standard output", "No space left on device")), said
    assert len(before) == ("tag" in command.split())  # which names its tagger


def test_standard_output_that_is_closed_is_one_line(tmp_path: Path) -> None:
    done = shell("tagger models >&-", tmp_path)
    assert (done.returncode, done.stderr) == (2, "error: standard output is closed; name a file with -o, or open it\n")

"""Files on a real Ray of this machine, with a process that is killed."""

import gzip
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="the extra `ray` has Ray")

from tagger.extras.ray.ray_files import connected, ray
from tests.commands.conftest import call, error
from tests.conftest import ROOT

TEXT = "They book flights {}. The book reads well.\n\n"


@pytest.fixture(scope="session")
def _ray() -> Iterator[None]:
    """One Ray, whose processes find `tagger`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
        patch.setenv("RAY_worker_niceness", "0")  # other tests would starve its processes
        with connected(1):
            yield


def content(folder: str) -> dict[str, bytes]:
    """All files of a folder but hidden ones."""
    files = [path for path in Path(folder).rglob("[!.]*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.mark.slow
@pytest.mark.usefixtures("_ray")
def test_outputs_messages_and_status_are_those_of_a_run_without_ray(trained: Path) -> None:
    Path("in/deep").mkdir(parents=True)
    for number in range(6):
        path = Path("in", "deep" if number % 3 else ".", f"{number}.txt")
        path.write_text("".join(TEXT.format(number + line) for line in range(1 + 30 * (number % 4))))
    Path("in/packed.txt.gz").write_bytes(gzip.compress(b"The book reads well.\n"))
    Path("in/given.conllu").write_text("1\tThey\t_\tPRON\tPRP\t_\t_\t_\t_\t_\n\n")
    Path("in/latin.txt").write_bytes("They book.\n\nCafé.\n".encode("latin-1"))
    command = ["in", "--model", str(trained), "--output", "conllu", "-o"]
    local = call("tag", *command, "local", "--workers", "1", status=2)
    on_ray = call("ray", *command, "ray", "--workers", "2", status=2)
    assert on_ray.stderr.replace("ray", "local") == local.stderr.replace("ray", "local")
    assert "latin.txt, line 3" in on_ray.stderr
    expected = content("local")
    assert len(expected) == 8
    assert content("ray") == expected
    Path("ray/deep/1.conllu").unlink()
    resumed = call("tag", *command, "ray", "--workers", "1", status=2)  # it goes on with what Ray did
    assert "and 6 more; --force replaces" in resumed.stderr
    Path("ray/0.conllu").unlink()
    resumed = call("ray", *command, "ray", "--workers", "1", status=2)
    assert "and 6 more; --force replaces" in resumed.stderr
    assert content("ray") == expected


def reader_of(path: Path, after: int = 0) -> int:
    """Waits until another process has a file open, after one that was killed."""
    while True:
        for link in Path("/proc").glob("[0-9]*/fd/*"):
            with suppress(OSError):  # it has ended, or has closed the file
                if int(link.parts[2]) not in (os.getpid(), after) and link.readlink() == path:
                    return int(link.parts[2])
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.usefixtures("_ray")
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc to find the process that reads a file")
def test_the_files_of_a_killed_process_are_tagged_by_another(trained: Path, tmp_path: Path) -> None:
    Path("in").mkdir()
    for name in "abc":
        Path(f"in/{name}.txt").write_text(TEXT.format(1) * (5_000 if name == "b" else 20))
    command = ["in", "--model", str(trained), "--workers", "1", "--probabilities", "-o"]
    call("tag", *command, "whole")
    killed: list[int] = []

    def kill() -> None:
        killed.append(reader_of(tmp_path / "in" / "b.txt"))
        os.kill(killed[0], signal.SIGKILL)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    call("ray", *command, "out")
    killer.join()
    assert content("out") == content("whole")


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1"])
def test_no_cluster_at_an_address(address: str, monkeypatch: pytest.MonkeyPatch, trained: Path) -> None:
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setenv("RAY_ADDRESS", address)
    Path("a.txt").write_text("They book.\n")
    said = error("ray", "a.txt", "-o", "out/", "--model", str(trained))
    assert said.startswith(f"error: no Ray cluster answers at {address} (")
    assert content(".").keys() == {"a.txt"}
    assert "standard input is none" in error("ray", "-", "-o", "out", "--model", str(trained))

"""A service in a process of its own, started by the command."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest


class Served(NamedTuple):
    """A running service."""

    url: str
    process: "subprocess.Popen[str]"
    log: Path  # its standard error


@contextmanager
def serving(folder: Path, *options: str, wait: bool = True) -> Iterator[Served]:
    """Starts `tagger serve` on a free port, and ends it after the block."""
    log = folder / "serve.log"
    command = [sys.executable, "-m", "tagger", "serve", "--port", "0", "--drain", "0.2", *options]
    with log.open("w") as err:
        process = subprocess.Popen(command, stderr=err, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    try:
        until = time.monotonic() + 60
        while not (found := re.search(r"http://\S+", log.read_text())):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.05)
        url = found.group()
        while wait and (not _answers(url) or httpx.get(f"{url}/ready").status_code != 200):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.1)
        yield Served(url, process, log)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/live").status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The bundled tagger, under two names."""
    options = ("--model", "english", "--model", "second=english")
    with serving(tmp_path_factory.mktemp("served"), *options) as running:
        yield running

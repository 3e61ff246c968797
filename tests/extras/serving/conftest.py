"""Services for tests: in this process without a socket, in a thread of it, and in a process that the command starts."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import uvicorn
from starlette.testclient import TestClient

import tagger
from tagger.extras.serving.gate import Gate, Settings
from tagger.extras.serving.server import bound_socket, create_app, server_of
from tagger.extras.serving.service import Service
from tests.commands.conftest import call

TEXT = "They book flights. “Is that so?” she asked.\n\nDon't go to Zoë\u0308 🙂 now…\n"
SMALL: dict[str, Any] = {"max_bytes": 100_000, "max_running": 8, "log": False, "grace": 5}


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[SimpleNamespace]:
    """Starts `tagger serve` on a free port: its URL, port, process and standard error; ends it after the block."""
    log = folder / "serve.log"
    command = [sys.executable, "-m", "tagger", "serve", "--port", "0", *options]
    with log.open("w") as err:
        process = subprocess.Popen(command, stderr=err, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})

    try:
        until(lambda: "serving on" in log.read_text() or process.poll() is not None, 0.1)
        url = log.read_text().split()[2]
        yield SimpleNamespace(url=url, port=int(url.rpartition(":")[2]), process=process, log=log)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


def until(holds: Callable[[], Any], pause: float = 0.01) -> None:
    """Waits until something is the case."""
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(pause)


def service_of(folder: Path, name: str = "tiny") -> Service:
    """A service of a tagger."""
    return Service({name: tagger.load(folder, device="cpu")})


@contextmanager
def inside(service: Service, **changes: Any) -> Iterator[TestClient]:
    """A client of an application in this process; its attribute `app` is the gate."""
    with TestClient(create_app(service, Settings(**SMALL | changes))) as client:
        yield client


class Running(NamedTuple):
    """A service in a thread of this process."""

    url: str
    port: int
    gate: Gate
    server: uvicorn.Server


@contextmanager
def running(service: Service, **changes: Any) -> Iterator[Running]:
    """Serves in a thread."""
    gate = create_app(service, Settings(**SMALL | changes))
    server = server_of(gate)
    listening = bound_socket("127.0.0.1", 0)
    port = listening.getsockname()[1]
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        until(lambda: server.started)
        yield Running(f"http://127.0.0.1:{port}", port, gate, server)
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def served() -> Iterator[Running]:
    """The bundled tagger, under two names."""
    english = tagger.load("english", device="cpu")
    with running(Service({"english": english, "second": english}), max_bytes=100_000_000) as service:
        yield service


def command(folder: Path, *options: str, text: str = TEXT) -> str:
    file = folder / "text.txt"
    file.write_text(text, encoding="utf-8")
    return call("tag", str(file), "--model", "english", *options).stdout


def opened(port: int, data: bytes = b"") -> socket.socket:
    """A connection, on which data was sent."""
    connected = socket.create_connection(("127.0.0.1", port), timeout=30)
    connected.sendall(data)
    return connected


def answered(connected: socket.socket) -> bytes:
    """The next answer: its head and its body."""
    answer = b""
    while b"\r\n\r\n" not in answer and (part := connected.recv(1 << 16)):
        answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
    while len(body) < length and (part := connected.recv(1 << 16)):
        body += part
    return head + b"\r\n\r\n" + body


def status(connected: socket.socket) -> int:
    """The status of the next answer."""
    return int(answered(connected).split(b" ", 2)[1])

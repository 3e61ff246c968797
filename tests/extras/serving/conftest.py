"""Services for tests: in this process without a socket, in a thread of it, and in a process that the command starts."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import uvicorn
from starlette.testclient import TestClient

import tagger
from tagger.extras.serving.gate import Gate, Settings
from tagger.extras.serving.server import bound_socket, create_app, server_of
from tagger.extras.serving.service import ALL_LANGUAGES, Service, all_languages

SMALL: dict[str, Any] = {"max_bytes": 100_000, "max_running": 8, "log": False, "grace": 5}


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


@pytest.fixture(scope="session")
def every() -> Iterator[Running]:
    """The taggers of all languages."""
    with running(Service({ALL_LANGUAGES: all_languages("cpu", "auto")})) as service:
        yield service

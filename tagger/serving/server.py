"""Sockets and signals: an application is served until the process is told to end, and no request is lost then."""

import asyncio
import socket
from types import FrameType
from typing import Any, NamedTuple

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tagger.errors import InputError
from tagger.serving.gate import Gate

HEADER_SECONDS = 20.0  # that the headers of a request may take
KEEP_ALIVE_SECONDS = 30  # that a connection may be idle between two requests
BACKLOG = 2048  # connections that the system holds until they are accepted


class Protocol(HttpToolsProtocol):
    """uvicorn's, which also ends connections whose headers do not come."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begins to wait for headers."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Reads a part of a request; the next one of a connection has its own time."""
        if self._timer is None and (self.cycle is None or self.cycle.response_complete):
            self._wait()
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """Ends the wait for headers."""
        self._stop_waiting()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends the wait for headers."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._timer = self.loop.call_later(HEADER_SECONDS, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Ending(NamedTuple):
    """How a service ends.

    Attributes:
        drain: seconds in which new connections are still accepted.
        grace: seconds that requests in flight may take after that.
    """

    drain: float
    grace: float


class Server(uvicorn.Server):
    """uvicorn's, which drains before it ends.

    On SIGTERM or Ctrl+C `/ready` fails and answers close their connections; new ones are still accepted for a moment,
    so that a load balancer can turn to others. Then no more are accepted, and what is in flight is answered. A second
    signal ends at once.
    """

    def __init__(self, gate: Gate, ending: Ending) -> None:
        """Prepares to serve an application."""
        super().__init__(
            uvicorn.Config(
                gate,
                http=Protocol,
                lifespan="on",
                ws="none",
                access_log=False,
                log_level="warning",
                server_header=False,
                proxy_headers=False,
                backlog=BACKLOG,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=max(1, int(ending.grace)),
            )
        )
        self._gate, self._ending = gate, ending

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begins to drain; called for a signal."""
        if self._gate.draining:
            super().handle_exit(sig, frame)
            return
        self._gate.draining = True
        asyncio.get_event_loop().call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        asyncio.get_running_loop().call_later(self._ending.drain, self._end)

    def _end(self) -> None:
        self.should_exit = True


def bound_socket(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        InputError: the address cannot be had.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
    except OSError as error:
        raise InputError(f"--host {host}: {error.strerror}; name an address of this machine") from None
    bound = socket.socket(family, kind, protocol)  # without the protocol asyncio would not set TCP_NODELAY
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(BACKLOG)
    except OSError as error:
        bound.close()
        raise InputError(f"--host {host} --port {port}: {error.strerror}; choose another --port") from None
    return bound

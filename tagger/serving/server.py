"""Sockets and signals: an application is served until the process is told to end, and no request is lost then."""

import asyncio
import errno
import os
import socket
from contextlib import suppress
from types import FrameType
from typing import NamedTuple

import uvicorn

from tagger.errors import InputError
from tagger.serving.connection import Connection
from tagger.serving.gate import Gate
from tagger.serving.log import write_line

KEEP_ALIVE_SECONDS = 30  # that a connection may be idle between two requests
BACKLOG = 2048  # connections that the system holds until they are accepted
AT_ONCE = 64  # connections that are accepted before others are served
INTERRUPTED = 130  # the exit status after a second signal
CHECK_TICKS = 50  # of a tenth of a second, between two looks at all connections


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
                http=Connection,
                lifespan="on",
                ws="none",
                access_log=False,
                log_config=None,
                log_level="warning",
                server_header=False,
                proxy_headers=False,
                backlog=AT_ONCE,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=max(1, int(ending.grace)),
            )
        )
        self._gate, self._ending = gate, ending

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begins to drain; called for a signal. A second one ends the process, whatever its threads do."""
        if self._gate.draining:
            write_line({"level": "warning", "message": "a second signal: requests in flight get no answer"})
            os._exit(INTERRUPTED)
        self._gate.draining = True
        asyncio.get_event_loop().call_soon_threadsafe(self._drain)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins to listen."""
        await super().startup(sockets)
        for listening in sockets or []:
            listening.listen(BACKLOG)  # asyncio has one number for this and for AT_ONCE

    async def on_tick(self, counter: int) -> bool:
        """Ends connections whose clients do not read; says whether it is time to end."""
        if counter % CHECK_TICKS == 0:
            for connection in list(self.server_state.connections):
                if isinstance(connection, Connection):
                    connection.check()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accepts no more connections than those that the system has accepted already; answers what is in flight."""
        loop = asyncio.get_running_loop()
        for listening in sockets or []:
            loop.remove_reader(listening)
        await asyncio.sleep(0)  # asyncio drops a connection that it has accepted if it closes before it reads it
        waiting = []
        for listening in sockets or []:
            with suppress(BlockingIOError):
                while True:
                    waiting.append(listening.accept()[0])
        for server in self.servers:
            server.close()  # at once: a connection that came before would be reset
        for accepted in waiting:
            await loop.connect_accepted_socket(self._connection, accepted)
        await super().shutdown(sockets)

    def _connection(self) -> Connection:
        return Connection(self.config, self.server_state, self.lifespan.state)

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
        remedy = "choose another --port" if error.errno == errno.EADDRINUSE else "name an address of this machine"
        raise InputError(f"--host {host} --port {port}: {error.strerror}; {remedy}") from None
    return bound

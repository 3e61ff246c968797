"""Taggers and an open socket -> a service that runs until the process is told to end, and loses no request then."""

import asyncio
import errno
import gc
import logging
import math
import os
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from types import FrameType

import torch
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tagger.errors import InputError
from tagger.serving.app import create_app
from tagger.serving.gate import Gate, JsonHandler, Settings, write_line
from tagger.serving.models import Service
from tagger.tagging.languages import LanguageTagger
from tagger.tagging.tagger import Tagger

KEEP_ALIVE_SECONDS = 30  # that a connection may be idle between two requests
BACKLOG = 2048  # connections that the system holds until they are accepted
LAST_SECONDS = 1.0  # that a connection may take to send its request when the service ends
INTERRUPTED = 130  # the exit status after a second signal
COLLECTED = (50_000, 10, 10)  # objects before the garbage collector runs: requests and tagging leave few cycles
SWITCH_SECONDS = 0.0005  # that the batcher computes while the event loop waits; Python's 0.005 add up at every send


class Server(uvicorn.Server):
    """uvicorn's, which drains before it ends.

    On SIGTERM or Ctrl+C `/ready` fails and answers close their connections; new ones are still accepted for a moment,
    so that a load balancer can turn to others. Then no more are accepted, and what is in flight is answered. A second
    signal ends at once.
    """

    def __init__(self, gate: Gate) -> None:
        """Prepares to serve an application."""
        super().__init__(
            uvicorn.Config(
                gate,
                loop="asyncio",
                http=HttpToolsProtocol,
                ws="none",
                lifespan="on",
                access_log=False,
                log_config=None,
                log_level="warning",
                server_header=False,
                proxy_headers=False,
                backlog=BACKLOG,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=math.ceil(gate.settings.grace),
            )
        )
        self._gate = gate

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begins to drain; called for a signal. A second one ends the process, whatever its threads do."""
        if self._gate.draining:
            write_line({"level": "warning", "message": "a second signal: requests in flight get no answer"})
            os._exit(INTERRUPTED)
        self._gate.draining = True
        loop = asyncio.get_event_loop()
        loop.call_soon_threadsafe(loop.call_later, self._gate.settings.drain, self.end)

    def end(self) -> None:
        """Lets the server end, without a drain."""
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accepts no more connections than those that the system has accepted already; answers what is in flight."""
        self._gate.draining = True
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
        protocol = partial(HttpToolsProtocol, self.config, self.server_state, self.lifespan.state)
        for accepted in waiting:
            await loop.connect_accepted_socket(protocol, accepted)
        end = loop.time() + LAST_SECONDS
        while self.server_state.connections and loop.time() < end:  # their requests may be on their way
            await asyncio.sleep(0.01)
        await super().shutdown(sockets)


def run(
    loaders: Mapping[str, Callable[[], Tagger | LanguageTagger]], listening: socket.socket, settings: Settings
) -> None:
    """Serves until SIGTERM or Ctrl+C. It answers while the taggers are loaded, but is not ready then.

    Args:
        loaders: what loads each tagger, by the name that clients call it.
        listening: see `bound_socket`.
        settings: what is let in, and how the service ends.

    Raises:
        InputError: a tagger cannot be loaded.
    """
    logging.basicConfig(handlers=[JsonHandler()], level=logging.WARNING, force=True)
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # a bad form is the client's error
    with suppress(ImportError, OSError, ValueError):  # each connection is a file; Windows has no such limit
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    service = Service()
    failed: list[Exception] = []

    def load_all() -> None:
        try:
            torch.set_num_threads(1)  # more are slower: the steps are small
            taggers = {name: load() for name, load in loaders.items()}
            for tagger in taggers.values():
                tagger.tag(["warm"])
            gc.collect()
            gc.freeze()  # what exists now lives until the end
            gc.set_threshold(*COLLECTED)
            sys.setswitchinterval(SWITCH_SECONDS)
            service.taggers = taggers
        except Exception as error:
            failed.append(error)
            server.end()

    server = Server(create_app(service, settings, load_all))
    server.run([listening])
    if failed:
        raise failed[0]


def bound_socket(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        InputError: the address cannot be had.
    """
    bound = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)  # without the protocol asyncio would not set TCP_NODELAY
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(BACKLOG)
    except OSError as error:
        if bound is not None:
            bound.close()
        remedy = "choose another --port" if error.errno == errno.EADDRINUSE else "name an address of this machine"
        raise InputError(f"--host {host} --port {port}: {error.strerror}; {remedy}") from None
    return bound

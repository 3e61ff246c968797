"""Taggers and an open socket -> a service that runs until the process is told to end."""

import errno
import gc
import logging
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress

import torch
import uvicorn

from tagger.errors import InputError
from tagger.extras.serving.gate import Gate, Settings
from tagger.extras.serving.served_models import Service
from tagger.extras.serving.service import create_app
from tagger.tagging.languages import LanguageTagger
from tagger.tagging.tagger import Tagger

KEEP_ALIVE_SECONDS = 30  # that a connection may be idle between two requests
BACKLOG = 2048  # connections that the system holds until they are accepted
COLLECTED = (50_000, 10, 10)  # objects before the garbage collector runs: requests and tagging leave few cycles
SWITCH_SECONDS = 0.0005  # that the batcher computes while the event loop waits; Python's 0.005 add up at every send


def load(loaders: Mapping[str, Callable[[], Tagger | LanguageTagger]]) -> Service:
    """A service of taggers, each by the name that clients call it; this process is set up for it."""
    torch.set_num_threads(1)  # more are slower: the steps are small
    service = Service({name: load() for name, load in loaders.items()})
    for tagger in service.taggers.values():
        tagger.tag(["warm"])
    gc.collect()
    gc.freeze()  # what exists now lives until the end
    gc.set_threshold(*COLLECTED)
    sys.setswitchinterval(SWITCH_SECONDS)
    return service


def server_of(gate: Gate) -> uvicorn.Server:
    """The server of an application. On SIGTERM or Ctrl+C it accepts no more, and answers what is in flight."""
    return uvicorn.Server(
        uvicorn.Config(
            gate,
            loop="asyncio",
            http="httptools",
            ws="none",
            lifespan="on",
            access_log=False,
            log_config=None,
            log_level="warning",
            server_header=False,
            proxy_headers=False,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=gate.settings.grace,
        )
    )


def run(service: Service, listening: socket.socket, settings: Settings) -> None:
    """Serves until SIGTERM or Ctrl+C."""
    logging.basicConfig(level=logging.WARNING)
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # a bad form is the client's error
    with suppress(KeyboardInterrupt):  # uvicorn raises the signal again when it has ended
        server_of(create_app(service, settings)).run([listening])


def bound_socket(host: str, port: int) -> socket.socket:
    """A socket that listens."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)  # without the protocol asyncio would not set TCP_NODELAY
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(BACKLOG)
    except OSError as error:
        remedy = "choose another --port" if error.errno == errno.EADDRINUSE else "name an address of this machine"
        raise InputError(f"--host {host} --port {port}: {error.strerror}; {remedy}") from None
    return bound

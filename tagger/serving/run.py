"""The names of taggers and an open socket -> a service that runs until the process is told to end."""

import asyncio
import gc
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import torch
from fastapi import FastAPI

from tagger.serving.app import create_app
from tagger.serving.batcher import Batcher
from tagger.serving.gate import Limits
from tagger.serving.log import log_as_json
from tagger.serving.models import Models
from tagger.serving.server import Ending, Server
from tagger.serving.service import Service
from tagger.tagging.load import load
from tagger.tagging.tagger import Tagger

COLLECTED = (50_000, 10, 10)  # objects before the garbage collector runs: requests and tagging leave few cycles
SWITCH_SECONDS = 0.0005  # that the batcher computes while the event loop waits; Python's 0.005 add up at every send


class Loading(NamedTuple):
    """Which taggers a service has, and how they are loaded; see `tagging.load.load`."""

    folders: Mapping[str, Path]
    device: str = "auto"
    precision: str = "auto"


def run(loading: Loading, listening: socket.socket, limits: Limits, origins: Sequence[str], ending: Ending) -> None:
    """Serves until SIGTERM or Ctrl+C. It answers while the taggers are loaded, but is not ready then.

    Raises:
        InputError: a tagger cannot be loaded.
    """
    log_as_json()
    _allow_files()
    service = Service(Models(), Batcher())
    failed: list[Exception] = []

    async def load_all() -> None:
        try:
            service.models.load(await asyncio.to_thread(_load, loading))
        except Exception as error:
            failed.append(error)
            server.should_exit = True

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.batcher.start()
        task = asyncio.create_task(load_all())
        yield
        await task
        await asyncio.to_thread(service.batcher.stop)

    server = Server(create_app(service, limits, origins, lifespan), ending)
    server.run([listening])
    if failed:
        raise failed[0]


def _allow_files() -> None:
    """Lets the process have as many files as the system permits: each connection is one."""
    with suppress(ImportError, OSError, ValueError):  # Windows has no such limit
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _load(loading: Loading) -> dict[str, Tagger]:
    torch.set_num_threads(1)  # more are slower: the steps are small
    taggers = {}
    for name, folder in loading.folders.items():
        tagger = load(folder, loading.device, loading.precision)
        tagger.tag(["warm"])
        taggers[name] = tagger
    gc.collect()
    gc.freeze()  # what exists now lives until the end
    gc.set_threshold(*COLLECTED)
    sys.setswitchinterval(SWITCH_SECONDS)
    return taggers

"""Taggers and an open socket -> an application and its server, which runs until the process is told to end.

| path | protocol |
|---|---|
| `GET /` | the web page |
| `/v1/...`, `/docs` | the service's own; see `api.py` |
| `GET /models`, `/process` | UDPipe's; see `udpipe.py` |
| `/live`, `/ready`, `/metrics` | for those who run it |
"""

import asyncio
import errno
import gc
import logging
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from importlib.resources import files

import torch
import uvicorn
from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse
from fastapi.security import HTTPBearer
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from tagger.errors import InputError
from tagger.extras.serving import api, udpipe
from tagger.extras.serving.bodies import Refusal
from tagger.extras.serving.gate import ASSETS, Gate, Settings, error_response
from tagger.extras.serving.service import Service
from tagger.tagging.languages import Languages
from tagger.tagging.tagger import Tagger
from tagger.text.strings import printable

KEEP_ALIVE_SECONDS = 30  # that a connection may be idle between two requests
BACKLOG = 2048  # connections that the system holds until they are accepted
COLLECTED = (50_000, 10, 10)  # objects before the garbage collector runs: requests and tagging leave few cycles
SWITCH_SECONDS = 0.0005  # that the batcher computes while the event loop waits; Python's 0.005 add up at every send
CLIENT_GONE = 499  # a status for the log and the metrics alone: nobody is there to read it
ERRORS = {
    "4XX": "The message says what to change: 400 the request, 401 the token is missing, 413 the body is too large.",
    "503": "The service is full; see Retry-After.",
}
PAGE = files("tagger.extras.serving").joinpath("page.html")
_PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self';"
    " img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def load(loaders: Mapping[str, Callable[[], Tagger | Languages]]) -> Service:
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


def create_app(service: Service, settings: Settings) -> Gate:
    """Makes the application, which starts and stops the service's batcher."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.batcher.start()
        yield
        await asyncio.to_thread(service.batcher.stop)

    app = FastAPIOffline(  # its page /docs needs no other host
        title="tagger",
        description="Part-of-speech tags of a text, with probabilities; `/process` speaks the protocol of UDPipe.",
        redoc_url=None,
        static_url=ASSETS,
        favicon_url="data:,",
        lifespan=lifespan,
        responses={status: {"description": meaning} for status, meaning in ERRORS.items()},
        dependencies=[Depends(HTTPBearer(auto_error=False))] if settings.token else [],  # for /docs; `gate` checks it
    )
    gate = Gate(app, settings, service.batcher)
    app.include_router(api.routes(service))
    app.include_router(udpipe.routes(service))
    for kind in (Refusal, InputError, ClientDisconnect, OSError, HTTPException):
        app.add_exception_handler(kind, _error_answer)

    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        headers = {"content-security-policy": _PAGE_POLICY, "referrer-policy": "no-referrer"}
        return HTMLResponse(PAGE.read_bytes(), headers=headers | {"x-content-type-options": "nosniff"})

    @app.get("/live", tags=["operation"], summary="Whether the process answers", response_class=PlainTextResponse)
    @app.get("/ready", tags=["operation"], summary="Whether it can tag", response_class=PlainTextResponse)
    async def live() -> Response:
        return PlainTextResponse("ready\n")

    @app.get("/metrics", tags=["operation"], summary="Counters for Prometheus", response_class=PlainTextResponse)
    async def metrics() -> Response:
        return Response(gate.metrics(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return gate


async def _error_answer(request: Request, error: Exception) -> Response:
    """The answer to a request that an error ended."""
    path = request.url.path
    headers: Mapping[str, str] = {}
    if isinstance(error, Refusal):
        refusal = error
    elif isinstance(error, ClientDisconnect):
        refusal = Refusal(CLIENT_GONE, "the client went away")
    elif isinstance(error, HTTPException):  # Starlette's
        headers = error.headers or {}  # such as Allow
        message = f"{request.method} {printable(path[:60])}: {error.detail}; /docs lists what there is"
        refusal = Refusal(error.status_code, message)
    elif isinstance(error, OSError):
        message = f"the service has no room on its disk ({error.strerror}); send less, or later"
        refusal = Refusal(507, message)
    else:
        refusal = Refusal(400, str(error))
    response = error_response(refusal, path)
    response.headers.update(headers)
    return response


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

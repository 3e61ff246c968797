"""The service as an ASGI application: which path belongs to which protocol.

| path | protocol |
|---|---|
| `GET /` | the web page |
| `/v1/...`, `/docs` | the service's own; see `api.py` |
| `GET /models`, `/process` | UDPipe's; see `udpipe.py` |
| `/live`, `/ready`, `/metrics` | for those who run it |
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.resources import files

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
from tagger.extras.serving.served_models import Service
from tagger.text.strings import printable

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

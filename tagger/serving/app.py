"""The service as an ASGI application: which path belongs to which protocol.

| path | protocol |
|---|---|
| `GET /` | the web page |
| `/v1/...`, `/docs` | the service's own; see `api.py` |
| `GET /models`, `/process` | UDPipe's; see `udpipe.py` |
| `POST /` | CoreNLP's, or Hugging Face's if the body is JSON; see `corenlp.py`, `huggingface.py` |
| `POST /models/NAME` | Hugging Face's, for one model |
| `/live`, `/ready`, `/ping`, `/metrics` | for those who run it |
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.resources import files

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse
from fastapi.security import HTTPBearer
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from tagger.errors import InputError
from tagger.serving import api, corenlp, huggingface, udpipe
from tagger.serving.bodies import Refusal, body, json_body, parameter
from tagger.serving.gate import ASSETS, Gate, Settings, error_response
from tagger.serving.models import Service
from tagger.text.strings import printable

CLIENT_GONE = 499  # a status for the log and the metrics alone: nobody is there to read it
ERRORS = {
    "4XX": "The message says what to change: 400 the request, 401 the token is missing, 413 the body is too large.",
    "503": "The service is full or has not loaded its models; see Retry-After.",
}
PAGE = files("tagger.serving").joinpath("page.html")
_PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self';"
    " img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_ABOUT = (
    "Part-of-speech tags of a text, with probabilities. The same service speaks the protocols of UDPipe"
    " (`/process`), CoreNLP and Hugging Face (`/`)."
)


def create_app(service: Service, settings: Settings, load: Callable[[], None] | None = None) -> Gate:
    """Makes the application.

    Args:
        service: its taggers may be loaded later; until then it is not ready.
        settings: what is let in.
        load: loads the taggers, in a thread, when the application begins.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.batcher.start()
        loading = asyncio.create_task(asyncio.to_thread(load or (lambda: None)))
        yield
        await loading
        await asyncio.to_thread(service.batcher.stop)

    app = FastAPIOffline(  # its page /docs needs no other host
        title="tagger",
        description=_ABOUT,
        redoc_url=None,
        static_url=ASSETS,
        favicon_url="data:,",
        lifespan=lifespan,
        responses={status: {"description": meaning} for status, meaning in ERRORS.items()},
        dependencies=[Depends(HTTPBearer(auto_error=False))] if settings.token else [],  # for /docs; `gate` checks it
    )
    gate = Gate(app, settings, service.batcher)
    for protocol in (api, udpipe, huggingface):
        app.include_router(protocol.routes(service))
    _add_root(app, service)
    _add_operation(app, service, gate)
    _add_errors(app)
    return gate


def _add_errors(app: FastAPI) -> None:
    """How errors are told."""

    @app.exception_handler(Refusal)
    async def refused(request: Request, refusal: Refusal) -> Response:
        return error_response(refusal, request.url.path)

    @app.exception_handler(InputError)
    async def bad_input(request: Request, error: InputError) -> Response:
        return error_response(Refusal(400, str(error)), request.url.path)

    @app.exception_handler(ClientDisconnect)
    async def gone(request: Request, _: ClientDisconnect) -> Response:
        return error_response(Refusal(CLIENT_GONE, "the client went away"), request.url.path)

    @app.exception_handler(OSError)
    async def no_room(request: Request, error: OSError) -> Response:
        message = f"the service has no room on its disk ({error.strerror}); send less, or later"
        return error_response(Refusal(507, message), request.url.path)

    @app.exception_handler(HTTPException)
    async def not_there(request: Request, error: HTTPException) -> Response:
        message = f"{request.method} {printable(request.url.path[:60])}: {error.detail}; /docs lists what there is"
        response = error_response(Refusal(error.status_code, message), request.url.path)
        response.headers.update(error.headers or {})  # such as Allow
        return response


def _add_operation(app: FastAPI, service: Service, gate: Gate) -> None:
    """The web page, one file, and the paths for those who run the service."""

    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        headers = {"content-security-policy": _PAGE_POLICY, "referrer-policy": "no-referrer"}
        return HTMLResponse(PAGE.read_bytes(), headers=headers | {"x-content-type-options": "nosniff"})

    @app.get("/live", tags=["operation"], summary="Whether the process answers", response_class=PlainTextResponse)
    @app.get("/ping", include_in_schema=False)
    async def live() -> Response:
        return PlainTextResponse("live\n")

    @app.get("/ready", tags=["operation"], summary="Whether it can tag", response_class=PlainTextResponse)
    async def ready() -> Response:
        if gate.draining or not service.taggers:
            raise Refusal(503, "ending" if gate.draining else "the models are not loaded yet")
        return PlainTextResponse("ready\n")

    @app.get("/metrics", tags=["operation"], summary="Counters for Prometheus", response_class=PlainTextResponse)
    async def metrics() -> Response:
        return Response(gate.metrics(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _add_root(app: FastAPI, service: Service) -> None:
    """The path that two protocols share."""

    @app.post(
        "/",
        tags=["CoreNLP", "Hugging Face"],
        summary="CoreNLP: annotate a text; Hugging Face: classify its tokens",
        openapi_extra=body(
            {"text/plain": {"schema": {"type": "string"}, "example": "They book flights."}}
            | json_body(huggingface.Payload, huggingface.EXAMPLE),
            [
                parameter("properties", 'CoreNLP\'s: JSON, such as {"outputFormat": "conllu"}.'),
                parameter("model", "A name that GET /v1/models lists. Default: the first."),
            ],
        ),
    )
    async def root(request: Request) -> Response:
        """CoreNLP's protocol if the body is text, Hugging Face's token classification if it is JSON with `inputs`."""
        if huggingface.is_payload(request):
            return await huggingface.answer(service, request, None)
        return await corenlp.answer(service, request)

"""Around every request: is it let in, how large may it be, and what is counted and written down about it.

A request is refused before its body is read if the service is full, if it lacks the token or if it is too large.
"""

import asyncio
import hmac
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import msgspec
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tagger.extras.serving.batcher import Batcher
from tagger.extras.serving.bodies import Refusal

ASSETS = "/docs-assets"  # what the page /docs is made of
OPEN_PATHS = ("/", "/live", "/ready", "/docs", "/openapi.json")  # GET needs no token, and for ASSETS neither
PATHS = {*OPEN_PATHS, "/metrics", "/models", "/process", "/v1/tag", "/v1/models"}
FULL_SECONDS = 0.4  # before 503 is sent: clients that ask again at once would keep the service from its work


@dataclass
class Settings:
    """What a service lets in, what it writes down, and how it ends.

    Attributes:
        max_bytes: of a body.
        max_running: requests that are answered at a time, those that wait included; more get 503.
        token: that every request must name, if there is one.
        log: whether a line is written about each request.
        origins: of other web pages that may call the service (CORS), such as `https://example.org`; `*` for all.
        grace: seconds that requests in flight may take when the service ends.
    """

    max_bytes: int = 100_000_000
    max_running: int = 256
    token: str | None = None
    log: bool = True
    origins: Sequence[str] = ()
    grace: int = 60


class Gate:
    """The outermost ASGI application.

    Attributes:
        running: requests with work to do that are in flight.
    """

    def __init__(self, app: ASGIApp, settings: Settings, batcher: Batcher) -> None:
        """Puts the gate before an application; the batcher's work is counted."""
        self.settings = settings
        self.running = 0
        self._app, self._batcher = app, batcher
        self._entry: ASGIApp = self._admit
        if settings.origins:  # their browsers read refusals, too
            every = ["*"]
            self._entry = CORSMiddleware(self._admit, settings.origins, every, every, expose_headers=["retry-after"])
        self._requests: Counter[tuple[str, int]] = Counter()  # by path and status
        self._seconds: dict[str, float] = {}  # by path

    def metrics(self) -> str:
        """What was counted, as Prometheus reads it."""
        lines = [f"tagger_requests_running {self.running}"]
        for (path, status), count in sorted(self._requests.items()):
            lines.append(f'tagger_requests_total{{path="{path}",status="{status}"}} {count}')
        lines += [f'tagger_request_seconds_sum{{path="{path}"}} {s:.6f}' for path, s in sorted(self._seconds.items())]
        lines += [f"tagger_words_total {self._batcher.words}", f"tagger_batches_total {self._batcher.batches}"]
        return "\n".join(lines) + "\n"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status, received, sent = time.perf_counter(), 0, 0, 0

        async def limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.settings.max_bytes:
                raise self._too_large()
            return message

        async def counted(message: Message) -> None:
            nonlocal status, sent
            status = message.get("status", status)
            sent += len(message.get("body", b""))
            await send(message)

        inner = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope  # the server drops the body
        try:
            await self._entry(inner, limited, counted)
        except asyncio.CancelledError:  # the time for requests in flight is over
            if not status:
                refusal = Refusal(503, "the service ends; try again in a second")
                await error_response(refusal, scope["path"])(scope, receive, counted)
        finally:
            seconds = time.perf_counter() - began
            known = scope["path"] if scope["path"] in PATHS else "other"
            self._requests[known, status] += 1
            self._seconds[known] = self._seconds.get(known, 0.0) + seconds
            if self.settings.log:
                _write_line(scope, status, received, sent, seconds)

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuses a request, or lets the application answer it."""
        works = scope["method"] == "POST" or scope["path"] == "/process"
        try:
            self._check(scope)
            if works and self.running >= self.settings.max_running:
                await asyncio.sleep(FULL_SECONDS)
                raise Refusal(503, f"{self.settings.max_running} requests are waiting already; try again in a second")
        except Refusal as refusal:  # the server drops the body, so that the client can read the answer
            response = error_response(refusal, scope["path"])
            if any(name in (b"expect", b"upgrade") for name, _ in scope["headers"]):  # the body may never come
                response.headers["connection"] = "close"
            await response(scope, receive, send)
            return
        self.running += works
        try:
            await self._app(scope, receive, send)
        finally:
            self.running -= works

    def _check(self, scope: Scope) -> None:
        """Raises Refusal if a request is not let in."""
        settings, headers = self.settings, dict(scope["headers"])
        is_open = scope["path"] in OPEN_PATHS or scope["path"].startswith(f"{ASSETS}/")
        if settings.token is not None and not (scope["method"] == "GET" and is_open):
            scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
            if scheme.lower() != b"bearer" or not hmac.compare_digest(given.strip(), settings.token.encode()):
                raise Refusal(401, "this service needs its token; send the header Authorization: Bearer TOKEN")
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise Refusal(415, "the body is compressed; send it without Content-Encoding")
        if b"upgrade" in headers and scope["method"] == "POST":  # uvicorn loses the body
            raise Refusal(400, "there is HTTP/1.1 alone; send no Upgrade (Java: HttpClient.Version.HTTP_1_1)")
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > settings.max_bytes:
            raise self._too_large()

    def _too_large(self) -> Refusal:
        most = f"{self.settings.max_bytes:,}"
        return Refusal(413, f"more than {most} bytes; send less, or start with a larger --max-bytes")


def error_response(refusal: Refusal, path: str) -> Response:
    """What a client gets: JSON where the protocol has JSON, else a line of text."""
    headers = {401: {"www-authenticate": "Bearer"}, 503: {"retry-after": "1"}}.get(refusal.status)
    if path.startswith("/v1/"):
        return Response(msgspec.json.encode({"error": refusal.message}), refusal.status, headers, "application/json")
    return Response(f"{refusal.message}\n", refusal.status, headers, "text/plain")


def _write_line(scope: Scope, status: int, received: int, sent: int, seconds: float) -> None:
    """Writes a line of JSON on standard error. If nobody reads it any more, the service goes on."""
    facts = {"time": round(time.time(), 3), "method": scope["method"], "path": scope["path"][:200], "status": status}
    facts |= {"received": received, "sent": sent, "ms": round(1000 * seconds, 1)}
    facts["client"] = scope["client"][0] if scope.get("client") else None
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            sys.stderr.write(json.dumps(facts) + "\n")

"""Around every request: is it let in, how large may it be, and what is counted and written down about it.

A request is refused before its body is read if the service is full, if it lacks the token or if it is too large.
"""

import asyncio
import hmac
import json
import logging
import random
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tagger.serving.batcher import Batcher
from tagger.serving.bodies import Refusal

ASSETS = "/docs-assets"  # what the page /docs is made of
MODELS = "/models/"  # paths below it have JSON, as those of /v1/ have
OPEN_PATHS = ("/", "/live", "/ready", "/ping", "/docs", "/openapi.json")  # GET needs no token, and for ASSETS neither
PATHS = {*OPEN_PATHS, "/metrics", "/models", "/process", "/v1/tag", "/v1/explain", "/v1/models"}
FULL_SECONDS = 0.2  # before 503 is sent: clients that ask again at once would keep the service from its work
_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)


@dataclass
class Settings:
    """What a service lets in, what it writes down, and how it ends.

    Attributes:
        max_bytes: of a body.
        max_running: requests that are answered at a time, those that wait included; more get 503.
        token: that every request must name, if there is one.
        log: whether a line is written about each request.
        origins: of other web pages that may call the service (CORS), such as `https://example.org`; `*` for all.
        drain: seconds after a signal in which new connections are still accepted.
        grace: seconds that requests in flight may take after that.
    """

    max_bytes: int = 100_000_000
    max_running: int = 256
    token: str | None = None
    log: bool = True
    origins: Sequence[str] = ()
    drain: float = 1.0
    grace: float = 60.0


class Gate:
    """The outermost ASGI application.

    Attributes:
        running: requests with work to do that are in flight.
        draining: whether the service is about to end: every answer then closes its connection.
    """

    def __init__(self, app: ASGIApp, settings: Settings, batcher: Batcher) -> None:
        """Puts the gate before an application; the batcher's work is counted."""
        self.settings = settings
        self.running = 0
        self.draining = False
        self._app = app
        self._entry: ASGIApp = self._admit
        if settings.origins:  # their browsers read refusals, too
            every = ["*"]
            self._entry = CORSMiddleware(self._admit, settings.origins, every, every, expose_headers=["retry-after"])
        registry = self._registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        self._requests = Counter("tagger_requests", "Requests that ended", ["path", "status"], registry=registry)
        self._seconds = Histogram(
            "tagger_request_seconds", "From the headers to the last byte", ["path"], buckets=_BUCKETS, registry=registry
        )
        self._running = Gauge("tagger_requests_running", "Requests that are being answered", registry=registry)
        for name, meaning, value in (
            ("tagger_jobs_waiting", "Jobs that no batch has taken yet", lambda: batcher.waiting),
            ("tagger_words_total", "Words that were tagged", lambda: batcher.words),
            ("tagger_batches_total", "Batches that were tagged", lambda: batcher.batches),
        ):
            Gauge(name, meaning, registry=registry).set_function(value)

    def metrics(self) -> bytes:
        """What was counted, as Prometheus reads it."""
        return generate_latest(self._registry)

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
            if message["type"] == "http.response.start":
                status = message["status"]
                if self.draining:
                    message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            else:
                sent += len(message.get("body", b""))
            await send(message)

        inner = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope  # the server drops the body
        self._running.inc()
        try:
            await self._entry(inner, limited, counted)
        except asyncio.CancelledError:  # the time for requests in flight is over
            if status:
                raise
            await refuse(Refusal(503, "the service ends; try again in a second"), inner, receive, counted)
        finally:
            self._running.dec()
            self._write_down(scope, status, received, sent, time.perf_counter() - began)

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuses a request, or lets the application answer it."""
        works = scope["method"] == "POST" or scope["path"] == "/process"
        try:
            self._check(scope)
            if works and self.running >= self.settings.max_running:
                await asyncio.sleep(random.uniform(FULL_SECONDS, 3 * FULL_SECONDS))
                raise Refusal(503, f"{self.settings.max_running} requests are waiting already; try again in a second")
        except Refusal as refusal:
            await refuse(refusal, scope, receive, send)
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
        if headers.get(b"transfer-encoding", b"chunked").lower() != b"chunked":
            raise Refusal(415, "of Transfer-Encoding there is chunked alone; send the body as it is")
        if b"upgrade" in headers and scope["method"] == "POST":  # uvicorn loses the body
            raise Refusal(400, "there is HTTP/1.1 alone; send no Upgrade (Java: HttpClient.Version.HTTP_1_1)")
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > settings.max_bytes:
            raise self._too_large()

    def _too_large(self) -> Refusal:
        return Refusal(
            413, f"more than {self.settings.max_bytes:,} bytes; send less, or start with a larger --max-bytes"
        )

    def _write_down(self, scope: Scope, status: int, received: int, sent: int, seconds: float) -> None:
        path = scope["path"]
        known = path if path in PATHS else f"{MODELS}NAME" if path.startswith(MODELS) else "other"
        self._requests.labels(known, status).inc()
        self._seconds.labels(known).observe(seconds)
        if self.settings.log:
            write_line(
                {
                    "time": round(time.time(), 3),
                    "method": scope["method"],
                    "path": path[:200],
                    "status": status,
                    "received": received,
                    "sent": sent,
                    "ms": round(1000 * seconds, 1),
                    "client": scope["client"][0] if scope.get("client") else None,
                }
            )


def error_response(refusal: Refusal, path: str) -> Response:
    """What a client gets: JSON where the protocol has JSON, else a line of text."""
    headers = {401: {"www-authenticate": "Bearer"}, 503: {"retry-after": "1"}}.get(refusal.status)
    if path.startswith(("/v1/", MODELS)):
        return Response(msgspec.json.encode({"error": refusal.message}), refusal.status, headers, "application/json")
    return Response(f"{refusal.message}\n", refusal.status, headers, "text/plain")


async def refuse(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    """Answers before the body is read. The server drops the body, so that the client can read the answer."""
    response = error_response(refusal, scope["path"])
    if any(name in (b"expect", b"upgrade") for name, _ in scope["headers"]):  # nobody knows whether the body comes
        response.headers["connection"] = "close"
    await response(scope, receive, send)


def write_line(facts: Mapping[str, object]) -> None:
    """Writes a line of JSON on standard error. If nobody reads it any more, the service goes on."""
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            sys.stderr.write(json.dumps(facts) + "\n")


class JsonHandler(logging.Handler):
    """Makes lines of JSON of warnings and errors."""

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one."""
        facts: dict[str, object] = {"time": round(record.created, 3), "level": record.levelname.lower()}
        facts["message"] = record.getMessage().strip()
        if record.exc_info:
            facts["traceback"] = logging.Formatter().formatException(record.exc_info)
        write_line(facts)

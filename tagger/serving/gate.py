"""Around every request: is it let in, how large and how slow may it be, and what is written down about it.

A request is refused before its body is read if the service is full, if it lacks the token or if it is too large.
"""

import asyncio
import hmac
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tagger.serving.metrics import Metrics
from tagger.serving.refusal import Refusal

OPEN_PATHS = {"/live", "/ready", "/ping", "/"}  # GET needs no token
PATHS = {"/", "/live", "/ready", "/ping", "/metrics", "/docs", "/openapi.json", "/models", "/process"}
PATHS |= {"/v1/tag", "/v1/explain", "/v1/models"}
MODELS = "/models/"
PATIENCE = 20.0  # seconds that a body may take, and
SLOWEST = 1_000.0  # bytes a second after that; for each of these it may take a second more
SEND_SECONDS = 60.0  # that a client may take to read what was sent
NOT_FOUND = "other"


@dataclass
class Limits:
    """What a service lets in.

    Attributes:
        max_bytes: of a body.
        max_running: requests that are answered at a time, those that wait included; more get 503.
        token: that every request must name, if there is one.
        log: whether a line is written about each request.
    """

    max_bytes: int
    max_running: int
    token: str | None = None
    log: bool = True


@dataclass
class _Facts:
    """What is known of a request when it ends."""

    status: int = 0
    received: int = 0
    sent: int = 0
    started: bool = False
    first: float = field(default_factory=time.perf_counter)


class Gate:
    """The outermost ASGI application.

    Attributes:
        running: requests with work to do that are in flight.
        draining: whether the service is about to end: every answer then closes its connection.
    """

    def __init__(self, app: ASGIApp, limits: Limits, metrics: Metrics) -> None:
        self.app, self.limits, self.metrics = app, limits, metrics
        self.running = 0
        self.draining = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        facts = _Facts()
        path, headers = scope["path"], dict(scope["headers"])
        works = scope["method"] == "POST" or path == "/process"
        self.metrics.running.inc()
        self.running += works
        try:
            try:
                self._let_in(scope, headers, works)
                await self.app(scope, self._received(receive, facts), self._sent(send, facts))
            except Refusal as refusal:
                await self._refuse(refusal, scope, self._sent(send, facts), facts)
        except (TimeoutError, ConnectionError):
            facts.status = facts.status or 499  # the client went away or reads too slowly
            if facts.started:
                raise
        finally:
            self.running -= works
            self.metrics.running.dec()
            self._write_down(scope, path, facts)

    def _let_in(self, scope: Scope, headers: dict[bytes, bytes], works: bool) -> None:
        """Raises Refusal if a request is not let in."""
        limits = self.limits
        if limits.token is not None and not (scope["method"] in ("GET", "HEAD") and scope["path"] in OPEN_PATHS):
            given = headers.get(b"authorization", b"")
            if not hmac.compare_digest(given, b"Bearer " + limits.token.encode()):
                raise Refusal(401, "this service needs its token; send the header Authorization: Bearer TOKEN")
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > limits.max_bytes:
            raise self._too_large()
        if works and self.running > limits.max_running:
            raise Refusal(503, f"{limits.max_running} requests are waiting already; try again in a second")

    def _too_large(self) -> Refusal:
        return Refusal(413, f"more than {self.limits.max_bytes:,} bytes; send less, or start with a larger --max-bytes")

    def _received(self, receive: Receive, facts: _Facts) -> Receive:
        """`receive`, which ends a body that is too large or too slow."""
        more = True

        async def limited() -> Message:
            nonlocal more
            if not more:
                return await receive()  # it waits until the client goes away
            until = facts.first + PATIENCE + facts.received / SLOWEST
            try:
                async with asyncio.timeout(until - time.perf_counter()):
                    message = await receive()
            except TimeoutError:
                raise Refusal(408, f"the body is slower than {SLOWEST:,.0f} bytes a second; send it faster") from None
            if message["type"] != "http.request":
                raise ConnectionError("the client went away")
            facts.received += len(message.get("body", b""))
            more = message.get("more_body", False)
            if facts.received > self.limits.max_bytes:
                raise self._too_large()
            return message

        return limited

    def _sent(self, send: Send, facts: _Facts) -> Send:
        """`send`, which counts, and gives up on a client that does not read."""

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                facts.status, facts.started = message["status"], True
                if self.draining:
                    message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            else:
                facts.sent += len(message.get("body", b""))
            async with asyncio.timeout(SEND_SECONDS):
                await send(message)

        return counted

    async def _refuse(self, refusal: Refusal, scope: Scope, send: Send, facts: _Facts) -> None:
        """Answers with an error; the connection is closed, since the rest of the body may never be read."""
        if facts.started:
            raise refusal
        body, kind = refusal_body(refusal, scope["path"])
        headers = {"content-type": kind, "content-length": str(len(body)), "connection": "close", **refusal.headers}
        await send(
            {
                "type": "http.response.start",
                "status": refusal.status,
                "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            }
        )
        await send({"type": "http.response.body", "body": body})

    def _write_down(self, scope: Scope, path: str, facts: _Facts) -> None:
        seconds = time.perf_counter() - facts.first
        known = path if path in PATHS else MODELS + "NAME" if path.startswith(MODELS) else NOT_FOUND
        self.metrics.ended(known, facts.status, seconds)
        if self.limits.log and sys.stderr is not None:
            line: dict[str, Any] = {
                "time": round(time.time(), 3),
                "method": scope["method"],
                "path": path[:200],
                "status": facts.status,
                "received": facts.received,
                "sent": facts.sent,
                "ms": round(1000 * seconds, 1),
                "client": scope["client"][0] if scope.get("client") else None,
            }
            sys.stderr.write(orjson.dumps(line).decode() + "\n")


def refusal_body(refusal: Refusal, path: str) -> tuple[bytes, str]:
    """The body of an error and its type: JSON where the protocol has JSON, else a line of text."""
    if path.startswith(("/v1/", MODELS)):
        return orjson.dumps({"error": refusal.message}), "application/json"
    return f"{refusal.message}\n".encode(), "text/plain; charset=utf-8"

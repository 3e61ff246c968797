"""Around every request: is it let in, how large and how slow may it be, and what is written down about it.

A request is refused before its body is read if the service is full, if it lacks the token or if it is too large.
"""

import asyncio
import hmac
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tagger.serving.log import write_line
from tagger.serving.metrics import Metrics
from tagger.serving.refusal import CLIENT_GONE, MODELS, Refusal, refuse

ASSETS = "/docs-assets"  # what the page /docs is made of
OPEN_PATHS = ("/", "/live", "/ready", "/ping", "/docs", "/openapi.json")  # GET needs no token, and for ASSETS neither
PATHS = {"/", "/live", "/ready", "/ping", "/metrics", "/docs", "/openapi.json", "/models", "/process"}
PATHS |= {"/v1/tag", "/v1/explain", "/v1/models"}
PATIENCE = 20.0  # seconds that a body may take, and that it may pause
SLOWEST = 1_000.0  # bytes a second after that; for each of these it may take a second more
FULL_SECONDS = 0.2  # before 503 is sent: clients that ask again at once would keep the service from its work
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
    first: float = field(default_factory=time.perf_counter)


class Gate:
    """The outermost ASGI application.

    Attributes:
        running: requests with work to do that are in flight.
        draining: whether the service is about to end: every answer then closes its connection.
    """

    def __init__(self, app: ASGIApp, limits: Limits, metrics: Metrics, origins: Sequence[str] = ()) -> None:
        """Puts the gate before an application.

        Args:
            app: answers the requests that are let in.
            limits: what is let in.
            metrics: counts.
            origins: of other web pages that may call the service (CORS); their browsers read refusals, too.
        """
        self.limits, self.metrics = limits, metrics
        self.running = 0
        self.draining = False
        self._app = app
        self._entry: ASGIApp = self._admit
        if origins:
            self._entry = CORSMiddleware(
                self._admit,
                allow_origins=list(origins),
                allow_methods=["*"],
                allow_headers=["*"],
                expose_headers=["retry-after"],
            )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        facts = _Facts()
        counted = self._counted(send, facts)
        inner = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope  # the server drops the body
        self.metrics.running.inc()
        try:
            await self._entry(inner, self._limited(receive, scope, facts), counted)
        except asyncio.CancelledError:  # the time for requests in flight is over
            if facts.status:
                raise
            await refuse(Refusal(503, "the service ends; try again in a second"), inner, receive, counted)
        finally:
            self.metrics.running.dec()
            self._write_down(scope, facts)

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuses a request, or lets the application answer it."""
        works = scope["method"] == "POST" or scope["path"] == "/process"
        try:
            self._check(scope)
            if works and self.running >= self.limits.max_running:
                await asyncio.sleep(random.uniform(FULL_SECONDS, 3 * FULL_SECONDS))
                raise Refusal(503, f"{self.limits.max_running} requests are waiting already; try again in a second")
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
        limits, headers = self.limits, dict(scope["headers"])
        is_open = scope["path"] in OPEN_PATHS or scope["path"].startswith(f"{ASSETS}/")
        if limits.token is not None and not (scope["method"] == "GET" and is_open):
            scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
            if scheme.lower() != b"bearer" or not hmac.compare_digest(given.strip(), limits.token.encode()):
                raise Refusal(401, "this service needs its token; send the header Authorization: Bearer TOKEN")
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise Refusal(415, "the body is compressed; send it without Content-Encoding")
        if headers.get(b"transfer-encoding", b"chunked").lower() != b"chunked":
            raise Refusal(415, "of Transfer-Encoding there is chunked alone; send the body as it is")
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > limits.max_bytes:
            raise self._too_large()

    def _too_large(self) -> Refusal:
        return Refusal(413, f"more than {self.limits.max_bytes:,} bytes; send less, or start with a larger --max-bytes")

    def _limited(self, receive: Receive, scope: Scope, facts: _Facts) -> Receive:
        """`receive`, which ends a body that is too large or too slow."""
        more = any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"])

        async def limited() -> Message:
            nonlocal more
            if not more or facts.status:
                return await receive()  # it waits until the client goes away
            left = facts.first + PATIENCE + facts.received / SLOWEST - time.perf_counter()
            try:
                async with asyncio.timeout(min(left, PATIENCE)):
                    message = await receive()
            except TimeoutError:
                raise Refusal(408, f"the body is slower than {SLOWEST:,.0f} bytes a second; send it faster") from None
            if message["type"] != "http.request":
                raise Refusal(CLIENT_GONE, "the client went away")
            facts.received += len(message.get("body", b""))
            more = message.get("more_body", False)
            if facts.received > self.limits.max_bytes:
                raise self._too_large()
            return message

        return limited

    def _counted(self, send: Send, facts: _Facts) -> Send:
        """`send`, which counts, and closes the connection if the service is about to end."""

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                facts.status = message["status"]
                if self.draining:
                    message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            else:
                facts.sent += len(message.get("body", b""))
            await send(message)

        return counted

    def _write_down(self, scope: Scope, facts: _Facts) -> None:
        path, seconds = scope["path"], time.perf_counter() - facts.first
        known = path if path in PATHS else MODELS + "NAME" if path.startswith(MODELS) else NOT_FOUND
        self.metrics.ended(known, facts.status, seconds)
        if self.limits.log:
            write_line(
                {
                    "time": round(time.time(), 3),
                    "method": scope["method"],
                    "path": path[:200],
                    "status": facts.status,
                    "received": facts.received,
                    "sent": facts.sent,
                    "ms": round(1000 * seconds, 1),
                    "client": scope["client"][0] if scope.get("client") else None,
                }
            )

"""Requests whose bodies come in parts, for tests of what reads them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from starlette.requests import Request

Found = TypeVar("Found")


def reading(
    read: Callable[[Request], Awaitable[Found]],
    parts: Sequence[bytes],
    kind: str = "application/json",
    query: bytes = b"",
    method: str = "POST",
) -> Found:
    """What a function reads of a request whose body comes in parts."""
    left = list(parts)

    async def receive() -> dict[str, object]:
        body = left.pop(0) if left else b""
        return {"type": "http.request", "body": body, "more_body": bool(left)}

    headers = [(b"content-type", kind.encode("latin-1"))] if kind else []
    scope = {"type": "http", "method": method, "headers": headers, "query_string": query, "path": "/"}

    async def read_it() -> Found:
        return await read(Request(scope, receive))

    return asyncio.run(read_it())


def halves(body: bytes) -> list[list[bytes]]:
    """All ways to cut a body in two, and into its bytes."""
    return [[body[:i], body[i:]] for i in range(len(body) + 1)] + [[body[i : i + 1] for i in range(len(body))]]

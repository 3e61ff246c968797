"""Bodies that are JSON or forms."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest
from starlette.requests import Request

from tagger.serving.api import TagRequest
from tagger.serving.bodies import MAX_FIELDS, MAX_JSON, Refusal, read_form, read_json
from tagger.serving.documents import IN_MEMORY
from tests.conftest import largest_file
from tests.serving.conftest import inside, service_of

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=b"
Found = TypeVar("Found")

read_request = partial(read_json, model=TagRequest)


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


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b'{"text": "\\ud800"}', "no JSON"),
        (b'{"text": "\xed\xa0\x80"}', "no JSON"),
        (b'{"text": NaN}', "no JSON"),
        (b'{"tokens": [%s1]}' % (b"1," * 100_000), "tokens"),
        (b'{"tokens": [["a"], %s1]}' % (b"1," * 100_000), "tokens"),
        (b'{"columns": [%s1]}' % (b"1," * 100_000), "columns"),
        (json.dumps(dict.fromkeys(map(str, range(10_000)), 1)).encode(), "0: no such key; the keys are text, tokens"),
        (json.dumps({"k\n" * 10_000: 1}).encode(), r"k\\nk.*: no such key; the keys are text"),
    ],
)
def test_bad_json_is_one_short_line(body: bytes, words: str) -> None:
    with pytest.raises(Refusal, match=words) as refused:
        reading(read_request, [body])
    assert refused.value.status == 400
    assert len(refused.value.message) < 200
    assert "\n" not in refused.value.message


def test_json_may_not_be_large() -> None:
    with pytest.raises(Refusal, match="/process") as refused:
        reading(read_request, [b'{"text":"', b"1" * MAX_JSON])
    assert refused.value.status == 413


def test_a_full_disk_refuses_the_request(trained: Path) -> None:
    with inside(service_of(trained), max_bytes=10_000_000) as client, largest_file(1000):
        data = {"data": "a\n\n" * IN_MEMORY, "input": "vertical", "output": "vertical"}
        refused = client.post("/process", data=data)
        assert refused.status_code == 507
        assert refused.text.startswith("the service has no room")
        assert refused.text.count("\n") == 1


def fields(body: bytes, kind: str, query: bytes = b"", method: str = "POST") -> dict[str, str]:
    """All fields of a request."""
    found, text, size = reading(read_form, [body[:9], body[9:]], kind, query, method)
    if text is not None:
        content = text.read()
        assert len(content) == size
        found["data"] = content.decode()
    return found


def part(name: str, value: str, more: str = "") -> str:
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{value}\r\n'


def test_forms() -> None:
    escaped = b"data=a+b%20c%0A%C3%AB%f0%9f%99%82&tokenizer&tagger=&model=x%3Dy"
    assert fields(escaped, URLENCODED) == {"data": "a b c\në🙂", "tokenizer": "", "tagger": "", "model": "x=y"}
    assert fields("data=Zoë&data=Žofie".encode(), URLENCODED) == {"data": "Žofie"}  # as `curl -d` sends it
    text = "a\r\n--\r\n--bc\r\nZoë\r\n"
    for more in ("", '; filename="a.txt"\r\nContent-Type: text/plain'):
        body = part("tagger", "") + part("data", text, more) + "--b--\r\n"
        assert fields(body.encode(), MULTIPART) == {"tagger": "", "data": text}


def test_the_form_wins_over_the_query() -> None:
    query = b"data=1&model=2&tagger"
    assert fields(b"data=3", URLENCODED, query) == {"data": "3", "model": "2", "tagger": ""}
    assert fields(b"", "", query, method="GET") == {"data": "1", "model": "2", "tagger": ""}
    assert fields(b"", "", b"data=%ff%ed%a0%80%", method="GET")["data"].endswith("%")


@pytest.mark.parametrize(
    ("body", "kind", "status", "words"),
    [
        (b"data=a", "text/plain", 400, "send multipart"),
        (b"data=a", "", 400, "send multipart"),
        (b"data=a", "multipart/form-data", 400, "boundary"),
        (b"data=a", "multipart/form-data; boundary=" + "x" * 300, 400, ""),
        (b"data=a", MULTIPART, 400, ""),
        (part("data", "a", "; x=" + "y" * 100_000).encode(), MULTIPART, 400, ""),
        (b"a&" * (MAX_FIELDS + 1), URLENCODED, 400, "fields"),
        ("".join([part("a", "")] * (MAX_FIELDS + 1)).encode(), MULTIPART, 400, "fields"),
    ],
)
def test_bad_forms(trained: Path, body: bytes, kind: str, status: int, words: str) -> None:
    with inside(service_of(trained), max_bytes=200_000) as client:
        refused = client.post("/process", content=body, headers={"content-type": kind} if kind else {})
        assert refused.status_code == status
        assert words in refused.text
        assert refused.text.count("\n") == 1

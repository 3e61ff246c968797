"""Bodies that are JSON, forms, or files that lie on disk, wherever their bytes are parted."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qsl

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


def halves(body: bytes) -> list[list[bytes]]:
    """All ways to cut a body in two, and into its bytes."""
    return [[body[:i], body[i:]] for i in range(len(body) + 1)] + [[body[i : i + 1] for i in range(len(body))]]


def test_json_in_parts() -> None:
    body = '{"text": "Zoë 🙂", "top": 2}'.encode()
    for parts in halves(body):
        asked = reading(read_request, parts)
        assert (asked.text, asked.top) == ("Zoë 🙂", 2)
    assert reading(read_request, [b'{"tokens": ["a"]}']).tokens == ["a"]
    assert reading(read_request, [b'{"tokens": [["a"], []]}']).tokens == [["a"], []]


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


def fields(parts: list[bytes], kind: str, query: bytes = b"", method: str = "POST") -> dict[str, str]:
    """All fields of a request."""
    found, text, size = reading(read_form, parts, kind, query, method)
    if text is not None:
        content = text.read()
        assert len(content) == size
        found["data"] = content.decode(errors="replace")
    return found


def part(name: str, value: str, more: str = "") -> str:
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{value}\r\n'


@pytest.mark.parametrize(
    "body",
    [
        b"data=a+b%20c%0A%C3%AB%f0%9f%99%82&tokenizer&tagger=&model=x%3Dy",
        b"&&a=1&&data=2&&",
        b"data=%&a=%4&b=%zz%41%%42",
        b"a=1&a=2&data=1&data=%32",
        b"%64ata=+&=x&+=y",
        b"data=a=b=c&d%26=%26",
        b"",
    ],
)
def test_urlencoded_in_parts(body: bytes) -> None:
    expected = dict(parse_qsl(body.decode(), keep_blank_values=True, errors="replace"))
    for parts in halves(body):
        assert fields(parts, URLENCODED) == expected


def test_multipart_in_parts() -> None:
    text = "a\r\n--\r\n--bc\r\nZoë\r\n"
    body = part("tagger", "") + part("data", text, '; filename="a.txt"\r\nContent-Type: text/plain') + "--b--\r\n"
    for parts in halves(body.encode()):
        assert fields(parts, MULTIPART) == {"tagger": "", "data": text}
    again = part("data", "1") + part("data", "2") + part("tagger", "3") + part("tagger", "4") + "--b--"
    assert fields([again.encode()], MULTIPART.title().replace("B", "b")) == {"data": "2", "tagger": "4"}


def test_the_form_wins_over_the_query() -> None:
    query = b"data=1&model=2&tagger"
    assert fields([b"data=3"], URLENCODED, query) == {"data": "3", "model": "2", "tagger": ""}
    assert fields([], "", query, method="GET") == {"data": "1", "model": "2", "tagger": ""}
    assert fields([], "", b"data=%ff%ed%a0%80%", method="GET")["data"].endswith("%")


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

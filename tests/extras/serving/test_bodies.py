"""Bodies that are JSON or forms: what is read of them, and how bad ones are refused."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tagger.extras.serving.bodies import MAX_FIELDS, MAX_JSON
from tagger.extras.serving.documents import IN_MEMORY
from tests.conftest import largest_file
from tests.extras.serving.conftest import inside, service_of

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=b"


@pytest.fixture(scope="module")
def client(trained: Path) -> Iterator[TestClient]:
    with inside(service_of(trained), max_bytes=10_000_000) as client:
        yield client


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "the body is empty"),
        (b"\xef\xbb\xbf \n", "the body is empty"),
        (b"[" * 100_000, "no JSON"),
        (b'{"text": "\\ud800"}', "half of a pair"),
        (b'{"tokens": [["a"], %s1]}' % (b"1," * 100_000), "tokens"),
        (json.dumps({"k\n" * 10_000: 1}).encode(), "no such key"),
    ],
)
def test_bad_json_is_one_short_line(client: TestClient, body: bytes, words: str) -> None:
    refused = client.post("/v1/tag", content=body)
    message = refused.json()["error"]
    assert refused.status_code == 400
    assert words in message
    assert len(message) < 200
    assert "\n" not in message


def test_a_byte_order_mark_before_json_is_none_of_it(client: TestClient) -> None:
    assert client.post("/v1/tag", content=b'\xef\xbb\xbf{"tokens": ["a"]}').status_code == 200


def test_json_may_not_be_large(client: TestClient) -> None:
    refused = client.post("/v1/tag", content=b'{"text":"' + b"1" * MAX_JSON)
    assert refused.status_code == 413
    assert "/process" in refused.json()["error"]


def test_a_full_disk_refuses_the_request(client: TestClient) -> None:
    with largest_file(1000):
        data = {"data": "a\n\n" * IN_MEMORY, "input": "vertical", "output": "vertical"}
        refused = client.post("/process", data=data)
    assert refused.status_code == 507
    assert refused.text.startswith("the service has no room")


def part(name: str, value: str, more: str = "") -> str:
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{value}\r\n'


def test_forms(client: TestClient) -> None:
    lines = {"input": "horizontal", "output": "horizontal"}
    file = '; filename="a.txt"\r\nContent-Type: text/plain'
    for body, kind, expected in [
        ("data=a+b%20c%0A%C3%AB%f0%9f%99%82&model=tiny", URLENCODED, "a b c\në🙂\n"),
        ("data=Zoë&data=Žofie", URLENCODED, "Žofie\n"),  # as `curl -d` sends it
        (part("data", "-- --bc\r\nZoë") + "--b--\r\n", MULTIPART, "-- --bc\nZoë\n"),
        (part("data", "-- --bc\r\nZoë", file) + "--b--\r\n", MULTIPART, "-- --bc\nZoë\n"),
    ]:
        found = client.post("/process", params=lines, content=body.encode(), headers={"content-type": kind})
        assert found.json()["result"] == expected


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        ("data=a", "text/plain", "send multipart"),
        ("data=a", "multipart/form-data", "boundary"),
        ("data=a", MULTIPART, ""),
        (part("data", "a", "; x=" + "y" * 100_000), MULTIPART, ""),
        (part("a", "") * (MAX_FIELDS + 1), MULTIPART, "fields"),
        ("data=a%ffb", URLENCODED, "not UTF-8"),
    ],
)
def test_bad_forms(client: TestClient, body: str, kind: str, words: str) -> None:
    refused = client.post("/process", content=body.encode(), headers={"content-type": kind} if kind else {})
    assert refused.status_code == 400
    assert words in refused.text
    assert refused.text.count("\n") == 1
    assert client.get("/process?data=a%ff").status_code == 400

"""What a service withstands, how it ends, and clients of other services, unmodified."""

import asyncio
import json
import random
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from tagger.extras.serving.batcher import Batcher, TextJob
from tagger.extras.serving.documents import MAX_SENTENCE, parts_of_text
from tagger.extras.serving.service import Service
from tagger.tagging.tagger_options import Request
from tagger.text.sentence import Sentence
from tests.extras.serving.conftest import Running, inside, running, service_of, until

TAG = b"POST /v1/tag HTTP/1.1\r\nHost: x\r\n"
FORM = b"POST /process HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
BODY = b'{"text": "They book flights."}'
WHOLE = TAG + b"Content-Length: 30\r\n\r\n" + BODY
LINE = "They book flights.\n"
ORIGIN = "https://example.org"


def opened(port: int, data: bytes = b"") -> socket.socket:
    """A connection, on which data was sent."""
    connected = socket.create_connection(("127.0.0.1", port), timeout=30)
    connected.sendall(data)
    return connected


def answered(connected: socket.socket) -> bytes:
    """The next answer: its head and its body."""
    answer = b""
    while b"\r\n\r\n" not in answer and (part := connected.recv(1 << 16)):
        answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
    while len(body) < length and (part := connected.recv(1 << 16)):
        body += part
    return head + b"\r\n\r\n" + body


def status(connected: socket.socket) -> int:
    """The status of the next answer."""
    return int(answered(connected).split(b" ", 2)[1])


@pytest.fixture
def tiny(trained: Path) -> Service:
    return service_of(trained)


@pytest.fixture(scope="module")
def small(trained: Path) -> Iterator[Running]:
    """A service that answers one request at a time, of up to 1,000 bytes."""
    with running(service_of(trained), max_bytes=1000, max_running=1) as service:
        yield service


def test_full_refuses_before_the_body_and_recovers_and_bodies_may_be_too_large(small: Running) -> None:
    with closing(opened(small.port, TAG + b"Content-Length: 30\r\n\r\n")) as slow:
        until(lambda: small.gate.running == 1)
        with closing(opened(small.port, TAG + b"Content-Length: 30\r\n\r\n")) as refused:  # no body
            answer = answered(refused)
            assert answer.startswith(b"HTTP/1.1 503 ")
            assert b"\r\nretry-after: 1\r\n" in answer
            refused.sendall(BODY)  # the connection is still good
            assert httpx.get(f"{small.url}/live").status_code == 200
            slow.sendall(BODY)
            assert status(slow) == 200
            until(lambda: small.gate.running == 0)
            refused.sendall(WHOLE)
            assert status(refused) == 200
    with closing(opened(small.port, TAG + b"Content-Length: 1001\r\n\r\n")) as announced:
        assert status(announced) == 413
    with closing(opened(small.port, TAG + b"Transfer-Encoding: chunked\r\n\r\n")) as chunked:
        chunked.sendall(b"200\r\n%s\r\n" % (b" " * 0x200) * 2)
        assert status(chunked) == 413
        chunked.sendall(b"0\r\n\r\nGET /live HTTP/1.1\r\nHost: x\r\n\r\n")
        assert status(chunked) == 200
    assert httpx.post(f"{small.url}/process", data={"data": "a" * 1000, "tagger": ""}).status_code == 413
    fits = json.dumps({"text": "a" * 985}).encode()
    assert len(fits) <= 1000
    assert httpx.post(f"{small.url}/v1/tag", content=fits).status_code == 200


def test_headers_that_are_refused_and_requests_that_outlast_the_end(small: Running, tiny: Service) -> None:
    for header, expected in [
        *((b"Content-Length: " + length, 400) for length in (b"-5", b"9" * 30)),
        (b"nonsense", 400),
        (b"Content-Encoding: gzip\r\nContent-Length: 2", 415),
        (b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nContent-Length: 2", 400),  # as Java does
    ]:
        with closing(opened(small.port, TAG + header + b"\r\n\r\n")) as bad:
            answer = answered(bad)
            assert answer.startswith(b"HTTP/1.1 %d " % expected)
            assert answer.strip().count(b"\n") == answer.partition(b"\r\n\r\n")[0].count(b"\n") + 2  # one line
    with running(tiny, grace=1) as service, closing(opened(service.port, TAG + b"Content-Length: 30\r\n\r\n")) as slow:
        until(lambda: service.gate.running == 1)
        service.server.should_exit = True
        assert answered(slow).startswith(b"HTTP/1.1 503 ")
        assert slow.recv(1) == b""


def test_tokens_and_origins(tiny: Service) -> None:
    with inside(tiny, origins=[ORIGIN], token="secret") as client:
        for path in ("/", "/live", "/ready", "/docs", "/openapi.json", "/docs-assets/swagger-ui.css"):
            assert client.get(path).status_code == client.head(path).status_code == 200
        for headers in ({}, {"authorization": "Bearer secre"}, {"authorization": "Basic secret"}):
            refused = client.post("/v1/tag", content=BODY, headers=headers)
            assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
            assert client.get("/metrics", headers=headers).status_code == 401
        for scheme in ("Bearer", "bearer"):
            answer = client.post("/v1/tag", content=BODY, headers={"authorization": f"{scheme} secret"})
            assert answer.status_code == 200
        preflight = {"origin": ORIGIN, "access-control-request-method": "POST"}
        preflight["access-control-request-headers"] = "authorization"
        allowed = client.options("/v1/tag", headers=preflight)  # browsers send no token with it
        assert allowed.status_code == 200
        assert "authorization" in allowed.headers["access-control-allow-headers"]
        refused = client.post("/v1/tag", content=BODY, headers={"origin": ORIGIN})
        assert refused.status_code == 401
        assert refused.headers["access-control-allow-origin"] == ORIGIN
    for origins, allowed in ([], None), (["https://other.example"], None), ([ORIGIN], ORIGIN), (["*"], "*"):
        tiny.batcher = Batcher()
        with inside(tiny, origins=origins) as client:
            answer = client.get("/v1/models", headers={"origin": ORIGIN})
            assert answer.headers.get("access-control-allow-origin") == allowed


def test_metrics_count_and_the_log_has_no_text(tiny: Service, capsys: pytest.CaptureFixture[str]) -> None:
    with running(tiny, max_running=1) as service, httpx.Client(base_url=service.url) as client:
        client.post("/v1/tag", content=BODY)
        client.post("/v1/tag", content=b"{")
        for number in range(50):
            client.get(f"/nothing/{number}")
        with closing(opened(service.port, TAG + b"Content-Length: 30\r\n\r\n")):
            until(lambda: service.gate.running == 1)
            client.post("/process")
        until(lambda: service.gate.running == 0)
        found = dict(line.rsplit(" ", 1) for line in client.get("/metrics").text.splitlines())
    counts = {"/v1/tag": {200: 1, 400: 1, 499: 1}, "/process": {503: 1}, "other": {404: 50}}
    for path, expected in counts.items():
        for code, count in expected.items():
            assert found[f'tagger_requests_total{{path="{path}",status="{code}"}}'] == str(count)
        assert float(found[f'tagger_request_seconds_sum{{path="{path}"}}']) > 0
    assert found["tagger_requests_running"] == "0"
    assert found["tagger_words_total"] == "4"
    assert found["tagger_batches_total"] == "1"
    tiny.batcher = Batcher()
    with inside(tiny, log=True) as client:
        client.post("/v1/tag", json={"text": "xylophone"})
        client.post("/v1/tag", content=b'{"xylophone')
        client.get("/process", params={"data": "xylophone", "tokenizer": "", "tagger": ""})
        client.post("/process", data={"data": "1\txylophone"})
        client.get("/a%0a%7B%22b%22")
        log = capsys.readouterr().err
    assert "xylophone" not in log
    lines = list(map(json.loads, log.splitlines()))
    assert [line["status"] for line in lines] == [200, 400, 200, 400, 404]
    assert (lines[2]["method"], lines[2]["path"]) == ("GET", "/process")
    assert lines[1]["received"] == len(b'{"xylophone')
    assert all(line["client"] == "testclient" and line["sent"] > 0 and line["ms"] > 0 for line in lines)


def memory(process: int) -> int:
    """The bytes of a process's memory, in a system that tells them."""
    return 1000 * int(re.findall(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())[0])


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the memory of a process in /proc")
def test_a_process_holds_no_file_in_memory_and_ends_well(trained: Path, tmp_path: Path) -> None:
    block = "long" * 25 + "\n" + "er" * 50 + "\n\n"
    form = {"input": "vertical", "output": "vertical"}  # nothing is tagged
    log = tmp_path / "serve.log"
    with log.open("w") as err:
        command = [sys.executable, "-m", "tagger", "serve", "--port", "0", "--model", str(trained)]
        process = subprocess.Popen(command, stderr=err)
    try:
        until(lambda: "serving on" in log.read_text() or process.poll() is not None, 0.1)
        url = log.read_text().split()[2]
        port = int(url.rpartition(":")[2])
        httpx.post(f"{url}/process", data=form, files={"data": block * 5_000})
        before = memory(process.pid)
        answer = httpx.post(f"{url}/process", data=form, files={"data": block * 50_000}, timeout=60).content
        assert answer.count(b"long\\n") == 50_000
        grown = memory(process.pid) - before
        assert grown < len(answer), grown  # 10 MB: neither the text nor an answer was in memory
        with closing(opened(port, TAG + b"Content-Length: 30\r\n\r\n")) as slow:
            until(lambda: "running 1" in httpx.get(f"{url}/metrics").text)
            process.send_signal(signal.SIGTERM)
            with pytest.raises(ConnectionRefusedError):  # it accepts no more
                until(lambda: opened(port).close())
            slow.sendall(BODY)
            assert status(slow) == 200
        assert process.wait(30) == 0
        assert "Traceback" not in log.read_text()
    finally:
        process.kill()


def bad_request(chance: random.Random) -> bytes:
    """A bad request, or the beginning of a good one."""
    whole = chance.choice(
        [
            WHOLE,
            TAG + b"Transfer-Encoding: chunked\r\n\r\n1e\r\n" + BODY + b"\r\n0\r\n\r\n",
            FORM + b"Content-Length: 31\r\n\r\ndata=They+book&tokenizer&tagger",
            b"POST /process HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 76\r\n\r\n"
            b'--b\r\nContent-Disposition: form-data; name="data"\r\n\r\nThey book flights\r\n--b--\r\n',
            b"GET /docs-assets/%2e%2e/%2e%2e/%00 HTTP/1.1\r\n\r\n",
        ]
    )
    if chance.random() < 0.5:
        whole = whole[: chance.randrange(len(whole))]
    if chance.random() < 0.5:
        at = chance.randrange(len(whole) + 1)
        whole = whole[:at] + bytes(chance.randrange(256) for _ in range(chance.randrange(1, 9))) + whole[at + 3 :]
    return whole


def test_bad_requests_and_disconnects_harm_no_good_ones(served: Running, capfd: pytest.CaptureFixture[str]) -> None:
    def descriptors() -> int:
        return len(list(Path("/dev/fd").iterdir()))

    with httpx.Client() as good:
        good.get(f"{served.url}/live")
        before = descriptors()
        for number in range(60):
            with closing(opened(served.port, bad_request(random.Random(number)))) as bad:
                bad.settimeout(0.05 if number % 4 else 0.001)
                with suppress(OSError):
                    bad.recv(1 + number % 100)
                if number % 5 == 0:
                    answer = good.post(f"{served.url}/v1/tag", content=BODY)
                    assert answer.json()["sentences"][0]["upos"] == ["PRON", "VERB", "NOUN", "PUNCT"]
        until(lambda: descriptors() <= before + 2)
    assert "Traceback" not in capfd.readouterr().err


def test_large_json_and_one_bad_job_of_a_batch(tiny: Service) -> None:
    lines = 160  # of 19 characters; with 40 tags a word, 1,000 characters are a window
    with inside(tiny, max_bytes=4_000_000) as client:
        found = client.post("/v1/tag", json={"text": LINE * lines, "top": 40}).json()["sentences"]
        again = client.post("/v1/tag", json={"tokens": [s["tokens"] for s in found], "top": 40}).json()["sentences"]
        for sentences in (found, again):
            assert [s["tokens"] for s in sentences] == [["They", "book", "flights", "."]] * lines
            assert [s["upos"] for s in sentences] == [["PRON", "VERB", "NOUN", "PUNCT"]] * lines
        assert found[-1]["offsets"][0] == [len(LINE) * (lines - 1), len(LINE) * (lines - 1) + 4]
        assert tiny.batcher.batches > 6
        assert client.post("/v1/tag", json={"tokens": ["a"] * (MAX_SENTENCE + 1)}).status_code == 413
        vertical = {"data": "a\n" * (MAX_SENTENCE + 1), "input": "vertical", "tagger": ""}
        assert client.post("/process", data=vertical).status_code == 413
    numbers: list[int] = []
    batcher, tagger = Batcher(), tiny.taggers["tiny"]

    def counting(sentences: list[Sentence]) -> bytes:
        numbers.append(len(sentences))
        return b"good"

    def job(text: str, render: Any = counting) -> TextJob:
        return TextJob(tagger, parts_of_text(tagger, text), len(text), Request(("upos",)), render)

    async def run() -> list[Any]:
        batcher.start()
        jobs = [job("They book flights."), job("Well", lambda _: 1 / 0), job("Well. Well.")]
        jobs.append(TextJob(tagger, [None], 1, Request(("upos",)), counting))  # type: ignore[list-item]
        return await asyncio.gather(*map(batcher.run, jobs), return_exceptions=True)

    answers = asyncio.run(run())
    batcher.stop()
    assert [getattr(answer, "status", answer) for answer in answers] == [b"good", 500, b"good", 500]
    assert numbers == [1, 2]  # each was made once

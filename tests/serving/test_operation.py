"""What a service withstands: too many requests, large and slow ones, bad ones, clients that go away, and its end."""

import asyncio
import json
import os
import random
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families

import tagger
from tagger.serving import connection, gate
from tagger.serving.api import MAX_TOP, MAX_WORK
from tagger.serving.app import create_app
from tagger.serving.batcher import Batcher, Job
from tagger.serving.documents import MAX_SENTENCE, WINDOW
from tagger.serving.gate import Gate, Limits
from tagger.serving.models import Models
from tagger.serving.server import Ending, Server, bound_socket
from tagger.serving.service import Service, units_of_text
from tagger.tagging.decoding import Request
from tagger.text.sentence import Sentence
from tests.serving.conftest import Served, serving

TAG = b"POST /v1/tag HTTP/1.1\r\nHost: x\r\n"
FORM = b"POST /process HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
BODY = b'{"text": "They book flights."}'
LINE = "They book flights.\n"
PATIENCE = 0.5  # seconds, in the place of 20 or 60


class Running(NamedTuple):
    """A service in a thread of this process."""

    url: str
    port: int
    models: Models
    gate: Gate
    server: Server


@contextmanager
def running(folder: Path | None, limits: Limits, origins: Sequence[str] = (), grace: float = 5) -> Iterator[Running]:
    """Serves a tagger in a thread; without a folder none is loaded."""
    service = Service(Models(), Batcher())
    if folder is not None:
        service.models.load({"tiny": tagger.load(folder, device="cpu")})

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> Any:
        service.batcher.start()
        yield
        await asyncio.to_thread(service.batcher.stop)

    app = create_app(service, limits, origins, lifespan)
    server = Server(app, Ending(drain=0, grace=grace))
    listening = bound_socket("127.0.0.1", 0)
    port = listening.getsockname()[1]
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        until(lambda: server.started)
        yield Running(f"http://127.0.0.1:{port}", port, service.models, app, server)
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()


def until(holds: Any) -> None:
    """Waits until something is the case."""
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def limits(**changes: Any) -> Limits:
    return Limits(**{"max_bytes": 100_000, "max_running": 8, "log": False, **changes})


def opened(port: int, data: bytes = b"") -> socket.socket:
    """A connection, on which data was sent."""
    connected = socket.create_connection(("127.0.0.1", port), timeout=30)
    connected.sendall(data)
    return connected


def heard(connected: socket.socket) -> bytes:
    """All that the service says until it closes the connection."""
    parts = []
    while part := connected.recv(1 << 16):
        parts.append(part)
    return b"".join(parts)


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


def test_full_refuses_before_the_body_and_recovers(trained: Path) -> None:
    with running(trained, limits(max_running=1)) as service:
        slow = opened(service.port, TAG + b"Content-Length: 30\r\n\r\n")
        with closing(slow):
            until(lambda: service.gate.running == 1)
            with closing(opened(service.port, TAG + b"Content-Length: 30\r\n\r\n")) as refused:  # no body
                answer = answered(refused)
                assert answer.startswith(b"HTTP/1.1 503 ")
                assert b"\r\nretry-after: 1\r\n" in answer
                until(lambda: service.gate.running == 1)
                refused.sendall(BODY)  # the connection is still good
                assert httpx.get(f"{service.url}/live").status_code == 200
                slow.sendall(BODY)
                assert status(slow) == 200
                until(lambda: service.gate.running == 0)
                refused.sendall(TAG + b"Content-Length: 30\r\n\r\n" + BODY)
                assert status(refused) == 200


def test_bodies_that_are_too_large(trained: Path) -> None:
    with running(trained, limits(max_bytes=1000)) as service:
        with closing(opened(service.port, TAG + b"Content-Length: 1001\r\n\r\n")) as announced:
            assert status(announced) == 413
        with closing(opened(service.port, TAG + b"Transfer-Encoding: chunked\r\n\r\n")) as chunked:
            chunked.sendall(b"200\r\n%s\r\n" % (b" " * 0x200) * 2)
            assert status(chunked) == 413
            chunked.sendall(b"0\r\n\r\nGET /live HTTP/1.1\r\nHost: x\r\n\r\n")
            assert status(chunked) == 200
        assert httpx.post(f"{service.url}/process", data={"data": "a" * 1000, "tagger": ""}).status_code == 413
        fits = json.dumps({"text": "a" * 985}).encode()
        assert len(fits) <= 1000
        assert httpx.post(f"{service.url}/v1/tag", content=fits).status_code == 200
        for length in (b"-5", b"9" * 30, b"5, 6", b"1e3"):
            with closing(opened(service.port, TAG + b"Content-Length: %s\r\n\r\n" % length)) as absurd:
                assert status(absurd) == 400


def test_slow_senders_are_sent_away(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "PATIENCE", PATIENCE)
    monkeypatch.setattr(connection, "HEADER_SECONDS", PATIENCE)
    with running(trained, limits()) as service:
        for start in (TAG + b"Content-Length: 30\r\n\r\n{", FORM + b"Content-Length: 30\r\n\r\ndata=a"):
            with closing(opened(service.port, start)) as slow:
                assert status(slow) == 408
        with closing(opened(service.port, TAG + b"Content-Length: 30000\r\n\r\n" + b" " * 20_000)) as paused:
            assert status(paused) == 408  # what came fast does not pay for a long pause
        for start in (b"", b"GET /live HT", TAG + b"Content-Length"):
            with closing(opened(service.port, start)) as silent:
                assert heard(silent) == b""
        assert service.gate.running == 0
        assert httpx.post(f"{service.url}/v1/tag", content=BODY).status_code == 200


def test_headers_without_end(trained: Path) -> None:
    with running(trained, limits()) as service, closing(opened(service.port, TAG + b"X: ")) as endless:
        with suppress(OSError):  # it is reset while there is more to send
            endless.sendall(b"a" * 100 * connection.MAX_HEADERS)
            pytest.fail("the headers were read")
        assert httpx.get(f"{service.url}/live").status_code == 200


def test_clients_that_do_not_read_are_sent_away(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "READ_SECONDS", PATIENCE)
    monkeypatch.setattr("tagger.serving.server.CHECK_TICKS", 1)
    request = b"GET /docs-assets/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n"
    with running(trained, limits()) as service, closing(opened(service.port)) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.sendall(request * 20)
        until(lambda: service.server.server_state.connections)
        until(lambda: not service.server.server_state.connections)


def test_ready_only_with_models_and_not_while_draining(trained: Path) -> None:
    with running(None, limits()) as service:
        assert httpx.get(f"{service.url}/live").status_code == 200
        unready = httpx.get(f"{service.url}/ready")
        assert (unready.status_code, unready.headers["retry-after"]) == (503, "1")
        assert httpx.post(f"{service.url}/v1/tag", content=BODY).status_code == 503
        service.models.load({"tiny": tagger.load(trained, device="cpu")})
        assert httpx.get(f"{service.url}/ready").status_code == 200
        service.gate.draining = True
        assert httpx.get(f"{service.url}/ready").status_code == 503
        answer = httpx.post(f"{service.url}/v1/tag", content=BODY)
        assert (answer.status_code, answer.headers["connection"]) == (200, "close")
        assert httpx.head(f"{service.url}/live").status_code == 200


def test_requests_that_outlast_the_end_are_told(trained: Path) -> None:
    with running(trained, limits(), grace=1) as service:
        slow = opened(service.port, TAG + b"Content-Length: 30\r\n\r\n")
        with closing(slow):
            until(lambda: service.gate.running == 1)
            service.gate.draining = service.server.should_exit = True
            assert answered(slow).startswith(b"HTTP/1.1 503 ")
            assert slow.recv(1) == b""


def test_compressed_bodies_are_refused(trained: Path) -> None:
    with running(trained, limits()) as service:
        for header in (b"Content-Encoding: gzip\r\nContent-Length: 2", b"Transfer-Encoding: gzip, chunked"):
            with closing(opened(service.port, TAG + header + b"\r\n\r\n")) as compressed:
                assert status(compressed) == 415


def test_upgrades_are_declined(trained: Path) -> None:
    upgrade = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"
    with running(trained, limits()) as service, closing(opened(service.port)) as java:
        for body in (BODY, BODY[:10]):  # the rest of the second comes later
            java.sendall(TAG + upgrade + b"Content-Length: 30\r\n\r\n" + body)
        assert status(java) == 200
        java.sendall(BODY[10:])
        assert status(java) == 200


def test_token(trained: Path) -> None:
    with running(trained, limits(token="secret"), ["https://example.org"]) as service:
        client = httpx.Client(base_url=service.url)
        with client:
            for path in ("/", "/live", "/ready", "/docs", "/openapi.json", "/docs-assets/swagger-ui.css"):
                assert client.get(path).status_code == 200
                assert client.head(path).status_code == 200
            for headers in ({}, {"authorization": "Bearer secre"}, {"authorization": "Basic secret"}):
                refused = client.post("/v1/tag", content=BODY, headers=headers)
                assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
                assert client.get("/metrics", headers=headers).status_code == 401
                assert client.post("/", content=b"text", headers=headers).status_code == 401
            for scheme in ("Bearer", "bearer"):
                answer = client.post("/v1/tag", content=BODY, headers={"authorization": f"{scheme} secret"})
                assert answer.status_code == 200
            preflight = {"origin": "https://example.org", "access-control-request-method": "POST"}
            preflight["access-control-request-headers"] = "authorization"
            allowed = client.options("/v1/tag", headers=preflight)  # browsers send no token with it
            assert allowed.status_code == 200
            assert "authorization" in allowed.headers["access-control-allow-headers"]
            refused = client.post("/v1/tag", content=BODY, headers={"origin": "https://example.org"})
            assert refused.status_code == 401
            assert refused.headers["access-control-allow-origin"] == "https://example.org"


def test_cors_is_off_unless_an_origin_is_named(trained: Path) -> None:
    other = {"origin": "https://other.example"}
    with running(trained, limits()) as service:
        assert "access-control-allow-origin" not in httpx.get(f"{service.url}/v1/models", headers=other).headers
        assert httpx.options(f"{service.url}/v1/tag", headers=other).status_code == 405
    with running(trained, limits(), ["https://example.org"]) as service:
        assert "access-control-allow-origin" not in httpx.get(f"{service.url}/v1/models", headers=other).headers
        answer = httpx.get(f"{service.url}/v1/models", headers={"origin": "https://example.org"})
        assert answer.headers["access-control-allow-origin"] == "https://example.org"
    with running(trained, limits(), ["*"]) as service:
        assert httpx.get(f"{service.url}/v1/models", headers=other).headers["access-control-allow-origin"] == "*"


def test_metrics_count(trained: Path) -> None:
    with running(trained, limits(max_running=1)) as service, httpx.Client(base_url=service.url) as client:
        client.post("/v1/tag", content=BODY)
        client.post("/v1/tag", content=b"{")
        for number in range(50):
            client.get(f"/nothing/{number}")
        with closing(opened(service.port, TAG + b"Content-Length: 30\r\n\r\n")):
            until(lambda: service.gate.running == 1)
            client.post("/models/tiny", json={"inputs": "a"})
        until(lambda: service.gate.running == 0)
        text = client.get("/metrics").text
    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found["tagger_requests_total", "/v1/tag", "200"] == 1
    assert found["tagger_requests_total", "/v1/tag", "400"] == 1
    assert found["tagger_requests_total", "/v1/tag", "499"] == 1
    assert found["tagger_requests_total", "/models/NAME", "503"] == 1
    assert found["tagger_requests_total", "404", "other"] == 50
    assert found["tagger_request_seconds_count", "/v1/tag"] == 3
    assert found["tagger_words_total",] == 4
    assert found["tagger_batches_total",] == 1
    assert found["process_resident_memory_bytes",] > 0


def test_a_line_for_each_request_without_its_text(trained: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with running(trained, limits(log=True)) as service:
        capfd.readouterr()
        url = service.url
        httpx.post(f"{url}/v1/tag", json={"text": "xylophone"})
        httpx.post(f"{url}/v1/tag", content=b'{"xylophone')
        httpx.get(f"{url}/process", params={"data": "xylophone", "tokenizer": "", "tagger": ""})
        httpx.post(f"{url}/process", data={"data": "1\txylophone"})
        httpx.post(f"{url}/", params={"properties": '{"outputFormat": "xylophone"}'}, content=b"xylophone")
        httpx.get(f"{url}/a%0a%7B%22b%22")
        opened(service.port, TAG + b"Content-Length: 99\r\n\r\nxylophone").close()
        parts: list[str] = []
        until(lambda: parts.append(capfd.readouterr().err) or "".join(parts).count("\n") == 7)
        log = "".join(parts)
    assert "xylophone" not in log
    lines = list(map(json.loads, log.splitlines()))
    assert [line["status"] for line in lines] == [200, 400, 200, 400, 400, 404, 499]
    assert [line["path"] for line in lines[:3]] == ["/v1/tag", "/v1/tag", "/process"]
    assert all(line["client"] == "127.0.0.1" for line in lines)


def test_errors_are_logged_as_json(trained: Path, tmp_path: Path) -> None:
    with serving(tmp_path, "--model", str(trained)) as served:
        port = int(served.url.rpartition(":")[2])
        for data in (b"\x16\x03\x01", b"GET /live HTTP/1.1\r\n\r\n\r\nnonsense\r\n\r\n"):
            with closing(opened(port, data)) as bad:
                assert b" 400 " in heard(bad)
        form = b"--x\r\nnonsense\r\n--x--"
        headers = {"content-type": "multipart/form-data; boundary=x"}
        assert httpx.post(f"{served.url}/process", content=form, headers=headers).status_code == 400
        lines = [json.loads(line) for line in served.log.read_text().splitlines()[1:]]
    assert {line.get("level") for line in lines} == {None, "warning"}


@pytest.mark.parametrize("way", ["environment", "file"])
def test_token_of_the_command(trained: Path, tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("secret\n")
    monkeypatch.setenv("TAGGER_TOKEN", "other" if way == "file" else "secret")
    options = ["--token-file", str(tmp_path / "token")] if way == "file" else []
    with serving(tmp_path, "--model", str(trained), *options) as served:
        given = {"authorization": "Bearer secret"}
        assert httpx.post(f"{served.url}/v1/tag", content=BODY, headers=given).status_code == 200
        assert httpx.post(f"{served.url}/v1/tag", content=BODY).status_code == 401
        assert "secret" not in served.log.read_text()


class _Client(threading.Thread):
    """Sends requests until the service refuses connections.

    Attributes:
        whole: the number of whole answers.
        lost: what went wrong with requests that were sent.
    """

    def __init__(self, port: int, keep: bool) -> None:
        super().__init__()
        self.port, self.keep = port, keep
        self.whole, self.lost = 0, list[str]()

    def run(self) -> None:
        """Asks, on one connection as long as it lives, or on a new one each time."""
        connected: socket.socket | None = None
        while True:
            if connected is None:
                try:
                    connected = socket.create_connection(("127.0.0.1", self.port), timeout=30)
                except OSError:
                    return  # the service is gone
            try:
                connected.sendall(TAG + b"Content-Length: 30\r\n\r\n" + BODY)
                answer = answered(connected)
            except OSError as error:
                answer = b""
                self.lost.append(repr(error))
            if not answer.startswith(b"HTTP/1.1 200 ") or not answer.endswith(b"]}"):
                self.lost.append(repr(answer[:80]))
            self.whole += 1
            if not self.keep or not answer or b"\r\nconnection: close\r\n" in answer:
                connected.close()
                connected = None


def test_sigterm_under_load_loses_no_request(trained: Path, tmp_path: Path) -> None:
    with serving(tmp_path, "--model", str(trained), "--no-log") as served:
        port = int(served.url.rpartition(":")[2])
        clients = [_Client(port, keep=number % 2 == 0) for number in range(8)]
        for client in clients:
            client.start()
        until(lambda: all(client.whole > 20 for client in clients))
        served.process.send_signal(signal.SIGTERM)
        for client in clients:
            client.join(60)
        assert served.process.wait(30) == 0
        assert [client.lost for client in clients] == [[]] * 8
        assert [json.loads(line) for line in served.log.read_text().splitlines()[1:]] == []


def test_a_second_signal_ends_at_once(trained: Path, tmp_path: Path) -> None:
    with serving(tmp_path, "--model", str(trained), "--drain", "600") as served:
        port = int(served.url.rpartition(":")[2])
        with closing(opened(port, TAG + b"Content-Length: 30\r\n\r\n")):
            served.process.send_signal(signal.SIGTERM)
            until(lambda: httpx.get(f"{served.url}/ready").status_code == 503)
            assert served.process.poll() is None
            served.process.send_signal(signal.SIGTERM)
            assert served.process.wait(30) == 130
        assert "a second signal" in served.log.read_text().splitlines()[-1]


def bad_requests(number: int) -> bytes:
    """A bad request, or the beginning of a good one."""
    chance = random.Random(number)
    whole = chance.choice(
        [
            TAG + b"Content-Length: 30\r\n\r\n" + BODY,
            TAG + b"Transfer-Encoding: chunked\r\n\r\n1e\r\n" + BODY + b"\r\n0\r\n\r\n",
            FORM + b"Content-Length: 31\r\n\r\ndata=They+book&tokenizer&tagger",
            FORM.replace(b"x-www-form-urlencoded", b"y") + b"Content-Length: 4\r\n\r\ndata",
            b"POST /process HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 76\r\n\r\n"
            b'--b\r\nContent-Disposition: form-data; name="data"\r\n\r\nThey book flights\r\n--b--\r\n',
            b"GET /process?data=%ff%00%&tokenizer&tagger HTTP/1.1\r\n\r\n",
            b'POST /?properties={"a":}&%zz HTTP/1.1\r\nContent-Type: text/plain; charset=\xff\r\n'
            b"Content-Length: 2\r\n\r\nab",
            b'POST / HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{"inputs":5}',
            b"GET /docs-assets/%2e%2e/%2e%2e/%00 HTTP/1.1\r\n\r\n",
        ]
    )
    if chance.random() < 0.5:
        whole = whole[: chance.randrange(len(whole))]
    if chance.random() < 0.5:
        at = chance.randrange(len(whole) + 1)
        whole = whole[:at] + bytes(chance.randrange(256) for _ in range(chance.randrange(1, 9))) + whole[at + 3 :]
    return whole


def test_bad_requests_and_disconnects_leave_it_answering(served: Served) -> None:
    port = int(served.url.rpartition(":")[2])
    descriptors = Path(f"/proc/{served.process.pid}/fd")
    before = len(os.listdir(descriptors)) if descriptors.exists() else 0
    for number in range(100):
        with closing(opened(port, bad_requests(number))) as bad:
            bad.settimeout(0.05)
            with suppress(OSError):
                bad.recv(1 + number % 100)
    answer = httpx.post(f"{served.url}/v1/tag", content=BODY)
    assert answer.json()["sentences"][0]["tokens"] == ["They", "book", "flights", "."]
    if before:
        until(lambda: len(os.listdir(descriptors)) <= before + 2)
    lines = list(map(json.loads, served.log.read_text().splitlines()[1:]))
    assert not [line for line in lines if line.get("level") == "error" or line.get("status") == 500]


def memory(served: Served) -> int:
    """The bytes of the service's memory."""
    for line in httpx.get(f"{served.url}/metrics").text.splitlines():
        if line.startswith("process_resident_memory_bytes "):
            return int(float(line.split()[1]))
    pytest.skip("this system does not tell the memory of a process")


def test_large_texts_take_no_more_memory_than_small_ones(trained: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    line = "They book flights. The book reads well.\n"
    text.write_text(line * 2_000)  # 80 kB
    with serving(tmp_path, "--model", str(trained), "--no-log") as served:
        command = ["curl", "-sS", "-F", f"data=@{text}", "-F", "tokenizer=", "-F", "tagger=", f"{served.url}/process"]
        subprocess.run(command, check=True, capture_output=True)
        before = memory(served)
        text.write_text(line * 30_000)  # 1.2 MB
        answer = subprocess.run(command, check=True, capture_output=True).stdout
        assert answer.count(b"\\n\\n") == 60_000
        assert answer.endswith(b'"\n}\n')
        form = {"data": line * 30_000, "tokenizer": "", "tagger": ""}
        assert len(httpx.post(f"{served.url}/process", data=form, timeout=60).content) == len(answer)
        assert memory(served) - before < len(answer)  # neither the text nor an answer was in memory


def test_large_json_is_tagged_window_by_window(trained: Path) -> None:
    lines = 3 * WINDOW // len(LINE)
    with running(trained, limits(max_bytes=4_000_000)) as service, httpx.Client(base_url=service.url) as client:
        found = client.post("/v1/tag", json={"text": LINE * lines}, timeout=60).json()["sentences"]
        again = client.post("/v1/tag", json={"tokens": [s["tokens"] for s in found]}, timeout=60).json()["sentences"]
        conllu = client.post("/v1/tag", json={"text": LINE * lines, "output": "conllu"}, timeout=60).text
        assert (
            [s["tokens"] for s in again] == [s["tokens"] for s in found] == [["They", "book", "flights", "."]] * lines
        )
        assert [s["upos"] for s in again] == [s["upos"] for s in found] == [["PRON", "VERB", "NOUN", "PUNCT"]] * lines
        assert found[-1]["offsets"][0] == [len(LINE) * (lines - 1), len(LINE) * (lines - 1) + 4]
        assert re.findall("# sent_id = (.*)", conllu) == [str(number + 1) for number in range(lines)]
        for body in ({"tokens": ["a"] * (MAX_SENTENCE + 1)}, {"text": "a" * (MAX_WORK // MAX_TOP + 1), "top": MAX_TOP}):
            refused = client.post("/v1/tag", json=body)
            assert refused.status_code == 413, refused.text
        vertical = {"data": "a\n" * (MAX_SENTENCE + 1), "input": "vertical", "tagger": ""}
        assert client.post("/process", data=vertical).status_code == 413


def test_one_bad_job_of_a_batch_does_not_spoil_the_others(trained: Path) -> None:
    tiny = tagger.load(trained, device="cpu")
    batcher = Batcher()
    numbers: list[int] = []

    def job(text: str, render: Any) -> Job:
        return Job(tiny, lambda: units_of_text(tiny, text), len(text), Request(("upos",)), render)

    def counting(sentences: list[Sentence]) -> bytes:
        numbers.append(len(sentences))
        return b"good"

    async def run() -> list[Any]:
        batcher.start()
        jobs = [job("They book flights.", counting), job("Well", lambda _: 1 / 0), job("Well. Well.", counting)]
        jobs.append(Job(tiny, lambda: iter([1 / 0]), 1, Request(("upos",)), counting))
        return await asyncio.gather(*map(batcher.run, jobs), batcher.run(jobs[0]), return_exceptions=True)

    answers = asyncio.run(run())
    batcher.stop()
    assert [getattr(answer, "status", answer) for answer in answers] == [b"good", 500, b"good", 500, b"good"]
    assert numbers == [1, 2, 1]  # each was made once

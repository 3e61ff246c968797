"""Clients of other services, unmodified: they get the tags of the command line."""

import email.policy
import json
import shutil
import subprocess
import sys
import urllib.request
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from pathlib import Path

import httpx
import pytest

from tests.extras.serving.conftest import TEXT, Running, command, inside, service_of


def validated(conllu: str) -> None:
    """Checks CoNLL-U by the validator of Universal Dependencies, level 1."""
    script = Path(sys.executable).with_name("udvalidate")
    if not script.is_file():
        pytest.skip(f"no {script.name}: the extra `dev` has udtools")
    line = [str(script), "--level", "1", "--lang", "ud"]
    done = subprocess.run(line, input=conllu, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stdout + done.stderr


def process(served: Running, **fields: str) -> str:
    response = httpx.post(f"{served.url}/process", data=fields)
    assert response.status_code == 200, response.text
    assert response.json()["model"] == "english"
    return str(response.json()["result"])


def words(conllu: str) -> list[list[str]]:
    """The form, UPOS, XPOS and FEATS of each word."""
    rows = [line.split("\t") for line in conllu.splitlines() if line[:1].isdigit()]
    return [[row[1], *row[3:6]] for row in rows]


def test_udpipe_client(served: Running, tmp_path: Path) -> None:
    fields = {"input": "conllu", "output": "conllu", "data": TEXT, "tokenizer": "", "tagger": "", "parser": ""}
    message = MIMEMultipart("form-data", policy=email.policy.HTTP)  # as UDPipe's client makes it
    for name, value in fields.items():
        part = MIMENonMultipart("text", "plain")
        part.add_header("Content-Disposition", f'form-data; name="{name}"')
        part.add_header("Content-Transfer-Encoding", "8bit")
        part.set_payload(value, charset="utf-8")
        message.attach(part)
    body, headers = message.as_bytes().split(b"\r\n\r\n", maxsplit=1)[1], {"Content-Type": message["Content-Type"]}
    request = urllib.request.Request(f"{served.url}/process", headers=headers, data=body)
    with urllib.request.urlopen(request) as response:
        found = json.loads(response.read())
    expected = command(tmp_path, "--output", "conllu")
    assert found["result"].split("\n", 3)[3] == expected
    assert set(found) == {"model", "acknowledgements", "result"}
    names = {"english": ["tokenizer", "tagger"], "second": ["tokenizer", "tagger"]}
    assert httpx.get(f"{served.url}/models").json() == {"models": names, "default_model": "english"}
    validated(found["result"])
    if shutil.which("curl") is None:
        pytest.skip("no curl: what follows is its request")
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")
    line = ["curl", "-sS", "-F", f"data=@{tmp_path / 'text.txt'}", "-F", "tokenizer=", "-F", "tagger="]
    done = subprocess.run([*line, f"{served.url}/process"], check=True, capture_output=True)
    assert json.loads(done.stdout)["result"].split("\n", 3)[3] == expected


def test_udpipe_inputs_and_outputs(served: Running) -> None:
    conllu = process(served, data=TEXT, tokenizer="ranges", tagger="1")
    validated(conllu)
    for row in [line.split("\t") for line in conllu.splitlines() if line[:1].isdigit()]:
        start, end = row[9].rpartition("TokenRange=")[2].split(":")
        assert len(TEXT[int(start) : int(end)]) == int(end) - int(start) > 0
    assert process(served, data=conllu, tagger="") == conllu
    vertical = process(served, data=TEXT, tokenizer="", output="vertical")
    assert words(process(served, data=vertical, input="vertical", tagger="")) == words(conllu)
    horizontal = process(served, data=TEXT, tokenizer="", output="horizontal")
    assert words(process(served, data=horizontal, input="horizontal", tagger="")) == words(conllu)
    lines = process(served, data="One. Two\nthree\n\nfour", tokenizer="presegmented", output="horizontal")
    assert lines == "One . Two\nthree\nfour\n"


def test_ranges_of_multiword_tokens(learned: Path) -> None:
    text = "They can't book it. Don't they say so? " * 5
    with inside(service_of(learned)) as client:
        found = client.post("/process", data={"data": text, "tokenizer": "ranges", "tagger": ""}).json()
    tokens = set()
    for row in [line.split("\t") for line in found["result"].splitlines() if "TokenRange=" in line]:
        start, end = row[9].rpartition("TokenRange=")[2].split(":")
        assert text[int(start) : int(end)].split() == row[1].split()
        tokens.add("-" in row[0])
    assert tokens == {False, True}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"tagger": ""}, "data is missing"),
        ({"data": "a", "input": "xml"}, "input format 'xml'"),
        ({"data": "a", "tokenizer": "", "output": "epe"}, "output format 'epe'"),
        ({"data": "1\ta\n\n"}, "line 1"),
    ],
)
def test_udpipe_errors_are_text(served: Running, fields: dict[str, str], words: str) -> None:
    response = httpx.post(f"{served.url}/process", data=fields)
    assert response.status_code == 400
    assert response.headers["content-type"].startswith("text/plain")
    assert words in response.text

"""The service's own protocol, whose tags are those of the command line; bad requests and options are told."""

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

import tagger
from tagger.errors import missing_extra
from tagger.extras.serving import server
from tagger.extras.serving.bodies import MAX_FIELDS, MAX_JSON
from tagger.extras.serving.documents import IN_MEMORY
from tagger.extras.serving.gate import Settings
from tagger.extras.serving.service import ALL_LANGUAGES
from tests.commands.conftest import call, error
from tests.conftest import largest_file
from tests.extras.serving.conftest import Running, inside, service_of
from tests.tagging.test_languages import BASQUE, TEXTS

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=b"
JSON = "application/json"
TEXT = "They book flights. “Is that so?” she asked.\n\nDon't go to Zoë\u0308 🙂 now…\n"


def command(folder: Path, *options: str, text: str = TEXT) -> str:
    file = folder / "text.txt"
    file.write_text(text, encoding="utf-8")
    return call("tag", str(file), "--model", "english", *options).stdout


def tag(served: Running, status: int = 200, **body: Any) -> Any:
    response = httpx.post(f"{served.url}/v1/tag", json=body, timeout=60)
    assert response.status_code == status, response.text
    return response.json() if response.headers["content-type"] == "application/json" else response.text


def test_tags_of_a_text_are_those_of_the_command_in_every_output(served: Running, tmp_path: Path) -> None:
    found = tag(served, text=TEXT, top=3)
    lines = command(tmp_path, "--output", "jsonl", "--probabilities", "--top", "3").splitlines()
    assert found["model"] == "english"
    assert found["columns"] == ["upos", "xpos", "feats", "lemma"]
    for sentence, line in zip(found["sentences"], map(json.loads, lines), strict=True):
        for key, value in line.items():
            if key.endswith("_probabilities"):
                assert sentence[key] == pytest.approx(value, abs=0.02)
            elif not key.endswith("_alternatives"):
                assert sentence[key] == value
    first = found["sentences"][0]
    assert [TEXT[start:end] for start, end in first["offsets"]] == first["tokens"]
    assert [len(best) for best in first["upos_alternatives"]] == [3] * len(first["tokens"])
    for output in ["conllu", "tsv", "csv"]:
        assert tag(served, text=TEXT, output=output) == command(tmp_path, "--output", output)
        expected = command(tmp_path, "--output", output, "--probabilities")
        found = tag(served, text=TEXT, output=output, probabilities=True)
        cells = [[re.sub(r"\d\.\d{4}", "P", line) for line in text.splitlines()] for text in (found, expected)]
        assert cells[0] == cells[1]


def test_tokens_may_be_sent_and_all_is_documented_without_another_host(served: Running) -> None:
    english = tagger.load("english", device="cpu")
    one = tag(served, tokens=["They", "book", "flights"], columns=["xpos"])
    assert one["columns"] == ["xpos"]
    assert [sentence["xpos"] for sentence in one["sentences"]] == [english.tag(["They", "book", "flights"], "xpos")]
    assert set(one["sentences"][0]) == {"tokens", "xpos", "xpos_probabilities"}
    two = tag(served, tokens=[["No"], ["Yes", "."]], model="second")
    assert two["model"] == "second"
    assert [sentence["tokens"] for sentence in two["sentences"]] == [["No"], ["Yes", "."]]
    assert tag(served, tokens=[])["sentences"] == tag(served, text=" \n ")["sentences"] == []
    (sentence,) = tag(served, tokens=["", "a"])["sentences"]
    assert all(0 <= share <= 1 for share in sentence["upos_probabilities"])
    page = httpx.get(f"{served.url}/docs").text
    assert "http" not in page.replace(served.url, "").replace("http://www.w3.org", "")
    assert httpx.get(f"{served.url}/docs-assets/swagger-ui-bundle.js").status_code == 200
    paths = httpx.get(f"{served.url}/openapi.json").json()["paths"]
    own = {"/v1/tag", "/v1/models", "/live", "/ready", "/metrics"}
    assert set(paths) == own | {"/models", "/process"}
    bad = httpx.get(f"{served.url}/v1/tag")
    assert bad.json() == {"error": "GET /v1/tag: Method Not Allowed; /docs lists what there is"}
    assert bad.headers["allow"] == "POST"
    lost = httpx.get(f"{served.url}/lost")
    assert (lost.status_code, lost.text) == (404, "GET /lost: Not Found; /docs lists what there is\n")


def test_each_paragraph_has_its_language_and_the_service_its_own_remedies(every: Running, served: Running) -> None:
    found = tag(every, text=f"{TEXTS['welsh']}\n\n{TEXTS['english']}\n\nЯ живу в Москве.", columns=["upos", "lemma"])
    assert (found["model"], found["warnings"]) == (ALL_LANGUAGES, [])
    assert [sentence["language"] for sentence in found["sentences"]] == ["welsh", "english", "russian"]
    for names in ({"model": "cy"}, {"language": "welsh"}, {"language": "cy", "model": ALL_LANGUAGES}):
        own = tag(every, text=TEXTS["welsh"], columns=["upos", "lemma"], **names)
        assert own["model"] == "welsh"
        assert own["sentences"][0]["lemma"] == found["sentences"][0]["lemma"]
    hebrew = "הילדה קוראת ספר חדש בבית הספר בירושלים."
    mixed = f"{TEXTS['welsh'] * 2}\n\n{BASQUE}\n\nමගේ නම කමල්.\n\n{hebrew}"
    for text in (mixed, f"{mixed}\n\n" + f"{TEXTS['welsh']}\n\n" * 300):  # at once, and in windows
        doubt, thin = tag(every, text=text)["warnings"]
        assert doubt.endswith("looks like a language that is not there; it is tagged as welsh")
        assert thin.startswith("hebrew: this tagger is thin")
    assert tag(every, text="a", model="he")["warnings"] == [thin]
    assert tag(every, text="a", model="hebrew-htb-ud-2.15-241121")["model"] == "hebrew"
    for names, words in (
        ({"text": "ⴰⵣⵓⵍ"}, "; this service has none for it$"),
        ({}, r"the text looks most like (\w+), .*; if it is \1, name it: language [a-z]+$"),
        ({"model": "elvish"}, "model 'elvish' does not exist; choose all-languages, or a language that /v1/models"),
        ({"model": "de", "language": "cy"}, "language 'cy' names a model, and so does model; leave one out"),
    ):
        assert re.search(words, tag(every, 400, **{"text": BASQUE} | names)["error"])
    one, listed = (httpx.get(f"{each.url}/v1/models").json() for each in (served, every))
    english = one["models"][0]
    assert (one["default"], english["language"], english["license"]) == ("english", "en", "CC BY-SA 4.0")
    assert len(english["tags"]["upos"]) == 17
    assert listed["default"] == ALL_LANGUAGES
    assert listed["models"][0]["languages"]["welsh"] == "cy"
    form = {"data": TEXTS["welsh"], "tokenizer": "", "tagger": ""}
    assert "\tchwarae\tNOUN\t" in httpx.post(f"{every.url}/process", data=form).json()["result"]


def part(name: str, value: str, more: str = "") -> str:
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{value}\r\n'


@pytest.fixture(scope="module")
def client(trained: Path) -> Iterator[TestClient]:
    with inside(service_of(trained), max_bytes=10_000_000) as client:
        yield client


def test_bodies_are_read_as_they_are_sent(client: TestClient) -> None:
    assert client.post("/v1/tag", content=b'\xef\xbb\xbf{"tokens": ["a"]}').status_code == 200
    refused = client.post("/v1/tag", content=b'{"text":"' + b"1" * MAX_JSON)
    assert refused.status_code == 413
    assert "/process" in refused.json()["error"]
    with largest_file(1000):
        data = {"data": "a\n\n" * IN_MEMORY, "input": "vertical", "output": "vertical"}
        refused = client.post("/process", data=data)
    assert refused.status_code == 507
    assert refused.text.startswith("the service has no room")
    lines = {"input": "horizontal", "output": "horizontal"}
    file = '; filename="a.txt"\r\nContent-Type: text/plain'
    raw = "\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: 8bit"
    for body, kind, expected in [
        ("data=a+b%20c%0A%C3%AB%f0%9f%99%82&model=tiny", URLENCODED, "a b c\në🙂\n"),
        ("data=Zoë&data=Žofie", URLENCODED, "Žofie\n"),  # as `curl -d` sends it
        (part("data", "-- --bc\r\nZoë") + "--b--\r\n", MULTIPART, "-- --bc\nZoë\n"),
        (part("data", "-- --bc\r\nZoë", file) + "--b--\r\n", MULTIPART, "-- --bc\nZoë\n"),
        (part("data", "Zoë", raw) + "--b--\r\n", 'multipart/form-data; boundary="b"', "Zoë\n"),  # as UDPipe's client
    ]:
        found = client.post("/process", params=lines, content=body.encode(), headers={"content-type": kind})
        assert found.json()["result"] == expected


def test_a_bad_request_is_one_short_line(client: TestClient) -> None:
    for kind, body, words in (
        (JSON, "", "the body is empty"),
        (JSON, "\ufeff \n", "the body is empty"),
        (JSON, "[" * 100_000, "no JSON"),
        (JSON, '{"text": "\\ud800"}', "half of a pair"),
        (JSON, json.dumps({"k\n" * 10_000: 1}), "no such key"),
        (JSON, "{}", "either"),
        (JSON, '{"text": "a", "columns": ["pos"]}', "no column 'pos'"),
        (JSON, '{"text": "a", "model": "french"}', "choose tiny"),
        (JSON, '{"text": "a", "language": "de"}', "language 'de': leave it out, and choose a model: tiny"),
        (JSON, '{"text": "a", "output": "xml"}', "output=xml: "),
        (JSON, '{"tokens": [["a"], "b"]}', "tokens: give a sentence, "),
        (JSON, '{"tokens": [["a"], %s1]}' % ("1," * 100_000), "tokens"),
        ("text/plain", "data=a", "send multipart"),
        ("multipart/form-data", "data=a", "boundary"),
        (MULTIPART, "data=a", ""),
        (MULTIPART, part("data", "a", "; x=" + "y" * 100_000), ""),
        (MULTIPART, part("a", "") * (MAX_FIELDS + 1), "fields"),
        (URLENCODED, "data=a%ffb", "not UTF-8"),
        (URLENCODED, "tagger=", "data is missing"),
        (URLENCODED, "data=a&input=xml", "input format 'xml'"),
        (URLENCODED, "data=a&tokenizer=&output=epe", "output format 'epe'"),
        (URLENCODED, "data=1%09a%0A%0A", "line 1"),
    ):
        path = "/v1/tag" if kind == JSON else "/process"
        refused = client.post(path, content=body.encode(), headers={"content-type": kind})
        assert refused.headers["content-type"].startswith(JSON if kind == JSON else "text/plain")
        message = refused.json()["error"] if kind == JSON else refused.text.removesuffix("\n")
        assert (refused.status_code, words in message, "\n" in message) == (400, True, False)
        assert len(message) < 200
    assert client.get("/process?data=a%ff").status_code == 400


def test_mistakes(model: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for options, words in (
            ("--model MODEL --model MODEL", "'FOLDER' names two models"),
            ("--model a=MODEL --model a=MODEL", "'a' names two models"),
            ("--model a/b=MODEL", "'a/b' is more than letters"),
            ("--model a=nowhere", "nowhere: no such tagger; python -m tagger models lists"),
            ("--model MODEL --port PORT", "choose another --port"),
            ("--model MODEL --host 192.0.2.1 --port 0", "--host 192.0.2.1"),
            ("--model MODEL --origin example.org", "write it as browsers do: https://example.org"),
        ):
            filled = options.replace("MODEL", str(model)).replace("PORT", str(taken.getsockname()[1]))
            assert words.replace("FOLDER", model.parent.name) in error("serve", *filled.split())


def test_tokens_are_ascii_and_what_is_not_installed_is_told(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for token in ("", "two words", "gehe\u00efm"):
        Path("token").write_text(token, encoding="utf-8")
        assert "--token-file token: " in error("serve", "--model", str(model), "--token-file", "token")
        monkeypatch.setenv("TAGGER_TOKEN", token)
        message = error("serve", "--model", str(model))
        assert message.startswith("error: TAGGER_TOKEN: ")
        assert not token or token not in message
    for package in ("fastapi", "uvicorn"):
        monkeypatch.delitem(sys.modules, package, raising=False)
        found = "tagger.extras.serving.serve_command.find_spec"
        monkeypatch.setattr(found, lambda name, lacks=package: name != lacks or None)
        assert f"error: {missing_extra(package, 'serve')}\n" in call("serve", status=2).stderr


def test_what_the_server_gets(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    got: list[Any] = []
    monkeypatch.setattr("tagger.extras.serving.server.run", lambda *arguments: got.extend(arguments))
    (tmp_path / "token").write_text("secret\n")
    for way in ("none", "environment", "file"):
        got.clear()
        if way != "none":
            monkeypatch.setenv("TAGGER_TOKEN", "other" if way == "file" else "secret")
        options = ["--token-file", str(tmp_path / "token")] if way == "file" else []
        options += ["--max-bytes", "5", "--max-requests", "6", "--no-log", "--origin", "https://Example.org/"]
        said = call("serve", "--model", f"a={model}", "--port", "0", "--grace", "3", *options).stderr
        service, listening, settings = got
        listening.close()
        assert said.startswith("serving on http://127.0.0.1:")
        assert "secret" not in said
        assert list(service.taggers) == ["a"]
        token = None if way == "none" else "secret"
        assert settings == Settings(5, 6, token, log=False, origins=["https://example.org"], grace=3)
    monkeypatch.delenv("TAGGER_TOKEN")
    bound = server.bound_socket("127.0.0.1", 0)
    monkeypatch.setattr(server, "bound_socket", lambda *_: bound)  # nothing listens on all addresses
    with bound:
        lines = call("serve", "--host", "0.0.0.0").stderr.splitlines()
    assert list(got[-3].taggers) == [ALL_LANGUAGES]
    assert "set TAGGER_TOKEN or --token-file" in lines[1]


def process(served: Running, **fields: str) -> str:
    response = httpx.post(f"{served.url}/process", data=fields)
    assert response.status_code == 200, response.text
    assert response.json()["model"] == "english"
    return str(response.json()["result"])


def words(conllu: str) -> list[list[str]]:
    """The form, UPOS, XPOS and FEATS of each word."""
    rows = [line.split("\t") for line in conllu.splitlines() if line[:1].isdigit()]
    return [[row[1], *row[3:6]] for row in rows]


def test_udpipe_clients_inputs_outputs_and_ranges(served: Running, tmp_path: Path, learned: Path) -> None:
    fields = {"input": "conllu", "output": "conllu", "data": TEXT, "tokenizer": "", "tagger": "", "parser": ""}
    found = httpx.post(f"{served.url}/process", data=fields).json()
    expected = command(tmp_path, "--output", "conllu")
    assert found["result"].split("\n", 3)[3] == expected
    assert set(found) == {"model", "acknowledgements", "result"}
    names = {"english": ["tokenizer", "tagger"], "second": ["tokenizer", "tagger"]}
    assert httpx.get(f"{served.url}/models").json() == {"models": names, "default_model": "english"}
    conllu = process(served, data=TEXT, tokenizer="ranges", tagger="1")
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
    text = "They can't book it. Don't they say so? " * 5
    with inside(service_of(learned)) as client:
        ranges = client.post("/process", data={"data": text, "tokenizer": "ranges", "tagger": ""}).json()
    tokens = set()
    for row in [line.split("\t") for line in ranges["result"].splitlines() if "TokenRange=" in line]:
        start, end = row[9].rpartition("TokenRange=")[2].split(":")
        assert text[int(start) : int(end)].split() == row[1].split()
        tokens.add("-" in row[0])
    assert tokens == {False, True}
    validator = Path(sys.executable).with_name("udvalidate")  # of Universal Dependencies
    if not validator.is_file():
        pytest.skip(f"no {validator.name}: the extra `dev` has udtools")
    for written in (found["result"], conllu):
        line = [str(validator), "--level", "1", "--lang", "ud"]
        done = subprocess.run(line, input=written, capture_output=True, encoding="utf-8")
        assert done.returncode == 0, done.stdout + done.stderr

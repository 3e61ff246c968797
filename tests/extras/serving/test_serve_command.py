"""What the command `serve` refuses before it serves."""

import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from tagger.errors import missing_extra
from tagger.extras.serving import server
from tagger.extras.serving.gate import Settings
from tests.commands.conftest import call, error


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--model MODEL --model MODEL", "'FOLDER' names two models"),
        ("--model a=MODEL --model a=MODEL", "'a' names two models"),
        ("--model a/b=MODEL", "'a/b' is more than letters"),
        ("--model a=nowhere", "nowhere: no such tagger; python -m tagger models lists"),
        ("--model MODEL --port PORT", "choose another --port"),
        ("--model MODEL --host 192.0.2.1 --port 0", "--host 192.0.2.1"),
        ("--model MODEL --origin example.org", "write it as browsers do: https://example.org"),
    ],
)
def test_mistakes(model: Path, options: str, words: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        filled = options.replace("MODEL", str(model)).replace("PORT", str(taken.getsockname()[1]))
        assert words.replace("FOLDER", model.parent.name) in error("serve", *filled.split())


@pytest.mark.parametrize("token", ["", "two words", "gehe\u00efm"])
def test_tokens_are_visible_ascii(model: Path, monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    Path("token").write_text(token, encoding="utf-8")
    assert "--token-file token: " in error("serve", "--model", str(model), "--token-file", "token")
    monkeypatch.setenv("TAGGER_TOKEN", token)
    message = error("serve", "--model", str(model))
    assert message.startswith("error: TAGGER_TOKEN: ")
    assert token.strip() not in message or not token.strip()


@pytest.mark.parametrize("way", ["environment", "file", "none"])
def test_what_the_server_gets(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    got: list[Any] = []
    monkeypatch.setattr("tagger.extras.serving.server.run", lambda *arguments: got.extend(arguments))
    (tmp_path / "token").write_text("secret\n")
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


def test_an_open_address_without_a_token_is_told(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tagger.extras.serving.server.run", lambda *_: None)
    bound = server.bound_socket("127.0.0.1", 0)
    monkeypatch.setattr(server, "bound_socket", lambda *_: bound)  # nothing listens on all addresses
    with bound:
        lines = call("serve", "--model", str(model), "--host", "0.0.0.0").stderr.splitlines()
    assert "set TAGGER_TOKEN or --token-file" in lines[1]


@pytest.mark.parametrize("package", ["fastapi", "uvicorn"])
def test_serve_says_what_it_lacks(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, package, raising=False)
    monkeypatch.setattr("tagger.extras.serving.serve_command.find_spec", lambda name: None if name == package else True)
    assert f"error: {missing_extra(package, 'serve')}\n" in call("serve", status=2).stderr

"""What the command `serve` refuses before it serves, and a tagger that cannot be loaded when it does."""

import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.conftest import error


def test_taggers_need_names_of_their_own(model: Path) -> None:
    assert f"are named {model.parent.name!r}" in error("serve", "--model", str(model), "--model", str(model))
    assert "are named 'a'" in error("serve", "--model", f"a={model}", "--model", f"a={model}")
    assert "'a/b' cannot be in an address" in error("serve", "--model", f"a/b={model}")
    assert "nowhere: no such tagger; name english, latest, hf:" in error("serve", "--model", "a=nowhere")


def test_addresses_that_cannot_be_had(model: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert "choose another --port" in error("serve", "--model", str(model), "--port", port)
    for host in ("192.0.2.1", "no such host"):
        message = error("serve", "--model", str(model), "--host", host, "--port", "0")
        assert f"--host {host}" in message
        assert "name an address of this machine" in message


@pytest.mark.parametrize("origin", ["example.org", "https://example.org/page", "ftp://example.org", ""])
def test_origins_are_those_of_browsers(model: Path, origin: str) -> None:
    assert "write it as browsers do: https://example.org" in error("serve", "--model", str(model), "--origin", origin)


@pytest.mark.parametrize("token", ["", " ", "two words", "line\nline", "gehe\u00efm"])
def test_tokens_are_visible_ascii(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    file = tmp_path / "token"
    file.write_text(token, encoding="utf-8")
    assert f"--token-file {file}: " in error("serve", "--model", str(model), "--token-file", str(file))
    monkeypatch.setenv("TAGGER_TOKEN", token)
    message = error("serve", "--model", str(model))
    assert message.startswith("error: TAGGER_TOKEN: ")
    assert token.strip() not in message or not token.strip()


def test_a_damaged_tagger_ends_the_service(model: Path, tmp_path: Path) -> None:
    damaged = shutil.copytree(model, tmp_path / "damaged")
    weights = next(damaged.glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:100])
    command = [
        sys.executable,
        "-m",
        "tagger",
        "serve",
        "--model",
        str(damaged),
        "--port",
        "0",
    ]  # it sets up the process
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    served, message = done.stderr.splitlines()
    assert served.startswith("serving on http://127.0.0.1:")
    assert message.startswith("error: ")
    assert str(weights) in message

"""What the command `serve` refuses before it serves, and a tagger that cannot be loaded when it does."""

import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.conftest import error


def test_taggers_need_names_of_their_own(model: Path) -> None:
    assert "name of its own" in error("serve", "--model", str(model), "--model", str(model))
    assert "name of its own" in error("serve", "--model", f"a={model}", "--model", f"a={model}")
    assert "nowhere" in error("serve", "--model", "a=nowhere")


def test_addresses_that_cannot_be_had(model: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert f"--port {port}: " in error("serve", "--model", str(model), "--port", port)
    assert "--host 192.0.2.1 " in error("serve", "--model", str(model), "--host", "192.0.2.1", "--port", "0")
    assert "--host no such host" in error("serve", "--model", str(model), "--host", "no such host")


@pytest.mark.parametrize("token", [" ", "two words", "line\nline", "gehe\u00efm"])
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

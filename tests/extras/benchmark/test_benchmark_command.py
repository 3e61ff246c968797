"""The command `benchmark`: what it tags, and its numbers as JSON."""

import json
from pathlib import Path

import pytest

from tagger.extras.benchmark import benchmark
from tests.commands.conftest import call, error


def test_a_file_is_measured(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "ROUNDS", 1)
    monkeypatch.setattr(benchmark, "_start", lambda _: 1.0)  # a process is not the point
    (tmp_path / "a.txt").write_text("They book flights. The book reads well.\n")
    options = ["benchmark", "--model", str(trained), "--file", "a.txt", "--workers", "1"]
    found = json.loads(call(*options, "--json").stdout)
    assert (found["words"], found["model"]) == (9, str(trained))
    (tmp_path / "a.txt").write_text("\n")
    assert "no words" in error(*options)

"""The benchmark: its numbers belong together; none of them is compared with a time."""

import json
from pathlib import Path

import pytest

from tagger.extras.benchmark import benchmark
from tests.commands.conftest import call, error
from tests.conftest import TOKENS


@pytest.mark.slow
def test_the_numbers_belong_together(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("ROUNDS", 1), ("PROCESS_STARTS", 1), ("WORKERS_WORDS", 2_000)):
        monkeypatch.setattr(benchmark, name, value)
    result = benchmark.measure(str(trained), TOKENS * 30, workers=2)
    assert (result["words"], result["sentences"]) == (300, 90)
    assert list(result["speeds"]) == ["float32", "bfloat16"]
    for speeds in result["speeds"].values():
        assert min(speeds.values()) > 0
    assert result["folder_bytes"] == sum(path.stat().st_size for path in trained.iterdir())
    assert json.loads(json.dumps(result)) == result
    lines = benchmark.format_table(result).splitlines()
    assert max(map(len, lines[1:])) <= 80  # the first has the path of a temporary folder
    assert [line.split()[0] for line in lines if line][2:5] == ["words", "float32", "bfloat16"]


def test_a_file_is_measured(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "ROUNDS", 1)
    monkeypatch.setattr(benchmark, "_start", lambda _: 1.0)  # a process is not the point
    (tmp_path / "a.txt").write_text("They book flights. The book reads well.\n")
    options = ["benchmark", "--model", str(trained), "--file", "a.txt", "--workers", "1"]
    found = json.loads(call(*options, "--json").stdout)
    assert (found["words"], found["model"]) == (9, str(trained))
    (tmp_path / "a.txt").write_text("\n")
    assert "no words to tag" in error(*options)

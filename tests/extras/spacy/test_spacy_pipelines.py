"""The script of docs/spacy.md that scores and times pipelines."""

import runpy
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def test_pipelines_are_scored_and_timed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    sample = ROOT / "data" / "sample" / "sample-dev.conllu"
    monkeypatch.setattr(sys, "argv", ["spacy_pipelines.py", str(sample), "--rounds", "1"])
    runpy.run_path(str(ROOT / "docs" / "spacy" / "spacy_pipelines.py"), run_name="__main__")
    scores, speeds = capsys.readouterr().out.split("\n\n")
    upos = {row.split("|")[1].strip(): float(row.split("|")[5]) for row in scores.splitlines()[2:]}
    assert upos["`bigru_tokenizer`"] > upos["spaCy's tokenizer"] > 80
    assert len(speeds.splitlines()) == 5

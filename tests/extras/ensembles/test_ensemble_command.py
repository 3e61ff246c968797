"""The command `ensemble`, and the commands that its folder is given to."""

import json
import shutil
from pathlib import Path

import pytest

from tests.commands.conftest import CONLLU, call, error, saved


@pytest.fixture
def taggers(model: Path, tmp_path: Path) -> list[str]:
    return [str(shutil.copytree(model, tmp_path / "a")), str(saved(tmp_path / "b", ["They", "walk"]))]


def test_several_taggers_become_one(taggers: list[str], tmp_path: Path) -> None:
    result = call("ensemble", *taggers, "-o", "both", "--weights", "3,1")
    assert "both: an ensemble of 2 with the weights 0.75, 0.25" in result.stderr
    for folder in taggers:
        shutil.rmtree(folder)
    (tmp_path / "a.conllu").write_text(CONLLU)
    tag = ("tag", "a.conllu", "--model", "both", "--probabilities", "--top", "2", "-o", "out/")
    assert "model: both (2 networks, trained on Tiny);" in call(*tag).stderr
    first = Path("out/a.conllu").read_text()
    Path("out/a.conllu").unlink()
    call(*tag, "--resume", "--workers", "2")
    assert Path("out/a.conllu").read_text() == first
    Path("tagged.tsv").write_text("They\tNOUN\nwalk\t_\n.\tPUNCT\n")
    kept = call("tag", "tagged.tsv", "--model", "both", "--keep").stdout
    assert kept.startswith("They\tNOUN\nwalk\t")
    scores = json.loads(call("evaluate", "a.conllu", "--model", "both", "--json").stdout)
    assert scores["upos"]["tokens"] == 5


def test_what_is_there_stays_unless_it_is_an_ensemble(taggers: list[str], tmp_path: Path) -> None:
    call("ensemble", *taggers, "-o", "both")
    assert error("ensemble", *taggers, "-o", "both").startswith("error: both exists")
    call("ensemble", *taggers[::-1], "-o", "both", "--force")
    before = sorted((tmp_path / "a").iterdir())
    assert "a is no ensemble, and --force replaces nothing else" in error("ensemble", *taggers, "-o", "a", "--force")
    assert sorted((tmp_path / "a").iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a"], "2 to 16 members, not 1"),
        (["a", "b", "--weights", "1"], "--weights 1: 1 for 2 taggers"),
        (["a", "b", "--weights", "1,0"], "give each tagger a number above 0"),
        (["a", "b", "./a"], "a is named twice"),
        (["a", "english"], "a lacks the column 'xpos', which"),
    ],
)
def test_mistakes(taggers: list[str], arguments: list[str], words: str, tmp_path: Path) -> None:
    assert words in error("ensemble", *arguments, "-o", "new")
    assert not (tmp_path / "new").exists()

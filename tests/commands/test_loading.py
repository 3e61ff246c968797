"""Which tagger a command loads, and how often it asks."""

from pathlib import Path
from typing import get_args

import pytest

from tagger.bundle import catalog
from tagger.commands.options import Precision
from tagger.model.device import PRECISIONS
from tests.commands.conftest import CONLLU, call, saved


def test_precisions_of_the_help_are_those_of_the_model() -> None:
    assert get_args(Precision) == ("auto", *PRECISIONS)


@pytest.mark.parametrize(
    "command",
    [
        ["tag", "a.conllu", "-o", "out/"],
        ["evaluate", "a.conllu"],
    ],
)
def test_latest_is_found_once_in_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]) -> None:
    runs = [saved(tmp_path / str(number) / "tagger", ["They", "book", "."]).parent for number in (1, 2)]
    for name in "abc":
        (tmp_path / f"{name}.conllu").write_text(CONLLU)
    asked = []

    def newest(*arguments: object) -> Path:
        """A run that ends between two questions is the newest at the second."""
        asked.append(arguments)
        return runs[min(len(asked), 2) - 1]

    monkeypatch.setattr(catalog, "newest_run", newest)
    shown = call(*command, "--model", "latest").stderr
    assert len(asked) == 1
    assert f"model: {runs[0] / 'tagger'} (" in shown


def test_a_folder_with_the_name_of_a_bundled_tagger_is_loaded(tmp_path: Path) -> None:
    saved(tmp_path / "english", ["They", "book", "."])
    assert "trained on Tiny" in call("tag", "--model", "./english", input="They").stderr


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["tag", "a.conllu", "--separator", ""], "'' cannot separate"),
        (["tag", "a.conllu", "--encoding", "nope"], "'nope' is no encoding"),
        (["evaluate", "nope.tsv"], "nope.tsv: no such file"),
    ],
)
def test_mistakes_are_found_before_a_model_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.conllu").write_text(CONLLU)
    assert call(*command, status=2).stderr.startswith(f"error: {said}")

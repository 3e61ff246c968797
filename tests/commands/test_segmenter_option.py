"""The option `--segmenter` of the commands that read text."""

import json
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

import tagger
from tagger.commands.options import SegmenterChoice
from tagger.tagging.tagger import SEGMENTERS
from tests.commands.conftest import CONLLU, call, error

TEXT = "Don't book des flights. Du 3,14 reads well!!"


def words(path: Path, choice: str, text: str = TEXT) -> list[str]:
    loaded = tagger.load(path, "cpu", segmenter=choice)
    return [form for sentence in loaded.annotate(text) for form in sentence.tokens]


def test_the_choices_are_those_of_load() -> None:
    assert get_args(SegmenterChoice) == SEGMENTERS


@pytest.mark.parametrize("choice", SEGMENTERS)
def test_every_command_cuts_as_it_is_told(learned: Path, tmp_path: Path, choice: str) -> None:
    (tmp_path / "a.txt").write_text(TEXT)
    options = ["--model", str(learned), "--segmenter", choice]
    expected = words(learned, choice)
    found = json.loads(call("explain", TEXT, *options, "--json").stdout)
    assert [form for sentence in found for form in sentence["tokens"]] == expected
    call("embed", "a.txt", "-o", "a.npz", *options, "--force")
    assert np.load(tmp_path / "a.npz")["words"].tolist() == expected
    (tmp_path / "b.txt").write_text("\n\n".join([TEXT] * 5))
    assert call("senses", expected[0], "b.txt", *options).stdout.startswith(f"{expected[0]}: ")


def test_the_choices_differ(learned: Path) -> None:
    text = f"{TEXT} It's 5pm, isn't it?"
    assert len({tuple(words(learned, choice, text)) for choice in ("learned", "english", "unicode")}) == 3


@pytest.mark.parametrize(
    "command",
    [
        ["evaluate", "a.conllu", "--raw"],
        ["explain", "They"],
        ["embed", "a.txt", "-o", "a.npz"],
        ["senses", "They", "a.txt"],
        ["benchmark", "--file", "a.txt"],
    ],
)
def test_no_segmenter_is_one_line(trained: Path, tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "a.txt").write_text(TEXT)
    (tmp_path / "a.conllu").write_text(CONLLU)
    message = error(*command, "--model", str(trained), "--segmenter", "learned")
    assert f"error: {trained} has no learned segmenter" in message
    assert "trainer.max_epochs=0" in message
    assert not (tmp_path / "a.npz").exists()


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (["embed", "a.tokens", "-o", "a.npz"], "a.tokens (tokens)"),
        (["senses", "They", "a.conllu"], "a.conllu (conllu)"),
        (["explain", "They", "--tokens"], "with --tokens TEXT"),
        (["benchmark"], ".conllu and 2 more (conllu)"),
    ],
)
def test_a_segmenter_without_text_is_an_error(learned: Path, tmp_path: Path, command: list[str], shown: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "a.tokens").write_text("They\n")
    (tmp_path / "a.txt").write_text("They\n")
    for name in ("a.conllu", "in/a.conllu", "in/b.conllu"):
        (tmp_path / name).write_text(CONLLU)
    message = error(*command, "--model", str(learned), "--segmenter", "learned", input="They\n")
    assert message.startswith("error: --segmenter learned cuts text, but ")
    assert f"{shown} is cut" in message
    assert not (tmp_path / "out").exists()


def test_evaluate_says_what_cut_the_text(learned: Path, tmp_path: Path) -> None:
    (tmp_path / "a.conllu").write_text(CONLLU.replace("# a comment alone\n\n", "# newpar\n# text = Yes\n"))
    options = ["evaluate", "a.conllu", "--model", str(learned)]
    assert "a.conllu from raw text, cut by the learned segmenter" in call(*options, "--raw").stdout
    assert "cut by the rules unicode" in call(*options, "--raw", "--segmenter", "unicode").stdout
    assert "add --raw" in error(*options, "--segmenter", "unicode")


def test_models_says_what_cuts_text(learned: Path, tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "1" / "tagger"
    folder.mkdir(parents=True)
    for path in learned.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    listed = {model["name"]: model["segmenter"] for model in json.loads(call("models", "--json").stdout)}
    assert (listed["english"], listed["1"], listed["latest"]) == ("english", "learned", "learned")

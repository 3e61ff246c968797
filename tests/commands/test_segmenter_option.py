"""What cuts text: the option `--segmenter` of `evaluate --raw`."""

import json
from pathlib import Path
from typing import get_args

import tagger
from tagger.commands.evaluate import SegmenterChoice
from tagger.tagging.tagger_options import SEGMENTERS
from tests.commands.conftest import CONLLU, call, error

TEXT = "Don't book des flights. Du 3,14 reads well!!"


def words(path: Path, choice: str, text: str = TEXT) -> list[str]:
    loaded = tagger.load(path, "cpu", segmenter=choice)
    return [form for sentence in loaded.annotate(text) for form in sentence.tokens]


def test_the_choices_are_those_of_load() -> None:
    assert get_args(SegmenterChoice) == SEGMENTERS


def test_the_choices_differ(learned: Path) -> None:
    text = f"{TEXT} It's 5pm, isn't it?"
    assert len({tuple(words(learned, choice, text)) for choice in ("learned", "english", "unicode")}) == 3


def test_no_segmenter_is_one_line(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "a.conllu").write_text(CONLLU)
    message = error("evaluate", "a.conllu", "--raw", "--model", str(trained), "--segmenter", "learned")
    assert f"error: {trained} has no learned segmenter" in message
    assert "trainer.max_epochs=0" in message


def test_evaluate_says_what_cut_the_text(learned: Path, tmp_path: Path) -> None:
    (tmp_path / "a.conllu").write_text(CONLLU.replace("# a comment alone\n\n", "# newpar\n# text = Yes\n"))
    options = ["evaluate", "a.conllu", "--model", str(learned)]
    assert "a.conllu from raw text, cut by the learned segmenter" in call(*options, "--raw").stdout
    assert "cut by the rules unicode" in call(*options, "--raw", "--segmenter", "unicode").stdout
    assert "add --raw" in error(*options, "--segmenter", "unicode")


def test_models_says_what_cuts_text(learned: Path, tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "1" / "tagger"
    folder.mkdir(parents=True)
    (folder.parent / "run.json").touch()
    for path in learned.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    listed = {model["name"]: model["segmenter"] for model in json.loads(call("models", "--json").stdout)}
    assert (listed["english"], listed["1"], listed["latest"]) == ("english", "learned", "learned")

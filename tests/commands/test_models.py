"""The taggers that have a name: the command `models` lists them, others load them."""

import json
import shutil
from pathlib import Path

import pytest

from tagger.bundle import catalog
from tagger.bundle.catalog import bundled_names
from tagger.bundled import bundled
from tests.commands.conftest import CONLLU, call, saved


def test_every_tagger_that_has_a_name_is_listed() -> None:
    listed = {model["name"]: model for model in json.loads(call("models", "--json").stdout)}
    assert list(listed) == bundled_names()
    assert Path(listed["english"]["folder"]) == bundled("data") / "english"
    assert listed["english"]["segmenter"] == "english"
    heading, *lines, legend = call("models").stdout.splitlines()
    assert heading.split() == ["language", "codes", "UPOS", "raw", "FEATS", "lemma", "words", "licence", "MB"]
    assert max(map(len, [heading, *lines, legend])) <= 80
    assert [line.split()[0] for line in lines] == bundled_names()
    assert all(" CC BY-SA 4.0 " in line for line in lines)
    assert listed["japanese"]["scores"]["test"].keys() == {"upos", "xpos", "lemma"}
    (japanese,) = (line.split() for line in lines if line.startswith("japanese "))
    assert japanese[4] == "-"  # no FEATS


def test_a_language_is_listed_with_the_words_that_it_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(shutil.copytree(bundled("data") / "welsh", "data/welsh"))
    monkeypatch.setattr(catalog, "bundled", Path)
    config = json.loads((folder / "config.json").read_text())
    for words, shown in ((1250, "1,250"), (12.6, "13"), (None, "-")):
        (folder / "config.json").write_text(json.dumps(config | {"words": words}))
        assert [model["words"] for model in json.loads(call("models", "--json").stdout)] == [words]
        assert call("models").stdout.splitlines()[1].split()[6] == shown
    (folder / "config.json").write_text(json.dumps(config | {"words": -1}))
    assert "words=-1" in call("models").stderr


def test_a_run_is_listed_and_what_it_says_does_not_reach_the_terminal_as_it_is(model: Path, learned: Path) -> None:
    shutil.copytree(learned, "runs/mine/tagger")
    Path("runs/a/tagger").mkdir(parents=True)
    Path("runs/a/tagger/config.json").write_text("{}")
    for option in ((), ("--json",)):
        done = call("models", *option)
        assert "a: runs/a/tagger/config.json: format None" in done.stderr
        assert "mine" in done.stdout
    assert {each["name"]: each["segmenter"] for each in json.loads(done.stdout)}["mine"] == "learned"
    config = json.loads((model / "config.json").read_text())
    config |= {"corpus": "\x1b]0;mine\x07Tiny\x1b[2J", "license": "free\r\x9b31m"}
    folder = Path(shutil.copytree(model, "runs/1/tagger"))
    (folder / "config.json").write_text(json.dumps(config))
    (folder.parent / "run.json").touch()
    for text in (call("models").stdout, call("tag", "--model", "latest", input="They").stderr):
        assert "Tiny" in text
        assert not {"\x1b", "\x07", "\r", "\x9b"} & {*text}


@pytest.mark.parametrize("command", ["tag a.conllu -o out/", "evaluate a.conllu"])
def test_latest_is_found_once_in_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    runs = [saved(tmp_path / str(number) / "tagger", ["They", "book", "."]).parent for number in (1, 2)]
    Path("a.conllu").write_text(CONLLU)
    asked = []

    def newest(*arguments: object) -> Path:
        """A run that ends between two questions is the newest at the second."""
        asked.append(arguments)
        return runs[min(len(asked), 2) - 1]

    monkeypatch.setattr(catalog, "newest_run", newest)
    shown = call(*command.split(), "--model", "latest").stderr
    assert len(asked) == 1
    assert f"model: {runs[0] / 'tagger'} (" in shown


def test_a_folder_with_the_name_of_a_bundled_tagger_is_loaded(tmp_path: Path) -> None:
    saved(tmp_path / "english", ["They", "book", "."])
    assert "trained on Tiny" in call("tag", "--model", "./english", input="They").stderr

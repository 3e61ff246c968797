"""The command `models`: the taggers that have a name."""

import json
import shutil
from pathlib import Path

from tagger.bundle.catalog import bundled_names
from tagger.bundled import bundled
from tests.commands.conftest import call


def test_every_tagger_that_has_a_name_is_listed() -> None:
    listed = {model["name"]: model for model in json.loads(call("models", "--json").stdout)}
    assert list(listed) == bundled_names()
    assert Path(listed["english"]["folder"]) == bundled("data") / "english"
    lines = call("models").stdout.splitlines()
    assert lines[0].split() == ["language", "codes", "treebanks", "licence", "UPOS", "raw", "MB"]
    assert max(map(len, lines)) <= 80
    assert [line.split()[0] for line in lines[1:]] == bundled_names()
    assert all(" CC BY-SA 4.0 " in line for line in lines[1:])


def test_a_run_is_listed_and_what_it_says_does_not_reach_the_terminal_as_it_is(model: Path, tmp_path: Path) -> None:
    shutil.copytree(model, tmp_path / "runs" / "mine" / "tagger")
    assert "mine: Tiny, " in call("models").stdout
    config = json.loads((model / "config.json").read_text())
    config |= {"corpus": "\x1b]0;mine\x07Tiny\x1b[2J", "license": "free\r\x9b31m"}
    folder = Path(shutil.copytree(model, tmp_path / "runs" / "1" / "tagger"))
    (folder / "config.json").write_text(json.dumps(config))
    (folder.parent / "run.json").touch()
    shown = [call("models").stdout, call("tag", "--model", "latest", input="They").stderr]
    for text in shown:
        assert "Tiny" in text
        assert not {"\x1b", "\x07", "\r", "\x9b"} & {*text}

"""The command `models`: the taggers that have a name."""

import json
from pathlib import Path

from tagger.bundled import bundled
from tests.commands.conftest import call


def test_every_tagger_that_has_a_name_is_listed() -> None:
    listed = json.loads(call("models", "--json").stdout)
    assert [model["name"] for model in listed] == ["english"]
    assert Path(listed[0]["folder"]) == bundled("data") / "english"
    assert call("models").stdout.count("MB, licence") == 1


def test_what_a_folder_says_does_not_reach_the_terminal_as_it_is(model: Path, tmp_path: Path) -> None:
    config = json.loads((model / "config.json").read_text())
    config |= {"corpus": "\x1b]0;mine\x07Tiny\x1b[2J", "license": "free\r\x9b31m"}
    folder = tmp_path / "runs" / "1" / "tagger"
    folder.mkdir(parents=True)
    for path in model.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "config.json").write_text(json.dumps(config))
    shown = [call("models").stdout, call("tag", "--model", "latest", input="They").stderr]
    for text in shown:
        assert "Tiny" in text
        assert not {"\x1b", "\x07", "\r", "\x9b"} & {*text}

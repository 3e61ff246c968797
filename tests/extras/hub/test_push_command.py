"""The command `push`, and taggers of the Hub wherever a command takes a model."""

from pathlib import Path

import pytest

from tagger.training.config import find_start
from tests.bundle.hub_folder import Hub
from tests.commands.conftest import call, error

TEXT = "They book flights .\n"


def test_push_and_tag(hub: Hub, model: Path, tmp_path: Path) -> None:
    done = call("push", str(model), "hf:o/tiny", "--branch", "v1", "--message", "First", "--language", "de")
    told = ["https://huggingface.co/o/tiny/commit/1", "tag with it: tagger tag FILE --model hf:o/tiny@v1"]
    assert done.stderr.splitlines() == told
    assert "\nlanguage:\n- de\n" in (hub.root / "o/tiny/v1/README.md").read_text()
    expected = call("tag", "--input", "lines", "--model", str(model), input=TEXT).stdout
    assert call("tag", "--input", "lines", "--model", "hf:o/tiny@v1", input=TEXT).stdout == expected
    assert find_start("hf:o/tiny@v1") == hub.cache / "o/tiny/v1"
    told = error("tag", "--model", "hf:o/tiny@v9", input=TEXT)
    assert told.startswith("error: hf:o/tiny@v9: the Hub refuses or cannot be reached (RevisionNotFoundError: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere", "o/n"], "nowhere: no such tagger"),
        (["hf:o/m", "o/n"], "hf:o/m is on the Hub already; name a folder"),
        (["english", "n"], "'hf:n@main' names nothing on the Hub"),
    ],
)
def test_bad_input(hub: Hub, arguments: list[str], message: str) -> None:
    assert message in error("push", *arguments)
    assert not hub.root.exists()

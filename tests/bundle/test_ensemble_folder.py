"""An ensemble's folder: whole copies of taggers, read back the same, and clear about what is wrong with it."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tagger.bundle.ensemble_folder import checked_weights, load_ensemble, save_ensemble
from tagger.bundle.folder import load_tagger, save_tagger
from tagger.bundle.saved_config import CARD, CONFIG, MAX_MEMBERS, VOCABULARY, WEIGHTS, is_ensemble
from tagger.errors import InputError
from tagger.model.vocabulary import Vocabulary
from tagger.text.segment import SEGMENTER
from tests.conftest import largest_file, make_network, network_config, save_tiny


@pytest.fixture
def taggers(vocabulary: Vocabulary, tmp_path: Path) -> list[Path]:
    """Two taggers with random weights."""
    return [save_tiny(tmp_path / name, make_network(vocabulary, seed), vocabulary) for seed, name in enumerate("ab", 1)]


@pytest.fixture
def folder(taggers: list[Path], tmp_path: Path) -> Path:
    """Their ensemble, to be damaged."""
    save_ensemble(tmp_path / "both", taggers, None, "command")
    return tmp_path / "both"


def message_of(function: Callable[[], object]) -> str:
    with pytest.raises(InputError) as caught:
        function()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def change(folder: Path, **values: Any) -> None:
    """Changes values below `ensemble` in the folder's config."""
    config = json.loads((folder / CONFIG).read_text())
    config["ensemble"].update(values)
    (folder / CONFIG).write_text(json.dumps(config))


def test_the_folder_works_when_the_originals_are_gone_and_elsewhere(
    taggers: list[Path], folder: Path, tmp_path: Path
) -> None:
    saved = [load_tagger(tagger) for tagger in taggers]
    for each in taggers:
        shutil.rmtree(each)
    moved = folder.rename(tmp_path / "elsewhere")
    found = load_ensemble(moved)
    assert found.weights == [0.5, 0.5]
    assert found.folder == moved / "members" / "1"
    for member, before in zip(found.members, saved, strict=True):
        assert member.vocabulary == before.vocabulary
        assert member.config == before.config
        assert all(
            (a == b).all() for a, b in zip(member.network.parameters(), before.network.parameters(), strict=True)
        )
    assert is_ensemble(moved)
    assert not is_ensemble(moved / "members" / "1")


def test_what_the_config_and_the_card_say(vocabulary: Vocabulary, tmp_path: Path) -> None:
    folders = []
    for name, corpus, share in (("a", "UD_A", 0.5), ("b", "UD_B", 0.75), ("c", "UD_A", 0.25)):
        config = {"network": network_config(), "segmenter": "english", "corpus": corpus, "license": "CC0"}
        config["scores"] = {"dev": {"upos": share}}
        save_tagger(tmp_path / name, make_network(vocabulary), vocabulary, config, "# card\n")
        folders.append(tmp_path / name)
    config = save_ensemble(tmp_path / "all", folders, [5, 3, 2], "python -m tagger ensemble a b c")
    assert config["ensemble"] == {"members": ["members/1", "members/2", "members/3"], "weights": [0.5, 0.3, 0.2]}
    assert (config["corpus"], config["license"], config["segmenter"]) == ("UD_A; UD_B", "CC0", "english")
    assert config["columns"] == ["upos", "xpos"]
    card = (tmp_path / "all" / CARD).read_text()
    assert "| 2 | 0.3 | UD_B | 75.00 | – |" in card
    assert "python -m tagger ensemble a b c" in card


def test_the_first_members_segmenter_cuts(learned: Path, taggers: list[Path], tmp_path: Path) -> None:
    config = save_ensemble(tmp_path / "x", [learned, taggers[0]], None, "")
    assert config["segmenter"] == "learned"
    assert (tmp_path / "x" / SEGMENTER).read_bytes() == (learned / SEGMENTER).read_bytes()
    assert save_ensemble(tmp_path / "y", [taggers[0], learned], None, "")["segmenter"] == "english"
    assert not (tmp_path / "y" / SEGMENTER).exists()


def test_weights() -> None:
    assert checked_weights(None, 4) == [0.25] * 4
    assert checked_weights([3, 1], 2) == [0.75, 0.25]
    for weights in ([1.0], [1, 0], [1, -1], [1, float("nan")], [1, float("inf")]):
        assert "--weights 1" in message_of(lambda weights=weights: checked_weights(weights, 2))  # type: ignore[misc]


def test_members_that_cannot_be(vocabulary: Vocabulary, taggers: list[Path], folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "new"

    def refused(*members: Path) -> str:
        return message_of(lambda: save_ensemble(target, members, None, ""))

    assert "2 to 16 members, not 1" in refused(taggers[0])
    assert f"not {MAX_MEMBERS + 1}" in refused(*[taggers[0]] * (MAX_MEMBERS + 1))
    assert "a is named twice" in refused(taggers[0], taggers[1], tmp_path / "b" / ".." / "a")
    message = refused(taggers[0], folder)
    assert f"{folder} is an ensemble" in message
    assert f"{folder}/members/1" in message
    other = replace(vocabulary, tags={**vocabulary.tags, "upos": [*vocabulary.tags["upos"][:-1], "X"]})
    third = save_tiny(tmp_path / "c", make_network(other), other)
    assert f"{third} lacks the tag 'VERB' of the column upos, which {taggers[0]} has" in refused(*taggers, third)
    (taggers[1] / WEIGHTS).write_bytes(b"damaged")
    assert f"{taggers[1] / WEIGHTS} is damaged" in refused(*taggers)
    assert not target.exists()
    assert not list(tmp_path.glob(".new*"))


def test_a_full_disk_leaves_nothing(taggers: list[Path], folder: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with largest_file(2_000):
        assert "cannot be written" in message_of(lambda: save_ensemble(tmp_path / "new", taggers, None, ""))
        assert "cannot be written" in message_of(lambda: save_ensemble(folder, taggers[::-1], None, ""))
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b", "both"}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"members": ["members/1", "../a"]}, '"../a", not a folder such as members/1'),
        ({"members": ["members/1", "members/../../a"]}, "not a folder such as members/1"),
        ({"members": ["members/1", "/etc"]}, '"/etc"'),
        ({"members": ["members/1", 2]}, "has 2"),
        ({"members": ["members/1"]}, "1 members, not 2 to 16"),
        ({"members": [f"members/{i}" for i in range(17)]}, "17 members, not 2 to 16"),
        ({"members": ["members/1", "members/1"]}, "occurs twice"),
        ({"members": "members/1"}, "not a list"),
        ({"weights": [0.5, 0.6]}, "not 2 numbers above 0 with the sum 1"),
        ({"weights": [1.0]}, "not 2 numbers"),
        ({"weights": [0, 1]}, "not 2 numbers"),
        ({"weights": [float("nan"), 1]}, "not 2 numbers"),
        ({"weights": ["0.5", "0.5"]}, "not 2 numbers"),
        ({"other": 1}, "with the keys members weights"),
        ({"members": ["members/1", "members/3"]}, "members/3 is not a whole tagger"),
    ],
)
def test_a_damaged_config(folder: Path, values: dict[str, Any], words: str) -> None:
    change(folder, **values)
    message = message_of(lambda: load_ensemble(folder))
    assert words in message
    assert str(folder) in message


def test_a_member_that_is_a_link_out_of_the_folder(folder: Path, taggers: list[Path]) -> None:
    shutil.rmtree(folder / "members" / "2")
    (folder / "members" / "2").symlink_to(taggers[1])
    assert "members/2 is a link that leads out of the folder" in message_of(lambda: load_ensemble(folder))


def test_damaged_members(folder: Path, vocabulary: Vocabulary) -> None:
    second = folder / "members" / "2"
    (second / VOCABULARY).rename(folder / "vocabulary")
    assert f"{second} is not a whole tagger: {VOCABULARY} is missing" in message_of(lambda: load_ensemble(folder))
    shutil.rmtree(second)
    less = replace(vocabulary, tags={"upos": vocabulary.tags["upos"]}, combinations=[])
    save_tiny(second, make_network(less), less)
    assert f"{second} lacks the column 'xpos'" in message_of(lambda: load_ensemble(folder))
    shutil.rmtree(second)
    shutil.copytree(folder, folder.with_name("copy"))
    folder.with_name("copy").rename(second)
    assert f"{second} is an ensemble" in message_of(lambda: load_ensemble(folder))


def test_other_values_of_the_config(folder: Path) -> None:
    config = json.loads((folder / CONFIG).read_text())
    for key, value, words in (
        ("temperatures", {"upos": 99}, "temperatures.upos is 99"),
        ("segmenter", "german", 'segmenter is "german"'),
        ("corpus", 3, "corpus is not a name"),
        ("format", 1, "format 1"),
    ):
        (folder / CONFIG).write_text(json.dumps({**config, key: value}))
        assert words in message_of(lambda: load_ensemble(folder))


def test_an_ensemble_has_no_network(folder: Path) -> None:
    message = message_of(lambda: load_tagger(folder))
    assert f"{folder} is an ensemble, which has no network of its own" in message
    assert f"{folder}/members/1" in message

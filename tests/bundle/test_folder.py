"""A tagger's folder: written whole, read back the same, and clear about what is wrong with it."""

import json
import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tagger.bundle.folder import (
    load_tagger,
    save_copy,
    save_tagger,
)
from tagger.bundle.saved_config import CARD, CONFIG, VOCABULARY, WEIGHTS
from tagger.errors import InputError
from tagger.model.crf import CRFDecoder
from tagger.model.encoder import CELLS
from tagger.model.vocabulary import Vocabulary
from tests.conftest import TOKENS, largest_file, make_batch, make_network, network_config, save_tiny


@pytest.fixture
def folder(vocabulary: Vocabulary, tmp_path: Path) -> Path:
    """A tagger with random weights, to be damaged."""
    return save_tiny(tmp_path / "model", make_network(vocabulary), vocabulary)


def damaged(folder: Path) -> str:
    """The message of the error that loading ends in."""
    with pytest.raises(InputError) as caught:
        load_tagger(folder)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("cell", CELLS)
def test_what_is_saved_is_loaded(vocabulary: Vocabulary, tmp_path: Path, cell: str) -> None:
    changes = {"cell": cell, "hidden": {"forward": [4, 0], "backward": [3, 5]}}
    network = make_network(vocabulary, **changes)
    loaded, loaded_vocabulary, config, _ = load_tagger(save_tiny(tmp_path / "a", network, vocabulary, **changes))
    assert loaded_vocabulary == vocabulary
    assert config["network"] == network_config(**changes)
    assert config["segmenter"] == "english"
    assert not loaded.training
    for name, weights in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], weights)
    batch = make_batch(TOKENS, vocabulary)
    for column, scores in network(batch).items():
        torch.testing.assert_close(loaded(batch)[column], scores)  # the place of weights in memory decides last bits


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
def test_the_transitions_of_a_crf_are_saved_exactly(vocabulary: Vocabulary, tmp_path: Path, dtype: str) -> None:
    network = make_network(vocabulary, decoder="crf")
    for decoder in network.decoders.values():
        assert isinstance(decoder, CRFDecoder)
        with torch.no_grad():
            decoder.transitions.normal_()
        decoder.forbid([0], [(1, 2)])
        decoder.settle()
    config = {"network": network_config(decoder="crf"), "segmenter": "english"}
    save_tagger(tmp_path / "a", network, vocabulary, config, "# card\n", storage_dtype=dtype)
    loaded = load_tagger(tmp_path / "a").network.state_dict()
    for name, weights in network.decoders.state_dict().items():
        assert torch.equal(loaded[f"decoders.{name}"], weights)


def test_lemmas_are_loaded(tmp_path: Path) -> None:
    corpus = [{"tokens": ["Dogs", "bark"], "lemma": ["dog", "bark"]}]
    lemmas = Vocabulary.build(corpus, ["lemma"], min_count=1)
    saved = save_tiny(tmp_path / "lemmas", make_network(lemmas), lemmas)
    assert load_tagger(saved).vocabulary == lemmas


def test_several_corpora_are_loaded(vocabulary: Vocabulary, tmp_path: Path) -> None:
    several = replace(vocabulary, corpora=["UD_A", "UD_B"])
    network = make_network(several)
    saved = save_tiny(tmp_path / "several", network, several)
    loaded = load_tagger(saved)
    assert loaded.vocabulary == several
    assert loaded.network.corpora is not None
    assert loaded.network.corpora.weight.shape == (3, network.embedding.width)


def test_the_folder_holds_safetensors_json_and_a_card_and_no_pickle(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {WEIGHTS, CONFIG, VOCABULARY, CARD}
    for name in (CONFIG, VOCABULARY):
        json.loads((folder / name).read_text(encoding="utf-8"))
    assert (folder / CARD).read_text(encoding="utf-8") == "# A tiny tagger\n"
    data = (folder / WEIGHTS).read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    assert all(entry["dtype"] == "F32" for name, entry in header.items() if name != "__metadata__")


def test_everyone_may_read_what_the_umask_allows(vocabulary: Vocabulary, tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        folder = save_tiny(tmp_path / "model", make_network(vocabulary), vocabulary)
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    modes = {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in folder.iterdir()}
    assert set(modes.values()) == {"0o644"}, modes


def test_a_private_umask_keeps_the_folder_private(vocabulary: Vocabulary, tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        folder = save_tiny(tmp_path / "model", make_network(vocabulary), vocabulary)
    finally:
        os.umask(before)
    for path in (folder, *folder.iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path.name


def test_a_private_folder_that_is_replaced_stays_private(folder: Path, vocabulary: Vocabulary) -> None:
    folder.chmod(0o700)
    save_tiny(folder, make_network(vocabulary), vocabulary)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_is_replaced_whole(folder: Path, vocabulary: Vocabulary) -> None:
    (folder / "left over").write_text("")
    save_tiny(folder, make_network(vocabulary, cell="lstm"), vocabulary, cell="lstm")
    assert load_tagger(folder)[2]["network"]["cell"] == "lstm"
    assert {path.name for path in folder.iterdir()} == {WEIGHTS, CONFIG, VOCABULARY, CARD}
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def test_a_failure_leaves_the_old_folder_and_nothing_else(folder: Path, vocabulary: Vocabulary) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(TypeError):
        save_tagger(folder, make_network(vocabulary), vocabulary, {"not plain": object()}, "")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


@pytest.mark.parametrize("size", [100, 10_000])
def test_a_full_disk_is_one_line_and_leaves_the_old_folder(folder: Path, vocabulary: Vocabulary, size: int) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with largest_file(size), pytest.raises(InputError, match=f"{folder} cannot be written: .*File too large") as error:
        save_tiny(folder, make_network(vocabulary, seed=2), vocabulary)
    assert "\n" not in str(error.value)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_a_tagger_is_copied_and_described_anew(folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    config = load_tagger(folder).config
    save_copy(folder, folder, config | {"scores": {"dev": {"upos": 0.5}}}, "# Another card\n")
    assert load_tagger(folder).config["scores"] == {"dev": {"upos": 0.5}}
    assert (folder / CARD).read_text() == "# Another card\n"
    for name in (WEIGHTS, VOCABULARY):
        assert (folder / name).read_bytes() == before[name]
    with largest_file(10), pytest.raises(InputError, match="cannot be written"):
        save_copy(folder, folder, config, "# A third card\n")
    assert (folder / CARD).read_text() == "# Another card\n"


def test_lone_surrogates_survive(tmp_path: Path) -> None:
    corpus = [{"tokens": ["\ud800x", "\ud800x", "Zoë"], "upos": ["X", "X", "Y"]}]
    vocabulary = Vocabulary.build(corpus, ["upos"])
    assert load_tagger(save_tiny(tmp_path / "a", make_network(vocabulary), vocabulary))[1] == vocabulary


@pytest.mark.parametrize("name", [WEIGHTS, CONFIG, VOCABULARY])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    message = damaged(folder)
    assert name in message
    assert str(folder) in message


def test_a_missing_card_does_no_harm(folder: Path) -> None:
    (folder / CARD).unlink()
    load_tagger(folder)


@pytest.mark.parametrize("size", [0, 4, 100, -4])
def test_truncated_weights_are_named(folder: Path, size: int) -> None:
    data = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(data[:size])
    message = damaged(folder)
    assert message.startswith(str(folder / WEIGHTS))
    assert "damaged" in message


@pytest.mark.parametrize("name", [CONFIG, VOCABULARY])
@pytest.mark.parametrize("damage", [b"", b'{"format": 1, "net', b"\xff\xfe{}", b"[]", b"7"])
def test_broken_json_is_named(folder: Path, name: str, damage: bytes) -> None:
    (folder / name).write_bytes(damage)
    assert damaged(folder).startswith(str(folder / name))


@pytest.mark.parametrize("version", [1, 3, 4, 6, 0, None, True, "5", 5.0, "x" * 1000])
def test_another_format_is_refused(folder: Path, version: object) -> None:
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps({**config, "format": version}))
    shown = repr(version)[:60]
    assert damaged(folder) == (
        f"{folder / CONFIG}: format {shown}, and this version of the tagger reads 5 alone; train it anew"
    )


def change(path: Path, keys: tuple[Any, ...], value: Any) -> None:
    """Sets what a JSON file has at the end of `keys`, or deletes it if `value` is None."""
    whole = part = json.loads(path.read_text())
    for key in keys[:-1]:
        part = part[key]
    if value is None:
        del part[keys[-1]]
    else:
        part[keys[-1]] = value
    path.write_text(json.dumps(whole))


@pytest.mark.parametrize(
    ("name", "keys", "value"),
    [
        (CONFIG, ("network", "hidden", "forward"), 9),
        (CONFIG, ("network", "cell"), "elman"),
        (CONFIG, ("network", "decoder"), None),
        (CONFIG, ("network",), None),
        (VOCABULARY, ("words", "new"), 2),
        (VOCABULARY, ("words",), ["book", "reads"]),
        (VOCABULARY, ("forms",), [1, 2]),
        (VOCABULARY, ("forms",), None),
        (VOCABULARY, ("tags", "upos", -1), None),
        (VOCABULARY, ("tags", "xpos"), None),
        (VOCABULARY, ("combinations", 0), [0, 99]),
        (VOCABULARY, ("combinations", 0), [0, 0, 0]),
    ],
)
def test_files_that_do_not_fit_each_other_are_an_error(
    folder: Path, name: str, keys: tuple[Any, ...], value: Any
) -> None:
    change(folder / name, keys, value)
    assert damaged(folder).startswith(f"{folder}: its files do not fit each other (")


def test_a_folder_without_combinations_of_tags_is_read(folder: Path) -> None:
    vocabulary = json.loads((folder / VOCABULARY).read_text())
    assert vocabulary.pop("combinations")
    (folder / VOCABULARY).write_text(json.dumps(vocabulary))
    assert load_tagger(folder).vocabulary.combinations == []

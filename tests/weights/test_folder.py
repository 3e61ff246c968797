"""A tagger's folder: written whole, read back the same, and clear about what is wrong with it."""

import json
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tagger.errors import InputError
from tagger.model.decoder import CRFDecoder
from tagger.model.encoder import CELLS
from tagger.model.vocabulary import Vocabulary
from tagger.weights.folder import load_tagger, save_copy, save_tagger
from tagger.weights.saved_config import CARD, CONFIG, VOCABULARY, WEIGHTS
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


def test_lemmas_alone_need_more_in_the_vocabulary(folder: Path, tmp_path: Path) -> None:
    fields = {"words", "characters", "tags", "forms", "vectors", "combinations"}
    assert set(json.loads((folder / VOCABULARY).read_text())) == fields  # which older versions read
    corpus = [{"tokens": ["Dogs", "bark"], "lemma": ["dog", "bark"]}]
    lemmas = Vocabulary.build(corpus, ["lemma"], min_count=1)
    saved = save_tiny(tmp_path / "lemmas", make_network(lemmas), lemmas)
    assert set(json.loads((saved / VOCABULARY).read_text())) == {*fields, "form_tags"}
    assert load_tagger(saved).vocabulary == lemmas


def test_several_corpora_need_more_in_the_vocabulary(vocabulary: Vocabulary, tmp_path: Path) -> None:
    several = replace(vocabulary, corpora=["UD_A", "UD_B"])
    network = make_network(several)
    saved = save_tiny(tmp_path / "several", network, several)
    assert json.loads((saved / VOCABULARY).read_text())["corpora"] == ["UD_A", "UD_B"]
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


@pytest.mark.parametrize("version", [1, 0, None, "2"])
def test_another_format_is_named(folder: Path, version: object) -> None:
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps({**config, "format": version}))
    message = damaged(folder)
    assert message.startswith(str(folder / CONFIG))
    assert f"format {version!r}" in message


def change_sizes(folder: Path) -> None:
    config = json.loads((folder / CONFIG).read_text())
    config["network"]["hidden"]["forward"] = 9
    (folder / CONFIG).write_text(json.dumps(config))


def change_cell(folder: Path) -> None:
    config = json.loads((folder / CONFIG).read_text())
    config["network"]["cell"] = "elman"
    (folder / CONFIG).write_text(json.dumps(config))


def drop_network(folder: Path) -> None:
    config = json.loads((folder / CONFIG).read_text())
    del config["network"]
    (folder / CONFIG).write_text(json.dumps(config))


def add_a_word(folder: Path) -> None:
    vocabulary = json.loads((folder / VOCABULARY).read_text())
    vocabulary["words"]["new"] = 2
    (folder / VOCABULARY).write_text(json.dumps(vocabulary))


def number_the_forms(folder: Path) -> None:
    vocabulary = json.loads((folder / VOCABULARY).read_text())
    vocabulary["forms"] = [1, 2]
    (folder / VOCABULARY).write_text(json.dumps(vocabulary))


def list_the_words(folder: Path) -> None:
    vocabulary = json.loads((folder / VOCABULARY).read_text())
    vocabulary["words"] = list(vocabulary["words"])
    (folder / VOCABULARY).write_text(json.dumps(vocabulary))


def drop_a_tag(folder: Path) -> None:
    vocabulary = json.loads((folder / VOCABULARY).read_text())
    vocabulary["tags"]["upos"].pop()
    (folder / VOCABULARY).write_text(json.dumps(vocabulary))


def drop_a_column(folder: Path) -> None:
    vocabulary = json.loads((folder / VOCABULARY).read_text())
    del vocabulary["tags"]["xpos"]
    (folder / VOCABULARY).write_text(json.dumps(vocabulary))


def drop_forms(folder: Path) -> None:
    vocabulary = json.loads((folder / VOCABULARY).read_text())
    del vocabulary["forms"]
    (folder / VOCABULARY).write_text(json.dumps(vocabulary))


def combine_a_tag_that_is_not_there(folder: Path) -> None:
    vocabulary = json.loads((folder / VOCABULARY).read_text())
    vocabulary["combinations"][0] = [0, 99]
    (folder / VOCABULARY).write_text(json.dumps(vocabulary))


def combine_three_columns_of_two(folder: Path) -> None:
    vocabulary = json.loads((folder / VOCABULARY).read_text())
    vocabulary["combinations"].append([0, 0, 0])
    (folder / VOCABULARY).write_text(json.dumps(vocabulary))


@pytest.mark.parametrize(
    "damage",
    [
        combine_a_tag_that_is_not_there,
        combine_three_columns_of_two,
        change_sizes,
        change_cell,
        drop_network,
        add_a_word,
        number_the_forms,
        list_the_words,
        drop_a_tag,
        drop_a_column,
        drop_forms,
    ],
)
def test_files_that_do_not_fit_each_other_are_an_error(folder: Path, damage: Callable[[Path], None]) -> None:
    damage(folder)
    message = damaged(folder)
    assert str(folder) in message
    assert "do not fit" in message


def test_a_folder_without_combinations_of_tags_is_read(folder: Path) -> None:
    vocabulary = json.loads((folder / VOCABULARY).read_text())
    assert vocabulary.pop("combinations")
    (folder / VOCABULARY).write_text(json.dumps(vocabulary))
    assert load_tagger(folder).vocabulary.combinations == []

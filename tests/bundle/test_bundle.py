"""A tagger's value and its folder: written whole, read back the same, and clear about what is wrong with it."""

import gzip
import json
import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from tagger.bundle.bundle import Bundle, Member
from tagger.bundle.saved_config import CARD, CONFIG, VOCABULARY, WEIGHTS
from tagger.errors import InputError
from tagger.model.decoder import CRFDecoder
from tagger.model.encoder import CELLS
from tagger.model.members import share_pretrained
from tagger.model.vocabulary import Vocabulary
from tagger.pretrained.huggingface import load_pretrained
from tests.conftest import TOKENS, bundle_of, largest_file, make_batch, make_network, network_config, save_tiny

MEMBER, WORDS = ("members", 0), ("vocabularies", 0)


@pytest.fixture
def folder(vocabulary: Vocabulary, tmp_path: Path) -> Path:
    """A tagger with random weights, to be damaged."""
    return save_tiny(tmp_path / "model", make_network(vocabulary), vocabulary)


def damaged(folder: Path) -> str:
    """The message of the error that loading ends in."""
    with pytest.raises(InputError) as caught:
        Bundle.load(folder)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("cell", CELLS)
def test_what_is_saved_is_loaded(vocabulary: Vocabulary, tmp_path: Path, cell: str) -> None:
    changes = {"cell": cell, "hidden": {"forward": [4, 0], "backward": [3, 5]}}
    network = make_network(vocabulary, **changes)
    bundle = Bundle.load(save_tiny(tmp_path / "a", network, vocabulary))
    (member,) = bundle.members
    loaded = member.network
    assert bundle.vocabulary == member.vocabulary == vocabulary
    assert loaded.config == network_config(**changes)
    assert (bundle.segmenter, bundle.config, member.weight, member.temperatures) == ("english", {}, 1.0, {})
    assert not loaded.training
    for name, weights in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], weights)
    batch = make_batch(TOKENS, vocabulary)
    for column, scores in network(batch).items():
        torch.testing.assert_close(loaded(batch)[column], scores)  # the place of weights in memory decides last bits


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "int4"])
def test_the_transitions_of_a_crf_are_saved_exactly(vocabulary: Vocabulary, tmp_path: Path, dtype: str) -> None:
    network = make_network(vocabulary, decoder="crf")
    for decoder in network.decoders.values():
        assert isinstance(decoder, CRFDecoder)
        with torch.no_grad():
            decoder.transitions.normal_()
        decoder.forbid([0], [(1, 2)])
    before = {name: weights.clone() for name, weights in network.decoders.state_dict().items()}
    bundle_of(network, vocabulary).rounded(dtype).save(tmp_path / "a", "# card\n")
    loaded = Bundle.load(tmp_path / "a").networks[0].state_dict()
    for name, weights in before.items():
        assert torch.equal(loaded[f"decoders.{name}"], weights)


@pytest.mark.parametrize(
    ("dtype", "stored", "tables"),
    [("float32", "F32", "F16"), ("float16", "F16", "F16"), ("int8", "I8", "I8"), ("int4", "I8", "U8")],
)
def test_rounded_weights_are_saved_in_few_bytes_and_to_the_bit(
    vocabulary: Vocabulary, tmp_path: Path, dtype: str, stored: str, tables: str
) -> None:
    tags = {**vocabulary.tags, "lemma": ["lower:*", "lower:be"]}
    known = replace(vocabulary, tags=tags, vectors={"a": {"book": 0, "the": 1}})
    vectors = {"sizes": [50], "projection": 3, "tune": False, "dtype": "float16"}
    network = make_network(known, hidden={"forward": 40, "backward": 30}, vectors=vectors)
    assert network.embedding.vectors is not None
    network.embedding.vectors.fill(0, torch.randn(2, 50))
    bundle = bundle_of(network, known).rounded(dtype)
    for folder in ("a", "b"):  # again and again
        bundle.save(tmp_path / folder, "")
        with safe_open(tmp_path / folder / WEIGHTS, "pt") as file:
            assert file.get_slice("0.heads.upos.weight").get_dtype() == stored
            assert file.get_slice("0.embedding.vectors.tables.0").get_dtype() == tables
            words = file.get_slice("0.embedding.words.weight")
            assert words.get_dtype() == ("U8" if dtype == "int4" else stored)
            assert file.get_slice("0.heads.lemma.weight").get_dtype() == words.get_dtype()
        bundle = Bundle.load(tmp_path / folder)
        for name, weights in bundle.networks[0].state_dict().items():
            assert torch.equal(network.state_dict()[name], weights), name


def test_packed_vocabularies_are_loaded(vocabulary: Vocabulary, tmp_path: Path) -> None:
    bundle = bundle_of(make_network(vocabulary), vocabulary)
    bundle.save(tmp_path / "a", "", packed=True)
    assert not (tmp_path / "a" / VOCABULARY).exists()
    packed = tmp_path / "a" / f"{VOCABULARY}.gz"
    before = packed.read_bytes()
    loaded = Bundle.load(tmp_path / "a")
    assert loaded.vocabulary == vocabulary
    loaded.save(tmp_path / "b", "", packed=True)
    assert (tmp_path / "b" / packed.name).read_bytes() == before  # no time of day is in it
    for damaged in (before[:-9], before[:20] + b"x" * 40, gzip.compress(b"no JSON"), b"plain"):
        packed.write_bytes(damaged)
        with pytest.raises(InputError, match=r"vocabulary\.json\.gz is damaged"):
            Bundle.load(tmp_path / "a")


def test_lemmas_are_loaded(tmp_path: Path) -> None:
    corpus = [{"tokens": ["Dogs", "bark"], "lemma": ["dog", "bark"]}]
    lemmas = Vocabulary.build(corpus, ["lemma"], min_count=1)
    saved = save_tiny(tmp_path / "lemmas", make_network(lemmas), lemmas)
    assert Bundle.load(saved).vocabulary == lemmas


def test_several_corpora_are_loaded(vocabulary: Vocabulary, tmp_path: Path) -> None:
    several = replace(vocabulary, corpora=["UD_A", "UD_B"])
    network = make_network(several)
    saved = save_tiny(tmp_path / "several", network, several)
    loaded = Bundle.load(saved)
    assert loaded.vocabulary == several
    assert loaded.networks[0].corpora is not None
    assert loaded.networks[0].corpora.weight.shape == (3, network.embedding.width)


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
    save_tiny(folder, make_network(vocabulary, cell="lstm"), vocabulary)
    assert Bundle.load(folder).networks[0].config["cell"] == "lstm"
    assert {path.name for path in folder.iterdir()} == {WEIGHTS, CONFIG, VOCABULARY, CARD}
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def test_a_failure_leaves_the_old_folder_and_nothing_else(folder: Path, vocabulary: Vocabulary) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(TypeError):
        bundle_of(make_network(vocabulary), vocabulary, odd=object()).save(folder, "")
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
    bundle = Bundle.load(folder)
    bundle.described(scores={"dev": {"upos": 0.5}}).save(folder, "# Another card\n")
    assert Bundle.load(folder).config["scores"] == {"dev": {"upos": 0.5}}
    assert (folder / CARD).read_text() == "# Another card\n"
    for name in (WEIGHTS, VOCABULARY):
        assert (folder / name).read_bytes() == before[name]
    with largest_file(10), pytest.raises(InputError, match="cannot be written"):
        bundle.save(folder, "# A third card\n")
    assert (folder / CARD).read_text() == "# Another card\n"


def test_lone_surrogates_survive(tmp_path: Path) -> None:
    corpus = [{"tokens": ["\ud800x", "\ud800x", "Zoë"], "upos": ["X", "X", "Y"]}]
    vocabulary = Vocabulary.build(corpus, ["upos"])
    assert Bundle.load(save_tiny(tmp_path / "a", make_network(vocabulary), vocabulary)).vocabulary == vocabulary


@pytest.mark.parametrize("name", [WEIGHTS, CONFIG, VOCABULARY])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    message = damaged(folder)
    assert name in message
    assert str(folder) in message


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


@pytest.mark.parametrize("version", [1, 3, 5, 8, 0, None, True, "6", 7.0, "x" * 1000])
def test_another_format_is_refused(folder: Path, version: object) -> None:
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps({**config, "format": version}))
    shown = repr(version)[:60]
    assert damaged(folder) == (
        f"{folder / CONFIG}: format {shown}, and this version of the tagger reads 6 and 7 alone; train it anew"
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
        (CONFIG, (*MEMBER, "network", "hidden", "forward"), 9),
        (CONFIG, (*MEMBER, "network", "cell"), "elman"),
        (CONFIG, (*MEMBER, "network", "decoder"), None),
        (CONFIG, (*MEMBER, "network"), None),
        (CONFIG, (*MEMBER, "vocabulary"), 1),
        (CONFIG, (*MEMBER, "weight"), 0.5),
        (CONFIG, (*MEMBER, "temperatures"), {"upos": 99}),
        (CONFIG, ("members",), []),
        (CONFIG, ("members",), None),
        (VOCABULARY, ("vocabularies",), []),
        (VOCABULARY, ("vocabularies",), None),
        (VOCABULARY, (*WORDS, "words", "new"), 2),
        (VOCABULARY, (*WORDS, "words"), ["book", "reads"]),
        (VOCABULARY, (*WORDS, "forms"), [1, 2]),
        (VOCABULARY, (*WORDS, "forms"), None),
        (VOCABULARY, (*WORDS, "tags", "upos", -1), None),
        (VOCABULARY, (*WORDS, "tags", "xpos"), None),
        (VOCABULARY, (*WORDS, "combinations", 0), [0, 99]),
        (VOCABULARY, (*WORDS, "combinations", 0), [0, 0, 0]),
    ],
)
def test_files_that_do_not_fit_each_other_are_an_error(
    folder: Path, name: str, keys: tuple[Any, ...], value: Any
) -> None:
    change(folder / name, keys, value)
    assert damaged(folder).startswith(f"{folder}: its files do not fit each other (")


def test_a_folder_without_combinations_of_tags_is_read(folder: Path) -> None:
    vocabulary = json.loads((folder / VOCABULARY).read_text())
    assert vocabulary["vocabularies"][0].pop("combinations")
    (folder / VOCABULARY).write_text(json.dumps(vocabulary))
    assert Bundle.load(folder).vocabulary.combinations == []


@pytest.fixture
def two(vocabulary: Vocabulary) -> Bundle:
    """A tagger of two networks with other words and sizes, of which one has a CRF."""
    other = replace(vocabulary, words={"anew": 3, "book": 2}, characters=list("bok"), forms=["anew", "book"])
    members = (
        Member(make_network(vocabulary), vocabulary, weight=0.75, temperatures={"upos": 1.5}),
        Member(make_network(other, 2, decoder="crf", depth=1, cell="lstm"), other, weight=0.25),
    )
    return Bundle(members, "unicode", {"corpus": "Two", "scores": {}})


def test_members_of_any_kind_are_loaded(two: Bundle, tmp_path: Path) -> None:
    two.save(tmp_path / "two", "# card\n")
    loaded = Bundle.load(tmp_path / "two")
    assert (loaded.segmenter, loaded.config, loaded.description) == (two.segmenter, two.config, two.description)
    assert loaded.vocabulary.words == {}
    assert loaded.vocabulary.forms == two.vocabulary.forms
    for member, before in zip(loaded.members, two.members, strict=True):
        assert (member.vocabulary, member.network.config) == (before.vocabulary, before.network.config)
        assert (member.weight, member.temperatures) == (before.weight, before.temperatures)
        for name, weights in before.network.state_dict().items():
            assert torch.equal(member.network.state_dict()[name], weights), name


def test_what_members_share_is_stored_once_and_shared_again(vocabulary: Vocabulary, bert: Path, tmp_path: Path) -> None:
    known = replace(vocabulary, vectors={"a": {"book": 0, "the": 1}})
    _, tokenizer, described = load_pretrained(str(bert), pooling="mean", tune=True, layers=None, dtype="float32")
    vectors = {"sizes": [3], "projection": 2, "tune": False, "dtype": "float32"}
    networks = [make_network(known, seed, transformer=described, vectors=vectors) for seed in (1, 2, 3, 4)]
    for group in (networks[:2], networks[2:]):
        torch.nn.init.normal_(group[0].embedding.vectors.tables[0])  # type: ignore[union-attr, arg-type]
        share_pretrained(group)
    members = tuple(Member(network, known, tokenizer, 0.25) for network in networks)
    Bundle(members, "english", {}).save(tmp_path / "four", "")
    names = load_file(tmp_path / "four" / WEIGHTS)
    table, layer = "embedding.vectors.tables.0", "transformer.encoder.embeddings.word_embeddings.weight"
    for name in (table, layer):
        assert [number for number in range(4) if f"{number}.{name}" in names] == [0, 2]
    assert [path.name for path in (tmp_path / "four").iterdir() if path.is_dir()] == ["transformer"]
    assert len(json.loads((tmp_path / "four" / VOCABULARY).read_text())["vocabularies"]) == 1
    loaded = Bundle.load(tmp_path / "four")
    assert len({id(member.vocabulary) for member in loaded.members}) == 1
    assert len({id(member.tokenizer) for member in loaded.members}) == 1
    assert [id(network.transformer) for network in loaded.networks[::2]] == [
        id(network.transformer) for network in loaded.networks[1::2]
    ]
    assert loaded.networks[0].transformer is not loaded.networks[2].transformer
    for network, before in zip(loaded.networks, networks, strict=True):
        for name, weights in before.state_dict().items():
            assert torch.equal(network.state_dict()[name], weights), name


@pytest.mark.parametrize(
    ("name", "keys", "value", "message"),
    [
        (CONFIG, ("members", 1, "weight"), 0.5, "the weights of members are [0.75, 0.5], not numbers above 0 with"),
        (CONFIG, ("members", 1, "weight"), "0.25", "members.1.weight='0.25': expected"),
        (CONFIG, ("members", 1, "vocabulary"), 2, "a number of a vocabulary is too large"),
        (CONFIG, ("members", 1, "network", "depth"), 2, "1.encoder.layers.1"),
        (
            CONFIG,
            ("members", 1, "temperatures"),
            {"upos": 0},
            "members.1.temperatures={'upos': 0}: expected",
        ),
        (CONFIG, ("members", 1, "temperatures"), {"x": 1}, 'a name in temperatures is "x"'),
        (CONFIG, ("members",), 300 * [None], "expected"),
        (CONFIG, ("ensemble",), {}, "ensemble={}: expected"),
        (VOCABULARY, ("vocabularies", 1, "tags", "upos", 0), "X", "other tags, or in another order"),
        (VOCABULARY, ("vocabularies", 1), [], "vocabularies.1=[]: expected"),
    ],
)
def test_members_that_do_not_fit(
    two: Bundle, tmp_path: Path, name: str, keys: tuple[Any, ...], value: Any, message: str
) -> None:
    two.save(tmp_path / "two", "")
    change(tmp_path / "two" / name, keys, value)
    assert message in damaged(tmp_path / "two")

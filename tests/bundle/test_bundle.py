"""A tagger's value and its folder: written whole, read back the same, and clear about what is wrong with it."""

import gzip
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
from tagger.model.network import TaggerNetwork, share_pretrained
from tagger.model.vocabulary import Vocabulary
from tagger.pretrained.huggingface import load_pretrained
from tagger.words.conventions import CONVENTIONS, Conventions
from tests.bundle.hub_folder import files_of
from tests.bundle.test_validation import change, content, loads_or_says_why
from tests.conftest import TOKENS, bundle_of, largest_file, make_batch, make_network, network_config, save_tiny


def assert_same_weights(network: TaggerNetwork, other: TaggerNetwork) -> None:
    for name, weights in other.state_dict().items():
        assert torch.equal(network.state_dict()[name], weights), name


@pytest.fixture
def folder(vocabulary: Vocabulary, tmp_path: Path) -> Path:
    """A tagger with random weights, to be damaged."""
    return save_tiny(tmp_path / "model", make_network(vocabulary), vocabulary)


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
    assert_same_weights(loaded, network)
    batch = make_batch(TOKENS, vocabulary)
    for column, scores in network(batch).scores.items():
        # The place of weights in memory decides last bits.
        torch.testing.assert_close(loaded(batch).scores[column], scores)


def test_combinations_with_features_of_another_part_of_speech_are_left_out(tmp_path: Path) -> None:
    tags = {"upos": ["NOUN", "VERB", "VERB"], "feats": ["Case=Nom", "Tense=Past", "Case=Nom"]}
    vocabulary = Vocabulary.build([{"tokens": ["a", "b", "c"], **tags}], list(tags))
    conventions = Conventions(features={"VERB": ["Case"]})
    replace(bundle_of(make_network(vocabulary), vocabulary), conventions=conventions).save(tmp_path / "tagger", "")
    loaded = Bundle.load(tmp_path / "tagger")
    assert loaded.conventions == conventions
    assert loaded.vocabulary.together("upos", "feats") == {("NOUN", "Case=Nom"), ("VERB", "Tense=Past")}
    assert loaded.members[0].vocabulary == vocabulary


@pytest.mark.parametrize(
    ("dtype", "stored", "tables"),
    [("float32", "F32", "F16"), ("float16", "F16", "F16"), ("int8", "I8", "I8"), ("int4", "I8", "U8")],
)
def test_rounded_weights_are_saved_in_few_bytes_and_those_of_crfs_exactly(
    vocabulary: Vocabulary, tmp_path: Path, dtype: str, stored: str, tables: str
) -> None:
    tags = {**vocabulary.tags, "lemma": ["lower:*", "lower:be"]}
    known = replace(vocabulary, tags=tags, vectors={"a": {"book": 0, "the": 1}})
    vectors = {"sizes": [50], "projection": 3, "tune": False, "dtype": "float16"}
    network = make_network(known, decoder="crf", hidden={"forward": 40, "backward": 30}, vectors=vectors)
    decoder = network.decoders["upos"]
    assert isinstance(decoder, CRFDecoder)
    torch.nn.init.normal_(decoder.transitions)
    decoder.forbid([0], [(1, 2)])
    exact = {name: weights.clone() for name, weights in decoder.state_dict().items()}
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
        assert_same_weights(network, bundle.networks[0])
        found = bundle.networks[0].decoders["upos"].state_dict()
        assert all(torch.equal(found[name], weights) for name, weights in exact.items())


def test_packed_vocabularies_are_loaded(folder: Path, vocabulary: Vocabulary, tmp_path: Path) -> None:
    packed = folder / VOCABULARY
    before = packed.read_bytes()
    loaded = Bundle.load(folder)
    assert loaded.vocabulary == vocabulary
    loaded.save(tmp_path / "b", "")
    assert (tmp_path / "b" / packed.name).read_bytes() == before  # no time of day is in it
    for damaged in (before[:-9], before[:20] + b"x" * 40, gzip.compress(b"no JSON"), b"plain"):
        packed.write_bytes(damaged)
        with pytest.raises(InputError, match=r"vocabulary\.json\.gz is damaged"):
            Bundle.load(folder)


def test_a_tagger_is_copied_and_described_anew(folder: Path) -> None:
    before = files_of(folder)
    Bundle.load(folder).described(scores={"dev": {"upos": 0.5}}).save(folder, "# Another card\n")
    assert Bundle.load(folder).config["scores"] == {"dev": {"upos": 0.5}}
    assert (folder / CARD).read_text() == "# Another card\n"
    for name in (WEIGHTS, VOCABULARY):
        assert (folder / name).read_bytes() == before[name]


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
        assert_same_weights(member.network, before.network)


def test_what_members_share_is_stored_once_and_shared_again(vocabulary: Vocabulary, bert: Path, tmp_path: Path) -> None:
    known = replace(vocabulary, vectors={"a": {"book": 0, "the": 1}})
    _, tokenizer, described = load_pretrained(str(bert), pooling="mean", tune=True, layers=None, dtype="float32")
    vectors = {"sizes": [3], "projection": 2, "tune": False, "dtype": "float32"}
    networks = [make_network(known, seed, transformer=described, vectors=vectors) for seed in (1, 2, 3, 4)]
    for group in (networks[:2], networks[2:]):
        torch.nn.init.normal_(group[0].embedding.vectors.tables[0])
        share_pretrained(group)
    members = tuple(Member(network, known, tokenizer, 0.25) for network in networks)
    Bundle(members, "english", {}).save(tmp_path / "four", "")
    names = load_file(tmp_path / "four" / WEIGHTS)
    table, layer = "embedding.vectors.tables.0", "transformer.encoder.embeddings.word_embeddings.weight"
    for name in (table, layer):
        assert [number for number in range(4) if f"{number}.{name}" in names] == [0, 2]
    assert [path.name for path in (tmp_path / "four").iterdir() if path.is_dir()] == ["transformer"]
    assert len(content(tmp_path / "four" / VOCABULARY)["vocabularies"]) == 1
    loaded = Bundle.load(tmp_path / "four")
    assert len({id(member.vocabulary) for member in loaded.members}) == 1
    assert len({id(member.tokenizer) for member in loaded.members}) == 1
    first, second, third, fourth = [network.transformer for network in loaded.networks]
    assert first is second is not third is fourth
    for network, before in zip(loaded.networks, networks, strict=True):
        assert_same_weights(network, before)


@pytest.mark.parametrize(
    ("name", "keys", "value", "message"),
    [
        (CONFIG, ("members", 1, "weight"), 0.5, "the weights of members are [0.75, 0.5], not numbers above 0 with"),
        (CONFIG, ("members", 1, "vocabulary"), 2, "a number of a vocabulary is too large"),
        (CONFIG, ("members", 1, "network", "depth"), 2, "1.encoder.layers.1"),
        (CONFIG, ("members", 1, "temperatures"), {"x": 1}, 'a name in temperatures is "x"'),
        (CONFIG, ("members",), 300 * [None], "expected"),
        (VOCABULARY, ("vocabularies", 1, "tags", "upos", 0), "X", "other tags, or in another order"),
    ],
)
def test_members_that_do_not_fit(two: Bundle, tmp_path: Path, name: str, keys: Any, value: Any, message: str) -> None:
    two.save(tmp_path / "two", "")
    change(tmp_path / "two" / name, keys, value)
    assert message in loads_or_says_why(tmp_path / "two")


def test_what_a_vocabulary_has_is_loaded(vocabulary: Vocabulary, tmp_path: Path) -> None:
    for number, known in enumerate(
        (
            Vocabulary.build([{"tokens": ["Dogs", "bark"], "lemma": ["dog", "bark"]}], ["lemma"], min_count=1),
            Vocabulary.build([{"tokens": ["\ud800x", "\ud800x", "Zoë"], "upos": ["X", "X", "Y"]}], ["upos"]),
            replace(vocabulary, corpora=["UD_A", "UD_B"]),
            replace(vocabulary, combinations=[]),
        )
    ):
        saved = save_tiny(tmp_path / str(number), make_network(known), known)
        assert Bundle.load(saved).vocabulary == known


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o755), (0o077, 0o700)])
def test_no_pickle_and_the_modes_of_the_umask(vocabulary: Vocabulary, tmp_path: Path, mask: int, mode: int) -> None:
    before = os.umask(mask)
    try:
        folder = save_tiny(tmp_path / "model", make_network(vocabulary), vocabulary)
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())}
    assert modes == {"model": mode, **dict.fromkeys((WEIGHTS, CONFIG, VOCABULARY, CONVENTIONS, CARD), mode & 0o666)}


def test_a_folder_is_replaced_whole_or_not_at_all(folder: Path, vocabulary: Vocabulary) -> None:
    before = files_of(folder)
    with pytest.raises(TypeError):
        bundle_of(make_network(vocabulary), vocabulary, odd=object()).save(folder, "")
    for size in (100, 10_000):
        with largest_file(size), pytest.raises(InputError, match=f"{folder} cannot be written: .*File too large") as e:
            save_tiny(folder, make_network(vocabulary, seed=2), vocabulary)
        assert "\n" not in str(e.value)
    assert files_of(folder) == before
    (folder / "left over").write_text("")
    save_tiny(folder, make_network(vocabulary, cell="lstm"), vocabulary)
    assert Bundle.load(folder).networks[0].config["cell"] == "lstm"
    assert files_of(folder).keys() == before.keys()
    assert [path.name for path in folder.parent.iterdir()] == ["model"]

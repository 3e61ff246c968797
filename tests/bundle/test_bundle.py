"""A tagger's value and its folder: whole, read back the same, and one line of error whatever it holds."""

import gzip
import json
import os
import re
import shutil
import stat
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice, product
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from tagger.bundle.bundle import Bundle, Member
from tagger.bundle.catalog import list_models
from tagger.bundle.saved_config import CARD, CONFIG, DIGESTS, LEMMAS, VOCABULARY, WEIGHTS, sign
from tagger.errors import InputError
from tagger.model.decoder import CRFDecoder
from tagger.model.embeddings import VectorConfig
from tagger.model.encoder import CELLS
from tagger.model.network import TaggerNetwork, share_pretrained
from tagger.model.vocabulary import Vocabulary
from tagger.pretrained.huggingface import load_pretrained
from tagger.words.conventions import CONVENTIONS, Conventions
from tests.conftest import (
    BUCKETS,
    TOKENS,
    bundle_of,
    files_of,
    largest_file,
    make_batch,
    make_network,
    network_config,
    save_tiny,
)


def assert_same_weights(network: TaggerNetwork, other: TaggerNetwork) -> None:
    torch.testing.assert_close(network.state_dict(), other.state_dict(), rtol=0, atol=0)


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
    decoder = cast(CRFDecoder, network.decoders["upos"])
    torch.nn.init.normal_(decoder.transitions)
    decoder.forbid([0], [(1, 2)])
    exact = {name: weights.clone() for name, weights in decoder.state_dict().items()}
    network.embedding.vectors.fill(0, torch.randn(2, 50))
    bundle = bundle_of(network, known).rounded(dtype)
    for folder in ("a", "b"):  # again and again
        bundle.save(tmp_path / folder, "")
        with safe_open(tmp_path / folder / WEIGHTS, "pt") as file:
            assert file.get_slice("0.heads.upos.weight").get_dtype() == stored
            assert file.get_slice("0.embedding.vectors.tables.0").get_dtype() == tables
            words = file.get_slice("0.embedding.words.weight")
            assert words.get_dtype() == ("U8" if dtype == "int4" else stored)
            for name in ("heads.lemma.weight", "encoder.layers.0.forward_layer.rnn.weight_hh_l0"):
                assert file.get_slice(f"0.{name}").get_dtype() == words.get_dtype()
        bundle = Bundle.load(tmp_path / folder)
        assert_same_weights(network, bundle.networks[0])
        torch.testing.assert_close(bundle.networks[0].decoders["upos"].state_dict(), exact, rtol=0, atol=0)


def test_a_tagger_is_copied_if_the_machine_has_room(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = files_of(folder)
    Bundle.load(folder).described(scores={"dev": {"upos": 0.5}}).save(folder, "# Another card\n")
    assert Bundle.load(folder).config["scores"] == {"dev": {"upos": 0.5}}
    assert (folder / CARD).read_text() == "# Another card\n"
    for name in (WEIGHTS, VOCABULARY):
        assert (folder / name).read_bytes() == before[name]
    monkeypatch.setattr("tagger.model.storage.machine_bytes", lambda: 1000)
    assert re.match(f"{folder}.*this machine has 0.0 GB", loads_or_says_why(folder))


def test_members_of_any_kind_are_loaded_if_they_fit(vocabulary: Vocabulary, tmp_path: Path) -> None:
    other = replace(vocabulary, words={"anew": 3, "book": 2}, characters=list("bok"), forms=["anew", "book"])
    members = (
        Member(make_network(vocabulary), vocabulary, weight=0.75, temperatures={"upos": 1.5}),
        Member(make_network(other, 2, decoder="crf", depth=1, cell="lstm"), other, weight=0.25),
    )
    two = Bundle(members, "unicode", {"corpus": "Two", "scores": {}})
    two.save(tmp_path / "two", "# card\n")
    loaded = Bundle.load(tmp_path / "two")
    assert (loaded.segmenter, loaded.config, loaded.description) == (two.segmenter, two.config, two.description)
    assert loaded.vocabulary.words == {}
    assert loaded.vocabulary.forms == two.vocabulary.forms
    for member, before in zip(loaded.members, members, strict=True):
        assert (member.vocabulary, member.network.config) == (before.vocabulary, before.network.config)
        assert (member.weight, member.temperatures) == (before.weight, before.temperatures)
        assert_same_weights(member.network, before.network)
    for name, keys, value, message in (
        (CONFIG, ("members", 1, "weight"), 0.5, "the weights of members are [0.75, 0.5], not numbers above 0 with"),
        (CONFIG, ("members", 1, "vocabulary"), 2, "a number of a vocabulary is too large"),
        (CONFIG, ("members", 1, "network", "depth"), 2, "1.encoder.layers.1"),
        (CONFIG, ("members", 1, "temperatures"), {"x": 1}, 'a name in temperatures is "x"'),
        (CONFIG, ("members",), 300 * [None], "expected"),
        (VOCABULARY, ("vocabularies", 1, "tags", "upos", 0), "X", "other tags, or in another order"),
    ):
        two.save(tmp_path / "two", "")
        change(tmp_path / "two" / name, keys, value)
        assert message in loads_or_says_why(tmp_path / "two")


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
    assert len({(id(member.vocabulary), id(member.tokenizer)) for member in loaded.members}) == 1
    assert loaded.members[0].tokenizer is not None
    first, second, third, fourth = [network.transformer for network in loaded.networks]
    assert first is second is not third is fourth
    for network, before in zip(loaded.networks, networks, strict=True):
        assert_same_weights(network, before)


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
    tags = {"upos": ["NOUN", "VERB", "VERB"], "feats": ["Case=Nom", "Tense=Past", "Case=Nom"]}
    vocabulary = Vocabulary.build([{"tokens": ["a", "b", "c"], **tags}], list(tags))
    conventions = Conventions(features={"VERB": ["Case"]})
    replace(bundle_of(make_network(vocabulary), vocabulary), conventions=conventions).save(tmp_path / "tagger", "")
    loaded = Bundle.load(tmp_path / "tagger")
    assert loaded.conventions == conventions
    assert loaded.vocabulary.together("upos", "feats") == {("NOUN", "Case=Nom"), ("VERB", "Tense=Past")}
    assert loaded.members[0].vocabulary == vocabulary


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


VECTORS = VectorConfig(sizes=[3], projection=2, tune=False, dtype="float32")
NETWORK, WORDS = ("members", 0, "network"), ("vocabularies", 0)
MISFIT = "its files do not fit each other ("
VALUES: list[Any] = [None, True, -1, 0, 9, 10**30, 0.5, float("nan"), "\x1b[31m\x07", "x" * 100_000, [8, 8], {}, [[[]]]]


@pytest.fixture
def folder(tmp_path: Path, vocabulary: Vocabulary) -> Path:
    """A tagger with pretrained vectors and random weights, to be damaged."""
    known = replace(vocabulary, vectors={"glove": {"book": 0, "the": 1}}, corpora=["UD_A", "UD_B"])
    return save_tiny(tmp_path / "model", make_network(known, vectors=VECTORS), known)


def loads_or_says_why(folder: Path) -> str:
    """The message of the error, "" where the tagger works."""
    try:
        bundle = Bundle.load(folder)
    except InputError as error:
        message = str(error)
        assert message.isprintable(), message
        assert len(message) < 500
        return message
    (member,) = bundle.members
    assert member.network.config["buckets"] == BUCKETS
    member.network(make_batch(TOKENS, member.vocabulary))
    return ""


def content(path: Path) -> Any:
    """The value of a JSON file."""
    data = path.read_bytes()
    return json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)


def put(path: Path, text: str) -> None:
    """Writes a JSON file."""
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())


def change(path: Path, keys: tuple[Any, ...], value: Any) -> None:
    """Sets a value of a JSON file, which `keys` lead to; the value `...` deletes it."""
    whole = part = content(path)
    for key in keys[:-1]:
        part = part[key]
    if value is ...:
        del part[keys[-1]]
    else:
        part[keys[-1]] = value
    put(path, json.dumps(whole))
    if path.name != CONFIG and (path.parent / CONFIG).is_file():
        sign(path.parent)


def places(value: Any, most: int, keys: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The keys that lead to each value of a JSON object, and to the first `most` of what is in it."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in islice(items, most if keys else None):
        yield (*keys, key)
        yield from places(item, most, (*keys, key))


@pytest.mark.parametrize(
    ("name", "values", "most", "inside"),
    [
        (CONFIG, VALUES, 100, ()),
        (VOCABULARY, [None, -1, 10**30, "\x1b[31m", [], {}, ["x", "x"]], 2, WORDS),
    ],
)
def test_any_value_of_a_file_is_refused_or_works(
    folder: Path, name: str, values: list[Any], most: int, inside: tuple[Any, ...]
) -> None:
    path = folder / name
    before, whole = path.read_bytes(), content(path)
    for key in inside:
        whole = whole[key]
    errors = []
    for keys, value in product(places(whole, most), values):
        change(path, (*inside, *keys), value)
        errors.append(loads_or_says_why(folder))
        path.write_bytes(before)
    assert 100 < sum(map(bool, errors)) < len(errors) - 3


def test_names_are_shown_without_escape_codes(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("corpus", "version", "license"):
        change(folder / CONFIG, (key,), "red\x1b[31m\n")
    change(folder / CONFIG, ("scores",), {"dev\x1b[31m": {"up\x07os": 0.5}})
    config = Bundle.load(folder).config
    assert config["corpus"] == "red\ufffd[31m\ufffd"
    assert json.dumps(config, ensure_ascii=False).isprintable()
    shutil.copytree(folder, tmp_path / "runs/1/tagger")
    monkeypatch.chdir(tmp_path)
    (mine,) = (model for model in list_models()[0] if model.name == "1")
    assert repr(mine.corpus + str(mine.license) + str(mine.scores)).isprintable()


def test_settings_of_a_transformer(vocabulary: Vocabulary, bert: Path, tmp_path: Path) -> None:
    _, tokenizer, described = load_pretrained(str(bert), pooling="mean", tune=True, layers=None, dtype="float32")
    bundle, folder = bundle_of(make_network(vocabulary, transformer=described), vocabulary, tokenizer), tmp_path / "a"
    for keys, value, message in (
        (("dropout",), 1.5, "members.0.network.transformer.dropout=1.5: expected"),
        (("encoder", "num_hidden_layers"), 100_000, "num_hidden_layers=100000: give a whole number, at most 128"),
        (("encoder", "num_hidden_layers"), 3, "transformer.scalars is"),
        (("encoder", "num_hidden_layers"), 0, "no such layers"),
        (("encoder", "hidden_size"), 10_000_000, MISFIT),
        (("encoder", "pad_token_id"), 1000, "the settings of the transformer are not valid"),
        (("encoder", "model_type"), "../../evil", "the settings of the transformer are not valid"),
        (("encoder", "hidden_act"), "\x1b[31m", "the settings of the transformer are not valid"),
    ):
        bundle.save(folder, "")
        change(folder / CONFIG, (*NETWORK, "transformer", *keys), value)
        assert message in loads_or_says_why(folder)


@pytest.mark.parametrize(
    ("name", "keys", "value", "message"),
    [
        (CONFIG, (*NETWORK, "depth"), 100_000_000, "members.0.network.depth=100000000: expected"),
        (CONFIG, (*NETWORK, "hidden", "forward"), 1_000_000, MISFIT),
        (CONFIG, (*NETWORK, "hidden", "forward"), [8, -3], "members.0.network.hidden.forward.1=-3: expected"),
        (CONFIG, (*NETWORK, "unknown"), 1, "members.0.network.unknown: no such key; members.0.network has "),
        (CONFIG, (*NETWORK, "cell"), "elman", MISFIT),
        (CONFIG, (*NETWORK, "decoder"), ..., MISFIT),
        (CONFIG, ("members", 0, "vocabulary"), 1, MISFIT),
        (CONFIG, ("members", 0, "weight"), 0.5, MISFIT),
        (CONFIG, ("members", 0, "weights"), {"upos": 0.5}, "the weights of members are [0.5], not"),
        (CONFIG, ("members", 0, "weights"), {"upso": 1.0}, 'a name in weights is "upso", not one of upos, xpos'),
        (CONFIG, ("members",), [], MISFIT),
        (CONFIG, ("scores",), {"dev": {"upos": 10**400}}, "scores="),
        (CONFIG, ("temperatures",), {"upso": 1.5}, 'a name in temperatures is "upso", not one of upos, xpos'),
        (CONFIG, ("temperatures",), {"upos": float("nan")}, 'temperatures={"upos": NaN}: expected'),
        (CONFIG, ("format",), 8, "format 8, and this version of the tagger reads 7 alone; train it anew"),
        (CONFIG, ("format",), "x" * 1000, "xxx, and this version of the tagger reads 7 alone"),
        (VOCABULARY, ("vocabularies",), ..., MISFIT),
        (VOCABULARY, (*WORDS, "words", "new"), 2, MISFIT),
        (VOCABULARY, (*WORDS, "forms"), [1, 2], MISFIT),
        (VOCABULARY, (*WORDS, "tags", "upos", -1), ..., MISFIT),
        (VOCABULARY, (*WORDS, "combinations", 0), [0, 99], MISFIT),
        (VOCABULARY, (*WORDS, "combinations", 0), [0, 0, 0], MISFIT),
        (VOCABULARY, (*WORDS, "tags", "upos", 0), "NOUN\x1b]0;owned\x07", "has a control character"),
        (VOCABULARY, (*WORDS, "vectors"), {"\x1b[31m": {"book": 0, "the": 1}}, "has a control character"),
        (VOCABULARY, (*WORDS, "form_tags"), {"lemma": [[0]]}, 'form_tags of "lemma" are not one list for each form'),
        (VOCABULARY, (*WORDS, "form_tags"), {"upos": 8 * [[7]]}, 'a form has a script of "upos" that there is not'),
        (CONVENTIONS, ("refused",), "0:0", "refused=0:0: expected array"),
        (CONVENTIONS, ("refused",), ["a" * 41], "expected str of length <= 40"),
        (CONVENTIONS, ("refused",), ["a\x1b[2J"], "has a control character"),
        (CONVENTIONS, ("abbreviations",), {"": "title"}, "expected str of length >= 1"),
        (CONVENTIONS, ("abbreviations",), {"art": "word"}, "expected one of title, never, number, last"),
        (CONVENTIONS, ("abbreviations",), {f"a{n}": "title" for n in range(10_001)}, "object of length <= 10000"),
        (CONVENTIONS, ("abbreviations",), {"art\n": "title"}, "has a control character"),
        (CONVENTIONS, ("marks",), [1], "marks.0=1: expected str"),
        (CONVENTIONS, ("features",), {"VERB": ["Case\x9b"]}, "has a control character"),
        (CONVENTIONS, ("features",), {"\x1b": ["Case"]}, "has a control character"),
        (CONVENTIONS, ("features",), {"VERB": [""]}, "expected str of length >= 1"),
        (CONVENTIONS, ("other",), 1, "other: no such key"),
    ],
)
def test_a_value_that_is_wrong(folder: Path, name: str, keys: tuple[Any, ...], value: Any, message: str) -> None:
    change(folder / name, keys, value)
    found = loads_or_says_why(folder)
    assert message in found
    assert name != CONVENTIONS or found.startswith(f"{folder / CONVENTIONS} is damaged (")


@pytest.mark.parametrize("name", [CONFIG, VOCABULARY])
def test_a_file_that_is_missing_or_no_json(folder: Path, name: str) -> None:
    for text, message in (
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested"),
        ('{"a": ' + "[" * 60 + "]" * 60 + "}", "nested"),
        ('{"a": ' + "9" * 10_000 + "}", "damaged"),
        ('{"format": 1, "net', "damaged"),
        ("", "damaged"),
        ("null", "no JSON object"),
    ):
        put(folder / name, text)
        if name != CONFIG:
            sign(folder)
        said = loads_or_says_why(folder)
        assert said.startswith(str(folder / name))
        assert message in said
    for data in (b"\xff\xfe{}", gzip.compress(b"no JSON"), gzip.compress(b"{}")[:-9]):
        (folder / name).write_bytes(data)
        assert loads_or_says_why(folder).startswith(f"{folder / name} is damaged")
    (folder / name).unlink()
    assert name in loads_or_says_why(folder)
    with (folder / CONFIG).open("ab") as file:
        file.truncate(1 << 40)  # takes no room on the disk
    assert "more than 10 MB" in loads_or_says_why(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"0.heads.upos.bias": None}, "0.heads.upos.bias is None"),
        ({"\x1b[31m": torch.zeros(1)}, "that the network does not use"),
        ({"0.heads.upos.bias": torch.zeros(1)}, "0.heads.upos.bias"),
        ({"0.heads.upos.bias": torch.full((7,), torch.inf)}, "0.heads.upos.bias has a weight that is NaN or infinite"),
        ({"0.heads.upos.bias": torch.zeros(7, dtype=torch.int64)}, "0.heads.upos.bias is I64"),
        ({"0.heads.upos.bias": torch.zeros(7, dtype=torch.int8)}, "no scale for each of its 7 rows"),
    ],
)
def test_weights_that_the_network_does_not_have(folder: Path, changes: dict[str, Any], message: str) -> None:
    weights = {name: tensor for name, tensor in (load_file(folder / WEIGHTS) | changes).items() if tensor is not None}
    save_file(weights, folder / WEIGHTS)
    sign(folder)
    assert message in loads_or_says_why(folder)
    data = (folder / WEIGHTS).read_bytes()
    for size in (0, 4, 100, -4):
        (folder / WEIGHTS).write_bytes(data[:size])
        sign(folder)
        said = loads_or_says_why(folder)
        assert said.startswith(str(folder / WEIGHTS))
        assert "damaged" in said


def test_a_file_that_is_not_the_one_that_was_saved(folder: Path, tmp_path: Path) -> None:
    for path in (folder / WEIGHTS, folder / VOCABULARY):
        data = bytearray(path.read_bytes())
        data[-9] ^= 1
        whole = path.rename(tmp_path / "whole")
        path.write_bytes(data)
        assert loads_or_says_why(folder) == f"{path} is damaged (its digest is another one); copy the folder again"
        whole.rename(path)
    whole = (folder / CONVENTIONS).rename(tmp_path / "whole")
    assert f"is not a whole tagger: {CONVENTIONS} is missing" in loads_or_says_why(folder)
    whole.rename(folder / CONVENTIONS)
    (folder / LEMMAS).write_text("{}")
    assert f"{CONFIG} has no digest of {LEMMAS}" in loads_or_says_why(folder)
    sign(folder)
    (folder / LEMMAS).unlink()
    assert f"is not a whole tagger: {LEMMAS} is missing" in loads_or_says_why(folder)
    change(folder / CONFIG, (DIGESTS,), ...)
    assert f"{CONFIG} has no digest of {WEIGHTS}" in loads_or_says_why(folder)

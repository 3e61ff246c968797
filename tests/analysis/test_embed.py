"""The vectors of words: what the network computes, whatever they come with, and the same in every file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
import torch
from typer.testing import CliRunner, Result

import tagger
from tagger import Tagger
from tagger.analysis import vector_files
from tagger.commands.app import app
from tagger.errors import InputError
from tagger.model.collate import collate
from tagger.model.forms import FormTable
from tagger.model.vocabulary import Vocabulary
from tagger.tagging import batches
from tagger.tagging import tagger as predictor
from tests.conftest import BUCKETS, TOKENS, make_batch, make_network, network_config, save_tiny

SENTENCES = [*TOKENS, ["book", "the", "flights", "they", "book", "Well", "."], ["unknown", "\ud800", ""], ["They"]]
WIDTH = 8 + 6  # of a layer


def made(vocabulary: Vocabulary, seed: int = 4, **changes: Any) -> Tagger:
    network = make_network(vocabulary, seed=seed, **changes)
    config = {"network": network_config(**changes), "segmenter": "english"}
    return Tagger(network, vocabulary, config, precision="float32")


@pytest.fixture(scope="module")
def untrained(vocabulary: Vocabulary) -> Tagger:
    return made(vocabulary)


@pytest.fixture
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictor, "FIRST_WINDOW", 3)
    monkeypatch.setattr(predictor, "WINDOW_TOKENS", 20)
    monkeypatch.setattr(batches, "BATCH_TOKENS", 8)


def encoded(tagger: Tagger, table: FormTable) -> list[np.ndarray]:
    """What `TaggerNetwork.encode` says of SENTENCES."""
    batch = collate(SENTENCES, table)
    with torch.inference_mode():
        h = tagger.network.encode(tagger.network.embed(batch), batch.lengths)  # (T, B, S)
    return [h[: len(sentence), i].numpy() for i, sentence in enumerate(SENTENCES)]


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm", "mingru"])
@pytest.mark.parametrize("hidden", [{"forward": 8, "backward": 6}, {"forward": [4, 7], "backward": [9, 0]}])
def test_states_are_those_of_the_network(vocabulary: Vocabulary, cell: str, hidden: Any) -> None:
    tagger = made(vocabulary, cell=cell, hidden=hidden)
    states = tagger.engine.states(SENTENCES)
    assert states.dtype == np.float32
    expected = np.concatenate(encoded(tagger, FormTable(vocabulary, BUCKETS)))
    assert np.abs(states - expected).max() < 1e-5
    assert expected.std(axis=0).min() > 1e-3  # they differ from token to token
    assert np.array_equal(np.concatenate(list(tagger.embed(SENTENCES))), states)


def test_layers_are_parts_of_all(untrained: Tagger, vocabulary: Vocabulary) -> None:
    assert untrained.layers.names == ["0", "1", "2", "all", "mean"]
    found = {layer: np.concatenate(list(untrained.embed(SENTENCES, layer))) for layer in (0, 1, 2, "all", "mean")}
    assert {layer: vectors.dtype for layer, vectors in found.items()} == dict.fromkeys(found, np.dtype(np.float32))
    assert found[1].shape[1] == found[2].shape[1] == WIDTH
    assert np.array_equal(found["all"], np.hstack([found[1], found[2]]))
    assert np.allclose(found["mean"], (found[1] + found[2]) / 2, atol=1e-6)
    batch = make_batch(SENTENCES, vocabulary)
    with torch.inference_mode():
        forms = untrained.network.embedding(batch)[batch.index]  # (T, B, E)
    expected = [forms[: len(sentence), i].numpy() for i, sentence in enumerate(SENTENCES)]
    assert np.allclose(found[0], np.concatenate(expected), atol=1e-6)
    assert np.array_equal(found[1], np.concatenate(list(untrained.embed(SENTENCES, "1"))))


def test_only_the_form_counts_in_layer_0_and_the_sentence_in_the_others(untrained: Tagger) -> None:
    sentences = [["They", "book", "flights"], ["The", "book"], ["book"] + ["well"] * 70 + list("abcdefghijklmnop")]
    for layer in (0, 1, 2):
        first, second, third = untrained.embed(sentences, layer)
        apart = [np.abs(first[1] - second[1]).max(), np.abs(first[1] - third[0]).max()]
        assert max(apart) == 0 if layer == 0 else min(apart) > 1e-3


@pytest.mark.parametrize("layer", [0, 1, "all", "mean"])
@pytest.mark.usefixtures("small_windows")
def test_vectors_come_in_order_and_depend_on_nothing_else(untrained: Tagger, layer: int | str) -> None:
    forms = [form for sentence in TOKENS for form in sentence]
    sentences = [[forms[(i * i + 3 * k) % len(forms)] for k in range((7 * i) % 13)] for i in range(60)]
    together = list(untrained.embed(iter(sentences), layer))
    assert [len(vectors) for vectors in together] == [len(sentence) for sentence in sentences]
    for sentence, vectors in zip(sentences, together, strict=True):
        (alone,) = untrained.embed([sentence], layer)
        assert alone.shape == vectors.shape
        assert np.abs(alone - vectors).max(initial=0) < 1e-6
    assert len({vectors.tobytes() for vectors in together}) > 20


@pytest.mark.usefixtures("small_windows")
def test_no_more_is_read_than_a_window_and_no_more_kept_than_a_sentence(untrained: Tagger) -> None:
    read = 0

    def endless() -> Iterator[list[str]]:
        nonlocal read
        while True:
            read += 1
            yield ["book"]

    vectors = untrained.embed(endless())
    for i in range(1, 100):
        found = next(vectors)
        assert found.base is None
        assert read <= i + 20


def test_a_sentence_longer_than_the_network_reads_is_cut(untrained: Tagger, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = (["They", "book", "flights", "."] * 4)[:14]
    expected = np.concatenate([next(untrained.embed([tokens[start : start + 5]])) for start in (0, 5, 10)])
    monkeypatch.setattr(batches, "MAX_SENTENCE_TOKENS", 5)
    assert np.allclose(next(untrained.embed([tokens])), expected, atol=1e-6)


def test_nothing_in_nothing_out(untrained: Tagger) -> None:
    assert list(untrained.embed([])) == []
    for layer, width in ((0, untrained.network.embedding.width), (1, WIDTH), ("all", 2 * WIDTH), ("mean", WIDTH)):
        assert [vectors.shape for vectors in untrained.embed([[], ["They"], []], layer)] == [
            (0, width),
            (1, width),
            (0, width),
        ]


@pytest.mark.parametrize("layer", [-1, 3, "3", "last", "", "1.0"])
def test_a_layer_that_is_not_there(untrained: Tagger, layer: int | str) -> None:
    with pytest.raises(InputError, match=f"layer '{layer}'.*choose one of 0, 1, 2, all, mean"):
        untrained.embed(SENTENCES, layer)  # at once


def test_layers_of_different_widths_have_no_mean(vocabulary: Vocabulary) -> None:
    uneven = made(vocabulary, hidden={"forward": [4, 7], "backward": [9, 2]})
    with pytest.raises(InputError, match=r"different widths \(13, 9\); choose one of 0, 1, 2, all$"):
        uneven.embed(SENTENCES, "mean")
    assert [vectors.shape[1] for vectors in uneven.embed([["They"]], "all")] == [22]


def test_a_string_is_no_sentence(untrained: Tagger) -> None:
    with pytest.raises(InputError, match="list of tokens"):
        list(untrained.embed("They book"))


def test_a_tagger_without_tags(vocabulary: Vocabulary) -> None:
    untagged = Vocabulary(
        words=vocabulary.words, characters=vocabulary.characters, tags={}, forms=vocabulary.forms, vectors={}
    )
    tagger = made(untagged)
    assert tagger.columns == []
    expected = np.concatenate(encoded(tagger, FormTable(untagged, BUCKETS)))
    assert np.abs(np.concatenate(list(tagger.embed(SENTENCES))) - expected).max() < 1e-5


@pytest.mark.parametrize("sizes", [{}, {"words": 0, "affixes": 0, "chars": 0}])
def test_a_tagger_with_a_transformer(vocabulary: Vocabulary, tmp_path: Path, sizes: dict[str, int]) -> None:
    pytest.importorskip("transformers")
    from tests.weights.encoders import load, save_bert

    torch.manual_seed(1)
    _, tokenizer, transformer = load(save_bert(tmp_path / "bert"))
    changes = {"transformer": transformer, **sizes}
    network = make_network(vocabulary, seed=4, **changes)
    tagger = Tagger(network, vocabulary, {"network": network_config(**changes)}, tokenizer, precision="float32")
    expected = encoded(tagger, FormTable(vocabulary, BUCKETS, tokenizer))
    assert np.abs(np.concatenate(list(tagger.embed(SENTENCES))) - np.concatenate(expected)).max() < 1e-5
    if sizes:
        assert tagger.layers.names == ["1", "2", "all", "mean"]
        with pytest.raises(InputError, match="layer '0'"):
            tagger.embed(SENTENCES, 0)
    else:
        (vectors,) = tagger.embed([["They", "book", "They"]], 0)
        assert vectors.shape[1] == network.embedding.width
        assert np.array_equal(vectors[0], vectors[2])


def call(*arguments: str, input: str | bytes | None = None, status: int = 0) -> Result:
    result = CliRunner().invoke(app, ["embed", *arguments], input=input)
    assert result.exit_code == status, (result.output, result.exception)
    return result


TEXT = "They book flights. The book reads well.\n\nWell\n"
LINES = "They book\n\nx\u00a0y <b>\n"


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    (tmp_path / "b.lines").write_text(LINES, encoding="utf-8")
    return [str(tmp_path / "a.txt"), str(tmp_path / "b.lines")]


@pytest.mark.parametrize("layer", ["0", "2", "all", "mean"])
def test_both_kinds_of_file_hold_what_embed_gives(
    trained: Path, files: list[str], tmp_path: Path, layer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vector_files, "ROW_GROUP_BYTES", 200)
    options = ["--model", str(trained), "--device", "cpu", "--layer", layer]
    result = call(*files, "-o", str(tmp_path / "new" / "x.npz"), *options)
    assert result.stdout == ""
    assert result.stderr.splitlines()[-1].startswith(f"{tmp_path / 'new' / 'x.npz'}: 14 words, ")
    call(*files, "-o", str(tmp_path / "x.parquet"), *options)

    sentences = [["They", "book", "flights", "."], ["The", "book", "reads", "well", "."], ["Well"]]
    sentences += [["They", "book"], [], ["x\u00a0y", "<b>"]]
    loaded = tagger.load(trained, device="cpu", precision="float32")
    expected = np.concatenate(list(loaded.embed(sentences, layer)))
    arrays = np.load(tmp_path / "new" / "x.npz")  # without allow_pickle
    assert set(arrays) == {"vectors", "words", "sentences", "positions", "files"}
    assert arrays["vectors"].dtype == np.float32
    assert np.abs(arrays["vectors"] - expected).max() < 1e-6
    assert arrays["words"].tolist() == [form for sentence in sentences for form in sentence]
    assert arrays["sentences"].tolist() == [0] * 4 + [1] * 5 + [2] + [0] * 2 + [2] * 2  # the empty line counts
    assert arrays["positions"].tolist() == [i for sentence in sentences for i in range(len(sentence))]
    assert arrays["files"].tolist() == [files[0]] * 10 + [files[1]] * 4

    parquet = pyarrow.parquet.ParquetFile(tmp_path / "x.parquet")
    assert parquet.num_row_groups > 1
    assert parquet.schema_arrow.names == ["file", "sentence", "position", "word", "vector"]
    assert parquet.schema_arrow.field("vector").type == pyarrow.list_(pyarrow.float32(), expected.shape[1])
    table = parquet.read().to_pydict()
    assert np.array_equal(np.array(table["vector"], dtype=np.float32), arrays["vectors"])
    for name in ("word", "sentence", "position", "file"):
        assert table[name] == arrays[f"{name}s"].tolist()


def test_standard_input_and_odd_words(trained: Path, tmp_path: Path) -> None:
    odd = "\N{GRINNING FACE} e\u0301 \u6771\n"
    for name in ("x.npz", "x.PARQUET"):
        call("-", "-o", str(tmp_path / name), "--model", str(trained), "--input", "lines", input=odd)
    arrays = np.load(tmp_path / "x.npz")
    assert arrays["words"].tolist() == odd.split()
    assert pyarrow.parquet.read_table(tmp_path / "x.PARQUET")["word"].to_pylist() == odd.split()
    assert set(arrays["files"]) == {"-"}
    (tmp_path / "s.jsonl").write_text('["\\ud800"]\n')
    for name in ("s.npz", "s.parquet"):
        call(str(tmp_path / "s.jsonl"), "-o", str(tmp_path / name), "--model", str(trained))
    assert np.load(tmp_path / "s.npz")["words"].tolist() == ["\ufffd"]


def test_what_exists_is_kept(trained: Path, files: list[str], tmp_path: Path) -> None:
    target = tmp_path / "x.npz"
    target.write_text("mine")
    assert "exists; --force" in call(*files, "-o", str(target), "--model", str(trained), status=2).stderr
    assert target.read_text() == "mine"
    call(*files, "-o", str(target), "--model", str(trained), "--force")
    assert len(np.load(target)["words"]) == 14


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a.txt", "-o", "x.csv"], ["x.csv", ".npz or .parquet"]),
        (["a.txt", "-o", "x"], [".npz or .parquet"]),
        (["a.txt", "-o", "x.npz", "--layer", "3"], ["'3'", "0, 1, 2, all, mean"]),
        (["a.txt", "missing.txt", "-o", "x.npz"], ["missing.txt: no such file"]),
        (["empty.txt", "-o", "x.npz"], ["no words in empty.txt"]),
        (["empty.txt", "empty.txt", "-o", "x.parquet"], ["no words in"]),
        (["a.txt", "bytes.txt", "-o", "x.parquet"], ["bytes.txt, line 1", "0xe9"]),
        (["a.txt", "bytes.txt", "-o", "x.npz"], ["bytes.txt, line 1", "0xe9"]),
        (["a.txt", "-o", "x.npz", "--model", "nowhere"], ["nowhere"]),
        ([".", "-o", "x.npz"], ["folder"]),
    ],
)
@pytest.mark.usefixtures("files", "small_windows")
def test_bad_input_is_one_line_and_leaves_nothing(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.txt").write_text(" \n\n")
    (tmp_path / "bytes.txt").write_bytes(b"caf\xe9")
    before = sorted(tmp_path.iterdir())
    result = call("--model", str(trained), *arguments, status=2)
    (message,) = [line for line in result.stderr.splitlines() if not line.startswith("model: ")]
    assert message.startswith("error: ")
    assert all(word in message for word in words), message
    assert sorted(tmp_path.iterdir()) == before


def test_what_npz_cannot_hold(trained: Path, files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_files, "MAX_NPZ_BYTES", 14 * 4 * 2 * WIDTH)
    message = call(*files, "-o", str(tmp_path / "x.npz"), "--model", str(trained), status=2).stderr
    assert "GB, which .npz needs in memory; write .parquet instead" in message
    assert not (tmp_path / "x.npz").exists()
    call(*files, "-o", str(tmp_path / "x.parquet"), "--model", str(trained))
    monkeypatch.setattr(vector_files, "MAX_NPZ_BYTES", 20_000)  # a long word makes all of them wide
    (tmp_path / "long.lines").write_text("a " * 20 + "x" * 1000)
    long = [str(tmp_path / "long.lines"), "--layer", "1", "--model", str(trained)]
    assert "write .parquet" in call(*long, "-o", str(tmp_path / "x.npz"), status=2).stderr


def test_the_model_without_tags_from_its_folder(vocabulary: Vocabulary, files: list[str], tmp_path: Path) -> None:
    untagged = Vocabulary(words=vocabulary.words, characters=vocabulary.characters, tags={}, forms=vocabulary.forms)
    folder = save_tiny(tmp_path / "untagged", make_network(untagged), untagged)
    call(*files, "-o", str(tmp_path / "x.npz"), "--model", str(folder))
    assert np.load(tmp_path / "x.npz")["vectors"].shape == (14, 2 * WIDTH)

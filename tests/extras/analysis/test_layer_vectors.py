"""The vectors of words: what the network computes, whatever they come with, and the same in every file."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tagger
from tagger import Tagger
from tagger.errors import InputError
from tagger.extras.analysis.vectors import embed, layers
from tagger.model.batch import FormTable, collate
from tagger.model.vocabulary import Vocabulary
from tests.commands.conftest import call, check_replaces_nothing, error
from tests.conftest import TOKENS, make_batch, make_network, make_table, make_tagger

SENTENCES = [*TOKENS, ["book", "the", "flights", "they", "book", "Well", "."], ["unknown", "\ud800", ""], ["They"]]
WIDTH = 8 + 6  # of a layer


def made(vocabulary: Vocabulary, seed: int = 4, **changes: Any) -> Tagger:
    network = make_network(vocabulary, seed=seed, **changes)
    return make_tagger(network, vocabulary, precision="float32")


@pytest.fixture(scope="module")
def untrained(vocabulary: Vocabulary) -> Tagger:
    return made(vocabulary)


def encoded(tagger: Tagger, table: FormTable) -> list[np.ndarray]:
    """What `TaggerNetwork.encode` says of SENTENCES."""
    batch = collate(SENTENCES, table)
    (network,) = tagger.bundle.networks
    with torch.inference_mode():
        h = network.encode(network.embed(batch), batch.lengths)  # (T, B, S)
    return [h[: len(sentence), i].numpy() for i, sentence in enumerate(SENTENCES)]


def test_layers_are_parts_of_all(untrained: Tagger, vocabulary: Vocabulary) -> None:
    assert layers(untrained) == ["0", "1", "2", "all", "mean"]
    found = {layer: np.concatenate(list(embed(untrained, SENTENCES, layer))) for layer in (0, 1, 2, "all", "mean")}
    assert {layer: vectors.dtype for layer, vectors in found.items()} == dict.fromkeys(found, np.dtype(np.float32))
    assert found[1].shape[1] == found[2].shape[1] == WIDTH
    assert np.array_equal(found["all"], np.hstack([found[1], found[2]]))
    assert np.allclose(found["mean"], (found[1] + found[2]) / 2, atol=1e-6)
    batch = make_batch(SENTENCES, vocabulary)
    with torch.inference_mode():
        forms = untrained.bundle.networks[0].embedding(batch.features)[batch.index]  # (T, B, E)
    expected = [forms[: len(sentence), i].numpy() for i, sentence in enumerate(SENTENCES)]
    assert np.allclose(found[0], np.concatenate(expected), atol=1e-6)
    assert np.array_equal(found[1], np.concatenate(list(embed(untrained, SENTENCES, "1"))))


def test_what_counts_in_each_layer_and_layers_that_are_not_there(untrained: Tagger, vocabulary: Vocabulary) -> None:
    sentences = [["They", "book", "flights"], ["The", "book"], ["book"] + ["well"] * 70 + list("abcdefghijklmnop")]
    for layer in (0, 1, 2):
        first, second, third = embed(untrained, sentences, layer)
        apart = [np.abs(first[1] - second[1]).max(), np.abs(first[1] - third[0]).max()]
        assert max(apart) == 0 if layer == 0 else min(apart) > 1e-3
    for layer in (-1, 3, "3", "last", ""):
        with pytest.raises(InputError, match=f"layer '{layer}'.*choose one of 0, 1, 2, all, mean"):
            embed(untrained, SENTENCES, layer)  # at once
    uneven = made(vocabulary, hidden={"forward": [4, 7], "backward": [9, 2]})
    with pytest.raises(InputError, match=r"different widths \(13, 9\); choose one of 0, 1, 2, all$"):
        embed(uneven, SENTENCES, "mean")
    assert [vectors.shape[1] for vectors in embed(uneven, [["They"]], "all")] == [22]


@pytest.mark.parametrize("layer", [0, "all"])
@pytest.mark.usefixtures("small_windows")
def test_vectors_come_in_order_and_depend_on_nothing_else(untrained: Tagger, layer: int | str) -> None:
    forms = [form for sentence in TOKENS for form in sentence]
    sentences = [[forms[(i * i + 3 * k) % len(forms)] for k in range((7 * i) % 13)] for i in range(60)]
    together = list(embed(untrained, iter(sentences), layer))
    assert [len(vectors) for vectors in together] == [len(sentence) for sentence in sentences]
    for sentence, vectors in zip(sentences, together, strict=True):
        (alone,) = embed(untrained, [sentence], layer)
        assert alone.shape == vectors.shape
        assert np.abs(alone - vectors).max(initial=0) < 1e-6
    assert len({vectors.tobytes() for vectors in together}) > 20


@pytest.mark.parametrize("sizes", [{}, {"words": 0, "affixes": 0, "chars": 0}])
def test_a_tagger_with_a_transformer(vocabulary: Vocabulary, bert: Path, sizes: dict[str, int]) -> None:
    from tests.pretrained.encoders import load

    _, tokenizer, transformer = load(bert)
    network = make_network(vocabulary, seed=4, transformer=transformer, **sizes)
    tagger = make_tagger(network, vocabulary, tokenizer, precision="float32")
    expected = encoded(tagger, make_table(vocabulary, tokenizer))
    assert np.abs(np.concatenate(list(embed(tagger, SENTENCES))) - np.concatenate(expected)).max() < 1e-5
    if sizes:
        assert layers(tagger) == ["1", "2", "all", "mean"]
        with pytest.raises(InputError, match="layer '0'"):
            embed(tagger, SENTENCES, 0)
    else:
        (vectors,) = embed(tagger, [["They", "book", "They"]], 0)
        assert vectors.shape[1] == network.embedding.width
        assert np.array_equal(vectors[0], vectors[2])


@pytest.fixture
def files() -> list[str]:
    Path("a.txt").write_text("They book flights. The book reads well.\n\nWell\n", encoding="utf-8")
    Path("b.lines").write_text("They book\n\nx\u00a0y \N{GRINNING FACE}\n", encoding="utf-8")
    return ["a.txt", "b.lines"]


@pytest.mark.parametrize("layer", ["0", "all"])
def test_the_file_holds_what_embed_gives(trained: Path, files: list[str], layer: str) -> None:
    result = call("embed", *files, "-o", "new/x.npz", "--model", str(trained), "--device", "cpu", "--layer", layer)
    assert result.stderr.splitlines()[-1].startswith("new/x.npz: 14 words, ")
    sentences = [["They", "book", "flights", "."], ["The", "book", "reads", "well", "."], ["Well"]]
    sentences += [["They", "book"], [], ["x\u00a0y", "\N{GRINNING FACE}"]]
    loaded = tagger.load(trained, device="cpu", precision="float32")
    expected = np.concatenate(list(embed(loaded, sentences, layer)))
    arrays = np.load("new/x.npz")  # without allow_pickle
    assert set(arrays) == {"vectors", "words", "sentences", "positions", "files"}
    assert arrays["vectors"].dtype == np.float32
    assert np.abs(arrays["vectors"] - expected).max() < 1e-6
    assert arrays["words"].tolist() == [form for sentence in sentences for form in sentence]
    assert arrays["sentences"].tolist() == [0] * 4 + [1] * 5 + [2] + [0] * 2 + [2] * 2  # the empty line counts
    assert arrays["positions"].tolist() == [i for sentence in sentences for i in range(len(sentence))]
    assert arrays["files"].tolist() == ["a.txt"] * 10 + ["b.lines"] * 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.txt", "-o", "x.parquet"], "x.parquet: name a file that ends in .npz"),
        (["a.txt", "-o", "x.npz", "--layer", "3"], "0, 1, 2, all, mean"),
        (["empty.txt", "-o", "x.npz"], "no words in the files"),
        (["a.txt", "bytes.txt", "-o", "x.npz"], "bytes.txt, line 1"),
        (["long.lines", "-o", "x.npz"], "GB; name fewer FILEs"),
    ],
)
@pytest.mark.usefixtures("files", "small_windows")
def test_bad_input_is_one_line_and_leaves_nothing(
    trained: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.setattr("tagger.extras.analysis.vectors.MAX_NPZ_BYTES", 20_000)
    Path("empty.txt").write_text(" \n\n")
    Path("bytes.txt").write_bytes(b"caf\xe9")
    Path("long.lines").write_text("a " * 20 + "x" * 1000)  # a long word makes all of them wide
    assert message in error("embed", "--model", str(trained), *arguments)
    assert not Path("x.npz").exists()


def test_a_file_that_is_read_is_never_replaced(two_files: Path, model: Path) -> None:
    check_replaces_nothing(two_files, "-o", f"embed in.conllu --model {model}")

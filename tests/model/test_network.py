"""The network as a whole: what a score depends on, and what it must not depend on."""

import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from tagger.errors import InputError
from tagger.model.batch import IGNORE, Batch
from tagger.model.encoder import CELLS
from tagger.model.network import TaggerNetwork, check_network_config, layer_sizes
from tagger.model.vocabulary import Vocabulary
from tests.conftest import CORPUS, TOKENS, make_batch, make_network, network_config, overfit


def scores_of(network: TaggerNetwork, vocabulary: Vocabulary, sentence: list[str]) -> Tensor:
    """The scores of a sentence on its own, (tokens, K)."""
    with torch.no_grad():
        scores: Tensor = network(make_batch([sentence], vocabulary))["upos"][:, 0]
    return scores


@pytest.mark.parametrize("cell", CELLS)
def test_shapes_layer_by_layer(vocabulary: Vocabulary, cell: str) -> None:
    network = make_network(vocabulary, cell=cell, hidden={"forward": [4, 5], "backward": [3, 0]})
    batch = make_batch(TOKENS, vocabulary)
    x = network.embed(batch)
    assert x.shape == (5, 3, network.embedding.width)
    assert [layer.width for layer in network.encoder.layers] == [7, 5]
    h = network.encode(x, batch.lengths)
    assert h.shape == (5, 3, 7 + 5)
    assert {c: tuple(s.shape) for c, s in network(batch).items()} == {
        column: (5, 3, len(tags)) for column, tags in vocabulary.tags.items()
    }
    assert_close(network.score(h), network(batch))


@pytest.mark.parametrize("cell", CELLS)
def test_every_word_counts_in_both_directions(vocabulary: Vocabulary, cell: str) -> None:
    network = make_network(vocabulary, cell=cell, depth=1)
    before = scores_of(network, vocabulary, ["They", "book", "flights", "."])
    last_changed = scores_of(network, vocabulary, ["They", "book", "flights", "Well"])
    first_changed = scores_of(network, vocabulary, ["Well", "book", "flights", "."])
    assert (last_changed[0] - before[0]).abs().max() > 1e-6
    assert (first_changed[-1] - before[-1]).abs().max() > 1e-6


@pytest.mark.parametrize("cell", CELLS)
def test_one_direction_sees_one_side(vocabulary: Vocabulary, cell: str) -> None:
    forward = make_network(vocabulary, cell=cell, hidden={"forward": 5, "backward": 0})
    before = scores_of(forward, vocabulary, ["They", "book", "flights", "."])
    changed = scores_of(forward, vocabulary, ["They", "book", "flights", "Well"])
    assert torch.equal(changed[:-1], before[:-1])
    assert not torch.equal(changed[-1], before[-1])
    backward = make_network(vocabulary, cell=cell, hidden={"forward": 0, "backward": 5})
    before = scores_of(backward, vocabulary, ["They", "book", "flights", "."])
    changed = scores_of(backward, vocabulary, ["Well", "book", "flights", "."])
    assert_close(changed[1:], before[1:], rtol=0, atol=1e-6)
    assert not torch.allclose(changed[0], before[0])


def with_more_padding(batch: Batch) -> Batch:
    """The same sentences with three more columns, and every slot beyond an end pointing to a form."""
    index = torch.cat([batch.index, torch.zeros(3, len(batch.lengths), dtype=torch.long)])
    beyond = torch.arange(len(index))[:, None] >= batch.lengths
    index[beyond] = torch.arange(int(beyond.sum())) % len(batch.features["words"])
    return dataclasses.replace(batch, index=index)


@pytest.mark.parametrize("cell", CELLS)
def test_padding_changes_nothing(vocabulary: Vocabulary, cell: str) -> None:
    network = make_network(vocabulary, cell=cell)
    batch = make_batch(TOKENS, vocabulary)
    padded = with_more_padding(batch)
    before, after = network(batch)["upos"], network(padded)["upos"]
    assert after.shape[0] == before.shape[0] + 3
    for i, length in enumerate(batch.lengths.tolist()):
        assert_close(after[:length, i], before[:length, i], rtol=0, atol=1e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_a_sentence_alone_equals_the_same_in_a_batch(vocabulary: Vocabulary, cell: str) -> None:
    network = make_network(vocabulary, cell=cell)
    together = network(make_batch(TOKENS, vocabulary))["upos"]
    for i, sentence in enumerate(TOKENS):
        assert_close(together[: len(sentence), i], scores_of(network, vocabulary, sentence), rtol=0, atol=1e-6)


def test_shuffling_the_batch_keeps_each_sentences_scores(vocabulary: Vocabulary) -> None:
    network = make_network(vocabulary)
    sentences = [*TOKENS, ["flights", "book"], ["The", "unheard-of", "well"]]
    before = network(make_batch(sentences, vocabulary))["upos"]
    order = [3, 0, 4, 2, 1]
    after = network(make_batch([sentences[i] for i in order], vocabulary))["upos"]
    for place, i in enumerate(order):
        length = len(sentences[i])
        assert_close(after[:length, place], before[:length, i], rtol=0, atol=1e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_every_parameter_gets_a_gradient(vocabulary: Vocabulary, cell: str) -> None:
    network = make_network(vocabulary, cell=cell).train()
    batch = make_batch(TOKENS, vocabulary, {column: [s[column] for s in CORPUS] for column in vocabulary.columns})
    scores = network(batch)
    loss = torch.stack(
        [cross_entropy(scores[c].flatten(0, 1), t.flatten(), ignore_index=IGNORE) for c, t in batch.targets.items()]
    ).sum()
    loss.backward()
    names = dict(network.named_parameters())
    assert {"heads.upos.weight", "heads.xpos.bias", "embedding.words.weight"} <= names.keys()
    for name, parameter in names.items():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("cell", ["rnn_scratch", "gru_scratch", "mingru", "lstm"])
def test_overfits_three_sentences_in_several_columns(vocabulary: Vocabulary, cell: str) -> None:
    network = make_network(vocabulary, cell=cell)
    overfit(network, vocabulary, steps=50)
    scores = network(make_batch(TOKENS, vocabulary))
    for column, tags in vocabulary.tags.items():
        for i, sentence in enumerate(CORPUS):
            ids = scores[column][: len(sentence["tokens"]), i].argmax(-1).tolist()
            assert [tags[k] for k in ids] == sentence[column]


def test_dropout_is_for_training_alone(vocabulary: Vocabulary) -> None:
    network = make_network(vocabulary, dropout=0.5)
    batch = make_batch(TOKENS, vocabulary)
    assert torch.equal(network(batch)["upos"], network(batch)["upos"])
    network.train()
    assert not torch.equal(network(batch)["upos"], network(batch)["upos"])


def test_layer_sizes_from_a_number_or_a_list() -> None:
    assert layer_sizes(200, 3, "forward") == [200, 200, 200]
    assert layer_sizes([200, 0], 2, "forward") == [200, 0]


@pytest.mark.parametrize(
    ("size", "depth", "message"),
    [
        (4, 0, r"model\.depth=0"),
        ([4], 2, r"model\.hidden\.forward lists 1 sizes for model\.depth=2"),
    ],
)
def test_bad_layer_sizes_are_named(size: Any, depth: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        layer_sizes(size, depth, "forward")


def test_no_input_at_all_is_an_error(vocabulary: Vocabulary) -> None:
    with pytest.raises(InputError, match="all 0"):
        make_network(vocabulary, words=0, affixes=0, chars=0)


def test_a_corpus_adds_its_vector_to_every_token(vocabulary: Vocabulary) -> None:
    several = dataclasses.replace(vocabulary, corpora=["a", "b"])
    network, alone = make_network(several), make_network(vocabulary)
    assert alone.corpora is None
    assert network.corpora is not None
    batch = make_batch(TOKENS, several)
    before = network.embed(batch)
    assert_close(before, alone.embed(batch))  # the other weights are the same
    batch.corpora = torch.tensor([2, 0, 1])
    assert_close(network.embed(batch), before)  # before training all corpora are the same
    with torch.no_grad():
        network.corpora.weight[1:] = torch.randn(2, network.embedding.width)
    added = network.embed(batch) - before
    for place, row in enumerate(network.corpora.weight[[2, 0, 1]]):
        assert_close(added[:, place], row.expand(len(added), -1))
    assert not network.corpora.weight[0].any()
    assert_close(alone.embed(batch), before)


def test_no_corpus_is_not_learned(vocabulary: Vocabulary) -> None:
    network = make_network(dataclasses.replace(vocabulary, corpora=["a", "b"]))
    batch = make_batch(TOKENS, vocabulary)
    batch.corpora = torch.tensor([2, 0, 2])
    sum(scores.square().sum() for scores in network(batch).values()).backward()  # type: ignore[union-attr]
    assert network.corpora is not None
    gradient = network.corpora.weight.grad
    assert gradient is not None
    assert gradient.any(dim=1).tolist() == [False, False, True]


def test_the_config_of_a_network_that_is_older_than_an_embedding(vocabulary: Vocabulary) -> None:
    config = {name: value for name, value in network_config().items() if name not in ("affixes", "buckets")}
    check_network_config(config, "network.")
    assert [name for name, _ in TaggerNetwork(vocabulary, config).embedding.named_children()] == ["words", "characters"]
    with pytest.raises(InputError, match=r"network\.depth has no value"):
        check_network_config({name: value for name, value in config.items() if name != "depth"}, "network.")

"""The network as a whole: what a score depends on, and what not; tags that are sets of features."""

import dataclasses
from dataclasses import dataclass
from itertools import product
from typing import cast

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from tagger.errors import InputError
from tagger.model.batch import Batch
from tagger.model.encoder import CELLS
from tagger.model.feature_values import SPEED, FeatureScores, feature_matrix, feature_scores
from tagger.model.network import NetworkConfig, TaggerNetwork, layer_sizes
from tagger.model.vocabulary import IGNORE, Vocabulary
from tagger.text.edit_scripts import edit_script
from tagger.text.schema import read
from tests.conftest import CORPUS, TOKENS, make_batch, make_network, network_config, overfit


def scores_of(network: TaggerNetwork, vocabulary: Vocabulary, sentence: list[str]) -> Tensor:
    """The scores of a sentence on its own, (tokens, K)."""
    with torch.no_grad():
        scores: Tensor = network(make_batch([sentence], vocabulary)).scores["upos"][:, 0]
    return scores


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
def test_every_parameter_gets_a_gradient(vocabulary: Vocabulary, cell: str) -> None:
    network = make_network(vocabulary, cell=cell).train()
    batch = make_batch(TOKENS, vocabulary, {column: [s[column] for s in CORPUS] for column in vocabulary.columns})
    scores = network(batch).scores
    for column, target in batch.targets.items():
        loss = cross_entropy(scores[column].flatten(0, 1), target.flatten(), ignore_index=IGNORE)
        loss.backward(retain_graph=True)
    names = dict(network.named_parameters())
    assert {"heads.upos.weight", "heads.xpos.bias", "embedding.words.weight"} <= names.keys()
    for name, parameter in names.items():
        assert parameter.grad is not None, name
        assert 0 < float(parameter.grad.abs().sum()) < torch.inf, name


@pytest.mark.parametrize("cell", ["gru_scratch", "mingru"])
def test_overfits_three_sentences_in_several_columns(vocabulary: Vocabulary, cell: str) -> None:
    network = make_network(vocabulary, cell=cell)
    overfit(network, vocabulary, steps=50)
    scores = network(make_batch(TOKENS, vocabulary)).scores
    for column, tags in vocabulary.tags.items():
        for i, sentence in enumerate(CORPUS):
            ids = scores[column][: len(sentence["tokens"]), i].argmax(-1).tolist()
            assert [tags[k] for k in ids] == sentence[column]


def test_a_corpus_adds_its_vector_to_every_token(vocabulary: Vocabulary) -> None:
    several = dataclasses.replace(vocabulary, corpora=["a", "b"])
    network, alone = make_network(several), make_network(vocabulary)
    assert alone.corpora is None
    assert network.corpora is not None
    batch = make_batch(TOKENS, several)
    before = network.embed(batch)
    batch.corpora = torch.tensor([2, 0, 2])
    assert_close(network.embed(batch), alone.embed(batch))  # before training all corpora are the same
    with torch.no_grad():
        network.corpora.weight[1:] = torch.randn(2, network.embedding.width)
    added = network.embed(batch) - before
    for place, row in enumerate(network.corpora.weight[[2, 0, 2]]):
        assert_close(added[:, place], row.expand(len(added), -1))
    sum(scores.square().sum() for scores in network(batch).scores.values()).backward()  # type: ignore[union-attr]
    gradient = network.corpora.weight.grad
    assert gradient is not None
    assert gradient.any(dim=1).tolist() == [False, False, True]  # no corpus is not learned


@dataclass
class Networks:
    networks: list[NetworkConfig]


def test_the_config_of_a_network_that_is_older_than_an_embedding(vocabulary: Vocabulary) -> None:
    config = {name: value for name, value in network_config().items() if name not in ("affixes", "buckets")}
    read(Networks, {"networks": [config]})
    network = TaggerNetwork(vocabulary, cast(NetworkConfig, config))
    assert [name for name, _ in network.embedding.named_children()] == ["words", "characters"]
    with pytest.raises(InputError, match=r"networks\.0\.depth has no value"):
        read(Networks, {"networks": [{name: value for name, value in config.items() if name != "depth"}]})


def test_sizes_that_no_network_has(vocabulary: Vocabulary) -> None:
    assert layer_sizes(200, 3, "forward") == [200, 200, 200]
    assert layer_sizes([200, 0], 2, "forward") == [200, 0]
    with pytest.raises(InputError, match=r"model\.depth=0"):
        layer_sizes(4, 0, "forward")
    with pytest.raises(InputError, match=r"model\.hidden\.forward lists 1 sizes for model\.depth=2"):
        layer_sizes([4], 2, "forward")
    with pytest.raises(InputError, match="all 0"):
        make_network(vocabulary, words=0, affixes=0, chars=0)


@pytest.mark.parametrize("cell", CELLS)
def test_padding_and_neighbours_change_nothing(vocabulary: Vocabulary, cell: str) -> None:
    network = make_network(vocabulary, cell=cell)
    batch = make_batch(TOKENS, vocabulary)
    padded = network(with_more_padding(batch)).scores["upos"]
    assert padded.shape[0] == len(batch.index) + 3
    for i, sentence in enumerate(TOKENS):
        assert_close(padded[: len(sentence), i], scores_of(network, vocabulary, sentence), rtol=0, atol=1e-6)


FEATS = ["Case=Gen", "Case=Gen|Number=Plur", "Case=Nom|Number=Plur", "_"]


def test_a_tag_has_its_features_and_a_blank_for_each_name_that_it_lacks() -> None:
    expected = [  # Case=, Case=Gen, Case=Nom, Number=, Number=Plur
        [0, 1, 0, 1, 0],
        [0, 1, 0, 0, 1],
        [0, 0, 1, 0, 1],
        [1, 0, 0, 1, 0],
    ]
    assert_close(feature_matrix(FEATS), torch.tensor(expected, dtype=torch.float32))
    for others in (["NOUN", "_"], ["_"], [], ["Case=Gen", "Gen"], ["keep:=", "lower:*-s"], ["Case=Gen|"]):
        assert feature_matrix(others) is None, others


def test_the_letters_of_positional_tags_are_features() -> None:
    tags = ["".join(letters) for letters in product("ANV", "mfn", "sdp", "123")]
    matrix = feature_matrix([*tags, "Z"])
    assert matrix is not None
    assert matrix.shape == (82, 16)  # 13 letters, and 3 places at which "Z" has none
    assert matrix.sum(1).tolist() == [4.0] * 82
    assert feature_matrix(tags[:43]) is None  # less than 4 times 11


def test_only_columns_of_features_have_their_scores(vocabulary: Vocabulary) -> None:
    scripts = [edit_script("x", "x" + "".join(ending)) for ending in product("abcde", repeat=4)]
    assert feature_matrix(scripts) is not None  # they only look like positional tags
    vocabulary = dataclasses.replace(vocabulary, tags={**vocabulary.tags, "xpos": FEATS, "lemma": scripts})
    assert [*feature_scores(make_network(vocabulary).heads, vocabulary)] == ["xpos"]


def learned(head: nn.Linear) -> FeatureScores:
    matrix = feature_matrix(FEATS)
    assert matrix is not None
    scores = FeatureScores(head, matrix)
    for weights in scores.parameters():
        nn.init.normal_(weights)
    return scores


def test_scores_are_0_at_first_and_move_into_the_head_at_last() -> None:
    torch.manual_seed(1)
    h, head = torch.randn(2, 5, 3), nn.Linear(3, len(FEATS))
    assert head(h).any()
    scores = FeatureScores(head, torch.ones(len(FEATS), 1))
    assert not head(h).any()
    assert not scores(h).any()
    scores = learned(head)
    nn.init.normal_(head.weight)
    expected = head(h) + scores(h)
    assert not torch.allclose(head(h), expected)
    scores.move_into(head)
    assert_close(head(h), expected)
    assert not scores(h).any()


def test_a_tag_learns_from_those_that_share_its_features() -> None:
    torch.manual_seed(1)
    h, scores = torch.randn(3), learned(nn.Linear(3, len(FEATS)))
    before = scores(h)
    before[FEATS.index("Case=Gen|Number=Plur")].backward()
    with torch.no_grad():
        for weights in scores.parameters():
            assert weights.grad is not None
            weights.add_(weights.grad / SPEED)
        gain = scores(h) - before
    assert_close(gain, SPEED * (1 + h.dot(h)) * torch.tensor([1.0, 2.0, 1.0, 0.0]))  # by the number of shared features

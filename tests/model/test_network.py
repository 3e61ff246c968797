"""The network as a whole: what a score depends on, and what not; its weights in memory and in fewer bytes."""

import dataclasses
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import cast

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from tagger.errors import InputError
from tagger.model import storage
from tagger.model.batch import Batch
from tagger.model.encoder import CELLS
from tagger.model.feature_values import SPEED, FeatureScores, feature_matrix, feature_scores
from tagger.model.network import NetworkConfig, TaggerNetwork, check_training_memory, layer_sizes
from tagger.model.storage import STORAGE_DTYPES, TRAINING_COPIES, check_memory, compress, expand, machine_bytes
from tagger.model.vocabulary import IGNORE, Vocabulary
from tagger.text.schema import read
from tagger.words.edit_scripts import edit_script
from tests.conftest import CORPUS, TOKENS, make_batch, make_network, network_config


def scores_of(network: TaggerNetwork, vocabulary: Vocabulary, sentence: list[str]) -> Tensor:
    """The scores of a sentence on its own, (tokens, K)."""
    with torch.no_grad():
        scores: Tensor = network(make_batch([sentence], vocabulary)).scores["upos"][:, 0]
    return scores


@pytest.mark.parametrize(("forward", "backward", "changed"), [(5, 0, 3), (0, 5, 0)])
@pytest.mark.parametrize("cell", CELLS)
def test_one_direction_sees_one_side(
    vocabulary: Vocabulary, cell: str, forward: int, backward: int, changed: int
) -> None:
    network = make_network(vocabulary, cell=cell, hidden={"forward": forward, "backward": backward})
    sentence = ["They", "book", "flights", "."]
    before = scores_of(network, vocabulary, sentence)
    sentence[changed] = "Well"
    differs = (scores_of(network, vocabulary, sentence) - before).abs().amax(1) > 1e-6
    assert differs.tolist() == [place == changed for place in range(4)]


def with_more_padding(batch: Batch) -> Batch:
    """The same sentences with three more columns, and every slot beyond an end pointing to a form."""
    index = torch.cat([batch.index, torch.zeros(3, len(batch.lengths), dtype=torch.long)])
    beyond = torch.arange(len(index))[:, None] >= batch.lengths
    index[beyond] = torch.arange(int(beyond.sum())) % len(batch.features["words"])
    return dataclasses.replace(batch, index=index)


@pytest.mark.parametrize("cell", CELLS)
def test_every_parameter_gets_a_gradient_and_padding_and_neighbours_change_nothing(
    vocabulary: Vocabulary, cell: str
) -> None:
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
    network = make_network(vocabulary, cell=cell)
    batch = make_batch(TOKENS, vocabulary)
    padded = network(with_more_padding(batch)).scores["upos"]
    assert padded.shape[0] == len(batch.index) + 3
    for i, sentence in enumerate(TOKENS):
        assert_close(padded[: len(sentence), i], scores_of(network, vocabulary, sentence), rtol=0, atol=1e-6)


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


def test_configs_of_older_networks_and_sizes_that_no_network_or_no_machine_has(vocabulary: Vocabulary) -> None:
    assert layer_sizes(200, 3, "forward") == [200, 200, 200]
    assert layer_sizes([200, 0], 2, "forward") == [200, 0]
    with pytest.raises(InputError, match=r"model\.depth=0"):
        layer_sizes(4, 0, "forward")
    with pytest.raises(InputError, match=r"model\.hidden\.forward lists 1 sizes for model\.depth=2"):
        layer_sizes([4], 2, "forward")
    with pytest.raises(InputError, match="all 0"):
        make_network(vocabulary, words=0, affixes=0, chars=0)
    for changes, message in (
        ({"hidden": {"forward": 1_000_000, "backward": 6}}, "above all of 0.encoder"),
        ({"buckets": 10_000_000, "affixes": 10_000}, "above all of 0.embedding.affixes.weight"),
        ({"depth": 100_000_000}, "model.depth=100000000: a stack has 1 to 1000 layers"),
    ):
        with pytest.raises(InputError, match=message):
            check_training_memory(vocabulary, network_config(**changes))
    config = {name: value for name, value in network_config().items() if name not in ("affixes", "buckets")}
    read(Networks, {"networks": [config]})
    network = TaggerNetwork(vocabulary, cast(NetworkConfig, config))
    assert [name for name, _ in network.embedding.named_children()] == ["words", "characters"]
    with pytest.raises(InputError, match=r"networks\.0\.depth has no value"):
        read(Networks, {"networks": [{name: value for name, value in config.items() if name != "depth"}]})


FEATS = ["Case=Gen", "Case=Gen|Number=Plur", "Case=Nom|Number=Plur", "_"]


def test_a_tag_has_its_features_and_a_blank_for_each_name_that_it_lacks(vocabulary: Vocabulary) -> None:
    expected = [  # Case=, Case=Gen, Case=Nom, Number=, Number=Plur
        [0, 1, 0, 1, 0],
        [0, 1, 0, 0, 1],
        [0, 0, 1, 0, 1],
        [1, 0, 0, 1, 0],
    ]
    assert_close(feature_matrix(FEATS), torch.tensor(expected, dtype=torch.float32))
    for others in (["NOUN", "_"], ["_"], [], ["Case=Gen", "Gen"], ["keep:=", "lower:*-s"], ["Case=Gen|"]):
        assert feature_matrix(others) is None, others
    tags = ["".join(letters) for letters in product("ANV", "mfn", "sdp", "123")]  # the letters of positional tags
    matrix = feature_matrix([*tags, "Z"])
    assert matrix is not None
    assert matrix.shape == (82, 16)  # 13 letters, and 3 places at which "Z" has none
    assert matrix.sum(1).tolist() == [4.0] * 82
    assert feature_matrix(tags[:43]) is None  # less than 4 times 11
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


def test_scores_of_features_are_0_at_first_shared_by_tags_and_move_into_the_head_at_last() -> None:
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


@pytest.fixture
def weights() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {
        "matrix": torch.randn(7, 30, generator=generator)
        * torch.tensor([1e-9, 1e-3, 0.1, 1.0, 10.0, 1e6, 0.0])[:, None],
        "convolution": torch.randn(4, 3, 5, generator=generator),
        "half": torch.randn(3, 8, generator=generator).half(),
        "bias": torch.randn(30, generator=generator),
        "count": torch.tensor([[3, 4]]),
    }


def test_int8_and_int4_are_within_half_a_level_and_other_types_are_as_they_say(weights: dict[str, Tensor]) -> None:
    restored = expand(compress(weights, "int8"))
    assert restored.keys() == weights.keys()
    for name in ("matrix", "convolution", "half"):
        before = weights[name].float().flatten(1)
        level = before.abs().amax(dim=1, keepdim=True) / 127
        error = (restored[name].flatten(1) - before).abs()
        assert restored[name].shape == weights[name].shape
        assert (error <= 0.501 * level).all()
        assert (error.amax(dim=1, keepdim=True) > 0.2 * level)[level > 0].all()  # it is int8, not something finer
    with pytest.raises(ValueError, match="rows have 3 scales"):
        expand(compress(weights, "int8") | {"matrix:scale": torch.ones(3)})
    table = (
        torch.randn(9, 6, generator=torch.Generator().manual_seed(2)) * torch.tensor([1e-9, 1e9] + [1.0] * 7)[:, None]
    )
    stored = compress({"table": table[2:], "beyond": table[1:2], "odd": table[2:, :5], "half": weights["half"]}, "int4")
    assert {name: tensor.dtype for name, tensor in stored.items() if ":" not in name} == {
        "table": torch.uint8,
        "half": torch.uint8,
        "beyond": torch.int8,  # half precision has no such scale
        "odd": torch.int8,
    }
    assert stored["table"].shape == (7, 3)
    level = table[2:].abs().amax(dim=1, keepdim=True) / 7
    assert ((expand(stored)["table"] - table[2:]).abs() <= 0.51 * level).all()
    assert torch.equal(expand(compress({"tiny": table[:1]}, "int4"))["tiny"], torch.zeros(1, 6))
    for name, tensor in compress(weights, "float32").items():
        assert tensor.data_ptr() == weights[name].data_ptr()
        assert torch.equal(tensor, weights[name])
    half = compress(weights, "float16")
    assert half["bias"].dtype == torch.float16
    assert torch.equal(half["bias"], weights["bias"].half())
    assert torch.equal(expand(half)["count"], weights["count"])


@pytest.mark.parametrize("dtype", STORAGE_DTYPES)
def test_expanded_tensors_have_the_wanted_dtype_and_memory_of_their_own(weights: dict[str, Tensor], dtype: str) -> None:
    stored = compress(weights, dtype)
    found = expand(stored, {name: tensor.half() for name, tensor in weights.items()})
    memory = {tensor.data_ptr() for tensor in stored.values()}
    for name, tensor in expand(stored).items():
        assert torch.equal(found[name], tensor.half()), name
        assert found[name].dtype == torch.float16
        assert found[name].data_ptr() not in memory
    with pytest.raises(KeyError):
        expand(stored, {})


def test_learned_weights_count_four_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vocabulary: Vocabulary
) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(storage, "_CONTAINER_LIMITS", (str(limit),))
    everything = machine_bytes()
    limit.write_text("max\n")
    assert machine_bytes() == everything
    limit.write_text("1048576\n")
    assert machine_bytes() in (1048576, None)
    network = make_network(vocabulary)
    size = sum(weight.numel() * 4 for weight in network.parameters())
    monkeypatch.setattr(storage, "machine_bytes", lambda: TRAINING_COPIES * size)
    check_training_memory(vocabulary, network_config())
    monkeypatch.setattr(storage, "machine_bytes", lambda: TRAINING_COPIES * size - 1)
    with pytest.raises(InputError, match=r"training: [0-9,]+ parameters need"):
        check_training_memory(vocabulary, network_config())
    network.requires_grad_(False)
    check_memory(dict(network.named_parameters()), "training", TRAINING_COPIES)
    monkeypatch.setattr(storage, "machine_bytes", lambda: None)
    check_training_memory(vocabulary, network_config())

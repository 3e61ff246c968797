"""A joined network gives every tag the mean of its members' scores."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from tagger.errors import InputError
from tagger.model.encoder import CELLS
from tagger.model.members import check_members, join, joined_config, share_pretrained
from tagger.model.network import TaggerNetwork
from tagger.model.vocabulary import Vocabulary
from tagger.weights.huggingface import load_pretrained
from tests.conftest import TOKENS, make_batch, make_network, network_config


def check(vocabulary: Vocabulary, members: int = 3, **changes: Any) -> None:
    networks = [make_network(vocabulary, seed=seed, **changes) for seed in range(members)]
    share_pretrained(networks)
    joined = TaggerNetwork(vocabulary, joined_config(network_config(**changes), members)).eval()
    join(networks, joined)
    batch = make_batch(TOKENS, vocabulary)
    with torch.no_grad():
        scores = [network(batch) for network in networks]
        for column, found in joined(batch).items():
            assert (scores[0][column] - scores[1][column]).abs().max() > 1e-3
            assert_close(found, torch.stack([each[column] for each in scores]).mean(0))


@pytest.mark.parametrize("cell", CELLS)
def test_scores_are_the_mean_of_the_members(vocabulary: Vocabulary, cell: str) -> None:
    check(vocabulary, cell=cell)


@pytest.mark.parametrize(
    "changes",
    [
        {"depth": 1},
        {"depth": 3, "hidden": {"forward": [4, 0, 5], "backward": [3, 6, 0]}},
        {"affixes": 0},
        {"words": 0, "chars": 0},
    ],
)
def test_sizes_may_differ(vocabulary: Vocabulary, changes: dict[str, Any]) -> None:
    check(vocabulary, 2, **changes)


@pytest.mark.parametrize("projection", [0, 4])
def test_pretrained_vectors_are_shared(vocabulary: Vocabulary, projection: int) -> None:
    with_vectors = dataclasses.replace(vocabulary, vectors={"file": {"book": 0, "they": 1}})
    vectors = {"sizes": [3], "projection": projection, "tune": True, "dtype": "float32"}
    networks = [make_network(with_vectors, seed=seed, vectors=vectors) for seed in range(2)]
    share_pretrained(networks)
    first = networks[0].embedding.vectors
    assert first is not None
    first.fill(0, torch.randn(2, 3))
    nn.init.normal_(first.missing)
    joined = TaggerNetwork(with_vectors, joined_config(network_config(vectors=vectors), 2)).eval()
    join(networks, joined)
    batch = make_batch(TOKENS, with_vectors)
    with torch.no_grad():
        mean = torch.stack([network(batch)["upos"] for network in networks]).mean(0)
        assert_close(joined(batch)["upos"], mean)


def test_a_cell_with_other_parameters_is_refused(vocabulary: Vocabulary, monkeypatch: pytest.MonkeyPatch) -> None:
    layer, cell = CELLS["rnn_scratch"]

    class Mixing(cell):  # type: ignore[misc,valid-type]
        def __init__(self, input_size: int, hidden_size: int) -> None:
            super().__init__(input_size, hidden_size)
            self.mix = nn.Parameter(torch.zeros(hidden_size, hidden_size))

    monkeypatch.setitem(CELLS, "mixing", (layer, Mixing))
    network = make_network(vocabulary, cell="mixing")
    check_members(network, 1)
    with pytest.raises(InputError, match=r"parameter mix .* model\.members=1"):
        check_members(network, 2)


@pytest.mark.parametrize("projection", [None, 0, 4])  # None: without pretrained vectors
def test_the_vector_of_a_corpus_is_joined(vocabulary: Vocabulary, projection: int | None) -> None:
    vocabulary = dataclasses.replace(vocabulary, corpora=["one", "other"])
    changes: dict[str, Any] = {}
    if projection is not None:
        vocabulary = dataclasses.replace(vocabulary, vectors={"file": {"book": 0, "they": 1}})
        changes["vectors"] = {"sizes": [3], "projection": projection, "tune": True, "dtype": "float32"}
    networks = [make_network(vocabulary, seed=seed, **changes) for seed in range(2)]
    share_pretrained(networks)
    for network in networks:
        assert network.corpora is not None
        nn.init.normal_(network.corpora.weight)
    assert (networks[0].corpora is networks[1].corpora) == (projection == 0)  # they are added to shared numbers
    joined = TaggerNetwork(vocabulary, joined_config(network_config(**changes), 2)).eval()
    join(networks, joined)
    batch = make_batch(TOKENS, vocabulary)
    batch.corpora = torch.tensor([1, 2, 1])
    with torch.no_grad():
        mean = torch.stack([network(batch)["upos"] for network in networks]).mean(0)
        assert_close(joined(batch)["upos"], mean)


@pytest.mark.parametrize("corpora", [[], ["one", "other"]])
def test_a_transformer_is_shared(vocabulary: Vocabulary, bert: Path, corpora: list[str]) -> None:
    vocabulary = dataclasses.replace(vocabulary, corpora=corpora)
    embedding, _, config = load_pretrained(str(bert), pooling="first", tune=True, layers=None, dtype="float32")
    networks = [make_network(vocabulary, seed=seed, transformer=config) for seed in range(2)]
    share_pretrained(networks)
    shared = networks[0].transformer
    assert shared is not None
    shared.load_state_dict(embedding.state_dict())
    if networks[1].corpora is not None:
        nn.init.normal_(networks[1].corpora.weight)
    joined = TaggerNetwork(vocabulary, joined_config(network_config(transformer=config), 2)).eval()
    join(networks, joined)
    batch = make_batch(TOKENS, vocabulary)
    layers = config["encoder"]["num_hidden_layers"] + 1
    batch.outputs = torch.randn(*batch.index.shape, layers, shared.width)
    batch.corpora = torch.tensor([1, 2, 1])
    with torch.no_grad():
        mean = torch.stack([network(batch)["upos"] for network in networks]).mean(0)
        assert_close(joined(batch)["upos"], mean)

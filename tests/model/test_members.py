"""A joined network gives every tag the mean of its members' scores."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from tagger.errors import InputError
from tagger.model.batch import Batch
from tagger.model.encoder import CELLS
from tagger.model.members import check_members, join, joined_config, share_pretrained
from tagger.model.network import TaggerNetwork
from tagger.model.vocabulary import Vocabulary
from tagger.pretrained.huggingface import load_pretrained
from tests.conftest import TOKENS, make_batch, make_network, network_config


def check(vocabulary: Vocabulary, networks: list[TaggerNetwork], batch: Batch | None = None, **changes: Any) -> None:
    joined = TaggerNetwork(vocabulary, joined_config(network_config(**changes), len(networks))).eval()
    join(networks, joined)
    batch = make_batch(TOKENS, vocabulary) if batch is None else batch
    with torch.no_grad():
        scores = [network(batch) for network in networks]
        for column, found in joined(batch).items():
            assert (scores[0][column] - scores[1][column]).abs().max() > 1e-3
            assert_close(found, torch.stack([each[column] for each in scores]).mean(0))


def make_members(vocabulary: Vocabulary, count: int = 2, **changes: Any) -> list[TaggerNetwork]:
    networks = [make_network(vocabulary, seed=seed, **changes) for seed in range(count)]
    share_pretrained(networks)
    return networks


def vectors(projection: int) -> dict[str, Any]:
    return {"sizes": [3], "projection": projection, "tune": True, "dtype": "float32"}


WITH_VECTORS = {"file": {"book": 0, "they": 1}}


@pytest.mark.parametrize("cell", CELLS)
def test_scores_are_the_mean_of_the_members(vocabulary: Vocabulary, cell: str) -> None:
    check(vocabulary, make_members(vocabulary, 3, cell=cell), cell=cell)


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
    check(vocabulary, make_members(vocabulary, **changes), **changes)


@pytest.mark.parametrize("projection", [0, 4])
def test_pretrained_vectors_are_shared(vocabulary: Vocabulary, projection: int) -> None:
    known = dataclasses.replace(vocabulary, vectors=WITH_VECTORS)
    networks = make_members(known, vectors=vectors(projection))
    first = networks[0].embedding.vectors
    assert first is not None
    first.fill(0, torch.randn(2, 3))
    nn.init.normal_(first.missing)
    check(known, networks, vectors=vectors(projection))


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
        vocabulary = dataclasses.replace(vocabulary, vectors=WITH_VECTORS)
        changes["vectors"] = vectors(projection)
    networks = make_members(vocabulary, **changes)
    for network in networks:
        assert network.corpora is not None
        nn.init.normal_(network.corpora.weight)
    assert (networks[0].corpora is networks[1].corpora) == (projection == 0)  # they are added to shared numbers
    batch = make_batch(TOKENS, vocabulary)
    batch.corpora = torch.tensor([1, 2, 1])
    check(vocabulary, networks, batch, **changes)


@pytest.mark.parametrize("corpora", [[], ["one", "other"]])
def test_a_transformer_is_shared(vocabulary: Vocabulary, bert: Path, corpora: list[str]) -> None:
    vocabulary = dataclasses.replace(vocabulary, corpora=corpora)
    embedding, _, config = load_pretrained(str(bert), pooling="first", tune=True, layers=None, dtype="float32")
    networks = make_members(vocabulary, transformer=config)
    shared = networks[0].transformer
    assert shared is not None
    shared.load_state_dict(embedding.state_dict())
    if networks[1].corpora is not None:
        nn.init.normal_(networks[1].corpora.weight)
    batch = make_batch(TOKENS, vocabulary)
    layers = config["encoder"]["num_hidden_layers"] + 1
    batch.outputs = torch.randn(*batch.index.shape, layers, shared.width)
    batch.corpora = torch.tensor([1, 2, 1])
    check(vocabulary, networks, batch, transformer=config)

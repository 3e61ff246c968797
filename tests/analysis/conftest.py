"""A tagger with random weights whose tags depend on the whole sentence."""

import pytest

from tagger import Tagger
from tagger.model.vocabulary import Vocabulary
from tests.conftest import make_network, make_tagger


def untrained(vocabulary: Vocabulary, **hidden: int) -> Tagger:
    """Random weights and large scores: what it says of a word depends on everything that it reads."""
    network = make_network(vocabulary, seed=8, hidden=hidden)
    for head in network.heads.values():
        head.weight.data *= 20
    as_it_is = {"training": {"noise": 0.1}}  # parts of a sentence without capitals are read as they are
    return make_tagger(network, vocabulary, precision="float32", config=as_it_is)


@pytest.fixture(scope="module")
def both_ways(vocabulary: Vocabulary) -> Tagger:
    return untrained(vocabulary, forward=16, backward=16)

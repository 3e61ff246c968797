"""The parts of a config: values that are refused, and the network that they describe."""

from dataclasses import replace

import pytest

from tagger.errors import InputError
from tagger.training.config_parts import EmbeddingConfig, HiddenConfig, ModelConfig, check_precision, network_config

EMBEDDING = EmbeddingConfig(
    words=10,
    affixes=4,
    chars=6,
    buckets=64,
    min_count=2,
    word_dropout=1.0,
    vectors=None,
    vectors_keep=100,
    vectors_components=0,
    vectors_size=20,
    vectors_tune=False,
    vectors_dtype="float16",
    transformer=None,
)


def test_a_network_of_these_parts() -> None:
    model = ModelConfig(cell="lstm", depth=2, hidden=HiddenConfig(forward=[5, 6], backward=0), dropout=None)
    vectors = EMBEDDING.vector_config([50, 300])
    network = network_config(model, EMBEDDING, vectors)
    assert network["hidden"] == {"forward": [5, 6], "backward": 0}
    assert (network["cell"], network["depth"], network["dropout"]) == ("lstm", 2, 0.0)
    assert (network["words"], network["affixes"], network["chars"], network["buckets"]) == (10, 4, 6, 64)
    assert network["vectors"] == {"sizes": [50, 300], "projection": 20, "tune": False, "dtype": "float16"}
    assert network["transformer"] is None


@pytest.mark.parametrize(("named", "sources"), [(None, []), ("glove", ["glove"]), (["a", "b"], ["a", "b"])])
def test_vectors_are_none_one_or_several(named: str | list[str] | None, sources: list[str]) -> None:
    assert replace(EMBEDDING, vectors=named).vector_sources == sources


@pytest.mark.parametrize("size", [-1, 2.5, True, [3, -1], "x"])
def test_sizes_of_a_direction_are_whole_numbers(size: object) -> None:
    with pytest.raises(InputError, match=r"model\.hidden\.forward=.*: give a whole number from 0, or a list"):
        HiddenConfig(forward=size, backward=1)


def test_a_precision_that_training_cannot_have() -> None:
    check_precision({"precision": "bf16-mixed"})
    check_precision({})
    with pytest.raises(InputError, match=r"trainer\.precision=bf16-true: choose one of 32-true"):
        check_precision({"precision": "bf16-true"})

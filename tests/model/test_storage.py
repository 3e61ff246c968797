"""Weights in memory and in fewer bytes on disk: how far they may be from what they were, and what is refused."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from tagger.errors import InputError
from tagger.model import storage
from tagger.model.network import check_training_memory
from tagger.model.storage import STORAGE_DTYPES, TRAINING_COPIES, check_memory, compress, expand, machine_bytes
from tagger.model.vocabulary import Vocabulary
from tests.conftest import make_network, network_config


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


def test_int8_is_within_half_a_level_of_every_row(weights: dict[str, Tensor]) -> None:
    restored = expand(compress(weights, "int8"))
    assert restored.keys() == weights.keys()
    for name in ("matrix", "convolution", "half"):
        before = weights[name].float().flatten(1)
        level = before.abs().amax(dim=1, keepdim=True) / 127
        error = (restored[name].flatten(1) - before).abs()
        assert restored[name].shape == weights[name].shape
        assert (error <= 0.501 * level).all()
        assert (error.amax(dim=1, keepdim=True) > 0.2 * level)[level > 0].all()  # it is int8, not something finer


def test_int4_is_within_half_a_level_where_it_has_room(weights: dict[str, Tensor]) -> None:
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


@pytest.mark.parametrize("stored_as", ["int8", "float16"])
def test_what_was_rounded_is_stored_again_to_the_bit(weights: dict[str, Tensor], stored_as: str) -> None:
    once = compress(weights, stored_as)
    network = {name: tensor.to(weights[name].dtype) for name, tensor in expand(once).items()}
    for dtype in ("float32", stored_as):
        again = compress(network, dtype)
        assert {name: tensor.dtype for name, tensor in again.items()} == {n: tensor.dtype for n, tensor in once.items()}
        for name, tensor in expand(again).items():
            assert torch.equal(tensor.to(weights[name].dtype), network[name]), name


def test_float32_is_untouched_and_float16_is_rounded(weights: dict[str, Tensor]) -> None:
    for name, tensor in compress(weights, "float32").items():
        assert tensor.data_ptr() == weights[name].data_ptr()
        assert torch.equal(tensor, weights[name])
    half = compress(weights, "float16")
    assert half["bias"].dtype == torch.float16
    assert torch.equal(half["bias"], weights["bias"].half())
    assert torch.equal(expand(half)["count"], weights["count"])


def test_int8_without_its_scales_is_refused(weights: dict[str, Tensor]) -> None:
    stored = compress(weights, "int8")
    with pytest.raises(KeyError):
        expand({name: tensor for name, tensor in stored.items() if name != "matrix:scale"})
    with pytest.raises(ValueError, match="rows have 3 scales"):
        expand(stored | {"matrix:scale": torch.ones(3)})


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


def test_training_refuses_what_no_machine_holds(vocabulary: Vocabulary) -> None:
    for changes, message in (
        ({"hidden": {"forward": 1_000_000, "backward": 6}}, "above all of 0.encoder"),
        ({"buckets": 10_000_000, "affixes": 10_000}, "above all of 0.embedding.affixes.weight"),
        ({"depth": 100_000_000}, "model.depth=100000000: a stack has 1 to 1000 layers"),
    ):
        with pytest.raises(InputError, match=message):
            check_training_memory(vocabulary, network_config(**changes))


def test_learned_weights_count_four_times(vocabulary: Vocabulary, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_container_may_use_less(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(storage, "_CONTAINER_LIMITS", (str(limit),))
    everything = machine_bytes()
    limit.write_text("max\n")
    assert machine_bytes() == everything
    limit.write_text("1048576\n")
    assert machine_bytes() in (1048576, None)

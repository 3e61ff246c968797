"""Weights in fewer bytes: how far they may be from what they were, and what is refused."""

import pytest
import torch
from torch import Tensor

from tagger.model.stored import STORAGE_DTYPES, compress, expand


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

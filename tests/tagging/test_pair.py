"""One sentence through both directions at once gives what one direction after the other gives."""

import pytest
import torch

from tagger.model.encoder import BidirectionalLayer, make_layer
from tagger.tagging.packed import GRUPair, Layer


def layer(cell: str = "gru", forward: int = 24, backward: int = 24, dtype: torch.dtype = torch.float32) -> Layer:
    torch.manual_seed(1)
    directions = [make_layer(cell, 10, size) if size else None for size in (forward, backward)]
    return Layer(BidirectionalLayer(*directions), dtype)


@pytest.mark.parametrize("cell", ["gru", "gru_scratch"])
@pytest.mark.parametrize("tokens", [1, 2, 7, 30])
def test_states_are_those_of_the_directions(cell: str, tokens: int) -> None:
    trained = layer(cell)
    pair = GRUPair.of(trained.directions)
    assert pair is not None
    gates = trained.prepare(torch.randn(tokens + 8, trained.W_x.shape[1]))
    expected, found = torch.empty(2, tokens, 48)
    with torch.inference_mode():
        trained.scan(gates, [1] * tokens, expected)
        pair.scan(gates[:tokens], found)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)
    assert expected.abs().max() > 0.01


def test_other_layers_are_no_pair() -> None:
    assert GRUPair.of(layer(backward=16).directions) is None
    assert GRUPair.of(layer("lstm").directions) is None
    assert GRUPair.of(layer(dtype=torch.bfloat16).directions) is None
    assert GRUPair.of(layer(backward=0).directions) is None

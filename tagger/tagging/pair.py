"""One sentence through both directions of a GRU layer at once, as fast as Python can call torch.

A step of one sentence is a product of a vector with the weights, so what counts is how many calls it takes. A step of
both directions takes as many calls here as a step of one direction elsewhere.
"""

# T tokens, H hidden size of each direction

from collections.abc import Sequence

import torch
from torch import Tensor

from tagger.tagging.packed import GRU, Direction


class GRUPair:
    """Both directions of a GRU layer, of one hidden size, in float32."""

    def __init__(self, forward: GRU, backward: GRU) -> None:
        """Takes copies of the weights; `GRU` has doubled those of the gate n."""
        both = (forward, backward)
        self._size = forward.hidden_size
        self._W = torch.stack([torch.cat([each.W_h, each.W_n / 2], dim=1) for each in both])  # (2, H, 3 H)
        self._b_n = torch.stack([each.b_n / 2 for each in both])  # (2, H)

    @classmethod
    def of(cls, directions: Sequence[Direction | None]) -> "GRUPair | None":
        """The pair of these two directions; None if they are no pair, such as those of different sizes."""
        forward, backward = directions
        if not (isinstance(forward, GRU) and isinstance(backward, GRU)):
            return None
        fits = forward.hidden_size == backward.hidden_size and forward.W_h.dtype == torch.float32
        return cls(forward, backward) if fits else None

    def scan(self, gates: Tensor, out: Tensor) -> None:
        """Reads a sentence.

        Args:
            gates: (T, 6 H), the products of its tokens with the input: gates r, z, n forward, then backward.
            out: (T, 2 H), where the states are written.
        """
        size, count = self._size, len(gates)
        sums = gates.new_empty(count, 2, 1, 3 * size)  # in the order in which each direction reads
        sums[:, 0, 0] = gates[:, : 3 * size]
        sums[:, 1, 0] = gates[:, 3 * size :].flip(0)
        inputs = sums[..., 2 * size :] / 2
        sums[..., 2 * size :] = self._b_n[:, None]
        states = gates.new_zeros(count + 1, 2, 1, size)
        before, *after = states.unbind(0)
        step = gates.new_empty(2, 1, 3 * size)
        rz, r, z, n = step[..., : 2 * size], step[..., :size], step[..., size : 2 * size], step[..., 2 * size :]
        for sum_, input_, state in zip(sums.unbind(0), inputs.unbind(0), after, strict=True):
            torch.baddbmm(sum_, before, self._W, out=step)
            rz.sigmoid_()
            torch.addcmul(input_, r, n, out=n).tanh_()
            torch.lerp(n, before, z, out=state)  # (1 - z) n + z h
            before = state
        out[:, :size] = states[1:, 0, 0]
        out[:, size:] = states[1:, 1, 0].flip(0)

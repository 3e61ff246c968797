"""The bidirectional GRU of a learned segmenter at work: windows of units in, scores of each unit out.

Windows of any length share lanes: in a lane one window follows the other, with a step between them that forgets the
state. So hardly any row of a product is padding. Both directions take their steps at once; the backward one finds the
units of each window in reverse.

Every product has a fixed number of rows, so the scores of a unit depend on its window alone: not on the windows beside
it, and not on its lane.
"""

# N units; T steps of the longest lane; H states, K scores of a direction; I size of an embedding

import heapq
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tagger.model.crf import MIN_COLUMNS
from tagger.model.encoder import BidirectionalLayer, Encoder

MAX_UNITS = 400  # of a window
OVERLAP = 32  # units that a window reads beyond those that it decides on, on each side
LANES = 64  # rows of each product with the state
STEPS = 8  # whose other products are computed at once, with LANES * STEPS rows
_SHUT = -10_000.0  # of which the sigmoid is 0


class Window(NamedTuple):
    """Units that are read together."""

    start: int
    stop: int
    first: int  # of the units that the window decides on
    last: int  # after them


def windows_of(bounds: Sequence[tuple[int, int]]) -> list[Window]:
    """Cuts runs of units (the first, and the one after the last) into windows; each unit is decided on once."""
    windows = []
    for start, stop in bounds:
        if stop - start <= MAX_UNITS:
            if stop > start:
                windows.append(Window(start, stop, start, stop))
            continue
        step = MAX_UNITS - 2 * OVERLAP
        for first in range(start, stop, step):
            last = min(stop, first + step)
            windows.append(Window(max(start, first - OVERLAP), min(stop, last + OVERLAP), first, last))
    return windows


class Lanes(NamedTuple):
    """Which unit each lane reads at each step."""

    units: np.ndarray  # (2, T * LANES) the unit that each direction reads; any unit where there is none
    idle: np.ndarray  # (T * LANES,) whether there is none: before each window, and after the last one of a lane
    decided: np.ndarray  # the units that windows decide on, in any order
    forward: np.ndarray  # for each of them the place in `units` of this direction
    backward: np.ndarray


def lanes_of(windows: Sequence[Window]) -> Lanes:
    """Spreads windows over lanes, the longest first, each to the lane that is shortest so far."""
    bounds = np.array(windows, dtype=np.int64).reshape(-1, 4)
    bounds = bounds[np.argsort(bounds[:, 0] - bounds[:, 1], kind="stable")]
    sizes = bounds[:, 1] - bounds[:, 0]
    lanes = [(0, lane) for lane in range(LANES)]  # a heap
    begins = []  # the place of each window's first unit
    for size in sizes.tolist():
        step, lane = lanes[0]
        begins.append((step + 1) * LANES + lane)
        heapq.heapreplace(lanes, (step + 1 + size, lane))
    total = max(lanes)[0] * LANES
    units = np.zeros((2, total), dtype=np.int64)
    idle = np.ones(total, dtype=bool)
    within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)  # number of each unit in its window
    unit = np.repeat(bounds[:, 0], sizes) + within
    forward = np.repeat(begins, sizes) + within * LANES
    backward = np.repeat(np.array(begins) + LANES * (sizes - 1), sizes) - within * LANES
    units[0, forward] = units[1, backward] = unit
    idle[forward] = False
    own = (unit >= np.repeat(bounds[:, 2], sizes)) & (unit < np.repeat(bounds[:, 3], sizes))
    return Lanes(units, idle, unit[own], forward[own], backward[own])


class LaneReader:
    """Both directions of a layer of two equal GRUs, and heads whose scores stand side by side, from copied weights."""

    def __init__(self, encoder: Encoder, heads: Sequence[nn.Linear]) -> None:
        (layer,) = cast(Iterable[BidirectionalLayer], encoder.layers)
        self._steps = encoder.cell.steps([layer.forward_layer, layer.backward_layer], encoder.input_size, torch.float32)
        self._columns = sum(head.out_features for head in heads)
        W = torch.cat([head.weight.detach() for head in heads])
        # In a product of fewer columns the last bits of a row depend on its place, on some processors.
        W = functional.pad(W.T, (0, max(0, MIN_COLUMNS - self._columns)))
        self._W = W.reshape(2, self._steps.hidden_size, -1)  # (2, H, K)
        self._b = torch.cat([head.bias.detach() for head in heads])

    def scores(self, x: Tensor, windows: Sequence[Window]) -> Tensor:
        """The scores (N, K) of units with the embeddings x (N, I); zeros for units that no window decides on."""
        scores = x.new_zeros(len(x), self._columns)
        if windows:
            lanes = lanes_of(windows)
            of_places = self._of_places(x, lanes)[..., : self._columns]
            forward, backward = map(torch.from_numpy, (lanes.forward, lanes.backward))
            sums = torch.index_select(of_places[0], 0, forward) + torch.index_select(of_places[1], 0, backward)
            scores[torch.from_numpy(lanes.decided)] = sums.add_(self._b)
        return scores

    def _of_places(self, x: Tensor, lanes: Lanes) -> Tensor:
        """What the states of each direction add to the scores: (2, places, K)."""
        steps, size, rows = self._steps, self._steps.hidden_size, STEPS * LANES
        total = -(-lanes.units.shape[1] // rows) * rows
        units = np.zeros((2, total), dtype=np.int64)
        units[:, : lanes.units.shape[1]] = lanes.units
        scores = x.new_empty(2, total, self._W.shape[2])
        gates = x.new_empty(2, rows, steps.W_x.shape[2])
        states = x.new_zeros(2, STEPS + 1, LANES, size)
        each_state = states.unbind(1)
        for start in range(0, total, rows):
            here = torch.index_select(x, 0, torch.from_numpy(units[:, start : start + rows].ravel()))
            torch.baddbmm(steps.b_x, here.view(2, rows, -1), steps.W_x, out=gates)
            idle = torch.from_numpy(np.flatnonzero(lanes.idle[start : start + rows]))
            gates[:, idle, : 2 * size] = _SHUT  # r and z, so that the state becomes tanh(0), whatever it was
            gates[:, idle, 2 * size :] = 0
            parts = zip(*[part.view(2, STEPS, LANES, -1).unbind(1) for part in steps.split(gates)], strict=True)
            for inputs, (before, after) in zip(parts, pairwise(each_state), strict=True):
                steps.step(inputs, before, after)
            torch.bmm(states[:, 1:].flatten(1, 2), self._W, out=scores[:, start : start + rows])
            each_state[0].copy_(each_state[-1])
        return scores

"""The network of a learned segmenter: units of text in, for each unit whether a token or a sentence ends there.

It is the tagger's bidirectional layer over units of text in the place of words. A unit's embedding is the sum of the
rows of its form, of its affixes and of its surroundings (`features.py`).

At work `LaneReader` computes the same from the embeddings on. Windows of any length share lanes: in a lane one window
follows the other, with a step between them that forgets the state. So hardly any row of a product is padding. Both
directions take their steps at once; the backward one finds the units of each window in reverse. Every product has a
fixed number of rows, so the scores of a unit depend on its window alone: not on the windows beside it, and not on its
lane.
"""

# N units; T units of the longest window or steps of the longest lane, B windows, A affixes of a unit, C columns of its
# surroundings, S scripts; H states, K scores of a direction; I size of an embedding

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import pairwise
from typing import Annotated, NamedTuple, TypedDict, cast

import numpy as np
import torch
from msgspec import Meta
from torch import Tensor, nn
from torch.nn import functional

from tagger.model.crf import MIN_COLUMNS
from tagger.model.encoder import BidirectionalLayer, Encoder
from tagger.model.recurrent import Dropout
from tagger.segmenter.enclitics import Enclitics
from tagger.segmenter.units import AFFIXES, UNKNOWN
from tagger.text.schema import Count, ShortName, Size, one_of
from tagger.words.segment import RULES

CELL = "gru"
COLUMNS = {False: 16, True: 18}  # of the surroundings, without pairs of forms and with; see `features.context_rows`
MAX_UNITS = 400  # of a window
OVERLAP = 32  # units that a window reads beyond those that it decides on, on each side
LANES = 64  # rows of each product with the state
STEPS = 8  # whose other products are computed at once, with LANES * STEPS rows
DROPOUT = 0.5  # share of the states that training sets to 0; of the embeddings half as much
HIDDEN_FORMS, HIDDEN_CONTEXT = 0.2, 0.5  # shares that training hides
_SHUT = -10_000.0  # of which the sigmoid is 0


class Label(IntEnum):
    """What is at the end of a unit."""

    GOES_ON = 0  # nothing: the token goes on
    TOKEN = 1  # a token ends
    SENTENCE = 2  # a token and a sentence end
    WORD = 3  # a word ends, but the multiword token goes on


class SegmenterConfig(TypedDict):
    """The sizes of the network and what it reads.

    `pairs` of forms tell words that look alike apart (French `des`: `de les`, or one word); where there are no scripts
    to choose they only help to learn by heart. Where the network ends a token between kinds of units that are not among
    `cuts`, rules decide.
    """

    hidden: Count  # states of a direction
    size: Count  # of the embedding of a unit
    buckets: Count  # rows of the hash table for each column of the surroundings
    affix_buckets: Count  # rows of the hash table for each kind of affix
    characters: bool  # whether every letter is a unit
    spaces: bool  # whether a token may hold white space, as in Vietnamese
    rules: Annotated[str, one_of(RULES)] | None  # for raw text, whose result the network reads
    sentences: Annotated[str, one_of(RULES)] | None  # which decide at which ends of tokens a sentence ends
    pairs: bool  # whether it reads pairs of forms
    cuts: list[str] | None  # what training cuts, see `features.cuts_of`; None: anything


@dataclass(frozen=True)
class SegmenterVocabulary:
    """What a learned segmenter knows from its training data."""

    forms: list[ShortName]  # the normalised units with a row of their own
    scripts: list[ShortName]  # from a multiword token to its words, see `text.edit_scripts`; the first has the number 1
    # A multiword token of training in lower case -> the numbers of its scripts, 0 among them if it may be one word.
    multiwords: dict[str, Annotated[list[Size], Meta(min_length=1)]]
    affixes: dict[str, list[tuple[Size, Count]]]  # what forms that end or begin alike are split into; see `multiwords`
    enclitics: Enclitics = field(default_factory=Enclitics)  # which verbs with pronouns behind them are split

    @property
    def rows(self) -> int:
        """The number of rows of forms."""
        return len(self.forms) + UNKNOWN + 1


class SegmenterNetwork(nn.Module):
    """Units to scores of labels and of scripts."""

    def __init__(self, vocabulary: SegmenterVocabulary, config: SegmenterConfig) -> None:
        super().__init__()
        size, hidden = config["size"], config["hidden"]
        types = vocabulary.rows + 2 * len(AFFIXES) * config["affix_buckets"]
        self.types = nn.EmbeddingBag(types, size, mode="sum")
        rows = COLUMNS[config["pairs"]] * config["buckets"]
        self.context = nn.EmbeddingBag(rows + 1, size, mode="sum", padding_idx=-1)
        # Rows of affixes and surroundings that training never has stay zero, so that they say nothing.
        nn.init.zeros_(self.context.weight)
        nn.init.zeros_(self.types.weight)
        nn.init.normal_(self.types.weight[: vocabulary.rows], std=0.1)
        self.encoder = Encoder(CELL, size, [hidden], [hidden])
        self.labels = nn.Linear(2 * hidden, len(Label))
        self.scripts = nn.Linear(2 * hidden, len(vocabulary.scripts) + 1)
        self.dropout = Dropout(DROPOUT)
        self.input_dropout = Dropout(DROPOUT / 2)

    def forward(self, types: Tensor, context: Tensor, lengths: Tensor) -> Tensor:
        """The states (T, B, 2 H) of all units; `labels` and `scripts` make scores of them.

        Of each unit `types` (T, B, 1 + 2 A) has the rows of its form and affixes, `context` (T, B, C) those of its
        surroundings; the row after the last is zero.
        """
        steps, windows = types.shape[:2]
        types, context = types.flatten(0, 1), context.flatten(0, 1)
        if self.training:
            forms = types[:, :1].masked_fill(torch.rand(len(types), 1, device=types.device) < HIDDEN_FORMS, UNKNOWN)
            types = torch.cat([forms, types[:, 1:]], dim=1)
            hidden = torch.rand(context.shape, device=context.device) < HIDDEN_CONTEXT
            context = context.masked_fill(hidden, self.context.num_embeddings - 1)
            x = self.types(types) + self.context(context) / (1 - HIDDEN_CONTEXT)
        else:
            x = self.types(types) + self.context(context)
        x = self.input_dropout(x).view(steps, windows, -1)
        states, _ = self.encoder(x, lengths)
        output: Tensor = self.dropout(states[-1])
        return output


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

"""The network of a learned segmenter: units of text in, for each unit whether a token or a sentence ends there.

It is the tagger's bidirectional layer over units of text in the place of words. A unit's embedding is the sum of the
rows of its form, of its affixes and of its surroundings (`features.py`).
"""

# T units of the longest window, B windows, A affixes of a unit, C columns of its surroundings, S scripts

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, TypedDict

import torch
from msgspec import Meta
from torch import Tensor, nn

from tagger.model.encoder import Encoder
from tagger.model.recurrent import Dropout
from tagger.segmenter.units import AFFIXES, UNKNOWN
from tagger.text.schema import Count, ShortName, Size, one_of
from tagger.text.segment import RULES

CELL = "gru"
COLUMNS, PAIR_COLUMNS = 16, 2  # of the surroundings; of pairs of forms


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

    @property
    def rows(self) -> int:
        """The number of rows of forms."""
        return len(self.forms) + UNKNOWN + 1


def columns(pairs: bool) -> int:
    """The number of columns of the surroundings, see `context_rows` of `features.py`."""
    return COLUMNS + PAIR_COLUMNS * pairs


class SegmenterNetwork(nn.Module):
    """Units to scores of labels and of scripts."""

    def __init__(
        self,
        vocabulary: SegmenterVocabulary,
        config: SegmenterConfig,
        dropout: float = 0.5,
        hidden_forms: float = 0.2,
        hidden_context: float = 0.5,
    ) -> None:
        """Training sets a share `dropout` of the states to 0 (half as much of the embeddings), and hides the other
        shares.
        """
        super().__init__()
        size, hidden = config["size"], config["hidden"]
        types = vocabulary.rows + 2 * len(AFFIXES) * config["affix_buckets"]
        self.types = nn.EmbeddingBag(types, size, mode="sum")
        self.context = nn.EmbeddingBag(
            columns(config["pairs"]) * config["buckets"] + 1, size, mode="sum", padding_idx=-1
        )
        # Rows of affixes and surroundings that training never has stay zero, so that they say nothing.
        nn.init.zeros_(self.context.weight)
        nn.init.zeros_(self.types.weight)
        nn.init.normal_(self.types.weight[: vocabulary.rows], std=0.1)
        self.encoder = Encoder(CELL, size, [hidden], [hidden])
        self.labels = nn.Linear(2 * hidden, len(Label))
        self.scripts = nn.Linear(2 * hidden, len(vocabulary.scripts) + 1)
        self.dropout = Dropout(dropout)
        self.input_dropout = Dropout(dropout / 2)
        self.hidden_forms, self.hidden_context = hidden_forms, hidden_context

    def forward(self, types: Tensor, context: Tensor, lengths: Tensor) -> Tensor:
        """The states (T, B, 2 H) of all units; `labels` and `scripts` make scores of them.

        Args:
            types: (T, B, 1 + 2 A), the rows of each unit's form and affixes.
            context: (T, B, C), the rows of its surroundings; the row after the last is zero.
        """
        steps, windows = types.shape[:2]
        types, context = types.flatten(0, 1), context.flatten(0, 1)
        if self.training:
            forms = types[:, :1].masked_fill(
                torch.rand(len(types), 1, device=types.device) < self.hidden_forms, UNKNOWN
            )
            types = torch.cat([forms, types[:, 1:]], dim=1)
            hidden = torch.rand(context.shape, device=context.device) < self.hidden_context
            context = context.masked_fill(hidden, self.context.num_embeddings - 1)
            x = self.types(types) + self.context(context) / (1 - self.hidden_context)
        else:
            x = self.types(types) + self.context(context)
        x = self.input_dropout(x).view(steps, windows, -1)
        states, _ = self.encoder(x, lengths)
        output: Tensor = self.dropout(states[-1])
        return output

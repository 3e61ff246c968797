"""`Bundle`: a trained tagger as one value, which `load` reads from a folder and `save` writes to one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tagger.model.network import TaggerNetwork
from tagger.model.pieces import PieceTokenizer
from tagger.model.vocabulary import Vocabulary
from tagger.segmenter.saved import SavedSegmenter


@dataclass(frozen=True)
class Member:
    """One of the networks whose scores are averaged.

    Attributes:
        network: in evaluation mode.
        vocabulary: its own words and characters; its tags and their order are those of every member.
        tokenizer: of its transformer, if it has one.
        weight: of its scores in the mean; the weights of all members have the sum 1.
        temperatures: by which its scores of a column are divided before they are averaged; 1 by default.
    """

    network: TaggerNetwork
    vocabulary: Vocabulary
    tokenizer: PieceTokenizer | None = None
    weight: float = 1.0
    temperatures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Bundle:
    """A trained tagger. `dataclasses.replace` changes a part.

    The score of a tag is the weighted mean of the members' scores, each divided by the member's temperature of the
    column; the transitions of CRFs are averaged in the same way. So the probability of a sentence's tags is, up to a
    constant, the weighted geometric mean of the members' probabilities.

    Attributes:
        members: one or more.
        segmenter: what cuts raw text: the name of rules, or a learned segmenter.
        config: what else `config.json` says: corpus, licence, scores, temperatures, how it was trained.
    """

    members: tuple[Member, ...]
    segmenter: str | SavedSegmenter
    config: dict[str, Any]

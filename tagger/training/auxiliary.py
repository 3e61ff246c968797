"""What a corpus says in its other columns, learned beside the tags: tags of XPOS and features of FEATS.

A treebank says more of a word than its UPOS, and what it says teaches the recurrent layers: they are shared, as in
Caruana (1997), https://doi.org/10.1023/A:1007379606734. A value is `xpos=NN` or `Case=Nom`. The tagger that training
saves does not predict them.
"""

# T tokens in the longest sentence, B sentences, N words of a batch, V values, S states of all layers

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from tagger.corpus.corpus_config import CORPUS
from tagger.corpus.splits import AUXILIARY_COLUMNS
from tagger.text.strings import is_annotated, is_given

XPOS_VALUE = "xpos="
MIN_COUNT = 10  # words of which a value must hold in training


def values_of(xpos: str, feats: str) -> list[str]:
    """The values of a word.

    >>> values_of("NN", "Case=Nom|Number=Sing")
    ['xpos=NN', 'Case=Nom', 'Number=Sing']
    """
    values = [XPOS_VALUE + xpos] if is_annotated("xpos", xpos) else []
    return values + [part for part in feats.split("|") if "=" in part]


class Auxiliary:
    """The values that training predicts.

    Attributes:
        values: the most frequent first.
        annotated: of several corpora, each with those of `AUXILIARY_COLUMNS` in which it has tags.
    """

    def __init__(self, values: Sequence[str], annotated: Iterable[tuple[str, str]] = ()) -> None:
        self.values, self.annotated = list(values), frozenset(annotated)
        ids = {value: i for i, value in enumerate(self.values)}
        of_xpos = [value.startswith(XPOS_VALUE) for value in self.values]
        self._places = {
            "xpos": [i for i, is_xpos in enumerate(of_xpos) if is_xpos],
            "feats": [i for i, is_xpos in enumerate(of_xpos) if not is_xpos],
        }

        @lru_cache(maxsize=100_000)
        def known(xpos: str, feats: str) -> list[int]:
            return [ids[value] for value in values_of(xpos, feats) if value in ids]

        self._known = known

    @classmethod
    def of(cls, sentences: Dataset, columns: Sequence[str]) -> "Auxiliary":
        """The values that hold of at least `MIN_COUNT` words, without those of the tagger's own columns."""
        counts: Counter[tuple[str, str]] = Counter()
        annotated = set()
        several = [CORPUS] if CORPUS in sentences.column_names else []
        for rows in sentences.select_columns([*AUXILIARY_COLUMNS, *several]).iter(1000):
            for xpos, feats in zip(rows["xpos"], rows["feats"], strict=True):
                counts.update(_pairs(xpos, feats))
            for column in AUXILIARY_COLUMNS if several else ():
                tagged = (any(map(is_given, tags)) for tags in rows[column])
                annotated |= {(str(corpus), column) for corpus, has in zip(rows[CORPUS], tagged, strict=True) if has}
        values: Counter[str] = Counter()
        for (xpos, feats), count in counts.items():
            for value in values_of("" if "xpos" in columns else xpos, "" if "feats" in columns else feats):
                values[value] += count
        known = [value for value, count in values.items() if count >= MIN_COUNT]
        return cls(sorted(known, key=lambda value: (-values[value], value)), annotated)

    def matrix(self, rows: Mapping[str, Any], lengths: Sequence[int]) -> np.ndarray:
        """(T, B, V): 1 where a value holds of a word, else 0; -1 where one of several corpora lacks its column.

        `rows` has `AUXILIARY_COLUMNS` of B sentences, and of several corpora `CORPUS`; a list is empty where there is
        no such column.
        """
        found = np.zeros((max(lengths), len(lengths), len(self.values)), dtype=np.float32)
        for number, (xpos, feats) in enumerate(zip(rows["xpos"], rows["feats"], strict=True)):
            for column in AUXILIARY_COLUMNS if CORPUS in rows else ():
                if (str(rows[CORPUS][number]), column) not in self.annotated:
                    found[:, number, self._places[column]] = -1
            for place, word in enumerate(_pairs(xpos, feats)):
                found[place, number, self._known(*word)] = 1
        return found


def _pairs(xpos: list[str], feats: list[str]) -> list[tuple[str, str]]:
    count = max(len(xpos), len(feats))
    return list(zip(xpos or [""] * count, feats or [""] * count, strict=True))


def auxiliary_loss(
    heads: Iterable[Any], states: Iterable[Tensor], target: Tensor, lengths: Tensor, weight: float
) -> Tensor:
    """The weighted loss of predicting the values of words: a mean over words, a sum over values and networks.

    Args:
        heads: of each network, from its states, (T, B, S), to the scores of values.
        target: (T, B, V); -1 is not known.
    """
    here = torch.arange(len(target), device=target.device)[:, None] < lengths  # (T, B)
    known = (target[here] >= 0).float()  # (N, V)
    losses = [
        binary_cross_entropy_with_logits(head(each[here]).float(), target[here].clamp(min=0), known, reduction="sum")
        for head, each in zip(heads, states, strict=True)
    ]
    return weight * torch.stack(losses).sum() / here.sum()

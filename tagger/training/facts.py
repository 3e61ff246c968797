"""The columns of a corpus that a tagger does not learn -> facts about each word, which training predicts too.

A fact is a tag of XPOS (`xpos=NN`) or one feature of FEATS (`Case=Nom`). A treebank says more of a word than its UPOS,
and what it says teaches the recurrent layers: they are shared, as in Caruana (1997),
https://doi.org/10.1023/A:1007379606734. The tagger that training saves does not predict facts.
"""

# T tokens in the longest sentence, B sentences, N facts

from collections import Counter
from collections.abc import Sequence
from functools import cached_property, lru_cache

import numpy as np
from datasets import Dataset

from tagger.corpus.arrow import FACT_COLUMNS
from tagger.text.gold_tags import is_annotated

MIN_COUNT = 10  # words of which a fact must hold in training

Rows = dict[str, list[list[str]]]
"""`FACT_COLUMNS` of some sentences; a list is empty where its sentence does not have the column."""


def facts_of(xpos: str, feats: str) -> list[str]:
    """The facts about a word.

    >>> facts_of("NN", "Case=Nom|Number=Sing")
    ['xpos=NN', 'Case=Nom', 'Number=Sing']
    """
    facts = [f"xpos={xpos}"] if is_annotated("xpos", xpos) else []
    return facts + [part for part in feats.split("|") if "=" in part]


class Facts:
    """The facts that training predicts.

    Attributes:
        names: N facts, the most frequent first.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = list(names)
        self._known = lru_cache(maxsize=100_000)(self._find)

    @classmethod
    def of(cls, sentences: Dataset, columns: Sequence[str]) -> "Facts":
        """Those facts that hold of at least `MIN_COUNT` words.

        Args:
            sentences: with `FACT_COLUMNS`.
            columns: that the tagger learns; what they say is no fact.
        """
        counts: Counter[tuple[str, str]] = Counter()
        for rows in sentences.select_columns(list(FACT_COLUMNS)).iter(1000):
            for xpos, feats in _words(rows):
                counts[xpos, feats] += 1
        facts: Counter[str] = Counter()
        for (xpos, feats), count in counts.items():
            for fact in facts_of("" if "xpos" in columns else xpos, "" if "feats" in columns else feats):
                facts[fact] += count
        known = [fact for fact, count in facts.items() if count >= MIN_COUNT]
        return cls(sorted(known, key=lambda fact: (-facts[fact], fact)))

    def matrix(self, rows: Rows, lengths: Sequence[int]) -> np.ndarray:
        """(T, B, N): 1 where a fact holds of a word, else 0.

        Args:
            rows: of B sentences.
            lengths: their numbers of tokens.
        """
        found = np.zeros((max(lengths), len(lengths), len(self.names)), dtype=np.float32)
        for number, (xpos, feats) in enumerate(zip(rows["xpos"], rows["feats"], strict=True)):
            for place, word in enumerate(_pairs(xpos, feats)):
                found[place, number, self._known(*word)] = 1
        return found

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {fact: i for i, fact in enumerate(self.names)}

    def _find(self, xpos: str, feats: str) -> list[int]:
        return [self._ids[fact] for fact in facts_of(xpos, feats) if fact in self._ids]


def _words(rows: Rows) -> list[tuple[str, str]]:
    return [word for xpos, feats in zip(rows["xpos"], rows["feats"], strict=True) for word in _pairs(xpos, feats)]


def _pairs(xpos: list[str], feats: list[str]) -> list[tuple[str, str]]:
    count = max(len(xpos), len(feats))
    return list(zip(xpos or [""] * count, feats or [""] * count, strict=True))

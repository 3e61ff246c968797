"""The columns of a corpus that a tagger does not learn -> facts about each word, which training predicts too.

A fact is a tag of XPOS (`xpos=NN`) or one feature of FEATS (`Case=Nom`). A treebank says more of a word than its UPOS,
and what it says teaches the recurrent layers: they are shared, as in Caruana (1997),
https://doi.org/10.1023/A:1007379606734. The tagger that training saves does not predict facts.
"""

# T tokens in the longest sentence, B sentences, N facts

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from datasets import Dataset

from tagger.corpus.arrow import FACT_COLUMNS
from tagger.corpus.corpus_config import CORPUS
from tagger.text.strings import is_annotated, is_given

XPOS_FACT = "xpos="
MIN_COUNT = 10  # words of which a fact must hold in training

Rows = Mapping[str, Any]
"""`FACT_COLUMNS` of some sentences, and of several corpora `CORPUS`; a list is empty where there is no such column."""


def facts_of(xpos: str, feats: str) -> list[str]:
    """The facts about a word.

    >>> facts_of("NN", "Case=Nom|Number=Sing")
    ['xpos=NN', 'Case=Nom', 'Number=Sing']
    """
    facts = [XPOS_FACT + xpos] if is_annotated("xpos", xpos) else []
    return facts + [part for part in feats.split("|") if "=" in part]


class Facts:
    """The facts that training predicts.

    Attributes:
        names: N facts, the most frequent first.
        annotated: of several corpora, each with those of `FACT_COLUMNS` in which it has tags.
    """

    def __init__(self, names: Sequence[str], annotated: Iterable[tuple[str, str]] = ()) -> None:
        self.names, self.annotated = list(names), frozenset(annotated)
        self._known = lru_cache(maxsize=100_000)(self._find)

    @classmethod
    def of(cls, sentences: Dataset, columns: Sequence[str]) -> "Facts":
        """Those facts that hold of at least `MIN_COUNT` words; what the tagger's own columns say is no fact."""
        counts: Counter[tuple[str, str]] = Counter()
        annotated = set()
        several = [CORPUS] if CORPUS in sentences.column_names else []
        for rows in sentences.select_columns([*FACT_COLUMNS, *several]).iter(1000):
            for xpos, feats in zip(rows["xpos"], rows["feats"], strict=True):
                counts.update(_pairs(xpos, feats))
            for column in FACT_COLUMNS if several else ():
                tagged = (any(map(is_given, tags)) for tags in rows[column])
                annotated |= {(str(corpus), column) for corpus, has in zip(rows[CORPUS], tagged, strict=True) if has}
        facts: Counter[str] = Counter()
        for (xpos, feats), count in counts.items():
            for fact in facts_of("" if "xpos" in columns else xpos, "" if "feats" in columns else feats):
                facts[fact] += count
        known = [fact for fact, count in facts.items() if count >= MIN_COUNT]
        return cls(sorted(known, key=lambda fact: (-facts[fact], fact)), annotated)

    def matrix(self, rows: Rows, lengths: Sequence[int]) -> np.ndarray:
        """(T, B, N): 1 where a fact holds of a word, else 0; -1 where one of several corpora lacks its column."""
        found = np.zeros((max(lengths), len(lengths), len(self.names)), dtype=np.float32)
        for number, (xpos, feats) in enumerate(zip(rows["xpos"], rows["feats"], strict=True)):
            for column in FACT_COLUMNS if CORPUS in rows else ():
                if (str(rows[CORPUS][number]), column) not in self.annotated:
                    found[:, number, self._places[column]] = -1
            for place, word in enumerate(_pairs(xpos, feats)):
                found[place, number, self._known(*word)] = 1
        return found

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {fact: i for i, fact in enumerate(self.names)}

    @cached_property
    def _places(self) -> dict[str, list[int]]:
        """The facts of each column."""
        of_xpos = [fact.startswith(XPOS_FACT) for fact in self.names]
        return {"xpos": [i for i, x in enumerate(of_xpos) if x], "feats": [i for i, x in enumerate(of_xpos) if not x]}

    def _find(self, xpos: str, feats: str) -> list[int]:
        return [self._ids[fact] for fact in facts_of(xpos, feats) if fact in self._ids]


def _pairs(xpos: list[str], feats: list[str]) -> list[tuple[str, str]]:
    count = max(len(xpos), len(feats))
    return list(zip(xpos or [""] * count, feats or [""] * count, strict=True))

"""Paragraphs and their units -> what rules for raw text find at the end of each unit, which a segmenter reads."""

# N units of all paragraphs, boundaries included

from collections.abc import Sequence

import numpy as np

from tagger.model.segmenter_units import Units
from tagger.text.segment import segment


def rule_labels(paragraphs: Sequence[str], units: Units, rules: str | None) -> np.ndarray:
    """What rules for raw text find at the end of each unit.

    Args:
        paragraphs: the texts.
        units: of the texts.
        rules: see `segment`; None: nothing is found.

    Returns:
        (N,): 0 nothing, 1 a token's end, 2 a sentence's end.
    """
    labels = np.zeros(len(units.types), dtype=np.int64)
    if rules is None:
        return labels
    for paragraph, (start, stop) in zip(paragraphs, units.bounds, strict=True):
        ends, last = [], []
        for sentence in segment(paragraph, rules):
            ends += [token[1] for token in sentence]
            last.append(ends[-1])
        at = np.zeros(len(paragraph) + 1, dtype=np.int64)
        at[ends] = 1
        at[last] = 2
        labels[start:stop] = at[units.ends[start:stop]]
    return labels

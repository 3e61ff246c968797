"""Paragraphs and their units -> what rules for raw text find at the end of each unit, which a segmenter reads."""

# N units of all paragraphs, boundaries included

from collections.abc import Iterable, Sequence

import numpy as np

from tagger.model.segmenter_units import Units
from tagger.text.segment import segment_ends


def rule_labels(
    paragraphs: Sequence[str], units: Units, rules: str | None, places: np.ndarray | None = None
) -> np.ndarray:
    """What rules for raw text find at the end of each unit.

    Args:
        paragraphs: the texts.
        units: of the texts.
        rules: see `segment`; None: nothing is found.
        places: units, ascending; only paragraphs that hold one of them are read. None: all are.

    Returns:
        (N,): 0 nothing, 1 a token's end, 2 a sentence's end.
    """
    labels = np.zeros(len(units.types), dtype=np.int64)
    if rules is None:
        return labels
    wanted: Iterable[int] = range(len(paragraphs))
    if places is not None:
        wanted = np.unique(np.searchsorted([start for start, _ in units.bounds], places, side="right") - 1).tolist()
    for number in wanted:
        paragraph, (start, stop) = paragraphs[number], units.bounds[number]
        ends, last = segment_ends(paragraph, rules)
        at = np.zeros(len(paragraph) + 1, dtype=np.int64)
        at[ends] = 1
        at[last] = 2
        labels[start:stop] = at[units.ends[start:stop]]
    return labels

"""What rules find at the ends of units, of all paragraphs or of some."""

import numpy as np

from tagger.model.segmenter_features import rule_labels
from tagger.model.segmenter_units import UnitTable

TEXTS = ["It ends. A dog", "", "So, no.", "x"]


def test_labels_of_all_paragraphs_and_of_those_that_hold_places() -> None:
    units = UnitTable([], 16, False).read(TEXTS)
    labels = rule_labels(TEXTS, units, "english")
    assert [labels[start:stop].tolist() for start, stop in units.bounds] == [[1, 1, 2, 1, 2], [], [1, 1, 1, 2], [2]]
    assert not rule_labels(TEXTS, units, None).any()
    start, stop = units.bounds[2]
    for place in range(start, stop):
        some = rule_labels(TEXTS, units, "english", np.array([place]))
        assert some[start:stop].tolist() == labels[start:stop].tolist()
        assert (some > 0).sum() == stop - start

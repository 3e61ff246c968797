"""Calibration errors against numbers worked out by hand."""

import pytest

from tagger.evaluation.calibration import BINS, calibration


def test_an_error_in_one_direction_does_not_make_up_for_one_in_the_other() -> None:
    # 30 words that are all right with 0.6, and 30 of which half are right with 0.9
    found = calibration([0.9, 0.9, 0.6, 0.6] * 15, [True, False, True, True] * 15)
    assert found["confidence"] == pytest.approx(0.75)
    # 14 bins of four words are 0.4 off; the one in the middle has words of both, mean confidence and accuracy 0.75
    assert found["ece"] == pytest.approx(14 * 0.4 / 15)
    assert [words for words, *_ in found["bins"]] == [4] * BINS


def test_fewer_words_than_bins_are_a_bin_each() -> None:
    found = calibration([0.25, 1.0], [True, True])
    assert found["bins"] == [[1, 0.25, 1.0], [1, 1.0, 1.0]]
    assert found["ece"] == pytest.approx(0.75 / 2)

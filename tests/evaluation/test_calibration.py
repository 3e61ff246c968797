"""Calibration errors against numbers worked out by hand."""

import numpy as np
import pytest

from tagger.evaluation.calibration import (
    BINS,
    Bin,
    Confidences,
    adaptive_bins,
    calibration_error,
    calibration_results,
    equal_bins,
    format_calibration,
)


def report_of(confidences: list[float], right: list[bool]) -> dict[str, object]:
    words = Confidences()
    words.add(confidences, right)
    found = words.report()
    assert found is not None
    return found


def test_bins_have_equally_many_words_and_the_error_is_weighted_by_them() -> None:
    confidences, right = np.array([0.5, 0.6, 0.7, 0.9, 1.0]), np.array([1.0, 0.0, 1.0, 1.0, 1.0])
    bins = equal_bins(confidences, right, 2)
    assert bins == [Bin(2, pytest.approx(0.55), 0.5), Bin(3, pytest.approx(2.6 / 3), 1.0)]
    assert calibration_error(bins) == pytest.approx((2 * 0.05 + 3 * (1 - 2.6 / 3)) / 5)


def test_an_error_in_one_direction_does_not_make_up_for_one_in_the_other() -> None:
    # 30 words that are all right with 0.6, and 30 of which half are right with 0.9
    found = report_of([0.9, 0.9, 0.6, 0.6] * 15, [True, False, True, True] * 15)
    assert found["confidence"] == pytest.approx(0.75)
    # 14 bins of four words are 0.4 off; the one in the middle has words of both, mean confidence and accuracy 0.75
    assert found["ece"] == pytest.approx(14 * 0.4 / 15)
    assert [words for words, *_ in found["bins"]] == [4] * BINS  # type: ignore[attr-defined]


def test_fewer_words_than_bins_are_a_bin_each() -> None:
    found = report_of([0.25, 1.0], [True, True])
    assert found["bins"] == [[1, 0.25, 1.0], [1, 1.0, 1.0]]
    assert found["ece"] == pytest.approx(0.75 / 2)


def test_nothing_is_known_without_words() -> None:
    assert Confidences().report() is None


@pytest.mark.parametrize(
    ("right", "bins"),
    [
        ([1], 1),
        ([1, 0], 1),
        ([0, 1], 2),
        ([0, 0, 1, 1], 4),
        ([0, 1, 0, 1], 2),  # bins of 1, 1 and 2 words have 0, 1 and 0.5
        ([1, 1, 1, 0], 1),
        ([1] * 6, 6),
    ],
)
def test_adaptive_bins_end_where_surer_words_are_more_often_wrong(right: list[int], bins: int) -> None:
    assert adaptive_bins(np.array(right, dtype=float)) == bins


def test_the_adaptive_error_uses_those_bins() -> None:
    found = report_of([0.2, 0.4, 0.6, 0.8], [False, False, True, False])
    # two bins: accuracies 0 and 0.5, confidences 0.3 and 0.7; three would have 0, 0 and 0.5; four end with 1, 0
    assert found["adaptive_ece"] == pytest.approx((0.2 + 0.4 + 2 * abs(0.5 - 0.7)) / 4)


def test_the_histogram_counts_every_word_once() -> None:
    found = report_of([0.0, 0.55, 0.9, 1.0, 1.0], [True] * 5)
    assert {low: words for low, words in found["histogram"] if words} == {  # type: ignore[attr-defined]
        0.0: 1,
        0.5: 1,
        0.9: 1,
        0.9999: 2,
    }


def test_the_table_fits_a_terminal() -> None:
    before, after = report_of([0.9] * 4, [True, False] * 2), report_of([0.6] * 4, [True, False] * 2)
    results = calibration_results({"upos": 1.5}, {"dev": {"upos": before}}, {"dev": {"upos": after}})
    *heads, row = format_calibration(results, "UD_X").splitlines()
    assert row.split() == ["dev,", "upos", "1.500", "50.00%", "(40.00%)", "50.00%", "(10.00%)"]
    assert max(map(len, [*heads, row])) <= 80

"""The probabilities of tags, and whether the tags are right -> how far probability and accuracy are apart.

The confidence of a word is the probability of the tag that the tagger gives it. Among words with a confidence of 0.9,
nine of ten should be right.
"""

from array import array
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

BINS = 15
MAX_ADAPTIVE_BINS = 1_000
# Confidences from which a bar of the histogram counts.
HISTOGRAM = (0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9998, 0.9999)
Calibrations = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Split -> column -> what `Confidences.report` returns."""


class Bin(NamedTuple):
    """Words of similar confidence."""

    words: int
    confidence: float  # their mean
    accuracy: float


class Confidences:
    """The confidence of words, and which of them have the right tag."""

    def __init__(self) -> None:
        self._confidences, self._right = array("d"), array("b")

    def add(self, confidences: Iterable[float], right: Iterable[bool]) -> None:
        """Adds words: for each its confidence, and whether its tag is right."""
        self._confidences.extend(confidences)
        self._right.extend(map(int, right))

    def report(self) -> dict[str, Any] | None:
        """How far confidence and accuracy are apart; None without words.

        Returns:
            `ece`: the expected calibration error, see `calibration_error`, in 15 bins; `adaptive_ece`: the same in as
            many as `adaptive_bins` finds; `confidence`: the mean; `bins`: the 15 bins, each [words, mean confidence,
            accuracy], the least sure words first; `histogram`: [confidence, words], how many words have at least this
            confidence and less than the next.
        """
        if not self._confidences:
            return None
        confidences, right = np.array(self._confidences), np.array(self._right, dtype=np.float64)
        order = np.argsort(confidences, kind="stable")
        confidences, right = confidences[order], right[order]
        bins = equal_bins(confidences, right, BINS)
        counts, _ = np.histogram(confidences, [*HISTOGRAM, np.inf])
        return {
            "ece": calibration_error(bins),
            "adaptive_ece": calibration_error(equal_bins(confidences, right, adaptive_bins(right))),
            "confidence": float(confidences.mean()),
            "bins": [list(each) for each in bins],
            "histogram": [[edge, int(count)] for edge, count in zip(HISTOGRAM, counts, strict=True)],
        }


def equal_bins(confidences: np.ndarray, right: np.ndarray, count: int) -> list[Bin]:
    """Cuts words into bins of the same number of words, or of one word less.

    Args:
        confidences: of words, ascending.
        right: of the same words, 1 or 0.
        count: of the bins; there are at most as many as words.
    """
    edges = _edges(len(right), min(count, len(right)))
    return [
        Bin(int(end - start), float(confidences[start:end].mean()), float(right[start:end].mean()))
        for start, end in pairwise(edges)
    ]


def calibration_error(bins: Iterable[Bin]) -> float:
    """The mean over all words of how far the accuracy and the mean confidence of their bin are apart.

    It is the expected calibration error of Naeini, Cooper and Hauskrecht (2015), "Obtaining well calibrated
    probabilities using Bayesian binning", with bins of equal mass as Nguyen and O'Connor (2015),
    https://arxiv.org/abs/1508.05154, use them.
    """
    bins = list(bins)
    return sum(each.words * abs(each.accuracy - each.confidence) for each in bins) / sum(each.words for each in bins)


def adaptive_bins(right: np.ndarray) -> int:
    """How many bins there can be until one has a lower accuracy than the one before, which surer words should not.

    With few bins errors in both directions cancel out, and with many their accuracies are noise. The data decide here:
    Roelofs et al. (2022), "Mitigating bias in calibration error estimation", https://arxiv.org/abs/2012.08668.

    Args:
        right: of words with ascending confidences, 1 or 0.
    """
    before = np.concatenate([[0.0], np.cumsum(right)])
    for count in range(2, min(len(right), MAX_ADAPTIVE_BINS) + 1):
        edges = _edges(len(right), count)
        if (np.diff(np.diff(before[edges]) / np.diff(edges)) < 0).any():
            return count - 1
    return max(1, min(len(right), MAX_ADAPTIVE_BINS))


def _edges(words: int, bins: int) -> np.ndarray:
    return np.arange(bins + 1) * words // bins


def calibration_results(temperatures: Mapping[str, float], before: Calibrations, after: Calibrations) -> dict[str, Any]:
    """What `report.json` says of temperatures that were fitted.

    Args:
        temperatures: of columns.
        before: with temperature 1.
        after: with these temperatures.
    """
    return {"temperatures": dict(temperatures), "before": before, "after": after}


def format_calibration(results: Mapping[str, Any], name: str) -> str:
    """The calibration errors before and after temperatures were fitted, for the terminal.

    Args:
        results: see `calibration_results`.
        name: of the corpus.
    """
    lines = [
        f"{name}: calibration error in {BINS} bins (adaptive)",
        f"{'':<26}{'temperature':>12}{'before':>18}{'after':>18}",
    ]
    for split, columns in results["after"].items():
        for column, after in columns.items():
            head, before = f"  {split}, {column}", results["before"][split][column]
            cells = [f"{100 * each['ece']:.2f}% ({100 * each['adaptive_ece']:.2f}%)" for each in (before, after)]
            lines.append(f"{head:<26}{results['temperatures'][column]:>12.3f}{cells[0]:>18}{cells[1]:>18}")
    return "".join(f"{line}\n" for line in lines)

"""The probabilities of tags, and whether the tags are right -> how far probability and accuracy are apart.

The confidence of a word is the probability of the tag that the tagger gives it. Among words with a confidence of 0.9,
nine of ten should be right.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

BINS = 15
Calibrations = Mapping[str, Mapping[str, Mapping[str, Any]]]  # split -> column -> what `calibration` returns


def calibration(confidences: Sequence[float], right: Sequence[bool]) -> dict[str, Any]:
    """How far the confidence of words and the share of them that have the right tag are apart.

    Returns:
        `ece`: see `calibration_error`; `confidence`: the mean; `bins`: BINS bins of the same number of words or of one
        word less, each [words, mean confidence, accuracy], the least sure words first.
    """
    order = np.argsort(confidences, kind="stable")
    sure, hits = np.array(confidences)[order], np.array(right, dtype=np.float64)[order]
    count = min(BINS, len(sure))
    edges = np.arange(count + 1) * len(sure) // count
    bins = [
        [int(end - start), float(sure[start:end].mean()), float(hits[start:end].mean())]
        for start, end in pairwise(edges)
    ]
    return {"ece": calibration_error(bins), "confidence": float(sure.mean()), "bins": bins}


def calibration_error(bins: Iterable[Sequence[float]]) -> float:
    """The mean over all words of how far the accuracy and the mean confidence of their bin are apart.

    It is the expected calibration error of Naeini, Cooper and Hauskrecht (2015), "Obtaining well calibrated
    probabilities using Bayesian binning", with bins of equal mass as Nguyen and O'Connor (2015),
    https://arxiv.org/abs/1508.05154, use them.

    >>> calibration_error([[2, 0.5, 0.5], [2, 1.0, 0.5]])
    0.25
    """
    bins = list(bins)
    return sum(words * abs(accuracy - sure) for words, sure, accuracy in bins) / sum(words for words, _, _ in bins)

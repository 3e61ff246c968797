"""How far probabilities and accuracy are apart, and the temperature of each column that brings them together.

The confidence of a word is the probability of the tag that the tagger gives it. Among words with a confidence of 0.9,
nine of ten should be right. The scores of a column are divided by its temperature before they become probabilities:
above 1 the tagger is less sure of its tags, below 1 surer. The tags stay. Guo et al. (2017),
https://arxiv.org/abs/1706.04599.
"""

# N tokens of a batch, n of them with a gold tag, K tags of a column

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from tagger.model.decoder import MAX_TEMPERATURE, MIN_TEMPERATURE, Decoder
from tagger.model.vocabulary import IGNORE
from tagger.tagging.engine import Scored
from tagger.tagging.tagger import Tagger
from tagger.text.sentence import Sentence
from tagger.text.strings import NO_TAG, is_annotated

BINS = 15
MAX_SCORES = 1 << 25  # scores in memory, 128 MB; of more sentences a sample is used
MIN_WORDS = 100  # a column with fewer gold tags keeps its temperature: they would say little
SEED = 1  # of the sample
PRECISION = 0.001  # of the logarithm of a temperature
IMPOSSIBLE = -60.0  # log-probability of a gold tag that the decoder rules out, as a script that the word cannot have
_GOLDEN = (math.sqrt(5) - 1) / 2

Calibrations = Mapping[str, Mapping[str, Mapping[str, Any]]]  # split -> column -> what `calibration` returns


def calibration(confidences: Sequence[float], right: Sequence[bool]) -> dict[str, Any]:
    """How far the confidence of words and the share of them that have the right tag are apart.

    Returns:
        `ece`: the mean over all words of how far the accuracy and the mean confidence of their bin are apart (expected
        calibration error: Naeini et al. 2015; bins of equal mass: Nguyen and O'Connor 2015,
        https://arxiv.org/abs/1508.05154); `confidence`: the mean; `bins`: BINS bins of the same number of words or of
        one word less, each [words, mean confidence, accuracy], the least sure words first.
    """
    order = np.argsort(confidences, kind="stable")
    sure, hits = np.array(confidences)[order], np.array(right, dtype=np.float64)[order]
    edges = np.arange(min(BINS, len(sure)) + 1) * len(sure) // min(BINS, len(sure))
    bins = [
        [int(end - start), float(sure[start:end].mean()), float(hits[start:end].mean())]
        for start, end in pairwise(edges)
    ]
    error = sum(words * abs(accuracy - confidence) for words, confidence, accuracy in bins) / len(sure)
    return {"ece": error, "confidence": float(sure.mean()), "bins": bins}


class GoldScores(NamedTuple):
    """The scores of a batch in one column, and its gold tags."""

    scores: Tensor  # (N, K)
    counts: Sequence[int]  # of the packed tokens, see `Decoder`
    rows: Tensor  # (n,) the tokens that have a gold tag
    gold: Tensor  # (n,) ids


def fit_temperatures(
    tagger: Tagger,
    sentences: Sequence[Sentence],
    before: Mapping[str, float] | None = None,
    scores: Scored | None = None,
) -> dict[str, float]:
    """The temperature of each column of a tagger, from gold tags which its networks have not learned from.

    A column with few gold tags keeps the temperature that it has had, or 1. The precision is that of tagging. The
    scores of the sentences must fit in memory, see `sample`.
    """
    scores = tagger.engine.score([sentence.tokens for sentence in sentences]) if scores is None else scores
    batches, read = tagger.engine.weighed(scores), scores.reading.sentences
    temperatures = {}
    for column in tagger.vocabulary.columns:
        gold = _gold_ids(tagger, sentences, read, column)
        scored = []
        for batch in batches:
            ids = torch.from_numpy(gold[batch.tokens]).to(tagger.device)
            (rows,) = torch.nonzero(ids != IGNORE, as_tuple=True)
            scored.append(GoldScores(batch.scores[column], batch.counts, rows, ids[rows]))
        fitted = fit_temperature(tagger.engine.decoders[column], scored)
        temperatures[column] = (before or {}).get(column, 1.0) if fitted is None else fitted
    return temperatures


@torch.inference_mode()
def fit_temperature(decoder: Decoder, batches: Sequence[GoldScores]) -> float | None:
    """The temperature that makes the gold tags most probable; None if there are too few of them."""

    def log_gold(batch: GoldScores, temperature: float) -> Tensor:
        """The logarithm of the probability of each gold tag, (n,)."""
        return decoder.log_probabilities(batch.scores, batch.counts, temperature)[batch.rows, batch.gold]

    # Without gold tags that the decoder rules out, whose probability is 0 at any temperature.
    possible = [log_gold(batch, 1.0) > IMPOSSIBLE for batch in batches]
    batches = [b._replace(rows=b.rows[kept], gold=b.gold[kept]) for b, kept in zip(batches, possible, strict=True)]
    if sum(len(batch.gold) for batch in batches) < MIN_WORDS:
        return None

    def loss(log_temperature: float) -> float:
        return -sum(float(log_gold(batch, math.exp(log_temperature)).cpu().double().sum()) for batch in batches)

    best = _lowest(loss, math.log(MIN_TEMPERATURE), math.log(MAX_TEMPERATURE))
    return min(MAX_TEMPERATURE, max(MIN_TEMPERATURE, round(math.exp(best), 4)))


def _lowest(function: Callable[[float], float], low: float, high: float) -> float:
    """Where between two numbers a function with one valley is lowest, by golden-section search."""
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = function(left), function(right)
    while high - low > PRECISION:
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = function(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = function(right)
    return (low + high) / 2


def sample(sentences: Sequence[Sentence], tagger: Tagger) -> Sequence[Sentence]:
    """As many sentences, drawn at random, as have `MAX_SCORES` scores; they stay in order."""
    width = sum(len(tags) for tags in tagger.vocabulary.tags.values())  # scores of each word
    tokens = np.array([len(sentence) for sentence in sentences], dtype=np.int64)
    if int(tokens.sum()) * width <= MAX_SCORES:
        return sentences
    order = np.random.default_rng(SEED).permutation(len(sentences))
    kept = order[: max(1, int(np.searchsorted(np.cumsum(tokens[order]) * width, MAX_SCORES, side="right")))]
    return [sentences[i] for i in np.sort(kept).tolist()]


def _gold_ids(tagger: Tagger, sentences: Sequence[Sentence], read: Sequence[Sequence[str]], column: str) -> np.ndarray:
    """The ids of the gold tags of all tokens, as the tagger reads them; IGNORE where it knows none."""
    codec, ids = tagger.vocabulary.codecs[column], tagger.vocabulary.tag_ids[column]
    learned = [
        tag
        for sentence, words in zip(sentences, read, strict=True)
        for tag in codec.learned(words, sentence.tags.get(column, [NO_TAG] * len(sentence)))
    ]
    annotated = any(tag != NO_TAG for tag in learned)  # else nobody annotated FEATS, where _ is a tag
    return np.array(
        [ids.get(tag, IGNORE) if annotated and is_annotated(column, tag) else IGNORE for tag in learned], dtype=np.int64
    )

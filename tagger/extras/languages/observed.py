"""What a tagger guesses of words, and what an older file writes of them -> the FEATS that they would have today.

An older file writes other FEATS, but its annotators saw the case and the number of each word, which a tagger guesses.
So the file is an observer of the FEATS of today, whose habits are learned without any word that has both (Dawid and
Skene 1979, Maximum likelihood estimation of observer error-rates using the EM algorithm): where a word has the FEATS v
of today, the file writes o with a probability P(o | v), and the word has those v whose product of P(o | v) and the
guess's probability is the greatest.
"""

# n words, m candidates of all of them

import re
from collections.abc import Sequence

import numpy as np

from tagger.extras.languages.scheme import FEATS, MISC, XPOS, is_word
from tagger.text.sentence import Sentence
from tagger.text.strings import NO_TAG

OBSERVED = re.compile(r"(?:^|\|)Observed=([^|]*)")
ROUNDS = 5  # of EM
PRIOR = 1.0  # words of each v that are counted before all others: with o as often as o is in the whole file
PRIOR_OF_FORM = 20.0  # the same, of each form and v: with o as often as v has it in all forms
LEAST = 1e-6  # probability of a candidate


def most_likely(
    forms: Sequence[str], written: Sequence[str], candidates: Sequence[Sequence[tuple[str, float]]]
) -> list[str]:
    """For each of n words the most likely of its candidates.

    P(o | v) is counted for each form, too, since schemes may differ in single words. A word
    never counts for itself.

    Args:
        forms: of the words.
        written: what the older file writes of them.
        candidates: of each word the tags that it may have, at least one, and how probable the tagger finds them.
    """
    counts = np.array([len(each) for each in candidates])
    word = np.repeat(np.arange(len(forms)), counts)  # (m,) that each candidate is of
    tags = [tag for each in candidates for tag, _ in each]
    guess = np.array([probability for each in candidates for _, probability in each]) + LEAST
    v, o, form = _ids(tags), _ids(written)[word], _ids([form.lower() for form in forms])[word]
    pair, v_of_form = _ids_of_pairs(o, v), _ids_of_pairs(form, v)
    pair_of_form = _ids_of_pairs(v_of_form, o)
    share = (np.bincount(o, 1 / counts[word]) / len(forms))[o]
    posterior = _normalized(guess, word)
    for _ in range(ROUNDS):
        general = (_others(pair, posterior) + PRIOR * share) / (_others(v, posterior) + PRIOR)
        channel = _others(pair_of_form, posterior) + PRIOR_OF_FORM * general
        channel /= _others(v_of_form, posterior) + PRIOR_OF_FORM
        posterior = _normalized(guess * channel, word)
    order = np.lexsort((posterior, word))  # the last candidate of a word is its best
    return [tags[place] for place in order[np.cumsum(counts) - 1].tolist()]


def with_observed(text: str) -> str:
    """A text in CoNLL-U that says in MISC what the file wrote of each word: XPOS or FEATS, what has more values."""
    rows = [line.split("\t") for line in text.split("\n")]
    words = [cells for cells in rows if is_word(cells)]
    column = max(FEATS, XPOS, key=lambda place: len({cells[place] for cells in words}))
    for cells in words:
        other = [] if cells[MISC] == NO_TAG else [cells[MISC]]
        cells[MISC] = "|".join([*other, "Observed=" + cells[column].replace("|", ";")])
    return "\n".join(map("\t".join, rows))


def observed(sentence: Sentence) -> list[str]:
    """What `with_observed` wrote of the words of a sentence that was read from CoNLL-U."""
    rows = [line.rstrip().split("\t") for line in sentence.lines or []]
    found = [OBSERVED.search(cells[MISC]) for cells in rows if is_word(cells)]
    return [each[1] if each else NO_TAG for each in found]


def _ids(values: Sequence[str]) -> np.ndarray:
    known: dict[str, int] = {}
    return np.array([known.setdefault(value, len(known)) for value in values], dtype=np.int64)


def _ids_of_pairs(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    ids: np.ndarray = np.unique(first * (second.max() + 1) + second, return_inverse=True)[1]
    return ids


def _others(ids: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(m,) the weights of all other candidates with the same id."""
    others: np.ndarray = np.maximum(np.bincount(ids, weights)[ids] - weights, 0)
    return others


def _normalized(weights: np.ndarray, word: np.ndarray) -> np.ndarray:
    """(m,) weights whose sum is 1 for each word."""
    normalized: np.ndarray = weights / np.bincount(word, weights)[word]
    return normalized

"""What a tagger guesses of words, and the FEATS that an older file gives them -> the FEATS that they would have today.

An older file writes other FEATS, but its annotators saw the case and the number of each word, which a tagger guesses.
So the file is an observer of the FEATS of today, whose habits are learned without any word that has both (Dawid and
Skene 1979, Maximum likelihood estimation of observer error-rates using the EM algorithm): where a word has the FEATS v
of today, the file writes o with a probability P(o | v), and the word has those v whose product of P(o | v) and the
guess's probability is the greatest.
"""

# n words, m candidates of all of them

from collections.abc import Sequence

import numpy as np

ROUNDS = 5  # of EM
WORDS = 1.0  # as much as what v is taken for in a word weighs o's share of all words
WORDS_OF_FORM = 20.0  # as much as what v is taken for in as many words of a form weighs what it is in all forms
LEAST = 1e-6  # probability of a candidate


def most_likely(
    forms: Sequence[str], observed: Sequence[str], candidates: Sequence[Sequence[tuple[str, float]]]
) -> list[str]:
    """For each of n words the most likely of its candidates.

    P(o | v) is counted for each form, too, since schemes differ in some words: `tas` is `DET` today, and was `PRON`.
    A word never counts for itself.

    Args:
        forms: of the words.
        observed: their tags in the older file.
        candidates: of each word the tags that it may have, at least one, and how probable the tagger finds them.
    """
    counts = np.array([len(each) for each in candidates])
    word = np.repeat(np.arange(len(forms)), counts)  # (m,) that each candidate is of
    tags = [tag for each in candidates for tag, _ in each]
    guess = np.array([probability for each in candidates for _, probability in each]) + LEAST
    v, o, form = _ids(tags), _ids(observed)[word], _ids([form.lower() for form in forms])[word]
    pair, v_of_form = _ids_of_pairs(o, v), _ids_of_pairs(form, v)
    pair_of_form = _ids_of_pairs(v_of_form, o)
    share = (np.bincount(o, 1 / counts[word]) / len(forms))[o]
    posterior = _normalized(guess, word)
    for _ in range(ROUNDS):
        general = (_others(pair, posterior) + WORDS * share) / (_others(v, posterior) + WORDS)
        channel = _others(pair_of_form, posterior) + WORDS_OF_FORM * general
        channel /= _others(v_of_form, posterior) + WORDS_OF_FORM
        posterior = _normalized(guess * channel, word)
    order = np.lexsort((posterior, word))  # the last candidate of a word is its best
    return [tags[place] for place in order[np.cumsum(counts) - 1].tolist()]


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

"""A count model of the two neighbouring words: what a network that predicts hidden words has to beat."""

# N words of training, n words to predict, V words that can be predicted

import numpy as np


class NeighbourModel:
    """Predicts a word from the one before it and the one after it.

    It takes the word that stood most often between both; where they were never seen so, the word that was
    seen most often beside one of them, and of these two the one with the greater share of the places
    beside its neighbour (plus one); where neither was seen, the most frequent word.
    """

    def __init__(self, left: np.ndarray, word: np.ndarray, right: np.ndarray) -> None:
        """Counts.

        Args:
            left: (N,) what stands before each word: ids of any kind from 0, one of which is a sentence's edge.
            word: (N,) the words; -1 for those that cannot be predicted.
            right: (N,) what stands after each.
        """
        self._size = int(max(left.max(initial=0), right.max(initial=0))) + 1
        here = word >= 0
        left, word, right = left[here], word[here], right[here]
        self._both = _most_frequent(left * self._size + right, word)
        self._left, self._right = _most_frequent(left, word), _most_frequent(right, word)
        self._any = int(np.bincount(word).argmax()) if len(word) else 0

    def predict(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """The most likely word of each place, (n,)."""
        beside = [_look_up(self._left, left), _look_up(self._right, right)]
        better = np.where(beside[0][1] >= beside[1][1], beside[0][0], beside[1][0])
        better = np.where(better < 0, self._any, better)
        both = _look_up(self._both, left * self._size + right)[0]
        return np.where(both < 0, better, both)


_Table = tuple[np.ndarray, np.ndarray, np.ndarray]  # contexts in ascending order, the best word of each, its share


def _most_frequent(context: np.ndarray, word: np.ndarray) -> _Table:
    pairs, counts = np.unique(np.stack([context, word], axis=1), axis=0, return_counts=True)
    order = np.lexsort((-counts, pairs[:, 0]))  # the most frequent first; of equals the smaller id
    contexts, first, places = np.unique(pairs[order, 0], return_index=True, return_inverse=True)
    totals = np.bincount(places, counts[order])
    return contexts, pairs[order, 1][first], counts[order][first] / (totals + 1)


def _look_up(table: _Table, context: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The word, or -1, and its share, or 0."""
    contexts, words, shares = table
    place = np.minimum(np.searchsorted(contexts, context), max(0, len(contexts) - 1))
    found = contexts[place] == context if len(contexts) else np.zeros(len(context), dtype=bool)
    return np.where(found, words[place], -1), np.where(found, shares[place], 0.0)

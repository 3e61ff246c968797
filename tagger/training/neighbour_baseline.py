"""A count model of the two neighbouring words, which a network that predicts hidden words has to beat."""

# N words of training, n words to predict

from collections.abc import Iterable

import numpy as np

from tagger.model.batch import FIRST_ID
from tagger.model.vocabulary import Vocabulary


class NeighbourModel:
    """Predicts a word from the one before it and the one after it.

    It predicts the word that stood most often between both. If no word stood between the two, there are two candidates:
    the word that most often followed the left one, and the word that most often came before the right one. It takes
    the one with the greater share: its count over the count of its neighbour plus one. If neither neighbour was seen,
    it takes the most frequent word.
    """

    def __init__(self, left: np.ndarray, word: np.ndarray, right: np.ndarray) -> None:
        """Counts; see `neighbours`.

        Args:
            left: (N,) what stands before each word: ids from 0, one of which is a sentence's edge.
            word: (N,) the words; -1 for those that cannot be predicted.
            right: (N,) what stands after each.
        """
        self._size = int(max(left.max(initial=0), right.max(initial=0))) + 1
        known = word >= 0
        left, word, right = left[known], word[known], right[known]
        self._both = _most_frequent(left * self._size + right, word)
        self._left, self._right = _most_frequent(left, word), _most_frequent(right, word)
        self._most_frequent_word = int(np.bincount(word).argmax()) if len(word) else 0

    def predict(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """The most likely word of each place, (n,)."""
        after_left, left_share = _look_up(self._left, left)
        before_right, right_share = _look_up(self._right, right)
        beside = np.where(left_share >= right_share, after_left, before_right)
        beside = np.where(beside < 0, self._most_frequent_word, beside)
        between = _look_up(self._both, left * self._size + right)[0]
        return np.where(between < 0, beside, between)


def neighbours(sentences: Iterable[list[str]], vocabulary: Vocabulary) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The word before each word, the word, and the word after it, (n,) each.

    Neighbours are ids of the vocabulary, 0 being a sentence's edge; words count from 0, and unknown ones are -1.
    """
    ids = vocabulary.word_ids
    rows = [
        np.array([0, *(ids.get(form.lower(), FIRST_ID - 1) for form in sentence), 0], dtype=np.int64)
        for sentence in sentences
    ]
    left = np.concatenate([row[:-2] for row in rows])
    word = np.concatenate([row[1:-1] for row in rows]) - FIRST_ID
    right = np.concatenate([row[2:] for row in rows])
    return left, word, right


_Table = tuple[np.ndarray, np.ndarray, np.ndarray]  # contexts in ascending order, the best word of each, its share


def _most_frequent(context: np.ndarray, word: np.ndarray) -> _Table:
    pairs, counts = np.unique(np.stack([context, word], axis=1), axis=0, return_counts=True)
    order = np.lexsort((-counts, pairs[:, 0]))  # in each context the most frequent word first, of equals the smaller id
    contexts, first, places = np.unique(pairs[order, 0], return_index=True, return_inverse=True)
    totals = np.bincount(places, counts[order])
    return contexts, pairs[order, 1][first], counts[order][first] / (totals + 1)


def _look_up(table: _Table, context: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The word, or -1, and its share, or 0."""
    contexts, words, shares = table
    place = np.minimum(np.searchsorted(contexts, context), max(0, len(contexts) - 1))
    found = contexts[place] == context if len(contexts) else np.zeros(len(context), dtype=bool)
    return np.where(found, words[place], -1), np.where(found, shares[place], 0.0)

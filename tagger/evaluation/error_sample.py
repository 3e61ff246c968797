"""Tagged sentences beside their gold tags -> the errors that a page shows, each with the words around it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tagger.model.vocabulary import Vocabulary
from tagger.text.sentence import Sentence
from tagger.text.strings import is_annotated

MAX_ERRORS = 9_000  # that are shown, of all columns together
MAX_COLUMN_ERRORS = 3_000
MOST_CONFIDENT = 200  # errors of a column that are shown in any case
MAX_WORST = 100  # words with the most errors, and as many with the largest share of errors
MIN_WORDS = 3  # occurrences of a word whose share of errors counts
WHOLE_SENTENCE = 40  # words; of a longer sentence the words around an error are shown
WORDS_AROUND = 15  # before an error and after it
MAX_CHARACTERS = 100  # of a word; the rest is cut


class WordError(NamedTuple):
    """A word with a wrong tag.

    Attributes:
        sentence: its number, from 1.
        position: of the word in it.
        gold: its gold tag; of a lemma the edit script.
        predicted: the tagger's tag likewise.
        confidence: the probability of the predicted tag.
        lemmas: in the column of lemmas, the gold one and the predicted one.
    """

    sentence: int
    position: int
    gold: str
    predicted: str
    confidence: float
    lemmas: tuple[str, ...] = ()


class ErrorCollector:
    """Gathers the errors of a split; `sample` chooses those that a page shows.

    Attributes:
        vocabulary: the tagger's.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self._number = 0
        self._sentences: dict[int, tuple[str, list[str]]] = {}  # those with errors: name and words
        self._errors: dict[str, list[WordError]] = {column: [] for column in vocabulary.columns}
        self._words: dict[str, Counter[str]] = {column: Counter() for column in vocabulary.columns}

    def add(self, sentence: Sentence, gold: Mapping[str, Sequence[str]]) -> None:
        """Adds a sentence with the tagger's tags and their probabilities, and its gold tags."""
        self._number += 1
        for column, errors in self._errors.items():
            if column not in gold:
                continue
            forms, codec = sentence.tokens, self.vocabulary.codecs[column]
            right, found = (codec.learned(forms, tags) for tags in (gold[column], sentence.tags[column]))
            for i, form in enumerate(forms):
                if not is_annotated(column, gold[column][i], form):
                    continue
                self._words[column][form] += 1
                if right[i] != found[i]:
                    lemmas = (gold[column][i], sentence.tags[column][i]) if codec.edits else ()
                    confidence = sentence.probabilities[column][i]
                    errors.append(WordError(self._number, i, right[i], found[i], confidence, lemmas))
                    self._sentences[self._number] = (sentence.name or str(self._number), forms)

    def sample(self, columns: Sequence[str]) -> dict[str, Any]:
        """The errors of these columns as plain values, for JSON.

        Returns:
            `excerpts`: each [name of the sentence, words left out before, words left out after, the words];
            `columns`: for each column `total`, the number of errors; `tags`, the names of tags; `errors`, the most
            confident first: [excerpt, position in it, gold tag, predicted tag, confidence, whether the word occurs in
            training], tags by their places in `tags`, and of lemmas also the gold one and the predicted one; `words`,
            the worst: [word, errors, occurrences, whether it occurs in training].
        """
        most = min(MAX_COLUMN_ERRORS, MAX_ERRORS // max(1, len(columns)))
        places: dict[tuple[int, int, int], int] = {}  # sentence, its first word and the one after the last -> excerpt
        shown: list[list[Any]] = []  # the excerpts
        result: dict[str, Any] = {}
        for column in columns:
            tags: dict[str, int] = {}
            rows = []
            for error in _chosen(self._errors[column], most):
                name, words = self._sentences[error.sentence]
                start, stop = _window(error.position, len(words))
                place = places.setdefault((error.sentence, start, stop), len(shown))
                if place == len(shown):
                    shown.append([name, start, len(words) - stop, [_cut(word) for word in words[start:stop]]])
                rows.append(
                    [
                        place,
                        error.position - start,
                        tags.setdefault(error.gold, len(tags)),
                        tags.setdefault(error.predicted, len(tags)),
                        round(error.confidence, 4),
                        self._seen(words[error.position]),
                        *error.lemmas,
                    ]
                )
            total = len(self._errors[column])
            result[column] = {"total": total, "tags": [*tags], "errors": rows, "words": self._worst(column)}
        return {"excerpts": shown, "columns": result}

    def _worst(self, column: str) -> list[list[Any]]:
        """The words with the most errors and those with the largest share of errors."""
        errors = Counter(self._sentences[error.sentence][1][error.position] for error in self._errors[column])
        totals = self._words[column]
        often = [word for word in errors if totals[word] >= MIN_WORDS]
        by_share = sorted(often, key=lambda word: (-errors[word] / totals[word], -errors[word], word))
        by_errors = sorted(errors, key=lambda word: (-errors[word], word))
        chosen = dict.fromkeys([*by_errors[:MAX_WORST], *by_share[:MAX_WORST]])
        return [[_cut(word), errors[word], totals[word], self._seen(word)] for word in chosen]

    def _seen(self, word: str) -> int:
        return int(word in self.vocabulary.known_forms)


def _chosen(errors: Sequence[WordError], most: int) -> list[WordError]:
    """At most `most` errors, the most confident first.

    They are the most confident of all, and then equally many of each pair of tags, the most confident of it.
    """
    ranked = sorted(errors, key=lambda error: -error.confidence)
    of_pair = Counter[tuple[str, str]]()
    turns = []
    for place, error in enumerate(ranked):
        pair = (error.gold, error.predicted)
        turns.append((0 if place < MOST_CONFIDENT else of_pair[pair], place))
        of_pair[pair] += 1
    return [ranked[place] for place in sorted(place for _, place in sorted(turns)[:most])]


def _window(position: int, words: int) -> tuple[int, int]:
    """The first word that is shown, and the one after the last."""
    if words <= WHOLE_SENTENCE:
        return 0, words
    return max(0, position - WORDS_AROUND), min(words, position + WORDS_AROUND + 1)


def _cut(word: str) -> str:
    return word if len(word) <= MAX_CHARACTERS else word[: MAX_CHARACTERS - 1] + "…"

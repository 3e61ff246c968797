"""Sentences -> what each tag rests on: the words before it, the words after it, and the words that decide it.

The tagger reads every sentence again with parts of it left out. `explain_tables.py` shows the result.
"""

# N tokens of all variants of a sentence, K tags

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tagger.errors import InputError
from tagger.tagging.decoding import Request
from tagger.tagging.tagger import Tagger

MAX_WORDS = 100  # words of a sentence; the tagger reads about 2 * words ** 2 tokens for it
MAX_DECIDING = 3  # words that are named as deciding a tag
MIN_SUPPORT = 0.01  # a word that changes the probability of a tag by less did not decide it


@dataclass(frozen=True)
class Context:
    """The prediction for a word from a part of its sentence.

    Attributes:
        probability: the probability of the tag that the word has in the whole sentence.
        best_tag: the most probable tag here, which may be another one.
        best_probability: the probability of `best_tag`.
    """

    probability: float
    best_tag: str
    best_probability: float


@dataclass(frozen=True)
class Support:
    """Another word of the sentence and its effect on the probability of a tag.

    Attributes:
        word: the other word.
        position: its index in `Explanation.tokens`.
        support: how much the probability falls without the word; negative if it rises.
    """

    word: str
    position: int
    support: float


@dataclass(frozen=True)
class ExplainedWord:
    """A word, its tag and what the tag rests on.

    Attributes:
        word: the word.
        tag: its tag in the whole sentence.
        probability: the probability of `tag`.
        left: the prediction with the words before it only; the sentence ends after the word.
        right: the prediction with the words after it only; the sentence begins with the word.
        alone: the prediction for the word as a sentence of its own.
        decided_by: the words whose removal changes the probability of `tag` most, strongest first.
    """

    word: str
    tag: str
    probability: float
    left: Context
    right: Context
    alone: Context
    decided_by: list[Support]


@dataclass(frozen=True)
class Explanation:
    """A sentence of n tokens, the explained tag column, and the explanation of its n words."""

    tokens: list[str]
    column: str
    words: list[ExplainedWord]


def explain(tagger: "Tagger", sentences: Iterable[Sequence[str]], column: str | None = None) -> list[Explanation]:
    """Explains the tag of every word. Sentences without words are skipped.

    Args:
        tagger: the tagger whose tags are explained.
        sentences: lists of word forms.
        column: the tag column, such as `upos`; the tagger's first column if None.

    Raises:
        InputError: the column does not exist, there are no words, or a sentence has more than MAX_WORDS words.
    """
    column = tagger.columns[0] if column is None else column
    if column not in tagger.columns:
        raise InputError(f"this tagger has no column {column!r}; it has {', '.join(tagger.columns)}")
    worded = [list(tokens) for tokens in sentences if tokens]
    if not worded:
        raise InputError("there are no words to explain; give a sentence")
    for number, tokens in enumerate(worded, 1):
        if len(tokens) > MAX_WORDS:
            raise InputError(
                f"sentence {number} has {len(tokens)} words, and the work grows with the square of their number;"
                f" give at most {MAX_WORDS} words at once, such as one clause"
            )
    return [_explain(tagger, tokens, column) for tokens in worded]


def _explain(tagger: "Tagger", tokens: list[str], column: str) -> Explanation:
    whole, count = tuple(tagger.as_read(tokens)), len(tokens)
    lefts = [whole[: i + 1] for i in range(count)]
    rights = [whole[i:] for i in range(count)]
    without = [whole[:j] + whole[j + 1 :] for j in range(count)]
    variants = list(dict.fromkeys([whole, *lefts, *rights, *zip(whole), *without]))  # every variant is read once
    start = dict(zip(variants, np.cumsum([0, *map(len, variants)]).tolist(), strict=False))  # row of its first token

    codec = tagger.vocabulary.codecs[column]
    found = tagger.engine.tag(variants, Request([column], top=len(codec), probabilities=True))[column]
    assert found.probabilities is not None
    p = np.empty(found.ids.shape)  # (N, K) in the order of the tags; in `found` the best tag stands first
    np.put_along_axis(p, found.ids, found.probabilities.astype(float).round(6), axis=1)

    def context(row: int, tag: int, word: str) -> Context:
        best = found.ids[row, 0]
        return Context(float(p[row, tag]), codec.tag(word, best), float(p[row, best]))

    words = []
    for i, word in enumerate(whole):
        tag = found.ids[start[whole] + i, 0]
        share = float(p[start[whole] + i, tag])
        left, right = context(start[lefts[i]] + i, tag, word), context(start[rights[i]], tag, word)
        alone = context(start[word,], tag, word)
        others = [j for j in range(count) if j != i]
        rows = [start[without[j]] + i - (j < i) for j in others]  # the word moves left if an earlier one is missing
        supports = [
            Support(tokens[j], j, round(share - float(p[row, tag]), 6)) for j, row in zip(others, rows, strict=True)
        ]
        deciding = sorted((s for s in supports if abs(s.support) >= MIN_SUPPORT), key=lambda s: -abs(s.support))
        words.append(ExplainedWord(tokens[i], codec.tag(word, tag), share, left, right, alone, deciding[:MAX_DECIDING]))
    return Explanation(tokens, column, words)

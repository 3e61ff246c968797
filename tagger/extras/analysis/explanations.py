"""Sentences -> what each tag rests on: the words before it, the words after it, and the words that decide it.

The tagger reads every sentence again with parts of it left out.
"""

# N tokens of all variants of a sentence, K tags

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tagger.errors import InputError
from tagger.tagging.tagger import Tagger
from tagger.tagging.tagger_options import Request
from tagger.text.strings import display_width, fitted
from tagger.words.reading import Reading

MAX_WORDS = 100  # words of a sentence; the tagger reads about 2 * words ** 2 tokens for it
MAX_DECIDING = 3  # words that are named as deciding a tag
MAX_WIDTH = 16  # terminal cells of a word or a tag
MIN_SUPPORT = 0.01  # a word that changes the probability of a tag by less did not decide it


@dataclass(frozen=True)
class Context:
    """The prediction for a word from a part of its sentence."""

    probability: float  # of the tag that the word has in the whole sentence
    best_tag: str  # the most probable tag here, which may be another one
    best_probability: float


@dataclass(frozen=True)
class Support:
    """Another word of the sentence and its effect on the probability of a tag."""

    word: str
    position: int  # its index in `Explanation.tokens`
    support: float  # how much the probability falls without the word; negative if it rises


@dataclass(frozen=True)
class ExplainedWord:
    """A word, its tag in the whole sentence and what the tag rests on."""

    word: str
    tag: str
    probability: float
    left: Context  # with the words before it only; the sentence ends after the word
    right: Context  # with the words after it only; the sentence begins with the word
    alone: Context  # the word as a sentence of its own
    decided_by: list[Support]  # the words whose removal changes the probability most, strongest first


@dataclass(frozen=True)
class Explanation:
    """A sentence of n tokens, the explained tag column, and the explanation of its n words."""

    tokens: list[str]
    column: str
    words: list[ExplainedWord]


def explain(tagger: Tagger, sentences: Iterable[Sequence[str]], column: str | None = None) -> list[Explanation]:
    """Explains the tag of every word in a column (None: the first). Sentences without words are skipped."""
    known = tagger.vocabulary.columns
    column = known[0] if column is None else column
    if column not in known:
        raise InputError(f"this tagger has no column {column!r}; it has {', '.join(known)}")
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


def _explain(tagger: Tagger, tokens: list[str], column: str) -> Explanation:
    (read,) = tagger.engine.reader.read([tokens]).sentences
    whole, count = tuple(read), len(tokens)
    lefts = [whole[: i + 1] for i in range(count)]
    rights = [whole[i:] for i in range(count)]
    without = [whole[:j] + whole[j + 1 :] for j in range(count)]
    variants = list(dict.fromkeys([whole, *lefts, *rights, *zip(whole), *without]))  # every variant is read once
    start = dict(zip(variants, np.cumsum([0, *map(len, variants)]).tolist(), strict=False))  # row of its first token

    codec = tagger.vocabulary.codecs[column]
    request = Request([column], top=len(codec), probabilities=True)
    found = tagger.engine.tag(Reading(variants), request)[column]
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


def format_table(explanation: Explanation) -> str:
    """A row for every word, for a terminal; where another tag is more probable, it stands beside the probability."""
    tokens = explanation.tokens
    numbers = [f"#{i}" if tokens.count(token) > 1 else "" for i, token in enumerate(tokens, 1)]
    labels = [fitted(token, MAX_WIDTH) + number for token, number in zip(tokens, numbers, strict=True)]
    rows = [["word", fitted(explanation.column, MAX_WIDTH), "whole", "left", "right", "alone", "decided by"]]
    for label, word in zip(labels, explanation.words, strict=True):
        contexts = [
            f"{context.probability:.2f}" + f" {fitted(context.best_tag, MAX_WIDTH)}" * (context.best_tag != word.tag)
            for context in (word.left, word.right, word.alone)
        ]
        supports = [f"{labels[support.position]} {support.support:+.2f}" for support in word.decided_by]
        tag = fitted(word.tag, MAX_WIDTH)
        rows.append([label, tag, f"{word.probability:.2f}", *contexts, ", ".join(supports)])
    widths = [max(map(display_width, column)) for column in zip(*rows, strict=True)]
    padded = (
        "  ".join(cell + " " * (width - display_width(cell)) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
    return "".join(f"{row.rstrip()}\n" for row in padded)

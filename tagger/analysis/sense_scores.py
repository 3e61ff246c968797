"""Sentences in which the sense of a word is known -> how often the word's vectors tell the senses apart."""

# n sentences of a word, D numbers of a vector, s senses

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tagger.analysis.located import vectors_at
from tagger.analysis.senses import unit
from tagger.errors import InputError, shorten
from tagger.tagging.layer_vectors import layer_names
from tagger.tagging.tagger import Tagger
from tagger.text.files import read_lines

TIE = 1e-9  # cosines that differ by less are equal


class Example(NamedTuple):
    """A sentence that has a word in a known sense."""

    sense: str
    tokens: list[str]
    position: int  # of the word


def read_examples(tagger: Tagger, file: str, encoding: str = "utf-8") -> dict[str, list[Example]]:
    """The examples of each word, in lower case, from lines of word, tab, sense, tab, sentence; empty lines are none.

    Raises:
        InputError: a line of another form, or without the word or with the word twice (as a token, in lower or
            upper case); a word with one sense; a sense with one sentence; no lines.
    """
    found: dict[str, list[Example]] = {}
    for number, line in enumerate(read_lines(file, encoding), 1):
        if line.isspace():
            continue
        cells = [cell.strip() for cell in line.split("\t")]
        if len(cells) != 3 or not all(cells):
            raise InputError(f"{file}, line {number}: {shorten(line.strip())} is not word, tab, sense, tab, sentence")
        word, sense, text = cells[0].lower(), cells[1], cells[2]
        cut = [[text[a:b] for a, b in spans] for spans in tagger.segment(text)]
        here = [(tokens, i) for tokens in cut for i, token in enumerate(tokens) if token.lower() == word]
        if len(here) != 1:
            raise InputError(
                f"{file}, line {number}: {shorten(word)} is {len(here)} of the words of {shorten(text)};"
                " it must be exactly one"
            )
        found.setdefault(word, []).append(Example(sense, *here[0]))
    if not found:
        raise InputError(f"{file} has no lines of word, tab, sense, tab, sentence")
    for word, examples in found.items():
        counts = Counter(example.sense for example in examples)
        if len(counts) < 2:
            raise InputError(f"{file}: {shorten(word)} has only the sense {shorten(examples[0].sense)}; give it two")
        for sense, count in counts.items():
            if count < 2:
                raise InputError(
                    f"{file}: the sense {shorten(sense)} of {shorten(word)} has one sentence;"
                    " give it two, as each is left out once"
                )
    return found


def sense_scores(tagger: Tagger, words: Mapping[str, Sequence[Example]]) -> dict[str, dict[str, float]]:
    """For each word, by layer, the share of its sentences that `leave_one_out` gets right; a tagger in float32."""
    scores: dict[str, dict[str, float]] = {word: {} for word in words}
    for layer in layer_names(tagger.engine):
        for word, examples in words.items():
            vectors = vectors_at(tagger, [(example.tokens, example.position) for example in examples], layer)
            scores[word][layer] = leave_one_out(vectors, [example.sense for example in examples])
    return scores


def leave_one_out(vectors: np.ndarray, senses: Sequence[str]) -> float:
    """The share of sentences whose sense has the nearest centre when they are left out.

    Centres are means of the other sentences' vectors, nearness is the cosine after the mean of all the other
    sentences is taken away: it is what all senses share, and most of a vector. Of t equally near senses each
    is right to 1 / t, so that vectors that know no context score by chance.

    Args:
        vectors: (n, D), float64, of the word in each sentence.
        senses: n names; each at least twice.
    """
    x = vectors
    names = sorted(set(senses))
    own = np.array([names.index(sense) for sense in senses])
    right = 0.0
    for i in range(len(x)):
        others = np.arange(len(x)) != i
        mean = x[others].mean(axis=0)
        centres = np.stack([x[others & (own == sense)].mean(axis=0) for sense in range(len(names))])  # (s, D)
        cosines = unit(centres - mean) @ unit(x[i] - mean)
        nearest = cosines > cosines.max() - TIE
        right += float(nearest[own[i]] / nearest.sum())
    return right / len(x)


def render(scores: Mapping[str, Mapping[str, float]]) -> str:
    """A table in percent: a row per word and their mean, a column per layer."""
    layers = list(next(iter(scores.values())))
    width = max(len(word) for word in [*scores, "mean"])
    rows = [f"{'layer':<{width}}" + "".join(f"  {layer:>5}" for layer in layers)]
    for word, row in [*scores.items(), ("mean", means(scores))]:
        rows.append(f"{word:<{width}}" + "".join(f"  {100 * row[layer]:>{max(5, len(layer))}.1f}" for layer in layers))
    return "".join(f"{row}\n" for row in rows)


def to_json(scores: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """The same as plain values, from 0 to 1."""
    return {"words": scores, "mean": means(scores)}


def means(scores: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """By layer, the mean over the words."""
    layers = next(iter(scores.values()))
    return {layer: sum(row[layer] for row in scores.values()) / len(scores) for layer in layers}

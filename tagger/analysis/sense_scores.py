"""Sentences with known senses of a word -> how often the vectors of the word tell the senses apart."""

# n sentences of a word, D numbers of a vector, s senses

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tagger.analysis.located import vectors_at
from tagger.analysis.senses import unit
from tagger.errors import InputError, shorten
from tagger.tagging.tagger import Tagger
from tagger.text.files import read_lines
from tagger.text.paragraphs import Paragraph

TIE_MARGIN = 1e-9  # cosines that differ by less count as equal


class Example(NamedTuple):
    """A sentence with a word in a known sense."""

    sense: str
    tokens: list[str]
    position: int  # index of the word


def read_examples(tagger: "Tagger", file: str, encoding: str = "utf-8") -> dict[str, list[Example]]:
    """Reads the examples of each lower-cased word from lines of word, tab, sense, tab, sentence; skips empty lines.

    Raises:
        InputError: a line does not have these three cells; its sentence has the word (in any case) not exactly
            once as a token; a word has one sense; a sense has one sentence; the file has no such lines.
    """
    found: dict[str, list[Example]] = {}
    for number, line in enumerate(read_lines(file, encoding), 1):
        if line.isspace():
            continue
        cells = [cell.strip() for cell in line.split("\t")]
        if len(cells) != 3 or not all(cells):
            raise InputError(f"{file}, line {number}: {shorten(line.strip())} is not word, tab, sense, tab, sentence")
        word, sense, text = cells[0].lower(), cells[1], cells[2]
        cut = Paragraph(0, text, opens=True).sentences(tagger.segment_all, layout=False)
        here = [(s.tokens, i) for s in cut for i, token in enumerate(s.tokens) if token.lower() == word]
        if len(here) != 1:
            raise InputError(
                f"{file}, line {number}: {shorten(word)} stands {len(here)} times in {shorten(text)};"
                " it must stand there once"
            )
        found.setdefault(word, []).append(Example(sense, *here[0]))
    if not found:
        raise InputError(f"{file} has no lines of word, tab, sense, tab, sentence")
    for word, examples in found.items():
        counts = Counter(example.sense for example in examples)
        if len(counts) < 2:
            raise InputError(
                f"{file}: {shorten(word)} has only the sense {shorten(examples[0].sense)}; give it two senses"
            )
        for sense, count in counts.items():
            if count < 2:
                raise InputError(
                    f"{file}: the sense {shorten(sense)} of {shorten(word)} has one sentence;"
                    " give it two, because each sentence is left out once"
                )
    return found


def sense_scores(tagger: "Tagger", words: Mapping[str, Sequence[Example]]) -> dict[str, dict[str, float]]:
    """For each word and layer the score of `leave_one_out`, in [0, 1]. The tagger should compute in float32."""
    scores: dict[str, dict[str, float]] = {word: {} for word in words}
    for layer in tagger.layers.names:
        for word, examples in words.items():
            vectors = vectors_at(tagger, [(example.tokens, example.position) for example in examples], layer)
            scores[word][layer] = leave_one_out(vectors, [example.sense for example in examples])
    return scores


def leave_one_out(vectors: np.ndarray, senses: Sequence[str]) -> float:
    """The share of sentences whose own sense has the nearest centre.

    Each sentence is left out in turn. The centre of a sense is the mean vector of its other sentences. Nearness is the
    cosine after the mean of all other sentences is subtracted, because that mean is common to all senses. A tie
    between t senses counts 1 / t, so vectors that ignore the context score at chance.

    Args:
        vectors: (n, D), float64, the vectors of the word in n sentences.
        senses: the n senses; each occurs at least twice.
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
        nearest = cosines > cosines.max() - TIE_MARGIN
        right += float(nearest[own[i]] / nearest.sum())
    return right / len(x)


def format_table(scores: Mapping[str, Mapping[str, float]]) -> str:
    """A table in percent: a row per word and one for the mean, a column per layer."""
    layers = list(next(iter(scores.values())))
    width = max(len(word) for word in [*scores, "mean"])
    rows = [f"{'layer':<{width}}" + "".join(f"  {layer:>5}" for layer in layers)]
    for word, row in [*scores.items(), ("mean", means(scores))]:
        rows.append(f"{word:<{width}}" + "".join(f"  {100 * row[layer]:>{max(5, len(layer))}.1f}" for layer in layers))
    return "".join(f"{row}\n" for row in rows)


def to_json(scores: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """The scores and their means as plain values in [0, 1]."""
    return {"words": scores, "mean": means(scores)}


def means(scores: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """The mean over the words, by layer."""
    layers = next(iter(scores.values()))
    return {layer: sum(row[layer] for row in scores.values()) / len(scores) for layer in layers}

"""The evaluation of the CoNLL 2018 shared task, and systems that make mistakes of all kinds."""

import io
from collections.abc import Iterable, Iterator
from random import Random
from typing import NamedTuple

import pytest

from tagger.text.sentence import Sentence
from tagger.text.spacing import surface_tokens

NAMES = {"Tokens", "Sentences", "Words", "UPOS", "XPOS", "UFeats", "AllTags", "Lemmas"}
ROW = "{}\t{}\t{lemma}\t{upos}\t{xpos}\t{feats}\t{}\t_\t_\t_\n"
BLANK = dict.fromkeys(("lemma", "upos", "xpos", "feats"), "_")


class Cut(NamedTuple):
    """A token with its words; only the first counts unless it is a multiword token."""

    form: str
    words: list[tuple[str, dict[str, str]]]  # form, tags
    multiword: bool


def cuts(sentence: Sentence) -> list[Cut]:
    """The tokens of a sentence."""
    tags = [dict(zip(sentence.tags, row, strict=True)) for row in zip(*sentence.tags.values(), strict=True)]
    return [
        Cut(token.form, [(sentence.tokens[i], tags[i]) for i in range(token.start, token.stop)], token.multiword)
        for token in surface_tokens(sentence)
    ]


def conllu(sentences: Iterable[list[Cut]]) -> Iterator[str]:
    """Lines of CoNLL-U; each word hangs on the first one of its sentence."""
    for sentence in sentences:
        number = 0
        for form, words, multiword in sentence:
            if multiword:
                yield ROW.format(f"{number + 1}-{number + len(words)}", form, "_", **BLANK)
            for word, tags in words if multiword else words[:1]:
                number += 1
                yield ROW.format(number, word if multiword else form, 0 if number == 1 else 1, **BLANK | tags)
        yield "\n"


def official(gold: Iterable[str], system: Iterable[str]) -> dict[str, tuple[int, int, int]]:
    """The numbers of items in the gold, in the system's answer and in both, by the task's evaluation."""
    udeval = pytest.importorskip("udtools.udeval", reason="the extra `dev` has udtools")
    sides = [udeval.load_conllu(io.StringIO("".join(lines)), "", {}) for lines in (gold, system)]
    scores = udeval.evaluate(*sides)
    return {name: (scores[name].gold_total, scores[name].system_total, scores[name].correct) for name in NAMES}


def corrupted(sentences: Iterable[list[Cut]], random: Random, share: float = 0.1) -> Iterator[list[Cut]]:
    """The sentences with mistakes: a `share` of their tokens, words, tags and ends is wrong."""
    left: list[Cut] = []
    for sentence in sentences:
        left += _corrupted(sentence, random, share)
        if random.random() < share:
            continue  # the sentence's end is not found
        if random.random() < share and len(left) > 1:
            at = random.randrange(1, len(left))
            yield left[:at]
            left = left[at:]
        yield left
        left = []
    if left:
        yield left


def _corrupted(sentence: list[Cut], random: Random, share: float) -> Iterator[Cut]:
    held: Cut | None = None
    for cut in sentence:
        if held is not None:
            cut = Cut(held.form + cut.form, held.words + cut.words, held.multiword or cut.multiword)
            held = None
        if random.random() < share:
            held = cut
        elif random.random() < share and len(cut.form) > 1:
            at = random.randrange(1, len(cut.form))
            for form in (cut.form[:at], cut.form[at:]):
                yield _changed(Cut(form, cut.words, random.random() < 0.3), random, share)
        else:
            yield _changed(cut, random, share)
    if held is not None:
        yield held


def _changed(cut: Cut, random: Random, share: float) -> Cut:
    words = [
        (random.choice([form[1:] or form, form.swapcase(), form + "x"]) if random.random() < share else form, tags)
        for form, tags in cut.words
    ]
    multiword = cut.multiword
    if random.random() < share:
        multiword = not multiword
    if multiword and random.random() < share:
        words += [random.choice(words)]
    wrong = {"lemma": "x", "upos": "X", "xpos": "X", "feats": "Case=Nom|Typo=Yes"}
    return Cut(
        cut.form,
        [
            (form, {column: wrong[column] if random.random() < share else tag for column, tag in tags.items()})
            for form, tags in words
        ],
        multiword,
    )

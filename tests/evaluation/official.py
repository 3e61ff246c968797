"""The evaluation of the CoNLL 2018 shared task."""

import io
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import pytest

NAMES = {"Tokens", "Sentences", "Words", "UPOS", "XPOS", "UFeats", "AllTags", "Lemmas"}
ROW = "{}\t{}\t{lemma}\t{upos}\t{xpos}\t{feats}\t{}\t_\t_\t_\n"
BLANK = dict.fromkeys(("lemma", "upos", "xpos", "feats"), "_")


class Cut(NamedTuple):
    """A token with its words; only the first counts unless it is a multiword token."""

    form: str
    words: list[tuple[str, dict[str, str]]]  # form, tags
    multiword: bool


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

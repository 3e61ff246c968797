"""The words of the gold and of a system, with their places in the text -> pairs of words that are the same word.

The pairs are those of the CoNLL 2018 shared task (https://universaldependencies.org/conll18/evaluation.html):

- A word that is a token is paired with a word that is a token of the same first and last character.
- The words of a multiword token need not stand in the text: French `du` stands for `de` and `le`. Where a multiword
  token is, the words within it and within the multiword tokens that overlap it are compared as two sequences. Those of
  the longest common subsequence of their lower-cased forms are paired.
"""

from collections.abc import Iterator
from typing import NamedTuple

from tagger.text.sentence import Sentence


class Word(NamedTuple):
    """A word of one side."""

    start: int  # of its token, in characters of the text without white space
    end: int
    multiword: bool  # whether its token is a multiword token
    form: str  # as forms are compared
    sentence: Sentence
    place: int  # of the word in the sentence


def align(golds: list[Word], systems: list[Word]) -> Iterator[tuple[Word, Word]]:
    """Yields the pairs, and removes from both lists the words that need not be seen again.

    Both lists must end at the same character. A list may have words left that have no partner. The words that follow
    in the text belong after them, since the task's evaluation compares them once more with a multiword token there.
    """
    g = s = 0
    while g < len(golds) and s < len(systems):
        one, other = golds[g], systems[s]
        if one.multiword or other.multiword:
            # A word before the multiword token of the other side is passed; of several such words only the first is.
            if one.multiword and not other.multiword and other.start < one.start:
                s += 1
            elif not one.multiword and one.start < other.start:
                g += 1
            end = one.end if one.multiword else other.end
            first_gold, first_system = g, s
            g, s = _overlapping(golds, systems, g, s, end)
            yield from _common(golds[first_gold:g], systems[first_system:s])
        elif one[:2] == other[:2]:
            yield one, other
            g, s = g + 1, s + 1
        elif one.start <= other.start:
            g += 1
        else:
            s += 1
    del golds[:g], systems[:s]


def _overlapping(golds: list[Word], systems: list[Word], g: int, s: int, end: int) -> tuple[int, int]:
    """The words after those that lie in a span of the text, which grows by the multiword tokens that begin in it.

    Args:
        golds: the words of one side.
        systems: those of the other.
        g: the first of the gold words.
        s: the first of the system's words.
        end: where the span ends to begin with.
    """

    def goes_on(words: list[Word], at: int) -> bool:
        return at < len(words) and (words[at].start < end if words[at].multiword else words[at].end <= end)

    while goes_on(golds, g) or goes_on(systems, s):
        if g < len(golds) and (s == len(systems) or golds[g].start <= systems[s].start):
            word, g = golds[g], g + 1
        else:
            word, s = systems[s], s + 1
        if word.multiword:
            end = max(end, word.end)
    return g, s


def _common(gold: list[Word], system: list[Word]) -> Iterator[tuple[Word, Word]]:
    """Yields the pairs of the longest common subsequence of two short lists of words, by form."""
    longest = [[0] * (len(system) + 1) for _ in range(len(gold) + 1)]  # of gold[i:] and system[j:]
    for i in reversed(range(len(gold))):
        for j in reversed(range(len(system))):
            same = gold[i].form == system[j].form
            longest[i][j] = 1 + longest[i + 1][j + 1] if same else max(longest[i + 1][j], longest[i][j + 1])
    i = j = 0
    while i < len(gold) and j < len(system):
        if gold[i].form == system[j].form:
            yield gold[i], system[j]
            i, j = i + 1, j + 1
        elif longest[i][j] == longest[i + 1][j]:
            i += 1
        else:
            j += 1

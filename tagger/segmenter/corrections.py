"""What rules change in the labels that a segmenter's network gives: where `words/rules.py` knows better.

Treebanks have few addresses, times of day, lists and letters, and most of their sentences are edited ones, so that a
network meets much of what people write for the first time. docs/tried.csv has counts of how often rules are right.
"""

# N units of all paragraphs, boundaries included

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tagger.segmenter.unit_network import Label
from tagger.segmenter.units import END_GAP, KINDS, NO_GAP, SPACE_GAP, Units
from tagger.words.pieces import wholes
from tagger.words.rules import ENDS, GOES_ON, LATER, ConfirmedRules

_CAPITALS = [KINDS.index("Lu"), KINDS.index("Lt")]
_WORDS = [KINDS.index(kind) for kind in KINDS if kind[:1] in ("L", "M", "N")]
_QUOTES = ('"', "“”„", "«»")  # the two ends of each
_MARKS = tuple(".,;:!?…)»”")  # which may follow an address


@dataclass(eq=False)
class Corrections:
    """What a network has found in paragraphs, and the rules that change it."""

    paragraphs: Sequence[str]
    units: Units
    labels: np.ndarray  # (N,) these are changed
    scores: np.ndarray  # (N, labels)
    rules: ConfirmedRules

    def __post_init__(self) -> None:
        self._kinds = self.units.traits[:, 4].astype(np.int64)
        self._is_number = self._kinds == KINDS.index("Nd")

    def make(self) -> np.ndarray:
        """Changes the labels, and returns (N,) whether a unit belongs to an address, a tag, a smiley or an emoji."""
        self._join_no_marks()
        self._join_numbers()
        kept = self._join_addresses()
        self._cut_commas(kept)
        self._begin_sentences()
        self._end_sentences(kept)
        return kept

    def _join_no_marks(self) -> None:
        """No token holds a mark beside white space: a French one may be `25 000`, and is not `- 25`."""
        units, labels = self.units, self.labels
        is_word = np.isin(self._kinds, _WORDS)
        joined = (units.gaps == SPACE_GAP) & ((labels == Label.GOES_ON) | (labels == Label.WORD))
        labels[joined & ~(is_word & np.roll(is_word, -1))] = Label.TOKEN

    def _join_numbers(self) -> None:
        """Numbers, dates and times are one token: `3,50`, `12/03/2024`, `14:30`."""
        units, labels = self.units, self.labels
        hints = np.flatnonzero(self._is_number & (units.gaps == NO_GAP) & np.roll(self._is_number, -2))
        for number in sorted({*units.paragraphs_of(hints)}):
            start, stop = units.bounds[number]
            for begin, end in self.rules.wholes(self.paragraphs[number]):
                first, last = start + np.searchsorted(units.ends[start:stop], [begin, end])
                labels[first:last] = Label.GOES_ON

    def _join_addresses(self) -> np.ndarray:
        """(N,) the units of addresses, tags, smileys and emoji, which are one token each; see `wholes`."""
        units, labels = self.units, self.labels
        before_letter = (self._kinds == KINDS.index("end")) & (np.roll(self._kinds, -1) == KINDS.index("Ll"))
        hints = np.flatnonzero((units.gaps == NO_GAP) & (units.ends > 0) & ((units.traits[:, 6] > 0) | before_letter))
        kept = np.zeros(len(labels), dtype=bool)
        for number in sorted({*units.paragraphs_of(hints)}):
            text, (start, stop) = self.paragraphs[number], units.bounds[number]
            for begin, end in wholes(text):
                first = start + np.searchsorted(units.starts[start:stop], begin)
                last = start + np.searchsorted(units.ends[start:stop], end)
                if last < stop and (units.starts[first], units.ends[last]) == (begin, end):
                    kept[first : last + 1] = True
                    labels[first:last] = Label.GOES_ON
                    is_address = "." in text[begin:end]
                    if is_address and text[end : end + 1] in _MARKS and labels[last] == Label.GOES_ON:
                        labels[last] = Label.TOKEN
        return kept

    def _cut_commas(self, kept: np.ndarray) -> None:
        """Tokens end beside commas, and before the full stop after a number at the end."""
        units, labels = self.units, self.labels
        is_comma = units.traits[:, 7] > 0
        is_hint = is_comma | np.roll(is_comma, -1) | (self._is_number & np.roll(units.gaps == END_GAP, -1))
        joined = (units.gaps == NO_GAP) & (labels == Label.GOES_ON) & ~kept
        for number in sorted({*units.paragraphs_of(np.flatnonzero(is_hint & joined))}):
            start, stop = units.bounds[number]
            for rule, place in self.rules.cuts(self.paragraphs[number]):
                own = start + int(np.searchsorted(units.ends[start:stop], place))
                if own < stop and units.ends[own] == place and joined[own]:
                    others = self.scores[own, [Label.TOKEN, Label.SENTENCE]].max()
                    if self.scores[own, Label.GOES_ON] - others <= rule.strength:
                        labels[own] = Label.TOKEN

    def _begin_sentences(self) -> None:
        """A sentence ends where a rule says so, unless it is in quotes or brackets and may go on.

        Where a treebank has no questions, a network has not learned it.
        """
        units, labels = self.units, self.labels
        is_stop = (self._kinds == KINDS.index("end")) & (units.gaps == SPACE_GAP)
        before_capital = np.isin(np.roll(self._kinds, -1), _CAPITALS)
        places = np.flatnonzero(is_stop & before_capital & (labels == Label.TOKEN))
        current = seen = brackets = 0  # of the paragraph `current` so many characters are counted
        open_quotes = [0] * len(_QUOTES)
        for place, number in zip(places.tolist(), units.paragraphs_of(places), strict=True):
            if number != current:
                current, seen, brackets, open_quotes = number, 0, 0, [0] * len(_QUOTES)
            end = int(units.ends[place])
            text, seen = self.paragraphs[number][seen:end], end
            brackets += text.count("(") - text.count(")")
            open_quotes = [(n + sum(map(text.count, marks))) % 2 for n, marks in zip(open_quotes, _QUOTES, strict=True)]
            if text[-1] != "." and not any(open_quotes) and brackets <= 0:
                rule, _ = self.rules.at(self.paragraphs[number], end)
                if rule.decision == ENDS and -_sureness(self.scores[place]) <= rule.strength:
                    labels[place] = Label.SENTENCE

    def _end_sentences(self, kept: np.ndarray) -> None:
        """Ends of sentences within a paragraph move behind the quotes and marks that follow, or go."""
        units, labels = self.units, self.labels
        places = np.flatnonzero((labels == Label.SENTENCE) & (units.gaps != END_GAP))
        decided = -1  # the unit up to which there is nothing left to do, so that marks in a row are read once
        for place, number in zip(places.tolist(), units.paragraphs_of(places), strict=True):
            if place <= decided:
                labels[place] = Label.TOKEN if place < decided else labels[place]
                continue
            text, end, last = self.paragraphs[number], int(units.ends[place]), place
            rule, until = self.rules.at(text, end)
            if rule.decision == LATER:
                start, stop = units.bounds[number]
                last = start + int(np.searchsorted(units.ends[start:stop], until))
                if kept[last]:
                    continue
                decided = last
                is_dots = text[end - 1] == "." == text[end]
                labels[place] = Label.GOES_ON if is_dots else Label.TOKEN
                rule, _ = self.rules.at(text, int(units.ends[last]))
            if units.gaps[last] != END_GAP:
                goes_on = rule.decision == GOES_ON and _sureness(self.scores[place]) <= rule.strength
                labels[last] = Label.TOKEN if goes_on else Label.SENTENCE


def _sureness(scores: np.ndarray) -> float:
    """By how much the score of a sentence's end is above the next one; below zero if a network finds no end."""
    return float(scores[Label.SENTENCE] - scores[: Label.SENTENCE].max())

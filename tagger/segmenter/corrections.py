"""What rules change in the labels that a segmenter's network gives: where `words/rules.py` knows better.

Treebanks have few addresses, times of day, lists and letters, and most of their sentences are edited ones, so that a
network meets much of what people write for the first time. docs/experiments.md has counts of how often rules are right.
"""

# N units of all paragraphs, boundaries included

from collections.abc import Sequence

import numpy as np

from tagger.segmenter.unit_network import Label
from tagger.segmenter.units import END_GAP, KINDS, NO_GAP, SPACE_GAP, Units, UnitTable
from tagger.words.pieces import wholes
from tagger.words.rules import ENDS, GOES_ON, LATER, ConfirmedRules

_CAPITALS = [KINDS.index("Lu"), KINDS.index("Lt")]
_WORDS = [KINDS.index(kind) for kind in KINDS if kind[:1] in ("L", "M", "N")]
_QUOTES = ('"', "“”„", "«»")  # the two ends of each
_MARKS = tuple(".,;:!?…)»”")  # which may follow an address


def correct(
    paragraphs: Sequence[str],
    table: UnitTable,
    units: Units,
    labels: np.ndarray,
    scores: np.ndarray,
    rules: ConfirmedRules,
) -> np.ndarray:
    """Changes labels (N,), and returns (N,) whether a unit belongs to an address, a tag, a smiley or an emoji.

    Args:
        scores: (N, labels) what the network says.
        rules: those that hold.
    """
    traits = table.traits[units.types]
    kinds = traits[:, 4].astype(np.int64)
    is_number = kinds == KINDS.index("Nd")
    _join_no_marks(kinds, units, labels)
    _join_numbers(paragraphs, is_number, units, labels, rules)
    kept = _join_addresses(paragraphs, traits, kinds, units, labels)
    _cut_commas(paragraphs, traits, is_number, kept, units, labels, scores, rules)
    _begin_sentences(paragraphs, kinds, units, labels, scores, rules)
    _end_sentences(paragraphs, kept, units, labels, scores, rules)
    return kept


def _join_no_marks(kinds: np.ndarray, units: Units, labels: np.ndarray) -> None:
    """No token holds a mark beside white space: a French one may be `25 000`, and is not `- 25`."""
    is_word = np.isin(kinds, _WORDS)
    joined = (units.gaps == SPACE_GAP) & ((labels == Label.GOES_ON) | (labels == Label.WORD))
    labels[joined & ~(is_word & np.roll(is_word, -1))] = Label.TOKEN


def _join_numbers(
    paragraphs: Sequence[str], is_number: np.ndarray, units: Units, labels: np.ndarray, rules: ConfirmedRules
) -> None:
    """Numbers, dates and times are one token: `3,50`, `12/03/2024`, `14:30`."""
    hints = np.flatnonzero(is_number & (units.gaps == NO_GAP) & np.roll(is_number, -2))
    for number in sorted({*units.paragraphs_of(hints)}):
        start, stop = units.bounds[number]
        for begin, end in rules.wholes(paragraphs[number]):
            first, last = start + np.searchsorted(units.ends[start:stop], [begin, end])
            labels[first:last] = Label.GOES_ON


def _join_addresses(
    paragraphs: Sequence[str], traits: np.ndarray, kinds: np.ndarray, units: Units, labels: np.ndarray
) -> np.ndarray:
    """(N,) the units of addresses, tags, smileys and emoji, which are one token each; see `wholes`."""
    before_letter = (kinds == KINDS.index("end")) & (np.roll(kinds, -1) == KINDS.index("Ll"))
    hints = np.flatnonzero((units.gaps == NO_GAP) & (units.ends > 0) & ((traits[:, 6] > 0) | before_letter))
    kept = np.zeros(len(labels), dtype=bool)
    for number in sorted({*units.paragraphs_of(hints)}):
        start, stop = units.bounds[number]
        for begin, end in wholes(paragraphs[number]):
            first = start + np.searchsorted(units.starts[start:stop], begin)
            last = start + np.searchsorted(units.ends[start:stop], end)
            if last < stop and (units.starts[first], units.ends[last]) == (begin, end):
                kept[first : last + 1] = True
                labels[first:last] = Label.GOES_ON
                is_address = "." in paragraphs[number][begin:end]
                if is_address and paragraphs[number][end : end + 1] in _MARKS and labels[last] == Label.GOES_ON:
                    labels[last] = Label.TOKEN
    return kept


def _cut_commas(
    paragraphs: Sequence[str],
    traits: np.ndarray,
    is_number: np.ndarray,
    kept: np.ndarray,
    units: Units,
    labels: np.ndarray,
    scores: np.ndarray,
    rules: ConfirmedRules,
) -> None:
    """Tokens end beside commas, and before the full stop after a number at the end."""
    is_comma = traits[:, 7] > 0
    is_hint = is_comma | np.roll(is_comma, -1) | (is_number & np.roll(units.gaps == END_GAP, -1))
    joined = (units.gaps == NO_GAP) & (labels == Label.GOES_ON) & ~kept
    for number in sorted({*units.paragraphs_of(np.flatnonzero(is_hint & joined))}):
        start, stop = units.bounds[number]
        for rule, place in rules.cuts(paragraphs[number]):
            own = start + int(np.searchsorted(units.ends[start:stop], place))
            if own < stop and units.ends[own] == place and joined[own]:
                others = scores[own, [Label.TOKEN, Label.SENTENCE]].max()
                if scores[own, Label.GOES_ON] - others <= rule.strength:
                    labels[own] = Label.TOKEN


def _begin_sentences(
    paragraphs: Sequence[str],
    kinds: np.ndarray,
    units: Units,
    labels: np.ndarray,
    scores: np.ndarray,
    rules: ConfirmedRules,
) -> None:
    """A sentence ends where a rule says so, unless it is in quotes or brackets and may go on.

    Where a treebank has no questions, a network has not learned it.
    """
    is_stop = (kinds == KINDS.index("end")) & (units.gaps == SPACE_GAP)
    before_capital = np.isin(np.roll(kinds, -1), _CAPITALS)
    places = np.flatnonzero(is_stop & before_capital & (labels == Label.TOKEN))
    current = seen = brackets = 0  # of the paragraph `current` so many characters are counted
    open_quotes = [0] * len(_QUOTES)
    for place, number in zip(places.tolist(), units.paragraphs_of(places), strict=True):
        if number != current:
            current, seen, brackets, open_quotes = number, 0, 0, [0] * len(_QUOTES)
        end = int(units.ends[place])
        text, seen = paragraphs[number][seen:end], end
        brackets += text.count("(") - text.count(")")
        open_quotes = [(n + sum(map(text.count, marks))) % 2 for n, marks in zip(open_quotes, _QUOTES, strict=True)]
        if text[-1] != "." and not any(open_quotes) and brackets <= 0:
            rule, _ = rules.at(paragraphs[number], end)
            if rule.decision == ENDS and -_sureness(scores[place]) <= rule.strength:
                labels[place] = Label.SENTENCE


def _end_sentences(
    paragraphs: Sequence[str],
    kept: np.ndarray,
    units: Units,
    labels: np.ndarray,
    scores: np.ndarray,
    rules: ConfirmedRules,
) -> None:
    """Ends of sentences within a paragraph move behind the quotes and marks that follow, or go."""
    places = np.flatnonzero((labels == Label.SENTENCE) & (units.gaps != END_GAP))
    decided = -1  # the unit up to which there is nothing left to do, so that marks in a row are read once
    for place, number in zip(places.tolist(), units.paragraphs_of(places), strict=True):
        if place <= decided:
            labels[place] = Label.TOKEN if place < decided else labels[place]
            continue
        text, end, last = paragraphs[number], int(units.ends[place]), place
        rule, until = rules.at(text, end)
        if rule.decision == LATER:
            start, stop = units.bounds[number]
            last = start + int(np.searchsorted(units.ends[start:stop], until))
            if kept[last]:
                continue
            decided = last
            is_dots = text[end - 1] == "." == text[end]
            labels[place] = Label.GOES_ON if is_dots else Label.TOKEN
            rule, _ = rules.at(text, int(units.ends[last]))
        if units.gaps[last] != END_GAP:
            goes_on = rule.decision == GOES_ON and _sureness(scores[place]) <= rule.strength
            labels[last] = Label.TOKEN if goes_on else Label.SENTENCE


def _sureness(scores: np.ndarray) -> float:
    """By how much the score of a sentence's end is above the next one; below zero if a network finds no end."""
    return float(scores[Label.SENTENCE] - scores[: Label.SENTENCE].max())

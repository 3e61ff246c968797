"""What rules change in the labels that a segmenter's network gives: where they know better, whatever the language.

Treebanks have few addresses, times of day, lists and letters, and most of their sentences are edited ones, so that a
network meets much of what people write for the first time. How often each rule is right was counted in train and dev of
forty treebanks; docs/experiments.md has the numbers.
"""

# N units of all paragraphs, boundaries included

import re
from collections.abc import Sequence

import numpy as np
import regex

from tagger.segmenter.features import (
    cut_number_marks,
    numbers_with_marks,
    stops_after_numbers,
)
from tagger.segmenter.unit_network import Label
from tagger.segmenter.units import END_GAP, KINDS, NO_GAP, NUMBER_MARKS, SPACE_GAP, Units, UnitTable
from tagger.text.strings import SPACE
from tagger.words.conventions import Conventions
from tagger.words.counting import NUMBER_STOPS, SMALL_STARTS
from tagger.words.segment_rules import BEFORE_NUMBER, wholes

_CAPITALS = [KINDS.index("Lu"), KINDS.index("Lt")]
_WORDS = [KINDS.index(kind) for kind in KINDS if kind[:1] in ("L", "M", "N")]
_QUOTES = ('"', "“”„", "«»")  # the two ends of each

_GAP = f"[{SPACE}]"
_TAIL = regex.compile(  # what belongs to the sentence that a mark ends
    rf"""(?: [.!?…]+ | \p{{Pe}}+ | (?: [\p{{Pf}}"'] | (?<![»”]) \p{{Pi}} )+ (?! [\p{{L}}\p{{N}}] )
         | {_GAP}* [!?]+ | {_GAP}+ [»”] (?= {_GAP} | $ ) )+""",
    regex.VERBOSE,
)
_PLAIN = re.compile(r"(?<=[^\W\d_]{2})[^\W\d_A-Z][.!?] [A-Z]")  # most ends: no rule changes them
_SAME_SENTENCE = regex.compile(  # what follows a mark that ends no sentence
    rf"""(?<= [.!?…\p{{Pe}}\p{{Pf}}\p{{Pi}}"'] ) [^{SPACE}\p{{Lu}}\p{{Lt}}\p{{Lo}}\p{{Ps}}\p{{Pi}}\p{{Pf}}"'„\p{{So}}]
       | {_GAP}* [,;:] | (?<= [」』] ) \p{{Hiragana}}                                 # “, he said; 」と言った
       | (?<= [!?…\p{{Pe}}\p{{Pf}}\p{{Pi}}"'] ) {_GAP}+ [–—-] {_GAP}+ \p{{Ll}}          # ” – he said""",
    regex.VERBOSE,
)
_SMALL = regex.compile(rf"{_GAP}+\p{{Ll}}++(?![\p{{L}}\p{{N}}:@/]|\.\w)")  # a word in small letters, no address
_CAPITAL = regex.compile(rf"{_GAP}*\p{{Lu}}")
_INITIAL = regex.compile(r"(?<![\p{L}\p{N}.-])(?:\p{Lu}\.)?\p{Lu}\.")  # J. K. Rowling
_DAY, _MONTH = regex.compile(r"(?<![\p{L}\p{N}.,])\d{1,2}\."), regex.compile(rf"{_GAP}+(?:\d{{1,2}}\.|\d{{4}}(?!\d))")
_SHORT, _DIGIT = regex.compile(r"(?<![\p{L}\p{N}])(\p{L}+)\."), regex.compile(rf"{_GAP}+\d")  # art. 37
_ITEM = regex.compile(
    rf"{_GAP}*(?:(?:\d{{1,3}}|\p{{L}}|[IVX]+){_GAP}*[.)]|[•·▪*–—¿¡\p{{Ps}}\p{{Pi}}\"'„-])"
)  # that a paragraph begins with
_MARKS = tuple(".,;:!?…)»”")  # which may follow an address
_WIDE = "。！？｡।॥۔؟"  # ends of sentences that nothing else is written with
_MAX_SHORT = 6  # characters of an abbreviation and its full stop
_FIRST_LETTER = regex.compile(r"\p{L}")


def correct(
    paragraphs: Sequence[str], table: UnitTable, units: Units, labels: np.ndarray, conventions: Conventions
) -> np.ndarray:
    """Changes labels (N,), and returns (N,) whether a unit belongs to an address, a tag, a smiley or an emoji."""
    traits = table.traits[units.types]
    kinds = traits[:, 4].astype(np.int64)
    _join_no_marks(kinds, units, labels)
    _join_numbers(numbers_with_marks(table, units), labels, cut_number_marks(conventions.refused))
    kept = _join_wholes(paragraphs, traits, kinds, units, labels)
    _begin_sentences(paragraphs, kinds, units, labels)
    after_title = np.roll((traits[:, 7] > 0) & (units.gaps == NO_GAP), 1)
    _end_sentences(paragraphs, after_title, kept, units, labels, not conventions.allows(SMALL_STARTS))
    if conventions.allows(NUMBER_STOPS):
        labels[stops_after_numbers(table, units, units.gaps == END_GAP) & (labels == Label.GOES_ON)] = Label.TOKEN
    return kept


def _join_no_marks(kinds: np.ndarray, units: Units, labels: np.ndarray) -> None:
    """No token holds a mark beside white space: a French one may be `25 000`, and is not `- 25`."""
    is_word = np.isin(kinds, _WORDS)
    joined = (units.gaps == SPACE_GAP) & ((labels == Label.GOES_ON) | (labels == Label.WORD))
    labels[joined & ~(is_word & np.roll(is_word, -1))] = Label.TOKEN


def _join_numbers(marks: np.ndarray, labels: np.ndarray, cut: str) -> None:
    """Numbers, dates and times are one token, unless training cuts these: `3,50`, `12/03/2024`, `14:30`."""
    whole = np.isin(marks, [number for number, mark in enumerate(NUMBER_MARKS, 1) if mark not in cut])
    labels[whole | np.roll(whole, 1)] = Label.GOES_ON


def _join_wholes(
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


def _begin_sentences(paragraphs: Sequence[str], kinds: np.ndarray, units: Units, labels: np.ndarray) -> None:
    """A sentence ends after `!` or `?` before a capital, unless it is in quotes or brackets and may go on.

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
        text, seen = paragraphs[number][seen : units.ends[place]], int(units.ends[place])
        brackets += text.count("(") - text.count(")")
        open_quotes = [(n + sum(map(text.count, marks))) % 2 for n, marks in zip(open_quotes, _QUOTES, strict=True)]
        if text[-1] in "!?" and not any(open_quotes) and brackets <= 0:
            labels[place] = Label.SENTENCE


def _end_sentences(
    paragraphs: Sequence[str],
    after_title: np.ndarray,
    kept: np.ndarray,
    units: Units,
    labels: np.ndarray,
    small: bool,
) -> None:
    """Ends of sentences within a paragraph move behind the quotes and marks that follow, or go; see `_goes_on`."""
    places = np.flatnonzero((labels == Label.SENTENCE) & (units.gaps != END_GAP))
    decided = -1  # the unit up to which there is nothing left to do, so that marks in a row are read once
    for place, number in zip(places.tolist(), units.paragraphs_of(places), strict=True):
        if place <= decided:
            labels[place] = Label.TOKEN if place < decided else labels[place]
            continue
        text, end, last = paragraphs[number], int(units.ends[place]), place
        if not after_title[place] and _PLAIN.match(text, end - 2):
            continue
        if tail := _TAIL.match(text, end):
            start, stop = units.bounds[number]
            last = start + int(np.searchsorted(units.ends[start:stop], tail.end()))
            if kept[last]:
                continue
            decided = last
            is_dots = text[end - 1] == "." == text[end]
            labels[place] = Label.GOES_ON if is_dots else Label.TOKEN
        if units.gaps[last] != END_GAP:
            goes_on = (after_title[last] and units.gaps[last] == SPACE_GAP) or _goes_on(
                text, int(units.ends[last]), last > place, small
            )
            labels[last] = Label.TOKEN if goes_on else Label.SENTENCE


def _goes_on(text: str, end: int, moved: bool, small: bool) -> bool:
    """Whether a sentence goes on after the first `end` characters of a text.

    Args:
        moved: whether these end with a closing quote or the like, which follows the mark that ends the sentence.
        small: whether training has sentences that begin with a small letter.
    """
    mark = text[end - 1]
    if mark.isalnum() or mark in _WIDE:
        return False
    if _SAME_SENTENCE.match(text, end) or _ITEM.fullmatch(text, 0, end):
        return True
    if _SMALL.match(text, end) and (moved or (mark == "." and not small)):
        first = _FIRST_LETTER.search(text)  # some write all in small letters
        return first is not None and not first[0].islower()
    if mark != ".":
        return False
    if _CAPITAL.match(text, end) and any(_INITIAL.fullmatch(text, max(0, end - n), end) for n in (2, 4)):
        return True
    if _MONTH.match(text, end) and _DAY.search(text, max(0, end - 3), end):
        return True
    short = _SHORT.search(text, max(0, end - _MAX_SHORT), end) if _DIGIT.match(text, end) else None
    return short is not None and short[1].lower() in BEFORE_NUMBER

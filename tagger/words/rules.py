"""Rules for raw text, one list: what stands before a place and after it -> whether a sentence or a token ends there.

They decide where something proposes the end of a sentence: a segmenter's network, or `segment.py`. What is right in one
language is wrong in another. So each rule has a name, by which a tagger's own training may refuse it, and abbreviations
are those that its `Conventions` have.
"""

import math
import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple

import regex

from tagger.text.strings import SPACE
from tagger.words.contexts import end_odds
from tagger.words.conventions import NUMBER, TITLE, Conventions
from tagger.words.pieces import NUMBER_MARKS, Span

ENDS, GOES_ON, LATER = "ends", "goes on", "later"  # a sentence; LATER: behind what the pattern after the place matches
CUT, WHOLE = "cut", "whole"  # a token: it ends there, or it goes on


class Rule(NamedTuple):
    """`before` matches what ends at a place, `after` what begins there."""

    name: str
    before: str
    after: str
    decision: str
    strength: float = math.inf  # a network that is surer of the opposite is right, see `corrections.py`


SURE, UNSURE = 5.0, 3.5  # differences of scores, logits

COMMAS = ",，、"
COMMA_RULES = "comma after a word", "comma before a word"  # refused where training has such tokens
_GAP = f"[{SPACE}]"
_NO_LETTER = r"[^\p{L}\p{N}。！？｡।॥۔؟]"  # after a letter, or a mark that does nothing else, the proposal is right
_CLOSING = r"""\p{Pe}\p{Pf}\p{Pi}"'"""
_SMALL_WORD = rf"{_GAP}+\p{{Ll}}++(?![\p{{L}}\p{{N}}:@/]|\.\w)"  # in small letters, and no address
SMALL_STARTS = "small letter after a quote", "small letter at the start"  # not in text that is all in small letters
LAST_NUMBER = "number at the end"
FORM_START = r"(?<![\p{L}\p{N}\p{M}.]|\p{L}['’](?=\p{L}\.))"  # l'|art. but not it'|s.
FORM = r"\p{L}[\p{L}\p{M}]*(?:\.\p{L}[\p{L}\p{M}]*)*"
ABBREVIATION = Rule("abbreviation", rf"{FORM_START}({FORM})\.", rf"{_GAP}+", GOES_ON)  # Dr.| Meyer
"""Holds if `Conventions` have the abbreviation, see `ConfirmedRules.goes_on_after`."""
RULES = (
    Rule(
        "closing marks",  # “Go!|” He went.
        ".",
        rf"""(?: [.!?…]+ | \p{{Pe}}+ | (?: [\p{{Pf}}"'] | (?<![»”]) \p{{Pi}} )+ (?! [\p{{L}}\p{{N}}] )
               | {_GAP}+ [!?]+ (?! [\p{{L}}\p{{N}}] ) | {_GAP}+ [»”] (?= {_GAP} | $ ) )+""",
        LATER,
    ),
    Rule(
        "no space",  # sources.|listes
        rf"[.!?…{_CLOSING}]",
        rf"""[^{SPACE}\p{{Lu}}\p{{Lt}}\p{{Lo}}\p{{Ps}}\p{{Pi}}\p{{Pf}}"'„\p{{So}}]""",
        GOES_ON,
    ),
    Rule("comma", _NO_LETTER, rf"{_GAP}*(?!,,)[,;:]", GOES_ON),  # “Go!”|, he said
    Rule("said in Japanese", "[」』]", r"\p{Hiragana}", GOES_ON),  # 」|と言った
    Rule("dash", rf"[!?…{_CLOSING}]", rf"{_GAP}+[–—-]{_GAP}+\p{{Ll}}", GOES_ON),  # “Go!”| – he said
    Rule(
        "item",  # 1.| Eggs
        rf"""\A{_GAP}*(?:(?:\d{{1,3}}|\p{{L}}|[IVX]+){_GAP}*[.)]|[•·▪*–—¿¡\p{{Ps}}\p{{Pi}}\"'„-])""",
        "",
        GOES_ON,
    ),
    Rule(SMALL_STARTS[0], rf"(?:[.!?…]|{_GAP})[{_CLOSING}]+", _SMALL_WORD, GOES_ON, SURE),  # “Go!”| he said
    Rule(SMALL_STARTS[1], r"(?<!\p{L}{7})\.", _SMALL_WORD, GOES_ON, UNSURE),  # approx.| ten; no abbreviation is longer
    Rule(
        "initial",  # J.| K.| Rowling; neither 15 C. nor 44 a. C.
        rf"(?<![\p{{L}}\p{{N}}.-]|\d{_GAP}|(?<!\p{{L}})\p{{Ll}}\.{_GAP})(?:\p{{Lu}}\.)?\p{{Lu}}\.",
        rf"{_GAP}*\p{{Lu}}",
        GOES_ON,
        SURE,
    ),
    Rule("letters", r"(?<![\p{L}\p{M}\p{N}.'’-])\p{Ll}\.", rf"{_GAP}+\p{{Lu}}\.", GOES_ON),  # d.| M.; a.| C.
    Rule("date", r"(?<![\p{L}\p{N}.,])\d{1,2}\.", rf"{_GAP}+(?:\d{{1,2}}\.|\d{{4}}(?!\d))", GOES_ON),  # 24.| 12.| 2023
    Rule("question", "[!?]", rf"{_GAP}+[\p{{Lu}}\p{{Lt}}]", ENDS, SURE),  # unless in quotes or brackets
    ABBREVIATION,
    *(Rule(f"0{mark}0", r"\d", rf"[{mark}]\d", WHOLE) for mark in NUMBER_MARKS),  # 14:30
    Rule(LAST_NUMBER, r"\d", rf"\.{_GAP}*\Z", CUT),  # It was 12|.
    Rule(COMMA_RULES[0], r"[\p{L}\p{M}\p{N}]", rf"[{COMMAS}](?!\p{{N}})", CUT, UNSURE),  # 5|, but not 5,2
    Rule(COMMA_RULES[1], rf"[{COMMAS}]", r"\p{L}", CUT, UNSURE),  # ,|快
)
_USUAL_END = re.compile(r"(?<=[^\W\d_]{2})[^\W\d_A-Z]\. ")  # `end. The`: before a capital only ABBREVIATION may hold
NO_RULE = Rule("", "", "", "")
_ABBREVIATION = regex.compile(f"(?<={ABBREVIATION.before}){ABBREVIATION.after}", regex.VERBOSE)
_FIRST_LETTER, _DIGIT = regex.compile(r"\p{L}"), regex.compile(rf"{_GAP}+\d")
_NUMBER_OR_CAPITAL = regex.compile(rf"{_GAP}+[\d\p{{Lu}}]")
_MAX_ABBREVIATION = 20  # characters
# The least `end_odds` with which a network's end stays after any abbreviation: before a capital in train and dev of 44
# languages 3 such are right and none is wrong, and none is there before a digit. Names follow titles.
CERTAIN_END, NUMBER_END, TITLE_END = 2.0, 1.0, 0.5


class ConfirmedRules:
    """The rules that hold where some conventions do."""

    def __init__(self, conventions: Conventions) -> None:
        self.conventions = conventions
        self._rules = [rule for rule in RULES if rule.name not in conventions.refused]
        self._abbreviations = {form.lower() for form in conventions.abbreviations}

    def _compiled(self, *decisions: str) -> Any:
        rules = [(n, rule) for n, rule in enumerate(self._rules) if rule.decision in decisions and rule != ABBREVIATION]
        parts = [f"(?<={rule.before})(?P<r{n}>{rule.after})" for n, rule in rules]
        return regex.compile("|".join(parts or ["(?!)"]), regex.VERBOSE)

    @cached_property
    def _of_sentences(self) -> Any:
        return self._compiled(ENDS, GOES_ON, LATER)

    @cached_property
    def _of_tokens(self) -> dict[str, Any]:
        return {decision: self._compiled(decision) for decision in (WHOLE, CUT)}

    def at(self, text: str, end: int) -> tuple[Rule, int]:
        """The rule that holds where a sentence may end after `end` characters, and where its pattern ends."""
        found = NO_RULE, end
        if _USUAL_END.match(text, end - 2) and text[end + 1 : end + 2].isupper():
            form = text[text.rfind(" ", max(0, end - _MAX_ABBREVIATION), end) + 1 : end - 1]
            if form.isalpha():
                goes_on = form.lower() in self._abbreviations and self.goes_on_after(form, text, end)
                return ABBREVIATION if goes_on else NO_RULE, end
        elif match := self._of_sentences.match(text, end):
            rule = self._rules[int(match.lastgroup[1:])]
            if rule.name not in SMALL_STARTS:
                return rule, match.end()
            if not _in_small_letters(text):
                found = rule, match.end()  # weaker than an abbreviation
        match = _ABBREVIATION.match(text, end)
        return (ABBREVIATION, end) if match and self.goes_on_after(match[1], text, end) else found

    def wholes(self, text: str) -> Iterator[Span]:
        """The spans within which the parts of a number end: `:3` of 14:30."""
        return (match.span() for match in self._of_tokens[WHOLE].finditer(text))

    def cuts(self, text: str) -> Iterator[tuple[Rule, int]]:
        """The places where tokens end, in any order, and the rules that say so."""
        for match in self._of_tokens[CUT].finditer(text, overlapped=True):
            yield self._rules[int(match.lastgroup[1:])], match.start()

    def goes_on_after(self, form: str, text: str, end: int) -> bool:
        """Whether a sentence goes on behind the full stop of `form`, which are the last of `end` characters."""
        own, conventions = self.conventions.abbreviation(form), self.conventions
        kind, before_digit = conventions.abbreviations.get(own), _DIGIT.match(text, end)
        if not kind or (kind == NUMBER and not before_digit):
            return False
        least = conventions.doubtful.get(own, math.inf)
        after, small = _NUMBER_OR_CAPITAL.match(text, end), conventions.kinds_of_small_words
        if not (after and small):
            return least == math.inf
        least = min(least, CERTAIN_END if not before_digit else TITLE_END if kind == TITLE else NUMBER_END)
        return end_odds(text, end - len(form) - 1, after.end() - 1, small) < least


def _in_small_letters(text: str) -> bool:
    """Whether a text begins with a small letter, as some write."""
    first = _FIRST_LETTER.search(text)
    return first is None or first[0].islower()

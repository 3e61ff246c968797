"""Addresses, `#news`, smileys, emoji, signs and numbers that training lacks -> the tags that they may have.

A network takes an emoji that it has never seen for a noun or a verb, `+48` for an auxiliary, and makes a lemma of
`#news`. Universal Dependencies says what such tokens are: https://universaldependencies.org/u/pos/SYM.html. In train
and dev of sixty of its treebanks 98 of 100 words of two characters or more, none of them a letter or a digit, are PUNCT
or SYM; where they have numbers with marks, nearly all of these are NUM, or else nouns, adjectives or names.
"""

import unicodedata
from collections.abc import Collection, Iterable
from functools import lru_cache

import regex

from tagger.words.numbers import NUMBER
from tagger.words.pieces import whole_kind

SIGN, ADDRESS, MARK = ("SYM",), ("PROPN", "SYM", "X"), ("PUNCT", "SYM")
NUMBERS = ("ADJ", "ADV", "NOUN", "NUM", "PROPN", "SYM", "X")
TAGS = {"mark": MARK, "sign": SIGN, "emoji": SIGN, "smiley": SIGN, "email": ADDRESS, "tag": ADDRESS, "url": ADDRESS}
TAGS |= {"number": NUMBERS, "cry": ("INTJ", "SYM", "X")}
OTHER = ("X", "PUNCT")  # the first of these that training has is the tag where it has none of those of a kind
SAME = "keep:*"  # the edit script of a lemma that is the word itself; numbers may have others
WORD, PUNCT = "word", "PUNCT"
KINDS = ("", *TAGS, WORD)
_CRY = regex.compile(r"[ㄱ-ㅣ]+")  # letters of Hangul alone, such as ㅠㅠ


def is_word(form: str) -> bool:
    """Whether a form begins or ends with a letter or a digit."""
    return form[:1].isalnum() or form[-1:].isalnum()


def kinds_of(forms: Iterable[str], known: Collection[str]) -> dict[int, str]:
    """The places of forms that are not `known` -> their kinds, where they have one of `KINDS`.

    `WORD` are those with a letter or a digit at an end that have no other kind.

    Most forms are letters alone, and are passed over at once.
    """
    every = enumerate(forms)
    odd = (each for each in every if (each[1] >= "ㄱ" or not each[1].isalnum()) and each[1] not in known)
    return {place: kind for place, form in odd if (kind := _kind(form))}


@lru_cache(maxsize=1 << 14)
def _kind(form: str) -> str:
    if form.isalnum() or not form:
        return "cry" if _CRY.fullmatch(form) else ""
    if whole := whole_kind(form):
        return whole if whole in TAGS else ""  # a name of a file
    if any(map(str.isalnum, form)):
        return "number" if NUMBER.fullmatch(form) else WORD if is_word(form) else ""
    is_sign = all(c not in "<>|~" and unicodedata.category(c) in ("Sc", "Sm") for c in form)
    return "sign" if is_sign else "mark"

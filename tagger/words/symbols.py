"""Addresses, `#news`, smileys, emoji, signs and numbers that training lacks -> the tags that they may have.

A network takes an emoji that it has never seen for a noun or a verb, `+48` for an auxiliary, and makes a lemma of
`#news`. Universal Dependencies says what such tokens are: https://universaldependencies.org/u/pos/SYM.html. In train
and dev of sixty of its treebanks 98 of 100 words of two characters or more, none of them a letter or a digit, are PUNCT
or SYM; where they have numbers with marks, nearly all of these are NUM, or else nouns, adjectives or names.
"""

# N tokens, K tags of a column

import unicodedata
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache

import numpy as np
import regex
import torch
from torch import Tensor

from tagger.text.strings import LEMMA, UPOS
from tagger.words.segment_rules import whole_kind

SIGN, ADDRESS, MARK = ("SYM",), ("PROPN", "SYM", "X"), ("PUNCT", "SYM")
NUMBER = ("ADJ", "ADV", "NOUN", "NUM", "PROPN", "SYM", "X")
TAGS = {"mark": MARK, "sign": SIGN, "emoji": SIGN, "smiley": SIGN, "email": ADDRESS, "tag": ADDRESS, "url": ADDRESS}
TAGS |= {"number": NUMBER}
OTHER = ("X", "PUNCT")  # the first of these that training has is the tag where it has none of those of a kind
SAME = "keep:*"  # the edit script of a lemma that is the word itself; numbers may have others
_NUMBER = regex.compile(r"[+−-]?\d+(?:[.,:/'’٫٬-]\d+)*")


@lru_cache(maxsize=1 << 14)
def _kind(form: str) -> str | None:
    """A kind in `TAGS`; `word` for what begins or ends with a letter or digit, and is no mark; None: any other word."""
    if whole := whole_kind(form):
        return whole if whole in TAGS else None  # a name of a file
    if any(map(str.isalnum, form)):
        return "number" if _NUMBER.fullmatch(form) else "word" if form[0].isalnum() or form[-1].isalnum() else None
    is_sign = all(c not in "<>|~" and unicodedata.category(c) in ("Sc", "Sm") for c in form)
    return "sign" if is_sign else "mark"


class Symbols:
    """What a tagger does with such tokens. Tags that are not those of Universal Dependencies stay free."""

    def __init__(self, known: Collection[str], tag_ids: Mapping[str, Mapping[str, int]]) -> None:
        self._known = known
        self._refused: dict[tuple[str, str], Tensor] = {}  # of a column and a kind, (K,) of bool
        upos, lemmas = (tag_ids.get(column, {}) for column in (UPOS, LEMMA))
        for kind, names in TAGS.items():
            if not upos.keys() & names and upos.keys() >= {*OTHER[1:]}:
                names = tuple(tag for tag in OTHER if tag in upos)[:1]
            self._refuse(UPOS, kind, [tag not in names for tag in upos])
            if kind != "number":
                self._refuse(LEMMA, kind, [script != SAME for script in lemmas])
        self._refuse(UPOS, "word", [tag == "PUNCT" for tag in upos])

    def _refuse(self, column: str, kind: str, refused: Sequence[bool]) -> None:
        """Words of a kind cannot have some tags of a column, unless these are all that there are."""
        if not all(refused):
            self._refused[column, kind] = torch.tensor(refused, dtype=torch.bool)

    def find(self, forms: Sequence[str]) -> dict[int, str]:
        """The places of such words, and their kinds."""
        unseen = {form for form in set(forms) if form and not form.isalnum() and form not in self._known}
        kinds = {form: kind for form in unseen if (kind := _kind(form)) is not None}
        return {place: kinds[form] for place, form in enumerate(forms) if form in kinds} if kinds else {}

    def weigh(self, column: str, scores: Tensor, found: Mapping[int, str], places: np.ndarray) -> None:
        """Makes the scores (N, K) -inf of the tags that such a word cannot have.

        Args:
            found: see `find`.
            places: (N,), the place in `forms` of each token's word; -1: any tag is left.
        """
        if not found:
            return
        rows = np.flatnonzero(np.isin(places, list(found)))
        kinds = np.array([found[place] for place in places[rows].tolist()])
        for kind in np.unique(kinds).tolist():
            refused = self._refused.get((column, kind))
            if refused is not None:
                chosen = torch.from_numpy(rows[kinds == kind]).to(scores.device)
                scores[chosen] = scores[chosen].masked_fill(refused.to(scores.device), -torch.inf)

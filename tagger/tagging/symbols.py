"""Addresses, tags such as `#news`, smileys, emoji and marks that training lacks -> the tags that they may have.

A network takes an emoji that it has never seen for a noun or a verb, and makes a lemma of `#news`. Universal
Dependencies says what such tokens are: https://universaldependencies.org/u/pos/SYM.html. In train and dev of sixty of
its treebanks 98 of 100 words of two characters or more, none of them a letter or a digit, are PUNCT or SYM.
"""

# N tokens, K tags of a column

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from tagger.model.vocabulary import Vocabulary
from tagger.text.segment_rules import whole_kind
from tagger.text.strings import LEMMA, UPOS

MARK, ADDRESS = ("PUNCT", "SYM"), ("PROPN", "SYM", "X")
TAGS = {"": MARK, "emoji": ("SYM",), "smiley": ("SYM",), "email": ADDRESS, "tag": ADDRESS, "url": ADDRESS}
SAME = "keep:*"  # the edit script of a lemma that is the word itself


@lru_cache(maxsize=1 << 14)
def _kind(form: str) -> str | None:
    """A kind in `TAGS`, that of a mark is an empty string; None: any other word."""
    return whole_kind(form) or (None if any(map(str.isalnum, form)) else "")


class Symbols:
    """What a tagger does with such tokens. Tags that are not those of Universal Dependencies stay free."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        """Takes the words and the tags of training."""
        self._known = vocabulary.known_forms
        self._refused: dict[tuple[str, str], Tensor] = {}  # of a column and a kind, (K,) of bool
        for kind, names in TAGS.items():
            for column, allowed in ((UPOS, names), (LEMMA, (SAME,))):
                ids = vocabulary.tag_ids.get(column, {})
                refused = torch.tensor([tag not in allowed for tag in ids], dtype=torch.bool)
                if not refused.all():
                    self._refused[column, kind] = refused

    def find(self, forms: Sequence[str]) -> dict[int, str]:
        """The places of such words, and their kinds."""
        unseen = {form for form in set(forms) if not form.isalnum() and form not in self._known}
        kinds = {form: kind for form in unseen if (kind := _kind(form)) is not None}
        return {place: kinds[form] for place, form in enumerate(forms) if form in kinds} if kinds else {}

    def weigh(self, column: str, scores: Tensor, found: Mapping[int, str], places: np.ndarray) -> None:
        """Makes the scores -inf of the tags that such a word cannot have.

        Args:
            scores: (N, K), changed in place.
            found: see `find`.
            places: (N,), the place in `forms` of each token's word; -1: any tag is left.
        """
        for row in np.flatnonzero(np.isin(places, list(found))) if found else ():
            refused = self._refused.get((column, found[places[row]]))
            if refused is not None:
                scores[row, refused.to(scores.device)] = -torch.inf

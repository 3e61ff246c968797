"""Sentences that are written in one case, such as headlines: what the networks read instead.

Treebanks hold edited text, so that a network takes most words with capitals for names. Where a whole sentence is in
capitals, or has none, or has one in front of every word, its case says nothing: each word is read as training writes
it. In other sentences words in capitals, such as `BREAKING: Zug entgleist`, are read so if training has them otherwise.
"""

from collections.abc import Collection, Sequence
from functools import cached_property

MIN_WORDS = 3  # with letters of two cases, of a sentence in one case
MIN_CAPITALIZED_WORDS = 6  # the same, where every word begins with a capital
MIN_SMALL = 0.15  # share of these words that training has in small letters; in a list of names fewer are known
MIN_CAPITALIZED_FORMS = 0.01  # share of the forms of training; with fewer the language or treebank has no capitals
NOUNS_CAPITALIZED = 0.5  # the same; with more the language writes nouns with a capital, as German does


class Casing:
    """How the words of training are written."""

    def __init__(self, forms: Collection[str]) -> None:
        self._forms = dict.fromkeys(forms)

    def read(self, tokens: Sequence[str]) -> Sequence[str]:
        """What stands for the words of a sentence: themselves, unless it is written in one case."""
        if self._share <= MIN_CAPITALIZED_FORMS:
            return tokens
        text = "".join(tokens)
        no_capitals, all_capitals = text.islower(), text.isupper()
        in_one_case = no_capitals or all_capitals
        if not in_one_case and any(token[:1].islower() for token in tokens):
            return self._read_shouted(tokens)
        small = list(map(_small, tokens))
        words = sum(form.islower() and form.upper() != form for form in small)
        if words < (MIN_WORDS if in_one_case else MIN_CAPITALIZED_WORDS):
            return tokens if in_one_case else self._read_shouted(tokens)
        found = [self._find(token, form) for token, form in zip(tokens, small, strict=True)]
        known = sum(written is not None and written.islower() for written in found)
        if not no_capitals and known < MIN_SMALL * words:
            return tokens
        other = _capitalized if self._share > NOUNS_CAPITALIZED else str
        first, *others = [written or other(form) for written, form in zip(found, small, strict=True)]
        if no_capitals and found[0] == tokens[0]:  # training, too, has sentences without capitals
            return [first, *others]
        return [_capitalized(first), *others]

    def _read_shouted(self, tokens: Sequence[str]) -> Sequence[str]:
        """A sentence in which some words may be in capitals: a word that training has in small letters alone is one."""
        shouted = [place for place, token in enumerate(tokens) if token.isupper() and len(token) > 1]
        if not shouted:
            return tokens
        found = list(tokens)
        for place in shouted:
            token = tokens[place]
            written = None if token in self._forms else self._find(token, _small(token))
            if written is not None:
                found[place] = written if place else _capitalized(written)
        return found

    def _find(self, token: str, small: str) -> str | None:
        """How training writes a word, of several ways that with the fewest capitals; None if it lacks it."""
        if small in self._forms:
            return small
        return self._written.get(small) or (self._shouted.get(token) if token.isupper() else None)

    @cached_property
    def _share(self) -> float:
        """How many forms of training begin with a capital, of all."""
        return sum(form[:1].isupper() and form[1:].islower() for form in self._forms) / max(1, len(self._forms))

    @cached_property
    def _written(self) -> dict[str, str]:
        """Small letters -> a form of training with capitals; of several, the one with the fewest."""
        forms = sorted(form for form in self._forms if _small(form) != form)
        forms.sort(key=lambda form: sum(map(str.isupper, form)), reverse=True)
        return {_small(form): form for form in forms}

    @cached_property
    def _shouted(self) -> dict[str, str]:
        """A form in capitals -> as training writes it; for letters that small letters do not give back, such as ß."""
        small = [form for form in self._forms if _small(form) == form]
        return {form.upper(): form for form in [*self._written.values(), *small]}


def _small(token: str) -> str:
    return token.lower().replace("i\u0307", "i")  # of the Turkish İ


def _capitalized(form: str) -> str:
    return form[:1].upper() + form[1:]

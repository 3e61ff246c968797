"""Sentences that are written in one case, such as headlines: what the networks read instead.

Treebanks hold edited text, so that a network takes most words with capitals for names. Where a whole sentence is in
capitals, or has none, or has one in front of every word, its case says nothing: each word is read as training writes
it.
"""

from collections.abc import Collection, Sequence
from functools import cached_property

MIN_WORDS = 3  # that could have capitals, of a sentence in one case; a shorter one may be names
MIN_CAPITALIZED_WORDS = 6  # the same, where every word begins with a capital, as in a list of some names
MIN_CAPITALIZED_FORMS = 0.01  # share of the forms of training; with fewer the language or treebank has no capitals


class Casing:
    """How the words of training are written."""

    def __init__(self, forms: Collection[str]) -> None:
        """Takes the word forms of training."""
        self._forms = forms

    def read(self, tokens: Sequence[str]) -> Sequence[str]:
        """What stands for the words of a sentence: themselves, unless it is written in one case."""
        text = "".join(tokens)
        if text.isupper() or text.islower():
            least = MIN_WORDS
        elif len(tokens) >= MIN_CAPITALIZED_WORDS and not any(token[:1].islower() for token in tokens):
            least = MIN_CAPITALIZED_WORDS
        else:
            return tokens
        upper = [token.upper() for token in tokens]
        if sum(map(str.isupper, upper)) < least or not self._written:
            return tokens
        first, *others = [self._written.get(form, form.lower()) for form in upper]
        return [first[:1].upper() + first[1:], *others]

    @cached_property
    def _written(self) -> dict[str, str]:
        """A form in capitals -> as it is written in training; of several that differ, the one with fewest capitals."""
        capitalized = sum(form[:1].isupper() and form[1:].islower() for form in self._forms)
        if capitalized <= MIN_CAPITALIZED_FORMS * len(self._forms):
            return {}
        ordered = sorted(self._forms, key=lambda form: (-sum(map(str.isupper, form)), form))
        return {form.upper(): form for form in ordered}

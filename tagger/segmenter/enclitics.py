"""Pronouns behind a verb, in one token with it: Spanish *siéntate* is `sienta te`, Italian *dammi* is `da mi`.

Endings of whole forms do not tell: of the words in *-te* few are split. What tells is that the rest is a verb, and what
training splits of such words: behind which last letter of the verb, with or without an accent that goes when the
pronouns go, and what the dictionary says of the whole token. These circumstances are counted, not listed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Annotated, NamedTuple
from unicodedata import normalize

from msgspec import Meta

from tagger.text.schema import ShortName
from tagger.words.dictionary import Dictionary, open_dictionary

JOINTS = dict.fromkeys(map(ord, "-'’"))  # between a verb and pronouns: Catalan porta-me, digue'm
MIN_VERB = 2  # letters before the pronouns
ACCENTS = "\u0301", "\u0300"  # acute and grave; Unicode's NFD has them behind their letters
_Texts = Annotated[list[ShortName], Meta(max_length=10_000)]
_Ending = tuple[ShortName, Annotated[str, Meta(max_length=10)], ShortName]


class Split(NamedTuple):
    """A way to split a token."""

    circumstances: str  # what is counted
    words: tuple[str, ...]  # in lower case


@dataclass(frozen=True)
class Enclitics:
    """What training shows of verbs with pronouns behind them.

    Attributes:
        endings: what the token ends with, what the verb has in the place of that, and the pronouns, with spaces
            between; the most frequent first: `("os", "d", "os")` of *sentaos*, `sentad os`. Two may follow one another.
        circumstances: in which it is right to split; see `Enclitics.ways`.
        verbs: forms that are verbs in training and not in the dictionary.
        whole: words of training that circumstances alone would split.
        infinitives: last two letters of most lemmas of verbs.
        dictionary: codes and digests of the dictionaries that know the other verbs.
    """

    endings: Annotated[list[_Ending], Meta(max_length=1000)] = field(default_factory=list)
    circumstances: _Texts = field(default_factory=list)
    verbs: _Texts = field(default_factory=list)
    whole: _Texts = field(default_factory=list)
    infinitives: _Texts = field(default_factory=list)
    dictionary: Annotated[dict[ShortName, ShortName], Meta(max_length=10)] = field(default_factory=dict)

    def split(self, form: str) -> tuple[str, ...]:
        """The words of a token in the case in which it is written; none if it is no verb with pronouns."""
        if not self.circumstances or not is_word(form):
            return ()
        lower = form.lower()
        if lower in self._whole:
            return ()
        found = next((way.words for way in self.ways(lower) if way.circumstances in self._right), ())
        if form.isupper() and len(form) > 1:
            return tuple(word.upper() for word in found)
        return (found[0].capitalize(), *found[1:]) if found and form[0].isupper() else found

    def ways(self, form: str) -> Iterator[Split]:
        """All ways to split a token in lower case, the longest ending first."""
        for size in range(len(form) - MIN_VERB, 0, -1):
            for added, pronouns in self._endings.get(form[-size:], ()):
                stem = form[:-size]
                for before in dict.fromkeys((stem, without_accents(stem))):
                    verb = before + added
                    if self.is_verb(verb):
                        accent = "accent" if before != stem else "plain"
                        about = f"{added or '-'} {accent} {verb[-1]} {self._known_as(form)}"
                        yield Split(about, (verb, *pronouns.split(" ")))

    def is_verb(self, form: str) -> bool:
        """Whether a form is one of a verb, to training or the dictionary."""
        return form in self._verbs or (self._lemma(form) or "")[-2:] in self.infinitives

    def _known_as(self, form: str) -> str:
        """What the dictionary says of a whole token."""
        lemma = self._lemma(form)
        if lemma is None:
            return "unknown"
        return "lemma" if lemma == form else "verb" if lemma[-2:] in self.infinitives else "word"

    def _lemma(self, form: str) -> str | None:
        return self._dictionary.look_up([form]).lemmas[0] if self._dictionary else None

    @cached_property
    def _dictionary(self) -> Dictionary | None:
        return open_dictionary(**self.dictionary) if self.dictionary else None

    @cached_property
    def _endings(self) -> dict[str, list[tuple[str, str]]]:
        found: dict[str, list[tuple[str, str]]] = {}
        seconds = [("", "", "")] + [ending for ending in self.endings if not ending[1] and " " not in ending[2]]
        for (written, added, pronouns), (last, _, second) in product(self.endings, seconds):
            ways = found.setdefault(written + last, [])
            if (way := (added, f"{pronouns} {second}".rstrip())) not in ways:
                ways.append(way)
        return found

    @cached_property
    def _right(self) -> frozenset[str]:
        return frozenset(self.circumstances)

    @cached_property
    def _whole(self) -> frozenset[str]:
        return frozenset(self.whole)

    @cached_property
    def _verbs(self) -> frozenset[str]:
        return frozenset(self.verbs)


def ending_of(form: str, words: Sequence[str]) -> tuple[str, str, str]:
    """The ending of a token of a verb and pronouns, all in lower case."""
    verb, pronouns = words[0], words[1:]
    stem, written = without_accents(form), "".join(pronouns)
    same = len(form) - len(written)
    if stem[:same] != without_accents(verb) or not form.endswith(written):
        same = next((i for i, (a, b) in enumerate(zip(stem, without_accents(verb), strict=False)) if a != b), len(verb))
    return form[same:], verb[same:], " ".join(pronouns)


def without_accents(form: str) -> str:
    """The form without acute and grave accents."""
    return normalize("NFC", "".join(letter for letter in normalize("NFD", form) if letter not in ACCENTS))


def is_word(form: str) -> bool:
    """Whether a token is one of letters, with hyphens and apostrophes between them."""
    return form[:1].isalpha() and form[-1:].isalpha() and form.translate(JOINTS).isalpha()

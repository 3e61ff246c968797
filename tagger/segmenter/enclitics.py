"""Pronouns behind a verb, in one token with it: Spanish *siéntate* is `sienta te`, Italian *siediti* is `siedi ti`.

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
MAX_ENDINGS, MAX_FORMS = 100, 10_000
_Written = Annotated[str, Meta(min_length=1, max_length=40)]
_Forms = Annotated[list[_Written], Meta(max_length=MAX_FORMS)]
_Ending = tuple[_Written, Annotated[str, Meta(max_length=10)], _Written]


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
        verbs: forms that are verbs in training, and whose lemma in the dictionary is no infinitive.
        whole: words of training that circumstances alone would split.
        infinitives: last two letters of most lemmas of verbs, which few other words have.
        dictionary: codes and digests of the dictionaries that know the other verbs.
    """

    endings: Annotated[list[_Ending], Meta(max_length=MAX_ENDINGS)] = field(default_factory=list)
    circumstances: _Forms = field(default_factory=list)
    verbs: _Forms = field(default_factory=list)
    whole: _Forms = field(default_factory=list)
    infinitives: _Forms = field(default_factory=list)
    dictionary: Annotated[dict[ShortName, ShortName], Meta(max_length=10)] = field(default_factory=dict)

    def split(self, form: str) -> tuple[str, ...]:
        """The words of a token in small letters, in capitals, or with a first capital; none if it stays whole."""
        if not self.circumstances or not is_word(form):
            return ()
        lower = form.lower()
        self.look_up([lower])
        found = self._known[lower]
        if form == lower:
            return found
        if form == form.upper() and len(form) > 1:
            return tuple(word.upper() for word in found)
        return (found[0].capitalize(), *found[1:]) if found and form == lower.capitalize() else ()

    def look_up(self, forms: Sequence[str]) -> None:
        """Splits tokens in lower case all at once, and remembers them: the dictionary is asked once."""
        new = [form for form in forms if form not in self._known]
        if new and len(self._known) + len(new) > MAX_FORMS:
            self._known.clear()
            new = list(forms)
        asked = [form for form in new if form not in self._whole and is_word(form)]
        begun = [[way for way in self._candidates(form) if way.circumstances in self._begun] for form in asked]
        self._known.update(dict.fromkeys(new, ()))
        for form, ways in zip(asked, self._told(asked, begun), strict=True):
            self._known[form] = next((way.words for way in ways if way.circumstances in self._right), ())

    def ways(self, forms: Sequence[str]) -> Iterator[list[Split]]:
        """For each token in lower case all ways to split it into a verb and pronouns, the longest ending first."""
        return self._told(forms, [list(self._candidates(form)) for form in forms])

    def _candidates(self, form: str) -> Iterator[Split]:
        """Ways whose first word may be no verb, without what the dictionary says."""
        for size in range(min(len(form) - MIN_VERB, self._longest), 0, -1):
            for added, pronouns in self._endings.get(form[-size:], ()):
                stem = form[:-size]
                for before in dict.fromkeys((stem, without_accents(stem))):
                    verb, accent = before + added, "plain" if before == stem else "accent"
                    yield Split(f"{added or '-'} {accent} {verb[-1]}", (verb, *pronouns))

    def _told(self, forms: Sequence[str], candidates: Sequence[list[Split]]) -> Iterator[list[Split]]:
        """Those ways whose first word is a verb, with what the dictionary says of the token in their circumstances."""
        asked = {way.words[0] for ways in candidates for way in ways}
        asked.update(form for form, ways in zip(forms, candidates, strict=True) if ways)
        lemmas: dict[str, str | None] = {}
        if self._dictionary and asked:
            lemmas = dict(zip(asked, self._dictionary.look_up(list(asked)).lemmas, strict=True))
        for form, ways in zip(forms, candidates, strict=True):
            lemma = lemmas.get(form)
            known_as = "unknown" if lemma is None else "lemma" if lemma == form else self._kind(lemma)
            yield [
                way._replace(circumstances=f"{way.circumstances} {known_as}")
                for way in ways
                if way.words[0] in self._verbs or self._kind(lemmas.get(way.words[0]) or "") == "verb"
            ]

    def _kind(self, lemma: str) -> str:
        return "verb" if lemma[-2:] in self.infinitives else "word"

    @cached_property
    def _known(self) -> dict[str, tuple[str, ...]]:
        return {}

    @cached_property
    def _dictionary(self) -> Dictionary | None:
        return open_dictionary(**self.dictionary) if self.dictionary else None

    @cached_property
    def _endings(self) -> dict[str, dict[tuple[str, tuple[str, ...]], None]]:
        found: dict[str, dict[tuple[str, tuple[str, ...]], None]] = {}
        one: list[tuple[str, tuple[str, ...]]] = [
            (written, (pronoun,)) for written, added, pronoun in self.endings if not added and " " not in pronoun
        ]
        for (written, added, pronouns), (last, second) in product(self.endings, [("", ()), *one]):
            found.setdefault(written + last, {})[added, (*pronouns.split(" "), *second)] = None
        return found

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self._endings), default=0)

    @cached_property
    def _right(self) -> frozenset[str]:
        return frozenset(self.circumstances)

    @cached_property
    def _begun(self) -> frozenset[str]:
        return frozenset(each.rpartition(" ")[0] for each in self.circumstances)

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

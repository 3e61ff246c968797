"""Sentences that a treebank and its text lack, for a teacher to tag and a student to learn from.

A small student knows a word by its letters, an accurate teacher by what its encoder has read. So a student learns most
from words that no text here has: they are made of stems and endings of those that are there.
"""

import random
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

PAIRS = ["“”", "„“", "„”", "””", "«»", "»«", '""', "``''", "‘’", "‚‘", "''", "「」", "『』", "《》", "()", "[]", "（）"]
SINGLE = ["-", "–", "—", "--", "...", "…", ";", ":", "•", "/", "*"]
LEAST_STEM, MOST_ENDING = 3, 5  # letters
LEAST_ENDINGS = 3  # of a stem
SHARE = 0.35  # of the words that get another stem, at most


def punctuated(sentences: Sequence[list[str]], number: int, seed: int) -> Iterator[list[str]]:
    """Sentences with quotation marks, brackets, dashes and dots that a small treebank may lack.

    What a student has never seen it takes for a foreign word; the teacher knows better.
    """
    chance = random.Random(seed)
    for tokens in chance.choices(sentences, k=number):
        first = chance.randrange(len(tokens))
        last = min(len(tokens), first + chance.randint(1, 5))
        pair = chance.choice(PAIRS)
        half = len(pair) // 2
        words = [*tokens[:first], pair[:half], *tokens[first:last], pair[half:], *tokens[last:]]
        if chance.random() < 0.5:
            words.insert(chance.randrange(1, len(words)), chance.choice(SINGLE))
        yield words


class Stems:
    """Beginnings of words that have several endings, such as `book` with ``, `s` and `ed`."""

    def __init__(self, forms: Collection[str]) -> None:
        """Finds those of forms in lower case."""
        found: dict[str, set[str]] = defaultdict(set)
        for form in sorted(forms):
            for stem, ending in self._cuts(form):
                found[stem].add(ending)
        self._endings = {stem: endings for stem, endings in found.items() if len(endings) >= LEAST_ENDINGS}
        self._stems: dict[str, list[str]] = defaultdict(list)
        for stem, endings in self._endings.items():
            for ending in endings:
                self._stems[ending].append(stem)

    @staticmethod
    def _cuts(form: str) -> list[tuple[str, str]]:
        places = range(max(LEAST_STEM, len(form) - MOST_ENDING), len(form) + 1)
        return [(form[:place], form[place:]) for place in places]

    def other(self, form: str, chance: random.Random) -> str | None:
        """A form of another stem with the ending of this one; the two stems have one more ending in common."""
        cuts = [(stem, ending) for stem, ending in self._cuts(form) if stem in self._endings]
        if not cuts:
            return None
        stem, ending = chance.choice(cuts)
        shared = chance.choice(sorted(self._endings[stem] - {ending}))
        return chance.choice(self._stems[shared]) + ending


def recombined(sentences: Sequence[list[str]], forms: Collection[str], words: int, seed: int) -> Iterator[list[str]]:
    """Sentences in which some words have another stem, so that there are forms which no text has.

    They have about so many `words`; fewer if the script has no stems, as Chinese. `forms` are known, in lower case.
    """
    chance, stems = random.Random(seed), Stems(forms)
    left = words
    for tokens in chance.choices(sentences, k=words):
        made = list(tokens)
        for place, token in enumerate(tokens):
            if token.isalpha() and len(token) > LEAST_STEM and chance.random() < SHARE:
                other = stems.other(token.lower(), chance)
                if other is not None and other not in forms:
                    made[place] = other.capitalize() if token.istitle() else other
        if made != tokens:
            yield made
            left -= len(made)
        if left < 0:
            return

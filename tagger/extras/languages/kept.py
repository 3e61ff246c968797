"""Which tags of an older release of a treebank are those of today: what dev says of its words.

Most words have today's tags already, and a guesser knows only what the few sentences of dev have: those of French lack
the second person.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence

from tagger.text.sentence import Sentence

Names = frozenset[str]  # of features, as in Case=Nom|Number=Sing
RARE = 0.01  # share of the words of a UPOS, below which the names of their features count as errors
LACKING = 0.75  # share of today's share: a name that an older release has less often may be missing in any word


class Kept:
    """The words of today's treebank and of an older release, which tell what stays of that."""

    def __init__(self, today: Sequence[Sentence], older: Sequence[Sentence]) -> None:
        self._of_word: defaultdict[tuple[str, str], set[str]] = defaultdict(set)  # FEATS
        for sentence in today:
            words = zip(sentence.tokens, sentence.tags["upos"], sentence.tags["feats"], strict=True)
            for form, upos, feats in words:
                self._of_word[form.lower(), upos].add(feats)
        sets, old = _counts(today), _counts(older)
        self._of_upos = {
            upos: {names for names, count in counts.items() if count >= RARE * counts.total()}
            for upos, counts in sets.items()
        }
        shares, old_shares = _shares(sets), _shares(old)
        self._lacking = {
            upos: {name for name, share in found.items() if old_shares.get(upos, {}).get(name, 0) < LACKING * share}
            for upos, found in shares.items()
        }

    def upos(self, form: str, upos: str) -> bool:
        """Whether a word keeps its UPOS: today's treebank gives it, too."""
        return (form.lower(), upos) in self._of_word

    def feats(self, form: str, upos: str, feats: str) -> bool:
        """Whether a word keeps its FEATS: today's treebank gives it these, too.

        If the word is new, their names are those of other words of its UPOS, and no name is missing that such words
        have today, too, and that the older release gives to far fewer of them.
        """
        if self.upos(form, upos):
            return feats in self._of_word[form.lower(), upos]
        names, known = _names(feats), self._of_upos.get(upos, set())
        return names in known and not any(names < more and self._lacking[upos] & (more - names) for more in known)


def _names(feats: str) -> Names:
    return frozenset(feature.partition("=")[0] for feature in feats.split("|"))


def _counts(sentences: Sequence[Sentence]) -> dict[str, Counter[Names]]:
    """How often each UPOS has the names of features."""
    counts: defaultdict[str, Counter[Names]] = defaultdict(Counter)
    for sentence in sentences:
        for upos, feats in zip(sentence.tags["upos"], sentence.tags["feats"], strict=True):
            counts[upos][_names(feats)] += 1
    return counts


def _shares(sets: dict[str, Counter[Names]]) -> dict[str, dict[str, float]]:
    """The share of the words of each UPOS that have a name."""
    return {
        upos: {
            name: sum(count for names, count in counts.items() if name in names) / counts.total()
            for name in frozenset[str]().union(*counts)
        }
        for upos, counts in sets.items()
    }

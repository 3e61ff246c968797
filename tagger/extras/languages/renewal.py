"""The tags of an older scheme -> those of today, from what a teacher thinks of the text and what the old tags say.

A teacher that is told the treebank gives each word the tags of today, with probabilities. It may be in doubt where the
old tags are not: whether a noun is a subject or an object. So the old value of each feature, and of UPOS, is evidence
for the new tags (naive Bayes). How often an old value goes with a new one is counted over the whole text, after the
tags that were chosen last: where the schemes differ in a value, the old one says nothing against the new one.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import tagger
from tagger.extras.languages.scheme import FEATS, FORM, UPOS, XPOS, is_word, words_of
from tagger.text.conllu import read_conllu
from tagger.text.sentence import Sentence
from tagger.text.strings import NO_TAG

TOP = 12  # alternatives of the teacher in each column
ROUNDS = 3  # of counting and choosing
SMOOTHING = 0.5  # added to each count
LEAST = 1e-6  # probability of a tag
WEIGHT = 5.0  # of the teacher beside the times that a form is in today's text

Tags = tuple[str, str]  # UPOS and FEATS


class Evidence:
    """How probable old tags are of a word that has certain new ones: a product over UPOS and the features."""

    def __init__(self, old: Sequence[Tags], new: Sequence[Tags]) -> None:
        """Counts which old values go with which new ones, for each new UPOS."""
        self._counts: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
        self._values: dict[str, set[str]] = defaultdict(set)
        for before, after in zip(old, new, strict=True):
            for name, had, has in _pairs(before, after):
                self._counts[after[0], name, has][had] += 1
                self._values[name].add(had)
        self._known: dict[tuple[Tags, Tags], float] = {}

    def log(self, old: Tags, new: Tags) -> float:
        """The logarithm of the probability."""
        if (old, new) not in self._known:
            total = 0.0
            for name, had, has in _pairs(old, new):
                counts = self._counts.get((new[0], name, has), Counter[str]())
                most = counts.total() + SMOOTHING * (len(self._values[name]) + 1)
                total += math.log((counts[had] + SMOOTHING) / most)
            self._known[old, new] = total
        return self._known[old, new]


def renewed(text: str, today: str, teacher: Path, corpus: str | None) -> str:
    """A text in CoNLL-U with UPOS, XPOS and FEATS of today; all else is as it was.

    Args:
        today: a text of today's scheme, which has each pair of UPOS and FEATS that a word may get.
        teacher: the folder of the teacher.
        corpus: the name of today's treebank, as the teacher knows it; None if it knows one alone.
    """
    model = tagger.load(teacher, device="cpu", corpus=corpus)
    sentences = [Sentence(each.tokens) for each in read_conllu((f"{line}\n" for line in text.split("\n")), "the text")]
    found = [alternatives for each in model.stream(sentences, top=TOP) for alternatives in _alternatives(each)]
    forms: dict[str, Counter[Tags]] = defaultdict(Counter)
    for cells in words_of(today):
        forms[cells[FORM]][cells[UPOS], cells[FEATS]] += 1
    words = [(cells[FORM], (cells[UPOS], cells[FEATS])) for cells in words_of(text)]
    chosen = choose(words, found, forms)
    together = Counter((cells[UPOS], cells[XPOS]) for cells in words_of(today))
    new = zip(chosen, found, strict=True)
    lines = []
    for line in text.split("\n"):
        cells = line.split("\t")
        if is_word(cells):
            (cells[UPOS], cells[FEATS]), columns = next(new)
            xpos = [tag for tag, _ in columns.get("xpos", [])]
            cells[XPOS] = next((tag for tag in xpos if (cells[UPOS], tag) in together), NO_TAG)
        lines.append("\t".join(cells))
    return "\n".join(lines)


def choose(
    words: Sequence[tuple[str, Tags]],
    found: Sequence[dict[str, list[tuple[str, float]]]],
    today: Mapping[str, Counter[Tags]],
) -> list[Tags]:
    """The new UPOS and FEATS of each word.

    Args:
        words: their forms and old tags.
        found: for each column the tags that the teacher thinks of, with probabilities, best first.
        today: how often each form has which tags in a text of today.
    """
    known = {tags for counts in today.values() for tags in counts}
    candidates = []
    for (form, _), columns in zip(words, found, strict=True):
        shares = {
            (upos, feats): p * q for upos, p in columns["upos"] for feats, q in columns.get("feats", [(NO_TAG, 1.0)])
        }
        counts = today.get(form, Counter[Tags]())
        allowed = {tags: share for tags, share in shares.items() if tags in known} or shares
        candidates.append({tags: math.log(counts[tags] + WEIGHT * share + LEAST) for tags, share in allowed.items()})
    old = [tags for _, tags in words]
    chosen = [max(each, key=each.__getitem__) for each in candidates]
    for _ in range(ROUNDS):
        evidence = Evidence(old, chosen)
        chosen = [
            max(each, key=lambda tags: each[tags] + evidence.log(before, tags))
            for before, each in zip(old, candidates, strict=True)
        ]
    return chosen


def _alternatives(sentence: Sentence) -> list[dict[str, list[tuple[str, float]]]]:
    """For each word the alternatives of each column."""
    columns = {name: each for name, each in sentence.alternatives.items() if name in ("upos", "xpos", "feats")}
    return [{name: each[place] for name, each in columns.items()} for place in range(len(sentence))]


def _pairs(old: Tags, new: Tags) -> list[tuple[str, str, str]]:
    """The old and the new value of UPOS and of each feature that one of both has."""
    had, has = ({"UPOS": upos, **_features(feats)} for upos, feats in (old, new))
    return [(name, had.get(name, NO_TAG), has.get(name, NO_TAG)) for name in sorted({*had, *has})]


def _features(feats: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in feats.split("|") if "=" in part)

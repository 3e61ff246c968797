"""Checks of UPOS beside XPOS and FEATS: a pair that the rest of the corpus almost never has."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache

from tagger.corpus.findings import Finding
from tagger.corpus.lined import LinedSentence
from tagger.text.gold_tags import NO_TAG, is_annotated

MIN_COUNT = 50  # words with an XPOS or a feature, from which on the corpus says which UPOS go with it
RARE_SHARE, RARE_COUNT = 0.005, 10  # of these words: a UPOS that so few have is rare there
USUAL_SHARE = 0.995  # of the words of a UPOS have a feature: then the others lack it
ALIKE_SHARE = 0.9  # of the words with the same UPOS and XPOS have it, too
CONVENTION = 3  # the same form so often in the same rare way: that is meant
ANYWHERE = frozenset(("Abbr", "ExtPos", "Foreign", "Style", "Typo", "CorrectForm"))  # features of every UPOS

Parts = Callable[[str], Sequence[str]]  # a cell -> what of it goes with a UPOS


def xpos_contradictions(sentences: Sequence[LinedSentence]) -> Iterator[Finding]:
    """Yields the words whose XPOS goes with another UPOS almost everywhere else."""
    yield from _contradictions(sentences, "xpos", lambda xpos: (xpos,) if is_annotated("xpos", xpos) else ())


def feats_contradictions(sentences: Sequence[LinedSentence]) -> Iterator[Finding]:
    """Yields the words with a feature that goes with other UPOS almost everywhere else, or without one of their UPOS.

    The value does not matter: that proper nouns are rarely plural says nothing against one that is.
    """
    names = cache(_names)
    yield from _contradictions(sentences, "feats", names)
    yield from _lacking(sentences, names)


def _names(feats: str) -> tuple[str, ...]:
    """The names of the features, but for those of every UPOS."""
    if feats in ("", NO_TAG):
        return ()
    return tuple({name: 0 for pair in feats.split("|") if (name := pair.partition("=")[0]) not in ANYWHERE})


def _contradictions(sentences: Sequence[LinedSentence], column: str, parts: Parts) -> Iterator[Finding]:
    cells: Counter[tuple[str, str]] = Counter()  # (UPOS, cell)
    forms: Counter[tuple[str, str, str]] = Counter()  # (lower-cased form, UPOS, cell)
    for sentence in sentences:
        rows = list(zip(sentence.tags["upos"], sentence.tags[column], strict=True))
        cells.update(rows)
        forms.update((form.lower(), *row) for form, row in zip(sentence.tokens, rows, strict=True))
    pairs: Counter[tuple[str, str]] = Counter()  # (UPOS, part of a cell)
    totals: Counter[str] = Counter()
    for (upos, cell), count in cells.items():
        for part in parts(cell) if is_annotated("upos", upos) else ():
            pairs[upos, part] += count
            totals[part] += count
    usual: dict[str, tuple[str, int]] = {}
    for (upos, part), count in pairs.most_common():
        usual.setdefault(part, (upos, count))
    rare = {
        (upos, part)
        for (upos, part), count in pairs.items()
        if totals[part] >= MIN_COUNT and count <= max(1, min(RARE_COUNT, RARE_SHARE * totals[part]))
    }
    for sentence in sentences:
        for i, (upos, cell) in enumerate(zip(sentence.tags["upos"], sentence.tags[column], strict=True)):
            found = next((part for part in parts(cell) if (upos, part) in rare), None)
            if found is None or i in sentence.torn or forms[sentence.tokens[i].lower(), upos, cell] >= CONVENTION:
                continue
            best, count = usual[found]
            reason = f"{pairs[upos, found]} of {totals[found]:,} words with {found} are {upos}; {count:,} are {best}"
            place = (sentence.file, sentence.lines[i], sentence.tokens[i])
            yield Finding("warning", f"upos-{column}", *place, "upos", upos, reason, best)


def _lacking(sentences: Sequence[LinedSentence], names: Parts) -> Iterator[Finding]:
    """Yields the words without a feature that nearly all words of their UPOS have."""
    kinds: Counter[tuple[str, str, str]] = Counter()  # (UPOS, XPOS, FEATS)
    forms: Counter[tuple[str, str, str]] = Counter()  # (lower-cased form, UPOS, FEATS)
    for sentence in sentences:
        upos, feats = sentence.tags["upos"], sentence.tags["feats"]
        kinds.update(zip(upos, sentence.tags["xpos"], feats, strict=True))
        forms.update(zip(map(str.lower, sentence.tokens), upos, feats, strict=True))
    words: Counter[str] = Counter()
    having: Counter[tuple[str, str]] = Counter()  # (UPOS, name of a feature)
    alike: Counter[tuple[str, str]] = Counter()  # (UPOS, XPOS)
    having_alike: Counter[tuple[str, str, str]] = Counter()  # (UPOS, XPOS, name of a feature)
    for (pos, xpos, cell), count in kinds.items():
        words[pos] += count
        alike[pos, xpos] += count
        for name in names(cell):
            having[pos, name] += count
            having_alike[pos, xpos, name] += count
    due: dict[str, list[str]] = {}
    for (pos, name), count in having.items():
        if words[pos] >= MIN_COUNT and USUAL_SHARE * words[pos] <= count < words[pos]:
            due.setdefault(pos, []).append(name)
    for sentence in sentences:
        rows = zip(sentence.tokens, *(sentence.tags[column] for column in ("upos", "xpos", "feats")), strict=True)
        for i, (form, pos, xpos, cell) in enumerate(rows):
            for name in due.get(pos, ()):
                usual = having_alike[pos, xpos, name] >= ALIKE_SHARE * alike[pos, xpos]
                if name not in names(cell) and usual and forms[form.lower(), pos, cell] < CONVENTION:
                    reason = f"{having[pos, name]:,} of {words[pos]:,} words with {pos} have {name}, and this has not"
                    place = sentence.file, sentence.lines[i], form
                    yield Finding("warning", "upos-feats", *place, "feats", cell, reason)
                    break

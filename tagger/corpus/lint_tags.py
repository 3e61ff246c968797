"""Checks of single tags: a UPOS that UD does not have, and `_` where a tag is due."""

from collections import Counter
from collections.abc import Iterator, Sequence

from tagger.corpus.findings import Finding, Severity
from tagger.corpus.lined import LinedSentence
from tagger.text.gold_tags import LEMMA, is_annotated

UPOS = "upos"
UNIVERSAL = frozenset(  # https://universaldependencies.org/u/pos/
    ("ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN", "PUNCT", "SCONJ")
) | {"SYM", "VERB", "X"}
BLANKABLE = (UPOS, "xpos", LEMMA)  # in FEATS, _ is a value: no features
DUE_SHARE = 0.9  # of the words of a column have a tag: then the others lack theirs
USED_SHARE = 0.01  # of the words have a tag: if fewer have, the corpus does not have the column


def unknown_upos(sentences: Sequence[LinedSentence]) -> Iterator[Finding]:
    """Yields the words whose UPOS is none of the 17 of UD."""
    for sentence in sentences:
        if UNIVERSAL.issuperset(sentence.tags[UPOS]):
            continue
        for i, tag in enumerate(sentence.tags[UPOS]):
            if tag not in UNIVERSAL and is_annotated(UPOS, tag):
                reason = f"{tag} is no UPOS of Universal Dependencies"
                yield Finding(
                    "error", "unknown-upos", sentence.file, sentence.lines[i], sentence.tokens[i], UPOS, tag, reason
                )


def blank_tags(sentences: Sequence[LinedSentence]) -> Iterator[Finding]:
    """Yields the words without a tag in a column in which nearly all words have one.

    A column that has tags in some words, from `USED_SHARE` on, but in fewer than `DUE_SHARE`, gives one finding per
    split. So does a split without any tag in a column that another split has. The rest of a torn word (`goeswith`)
    needs no lemma.
    """
    filled: dict[str, Counter[str]] = {column: Counter() for column in BLANKABLE}
    words: Counter[str] = Counter()
    blanks: dict[tuple[str, str], list[Finding]] = {}
    for sentence in sentences:
        words[sentence.split] += len(sentence.tokens)
        for column, counts in filled.items():
            for i, (form, tag) in enumerate(zip(sentence.tokens, sentence.tags[column], strict=True)):
                if is_annotated(column, tag, form) or (i in sentence.torn and column != UPOS):
                    counts[sentence.split] += 1
                    continue
                place = blanks.setdefault((column, sentence.split), [])
                severity: Severity = "error" if column == UPOS else "warning"
                reason = f"no {column.upper()}, which other words have"
                place.append(
                    Finding(severity, "blank-tag", sentence.file, sentence.lines[i], form, column, tag, reason)
                )
    for (column, split), found in blanks.items():
        count, total = filled[column].total(), words.total()
        if count < USED_SHARE * total:
            continue
        if not filled[column][split]:
            reason = f"{split} has no {column.upper()} at all, and other splits have"
            yield found[0]._replace(severity="error", reason=reason)
        elif column == UPOS or count >= DUE_SHARE * total:
            yield from found
        else:
            share = len(found) / words[split]
            reason = f"{len(found):,} words of {split} ({share:.1%}) have no {column.upper()}; this is the first"
            yield found[0]._replace(severity="note", reason=reason)

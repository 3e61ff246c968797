"""What is said of tags: which ones word forms may have (lexicons), and which may follow which (those of spans).

The tags of spans are those of chunks (`B-NP`, `I-NP`, `O`) as in CoNLL-2000.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from tagger.errors import InputError, shorten
from tagger.text.sentence import Sentence
from tagger.text.strings import FEATS, NO_TAG, is_given, whole_lines

Lexicon = Mapping[str, tuple[str, ...]]
"""The tags that some word forms may have; all other forms may have every tag."""


def read_lexicon(lines: Iterable[str], path: str, known: Collection[str], column: str) -> dict[str, tuple[str, ...]]:
    """The entries of a lexicon; `known` are the tags of `column`.

    A line is a form, a tab, and its tags with `|` between them. Where tags contain a `|`, as those of FEATS do, tabs
    stand between them. Empty lines, and lines that begin with `#` and have no tab, say nothing.
    """
    entries: dict[str, tuple[str, ...]] = {}
    numbers: dict[str, int] = {}
    for number, line in enumerate(whole_lines(lines, path), 1):
        text = line.rstrip("\r\n")
        form, *cells = text.split("\t")
        if not text or (text[0] == "#" and not cells):
            continue
        where = f"{path}, line {number}"
        if not form or not all(cells) or not cells:
            raise InputError(f"{where}: {shorten(text)} is not a form, a tab and its tags; write form<TAB>TAG|TAG")
        if form in numbers:
            raise InputError(f"{where}: {shorten(form)} has an entry in line {numbers[form]}; put all its tags there")
        tags = [tag for cell in cells for tag in ([cell] if cell in known else cell.split("|"))]
        for tag in tags:
            if tag not in known:
                raise InputError(f"{where}: {shorten(tag)} is no tag of {column}; {known_tags(known)}; correct it")
        entries[form], numbers[form] = tuple(dict.fromkeys(tags)), number
    return entries


def known_tags(known: Collection[str]) -> str:
    """For an error message, the tags that there are, or some of them."""
    some = sorted(known)[:20]
    return f"it has {', '.join(some)}{', …' if len(known) > len(some) else ''}"


def in_known_order(feats: str, known: Collection[str]) -> str:
    """Features in any order (`Number=Sing|Case=Nom`) as one of those `known` has them.

    UD orders features by their names, whatever their case.
    """
    if feats in known or "|" not in feats:
        return feats
    ordered = "|".join(sorted(feats.split("|"), key=str.lower))
    return ordered if ordered in known else feats


def unknown_tag(sentence: Sentence, known: Mapping[str, Collection[str]]) -> tuple[int, str] | None:
    """The place of a word with a tag that is not one of those `known` of its column, and what is wrong; None: none.

    Features in another order than the known ones are put in order, in the sentence itself.
    """
    for column, tags in sentence.tags.items():
        if column == FEATS and column in known:
            tags = sentence.tags[column] = [in_known_order(feats, known[column]) for feats in tags]
        for word, tag in enumerate(tags if column in known else ()):
            if tag not in known[column] and is_given(tag):
                given = f"{shorten(tag)} is no tag of {column}; {known_tags(known[column])}"
                return word, f"{given}; correct it, or write {NO_TAG}"
    return None


_SPAN_TAG = re.compile(r"O|[BIESU]-.+")
_INSIDE = ("I", "E")  # letters of a tag that continues a span


class Breaks(NamedTuple):
    """What no sentence can have, because a span would have no beginning or no end."""

    first: list[str]  # tags that cannot begin a sentence
    pairs: list[tuple[str, str]]  # a tag, and one that cannot follow it


def is_span_column(tags: Sequence[str]) -> bool:
    """Whether the tags are BIO spans: `B-NP`, `I-NP`, `O`."""
    return all(_SPAN_TAG.fullmatch(tag) for tag in tags) and any(tag != "O" for tag in tags)


def breaks_of(tags: Sequence[str]) -> Breaks:
    """What the tags of spans cannot do: begin or follow one another.

    In BIO (IOB2), `I-X` follows `B-X` or `I-X`. In BIOES, whose tags have `E-`, a span that has begun also goes on up
    to its `E-X`.

    >>> breaks_of(["B-NP", "I-NP", "O"])
    Breaks(first=['I-NP'], pairs=[('O', 'I-NP')])
    """
    letters = {tag[0] for tag in tags}
    ends = "E" in letters

    def fits(before: str, tag: str) -> bool:
        open_span = before[0] in ("B", "I")
        if tag[0] in _INSIDE:
            return open_span and before[2:] == tag[2:]
        return not (ends and open_span)

    return Breaks(
        [tag for tag in tags if tag[0] in _INSIDE],
        [(before, tag) for before in tags for tag in tags if not fits(before, tag)],
    )


def has_breaks(sentences: Iterable[Sequence[str]], breaks: Breaks, known: Collection[str]) -> bool:
    """Whether a corpus does what tags of spans cannot do, as in IOB1, where `I-X` begins most spans.

    The `sentences` are the tags of each. Tags that are not `known` are passed over.
    """
    first, pairs = set(breaks.first), set(breaks.pairs)
    for tags in sentences:
        if tags and tags[0] in first:
            return True
        if any((a, b) in pairs for a, b in pairwise(tags) if a in known and b in known):
            return True
    return False

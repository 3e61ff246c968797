"""The tags of spans, such as the chunks of CoNLL-2000 (`B-NP`, `I-NP`, `O`): which may follow which."""

import re
from collections.abc import Collection, Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

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

    Args:
        sentences: the tags of each.
        breaks: of the tags.
        known: the tags; others are passed over.
    """
    first, pairs = set(breaks.first), set(breaks.pairs)
    for tags in sentences:
        if tags and tags[0] in first:
            return True
        if any((a, b) in pairs for a, b in pairwise(tags) if a in known and b in known):
            return True
    return False

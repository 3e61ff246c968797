"""Lexicons: files that say which tags a word form may have, `form<TAB>TAG|TAG`."""

from collections.abc import Collection, Iterable, Mapping

from tagger.errors import InputError, shorten
from tagger.text.strings import whole_lines

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
            raise InputError(
                f"{where}: {shorten(form)} has an entry in line {numbers[form]}; put all of its tags into one line"
            )
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

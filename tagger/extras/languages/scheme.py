"""The lemmas and XPOS of a file -> those that today's treebank writes.

A file of an older release, or of other annotators, may have the same UPOS and other lemmas: `する` for `為る`, or
`er|es|sie` for `sich`. A tagger that learns from both gives now the one, now the other.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator

from tagger.text.strings import NO_TAG

FORM, LEMMA, UPOS, XPOS = 1, 2, 3, 4  # places in a line of CoNLL-U
LEAST = 2  # times that today's files have a word before what they say of it counts


def as_today(text: str, today: str) -> str:
    """A text in CoNLL-U with the lemmas and XPOS of another one.

    If `today` always gives a form with a UPOS one value, and the text mostly others, the word gets that of `today`.
    After that, an XPOS that `today` never has is blank, and so is a lemma with a symbol that its form lacks and that no
    lemma of `today` adds to its form.
    """
    values = {column: _values(today, column) for column in (LEMMA, XPOS)}
    changes: dict[int, dict[tuple[str, str], str]] = {}
    for column, known in values.items():
        changes[column] = {}
        for word, given in _values(text, column).items():
            counts = known.get(word, Counter[str]())
            if len(counts) == 1 and counts.total() >= LEAST:
                (value,) = counts
                if 2 * given[value] < given.total():
                    changes[column][word] = value
    tags = {value for counts in values[XPOS].values() for value in counts}
    symbols = {
        sign
        for (form, _), counts in values[LEMMA].items()
        for lemma in counts
        for sign in _symbols(lemma) - _symbols(form)
    }
    lines = []
    for line in text.split("\n"):
        cells = line.split("\t")
        if _is_word(cells):
            for column, of_words in changes.items():
                cells[column] = of_words.get((cells[FORM], cells[UPOS]), cells[column])
            if cells[XPOS] not in tags:
                cells[XPOS] = NO_TAG
            if not _symbols(cells[LEMMA]) <= symbols | _symbols(cells[FORM]):
                cells[LEMMA] = NO_TAG
        lines.append("\t".join(cells))
    return "\n".join(lines)


def _values(text: str, column: int) -> dict[tuple[str, str], Counter[str]]:
    """How often each form with a UPOS has each value of a column, without those that have none."""
    found: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for cells in _words(text):
        if cells[column] != NO_TAG:
            found[cells[FORM], cells[UPOS]][cells[column]] += 1
    return found


def _words(text: str) -> Iterator[list[str]]:
    for line in text.split("\n"):
        cells = line.split("\t")
        if _is_word(cells):
            yield cells


def _is_word(cells: list[str]) -> bool:
    return len(cells) == 10 and cells[0].isdecimal()


def _symbols(text: str) -> set[str]:
    """The characters that are no letters, marks or digits."""
    return {sign for sign in text if not sign.isalnum() and not sign.isspace()}

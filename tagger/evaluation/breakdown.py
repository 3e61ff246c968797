"""Tagged sentences with gold tags and their comments -> the accuracies of each document, genre or other group."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from tagger.errors import InputError, shorten
from tagger.evaluation.metrics import ColumnCounts, annotated_columns
from tagger.model.vocabulary import Vocabulary
from tagger.text.sentence import Sentence
from tagger.text.strings import display_width, fitted, printable

DOCUMENT, GENRE = "newdoc", "genre"
NO_GROUP = "(none)"  # of sentences for which no comment names a group
TABLE_WIDTH = 80  # terminal cells
_SHOWN, _WORST, _WORST_WORDS = 20, 10, 100  # rows of the largest groups and of the worst, and words of these
_SHOWN_COLUMNS = 4
_NEW_DOCUMENT = re.compile(r"#\s*newdoc\b(?:\s+id\s*=\s*(.*))?")
_COMMENT = re.compile(r"#\s*(?:meta::)?([^\s=]+)\s*=\s*(.*)")
_GENRE_OF_ID = re.compile(r"([^\W\d_]+)-")


class Groups:
    """The comments of one sentence after the other -> the group of each.

    - `newdoc`: a document, from `# newdoc id = ID` to the next `# newdoc`. One without an ID is named by its number.
    - `genre`: the value of `# genre = VALUE` or `# meta::genre = VALUE`; in a document without such a comment, the
      letters of its ID before the first `-` (`weblog` of `weblog-blogspot.com_...`, as in UD English EWT).
    - any other NAME: the value of `# NAME = VALUE` or `# meta::NAME = VALUE`.

    A value holds until the next one or the end of the document, so it may stand at each sentence or at a document's
    first.
    """

    def __init__(self, key: str) -> None:
        self.key = key
        self.names_seen: set[str] = set()  # of comments with a value
        self._documents = 0
        self._value: str | None = None

    def of(self, sentence: Sentence) -> str:
        """The group of the next sentence."""
        for comment in sentence.comments:
            if document := _NEW_DOCUMENT.match(comment):
                self._documents += 1
                self._value = self._of_document((document[1] or "").strip())
        for comment in sentence.comments:
            if found := _COMMENT.match(comment):
                self.names_seen.add(found[1])
                if found[1] == self.key:
                    self._value = found[2].strip() or None
        return self._value or NO_GROUP

    def _of_document(self, name: str) -> str | None:
        if self.key == DOCUMENT:
            return name or f"document {self._documents}"
        genre = _GENRE_OF_ID.match(name) if self.key == GENRE else None
        return genre[1] if genre else None


def breakdown(
    sentences: Iterable[tuple[Sentence, Mapping[str, list[str]]]], vocabulary: Vocabulary, key: str, file: str
) -> dict[str, Any]:
    """Scores groups of sentences.

    Args:
        sentences: tagged ones, each with its gold tags, in the order of the file. Those without words count for their
            comments.
        vocabulary: the tagger's.
        key: what makes a group, see `Groups`.
        file: its name, for error messages.

    Returns:
        `by`, the key; `all` and each of `groups`, the largest first: `sentences` and `words`, their numbers, and
        `columns`: for each column with gold tags its accuracies, see `metrics.report`. A group without gold tags in a
        column lacks the column.

    Raises:
        InputError: no comment names a group; or as `metrics.report`.
    """
    groups = Groups(key)
    every = _Group(vocabulary)
    found: dict[str, _Group] = {}
    for sentence, gold in sentences:
        name = groups.of(sentence)
        if sentence.tokens:
            for group in (every, found.setdefault(name, _Group(vocabulary))):
                group.add(sentence, gold)
    columns = annotated_columns(every.columns, vocabulary)
    if found.keys() == {NO_GROUP}:
        there = ", ".join(sorted(groups.names_seen)) or "none"
        raise InputError(f"{file}: {_missing(key)}; name another comment with --by (those with a value: {there})")
    ordered = sorted(found.items(), key=lambda item: (-item[1].words, item[0]))
    return {
        "by": key,
        "all": every.accuracies(columns),
        "groups": {name: group.accuracies(columns) for name, group in ordered},
    }


def _missing(key: str) -> str:
    match key:
        case "newdoc":
            return "no `# newdoc`, so its documents are not known"
        case "genre":
            return "no `# genre = …`, and no `# newdoc id = GENRE-…`"
    return f"no comment `# {shorten(key)[1:-1]} = …`"


class _Group:
    """The counts of the sentences of a group."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.sentences = self.words = 0
        self.columns = {column: ColumnCounts(column, vocabulary) for column in vocabulary.columns}

    def add(self, sentence: Sentence, gold: Mapping[str, list[str]]) -> None:
        """Adds a sentence, which has words."""
        self.sentences += 1
        self.words += len(sentence)
        for column, counts in self.columns.items():
            if column in gold:
                counts.add(sentence.tokens, gold[column], sentence.tags[column])

    def accuracies(self, columns: Iterable[str]) -> dict[str, Any]:
        """The numbers of the group; see `breakdown`."""
        scored = {column: self.columns[column] for column in columns if self.columns[column].gold_tags}
        return {
            "sentences": self.sentences,
            "words": self.words,
            "columns": {column: counts.accuracies() for column, counts in scored.items()},
        }


def format_breakdown(found: Mapping[str, Any], title: str) -> str:
    """The result of `breakdown` as a table at most TABLE_WIDTH cells wide."""
    groups, columns = found["groups"], list(found["all"]["columns"])[:_SHOWN_COLUMNS]
    first = columns[0]
    few = len(groups) <= _SHOWN + _WORST
    shown = list(groups.items())[: None if few else _SHOWN]
    room = TABLE_WIDTH - len(_row("", found["all"], columns, 0))
    width = max(len("all"), *(min(room, display_width(printable(name))) for name, _ in shown))
    head = "".join(f" {fitted(column, 7):>7}" for column in columns)
    lines = [
        f"{title}: accuracies by {found['by']} ({len(groups):,} groups)",
        f"  {'':<{width}}{'sentences':>10}{'words':>10}{head}",
        _row("all", found["all"], columns, width),
        *(_row(name, group, columns, width) for name, group in shown),
    ]
    if not few:
        lines.append(f"  ({len(groups) - _SHOWN:,} smaller ones; --json has all)")
        worst = sorted(
            (item for item in groups.items() if item[1]["words"] >= _WORST_WORDS and first in item[1]["columns"]),
            key=lambda item: item[1]["columns"][first]["accuracy"],
        )
        if worst:
            lines += ["", f"  lowest accuracy of {first} (groups of {_WORST_WORDS} words or more)"]
            lines += [_row(name, group, columns, width) for name, group in worst[:_WORST]]
    more = len(found["all"]["columns"]) - len(columns)
    return "\n".join([*lines, *([f"  ({more} more columns; --json has all)"] if more else [])])


def _row(name: str, group: Mapping[str, Any], columns: Iterable[str], width: int) -> str:
    shares = [group["columns"][column]["accuracy"] if column in group["columns"] else None for column in columns]
    cells = "".join(f" {'–':>7}" if share is None else f" {100 * share:>6.2f}%" for share in shares)
    name = _cut(printable(name), width)
    padding = " " * (width - display_width(name))
    return f"  {name}{padding}{group['sentences']:>10,}{group['words']:>10,}{cells}"


def _cut(name: str, width: int) -> str:
    """A name that fits; a longer one loses its middle, since names of documents differ at their ends."""
    if display_width(name) <= width:
        return name
    tail = ""
    while display_width(name[-len(tail) - 1 :]) <= width // 2:
        tail = name[-len(tail) - 1 :]
    return fitted(name, width - display_width(tail)) + tail

"""Tagged sentences with gold tags and their comments -> the accuracies of each document, genre or other group."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from tagger.errors import InputError, shorten
from tagger.evaluation.metrics import ColumnScores, annotated
from tagger.model.vocabulary import Vocabulary
from tagger.text.sentence import Sentence
from tagger.text.strings import Table, fitted, percent

DOCUMENT, GENRE = "newdoc", "genre"
NO_GROUP = "(none)"  # of sentences for which no comment names a group
_SHOWN, _SHOWN_COLUMNS = 40, 4
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
    """Scores groups of tagged sentences, each beside its gold tags, in the order of the file; see `Groups`.

    Sentences without words count for their comments.

    Returns:
        `by`, the key; `all` and each of `groups`, the largest first: `sentences` and `words`, their numbers, and
        `columns`: for each column with gold tags its accuracies, see `metrics.report`. A group without gold tags in a
        column lacks the column.
    """
    groups = Groups(key)
    every = _GroupScores(vocabulary)
    found: dict[str, _GroupScores] = {}
    for sentence, gold in sentences:
        name = groups.of(sentence)
        if sentence.tokens:
            for group in (every, found.setdefault(name, _GroupScores(vocabulary))):
                group.add(sentence, gold)
    columns = annotated(every.columns, vocabulary)
    if found.keys() == {NO_GROUP}:
        missing = {
            DOCUMENT: "no `# newdoc`, so its documents are not known",
            GENRE: "no `# genre = …`, and no `# newdoc id = GENRE-…`",
        }.get(key, f"no comment `# {shorten(key)[1:-1]} = …`")
        there = ", ".join(sorted(groups.names_seen)) or "none"
        raise InputError(f"{file}: {missing}; name another comment with --by (those with a value: {there})")
    ordered = sorted(found.items(), key=lambda item: (-item[1].words, item[0]))
    return {
        "by": key,
        "all": every.accuracies(columns),
        "groups": {name: group.accuracies(columns) for name, group in ordered},
    }


class _GroupScores:
    """The scores of the sentences of a group."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.sentences = self.words = 0
        self.columns = {column: ColumnScores(column, vocabulary) for column in vocabulary.columns}

    def add(self, sentence: Sentence, gold: Mapping[str, list[str]]) -> None:
        self.sentences += 1
        self.words += len(sentence)
        for column, scores in self.columns.items():
            if column in gold:
                scores.add(sentence.tokens, gold[column], sentence.tags[column])

    def accuracies(self, columns: Iterable[str]) -> dict[str, Any]:
        scored = {column: self.columns[column] for column in columns if self.columns[column].gold_tags}
        return {
            "sentences": self.sentences,
            "words": self.words,
            "columns": {column: scores.accuracies() for column, scores in scored.items()},
        }


def format_breakdown(found: Mapping[str, Any], title: str) -> str:
    """The result of `breakdown` as a table at most 80 cells wide."""
    groups, columns = found["groups"], list(found["all"]["columns"])[:_SHOWN_COLUMNS]
    rows = [
        [name, f"{group['sentences']:,}", f"{group['words']:,}"]
        + [percent(group["columns"].get(column, {}).get("accuracy")) for column in columns]
        for name, group in [("all", found["all"]), *list(groups.items())[:_SHOWN]]
    ]
    heads = ["", "sentences", "words", *(fitted(column, 7) for column in columns)]
    table = Table(f"{title}: accuracies by {found['by']} ({len(groups):,} groups)", heads, rows)
    hidden = {"smaller groups": len(groups) - _SHOWN, "columns": len(found["all"]["columns"]) - len(columns)}
    more = (f"  ({n:,} more {what}; --json has all)" for what, n in hidden.items() if n > 0)
    return "\n".join([table.as_text(), *more])

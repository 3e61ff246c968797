"""The kind of corpus `columns`: files with a token in each line."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tagger.corpus.files import FilesConfig
from tagger.text.columns import read_columns
from tagger.text.files import read_lines
from tagger.text.formats import format_of
from tagger.text.sentence import Sentence


@dataclass(kw_only=True)
class ColumnsConfig(FilesConfig):
    """Files with a token in each line and an empty line between sentences.

    Attributes:
        fields: the place in a line of `tokens` and of each tag column, counted from 0, or from -1 at the end; None for
            a column that the files do not have.
        separator: of columns; None: tabs if the first token's line has one, else spaces. `\\t` may stand for the tab.
        skip: a line that begins with one of these (`-DOCSTART-`) has no token and ends a sentence.
    """

    kind: str = "columns"
    fields: dict[str, int | None] = field(default_factory=dict)
    separator: str | None = None
    skip: list[str] = field(default_factory=list)

    def open(self, columns: list[str]) -> Any:
        """See `CorpusConfig.open`."""
        from tagger.corpus.splits import Source, check_columns, from_files, rules_for

        places = {field: place for field, place in {"tokens": 0, **self.fields}.items() if place is not None}
        check_columns(("tokens", *columns), places, "corpus.fields; choose with columns=[...]")
        arguments = {
            "encoding": self.encoding,
            "token": places["tokens"],
            "columns": {column: places[column] for column in columns},
            "optional": {field: place for field, place in places.items() if field not in ("tokens", *columns)},
            "separator": self.separator,
            "skip": tuple(self.skip),
        }
        splits = from_files(_sentences, self.files(), columns, arguments)
        return Source(self.name, splits, rules_for(self.name))


def _sentences(path: str, encoding: str, **rules: Any) -> Iterator[Sentence]:
    quoted, remedy = format_of(path) == "csv", "check corpus.fields and corpus.separator"
    return read_columns(read_lines(path, encoding, "corpus.encoding"), path, quoted=quoted, remedy=remedy, **rules)

"""Batches of a dataset, texts or sentences of tokens -> columns of tokens and tags: for `datasets.map` and Ray Data."""

import io
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from tagger.bundle.catalog import find_tagger
from tagger.bundled import bundled
from tagger.errors import InputError, shorten
from tagger.tagging.languages import load
from tagger.tagging.tagger import WINDOW_TOKENS, DocumentTagger, cut_windows
from tagger.tagging.tagger_options import Request, checked_columns, checked_tokens
from tagger.text.formats import read_parts
from tagger.text.paragraphs import Part, sentences_of
from tagger.text.sentence import Sentence

TOKENS = "tokens"
PROBABILITIES = "_probabilities"  # what the name of a column of probabilities ends in, as in JSON lines


class BatchTagger:
    """Adds columns to batches. A copy in another process loads its own tagger, once, for the first batch.

    A text becomes a list of sentences: `tokens` has a list of tokens for each, and `upos` and the other columns a list
    of tags for each. A value that is a list of tokens is one sentence: its tags are one list, and there is no new
    column of tokens. A value of None gives None in all new columns, and so does, with `skip_refused`, one in a language
    that is not there.

    The tags of a value do not depend on the values beside it, so it does not matter how a dataset is cut into batches,
    unless the tagger has a transformer: then probabilities may differ in their last digits.
    """

    def __init__(
        self,
        model: str | Path | None = None,
        column: str = "text",
        *,
        tags: Sequence[str] | None = None,
        probabilities: bool = False,
        device: str = "cpu",
        precision: str = "auto",
        skip_refused: bool = False,
    ) -> None:
        """Finds a tagger's folder, which all processes must see.

        Args:
            model: one for `tagger.load`; None: the taggers of all languages, so that each value finds its own.
            column: whose values are tagged: texts, or lists of tokens.
            tags: the kinds of tags, such as `upos`; None: all that the tagger has.
            probabilities: whether to add a column with the probabilities of the tags (`upos_probabilities`).
        """
        self.column, self.probabilities, self.device, self.precision = column, probabilities, device, precision
        self.skip_refused = skip_refused
        self.tags = None if tags is None else list(tags)
        self.folder = None if model is None else find_tagger(str(model)).resolve()
        # The cache of `datasets` knows an equal object again: one of the same files.
        files = sorted(path for path in (self.folder or bundled("data")).rglob("*") if path.is_file())
        self._files = [(str(path), (stat := path.stat()).st_size, stat.st_mtime_ns) for path in files]
        self._tagger: DocumentTagger | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Without the tagger, so that `datasets` finds that two equal objects are equal."""
        return {**self.__dict__, "_tagger": None}

    @property
    def tagger(self) -> DocumentTagger:
        """The tagger, which is loaded when it is first wanted."""
        if self._tagger is None:
            self._tagger = load(self.folder, self.device, self.precision)
        return self._tagger

    def __call__(self, batch: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
        """The new columns of a batch."""
        self.check(batch)
        if isinstance(batch[self.column], str):
            value = shorten(str(batch[self.column]))
            raise InputError(f"{value} is one value, not a batch; write map(..., batched=True)")
        return self.columns(batch[self.column])

    def check(self, names: Iterable[str]) -> None:
        """Raises InputError if the column that is tagged is not among those of a batch."""
        if self.column not in names:
            raise InputError(f"there is no column {shorten(self.column)}; there are {', '.join(map(repr, names))}")

    def has_numbers(self, name: str) -> bool:
        """Whether a new column has probabilities, and no strings."""
        return self.probabilities and name.endswith(PROBABILITIES)

    def columns(self, values: Sequence[Any]) -> dict[str, list[Any]]:
        """The new columns, given the values of the old one."""
        names = checked_columns(self.tags, self.tagger.columns)
        read = [None if value is None else self._parts(value) for value in values]
        cuts = self.tagger.cuts_of([part for parts in read for part in parts or ()])
        documents = [
            None if parts is None else [each for part in parts for each in sentences_of(part, cuts, layout=False)]
            for parts in read
        ]
        # All columns, since they are decided on together.
        request = Request(probabilities=self.probabilities, fixed_shapes=True)
        for window in cut_windows(chain.from_iterable(document or () for document in documents), WINDOW_TOKENS):
            self.tagger.tag_window(window, request)
        found: dict[str, list[Any]] = {}
        if all(value is None or isinstance(value, str) for value in values):
            found[TOKENS] = [None if each is None else [s.tokens for s in each] for each in documents]
        for name in names:
            tags = [None if each is None else [s.tags[name] for s in each] for each in documents]
            found[name] = _as_given(values, tags)
            if self.probabilities:
                shares = [
                    None if each is None else [s.probabilities.get(name, [None] * len(s)) for s in each]
                    for each in documents
                ]
                found[name + PROBABILITIES] = _as_given(values, shares)
        return found

    def _parts(self, value: Any) -> list[Part] | None:
        """A sentence of tokens, or the paragraphs of a text, read as `python -m tagger tag` reads a file."""
        if isinstance(value, str):
            parts: Iterable[Part] = read_parts(io.StringIO(value), "the text", "text")
        else:
            parts = [Sentence(checked_tokens(value))]
        try:
            return list(self.tagger.with_languages(parts, f"the value {shorten(str(value))}"))
        except InputError as error:
            if self.skip_refused:
                return None
            raise InputError(f"{error}; skip_refused=True goes on") from None


def _as_given(values: Sequence[Any], of_sentences: Sequence[list[Any] | None]) -> list[Any]:
    """For a value that is a list of tokens, what there is of its one sentence; for a text a list of several."""
    return [
        found if found is None or isinstance(value, str) else found[0]
        for found, value in zip(of_sentences, values, strict=True)
    ]

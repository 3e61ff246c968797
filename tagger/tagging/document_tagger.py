"""What all taggers do with tokens and texts: `Tagger`, and the taggers of all languages as one, `LanguageTagger`."""

import io
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, overload

from tagger.errors import InputError
from tagger.tagging.checks import (
    checked_column,
    checked_number,
    checked_sentences,
    checked_tokens,
)
from tagger.tagging.decoding import Request
from tagger.tagging.workers import Workers
from tagger.text.formats import read_parts
from tagger.text.paragraphs import Part, cut_parts
from tagger.text.sentence import Sentence, Token


class DocumentTagger(ABC):
    """Tags sentences, texts and documents.

    Attributes:
        columns: the tag columns; the first is the default.
        device: where it computes.
        workers: processes with copies of this tagger, for large amounts of text.
    """

    columns: list[str]
    device: str
    workers: Workers[Any]

    def close(self) -> None:
        """Ends the worker processes; they start again when they are needed."""
        self.workers.close()

    def tag(self, tokens: Sequence[str], column: str | None = None) -> list[str]:
        """The tags of one sentence, one per token, of a column such as `upos`; of the first one by default."""
        return self.tag_sentences([checked_tokens(tokens)], column)[0]

    def tag_sentences(self, sentences: Iterable[Sequence[str]], column: str | None = None) -> list[list[str]]:
        """The tags of many sentences; see `tag`.

        The sentences are computed together, so a sum may be rounded differently than for one sentence alone: see
        "Precision" in the documentation of tagging.
        """
        if not self.columns:
            raise InputError("this network predicts words and has no tags; train a tagger that starts from it")
        column = self.columns[0] if column is None else checked_column(column, self.columns)
        plain = list(map(Sentence, checked_sentences(sentences)))
        return [tagged.tags[column] for tagged in self.stream(plain, columns=[column])]

    @overload
    def annotate(self, source: str, top: int = 1) -> list[Sentence]: ...
    @overload
    def annotate(self, source: list[str] | tuple[str, ...], top: int = 1) -> Sentence: ...
    def annotate(self, source: str | list[str] | tuple[str, ...], top: int = 1) -> list[Sentence] | Sentence:
        """All columns with probabilities: of one sentence given as tokens, or of the sentences of a text.

        Args:
            source: the tokens of a sentence, or a text, read as `python -m tagger tag` reads a file; its
                sentences get offsets in characters.
            top: with 2 or more, the best alternatives are kept too.
        """
        checked_number("top", top, 1)
        if isinstance(source, str):
            parts = self.with_languages(read_parts(io.StringIO(source), "the text", "text"))
            return list(self.stream(list(cut_parts(parts, self.cuts_of)), probabilities=True, top=top))
        return next(self.stream([Sentence(checked_tokens(source))], probabilities=True, top=top))

    @property
    @abstractmethod
    def takes_text(self) -> bool:
        """Whether running text can be cut into the tagger's words."""

    @property
    @abstractmethod
    def has_fixed_shapes(self) -> bool:
        """See `Engine.has_fixed_shapes`."""

    @property
    @abstractmethod
    def known_tags(self) -> dict[str, Collection[str]]:
        """For each column the tags that may be given; lemmas are not limited, so their column is missing."""

    @abstractmethod
    def with_languages(
        self, parts: Iterable[Part], path: str = "the text", warn: Callable[[str], None] | None = None
    ) -> Iterable[Part]:
        """The parts of a document, with their language if there are several.

        Args:
            path: of the document, for messages.
            warn: gets each warning about the document, a line.
        """

    @abstractmethod
    def cuts_of(self, parts: Sequence[Part]) -> Iterator[list[list[Token]]]:
        """The sentences of each paragraph of some parts of documents."""

    @abstractmethod
    def tag_window(self, window: list[Sentence], request: Request, fixed_shapes: bool = False) -> None:
        """Tags sentences in this process, all at once; see `stream`, and `Engine.tag` for `fixed_shapes`."""

    @abstractmethod
    def stream(
        self,
        sentences: Iterable[Sentence],
        probabilities: bool = False,
        top: int = 1,
        columns: Sequence[str] | None = None,
        keep: bool = False,
    ) -> Iterator[Sentence]:
        """Tags sentences as they come and yields them in order; those of a list in larger batches, which is faster.

        At most a few windows of a stream are in memory. Every sentence must be an object of its own. Its `tags` are
        replaced by a new mapping that has the predictions of this tagger in all of its columns, or in those of
        `columns`. With `probabilities` the probabilities of the tags are filled in, with `top` of 2 or more the best
        alternatives. With `keep`, tags that a sentence has stay as they are, and the other tags are chosen to fit
        them; `_` stands for a tag that is to be found. A lemma that is given changes no other tag.
        """

"""A text -> a Doc of spaCy with the tokens and sentences that a tagger's segmenter finds: `bigru_tokenizer`.

The text of a Doc is the text that it was made of. White space that is no single space after a token is a token of its
own, as everywhere in spaCy.
"""

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tagger.errors import InputError, missing_library, reason, shorten

try:
    from spacy.language import Language
except ModuleNotFoundError as error:
    raise missing_library(error, "spacy", "spacy") from None
import srsly
from spacy.attrs import SENT_START
from spacy.tokens import Doc
from spacy.tokens import Token as SpacyToken
from spacy.util import registry
from spacy.vocab import Vocab

from tagger.adapters.tagger_files import TaggerFiles, segmenter_of, shared_tagger
from tagger.bundle.catalog import find_tagger
from tagger.bundle.saved_config import predicts_words
from tagger.text.paragraphs import read_paragraphs
from tagger.text.sentence import Token

if TYPE_CHECKING:
    from typing import Self

    from tagger.text.paragraphs import Segment

NAME = "bigru_tokenizer"
WORDS = "bigru_words"  # token._.bigru_words: the words of a multiword token
_STARTS, _GOES_ON = 1, np.iinfo(np.uint64).max  # spaCy's -1

if not SpacyToken.has_extension(WORDS):
    SpacyToken.set_extension(WORDS, default=[])


class PipelinePart:
    """A part of a spaCy pipeline that is made of a tagger's files. Its methods save and load it, as spaCy asks.

    A pipeline that is saved carries the files, so that it works where the model's folder does not exist. spaCy makes
    the parts of a saved pipeline from their settings before it gives them their files. So a part can be made if there
    is no model of that name; the error comes when it is used.

    Attributes:
        model: the name of a tagger, or its folder.
    """

    def __init__(self, model: str) -> None:
        """Looks nothing up yet."""
        self.model = model
        self._files: TaggerFiles | None = None

    @property
    def files(self) -> TaggerFiles:
        """The files of the tagger, or those that a pipeline was saved with.

        Raises:
            InputError: there is no such tagger, its files cannot be read, or it is a network that predicts words.
        """
        if self._files is None:
            folder = find_tagger(self.model)
            if predicts_words(folder):
                raise InputError(f"{folder} predicts words and has no tags; name a tagger")
            self._files = TaggerFiles.read(folder).interned()
        return self._files

    @property
    def saved(self) -> TaggerFiles:
        """The files that are saved."""
        return self.files

    def _renew(self) -> None:
        """Makes anew what is made of the files, which are other ones now."""

    def _replace(self, files: TaggerFiles) -> None:
        self._files = files.interned()
        self._renew()

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Writes the files into a folder."""
        self.saved.write(Path(path))

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> "Self":
        """Reads the files of a folder.

        Raises:
            InputError: the folder has no such files, or they do not fit the settings.
        """
        self._replace(TaggerFiles.read(Path(path)))
        return self

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """The files as bytes."""
        data: bytes = srsly.msgpack_dumps(self.saved.content)
        return data

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> "Self":
        """Reads what `to_bytes` made.

        Raises:
            InputError: the bytes are other ones, or the files do not fit the settings.
        """
        try:
            content = srsly.msgpack_loads(bytes_data)
        except ValueError as error:
            raise InputError(f"these bytes are no saved tagger: {reason(error)}; give what to_bytes made") from None
        if not isinstance(content, dict):
            raise InputError(f"these bytes are no saved tagger: {shorten(repr(content))}; give what to_bytes made")
        self._replace(TaggerFiles(content, "the saved pipeline"))
        return self


@registry.tokenizers(NAME)  # type: ignore[untyped-decorator]
def make_tokenizer(model: str = "english") -> "Callable[[Language], BigruTokenizer]":
    """The function that makes the tokenizer of a pipeline, as spaCy asks for it; see `BigruTokenizer`."""
    return lambda nlp: BigruTokenizer(nlp.vocab, model)


class BigruTokenizer(PipelinePart):
    """Makes Docs. Of a multiword token, `token._.bigru_words` has the words, which `BigruTagger` tags."""

    def __init__(self, vocab: Vocab, model: str = "english") -> None:
        """Loads nothing yet.

        Args:
            vocab: of the Docs.
            model: the name of a tagger, or its folder; see `tagger.load`.
        """
        super().__init__(model)
        self._vocab = vocab
        self._found: Segment | None = None

    @property
    def saved(self) -> TaggerFiles:
        """The files that are saved: those that cut text."""
        return self.files.cutter

    def _renew(self) -> None:
        self._found = None

    @property
    def _segment(self) -> "Segment":
        """What cuts paragraphs: of a model that was named, its tagger, which the component shares.

        Raises:
            InputError: there is no such tagger, or its words have spaces inside, so that rules cannot find them.
        """
        if self._found is None:
            whole = self.files.has_tagger
            self._found = (shared_tagger(self.files) if whole else segmenter_of(self.files)).segment_all
        return self._found

    def initialize(
        self, get_examples: Callable[[], Iterable[Any]] | None = None, *, nlp: Language | None = None
    ) -> None:
        """Loads the model now, so that an error in the settings shows before the first text.

        Raises:
            InputError: see `files`; or the tagger's words have spaces inside.
        """
        self._segment([""])

    def __call__(self, text: str) -> Doc:
        """The Doc of a text.

        Raises:
            InputError: see `initialize`.
        """
        return self._docs([text])[0]

    def pipe(self, texts: Iterable[str], batch_size: int = 1000) -> Iterator[Doc]:
        """The Docs of texts, in order. A learned segmenter is many times faster so than with a text at a time.

        Args:
            texts: any number.
            batch_size: how many of them are cut together.
        """
        remaining = iter(texts)
        while batch := list(islice(remaining, batch_size)):
            yield from self._docs(batch)

    def _docs(self, texts: Sequence[str]) -> list[Doc]:
        paragraphs = [list(read_paragraphs(io.StringIO(text))) for text in texts]
        cuts = iter(self._segment([paragraph.text for own in paragraphs for paragraph in own]))
        return [
            _doc(self._vocab, text, [(paragraph.start, next(cuts)) for paragraph in own])
            for text, own in zip(texts, paragraphs, strict=True)
        ]

    def __getstate__(self) -> dict[str, Any]:
        """A copy, such as that of another process, has the files and makes its segmenter of them."""
        return {**self.__dict__, "_files": self.saved, "_found": None}


def _doc(vocab: Vocab, text: str, paragraphs: Sequence[tuple[int, list[list[Token]]]]) -> Doc:
    """The Doc of a text.

    Args:
        vocab: of the Doc.
        text: the text.
        paragraphs: where each paragraph begins in the text, and its sentences of tokens.
    """
    words: list[str] = []
    spaces: list[bool] = []
    starts: list[int] = []  # the places of the first tokens of sentences
    multiwords: list[tuple[int, tuple[str, ...]]] = []
    at = 0
    for offset, sentences in paragraphs:
        for sentence in sentences:
            for number, (first, last, parts) in enumerate(sentence):
                start, end = offset + first, offset + last
                if start > at:
                    _add_gap(text[at:start], words, spaces)
                if not number:
                    starts.append(len(words))
                if parts:
                    multiwords.append((len(words), parts))
                words.append(text[start:end])
                spaces.append(False)
                at = end
    if at < len(text):
        _add_gap(text[at:], words, spaces)
    doc = Doc(vocab, words=words, spaces=spaces)
    if words:
        sent_starts: Any = np.full(len(words), _GOES_ON, dtype=np.uint64)
        sent_starts[starts[1:]] = _STARTS
        sent_starts[0] = _STARTS  # white space that opens the text belongs to the first sentence
        doc.from_array([SENT_START], sent_starts)
    for place, parts in multiwords:
        doc[place]._.set(WORDS, list(parts))
    return doc


def _add_gap(gap: str, words: list[str], spaces: list[bool]) -> None:
    """Adds what stands between two tokens: a space that belongs to the token before it, and a token of the rest."""
    if words and gap[0] == " ":
        spaces[-1], gap = True, gap[1:]
    if gap:
        words.append(gap)
        spaces.append(False)

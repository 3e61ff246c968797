"""A text -> a spaCy Doc with the tokens and the sentences of a tagger: the tokenizer `bigru_tokenizer`.

Tokens of white space stand where spaCy would have them: the Doc's text is the text that was given. spaCy imports this
for every pipeline, wherever the tagger is installed. It therefore imports what tags, such as torch, when the first text
comes.
"""

import io
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

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
from spacy.util import minibatch, registry
from spacy.vocab import Vocab

from tagger.bundle.catalog import bundled_languages, find_language, find_tagger
from tagger.bundle.saved_config import CARD, CONFIG, WEIGHTS, files_of, read_config
from tagger.text.paragraphs import read_paragraphs
from tagger.text.sentence import Token
from tagger.words.conventions import CONVENTIONS, Conventions
from tagger.words.segment import LEARNED, SEGMENTER, SEGMENTER_WEIGHTS, RuleSegmenter

if TYPE_CHECKING:
    from typing import Self

    from tagger.tagging.tagger import Tagger
    from tagger.text.paragraphs import Segment

NAME = "bigru_tokenizer"
WORDS = "bigru_words"  # token._.bigru_words: the words of a multiword token
_SAFE_NAME = re.compile(r"(?:\w[\w-]*/)?\w[\w.-]*\.(?:gz|json|md|model|safetensors|txt)", re.ASCII)
_STARTS, _GOES_ON = 1, np.iinfo(np.uint64).max  # spaCy's -1

if not SpacyToken.has_extension(WORDS):
    SpacyToken.set_extension(WORDS, default=[])

_loaded: "WeakValueDictionary[tuple[object, ...], Tagger]" = WeakValueDictionary()


def shared_tagger(folder: Path, device: str = "cpu", precision: str = "auto") -> "Tagger":
    """The tagger of a folder. While anybody in this process still has it, the same one is given again."""
    from tagger.tagging.languages import load

    key = folder, (folder / CONFIG).stat().st_mtime_ns, device, precision
    return _loaded.get(key) or _loaded.setdefault(key, load(folder, device, precision))


class PipelinePart:
    """A part of a spaCy pipeline that is made of a tagger's folder. A saved pipeline carries the files of the folder.

    spaCy makes the parts of a saved pipeline from their settings before it gives them their files. So a model is looked
    up when the first text comes, and one that does not exist is an error then.
    """

    def __init__(self, model: str | None, language: str) -> None:
        self.model = model  # the name of a tagger, or its folder; None: the tagger of the pipeline's language
        self._language = language
        self._folder: Path | None = None
        self._used: Any = None  # what tags or cuts
        self._unpacked: Any = None  # the folder of files that came as bytes

    @property
    def folder(self) -> Path:
        """The tagger's folder."""
        if self._folder is None:
            self._folder = self._named() if self.model is None else find_tagger(self.model)
        return self._folder

    def _named(self) -> Path:
        try:
            return find_tagger(find_language(self._language))
        except InputError:
            known = ", ".join(codes[0] for codes in bundled_languages().values())
            raise InputError(
                f"no tagger comes with the package for the pipeline's language {shorten(self._language)}; set model to"
                f" a tagger, or take one of the languages {known}"
            ) from None

    def saves(self, name: str) -> bool:
        """Whether a file of the folder is saved."""
        return True

    def _files(self) -> dict[str, bytes]:
        paths = {name: self.folder / name for name in (CONFIG, CARD)} | files_of(self.folder)
        return {name: path.read_bytes() for name, path in paths.items() if path.is_file() and self.saves(name)}

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Writes the files into a folder."""
        _write(self._files(), Path(path))

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> "Self":
        """Takes the files of a folder."""
        if not (Path(path) / CONFIG).is_file():
            raise InputError(f"{path} has no tagger: {CONFIG} is missing; save the pipeline again")
        self._folder, self._used = Path(path), None
        return self

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """The files as bytes."""
        data: bytes = srsly.msgpack_dumps(self._files())
        return data

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> "Self":
        """Takes what `to_bytes` made. No file of it leads out of the folder that is made for it."""
        try:
            files = dict(srsly.msgpack_loads(bytes_data))
        except (TypeError, ValueError) as error:
            raise InputError(f"these bytes are no saved tagger: {reason(error)}; give what to_bytes made") from None
        for name, data in files.items():
            if not isinstance(name, str) or not _SAFE_NAME.fullmatch(name) or not isinstance(data, bytes):
                raise InputError(f"{shorten(str(name))} is no file of a tagger; give what to_bytes made")
        self._unpacked = tempfile.TemporaryDirectory(prefix="tagger-", ignore_cleanup_errors=True)
        _write(files, Path(self._unpacked.name))
        return self.from_disk(self._unpacked.name)

    def __getstate__(self) -> dict[str, Any]:
        """A copy, such as that of another process, loads its own tagger."""
        return {**self.__dict__, "_used": None, "_unpacked": None}


def _write(files: dict[str, bytes], folder: Path) -> None:
    try:
        for name, data in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {reason(error)}; make room, or choose another folder") from None


@registry.tokenizers(NAME)  # type: ignore[untyped-decorator]
def make_tokenizer(model: str | None = None) -> "Callable[[Language], BigruTokenizer]":
    """The function that makes the tokenizer of a pipeline, as spaCy asks for it; see `BigruTokenizer`."""
    return lambda nlp: BigruTokenizer(nlp.vocab, model, str(nlp.lang))


class BigruTokenizer(PipelinePart):
    """Makes Docs. Of a multiword token, `token._.bigru_words` has the words, which `BigruTagger` tags."""

    def __init__(self, vocab: Vocab, model: str | None = None, language: str = "en") -> None:
        super().__init__(model, language)
        self._vocab = vocab

    def saves(self, name: str) -> bool:
        """Whether a file cuts raw text."""
        return name in (CONFIG, CONVENTIONS, SEGMENTER_WEIGHTS, SEGMENTER)

    @property
    def _segment(self) -> "Segment":
        """What cuts paragraphs: of a model that was named, its tagger, which the component shares."""
        if self._used is None:
            if (self.folder / WEIGHTS).is_file():
                self._used = shared_tagger(self.folder)
            elif (name := str(read_config(self.folder).get("segmenter"))) != LEARNED:
                self._used = RuleSegmenter(name, Conventions.load(self.folder))
            else:
                from tagger.segmenter.learned import load_segmenter

                self._used = load_segmenter(self.folder, Conventions.load(self.folder))
        segment: Segment = self._used.segment_all
        return segment

    def __call__(self, text: str) -> Doc:
        """The Doc of a text."""
        return self._docs([text])[0]

    def pipe(self, texts: Iterable[str], batch_size: int = 1000) -> Iterator[Doc]:
        """The Docs of texts, in order. A learned segmenter is many times faster so than with a text at a time."""
        for batch in minibatch(texts, batch_size):  # type: ignore[no-untyped-call]
            yield from self._docs(batch)

    def _docs(self, texts: Sequence[str]) -> list[Doc]:
        paragraphs = [list(read_paragraphs(io.StringIO(text))) for text in texts]
        cuts = iter(self._segment([paragraph.text for of_text in paragraphs for paragraph in of_text]))
        return [
            _doc(self._vocab, text, [(paragraph.start, next(cuts)) for paragraph in of_text])
            for text, of_text in zip(texts, paragraphs, strict=True)
        ]


def _doc(vocab: Vocab, text: str, paragraphs: Sequence[tuple[int, list[list[Token]]]]) -> Doc:
    """The Doc of a text, given where each paragraph begins in it, and the sentences of tokens of the paragraph."""
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
        sent_starts[[0, *starts[1:]]] = _STARTS  # white space that opens the text belongs to the first sentence
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

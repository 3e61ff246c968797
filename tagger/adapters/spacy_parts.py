"""A model's name, or a saved pipeline -> the files of a tagger, of which a part of a spaCy pipeline is made.

A pipeline that is saved carries the files, so that it works where the model's folder does not exist. spaCy makes the
parts of a saved pipeline from their settings before it gives them their files. So a part can be made if there is no
model of that name; the error comes when it is used.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import srsly

from tagger.adapters.tagger_files import TaggerFiles
from tagger.errors import InputError, reason, shorten
from tagger.weights.catalog import find_tagger
from tagger.weights.saved_config import predicts_words

if TYPE_CHECKING:
    from typing import Self


class PipelinePart:
    """A part of a spaCy pipeline. Its methods are those that spaCy calls to save and to load it.

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
        """The files that are saved.

        Raises:
            InputError: as for `files`.
        """
        return self.files

    @abstractmethod
    def renew(self) -> None:
        """Makes anew what is made of the files, which are other ones now."""

    def _replace(self, files: TaggerFiles) -> None:
        self._files = files.interned()
        self.renew()

    def initialize(self, get_examples: Callable[[], Iterable[Any]] | None = None, *, nlp: Any = None) -> None:
        """Loads the model now, so that an error in the settings shows before the first text.

        Raises:
            InputError: there is no such model, or it does not fit the settings.
        """

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Writes the files into a folder.

        Raises:
            InputError: there is no such tagger, or the folder cannot be written to.
        """
        self.saved.write(Path(path))

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> "Self":
        """Reads what `to_disk` wrote.

        Raises:
            InputError: the folder has no such files, or they do not fit the settings.
        """
        self._replace(TaggerFiles.read(Path(path)))
        return self

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """The files as bytes.

        Raises:
            InputError: there is no such tagger.
        """
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

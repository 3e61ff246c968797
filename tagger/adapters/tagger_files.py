"""A tagger's folder -> its files as bytes -> a folder again, and the tagger or the segmenter that they are.

spaCy imports this for every pipeline, so it imports what tags when that is first wanted.
"""

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from tagger.bundle.hub import is_tagger_file
from tagger.bundle.saved_config import CONFIG, WEIGHTS, read_config
from tagger.errors import InputError, reason, shorten
from tagger.text.json_files import PACKED_JSON
from tagger.text.segment import LEARNED, SEGMENTER, SEGMENTER_WEIGHTS, RuleSegmenter, Segmenter

if TYPE_CHECKING:
    from tagger.tagging.tagger import Tagger

_CUTTER = (CONFIG, SEGMENTER_WEIGHTS, SEGMENTER, SEGMENTER + PACKED_JSON)  # the files that cut raw text

_known: "WeakValueDictionary[bytes, TaggerFiles]" = WeakValueDictionary()
_loaded: "WeakValueDictionary[tuple[bytes, str, str], Tagger]" = WeakValueDictionary()


class TaggerFiles:
    """The files of a tagger, in memory: they last when the folder that they were read from is gone.

    Attributes:
        content: the path of each file within the folder, with `/` between its parts -> its bytes.
        origin: where they come from, for error messages.
    """

    def __init__(self, content: Mapping[str, bytes], origin: str) -> None:
        """Takes files from anywhere.

        Raises:
            InputError: a path is not that of a tagger's file. No such path leads out of the folder.
        """
        for name, data in content.items():
            if not isinstance(name, str) or not is_tagger_file(name) or not isinstance(data, bytes):
                raise InputError(
                    f"{origin}: {shorten(str(name))} is no file of a tagger; save the pipeline again with this version"
                )
        self.content, self.origin = dict(sorted(content.items())), origin

    @classmethod
    def read(cls, folder: Path) -> "TaggerFiles":
        """Reads those files of a folder that are a tagger's.

        Raises:
            InputError: a file cannot be read, or there is no `config.json`.
        """
        try:
            paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
            content = {name: path.read_bytes() for name, path in paths.items() if is_tagger_file(name)}
        except OSError as error:
            raise InputError(f"{folder} cannot be read: {reason(error)}; copy the tagger's folder again") from None
        if CONFIG not in content:
            raise InputError(f"{folder} has no tagger: {CONFIG} is missing; save the pipeline again, or train a tagger")
        return cls(content, str(folder))

    def write(self, folder: Path) -> None:
        """Writes the files into a folder, which is made if it does not exist.

        Raises:
            InputError: a file cannot be written.
        """
        try:
            for name, data in self.content.items():
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
        except OSError as error:
            raise InputError(
                f"{folder} cannot be written: {reason(error)}; make room, or choose another folder"
            ) from None

    @property
    def cutter(self) -> "TaggerFiles":
        """Those that cut raw text."""
        return TaggerFiles({name: self.content[name] for name in _CUTTER if name in self.content}, self.origin)

    @property
    def has_tagger(self) -> bool:
        """Whether they have the weights of a tagger, or only what cuts raw text."""
        return WEIGHTS in self.content

    @contextmanager
    def as_folder(self) -> Iterator[Path]:
        """A folder with the files, which is there within the block. Errors name the origin in its place."""
        with tempfile.TemporaryDirectory(prefix="tagger-", ignore_cleanup_errors=True) as folder:
            self.write(Path(folder))
            try:
                yield Path(folder)
            except InputError as error:
                raise InputError(str(error).replace(folder, self.origin)) from None

    def interned(self) -> "TaggerFiles":
        """Equal files that somebody in this process has already, or these: a large tagger is in memory once."""
        return _known.setdefault(self.digest, self)

    @cached_property
    def digest(self) -> bytes:
        """A number of the content: files with the same digest are equal."""
        digest = hashlib.blake2b(digest_size=32)
        for name, data in self.content.items():
            digest.update(f"{name}\0{len(data)}\0".encode())
            digest.update(data)
        return digest.digest()


def shared_tagger(files: TaggerFiles, device: str = "cpu", precision: str = "auto") -> "Tagger":
    """The tagger that files are. While anybody in this process still has it, the same one is given again.

    Raises:
        InputError: as `tagging.load.load`.
    """
    from tagger.tagging.load import load

    key = files.digest, device, precision
    found = _loaded.get(key)
    if found is None:
        with files.as_folder() as folder:
            found = load(folder, device, precision)
        found = _loaded.setdefault(key, found)
    return found


def segmenter_of(files: TaggerFiles) -> Segmenter:
    """What cuts raw text, of files that have no weights of a tagger.

    Raises:
        InputError: a file is missing or damaged.
    """
    from tagger.segmenter.learned import LearnedSegmenter
    from tagger.segmenter.saved import load_segmenter

    with files.as_folder() as folder:
        name = str(read_config(folder).get("segmenter"))
        return LearnedSegmenter(*load_segmenter(folder)) if name == LEARNED else RuleSegmenter(name)

"""Corpora of files: which file each split is, and what the corpus is called. Opens no file.

Importing `datasets`, which reads them, takes a while; so mistakes are found here first.
"""

import dataclasses
import logging
import os
from functools import cache
from pathlib import Path

from tagger.corpus.config import CorpusConfig
from tagger.errors import InputError, shorten
from tagger.text.paths import located, located_name

SPLITS = ("train", "dev", "test")

_log = logging.getLogger(__name__)


@dataclasses.dataclass(kw_only=True)
class FilesConfig(CorpusConfig):
    """A file for each split.

    Attributes:
        train, dev, test: files, plain or compressed (`.gz`, `.zst`).
        encoding: of all files.
    """

    train: str | None = None
    dev: str | None = None
    test: str | None = None
    encoding: str = "utf-8"

    def named_files(self) -> dict[str, str | None]:
        """The file of each split; None: there is none."""
        return {split: getattr(self, split) for split in SPLITS}

    @property
    def name(self) -> str:
        """The name of the corpus, for model cards and logs."""
        return Path(self.train or "").name

    def files(self) -> dict[str, str]:
        """The files that there are.

        Raises:
            InputError: there is none for train, or a file does not exist.
        """
        files = self.named_files()
        if not files["train"]:
            raise InputError("no training data: name a file with corpus.train=FILE")
        found = {split: located(file) for split, file in files.items() if file}
        for split, path in found.items():
            try:
                os.stat(path)
            except OSError as error:
                raise InputError(f"{path}: {error.strerror}; check corpus.{split}") from None
        return found

    def check_files(self) -> None:
        """Looks whether the files exist, and warns of files that are there for two splits."""
        splits: dict[str, str] = {}
        for split, path in self.files().items():
            if (before := splits.setdefault(os.path.realpath(path), split)) != split:
                _warn(before, split, path)


def single_configs(config: CorpusConfig) -> list[CorpusConfig]:
    """The configs of the single corpora of a config: itself, or one for each value of its list.

    Raises:
        InputError: the list is empty or has a name twice; or single files are named beside several folders.
    """
    key = config.list_key
    values = getattr(config, key) if key else None
    if not isinstance(values, list):
        return [config]
    if not values:
        raise InputError(f"corpus.{key}=[]: give a list of names, such as [A,B]")
    known: set[str] = set()
    for value in values:
        place = located_name(value)
        same = os.path.realpath(place) if os.path.exists(place) else value
        if same in known:
            raise InputError(f"corpus.{key}: {shorten(value)} is there twice; name every corpus once")
        known.add(same)
    if len(values) > 1 and isinstance(config, FilesConfig):
        for split in SPLITS:
            if (file := getattr(config, split)) is not None:
                raise InputError(f"corpus.{split}={file}: with several folders each has files of its own; leave it out")
    return [dataclasses.replace(config, **{str(key): value}) for value in values]


def check_files(config: CorpusConfig) -> None:
    """Looks whether the files of all corpora of a config exist.

    Raises:
        InputError: as `single_configs` and `CorpusConfig.check_files`.
    """
    for each in single_configs(config):
        each.check_files()


@cache
def _warn(first: str, second: str, path: str) -> None:
    """Warns of a file of two splits, once for all runs of a sweep."""
    _log.warning(
        "warning: %s and %s are the same file, %s; scores on words that training saw say little", first, second, path
    )

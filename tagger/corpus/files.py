"""The config of a corpus -> the configs of its single corpora, and the files of each. Opens no file.

Importing `datasets`, which reads them, takes a while; so mistakes are found here first.
"""

import dataclasses
import logging
import os
from functools import cache
from pathlib import Path

from tagger.corpus.config import ConlluConfig, CorpusConfig, FilesConfig
from tagger.errors import InputError, shorten
from tagger.text.packed import PACKED
from tagger.text.start_folder import located, located_name

SPLITS = ("train", "dev", "test")

_log = logging.getLogger(__name__)


def single_configs(config: CorpusConfig) -> list[CorpusConfig]:
    """The configs of the single corpora of a config: itself, or one for each value of its list.

    Raises:
        InputError: the list is empty, holds other values than strings or one twice; or single files are named beside
            several folders.
    """
    key = config.list_key
    values = getattr(config, key) if key else None
    if not isinstance(values, list):
        if values is not None and not isinstance(values, str):
            raise InputError(f"corpus.{key}={shorten(str(values))[1:-1]}: give a name, or a list of several")
        return [config]
    if not values or not all(isinstance(value, str) and value for value in values):
        raise InputError(f"corpus.{key}=[{', '.join(map(str, values))}]: give a list of names, such as [A,B]")
    known: set[str] = set()
    for value in values:
        place = located_name(value)
        same = os.path.realpath(place) if os.path.exists(place) else value
        if same in known:
            raise InputError(f"corpus.{key}: {shorten(value)} is there twice; name every corpus once")
        known.add(same)
    if len(values) > 1 and isinstance(config, FilesConfig):
        for split in ("train", "dev", "test"):
            if (file := getattr(config, split)) is not None:
                raise InputError(f"corpus.{split}={file}: with several folders each has files of its own; leave it out")
    return [dataclasses.replace(config, **{str(key): value}) for value in values]


def split_files(config: FilesConfig) -> dict[str, str]:
    """The file of each split of a single corpus: the one that the config names, else that of the folder.

    Raises:
        InputError: there is none for train, a file does not exist, or the folder has several for a split.
    """
    files = {split: getattr(config, split) for split in SPLITS}
    if isinstance(config, ConlluConfig) and config.path is not None:
        folder = Path(located(config.path))
        files = {split: file or _in_folder(folder, split) for split, file in files.items()}
        if files["train"] is None:
            others = ", ".join(sorted(file.name for file in folder.glob("*.conllu*"))) or "no CoNLL-U file"
            raise InputError(f"{folder} has no *-train.conllu, it has {others}; name a file with corpus.train=FILE")
    if not files["train"]:
        raise InputError("no training data: name a file with corpus.train=FILE")
    found = {split: located(file) for split, file in files.items() if file}
    for split, path in found.items():
        try:
            os.stat(path)
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}; check corpus.{split}") from None
    return found


def corpus_name(config: FilesConfig) -> str:
    """The name of a single corpus: that of its folder, with the files that are not in there; else that of train."""
    if not isinstance(config, ConlluConfig) or config.path is None:
        return Path(config.train or "").name
    folder = Path(located(config.path)).resolve()
    named = {split: Path(located(file)).resolve() for split in SPLITS if (file := getattr(config, split))}
    others = [f"{split} of {file.name}" for split, file in named.items() if not file.is_relative_to(folder)]
    return " with ".join([folder.name, *([", ".join(others)] if others else [])])


def check_files(config: CorpusConfig) -> None:
    """Looks whether the files of a corpus exist, and warns of files that are there for two splits.

    Raises:
        InputError: as `single_configs` and `split_files`.
    """
    for each in single_configs(config):
        if not isinstance(each, FilesConfig):
            continue
        splits: dict[str, str] = {}
        for split, path in split_files(each).items():
            if (before := splits.setdefault(os.path.realpath(path), split)) != split:
                _warn(before, split, path)


@cache
def _warn(first: str, second: str, path: str) -> None:
    """Warns of a file of two splits, once for all runs of a sweep."""
    _log.warning(
        "warning: %s and %s are the same file, %s; scores on words that training saw say little", first, second, path
    )


def _in_folder(folder: Path, split: str) -> str | None:
    if not folder.is_dir():
        remedy = "is a file; give it as corpus.train=FILE" if folder.exists() else "does not exist; check corpus.path"
        raise InputError(f"{folder} {remedy}")
    found = sorted(file for end in ("", *PACKED) for file in folder.glob(f"[!.]*-{split}.conllu{end}"))
    if len(found) > 1:
        names = ", ".join(file.name for file in found)
        raise InputError(f"{folder} has {len(found)} files for {split}: {names}; choose one with corpus.{split}=FILE")
    return str(found[0]) if found else None

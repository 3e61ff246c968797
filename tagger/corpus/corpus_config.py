"""The values of a corpus, as `conf/corpus` and `conf/train.yaml` have them, and the files that they name.

No file is opened here, and `datasets`, which takes a while to import, is not needed: mistakes are found first.
"""

import logging
import os
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from tagger.errors import InputError, shorten
from tagger.text.files import PACKED
from tagger.text.schema import Name, one_of

CORPUS = "corpus"  # the column that names a sentence's corpus, of several that are mixed
SPLITS = ("train", "dev", "test")
LISTED = {"sample": None, "conllu": "path", "columns": None, "hub": "name", "ud": "treebank"}
"""The kinds of corpus, and the key of each that may be a list, with a value for each of several corpora."""
_Names = Name | list[Name] | None

_log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class CorpusConfig:
    """The values of a corpus of any kind, which `conf/corpus` explains; a kind uses those that its file there has.

    `dropout` is the share of the sentences of several corpora whose corpus training does not tell the network.
    """

    kind: Annotated[str, one_of(LISTED)]
    dev_share: Annotated[float, Meta(gt=0, lt=1)] = 0.1
    folds: int | None = None
    fold: int | None = None
    dropout: Annotated[float, Meta(ge=0, le=1)] = 0.5
    path: _Names = None
    train: str | None = None
    dev: str | None = None
    test: str | None = None
    encoding: str = "utf-8"
    fields: dict[str, int | str | None] = field(default_factory=dict)
    separator: str | None = None
    skip: list[str] = field(default_factory=list)
    name: _Names = None
    config: str | None = None
    revision: str | None = None
    tokens: str = "tokens"
    treebank: _Names = "en_ewt"

    def __post_init__(self) -> None:
        if self.fields and self.kind not in ("columns", "hub"):
            raise InputError(f"corpus.fields: corpus={self.kind} does not read it; it needs corpus=columns or hub")


def single_configs(config: CorpusConfig) -> list[CorpusConfig]:
    """The configs of the single corpora of a config: itself, or one for each value of its list."""
    key = LISTED[config.kind]
    values = getattr(config, key) if key else None
    if not isinstance(values, list):
        return [config]
    if not values:
        raise InputError(f"corpus.{key}=[]: give a list of names, such as [A,B]")
    places = [os.path.expanduser(value) for value in values]
    known: set[str] = set()
    for value, place in zip(values, places, strict=True):
        same = os.path.realpath(place) if os.path.exists(place) else value
        if same in known:
            raise InputError(f"corpus.{key}: {shorten(value)} is there twice; name every corpus once")
        known.add(same)
    for split in SPLITS if len(values) > 1 else ():
        if (file := getattr(config, split)) is not None:
            raise InputError(f"corpus.{split}={file}: with several folders each has files of its own; leave it out")
    return [replace(config, **{str(key): value}) for value in values]


def split_files(config: CorpusConfig) -> dict[str, str]:
    """The file of each split of a single corpus of the kind `conllu` or `columns`; there is one of train."""
    files = {split: getattr(config, split) for split in SPLITS}
    if config.path is not None:
        folder = Path(os.path.expanduser(str(config.path)))
        files = {split: file or _in_folder(folder, split) for split, file in files.items()}
        if files["train"] is None:
            others = ", ".join(sorted(file.name for file in folder.glob("*.conllu*"))) or "no CoNLL-U file"
            raise InputError(f"{folder} has no *-train.conllu, it has {others}; name a file with corpus.train=FILE")
    if not files["train"]:
        raise InputError("no training data: name a file with corpus.train=FILE")
    found = {split: os.path.expanduser(file) for split, file in files.items() if file}
    for split, path in found.items():
        try:
            os.stat(path)
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}; check corpus.{split}") from None
    return found


def _in_folder(folder: Path, split: str) -> str | None:
    if not folder.is_dir():
        remedy = "is a file; give it as corpus.train=FILE" if folder.exists() else "does not exist; check corpus.path"
        raise InputError(f"{folder} {remedy}")
    found = sorted(file for end in ("", *PACKED) for file in folder.glob(f"[!.]*-{split}.conllu{end}"))
    if len(found) > 1:
        names = ", ".join(file.name for file in found)
        raise InputError(f"{folder} has {len(found)} files for {split}: {names}; choose one with corpus.{split}=FILE")
    return str(found[0]) if found else None


def files_name(config: CorpusConfig) -> str:
    """The name of a corpus of files, for model cards: its folder, with the files that are elsewhere; or its train."""
    if config.path is None:
        return Path(config.train or "").name
    folder = Path(os.path.expanduser(str(config.path))).resolve()
    named = {split: Path(os.path.expanduser(file)).resolve() for split in SPLITS if (file := getattr(config, split))}
    others = [f"{split} of {file.name}" for split, file in named.items() if not file.is_relative_to(folder)]
    return " with ".join([folder.name, *([", ".join(others)] if others else [])])


def check_files(config: CorpusConfig) -> None:
    """Looks whether the files of all corpora of a config exist, and warns of a file that is there for two splits."""
    for each in single_configs(config):
        splits: dict[str, str] = {}
        for split, path in split_files(each).items() if each.kind in ("conllu", "columns") else ():
            if (before := splits.setdefault(os.path.realpath(path), split)) != split:
                _warn(before, split, path)


@cache
def _warn(first: str, second: str, path: str) -> None:
    """Warns once for all runs of a sweep."""
    _log.warning(
        "warning: %s and %s are the same file, %s; scores on words that training saw say little", first, second, path
    )

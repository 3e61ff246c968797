"""Where sentences come from: CoNLL-U files, column files, the Hub or the bundled sample in, `datasets.DatasetDict` out.

Each file of `conf/corpus` gives the values of one of the dataclasses below. `load_corpus` reads what they describe.
A reader yields the sentences of a split one at a time, and they go to an Arrow file in the cache of `datasets`, so that
a corpus of any size fits. A file that changed is read again: its size and time are part of its name in the cache.
"""

import dataclasses
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from datasets import Dataset

from tagger.bundled import bundled
from tagger.corpus.arrow import Reader, stored
from tagger.corpus.hub import holds_strings, hub_sentences, load_hub
from tagger.corpus.splits import Corpus, Splitting, with_dev
from tagger.errors import InputError, shorten
from tagger.text.columns import read_columns
from tagger.text.conllu import COLUMNS, read_conllu
from tagger.text.files import file_version, read_lines
from tagger.text.formats import format_of
from tagger.text.sentence import Sentence

HUB_SPLITS = {"train": "train", "validation": "dev", "dev": "dev", "test": "test"}
_ENGLISH = re.compile(r"english|(?<![a-z])en_|conll200[03]", re.IGNORECASE)


@dataclass
class CorpusConfig(Splitting):
    """What all kinds of corpus have in common: the kind, a key of `CORPUS_KINDS`, and how dev is made."""

    kind: str = ""


@dataclass
class SampleConfig(CorpusConfig):
    """The bundled English sample."""

    kind: str = "sample"


@dataclass
class FilesConfig(CorpusConfig):
    """A file per split.

    Attributes:
        train, dev, test: files, `.gz` or not.
        encoding: of all files.
    """

    train: str | None = None
    dev: str | None = None
    test: str | None = None
    encoding: str = "utf-8"


@dataclass
class ConlluConfig(FilesConfig):
    """A treebank in CoNLL-U.

    Attributes:
        path: a folder with `*-train.conllu`, perhaps `*-dev.conllu` and `*-test.conllu`, or with `.gz` after them;
            `train`, `dev` and `test` go before what the folder has.
    """

    kind: str = "conllu"
    path: str | None = None


@dataclass
class ColumnsConfig(FilesConfig):
    """Files with a token a line and an empty line between sentences.

    Attributes:
        fields: the place in a line of `tokens` and of each tag column, counted from 0, or from -1 at
            the end; None for a column that the files do not have.
        separator: of columns; None: tabs or blanks, see `tagger.text.columns`.
        skip: how lines begin that are no tokens (`-DOCSTART-`); such a line ends a sentence.
    """

    kind: str = "columns"
    fields: dict[str, int | None] = dataclasses.field(default_factory=dict)
    separator: str | None = None
    skip: list[str] = dataclasses.field(default_factory=list)


@dataclass
class HubConfig(CorpusConfig):
    """A data set of the Hugging Face Hub, or a local folder laid out like one.

    Attributes:
        name: on the Hub, or a folder.
        config: which of its configs, where it has several.
        revision: a branch, tag or commit.
        tokens: its column of words.
        fields: for a tag column its name in the data set; None where it is the same.
    """

    kind: str = "hub"
    name: str | None = None
    config: str | None = None
    revision: str | None = None
    tokens: str = "tokens"
    fields: dict[str, str | None] = dataclasses.field(default_factory=dict)


@dataclass
class UdConfig(CorpusConfig):
    """A treebank of Universal Dependencies from the Hub.

    Attributes:
        treebank: language and treebank, such as `en_ewt`.
        name: of the data set on the Hub, or a folder.
        revision: a release, such as 2.17.
    """

    kind: str = "ud"
    treebank: str = "en_ewt"
    name: str | None = None
    revision: str | None = None


def load_corpus(config: CorpusConfig, columns: Sequence[str], seed: int) -> Corpus:
    """The corpus that a config describes.

    Args:
        config: of one of the `CORPUS_KINDS`.
        columns: the tag columns to load.
        seed: of the shuffle that makes a dev split.

    Raises:
        InputError: no or several files for a split, a file that cannot be read or holds no words, a data set that
            cannot be fetched, a column that has no tags or does not exist, a fold that does not exist.
    """
    name, rules, splits = CORPUS_KINDS[config.kind].read(config, list(columns))
    return with_dev(name, splits, config, seed)._replace(rules=rules)


class Source(NamedTuple):
    """What a reader of a corpus found: its name, the rules for raw text like it, and its own splits."""

    name: str
    rules: str
    splits: dict[str, Dataset]


def _read_sample(config: SampleConfig, columns: list[str]) -> Source:
    return _read_conllu(ConlluConfig(path=str(bundled("data") / "sample")), columns)._replace(rules="english")


def _read_conllu(config: ConlluConfig, columns: list[str]) -> Source:
    files = {"train": config.train, "dev": config.dev, "test": config.test}
    if config.path is not None:
        folder = Path(config.path).expanduser()
        files = {split: file or _in_folder(folder, split) for split, file in files.items()}
        if files["train"] is None:
            others = ", ".join(sorted(file.name for file in folder.glob("*.conllu*"))) or "no CoNLL-U file"
            raise InputError(f"{folder} has no *-train.conllu, it has {others}; name a file with corpus.train=FILE")
    _check_columns(columns, COLUMNS, "CoNLL-U; choose with columns=[...]")
    splits = _from_files(_conllu_sentences, files, columns, {"encoding": config.encoding})
    name = Path(config.train or "").name if config.path is None else folder.resolve().name
    return Source(name, _rules(name, Path(files["train"] or "").name), splits)


def _read_columns(config: ColumnsConfig, columns: list[str]) -> Source:
    places = {field: place for field, place in {"tokens": 0, **config.fields}.items() if place is not None}
    _check_columns(("tokens", *columns), places, "corpus.fields; choose with columns=[...]")
    arguments = {
        "encoding": config.encoding,
        "token": places["tokens"],
        "columns": {column: places[column] for column in columns},
        "optional": {field: place for field, place in places.items() if field not in ("tokens", *columns)},
        "separator": config.separator,
        "skip": tuple(config.skip),
    }
    files = {"train": config.train, "dev": config.dev, "test": config.test}
    splits = _from_files(_column_sentences, files, columns, arguments)
    name = Path(config.train or "").name
    return Source(name, _rules(name), splits)


def _read_hub(config: HubConfig, columns: list[str]) -> Source:
    """Reads a data set whose columns hold lists of strings or of class labels.

    Releases of Universal Dependencies that have multiword tokens among the words, or FEATS as Python dicts, are read
    as CoNLL-U is.
    """
    name = config.name
    if not name:
        raise InputError("no corpus.name: give a data set of the Hugging Face Hub or a local folder of Parquet files")
    found = load_hub(name, config.config, config.revision)
    sources = {ours: found[theirs] for theirs, ours in HUB_SPLITS.items() if theirs in found}
    if "train" not in sources:
        raise InputError(f"{name} has no split train, only {', '.join(found)}; choose another corpus.config")
    features = sources["train"].features
    strings = [place for place, feature in features.items() if holds_strings(feature)]
    wanted = {column: config.fields.get(column) or column for column in [*config.fields, *columns]}
    places = {column: place for column, place in ({"tokens": config.tokens} | wanted).items() if place in strings}
    has = f"{name}, whose lists of strings or class labels are {', '.join(strings) or 'none'}"
    _check_columns(("tokens", *columns), places, f"{has}; name them with corpus.tokens and corpus.fields")
    splits = {}
    for split, data in sources.items():
        source = f"{name}, split {split}"
        splits[split] = stored(
            hub_sentences, {"data": data, "source": source, "places": places}, columns, source, split
        )
    title = "-".join(filter(None, (Path(name).name, config.config)))
    return Source(title, _rules(title), splits)


def _read_ud(config: UdConfig, columns: list[str]) -> Source:
    return _read_hub(HubConfig(name=config.name, config=config.treebank, revision=config.revision), columns)


class CorpusKind(NamedTuple):
    """The config of a kind of corpus, and what reads a corpus that such a config describes."""

    config: type[CorpusConfig]
    read: Callable[[Any, list[str]], Source]


CORPUS_KINDS = {
    "sample": CorpusKind(SampleConfig, _read_sample),
    "conllu": CorpusKind(ConlluConfig, _read_conllu),
    "columns": CorpusKind(ColumnsConfig, _read_columns),
    "hub": CorpusKind(HubConfig, _read_hub),
    "ud": CorpusKind(UdConfig, _read_ud),
}


def _rules(*names: str) -> str:
    return "english" if any(_ENGLISH.search(name) for name in names) else "unicode"


def _in_folder(folder: Path, split: str) -> str | None:
    if not folder.is_dir():
        remedy = "is a file; give it as corpus.train=FILE" if folder.exists() else "does not exist; check corpus.path"
        raise InputError(f"{folder} {remedy}")
    found = sorted(file for end in ("", ".gz") for file in folder.glob(f"[!.]*-{split}.conllu{end}"))
    if len(found) > 1:
        names = ", ".join(file.name for file in found)
        raise InputError(f"{folder} has {len(found)} files for {split}: {names}; choose one with corpus.{split}=FILE")
    return str(found[0]) if found else None


def _check_columns(columns: Sequence[str], known: Mapping[str, object], where: str) -> None:
    for column in columns:
        if column not in known:
            tags = ", ".join(name for name in known if name != "tokens") or "none"
            raise InputError(f"no column {shorten(column)} (the tag columns are: {tags}) in {where}")


def _from_files(
    read: Reader, files: Mapping[str, str | None], columns: Sequence[str], arguments: dict[str, Any]
) -> dict[str, Dataset]:
    if not files["train"]:
        raise InputError("no training data: name a file with corpus.train=FILE")
    splits = {}
    for split, file in files.items():
        if file:
            path = os.path.expanduser(file)
            try:
                version = file_version(path)
            except OSError as error:
                raise InputError(f"{path}: {error.strerror}; check corpus.{split}") from None
            splits[split] = stored(read, {"path": path} | arguments, columns, path, split, version)
    return splits


def _lines(path: str, encoding: str) -> Iterator[str]:
    return read_lines(path, encoding, "corpus.encoding")


def _conllu_sentences(path: str, encoding: str) -> Iterator[Sentence]:
    return read_conllu(_lines(path, encoding), path)


def _column_sentences(path: str, encoding: str, **rules: Any) -> Iterator[Sentence]:
    quoted, remedy = format_of(path) == "csv", "check corpus.fields and corpus.separator"
    return read_columns(_lines(path, encoding), path, quoted=quoted, remedy=remedy, **rules)

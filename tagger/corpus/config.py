"""The kinds of corpus, and what describes a corpus of each kind: the values of the files in `conf/corpus`."""

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

CORPUS = "corpus"  # the column that names a sentence's corpus, of several that are mixed


@dataclass
class Splitting:
    """How the dev split is made.

    Attributes:
        dev_share: the share of train that becomes dev if the corpus has no dev split.
        folds: for cross-validation, the number of parts into which train and dev are cut together.
        fold: the part that becomes dev, counted from 0.
        dev_seed: of the shuffle that makes dev; None: that of the run.
    """

    dev_share: float = 0.1
    folds: int | None = None
    fold: int | None = None
    dev_seed: int | None = None


@dataclass
class Mixing:
    """How several corpora are mixed in training.

    Attributes:
        temperature: an epoch's sentences of a corpus that has n are in proportion to n ** (1 / temperature).
        unnamed: the share of the sentences whose corpus the network is not told.
    """

    temperature: float = 2.0
    unnamed: float = 0.5


@dataclass
class CorpusConfig(Mixing, Splitting):
    """What every kind of corpus has: how its dev split is made, how it is mixed with others, and its kind.

    Attributes:
        kind: a key of `CORPUS_CONFIGS` and of `SOURCES` in `sources.py`.
        list_key: the field that may be a list, with a value for each of several corpora; None: it is always one corpus.
    """

    list_key: ClassVar[str | None] = None
    kind: str = ""


@dataclass
class SampleConfig(CorpusConfig):
    """The bundled English sample."""

    kind: str = "sample"


@dataclass
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


@dataclass
class ConlluConfig(FilesConfig):
    """A treebank in CoNLL-U.

    Attributes:
        path: a folder with `*-train.conllu` and perhaps `*-dev.conllu` and `*-test.conllu`, plain or compressed. A file
            that `train`, `dev` or `test` names is used instead of the folder's. Or a list of folders.
    """

    list_key: ClassVar[str | None] = "path"
    kind: str = "conllu"
    path: Any = None  # None | str | list[str]


@dataclass
class ColumnsConfig(FilesConfig):
    """Files with a token in each line and an empty line between sentences.

    Attributes:
        fields: the place in a line of `tokens` and of each tag column, counted from 0, or from -1 at the end; None for
            a column that the files do not have.
        separator: of columns; None: tabs if the first token's line has one, else spaces. `\\t` may stand for the tab.
        skip: a line that begins with one of these (`-DOCSTART-`) has no token and ends a sentence.
    """

    kind: str = "columns"
    fields: dict[str, int | None] = dataclasses.field(default_factory=dict)
    separator: str | None = None
    skip: list[str] = dataclasses.field(default_factory=list)


@dataclass
class HubConfig(CorpusConfig):
    """A data set of the Hugging Face Hub, or a local folder laid out like one.

    Attributes:
        name: on the Hub, or a folder; or a list of these, whose columns have the same names.
        config: which of its configs, if it has several.
        revision: a branch, tag or commit.
        tokens: its column of words.
        fields: for a tag column its name in the data set; None if the name is the same.
    """

    list_key: ClassVar[str | None] = "name"
    kind: str = "hub"
    name: Any = None  # None | str | list[str]
    config: str | None = None
    revision: str | None = None
    tokens: str = "tokens"
    fields: dict[str, str | None] = dataclasses.field(default_factory=dict)


@dataclass
class UdConfig(CorpusConfig):
    """A treebank of Universal Dependencies from the Hub.

    Attributes:
        treebank: language and treebank, such as `en_ewt`, or a list of these.
        name: of the data set on the Hub, or a folder.
        revision: a release, such as 2.17.
    """

    list_key: ClassVar[str | None] = "treebank"
    kind: str = "ud"
    treebank: Any = "en_ewt"  # str | list[str]
    name: str | None = None
    revision: str | None = None


CORPUS_CONFIGS: dict[str, type[CorpusConfig]] = {
    "sample": SampleConfig,
    "conllu": ConlluConfig,
    "columns": ColumnsConfig,
    "hub": HubConfig,
    "ud": UdConfig,
}


@dataclass
class HubTextConfig:
    """A data set of the Hugging Face Hub with a column of untagged texts.

    Attributes:
        name: on the Hub, or a folder; None: no data set.
        config: which of its configs, if it has several.
        split: the split to read.
        column: of the texts.
    """

    name: str | None
    config: str | None
    split: str
    column: str

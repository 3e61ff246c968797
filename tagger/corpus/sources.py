"""Where sentences come from: CoNLL-U files, column files, the Hub or the bundled sample in, `datasets.DatasetDict` out.

Each file of `conf/corpus` gives the arguments of `sample`, `conllu`, `column_files`, `hub` or `ud`;
`load_corpus` calls that function. A reader yields the sentences of a split one at a time, and these
go to an Arrow file in the cache of `datasets`, so that a corpus of any size fits. A file that
changed is read again: its size and time are part of its name in the cache.
"""

import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack

from datasets import Dataset
from hydra.errors import InstantiationException
from hydra.utils import instantiate

from tagger.bundled import bundled
from tagger.corpus.arrow import Reader, stored
from tagger.corpus.hub import holds_strings, hub_sentences, load_hub
from tagger.corpus.splits import Corpus, Splitting, divided
from tagger.errors import InputError, shorten
from tagger.text.conllu import COLUMNS, read_conllu
from tagger.text.files import file_version, read_lines, whole_lines
from tagger.text.sentence import NO_TAG, Sentence

HUB_SPLITS = {"train": "train", "validation": "dev", "dev": "dev", "test": "test"}
_ENGLISH = re.compile(r"english|(?<![a-z])en_|conll200[03]", re.IGNORECASE)
_CELL = re.compile(r"[^ \t]+")

_log = logging.getLogger(__name__)


def load_corpus(config: Any, columns: Sequence[str], seed: int) -> Corpus:
    """The corpus that a config of the group `corpus`, or a dict like it, describes.

    Raises:
        InputError: whatever is wrong with the data; mistakes in the config stay Hydra's errors.
    """
    try:
        corpus: Corpus = instantiate(config, columns=list(columns), seed=seed, _convert_="all")
    except InstantiationException as error:
        if isinstance(error.__cause__, InputError):
            raise error.__cause__ from None
        raise
    return corpus


def sample(columns: Sequence[str], **splitting: Unpack[Splitting]) -> Corpus:
    """The bundled English sample.

    Raises:
        InputError: as `conllu`.
    """
    return conllu(columns, path=str(bundled("data") / "sample"), **splitting)._replace(rules="english")


def conllu(
    columns: Sequence[str],
    path: str | None = None,
    train: str | None = None,
    dev: str | None = None,
    test: str | None = None,
    encoding: str = "utf-8",
    **splitting: Unpack[Splitting],
) -> Corpus:
    """A treebank in CoNLL-U.

    Args:
        columns: the tag columns to load: `upos`, `xpos`, `feats`.
        path: a folder with `*-train.conllu`, perhaps `*-dev.conllu` and `*-test.conllu`, or with `.gz` after them.
        train, dev, test: files to use, whatever the folder has.
        encoding: of all files.
        splitting: see `Splitting`.

    Raises:
        InputError: no or several files for a split, a file that is not CoNLL-U or holds no words, a
            column that has no tags or that CoNLL-U does not have, a fold that does not exist.
    """
    files = {"train": train, "dev": dev, "test": test}
    if path is not None:
        folder = Path(path).expanduser()
        files = {split: file or _in_folder(folder, split) for split, file in files.items()}
        if files["train"] is None:
            others = ", ".join(sorted(file.name for file in folder.glob("*.conllu*"))) or "no CoNLL-U file"
            raise InputError(f"{folder} has no *-train.conllu, it has {others}; name a file with corpus.train=FILE")
    _check_columns(columns, COLUMNS, "CoNLL-U; choose with columns=[...]")
    splits = _from_files(_conllu_sentences, files, columns, {"encoding": encoding})
    name = Path(train or "").name if path is None else folder.resolve().name
    return divided(name, splits, **splitting)._replace(rules=_rules(name, Path(files["train"] or "").name))


def column_files(
    columns: Sequence[str],
    fields: Mapping[str, int | None],
    train: str | None = None,
    dev: str | None = None,
    test: str | None = None,
    separator: str | None = None,
    skip: Sequence[str] = (),
    encoding: str = "utf-8",
    **splitting: Unpack[Splitting],
) -> Corpus:
    """Files with a token a line and an empty line between sentences.

    Args:
        columns: the tag columns to load, of those in `fields`.
        fields: the place in a line of `tokens` and of each tag column, counted from 0, or from -1 at
            the end; None for a column that the files do not have.
        train, dev, test: files, `.gz` or not.
        separator: of columns; None: any number of spaces and tabs. `\\t` may stand for the tab.
        skip: what lines that are no tokens begin with (`-DOCSTART-`); such a line ends a sentence.
        encoding: of all files.
        splitting: see `Splitting`.

    Raises:
        InputError: a line with too few columns; else as `conllu`.
    """
    places = {field: place for field, place in {"tokens": 0, **fields}.items() if place is not None}
    _check_columns(("tokens", *columns), places, "corpus.fields; choose with columns=[...]")
    arguments = {
        "encoding": encoding,
        "separator": separator and separator.replace("\\t", "\t"),
        "skip": tuple(skip),
        "places": places,
        "needed": ("tokens", *columns),
    }
    splits = _from_files(_column_sentences, {"train": train, "dev": dev, "test": test}, columns, arguments)
    name = Path(train or "").name
    return divided(name, splits, **splitting)._replace(rules=_rules(name))


def hub(
    columns: Sequence[str],
    name: str | None = None,
    config: str | None = None,
    revision: str | None = None,
    tokens: str = "tokens",
    fields: Mapping[str, str | None] | None = None,
    **splitting: Unpack[Splitting],
) -> Corpus:
    """A data set of the Hugging Face Hub, or a local folder laid out like one.

    Its columns hold lists of strings or of class labels. Releases of Universal Dependencies that
    have multiword tokens among the words, or FEATS as Python dicts, are read as CoNLL-U is.

    Args:
        columns: the tag columns to load.
        name: on the Hub, or a folder.
        config: which of its configs, where it has several.
        revision: a branch, tag or commit.
        tokens: its column of words.
        fields: for a tag column its name in the data set, where that is another.
        splitting: see `Splitting`.

    Raises:
        InputError: the data set cannot be had, has no train split, or lacks a column; else as `conllu`.
    """
    if not name:
        raise InputError("no corpus.name: give a data set of the Hugging Face Hub or a local folder of Parquet files")
    found = load_hub(name, config, revision)
    sources = {ours: found[theirs] for theirs, ours in HUB_SPLITS.items() if theirs in found}
    if "train" not in sources:
        raise InputError(f"{name} has no split train, only {', '.join(found)}; choose another corpus.config")
    features = sources["train"].features
    strings = [place for place, feature in features.items() if holds_strings(feature)]
    wanted = {column: (fields or {}).get(column) or column for column in [*(fields or {}), *columns]}
    places = {column: place for column, place in ({"tokens": tokens} | wanted).items() if place in strings}
    has = f"{name}, whose lists of strings or class labels are {', '.join(strings) or 'none'}"
    _check_columns(("tokens", *columns), places, f"{has}; name them with corpus.tokens and corpus.fields")
    splits = {}
    for split, data in sources.items():
        source = f"{name}, split {split}"
        splits[split] = stored(
            hub_sentences, {"data": data, "source": source, "places": places}, columns, source, split
        )
    title = "-".join(filter(None, (Path(name).name, config)))
    return divided(title, splits, **splitting)._replace(rules=_rules(title))


def ud(columns: Sequence[str], treebank: str, **options: Any) -> Corpus:
    """A treebank of Universal Dependencies from the Hub, named like `en_ewt`; `options` are those of `hub`.

    Raises:
        InputError: as `hub`.
    """
    return hub(columns, config=treebank, **options)


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
    try:
        yield from read_lines(path, encoding)
    except InputError as error:  # here the encoding is no option of a command
        raise InputError(str(error).replace("--encoding", "corpus.encoding")) from None


def _conllu_sentences(path: str, encoding: str) -> Iterator[Sentence]:
    return read_conllu(_lines(path, encoding), path)


def _column_sentences(
    path: str,
    encoding: str,
    separator: str | None,
    skip: tuple[str, ...],
    places: dict[str, int],
    needed: tuple[str, ...],
) -> Iterator[Sentence]:
    rows: list[list[str]] = []
    for number, line in enumerate(whole_lines(_lines(path, encoding), path), 1):
        text = line.rstrip("\r\n")
        if not text.strip(" \t") or text.startswith(skip):
            yield _from_rows(rows, places)
            rows = []
            continue
        cells = _CELL.findall(text) if separator in (None, " ") else text.split(separator)
        there = {field: -len(cells) <= place < len(cells) for field, place in places.items()}
        for field in needed:
            if not there[field]:
                raise InputError(
                    f"{path}, line {number}: no column {places[field]} (from 0) for {field} in {shorten(text)};"
                    " check corpus.fields and corpus.separator"
                )
        rows.append([cells[place] if there[field] else NO_TAG for field, place in places.items()])
    yield _from_rows(rows, places)


def _from_rows(rows: list[list[str]], places: dict[str, int]) -> Sentence:
    values = {field: [row[i] for row in rows] for i, field in enumerate(places)}
    return Sentence(values.pop("tokens"), values)

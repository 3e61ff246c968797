"""The config of a corpus -> its sentences, split into train, dev and perhaps test.

A reader yields the sentences of a split one at a time, and `splits.py` stores them. A changed file is read again: its
size and time are part of its key in the cache.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from datasets import DatasetDict

from tagger.bundled import bundled
from tagger.corpus.corpus_config import CorpusConfig, files_name, single_configs, split_files
from tagger.corpus.hub_corpus import hub_source
from tagger.corpus.splits import (
    AUXILIARY_COLUMNS,
    Corpus,
    Reader,
    check_columns,
    joined,
    rules_for,
    tagged_columns,
    to_arrow,
    with_dev,
)
from tagger.errors import InputError
from tagger.text.columns import read_columns
from tagger.text.conllu import read_conllu
from tagger.text.files import file_version, read_lines
from tagger.text.formats import format_of
from tagger.text.schema import bad_value
from tagger.text.sentence import COLUMNS, Sentence
from tagger.text.strings import LEMMA


def load_corpus(config: CorpusConfig, columns: Sequence[str]) -> Corpus:
    """Opens the corpus of a config with these tag columns, or several, which become one, and makes its dev split."""
    opened = [OPENERS[each.kind](each, columns) for each in single_configs(config)]
    trains = [source.splits["train"] for source in opened]
    used = {column for train in trains for column in tagged_columns(train, [*columns, *AUXILIARY_COLUMNS])}
    for column in columns:
        if column not in used:
            names = " and ".join(source.name for source in opened)
            others = f"choose from those that have: columns=[{','.join(sorted(used))}]" if used else "no column has any"
            raise InputError(f"{names}: column {column} has no tags, all are _ or empty; {others}")
    return joined([with_dev(source, config) for source in opened])


def _from_files(read: Reader, config: CorpusConfig, columns: Sequence[str], arguments: dict[str, Any]) -> Corpus:
    files, name = split_files(config), files_name(config)
    splits = {
        split: to_arrow(read, {"path": path} | arguments, columns, path, file_version(path))
        for split, path in files.items()
    }
    names = (name, Path(files["train"]).name) if config.kind == "conllu" else (name,)
    return Corpus(name, DatasetDict(splits), rules_for(*names))


def _conllu(config: CorpusConfig, columns: Sequence[str]) -> Corpus:
    check_columns(columns, COLUMNS, "CoNLL-U; choose with columns=[...]")
    return _from_files(_read_conllu, config, columns, {"encoding": config.encoding})


def _read_conllu(path: str, encoding: str) -> Iterator[Sentence]:
    return read_conllu(read_lines(path, encoding, "corpus.encoding"), path)


def _sample(config: CorpusConfig, columns: Sequence[str]) -> Corpus:
    conllu = replace(config, kind="conllu", path=str(bundled("data") / "sample"))
    return replace(_conllu(conllu, columns), rules="english")


def _columns(config: CorpusConfig, columns: Sequence[str]) -> Corpus:
    places = {"tokens": 0, **config.fields}
    for field, place in places.items():
        if isinstance(place, str):
            raise bad_value(f"corpus.fields.{field}", place, "give its place in a line, a number from 0, or null")
    places = {field: place for field, place in places.items() if place is not None}
    check_columns(("tokens", *columns), places, "corpus.fields; choose with columns=[...]")
    arguments = {
        "encoding": config.encoding,
        "token": places["tokens"],
        "columns": {column: places[column] for column in columns},
        "optional": {field: place for field, place in places.items() if field not in ("tokens", *columns)},
        "separator": config.separator,
        "skip": tuple(config.skip),
    }
    return _from_files(_read_columns, config, columns, arguments)


def _read_columns(path: str, encoding: str, **rules: Any) -> Iterator[Sentence]:
    quoted, remedy = format_of(path) == "csv", "check corpus.fields and corpus.separator"
    return read_columns(read_lines(path, encoding, "corpus.encoding"), path, quoted=quoted, remedy=remedy, **rules)


def _ud(config: CorpusConfig, columns: Sequence[str]) -> Corpus:
    fields: dict[str, Any] = {LEMMA: "lemmas"} if LEMMA in columns else {}
    return hub_source(replace(config, kind="hub", config=str(config.treebank), fields=fields), columns)


OPENERS: dict[str, Callable[[CorpusConfig, Sequence[str]], Corpus]] = {
    "sample": _sample,
    "conllu": _conllu,
    "columns": _columns,
    "hub": hub_source,
    "ud": _ud,
}

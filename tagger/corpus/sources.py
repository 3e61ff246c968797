"""The config of a corpus -> its sentences, split into train, dev and perhaps test.

`SOURCES` has a function for each kind of corpus, which opens it as a `Source`. A reader yields the sentences of a split
one at a time, and `arrow.py` writes them to a file in the cache of `datasets`, so that a corpus of any size fits into
memory. A changed file is read again: its size and time are part of its key in the cache.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset

from tagger.bundled import bundled
from tagger.corpus.arrow import Reader, to_arrow
from tagger.corpus.config import ColumnsConfig, ConlluConfig, CorpusConfig, SampleConfig
from tagger.corpus.files import corpus_name, single_configs, split_files
from tagger.corpus.hub import hub_source, ud_source
from tagger.corpus.splits import Corpus, Source, check_columns, joined, rules_for, with_dev
from tagger.text.columns import read_columns
from tagger.text.conllu import COLUMNS, read_conllu
from tagger.text.files import file_version, read_lines
from tagger.text.formats import format_of
from tagger.text.sentence import Sentence


def load_corpus(config: CorpusConfig, columns: Sequence[str], seed: int) -> Corpus:
    """Opens the corpus that a config describes, or the several, which become one, and makes its dev split.

    Args:
        config: of a kind that `SOURCES` has.
        columns: the tag columns to load.
        seed: of the shuffle that makes a dev split.

    Raises:
        InputError: no or several files for a split; a file that cannot be read or holds no words; a data set that
            cannot be fetched; a column that does not exist or has no tags; a fold that does not exist; a corpus that
            is named twice.
    """
    opened = [SOURCES[each.kind](each, list(columns)) for each in single_configs(config)]
    return joined([with_dev(source, config, seed) for source in opened])


def sample_source(config: SampleConfig, columns: list[str]) -> Source:
    """Opens the bundled English sample."""
    return conllu_source(ConlluConfig(path=str(bundled("data") / "sample")), columns)._replace(rules="english")


def conllu_source(config: ConlluConfig, columns: list[str]) -> Source:
    """Opens files in CoNLL-U, those of a folder or single ones."""
    check_columns(columns, COLUMNS, "CoNLL-U; choose with columns=[...]")
    files, name = split_files(config), corpus_name(config)
    splits = _from_files(_conllu_sentences, files, columns, {"encoding": config.encoding})
    return Source(name, splits, rules_for(name, Path(files["train"]).name))


def columns_source(config: ColumnsConfig, columns: list[str]) -> Source:
    """Opens files with a token in each line."""
    places = {field: place for field, place in {"tokens": 0, **config.fields}.items() if place is not None}
    check_columns(("tokens", *columns), places, "corpus.fields; choose with columns=[...]")
    arguments = {
        "encoding": config.encoding,
        "token": places["tokens"],
        "columns": {column: places[column] for column in columns},
        "optional": {field: place for field, place in places.items() if field not in ("tokens", *columns)},
        "separator": config.separator,
        "skip": tuple(config.skip),
    }
    splits = _from_files(_column_sentences, split_files(config), columns, arguments)
    name = corpus_name(config)
    return Source(name, splits, rules_for(name))


# Each takes the config of its kind, a subclass of CorpusConfig, and the tag columns to load.
SOURCES: dict[str, Callable[[Any, list[str]], Source]] = {
    "sample": sample_source,
    "conllu": conllu_source,
    "columns": columns_source,
    "hub": hub_source,
    "ud": ud_source,
}


def _from_files(
    read: Reader, files: Mapping[str, str], columns: Sequence[str], arguments: dict[str, Any]
) -> dict[str, Dataset]:
    return {
        split: to_arrow(read, {"path": path} | arguments, columns, path, split, file_version(path))
        for split, path in files.items()
    }


def _lines(path: str, encoding: str) -> Iterator[str]:
    return read_lines(path, encoding, "corpus.encoding")


def _conllu_sentences(path: str, encoding: str) -> Iterator[Sentence]:
    return read_conllu(_lines(path, encoding), path)


def _column_sentences(path: str, encoding: str, **rules: Any) -> Iterator[Sentence]:
    quoted, remedy = format_of(path) == "csv", "check corpus.fields and corpus.separator"
    return read_columns(_lines(path, encoding), path, quoted=quoted, remedy=remedy, **rules)

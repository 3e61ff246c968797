"""Data sets of the Hugging Face Hub -> the splits of a corpus, or the texts of a column."""

import logging
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import datasets
from datasets import ClassLabel, Dataset, DatasetDict, Features
from datasets.fingerprint import Hasher
from huggingface_hub.utils.tqdm import disable_progress_bars as disable_hub_progress_bars

from tagger.corpus.corpus_config import CorpusConfig
from tagger.corpus.splits import AUXILIARY_COLUMNS, Corpus, check_columns, rules_for, to_arrow
from tagger.errors import InputError, shorten
from tagger.text.files import file_version
from tagger.text.sentence import MultiwordToken, Sentence
from tagger.text.strings import NO_TAG

HUB_SPLITS = {"train": "train", "validation": "dev", "dev": "dev", "test": "test"}  # the Hub's names and ours
PARQUET_EXPORT = "refs/convert/parquet"  # the branch with the Hub's own conversion: a folder for each config

_NO_SPACE = re.compile(r"(?:^|\|)SpaceAfter=No(?:\||$)")
_RANGE = re.compile(r"([0-9]{1,9})-([0-9]{1,9})")  # the ID of a multiword token


def hub_source(config: CorpusConfig, columns: Sequence[str]) -> Corpus:
    """Opens a data set whose columns hold lists of strings or of class labels."""
    if not config.name:
        raise InputError("no corpus.name: give a data set of the Hugging Face Hub or a local folder of Parquet files")
    name, fields = str(config.name), config.fields
    found = load_hub(name, config.config, config.revision)
    own = {ours: found[theirs] for theirs, ours in HUB_SPLITS.items() if theirs in found}
    if "train" not in own:
        raise InputError(f"{name} has no split train, only {', '.join(found)}; choose another corpus.config")
    strings = [place for place, feature in own["train"].features.items() if _holds_strings(feature)]
    wanted = {column: str(fields.get(column) or column) for column in (*fields, *columns, *AUXILIARY_COLUMNS)}
    places = {column: place for column, place in ({"tokens": config.tokens} | wanted).items() if place in strings}
    has = f"{name}, whose lists of strings or class labels are {', '.join(strings) or 'none'}"
    check_columns(("tokens", *columns), places, f"{has}; name them with corpus.tokens and corpus.fields")
    asked = {places.get(column) for column in ("tokens", *fields, *columns)}
    optional = sorted({*places.values()} - asked)
    splits = {}
    for split, data in own.items():
        source = f"{name}, split {split}"
        arguments = {"data": data, "source": source, "places": places, "optional": optional}
        splits[split] = to_arrow(hub_sentences, arguments, columns, source)
    title = "-".join(filter(None, (Path(name).name, config.config)))
    return Corpus(title, DatasetDict(splits), rules_for(title))


def load_hub(name: str, config: str | None, revision: str | None) -> DatasetDict:
    """Calls `load_dataset` for a data set or a folder, which prints nothing here."""
    datasets.disable_progress_bars()
    disable_hub_progress_bars()
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # it logs a line for each attempt to connect
    path = os.path.expanduser(name)
    options = {"revision": revision, "data_dir" if revision == PARQUET_EXPORT else "name": config}
    if os.path.isdir(path):  # `datasets` does not notice changed files, so changed folders get other caches
        versions = Hasher.hash([file_version(file) for file in sorted(Path(path).rglob("*")) if file.is_file()])
        options["cache_dir"] = os.path.join(datasets.config.HF_DATASETS_CACHE, f"folder-{versions}")
    try:
        return datasets.load_dataset(path, **options)
    except ConnectionError as error:
        remedy = "connect to the internet, or give a local folder of its Parquet files as corpus.name"
        raise InputError(f"{name} cannot be fetched ({error}); {remedy}") from None
    except Exception as error:  # `datasets` raises errors of many types for bad data
        keys = "corpus.name, corpus.config and corpus.revision"
        raise InputError(f"{name}: {' '.join(str(error).split())[:300]}; check {keys}") from None


def _holds_strings(feature: Any) -> bool:
    """Whether a column holds lists of strings or of class labels."""
    item = getattr(feature, "feature", None)
    return isinstance(item, ClassLabel) or getattr(item, "dtype", None) in ("string", "large_string")


def hub_sentences(data: Dataset, source: str, places: dict[str, str], optional: Sequence[str]) -> Iterator[Sentence]:
    """Yields the sentences of a split; a row may lack the tags of those of `places` that are `optional`."""
    spacing = _has_spacing(data.features)
    needed = sorted({*places.values(), *(["misc"] if spacing else [])})
    others = [name for name in ("text", "mwt", "comments", "sent_id") if spacing and name in data.features]
    labels = {place: getattr(data.features[place].feature, "names", None) for place in needed}
    for number, row in enumerate(data.select_columns(sorted({*needed, *others}))):
        cells: dict[str, list[Any]] = {place: row[place] or [] for place in needed}
        size = len(cells[places["tokens"]])
        for place, names in labels.items():
            if len(cells[place]) != size and place in optional:
                del cells[place]
                continue
            if len(cells[place]) != size:
                count = f"{len(cells[place])} values of {place} for {size} words"
                raise InputError(f"{source}, row {number}: {count}; repair the data or leave the column out")
            if names:
                cells[place] = [NO_TAG if v is None or v < 0 else names[v] for v in cells[place]]
        values = {column: cells[place] for column, place in places.items() if place in cells}
        sentence = Sentence(values.pop("tokens"), values)
        if spacing:
            _add_spacing(sentence, row, f"{source}, row {number}")
        yield sentence


def _has_spacing(features: Features) -> bool:
    """Whether the rows say where the text has spaces, as those of Universal Dependencies do."""
    mwt = getattr(features.get("mwt"), "feature", None)
    text = getattr(features.get("text"), "dtype", None) == "string"
    return text and _holds_strings(features.get("misc")) and isinstance(mwt, dict) and {"id", "form"} <= mwt.keys()


def _add_spacing(sentence: Sentence, row: dict[str, Any], where: str) -> None:
    """Gives a sentence its text, its comments, its multiword tokens and `space_after`, as in CoNLL-U."""
    comments = [f"# {comment}" for comment in row.get("comments") or []]
    comments += [f"# {name} = {row[name]}" for name in ("sent_id", "text") if row.get(name)]
    sentence.text, sentence.comments = row["text"], comments
    sentence.space_after = [_space_follows(misc) for misc in row["misc"] or []]
    last = 0
    for token in row["mwt"] or []:
        found = _RANGE.fullmatch(token["id"] or "")
        start, stop = (int(found[1]) - 1, int(found[2])) if found else (0, 0)
        if not last <= start < stop <= len(sentence) or not token["form"]:
            raise InputError(
                f"{where}: no multiword token can have the ID {shorten(str(token['id']))}; repair the data"
            )
        sentence.multiwords.append(MultiwordToken(start, stop, token["form"]))
        sentence.space_after[start:stop] = [*[False] * (stop - start - 1), _space_follows(token.get("misc"))]
        last = stop


def _space_follows(misc: str | None) -> bool:
    return _NO_SPACE.search(misc or "") is None

"""Data sets of the Hugging Face Hub -> the splits of a corpus, or the texts of a column.

Older releases of Universal Dependencies have multiword tokens and empty nodes among the words, no IDs, and FEATS as
Python dicts. How many words a multiword token stands for follows from the text alone. They give the same sentences as
CoNLL-U.
"""

import ast
import logging
import os
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import datasets
from datasets import ClassLabel, Dataset, DatasetDict, Features
from datasets.fingerprint import Hasher
from huggingface_hub.utils.tqdm import disable_progress_bars as disable_hub_progress_bars

from tagger.corpus.corpus_config import CorpusConfig
from tagger.corpus.splits import FACT_COLUMNS, Source, check_columns, rules_for, to_arrow
from tagger.errors import InputError, shorten
from tagger.text.files import file_version
from tagger.text.segment_rules import SPACE
from tagger.text.sentence import MultiwordToken, Sentence
from tagger.text.strings import NO_TAG

HUB_SPLITS = {"train": "train", "validation": "dev", "dev": "dev", "test": "test"}  # the Hub's names and ours
PARQUET_EXPORT = "refs/convert/parquet"  # the branch with the Hub's own conversion: a folder for each config

_SPACES = re.compile(f"[{SPACE}]*")
_NO_SPACE = re.compile(r"\bSpaceAfter\b\W{1,4}No\b")  # as in CoNLL-U, or in the text of a Python dict
_RANGE = re.compile(r"([0-9]{1,9})-([0-9]{1,9})")  # the ID of a multiword token


def hub_source(config: CorpusConfig, columns: Sequence[str]) -> Source:
    """Opens a data set whose columns hold lists of strings or of class labels."""
    if not config.name:
        raise InputError("no corpus.name: give a data set of the Hugging Face Hub or a local folder of Parquet files")
    name, fields = str(config.name), config.fields
    found = load_hub(name, config.config, config.revision)
    own = {ours: found[theirs] for theirs, ours in HUB_SPLITS.items() if theirs in found}
    if "train" not in own:
        raise InputError(f"{name} has no split train, only {', '.join(found)}; choose another corpus.config")
    strings = [place for place, feature in own["train"].features.items() if _holds_strings(feature)]
    wanted = {column: str(fields.get(column) or column) for column in (*fields, *columns, *FACT_COLUMNS)}
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
    return Source(title, splits, rules_for(title))


def load_hub(name: str, config: str | None, revision: str | None) -> DatasetDict:
    """Calls `load_dataset` for a data set or a folder, which prints nothing here."""
    _be_quiet()
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
        raise _bad(name, error, "corpus.name, corpus.config and corpus.revision") from None


def stream_hub(name: str, config: str | None, split: str, column: str, key: str = "hub") -> Iterator[str]:
    """Yields the texts of a column of a data set while it is being downloaded; `key` is for messages."""
    _be_quiet()
    try:
        rows = datasets.load_dataset(os.path.expanduser(name), config, split=split, streaming=True)
        for number, row in enumerate(rows):
            if not isinstance(row.get(column), str):
                raise InputError(
                    f"{name}, row {number}: no text in column {column}; set {key}.column to one of {', '.join(row)}"
                )
            yield row[column]
    except InputError:
        raise
    except Exception as error:  # `datasets` raises errors of many types for bad data
        raise _bad(name, error, f"{key}.name, {key}.config and {key}.split") from None


def _be_quiet() -> None:
    datasets.disable_progress_bars()
    disable_hub_progress_bars()
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # it logs a line for each attempt to connect


def _bad(name: str, error: Exception, keys: str) -> InputError:
    return InputError(f"{name}: {' '.join(str(error).split())[:300]}; check {keys}")


def _holds_strings(feature: Any) -> bool:
    """Whether a column holds lists of strings or of class labels."""
    item = getattr(feature, "feature", None)
    return isinstance(item, ClassLabel) or getattr(item, "dtype", None) in ("string", "large_string")


def hub_sentences(data: Dataset, source: str, places: dict[str, str], optional: Sequence[str]) -> Iterator[Sentence]:
    """Yields the sentences of a split.

    Args:
        source: its name, for messages.
        places: the data set's own name of `tokens` and of each tag column.
        optional: those of `places` that nobody has asked for; a row may lack their tags.
    """
    mark = _word_mark(data.features)
    spacing = _has_spacing(data.features, older=mark is not None)
    needed = sorted({*places.values(), *([mark, "upos"] if mark else []), *(["misc"] if spacing else [])})
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
        kept = [i for i in range(size) if not mark or cells[mark][i] not in (None, "None", NO_TAG)]
        values = {column: [cells[place][i] for i in kept] for column, place in places.items() if place in cells}
        if "feats" in values:
            values["feats"] = list(map(_feats, values["feats"]))
        sentence = Sentence(values.pop("tokens"), values)
        if spacing and mark:
            words, forms = set(kept), cells[places["tokens"]]
            spelled = [i for i in range(size) if i in words or cells["upos"][i] == NO_TAG]  # the others: empty nodes
            _add_older_spacing(sentence, [Row(forms[i], cells["misc"][i], i in words) for i in spelled], row["text"])
        elif spacing:
            _add_spacing(sentence, row, f"{source}, row {number}")
        yield sentence


def _has_spacing(features: Features, older: bool) -> bool:
    """Whether the rows say where the text has spaces, as those of Universal Dependencies do."""
    ranges = getattr(features.get("mwt"), "feature", None)
    text = getattr(features.get("text"), "dtype", None) == "string"
    found = older or (isinstance(ranges, dict) and {"id", "form"} <= ranges.keys())
    return text and _holds_strings(features.get("misc")) and found


def _word_mark(features: Features) -> str | None:
    """The column that has a value for words only, not for multiword tokens and empty nodes; None in newer releases.

    Older releases can be told by the class label `_` of UPOS. A row that is no word has no head; if the release has no
    column of heads, the row has that label.
    """
    labels = getattr(getattr(features.get("upos"), "feature", None), "names", [])
    if NO_TAG not in labels:
        return None
    return "head" if hasattr(features.get("head"), "feature") else "upos"


@lru_cache(1 << 16)
def _feats(value: str | None) -> str:
    """FEATS as CoNLL-U writes them; some releases have the text of a Python dict instead."""
    if value is None or value == "None":
        return NO_TAG
    try:
        pairs = ast.literal_eval(value) if value.startswith("{") else None
    except (ValueError, SyntaxError):
        pairs = None
    return "|".join(f"{name}={setting}" for name, setting in pairs.items()) if isinstance(pairs, dict) else value


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
        _add_multiword(sentence, MultiwordToken(start, stop, token["form"]), token.get("misc"))
        last = stop


def _add_multiword(sentence: Sentence, token: MultiwordToken, misc: str | None) -> None:
    sentence.multiwords.append(token)
    if sentence.space_after is not None:
        inside = [False] * (token.stop - token.start - 1)
        sentence.space_after[token.start : token.stop] = [*inside, _space_follows(misc)]


def _space_follows(misc: str | None) -> bool:
    return _NO_SPACE.search(misc or "") is None


class Row(NamedTuple):
    """Of an older release: a word, or the row of a multiword token before its words."""

    form: str
    misc: str | None
    word: bool


def _add_older_spacing(sentence: Sentence, rows: Sequence[Row], text: str | None) -> None:
    """The same from rows of an older release, without empty nodes; nothing if they do not spell the text."""
    multiwords = multiword_tokens(rows, text or "")
    if multiwords is None:
        return
    sentence.text = text
    sentence.space_after = [_space_follows(row.misc) for row in rows if row.word]
    for token, row in zip(multiwords, (row for row in rows if not row.word), strict=True):
        _add_multiword(sentence, token, row.misc)


def multiword_tokens(rows: Sequence[Row], text: str) -> list[MultiwordToken] | None:
    """The multiword tokens of rows that spell a text; None if they do not.

    A multiword token has two words, or as many more as it takes until the next token is the one that follows in the
    text.
    """
    found: list[MultiwordToken] = []
    place, at, word = 0, 0, 0
    while place < len(rows):
        row = rows[place]
        end = _end(row.form, text, at)
        if end is None:
            return None
        at, place = end, place + 1
        if row.word:
            word += 1
            continue
        last = next((i for i in range(place, len(rows)) if not rows[i].word), len(rows))
        stops = (stop for stop in range(place + 2, last + 1) if _goes_on(rows[stop:], text, at))
        stop = next(stops, None)
        if stop is None:
            return None
        found.append(MultiwordToken(word, word + stop - place, row.form))
        word, place = word + stop - place, stop
    return found if _goes_on([], text, at) else None


def _goes_on(rows: Sequence[Row], text: str, at: int) -> bool:
    """Whether the text goes on with the first of the rows, or ends if there is none."""
    return _end(rows[0].form, text, at) is not None if rows else _skip(text, at) == len(text)


def _end(form: str, text: str, at: int) -> int | None:
    """The end of a form that follows in a text; None if another one does."""
    start = _skip(text, at)
    return start + len(form) if form and text.startswith(form, start) else None


def _skip(text: str, at: int) -> int:
    spaces = _SPACES.match(text, at)
    return spaces.end() if spaces else at

"""Full-form dictionaries: word forms -> their lemmas, and what is known of the lemmas' other forms.

The entries are those of the library simplemma, form -> lemma, for 53 languages. Its text takes seconds and hundreds of
megabytes to open, so the first use of a language makes tables of hashes, which later processes map into memory:

    form -> change:        what makes the lemma of the form: its ending in the form, its ending in the lemma
    lemma -> inflection:   the most frequent changes that make its forms

A change says more than the lengths of the two endings: `lardan` -> `` is a Turkish ablative plural. So *kitaplardan*
and *kitap* are one word, and a lemma that training has never seen is recognised as a noun by how it inflects.

A dictionary's lemma is a word, but not always the one that the treebank writes. How often it is right is counted on
rare words of training, by the words' UPOS and by the change from form to lemma (`LemmaReliability`). The judge
`DictionaryLemmas` puts it first if this share is above the probability that the network gives its own best edit script,
which can leave no word. A tag that the dictionary knows little of, such as PROPN, guards itself.
"""

# n entries, S changes, P inflections, U forms

import hashlib
import logging
import os
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any, NamedTuple

import numpy as np
import torch
from msgspec import Meta
from platformdirs import user_cache_path
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from tagger.errors import InputError, reason
from tagger.text.output_files import whole_binary
from tagger.text.schema import Count, ShortName, Size
from tagger.text.strings import printable, text_hash

SLOTS = 24  # changes of an inflection that are kept, the most frequent ones
MIN_LEMMAS = 21  # lemmas that have a change, at least, for it to be kept
PER_BUCKET = 8  # entries of a bucket of hashes, on the mean
MAX_BYTES = 128  # of a form that may be there; the longest entry has fewer
CHUNK = 1 << 17  # entries that are read at a time
VERSION = 3  # of the tables; another one makes them anew
PIP = "pip install 'simplemma==2.0.0'"
PRIOR_OF_TAG = 5.0  # words that a tag is smoothed with, as reliable as all
PRIOR_OF_CHANGE = 1.0  # words that a change is smoothed with, as reliable as its tag; all on dev of thirty treebanks
Change = Annotated[int, Meta(ge=-(1 << 31), lt=1 << 31)]
Counts = dict[ShortName, list[tuple[Change, Size, Count]]]

_OF_PREFIXES = {"sw"}  # inflects at the beginning, so that each of 4.9 million forms has a change of its own: 188 MB
_DIGEST = "digest"  # the name of a file's digest among its metadata
_UNREADABLE = (OSError, InputError, SafetensorError, LookupError, TypeError, ValueError, RuntimeError)

_log = logging.getLogger(__name__)


class Found(NamedTuple):
    """What a dictionary knows of U forms."""

    lemmas: list[str | None]  # of each form; None: the dictionary does not have the form
    changes: np.ndarray  # (U,) a number for the change from form to lemma, the same in every dictionary; 0: no entry
    # (U, SLOTS) such numbers of the changes that make the lemma's forms, the most frequent first; 0 after the last
    inflections: np.ndarray


class Dictionary:
    """The dictionaries of one or more languages; a form has the lemma of the first that knows it.

    Use `open_dictionary`: members of a tagger that share a dictionary share what it found last, too.
    """

    def __init__(self, digests: Mapping[str, str]) -> None:
        """Compares the digests of each code; the tables are opened when a form is looked up."""
        for code, digest in digests.items():
            if digest_of(code) != digest:
                raise InputError(
                    f"the dictionary {code} of the installed simplemma is not the one that this tagger learned with, so"
                    f" its tags would be others; {PIP}"
                )
        self.digests = dict(digests)
        self._in_use: list[_Tables] = []
        self._last: tuple[list[str], Found] | None = None

    def look_up(self, forms: Sequence[str]) -> Found:
        """What the dictionaries know of forms. Who asks for the same again gets the same: it is not to be changed."""
        last = self._last
        if last is not None and last[0] == forms:
            return last[1]
        found, missing = self._empty(forms), list(range(len(forms)))
        for tables in self._opened():
            missing = tables.look_up(forms, missing, found)
        self._last = list(forms), found
        return found

    def lemmas_of(self, words: Sequence[str]) -> dict[str, str]:
        """The lemmas of the words that a dictionary has in just this spelling."""
        found = self._empty(words)
        missing = dict(enumerate(words))
        for tables in self._opened():
            missing = {place: words[place] for place in tables.fill(missing, found)}
        return {word: lemma for word, lemma in zip(words, found.lemmas, strict=True) if lemma is not None}

    @staticmethod
    def _empty(forms: Sequence[str]) -> Found:
        count = len(forms)
        return Found([None] * count, np.zeros(count, np.int32), np.zeros((count, SLOTS), dtype=np.int32))

    def _opened(self) -> "list[_Tables]":
        if not self._in_use:
            self._in_use = [_tables(code, digest) for code, digest in self.digests.items()]
        return self._in_use

    def __reduce__(self) -> str | tuple[Any, ...]:
        """A copy, such as that of another process, maps the same files; tables that no file has go with it."""
        if self._in_use and not all(tables.in_file for tables in self._in_use):
            return super().__reduce__()
        return partial(open_dictionary, **self.digests), ()


@lru_cache(maxsize=16)
def open_dictionary(**digests: str) -> Dictionary:
    """The dictionary of these codes and digests, one for the whole process; see `Dictionary` for errors."""
    return Dictionary(digests)


@lru_cache(maxsize=64)
def digest_of(code: str) -> str:
    """The digest of a dictionary's content; an InputError if there is none for this code."""
    if code not in codes():
        raise InputError(f"no dictionary has the code {code[:20]!r}; choose from {', '.join(sorted(codes()))}")
    content = (_simplemma().dictionary_factory.DATA_FOLDER / f"{code}.plzma").read_bytes()
    return hashlib.sha256(content).hexdigest()[:32]


def codes() -> frozenset[str]:
    """The codes of the languages that have a dictionary."""
    found: frozenset[str] = _simplemma().dictionary_factory.SUPPORTED_LANGUAGES
    return found - _OF_PREFIXES


@cache
def _simplemma() -> Any:
    """The modules of simplemma that are used. Their import takes 30 ms: a tagger without a dictionary does without."""
    try:
        from simplemma import utils
        from simplemma.strategies.dictionaries import dictionary_factory, frontcode
    except ImportError:
        raise InputError(f"simplemma, whose dictionaries this tagger reads, is missing; {PIP}") from None
    return SimpleNamespace(utils=utils, dictionary_factory=dictionary_factory, frontcode=frontcode)


class _Hashed(NamedTuple):
    """Keys -> numbers. A key is known by 32 bits of its hash, and by the bucket that others decide: no two share all.

    One of a thousand million unknown keys is taken for a known one.
    """

    starts: np.ndarray  # (buckets + 1,) the first entry of each bucket
    rest: np.ndarray  # (n,) the lower half of the hash of each entry
    numbers: np.ndarray  # (n,)

    @classmethod
    def of(cls, hashes: np.ndarray, numbers: np.ndarray) -> "_Hashed":
        bits = max(1, (len(hashes) // PER_BUCKET).bit_length())
        order = np.argsort(hashes)
        counts = np.bincount((hashes >> np.uint64(64 - bits)).astype(np.int64), minlength=1 << bits)
        starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        small = np.int16 if numbers.max(initial=0) < 1 << 15 else np.int32
        return cls(starts, hashes[order].astype(np.uint32).view(np.int32), numbers[order].astype(small))

    def find(self, keys: Sequence[bytes]) -> np.ndarray:
        """The number of each key, (U,); -1: there is no such key."""
        hashes = _hashes([key if len(key) <= MAX_BYTES else b"" for key in keys])
        bucket = (hashes >> np.uint64(65 - len(self.starts).bit_length())).astype(np.int64)
        rest = hashes.astype(np.uint32).view(np.int32)
        found = np.full(len(hashes), -1, dtype=np.int64)
        here, places, ends = np.arange(len(hashes)), self.starts[bucket], self.starts[bucket + 1]
        while len(here):
            here, places, ends = (each[places < ends] for each in (here, places, ends))
            same = self.rest[places] == rest[here]
            found[here[same]] = self.numbers[places[same]]
            here, places, ends = (each[~same] for each in (here, places, ends))
            places = places + 1
        return found


class _Tables(NamedTuple):
    """The tables of one dictionary, which its file has; see `_make`."""

    code: str
    in_file: bool  # whether a file has them
    forms: _Hashed  # form -> its change
    lemmas: _Hashed  # lemma -> its inflection
    ends: np.ndarray  # (2 S + 1,) where the endings of each change end in `text`, after a 0
    text: bytes  # for each change the ending of the form, then that of the lemma
    keys: np.ndarray  # (S,) the number of each change, the same in every dictionary
    inflections: np.ndarray  # (P, SLOTS) the numbers of its changes, as in `Found`

    def look_up(self, forms: Sequence[str], places: Sequence[int], found: Found) -> list[int]:
        """Fills in what this dictionary knows of the forms at `places`; returns the places of the others."""
        canonical = _simplemma().utils.canonicalize_token
        unknown = self.fill({place: canonical(forms[place], self.code) for place in places}, found)
        others = {place: spellings(forms[place], self.code) for place in unknown}
        missing, number = [], 0
        while others:
            number += 1
            missing += [place for place, each in others.items() if len(each) == number]
            spelt = {place: each[number] for place, each in others.items() if len(each) > number}
            others = {place: others[place] for place in self.fill(spelt, found)}
        return sorted(missing)

    def fill(self, spelt: Mapping[int, str], found: Found) -> list[int]:
        """Fills in what is known of forms, place -> spelling; returns the places of the unknown ones."""
        keys = [each.encode("utf-8", "surrogatepass") for each in spelt.values()]
        numbers = self.forms.find(keys)
        ends = (self.ends[2 * numbers[:, None] + np.arange(3)] * (numbers[:, None] >= 0)).T.tolist()
        text, lemmas = self.text, list[bytes]()
        missing, known, changes = [], [], []
        for place, key, number, start, middle, end in zip(spelt, keys, numbers.tolist(), *ends, strict=True):
            if number < 0 or not key.endswith(text[start:middle]):
                missing.append(place)
                continue
            known.append(place)
            changes.append(number)
            lemma = key[: len(key) - (middle - start)] + text[middle:end]
            lemmas.append(lemma)
            found.lemmas[place] = lemma.decode("utf-8", "replace")
        if known:
            found.changes[known] = self.keys[changes]
            inflection = self.lemmas.find(lemmas)
            found.inflections[known] = self.inflections[inflection] * (inflection >= 0)[:, None]
        return missing


def spellings(form: str, code: str) -> list[str]:
    """The different spellings by which a form may be in a dictionary, in the order in which they are tried.

    They are those of simplemma's lookup: as it is, then with the other case of its first letter, and with other
    apostrophes; at last all of it in lower case.
    """
    utils, found = _simplemma().utils, dict[str, None]()
    for written in dict.fromkeys((form, form.lower())):
        token = utils.canonicalize_token(written, code)
        variants = [token]
        if code == "hy" and utils.has_armenian_marks(token):
            variants.append(utils.strip_armenian_marks(token))
        elif utils.has_apostrophe(token):
            variants += utils.apostrophe_variants(token)[1:]
        for variant in variants:
            found[variant] = found[variant.lower() if variant[:1].isupper() else variant.capitalize()] = None
    return [*found]


def _hashes(keys: Sequence[bytes]) -> np.ndarray:
    """A number of 64 bits for each key, (U,): eight bytes at a time, mixed as in SplitMix64."""
    width = -(-max(map(len, keys), default=1) // 8) * 8 or 8
    return _mixed(np.array(keys, dtype=f"S{width}").view("<u8").reshape(len(keys), width // 8))


def _mixed(words: np.ndarray) -> np.ndarray:
    """A number of 64 bits for each row of whole numbers, (U, words); those that are 0 do not count."""
    hashes = np.full(len(words), 0x9E3779B97F4A7C15, dtype=np.uint64)
    for word in words.T.astype(np.uint64):
        mixed = hashes ^ word
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
        hashes = np.where(word > 0, mixed ^ (mixed >> np.uint64(31)), hashes)
    return hashes


@lru_cache(maxsize=16)
def _tables(code: str, digest: str) -> _Tables:
    """The tables of a dictionary: those of the user's cache folder, or new ones.

    The name of the file is foreseeable, so a link there, which somebody else may have made, is not followed.
    """
    name = f"{code}-{digest}-{VERSION}.safetensors"
    with suppress(*_UNREADABLE):
        return _read(code, cache_folder() / name)
    _log.warning("the tables of the dictionary %s are made, which takes seconds", code)
    tensors = _make(code)
    try:
        path = cache_folder() / name
        if os.path.lexists(path) and (path.is_symlink() or not path.is_file()):
            raise InputError(f"{path} is no regular file; remove it")
        hidden = path.with_name(f".{secrets.token_hex(8)}.{name}")
        with whole_binary(hidden, "allow writing there") as file:
            file.write(save(tensors, {_DIGEST: _digest(name, tensors)}))
        hidden.replace(path)  # a link that is there by now is replaced, too, and not followed
        return _read(code, path)
    except _UNREADABLE as error:
        _log.warning("the next process makes the tables of the dictionary %s again: %s", code, printable(reason(error)))
        return _of_tensors(code, tensors, in_file=False)


def _read(code: str, path: Path) -> _Tables:
    """The tables of a file, which may be damaged, or that of another dictionary."""
    if not path.is_file():
        raise ValueError(f"{path} is no regular file")
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if (file.metadata() or {}).get(_DIGEST) != _digest(path.name, tensors):
            raise ValueError(f"{path} is damaged")
    return _of_tensors(code, tensors, in_file=True)


def _digest(name: str, tensors: Mapping[str, Tensor]) -> str:
    """That of the tables in a file of that name."""
    digest = hashlib.sha256(name.encode())
    for key, tensor in sorted(tensors.items()):
        digest.update(f" {key} {tensor.dtype} {tuple(tensor.shape)} ".encode())
        digest.update(tensor.numpy().reshape(-1).data)
    return digest.hexdigest()


def cache_folder() -> Path:
    """The folder of the tables, below the user's cache folder."""
    return user_cache_path("bigru-tagger", appauthor=False) / "dictionaries"


def _make(code: str) -> dict[str, Tensor]:
    """The arrays of `_Tables`, by the names of `_of_tensors`. Records are read in parts: a dict of all takes 340 MB."""
    frontcode, content = _simplemma().frontcode, _simplemma().dictionary_factory._read_decompressed(code)
    is_reversed, _, start = frontcode._read_header(content)
    records, step = frontcode._iter_records(content, start), -1 if is_reversed else 1
    changes: dict[tuple[bytes, bytes], int] = {}
    parts = []
    while part := list(islice(records, CHUNK)):
        parts.append(_part([form[::step] for _, form, _ in part], [lemma[::step] for _, _, lemma in part], changes))
    forms, lemmas, numbers = (np.concatenate(each) for each in zip(*parts, strict=True))
    ends = np.cumsum([0, *(len(ending) for change in changes for ending in change)])
    keys = [max(1, text_hash(f"{form.decode()}>{lemma.decode()}") & 0x7FFFFFFF) for form, lemma in changes]
    distinct, inflections, of_lemmas = _inflections(lemmas, numbers, np.array(keys))
    arrays = {
        "ends": ends.astype(np.int32),
        "text": np.frombuffer(b"".join(ending for change in changes for ending in change), dtype=np.uint8).copy(),
        "keys": np.array(keys, dtype=np.int32),
        "inflections": inflections,
    }
    for name, table in (("forms", _Hashed.of(forms, numbers)), ("lemmas", _Hashed.of(distinct, of_lemmas))):
        arrays |= {f"{name}.{field}": array for field, array in table._asdict().items()}
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def _of_tensors(code: str, tensors: Mapping[str, Tensor], in_file: bool) -> _Tables:
    arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
    forms, lemmas = (_Hashed(*(arrays[f"{name}.{each}"] for each in _Hashed._fields)) for name in ("forms", "lemmas"))
    return _Tables(
        code, in_file, forms, lemmas, arrays["ends"], arrays["text"].tobytes(), arrays["keys"], arrays["inflections"]
    )


def _part(
    forms: list[bytes], lemmas: list[bytes], changes: dict[tuple[bytes, bytes], int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The hashes of forms and of lemmas, and the numbers of the changes; new changes are added to `changes`."""
    width = max(map(len, [*forms, *lemmas])) + 1
    one, other = (np.array(each, dtype=f"S{width}").view(np.uint8).reshape(len(forms), -1) for each in (forms, lemmas))
    differs = one != other
    kept = np.where(differs.any(1), differs.argmax(1), width - 1)  # bytes that both begin with
    rows = np.arange(len(forms))
    for _ in range(3):  # a character of UTF-8 has at most four bytes, of which all but the first are 10xxxxxx
        kept -= ((one[rows, kept] & 0xC0) == 0x80) | ((other[rows, kept] & 0xC0) == 0x80)
    numbers = [
        changes.setdefault((form[place:], lemma[place:]), len(changes))
        for form, lemma, place in zip(forms, lemmas, kept.tolist(), strict=True)
    ]
    return _hashes(forms), _hashes(lemmas), np.array(numbers)


def _inflections(
    lemmas: np.ndarray, numbers: np.ndarray, keys: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The hashes of the lemmas, the distinct inflections (P, SLOTS), and that of each lemma.

    Each entry has the hash of a lemma and the number of its change; `keys` (S,) are the same in every dictionary.
    """
    distinct, lemma = np.unique(lemmas, return_inverse=True)
    pairs = np.sort(lemma * len(keys) + numbers)  # numpy's `unique` takes three times as long
    pairs = pairs[np.append(True, pairs[1:] != pairs[:-1])]
    lemma, change = pairs // len(keys), pairs % len(keys)
    counts = np.bincount(change, minlength=len(keys))
    frequent = counts[change] >= MIN_LEMMAS
    lemma, change = lemma[frequent], change[frequent]
    order = np.lexsort([keys[change], -counts[change], lemma])
    lemma, change = lemma[order], change[order]
    slot = np.arange(len(lemma)) - np.searchsorted(lemma, lemma)
    kept = slot < SLOTS
    table = np.zeros((len(distinct), SLOTS), dtype=np.int32)
    table[lemma[kept], slot[kept]] = keys[change[kept]]
    _, first, of_lemmas = np.unique(_mixed(table), return_index=True, return_inverse=True)
    return distinct, table[first], of_lemmas


@dataclass(frozen=True)
class LemmaReliability:
    """How often a dictionary's lemma is right, counted on rare words of training.

    Counts have for each UPOS (an empty string, if there is no such column) and each change from a form to its lemma
    (see `Found`): the change, the words whose lemma is right, and all words.
    """

    dictionary: dict[ShortName, ShortName]  # the codes of the dictionaries, as they are asked, and their digests
    known: Counts  # of words whose lemma by the dictionary is that of other words of training, too
    new: Counts  # of the others, whose lemma is often one that the treebank never has, such as that of a participle


def reliabilities(counts: Counts, tags: Sequence[str]) -> tuple[dict[int, int], np.ndarray]:
    """The row of each change, from 1, and the shares of right lemmas, (rows, tags); nothing is reliable without counts.

    The share of a change is smoothed with that of its tag, and this with that of all. Row 0 is of other changes.
    """
    found = [each for of_tag in counts.values() for each in of_tag]
    rows = {change: row for row, change in enumerate(sorted({change for change, _, _ in found}), 1)}
    right, every = np.zeros((1 + len(rows), len(tags))), np.zeros((1 + len(rows), len(tags)))
    for column, tag in enumerate(tags):
        for change, *numbers in counts.get(tag, ()):
            right[rows[change], column], every[rows[change], column] = numbers
    of_all = sum(number for _, number, _ in found) / max(1, sum(number for _, _, number in found))
    of_tag = (right.sum(0) + PRIOR_OF_TAG * of_all) / (every.sum(0) + PRIOR_OF_TAG)
    return rows, (right + PRIOR_OF_CHANGE * of_tag) / (every + PRIOR_OF_CHANGE)

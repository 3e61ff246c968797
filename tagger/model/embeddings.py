"""Word forms -> vectors: word, affixes, characters, lemma and pretrained vectors, side by side.

Each part depends on a form's spelling alone, so a form is embedded once, however often it occurs. A part reads a
feature, whole numbers that `features` computes of each form: `batch.FormTable` remembers them.

To add a part, write its class and its feature here, and name both in `FormEmbedding` and `features`. Its sizes belong
into `FormConfig`, and into the page of values (`EmbeddingConfig` in training/config.py).
"""

# U distinct forms, A affixes of a form, C characters of the longest form

import re
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from functools import partial
from itertools import chain, repeat
from typing import Annotated, TypedDict, cast

import numpy as np
import torch
from msgspec import Meta
from torch import Tensor, nn
from torch.nn.functional import embedding as look_up
from torch.nn.functional import embedding_bag, pad

from tagger.model.vocabulary import FIRST_ID, PAD, UNK, Vocabulary
from tagger.text.schema import MAX_SIZE, Count, ShortName, Size, one_of
from tagger.text.strings import affix_hash
from tagger.words.dictionary import SLOTS, Dictionary, open_dictionary

# Names of the parts, of their features in a batch, and of their weights.
WORDS, AFFIXES, CHARACTERS, LEMMAS, VECTORS = "words", "affixes", "characters", "lemmas", "vectors"
Feature = Callable[[list[str]], np.ndarray]  # U forms to whole numbers, a row for each: (U,) or (U, n)

PREFIXES = (1, 2, 3)  # their lengths in characters
SUFFIXES = (1, 2, 3, 4)
AFFIX_COUNT = len(PREFIXES) + len(SUFFIXES) + 1  # A: the code calls the shape an affix too; it is the last
SHAPE_CHARACTERS = 32  # the shape describes a form's first 32 characters
CHARACTER_SIZE = 32  # of a character's vector
MAX_CHARACTERS = 32  # characters that the encoder reads; longer forms keep their first 16 and last 16
LEMMA_ENDINGS = (1, 2, 3)  # their lengths in characters
LEMMA_KINDS = len(LEMMA_ENDINGS) + 1  # of what is hashed of a lemma: its endings, and the change that makes it
LEMMA_BUCKETS = 2048  # rows of the hash table of each kind, and of that of an inflection's changes
VECTOR_DTYPES = {"float32": torch.float32, "float16": torch.float16}


class VectorConfig(TypedDict):
    """What a `VectorEmbedding` is built from."""

    sizes: list[Annotated[int, Meta(ge=1, le=MAX_SIZE)]]  # size of a vector of each source
    projection: Size  # size of the result of the learned projection; 0: there is no projection
    tune: bool  # whether training changes the vectors
    dtype: Annotated[str, one_of(VECTOR_DTYPES)]  # of the vectors


class FormConfig(TypedDict, total=False):
    """What a `FormEmbedding` is built from, in `NetworkConfig`; without a size, or with 0, a part is left out."""

    words: Size  # size of a word's vector
    affixes: Size  # size of the vector of each affix
    buckets: Count  # rows of the hash table of each kind of affix
    chars: Size  # filters of the character encoder
    lemmas: Size  # size of a lemma's vector
    dictionary: dict[ShortName, ShortName]  # of each that knows lemmas, as they are asked, its code and digest
    vectors: VectorConfig | None  # of the pretrained vectors, if there are any


class FormEmbedding(nn.Module):
    """All embeddings of a form side by side; a part that the config leaves out is None."""

    def __init__(self, vocabulary: Vocabulary, config: FormConfig) -> None:
        super().__init__()
        words, affixes, chars = config.get("words"), config.get("affixes"), config.get("chars")
        lemmas, vectors = config.get("lemmas"), config.get("vectors")
        self.words = WordEmbedding(len(vocabulary.words) + FIRST_ID, words) if words else None
        self.affixes = AffixEmbedding(config["buckets"], affixes) if affixes else None
        self.characters = CharacterEncoder(len(vocabulary.characters) + FIRST_ID, chars) if chars else None
        self.lemmas = LemmaEmbedding(len(vocabulary.lemmas) + FIRST_ID, lemmas) if lemmas else None
        rows = [max(source.values()) + 1 for source in vocabulary.vectors.values()]
        self.vectors = VectorEmbedding(rows, vectors) if vectors else None
        self.width = sum(cast(int, part.width) for part in self.children())

    def for_tagging(self) -> "FormEmbedding":
        """What computes the same, perhaps faster, from the weights as they are now."""
        made = copy(self)
        # Before 2.10 torch has no `embedding_bag` on mps.
        if self.characters is not None and self.characters.embedding.weight.device.type != "mps":
            made._modules = {**self._modules, CHARACTERS: CharacterTable(self.characters)}
        return made

    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        """The vectors of U forms, (U, width), from the feature of each part, (U, ...)."""
        # `cat` needs one tensor, even if all parts are off beside a transformer.
        nothing = features[WORDS].new_zeros(len(features[WORDS]), 0).float()
        return torch.cat([nothing, *(part(features[name]) for name, part in self.named_children())], dim=1)


def features(vocabulary: Vocabulary, config: FormConfig) -> dict[str, Feature]:
    """What the parts of a network of this config read of forms; word ids are always there, for word dropout."""
    by_part: dict[str, Feature] = {WORDS: partial(_word_ids, vocabulary.word_ids)}
    if config.get("affixes"):
        by_part[AFFIXES] = partial(affix_rows, config["buckets"])
    if config.get("chars"):
        by_part[CHARACTERS] = partial(_character_ids, vocabulary.character_ids)
    if config.get("lemmas"):
        by_part[LEMMAS] = partial(_lemma_rows, open_dictionary(**config.get("dictionary", {})), vocabulary.lemma_ids)
    if config.get("vectors"):
        by_part[VECTORS] = partial(_vector_rows, list(vocabulary.vectors.values()))
    return by_part


class WordEmbedding(nn.Module):
    """A vector for each lower-cased word that training has often enough, and one for all others."""

    def __init__(self, words: int, size: int) -> None:
        super().__init__()
        self.width = size
        self.weight = nn.Parameter(torch.empty(words, size))
        nn.init.normal_(self.weight, std=0.1)

    def forward(self, feature: Tensor) -> Tensor:
        """Word ids (U,) to (U, width). `PAD` is only in blocks of tagging that have fewer forms than rows."""
        return look_up(feature, self.weight, padding_idx=PAD)


def _word_ids(ids: Mapping[str, int], forms: Sequence[str]) -> np.ndarray:
    return np.array([ids.get(form.lower(), UNK) for form in forms], dtype=np.int64)


class AffixEmbedding(nn.Module):
    """The vectors of a form's prefixes, suffixes and shape side by side. Different affixes may share a vector."""

    def __init__(self, buckets: int, size: int) -> None:
        super().__init__()
        self.width = AFFIX_COUNT * size
        self.weight = nn.Parameter(torch.empty(AFFIX_COUNT * buckets, size))
        nn.init.normal_(self.weight, std=0.1)

    def forward(self, feature: Tensor) -> Tensor:
        """Rows of the table (U, A) to (U, width)."""
        return look_up(feature, self.weight).flatten(1)


def affix_rows(buckets: int, forms: Sequence[str]) -> np.ndarray:
    """The rows of each form's prefixes, suffixes and shape, (U, A), of which each kind has `buckets`; hashes choose."""
    lower = [form.lower() for form in forms]
    affixes = [
        *([form[:n] for form in lower] for n in PREFIXES),
        *([form[-n:] for form in lower] for n in SUFFIXES),
        map(word_shape, forms),
    ]
    hashes = np.fromiter(map(affix_hash, chain(*affixes)), dtype=np.int64, count=AFFIX_COUNT * len(forms))
    rows = hashes.reshape(AFFIX_COUNT, -1) % buckets + np.arange(AFFIX_COUNT)[:, None] * buckets
    return rows.T


class _ShapeCharacters(dict[int, str]):
    """Each code point -> the character that stands for it in a shape; computed once, then remembered."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        kind = "X" if character.isupper() else "x" if character.isalpha() else "9" if character.isdigit() else character
        self[code] = kind
        return kind


_SHAPE_CHARACTERS = _ShapeCharacters()
_LONG_RUN = re.compile(r"(.)\1{3,}", re.DOTALL)


def word_shape(form: str) -> str:
    """The form with X for upper-case letters, x for other letters and 9 for digits; runs are cut to 3 characters.

    >>> word_shape("McDonald's"), word_shape("1,250")
    ("XxXxxx'x", '9,999')
    """
    if form.islower() and form.isalpha():
        return "xxx"[: len(form)]  # most words; this is faster
    return _LONG_RUN.sub(lambda run: run[1] * 3, form[:SHAPE_CHARACTERS].translate(_SHAPE_CHARACTERS))


class CharacterEncoder(nn.Module):
    """A convolution over the characters of a form, then the maximum of each filter.

    Ma and Hovy (2016), https://arxiv.org/abs/1603.01354.
    """

    def __init__(self, ids: int, filters: int, width: int = 3, size: int = CHARACTER_SIZE) -> None:
        super().__init__()
        self.width = filters
        self.embedding = nn.Embedding(ids, size, padding_idx=PAD)
        self.convolution = nn.Conv1d(size, filters, width, padding=width // 2)

    def forward(self, feature: Tensor) -> Tensor:
        """Character ids (U, C), PAD after a form's end, to (U, filters)."""
        x = self.convolution(self.embedding(feature).transpose(1, 2))  # (U, filters, C)
        padding = (feature == PAD)[:, None, :]  # (U, 1, C)
        return torch.relu(x.masked_fill(padding, float("-inf")).amax(dim=2))


class CharacterTable(nn.Module):
    """A `CharacterEncoder` whose weights no longer change.

    A filter's sum over a character and its neighbours has a part for each place of the filter, which is the same for a
    character wherever it occurs. So these parts are computed once, and a form is read by additions alone.
    """

    def __init__(self, encoder: CharacterEncoder) -> None:
        super().__init__()
        with torch.no_grad():
            filters = encoder.convolution.weight.permute(2, 1, 0)  # (places, size, filters)
            table = encoder.embedding.weight @ filters  # (places, ids, filters)
            centre = len(table) // 2
            table[centre] += cast(Tensor, encoder.convolution.bias)
            table[centre, PAD] = float("-inf")  # what is centred on padding is never the maximum
        places, ids, _ = table.shape
        self.reach = centre  # characters on each side
        self.table = nn.Buffer(table.flatten(0, 1))
        self.first = nn.Buffer(torch.arange(0, places * ids, ids, device=table.device))  # row of each place

    def forward(self, feature: Tensor) -> Tensor:
        """Character ids (U, C) to (U, filters)."""
        padded = pad(feature, (self.reach, self.reach), value=PAD)
        rows = padded.unfold(1, len(self.first), 1) + self.first  # (U, C, places)
        x = embedding_bag(rows.flatten(0, 1), self.table, mode="sum")  # (U * C, filters)
        return torch.relu(x.view(*feature.shape, -1).amax(dim=1))


def _character_ids(ids: Mapping[str, int], forms: Sequence[str]) -> np.ndarray:
    half = MAX_CHARACTERS // 2
    kept = [form if len(form) <= MAX_CHARACTERS else form[:half] + form[-half:] for form in forms]
    rows = np.zeros((len(kept), MAX_CHARACTERS), dtype=np.int64)
    is_character = np.arange(MAX_CHARACTERS) < np.array([len(form) for form in kept], dtype=np.int64)[:, None]
    rows[is_character] = np.fromiter(map(ids.get, "".join(kept), repeat(UNK)), dtype=np.int64)
    return rows


class LemmaEmbedding(nn.Module):
    """What a full-form dictionary knows of a form: its lemma, how the form differs from it, and how it inflects.

    Side by side stand a vector of the lemma, if training has it often enough, else one of all others; a vector of each
    of its endings and of the change from form to lemma, by their hashes; and the sum of the vectors of those changes
    that make the lemma's other forms, over the root of their number. See `dictionary.py`.
    """

    def __init__(self, lemmas: int, size: int) -> None:
        """The table of lemmas has `lemmas` rows of `size` numbers, the others have a quarter, or half."""
        super().__init__()
        small = -(-size // 4)
        self.width = size + (LEMMA_KINDS + 2) * small
        self.weight = nn.Parameter(torch.empty(lemmas, size))
        self.hashed = nn.Parameter(torch.empty(LEMMA_KINDS * (LEMMA_BUCKETS + 1), small))
        self.inflection = nn.Parameter(torch.empty(LEMMA_BUCKETS + 1, 2 * small))
        for weight in self.parameters():
            nn.init.normal_(weight, std=0.1)

    def forward(self, feature: Tensor) -> Tensor:
        """What `_lemma_rows` gives, (U, 1 + LEMMA_KINDS + SLOTS), to (U, width)."""
        lemma, hashed, changes = torch.split(feature, [1, LEMMA_KINDS, SLOTS], dim=1)
        count = (changes > 0).sum(1, keepdim=True).clamp(min=1)
        inflection = embedding_bag(changes, self.inflection, mode="sum", padding_idx=0) / count.sqrt()
        return torch.cat([look_up(lemma[:, 0], self.weight), look_up(hashed, self.hashed).flatten(1), inflection], 1)


def _lemma_rows(dictionary: Dictionary, ids: Mapping[str, int], forms: Sequence[str]) -> np.ndarray:
    """What `LemmaEmbedding` reads of forms: the id of the lemma, the rows of its endings and its change, and changes.

    A form that no dictionary has gets the id `PAD`, the first row of each kind, and no changes.
    """
    found = dictionary.look_up(forms)
    rows = np.zeros((len(forms), 1 + LEMMA_KINDS + SLOTS), dtype=np.int64)
    known = {place: lemma for place, lemma in enumerate(found.lemmas) if lemma is not None}
    if known:
        rows[[*known], :LEMMA_KINDS] = [
            [ids.get(lemma, UNK), *(1 + affix_hash(lemma[-n:]) % LEMMA_BUCKETS for n in LEMMA_ENDINGS)]
            for lemma in known.values()
        ]
    rows[:, LEMMA_KINDS] = _bucket(found.changes)
    rows[:, 1 : 1 + LEMMA_KINDS] += np.arange(LEMMA_KINDS) * (LEMMA_BUCKETS + 1)
    rows[:, 1 + LEMMA_KINDS :] = _bucket(found.inflections)
    return rows


def _bucket(keys: np.ndarray) -> np.ndarray:
    return np.where(keys > 0, 1 + keys % LEMMA_BUCKETS, 0)


class VectorEmbedding(nn.Module):
    """Pretrained vectors of one or more sources side by side, then a learned projection.

    If a form has no vector in a source, a learned vector is added to its result, one for each such source.
    """

    def __init__(self, rows: Sequence[int], config: VectorConfig) -> None:
        """Tables of zeros; `rows` has the number of vectors in each source. `fill` sets them."""
        super().__init__()
        dtype = VECTOR_DTYPES[config["dtype"]]
        self.tables = nn.ParameterList(
            nn.Parameter(torch.zeros(count + 1, size, dtype=dtype), requires_grad=config["tune"])
            for count, size in zip(rows, config["sizes"], strict=True)
        )
        size = sum(config["sizes"])
        self.width = config["projection"] or size
        self.projection = nn.Linear(size, self.width) if config["projection"] else nn.Identity()
        self.missing = nn.Parameter(torch.zeros(len(rows), self.width))

    @torch.no_grad()
    def fill(self, source: int, matrix: Tensor) -> None:
        """Copies the vectors of a source, (rows, size), into its table."""
        self.tables[source][1:] = matrix

    def forward(self, feature: Tensor) -> Tensor:
        """Rows of each source's table, from 1, 0 for none, (U, sources), to (U, width)."""
        tables = zip(feature.T, self.tables, strict=True)
        vectors = [look_up(row, table, padding_idx=0).float() for row, table in tables]  # row 0 stays zero
        x: Tensor = self.projection(torch.cat(vectors, dim=1)) + (feature == 0).float() @ self.missing
        return x


def _vector_rows(sources: Sequence[Mapping[str, int]], forms: Sequence[str]) -> np.ndarray:
    """What `VectorEmbedding` reads: a form has the vector of its spelling, or else of that in lower case."""
    numbers = np.zeros((len(forms), len(sources)), dtype=np.int64)
    for number, source in enumerate(sources):
        numbers[:, number] = [1 + source.get(form, source.get(form.lower(), -1)) for form in forms]
    return numbers

"""The embedding of a form by pretrained vectors, of one or more sources."""

# U distinct forms

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Self, TypedDict

import numpy as np
import torch
from msgspec import Meta
from torch import Tensor, nn
from torch.nn.functional import embedding as look_up

from tagger.model.form_part import Feature, FormPart
from tagger.model.vocabulary import Vocabulary, row_of
from tagger.text.json_files import MAX_SIZE
from tagger.text.schema import Name, Size, bad_value, one_of

VECTOR_DTYPES = {"float32": torch.float32, "float16": torch.float16}


@dataclass(kw_only=True)
class VectorValues:
    """The values of a `VectorEmbedding` on the page.

    Attributes:
        vectors: names or files; None: there are none.
        vectors_keep: frequent words of each source that the tagger keeps, besides those of training.
        vectors_components: principal components to which longer vectors are reduced; 0: unchanged.
        vectors_size: size of the learned projection; 0: no projection.
        vectors_tune: whether training changes the vectors; if so they are kept in float32, else in float16.
    """

    vectors: Name | list[Name] | None
    vectors_keep: Size
    vectors_components: Size
    vectors_size: Size
    vectors_tune: bool

    def __post_init__(self) -> None:
        if len(set(self.vector_sources)) < len(self.vector_sources):
            raise bad_value("embedding.vectors", self.vectors, "give a name or a file, or a list of several")

    @property
    def vector_sources(self) -> list[str]:
        """The names of the pretrained vectors: none, one or several."""
        return self.vectors if isinstance(self.vectors, list) else [] if self.vectors is None else [self.vectors]

    def vector_config(self, sizes: list[int]) -> "VectorConfig | None":
        """The config of the network's vectors; `sizes` has the size of each source. None if there is no source."""
        if not sizes:
            return None
        dtype = "float32" if self.vectors_tune else "float16"
        return VectorConfig(sizes=sizes, projection=self.vectors_size, tune=self.vectors_tune, dtype=dtype)


class VectorConfig(TypedDict):
    """What a `VectorEmbedding` is built from. These plain values are saved with the tagger."""

    sizes: list[Annotated[int, Meta(ge=1, le=MAX_SIZE)]]  # size of a vector of each source
    projection: Size  # size of the result of the learned projection; 0: there is no projection
    tune: bool  # whether training changes the vectors
    dtype: Annotated[str, one_of(VECTOR_DTYPES)]  # of the vectors


@dataclass(kw_only=True)
class SavedVectors:
    """What is saved of a `VectorEmbedding`."""

    vectors: VectorConfig | None


class VectorEmbedding(FormPart):
    """Pretrained vectors of one or more sources side by side, then a learned projection.

    If a form has no vector in a source, a learned vector is added to its result, one for each such source.
    """

    Values, Config = VectorValues, SavedVectors
    size_keys = "embedding.vectors"
    is_pretrained = True

    def __init__(self, rows: Sequence[int], config: VectorConfig) -> None:
        """Makes a table of zeros for each source; `rows` has the number of vectors in each. `fill` sets the vectors."""
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

    @classmethod
    def build(cls, vocabulary: Vocabulary, config: SavedVectors) -> Self:
        """See `FormPart.build`."""
        assert config.vectors is not None
        return cls([max(source.values()) + 1 for source in vocabulary.vectors.values()], config.vectors)

    @classmethod
    def feature(cls, vocabulary: Vocabulary, config: SavedVectors) -> Feature:
        """The row of each form in the table of each source, (U, sources), from 1; 0: the source has no vector."""
        return partial(_rows, list(vocabulary.vectors.values()))

    @torch.no_grad()
    def fill(self, source: int, matrix: Tensor) -> None:
        """Copies the vectors of a source, (rows, size), into its table."""
        self.tables[source][1:] = matrix

    def forward(self, feature: Tensor) -> Tensor:
        """Rows of each source's table, (U, sources), to (U, width)."""
        tables = zip(feature.T, self.tables, strict=True)
        vectors = [look_up(row, table, padding_idx=0).float() for row, table in tables]  # row 0 stays zero
        x: Tensor = self.projection(torch.cat(vectors, dim=1)) + (feature == 0).float() @ self.missing
        return x


def _rows(sources: Sequence[Mapping[str, int]], forms: Sequence[str]) -> np.ndarray:
    found = np.zeros((len(forms), len(sources)), dtype=np.int64)
    for number, source in enumerate(sources):
        known = [row_of(source, form) for form in forms]
        found[:, number] = [0 if row is None else row + 1 for row in known]
    return found

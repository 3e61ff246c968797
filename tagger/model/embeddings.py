"""Word forms -> vectors, of parts side by side: word, affixes and shape, characters, pretrained vectors.

These depend on the form's spelling alone, so each distinct form of a batch is embedded once.
"""

# U distinct forms, A affixes, C characters, V sources of pretrained vectors, E embedding size

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypedDict

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding as gather

from tagger.model.affixes import AFFIXES
from tagger.model.batch import FIRST_ID, PAD, Batch

if TYPE_CHECKING:
    from tagger.model.vocabulary import Vocabulary

VECTOR_DTYPES = {"float32": torch.float32, "float16": torch.float16}


class CharacterEncoder(nn.Module):
    """A convolution over the characters of a form, then the maximum of each filter.

    Ma and Hovy (2016), https://arxiv.org/abs/1603.01354.
    """

    def __init__(self, characters: int, size: int, width: int = 3, embedding: int = 32) -> None:
        """Makes `size` filters, each `width` characters wide, over embeddings of `characters` different ones."""
        super().__init__()
        self.embedding = nn.Embedding(characters, embedding, padding_idx=PAD)
        self.convolution = nn.Conv1d(embedding, size, width, padding=width // 2)

    def forward(self, characters: Tensor) -> Tensor:
        """Character ids (U, C) to (U, size)."""
        x = self.convolution(self.embedding(characters).transpose(1, 2))  # (U, size, C)
        padding = (characters == PAD)[:, None, :]  # (U, 1, C)
        return torch.relu(x.masked_fill(padding, float("-inf")).amax(dim=2))


class VectorConfig(TypedDict):
    """What a `VectorEmbedding` is built from; plain values, saved with the tagger."""

    sizes: list[int]  # of the vectors of each source
    projection: int  # size of the learned projection; 0: there is none
    tune: bool  # whether training changes the vectors
    dtype: str  # of the vectors: float32, float16


class VectorEmbedding(nn.Module):
    """Pretrained vectors of one or more sources side by side, then a learned projection.

    For every source a learned vector is added to the result of a form that has no vector there.

    Attributes:
        width: the size of the result.
    """

    def __init__(self, rows: Sequence[int], config: VectorConfig) -> None:
        """Makes a table of zeros for each source, of so many `rows`; `fill` gives it its vectors."""
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

    def forward(self, rows: Tensor) -> Tensor:
        """Rows of the tables (U, V), 0 where a source has no vector for the form, to (U, width)."""
        tables = zip(rows.T, self.tables, strict=True)
        vectors = [gather(row, table, padding_idx=0).float() for row, table in tables]  # row 0 stays zero
        x: Tensor = self.projection(torch.cat(vectors, dim=1)) + (rows == 0).float() @ self.missing
        return x


class FormEmbedding(nn.Module):
    """All embeddings of a form side by side; a size of 0 leaves a part out.

    Attributes:
        width: E, the sum of the sizes.
    """

    def __init__(
        self,
        vocabulary: "Vocabulary",
        words: int,
        affixes: int,
        chars: int,
        buckets: int,
        vectors: VectorConfig | None = None,
    ) -> None:
        """Makes the tables.

        Args:
            vocabulary: the words and characters that have rows of their own.
            words: size of a word's vector.
            affixes: size of the vector of each prefix, each suffix and the shape.
            chars: filters of the character encoder.
            buckets: rows of the hash table of each kind of affix.
            vectors: the pretrained vectors; None: there are none.
        """
        super().__init__()
        self.words = nn.Embedding(len(vocabulary.words) + FIRST_ID, words, padding_idx=PAD) if words else None
        self.affixes = nn.Embedding(AFFIXES * buckets, affixes) if affixes else None
        self.characters = CharacterEncoder(len(vocabulary.characters) + FIRST_ID, chars) if chars else None
        rows = [max(source.values()) + 1 for source in vocabulary.vectors.values()]
        self.vectors = VectorEmbedding(rows, vectors) if vectors else None
        self.width = words + AFFIXES * affixes + chars + (self.vectors.width if self.vectors else 0)
        for table in (self.words, self.affixes):
            if table is not None:
                nn.init.normal_(table.weight, std=0.1)

    def forward(self, batch: Batch) -> Tensor:
        """The vectors of the batch's forms, (U, E)."""
        parts = [batch.words.new_zeros(len(batch.words), 0).float()]  # (U, 0): all sizes may be 0, beside a transformer
        if self.words is not None:
            parts.append(self.words(batch.words))
        if self.affixes is not None:
            parts.append(self.affixes(batch.affixes).flatten(1))
        if self.characters is not None:
            parts.append(self.characters(batch.characters))
        if self.vectors is not None:
            parts.append(self.vectors(batch.vectors))
        return torch.cat(parts, dim=1)

"""Word forms -> vectors that have up to four parts side by side: word, affixes, characters and pretrained vectors.

All parts depend on the form's spelling alone, so each distinct form of a batch is embedded once.
"""

# U distinct forms, C characters of the longest form

from collections.abc import Sequence
from typing import TypedDict

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding as look_up

from tagger.model.batch import FIRST_ID, PAD, Batch
from tagger.model.forms import AFFIXES
from tagger.model.vocabulary import Vocabulary

CHARACTER_SIZE = 32  # of a character's vector
VECTOR_DTYPES = {"float32": torch.float32, "float16": torch.float16}


class CharacterEncoder(nn.Module):
    """A convolution over the characters of a form, then the maximum of each filter.

    Ma and Hovy (2016), https://arxiv.org/abs/1603.01354.
    """

    def __init__(self, ids: int, filters: int, width: int = 3, size: int = CHARACTER_SIZE) -> None:
        """Makes the filters.

        Args:
            ids: the number of character ids.
            filters: the size of the result.
            width: characters that a filter reads at a time.
            size: of a character's embedding.
        """
        super().__init__()
        self.embedding = nn.Embedding(ids, size, padding_idx=PAD)
        self.convolution = nn.Conv1d(size, filters, width, padding=width // 2)

    def forward(self, characters: Tensor) -> Tensor:
        """Character ids (U, C) to (U, filters)."""
        x = self.convolution(self.embedding(characters).transpose(1, 2))  # (U, filters, C)
        padding = (characters == PAD)[:, None, :]  # (U, 1, C)
        return torch.relu(x.masked_fill(padding, float("-inf")).amax(dim=2))


class VectorConfig(TypedDict):
    """What a `VectorEmbedding` is built from. These plain values are saved with the tagger."""

    sizes: list[int]  # size of a vector of each source
    projection: int  # size of the result of the learned projection; 0: there is no projection
    tune: bool  # whether training changes the vectors
    dtype: str  # float32 or float16, for the vectors


class VectorEmbedding(nn.Module):
    """Pretrained vectors of one or more sources side by side, then a learned projection.

    If a form has no vector in a source, a learned vector is added to its result, one for each such source.

    Attributes:
        width: the size of the result.
    """

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

    @torch.no_grad()
    def fill(self, source: int, matrix: Tensor) -> None:
        """Copies the vectors of a source, (rows, size), into its table."""
        self.tables[source][1:] = matrix

    def forward(self, rows: Tensor) -> Tensor:
        """Rows of each source's table, (U, sources), to (U, width). Row 0: the source has no vector for the form."""
        tables = zip(rows.T, self.tables, strict=True)
        vectors = [look_up(row, table, padding_idx=0).float() for row, table in tables]  # row 0 stays zero
        x: Tensor = self.projection(torch.cat(vectors, dim=1)) + (rows == 0).float() @ self.missing
        return x


class FormEmbedding(nn.Module):
    """All embeddings of a form side by side; a size of 0 leaves a part out.

    Attributes:
        width: the size of the result.
    """

    def __init__(
        self,
        vocabulary: "Vocabulary",
        word_size: int,
        affix_size: int,
        filters: int,
        buckets: int,
        vectors: VectorConfig | None = None,
        character_size: int = CHARACTER_SIZE,
    ) -> None:
        """Makes the tables.

        Args:
            vocabulary: the words and characters that have rows of their own.
            word_size: size of a word's vector.
            affix_size: size of the vector of each prefix, each suffix and the shape.
            filters: of the character encoder.
            buckets: rows of the hash table of each kind of affix.
            vectors: describes the pretrained vectors; None: there are none.
            character_size: size of the vector of each character, which the character encoder reads.
        """
        super().__init__()
        self.words = nn.Embedding(len(vocabulary.words) + FIRST_ID, word_size, padding_idx=PAD) if word_size else None
        self.affixes = nn.Embedding(AFFIXES * buckets, affix_size) if affix_size else None
        characters = len(vocabulary.characters) + FIRST_ID
        self.characters = CharacterEncoder(characters, filters, size=character_size) if filters else None
        rows = [max(source.values()) + 1 for source in vocabulary.vectors.values()]
        self.vectors = VectorEmbedding(rows, vectors) if vectors else None
        self.width = word_size + AFFIXES * affix_size + filters + (self.vectors.width if self.vectors else 0)
        for table in (self.words, self.affixes):
            if table is not None:
                nn.init.normal_(table.weight, std=0.1)

    def forward(self, batch: Batch) -> Tensor:
        """The vectors of the batch's forms, (U, width)."""
        parts = [batch.words.new_zeros(len(batch.words), 0).float()]  # (U, 0): beside a transformer all sizes may be 0
        if self.words is not None:
            parts.append(self.words(batch.words))
        if self.affixes is not None:
            parts.append(self.affixes(batch.affixes).flatten(1))
        if self.characters is not None:
            parts.append(self.characters(batch.characters))
        if self.vectors is not None:
            parts.append(self.vectors(batch.vectors))
        return torch.cat(parts, dim=1)

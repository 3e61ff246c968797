"""One vector per distinct word form: its word, its prefixes, suffixes and shape, its characters."""

# U distinct forms, A affixes, C characters, E embedding size

import torch
from torch import Tensor, nn

from tagger.batches import AFFIXES, Batch
from tagger.errors import InputError
from tagger.vocabulary import PAD, UNK, Vocabulary


class CharacterEncoder(nn.Module):
    """A convolution over the characters of a form, the strongest answer of each filter kept (max).

    As in Ma and Hovy (2016), https://arxiv.org/abs/1603.01354.
    """

    def __init__(self, characters: int, size: int, width: int = 3, embedding: int = 32) -> None:
        super().__init__()
        self.embedding = nn.Embedding(characters, embedding, padding_idx=PAD)
        self.convolution = nn.Conv1d(embedding, size, width, padding=width // 2)

    def forward(self, characters: Tensor) -> Tensor:
        """Character ids (U, C) to (U, size)."""
        x = self.convolution(self.embedding(characters).transpose(1, 2))  # (U, size, C)
        beyond = (characters == PAD)[:, None, :]  # (U, 1, C)
        return torch.relu(x.masked_fill(beyond, float("-inf")).amax(dim=2))


class FormEmbedding(nn.Module):
    """The embeddings that a form's spelling decides, side by side; a size of 0 leaves one out.

    Attributes:
        width: E, the sum of the parts.
    """

    def __init__(self, vocabulary: Vocabulary, words: int, affixes: int, chars: int, buckets: int) -> None:
        """Makes the tables.

        Args:
            vocabulary: words and characters with rows of their own.
            words: size of a word's vector.
            affixes: size of the vector of each prefix, suffix and shape.
            chars: number of filters of the character encoder.
            buckets: rows of the hash table of each affix.

        Raises:
            InputError: all sizes are 0.
        """
        super().__init__()
        if not (words or affixes or chars):
            raise InputError("embedding.words, embedding.affixes and embedding.chars are all 0; set at least one")
        self.words = nn.Embedding(len(vocabulary.words) + UNK + 1, words, padding_idx=PAD) if words else None
        self.affixes = nn.Embedding(AFFIXES * buckets, affixes) if affixes else None
        self.characters = CharacterEncoder(len(vocabulary.characters) + UNK + 1, chars) if chars else None
        self.width = words + AFFIXES * affixes + chars
        for table in (self.words, self.affixes):
            if table is not None:
                nn.init.normal_(table.weight, std=0.1)

    def forward(self, batch: Batch) -> Tensor:
        """The vectors of the batch's forms, (U, E)."""
        parts = []
        if self.words is not None:
            parts.append(self.words(batch.words))
        if self.affixes is not None:
            parts.append(self.affixes(batch.affixes).flatten(1))
        if self.characters is not None:
            parts.append(self.characters(batch.characters))
        return torch.cat(parts, dim=1)

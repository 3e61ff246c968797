"""The embedding of a form's characters by a convolution."""

# U distinct forms, C characters of the longest form

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

from tagger.model.batch import FIRST_ID, PAD, UNK
from tagger.model.form_part import Feature, FormPart
from tagger.model.vocabulary import Vocabulary
from tagger.text.schema import Size

CHARACTER_SIZE = 32  # of a character's vector
MAX_CHARACTERS = 32  # characters that the encoder reads; longer forms keep their first 16 and last 16


@dataclass(kw_only=True)
class CharacterValues:
    """The values of a `CharacterEncoder`.

    Attributes:
        chars: number of its filters.
    """

    chars: Size


class CharacterEncoder(FormPart):
    """A convolution over the characters of a form, then the maximum of each filter.

    Ma and Hovy (2016), https://arxiv.org/abs/1603.01354.
    """

    Values = Config = CharacterValues
    size_keys = "embedding.chars"
    ends_in_padding = True

    def __init__(self, ids: int, filters: int, width: int = 3, size: int = CHARACTER_SIZE) -> None:
        """Makes the filters.

        Args:
            ids: the number of character ids.
            filters: the size of the result.
            width: characters that a filter reads at a time.
            size: of a character's embedding.
        """
        super().__init__()
        self.width = filters
        self.embedding = nn.Embedding(ids, size, padding_idx=PAD)
        self.convolution = nn.Conv1d(size, filters, width, padding=width // 2)

    @classmethod
    def build(cls, vocabulary: Vocabulary, config: CharacterValues) -> Self:
        """See `FormPart.build`."""
        return cls(len(vocabulary.characters) + FIRST_ID, config.chars)

    @classmethod
    def feature(cls, vocabulary: Vocabulary, config: CharacterValues) -> Feature:
        """The ids of each form's characters, (U, MAX_CHARACTERS), PAD after its end."""
        ids, half = vocabulary.character_ids, MAX_CHARACTERS // 2

        def rows(forms: list[str]) -> np.ndarray:
            kept = [form if len(form) <= MAX_CHARACTERS else form[:half] + form[-half:] for form in forms]
            found = np.zeros((len(kept), MAX_CHARACTERS), dtype=np.int64)
            here = np.arange(MAX_CHARACTERS) < np.array([len(form) for form in kept], dtype=np.int64)[:, None]
            found[here] = [ids.get(character, UNK) for character in "".join(kept)]
            return found

        return rows

    def forward(self, feature: Tensor) -> Tensor:
        """Character ids (U, C) to (U, filters)."""
        x = self.convolution(self.embedding(feature).transpose(1, 2))  # (U, filters, C)
        padding = (feature == PAD)[:, None, :]  # (U, 1, C)
        return torch.relu(x.masked_fill(padding, float("-inf")).amax(dim=2))

"""The embedding of a form's characters by a convolution."""

# U distinct forms, C characters of the longest form

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from typing import Self, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag, pad

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
        return partial(_ids, vocabulary.character_ids)

    def forward(self, feature: Tensor) -> Tensor:
        """Character ids (U, C) to (U, filters)."""
        x = self.convolution(self.embedding(feature).transpose(1, 2))  # (U, filters, C)
        padding = (feature == PAD)[:, None, :]  # (U, 1, C)
        return torch.relu(x.masked_fill(padding, float("-inf")).amax(dim=2))

    def for_tagging(self) -> nn.Module:
        """See `FormPart.for_tagging`."""
        has_bags = self.embedding.weight.device.type != "mps"  # of which torch has none before 2.10
        return CharacterTable(self) if has_bags else self


class CharacterTable(nn.Module):
    """A `CharacterEncoder` whose weights no longer change.

    A filter's sum over a character and its neighbours has a part for each place of the filter, which is the same for a
    character wherever it occurs. So these parts are computed once, and a form is read by additions alone.
    """

    def __init__(self, encoder: CharacterEncoder) -> None:
        """Multiplies the vectors of all characters with the filters of `encoder`."""
        super().__init__()
        with torch.no_grad():
            filters = encoder.convolution.weight.permute(2, 1, 0)  # (places, size, filters)
            table = encoder.embedding.weight @ filters  # (places, ids, filters)
            here = len(table) // 2
            table[here] += cast(Tensor, encoder.convolution.bias)
            table[here, PAD] = float("-inf")  # what is centred on padding is never the maximum
        places, ids, _ = table.shape
        self.reach = here  # characters on each side
        self.table = nn.Buffer(table.flatten(0, 1))
        self.first = nn.Buffer(torch.arange(0, places * ids, ids, device=table.device))  # row of each place

    def forward(self, feature: Tensor) -> Tensor:
        """Character ids (U, C) to (U, filters)."""
        padded = pad(feature, (self.reach, self.reach), value=PAD)
        rows = padded.unfold(1, len(self.first), 1) + self.first  # (U, C, places)
        x = embedding_bag(rows.flatten(0, 1), self.table, mode="sum")  # (U * C, filters)
        return torch.relu(x.view(*feature.shape, -1).amax(dim=1))


def _ids(ids: Mapping[str, int], forms: Sequence[str]) -> np.ndarray:
    half = MAX_CHARACTERS // 2
    kept = [form if len(form) <= MAX_CHARACTERS else form[:half] + form[-half:] for form in forms]
    found = np.zeros((len(kept), MAX_CHARACTERS), dtype=np.int64)
    here = np.arange(MAX_CHARACTERS) < np.array([len(form) for form in kept], dtype=np.int64)[:, None]
    found[here] = np.fromiter(map(ids.get, "".join(kept), repeat(UNK)), dtype=np.int64)
    return found

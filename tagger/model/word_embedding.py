"""The embedding of a form's lower-cased word, if training has that word often enough."""

# U distinct forms

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import embedding as look_up

from tagger.model.batch import FIRST_ID, PAD, UNK
from tagger.model.form_part import Feature, FormPart
from tagger.model.vocabulary import Vocabulary
from tagger.text.schema import Size


@dataclass(kw_only=True)
class WordValues:
    """The values of a `WordEmbedding`.

    Attributes:
        words: size of a word's vector.
    """

    words: Size


class WordEmbedding(FormPart):
    """A vector for each word of the vocabulary, and one for all others."""

    Values = Config = WordValues
    size_keys = "embedding.words"

    def __init__(self, words: int, size: int) -> None:
        """Makes the table of `words` rows."""
        super().__init__()
        self.width = size
        self.weight = nn.Parameter(torch.empty(words, size))
        nn.init.normal_(self.weight, std=0.1)

    @classmethod
    def build(cls, vocabulary: Vocabulary, config: WordValues) -> Self:
        """See `FormPart.build`."""
        return cls(len(vocabulary.words) + FIRST_ID, config.words)

    @classmethod
    def feature(cls, vocabulary: Vocabulary, config: WordValues) -> Feature:
        """The id of each word, (U,)."""
        return partial(_ids, vocabulary.word_ids)

    def forward(self, feature: Tensor) -> Tensor:
        """Word ids (U,) to (U, width)."""
        return look_up(feature, self.weight, padding_idx=PAD)


def _ids(ids: Mapping[str, int], forms: Sequence[str]) -> np.ndarray:
    return np.array([ids.get(form.lower(), UNK) for form in forms], dtype=np.int64)

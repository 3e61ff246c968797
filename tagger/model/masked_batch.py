"""Sentences -> batches in which some words are hidden, and the words that stood there."""

# T tokens in the longest sentence, B sentences, n hidden words

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from tagger.model.batch import FIRST_ID, Batch
from tagger.model.collate import collate

if TYPE_CHECKING:
    from tagger.model.forms import FormTable


@dataclass
class MaskedBatch:
    """Sentences with hidden words; `masked_batch` makes it."""

    batch: Batch
    masked: Tensor  # (n,) the places of the hidden words among the T * B places, row by row
    targets: Tensor  # (n,) the words: their ids less FIRST_ID; -1 if the vocabulary does not have the word

    def to(self, device: torch.device | str) -> "MaskedBatch":
        """The batch on another device."""
        return MaskedBatch(self.batch.to(device), self.masked.to(device), self.targets.to(device))


def masked_batch(sentences: Sequence[Sequence[str]], hidden: Sequence[np.ndarray], table: "FormTable") -> MaskedBatch:
    """Makes a batch of sentences in which some words are hidden.

    The batch itself has all words: the network replaces the embeddings of the hidden ones.

    Args:
        sentences: B lists of word forms, none of them empty.
        hidden: for each sentence the places of the words to hide.
        table: the features of the forms.
    """
    batch = collate(sentences, table)
    places = np.concatenate([where * len(sentences) + b for b, where in enumerate(hidden)])
    forms = [sentences[b][t].lower() for b, where in enumerate(hidden) for t in where.tolist()]
    ids = table.vocabulary.word_ids
    targets = np.array([ids.get(form, FIRST_ID - 1) - FIRST_ID for form in forms], dtype=np.int64)
    return MaskedBatch(batch, torch.from_numpy(places.astype(np.int64)), torch.from_numpy(targets))

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
    """Sentences with hidden words."""

    batch: Batch
    masked: Tensor  # (n,) which of the T * B places are hidden, row by row
    targets: Tensor  # (n,) number of the word that stands there

    def to(self, device: torch.device | str) -> "MaskedBatch":
        """The batch on another device."""
        return MaskedBatch(self.batch.to(device), self.masked.to(device), self.targets.to(device))


def masked_batch(sentences: Sequence[Sequence[str]], hidden: Sequence[np.ndarray], table: "FormTable") -> MaskedBatch:
    """Pads sentences and hides words of them.

    Args:
        sentences: B lists of word forms, none of them empty.
        hidden: for each sentence the places of the words to hide; words that are not in the vocabulary may be
            hidden, but are no targets: their target is -1.
        table: features of the forms.
    """
    batch = collate(sentences, table)
    places = np.concatenate([where * len(sentences) + b for b, where in enumerate(hidden)])
    forms = [sentences[b][t].lower() for b, where in enumerate(hidden) for t in where.tolist()]
    ids = table.vocabulary.word_ids
    targets = np.array([ids.get(form, FIRST_ID - 1) - FIRST_ID for form in forms], dtype=np.int64)
    return MaskedBatch(batch, torch.from_numpy(places.astype(np.int64)), torch.from_numpy(targets))

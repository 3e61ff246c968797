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
class HiddenWordBatch:
    """Sentences with hidden words; `hide_words` makes it."""

    batch: Batch
    places: Tensor  # (n,) t * B + b for token t of sentence b: where the hidden words stand in a flattened (T, B)
    targets: Tensor  # (n,) each hidden word's id less FIRST_ID; -1 if it is unknown: the caller leaves it out

    def to(self, device: torch.device | str) -> "HiddenWordBatch":
        """The batch on another device."""
        return HiddenWordBatch(self.batch.to(device), self.places.to(device), self.targets.to(device))


def hide_words(sentences: Sequence[Sequence[str]], hidden: Sequence[np.ndarray], table: "FormTable") -> HiddenWordBatch:
    """Makes a batch of sentences in which some words are hidden.

    The batch itself has all words. `HiddenWordNetwork.predict` replaces the embeddings of the hidden ones.

    Args:
        sentences: B lists of word forms, none of them empty.
        hidden: for each sentence the positions of the words to hide, from 0.
        table: the features of the forms.
    """
    batch = collate(sentences, table)
    places = np.concatenate([positions * len(sentences) + b for b, positions in enumerate(hidden)])
    words = [sentences[b][t].lower() for b, positions in enumerate(hidden) for t in positions.tolist()]
    ids = table.vocabulary.word_ids
    targets = np.array([ids.get(word, FIRST_ID - 1) - FIRST_ID for word in words], dtype=np.int64)
    return HiddenWordBatch(batch, torch.from_numpy(places.astype(np.int64)), torch.from_numpy(targets))

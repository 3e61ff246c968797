"""Word forms -> their embeddings, so that the numbers of a form depend on nothing but the form.

A sum of products can round differently when the tensor around it has another shape. Forms are therefore embedded in
blocks of a fixed shape, which follows from the length of the form: short forms and long ones have blocks of their own.
"""

# U forms, E embedding of a form, V sources of pretrained vectors

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from tagger.model.batch import Batch
from tagger.model.forms import MAX_CHARACTERS, FormTable

if TYPE_CHECKING:
    from tagger.model.embeddings import FormEmbedding


class _BlockShape(NamedTuple):
    characters: int  # forms of at most so many
    forms: int  # the block has so many rows, whether or not there are forms for all of them


# No form has more features of characters than MAX_CHARACTERS.
_SHAPES = (_BlockShape(MAX_CHARACTERS // 2, 64), _BlockShape(MAX_CHARACTERS, 16))


class FormBlock(NamedTuple):
    """Forms that were embedded together."""

    places: np.ndarray  # (n,) which forms of the list these are
    vectors: Tensor  # (rows, E) the first n rows are theirs


def embed_forms(
    forms: Sequence[str], embedding: "FormEmbedding", table: FormTable, device: torch.device | str
) -> Iterator[FormBlock]:
    """The embeddings of forms, block by block; a transformer has no part in them."""
    rows = table.rows(forms)
    lengths = np.array([min(len(form), MAX_CHARACTERS) for form in forms], dtype=np.int64)
    least = 0
    for shape in _SHAPES:
        places = np.flatnonzero((least <= lengths) & (lengths <= shape.characters))
        least = shape.characters + 1
        for start in range(0, len(places), shape.forms):
            part = places[start : start + shape.forms]
            yield FormBlock(part, embedding(_block(rows[part], shape, table).to(device)))


def _block(rows: np.ndarray, shape: _BlockShape, table: FormTable) -> Batch:
    """The features of forms, with zeros in the rows that are of no form."""

    def filled(features: np.ndarray) -> Tensor:
        block = np.zeros((shape.forms, *features.shape[1:]), dtype=features.dtype)
        block[: len(rows)] = features[rows]
        return torch.from_numpy(block)

    nothing = torch.zeros(0, dtype=torch.int64)
    return Batch(
        words=filled(table.words),
        affixes=filled(table.affixes),
        characters=filled(table.characters[:, : shape.characters]),
        vectors=filled(table.vectors),
        index=nothing,
        lengths=nothing,
    )

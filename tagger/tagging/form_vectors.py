"""Word forms -> their embeddings, computed so that those of a form depend on nothing but the form.

A sum of products can round differently when the tensor around it has another shape. So forms are embedded in blocks of
two fixed shapes, and the length of a form decides in which: one shape is for short forms, one for long ones.
"""

# U forms

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from tagger.model.batch import Batch
from tagger.model.forms import MAX_CHARACTERS, FormTable

if TYPE_CHECKING:
    from tagger.model.embeddings import FormEmbedding


class _BlockShape(NamedTuple):
    characters: int  # the most characters of a form
    forms: int  # rows; those without a form hold zeros


# `FormTable` keeps at most MAX_CHARACTERS characters of a form.
_SHAPES = (_BlockShape(MAX_CHARACTERS // 2, 64), _BlockShape(MAX_CHARACTERS, 16))


class FormBlock(NamedTuple):
    """Forms that were embedded together."""

    places: np.ndarray  # (n,) the positions of the forms in the list of all
    vectors: Tensor  # (rows, width of the form embedding) the first n rows belong to these forms


def embed_forms(
    forms: Sequence[str], embedding: "FormEmbedding", table: FormTable, device: torch.device | str
) -> Iterator[FormBlock]:
    """The embeddings of forms, block by block, without a transformer's."""
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
    """The features of forms; rows without a form hold zeros."""
    features: dict[str, Any] = {}
    for name, array in table.features.items():
        kept = array[rows, : shape.characters] if name == "characters" else array[rows]
        block = np.zeros((shape.forms, *kept.shape[1:]), dtype=kept.dtype)
        block[: len(rows)] = kept
        features[name] = torch.from_numpy(block)
    nothing = torch.zeros(0, dtype=torch.int64)
    return Batch(**features, index=nothing, lengths=nothing)

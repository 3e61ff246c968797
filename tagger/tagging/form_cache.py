"""Word forms -> the first layer's product with each, computed once and kept while there is room.

A sum of products can round differently when the tensor around it has another shape. So forms are embedded in blocks of
two fixed shapes, and the length of a form decides in which: one shape is for short forms, one for long ones.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from tagger.model.embeddings import CHARACTERS, MAX_CHARACTERS, Feature, FormEmbedding

# U forms, W numbers that are kept for each

# The most characters of the forms of a block, and its rows; those without a form hold zeros.
_SHAPES = ((MAX_CHARACTERS // 2, 64), (MAX_CHARACTERS, 16))


class FormBlock(NamedTuple):
    """Forms that were embedded together."""

    places: np.ndarray  # (n,) the positions of the forms in the list of all
    vectors: Tensor  # (k, rows, width of the embeddings) the first n rows belong to these forms


def embed_forms(
    forms: list[str], embeddings: Sequence[tuple[FormEmbedding, Mapping[str, Feature]]], device: torch.device | str
) -> Iterator[FormBlock]:
    """The embeddings of forms by k networks, block by block, without a transformer's.

    Each network stands beside what computes its features; networks may share the latter.
    """
    computers = {id(features): features for _, features in embeddings}
    computed = {key: {name: of(forms) for name, of in features.items()} for key, features in computers.items()}
    lengths = np.array([min(len(form), MAX_CHARACTERS) for form in forms], dtype=np.int64)
    least = 0
    for characters, rows in _SHAPES:
        places = np.flatnonzero((least <= lengths) & (lengths <= characters))
        least = characters + 1
        for start in range(0, len(places), rows):
            part = places[start : start + rows]
            blocks: dict[int, dict[str, Tensor]] = {}
            for key, arrays in computed.items():
                blocks[key] = {}
                for name, array in arrays.items():
                    kept = array[part, :characters] if name == CHARACTERS else array[part]
                    block = np.zeros((rows, *kept.shape[1:]), dtype=kept.dtype)
                    block[: len(part)] = kept
                    blocks[key][name] = torch.from_numpy(block).to(device)
            yield FormBlock(part, torch.stack([embedding(blocks[id(features)]) for embedding, features in embeddings]))


class FormCache:
    """A table with a row per form, which forgets all forms when `capacity` would not do.

    `compute` turns U different forms into blocks, each the places of n of them and their values (n, W).

    Attributes:
        values: (rows, W), with the device and the type of the results of `compute`.
        computed: the number of forms computed so far.
    """

    def __init__(self, compute: Callable[[list[str]], Iterable[tuple[np.ndarray, Tensor]]], capacity: int) -> None:
        self.compute, self.capacity = compute, capacity
        self._rows: dict[str, int] = {}
        self.values, self.computed = torch.empty(0, 0), 0

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy starts empty: copied rows would share memory."""
        return FormCache, (self.compute, self.capacity)

    def lookup(self, forms: Sequence[str]) -> Callable[[np.ndarray], np.ndarray]:
        """What gives the rows of some of these forms, by their places; all are computed at once if there is room."""
        if len(forms) > self.capacity:
            return lambda places: self.rows([forms[place] for place in places.tolist()])
        rows = self.rows(forms)
        return lambda places: rows[places]

    def rows(self, forms: Sequence[str]) -> np.ndarray:
        """The row of each form in `values`, valid until the next call."""
        known = self._rows
        rows = np.fromiter(map(known.get, forms, repeat(-1)), dtype=np.int64, count=len(forms))
        missing = np.flatnonzero(rows < 0)
        if len(missing):
            new = list(dict.fromkeys(forms[i] for i in missing.tolist()))
            if known and len(known) + len(new) > self.capacity:
                known.clear()
                new, missing = list(dict.fromkeys(forms)), np.arange(len(forms))
            places = np.arange(len(known), len(known) + len(new))
            for part, values in self.compute(new):
                if len(self.values) <= places[-1]:
                    size = max(places[-1] + 1, min(self.capacity, max(2 * len(self.values), 1024)))
                    grown = values.new_empty(size, values.shape[1])
                    if len(self.values):
                        grown[: len(self.values)] = self.values
                    self.values = grown
                self.values.index_copy_(0, torch.from_numpy(places[part]).to(values.device), values)
            known.update(zip(new, places.tolist(), strict=True))
            self.computed += len(new)
            rows[missing] = [known[forms[i]] for i in missing.tolist()]
        return rows

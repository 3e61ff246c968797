"""Word forms -> the first layer's product with each, computed once and kept while there is room.

A sum of products can round differently when the tensor around it has another shape. So forms are embedded in blocks of
two fixed shapes, and the length of a form decides in which: one shape is for short forms, one for long ones.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from tagger.model.batch import FormTable
from tagger.model.embeddings import CHARACTERS, MAX_CHARACTERS, FormEmbedding

# U forms


class _BlockShape(NamedTuple):
    characters: int  # the most characters of a form
    forms: int  # rows; those without a form hold zeros


# `FormTable` keeps at most MAX_CHARACTERS characters of a form.
_SHAPES = (_BlockShape(MAX_CHARACTERS // 2, 64), _BlockShape(MAX_CHARACTERS, 16))


class FormBlock(NamedTuple):
    """Forms that were embedded together."""

    places: np.ndarray  # (n,) the positions of the forms in the list of all
    vectors: Tensor  # (k, rows, width of the embeddings) the first n rows belong to these forms


def embed_forms(
    forms: Sequence[str], embeddings: Sequence[tuple[FormEmbedding, FormTable]], device: torch.device | str
) -> Iterator[FormBlock]:
    """The embeddings of forms by k networks, block by block, without a transformer's."""
    tables = {id(table): table for _, table in embeddings}
    rows = {key: table.rows(forms) for key, table in tables.items()}
    lengths = np.array([min(len(form), MAX_CHARACTERS) for form in forms], dtype=np.int64)
    least = 0
    for shape in _SHAPES:
        places = np.flatnonzero((least <= lengths) & (lengths <= shape.characters))
        least = shape.characters + 1
        for start in range(0, len(places), shape.forms):
            part = places[start : start + shape.forms]
            blocks = {key: _block(rows[key][part], shape, table, device) for key, table in tables.items()}
            yield FormBlock(part, torch.stack([embedding(blocks[id(table)]) for embedding, table in embeddings]))


def _block(rows: np.ndarray, shape: _BlockShape, table: FormTable, device: torch.device | str) -> dict[str, Tensor]:
    """The features of forms; rows without a form hold zeros."""
    features = {}
    for name, array in table.features.items():
        kept = array[rows, : shape.characters] if name == CHARACTERS else array[rows]
        block = np.zeros((shape.forms, *kept.shape[1:]), dtype=kept.dtype)
        block[: len(rows)] = kept
        features[name] = torch.from_numpy(block).to(device)
    return features


# U forms, W numbers that are kept for each


class FormCache:
    """A table with a row per form. When it is full, the forms that were needed longest ago are dropped.

    Attributes:
        values: (rows, W), with the device and the type of the results of `compute`.
        computed: the number of forms computed so far.
    """

    def __init__(self, compute: Callable[[list[str]], Iterable[tuple[np.ndarray, Tensor]]], capacity: int) -> None:
        """Makes an empty cache.

        Args:
            compute: U different forms to blocks, each the places of n of them and their values (n, W).
        """
        self.compute, self.capacity = compute, capacity
        self.clear()

    def __getstate__(self) -> dict[str, Any]:
        """A copy starts empty: copied rows would share memory."""
        return {"compute": self.compute, "capacity": self.capacity}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.compute, self.capacity = state["compute"], state["capacity"]
        self.clear()

    def clear(self) -> None:
        """Forgets every form."""
        self._rows: dict[str, int] = {}
        self._forms: list[str] = []  # of each row
        self._free: list[int] = []
        self._used = np.zeros(0, dtype=np.int64)  # the call that needed it last
        self._call = self.computed = 0
        self.values = torch.empty(0, 0)

    def rows(self, forms: Sequence[str]) -> np.ndarray:
        """The row of each form in `values`, valid until the next call."""
        self._call += 1
        known = self._rows
        rows = np.fromiter(map(known.get, forms, repeat(-1)), dtype=np.int64, count=len(forms))
        missing = np.flatnonzero(rows < 0)
        self._used[rows[rows >= 0]] = self._call
        if len(missing):
            new = list(dict.fromkeys(forms[i] for i in missing.tolist()))
            self._add(new)
            rows[missing] = [known[forms[i]] for i in missing.tolist()]
        return rows

    def _add(self, new: list[str]) -> None:
        places = self._room(len(new))
        for part, values in self.compute(new):
            if len(self.values) < len(self._used):
                grown = values.new_empty(len(self._used), values.shape[1])
                if len(self.values):
                    grown[: len(self.values)] = self.values
                self.values = grown
            self.values.index_copy_(0, torch.from_numpy(places[part]).to(values.device), values)
        for form, row in zip(new, places.tolist(), strict=True):
            self._rows[form] = row
            self._forms[row] = form
        self._used[places] = self._call
        self.computed += len(new)

    def _room(self, count: int) -> np.ndarray:
        """Returns rows for `count` new forms."""
        grow = min(self.capacity, len(self._forms) + count - len(self._free)) - len(self._forms)
        if grow > 0:
            start = len(self._forms)
            self._forms += [""] * grow
            self._free += range(start, start + grow)
            if len(self._forms) > len(self._used):
                size = min(self.capacity, max(len(self._forms), 2 * len(self._used), 1024))
                self._used = np.concatenate([self._used, np.zeros(size - len(self._used), dtype=np.int64)])
        if count > len(self._free):
            self._forget(max(count - len(self._free), self.capacity // 16))
        if count > len(self._free):
            raise ValueError(f"{count} forms at a time do not fit in a cache of {self.capacity}")
        places, self._free = self._free[:count], self._free[count:]
        return np.array(places, dtype=np.int64)

    def _forget(self, count: int) -> None:
        """Frees the `count` rows that were needed longest ago, except those of this call."""
        used = self._used[: len(self._forms)].copy()
        used[self._free] = self._call
        oldest = np.argsort(used, kind="stable")[:count]
        for row in oldest[used[oldest] < self._call].tolist():
            del self._rows[self._forms[row]]
            self._free.append(row)

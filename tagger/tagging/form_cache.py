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
            blocks = {key: _block(arrays, part, characters, rows, device) for key, arrays in computed.items()}
            yield FormBlock(part, torch.stack([embedding(blocks[id(features)]) for embedding, features in embeddings]))


def _block(
    arrays: Mapping[str, np.ndarray], places: np.ndarray, characters: int, rows: int, device: torch.device | str
) -> dict[str, Tensor]:
    features = {}
    for name, array in arrays.items():
        kept = array[places, :characters] if name == CHARACTERS else array[places]
        block = np.zeros((rows, *kept.shape[1:]), dtype=kept.dtype)
        block[: len(places)] = kept
        features[name] = torch.from_numpy(block).to(device)
    return features


class FormCache:
    """A table with a row per form. When it is full, the forms that were needed longest ago are dropped.

    `compute` turns U different forms into blocks, each the places of n of them and their values (n, W).

    Attributes:
        values: (rows, W), with the device and the type of the results of `compute`.
        computed: the number of forms computed so far.
    """

    def __init__(self, compute: Callable[[list[str]], Iterable[tuple[np.ndarray, Tensor]]], capacity: int) -> None:
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

    def lookup(self, forms: Sequence[str]) -> Callable[[np.ndarray], np.ndarray]:
        """What gives the rows of some of these forms, by their places; all are computed at once if there is room."""
        if len(forms) > self.capacity:
            return lambda places: self.rows([forms[place] for place in places.tolist()])
        rows = self.rows(forms)
        return lambda places: rows[places]

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

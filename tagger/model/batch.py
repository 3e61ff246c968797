"""What the network reads: the padded tensors of a batch, and the ids with a meaning of their own."""

# U distinct forms, T tokens in the longest sentence, B sentences, A affixes of a form, C characters of the longest
# form, V sources of pretrained vectors. Of a transformer: W windows, S pieces in the longest window, M' outputs that
# are used, D its size

from dataclasses import dataclass, field, fields
from typing import Any

import torch
from torch import Tensor

PAD = 0  # id of the filler beyond the end of a word or a sentence
UNK = 1  # id of every word or character that the vocabulary does not have
FIRST_ID = 2  # of the first word, and of the first character, that the vocabulary has
IGNORE = -100  # target beyond a sentence's end, or where nothing is annotated: neither learned nor scored
UNSEEN = -101  # target where the gold tag is not in the training data: not learned, scored as wrong


@dataclass
class Pieces:
    """Sentences as a transformer reads them; `pieces.windows` makes it."""

    ids: Tensor  # (W, S) piece ids, padded on the right
    mask: Tensor  # (W, S) 1 where there is a piece, 0 in the padding
    window: Tensor  # (T, B) the window that a token is read from; 0 beyond a sentence's end
    start: Tensor  # (T, B) the token's first piece in that window
    end: Tensor  # (T, B) one past its last piece; equals start beyond a sentence's end

    def to(self, device: torch.device | str) -> "Pieces":
        """The pieces on another device."""
        return Pieces(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})


@dataclass
class Batch:
    """Padded sentences; `collate` makes it.

    What depends on a form's spelling alone is stored once for each distinct form, and `index` says which form a token
    has.
    """

    words: Tensor  # (U,) word id of each distinct form
    affixes: Tensor  # (U, A) rows of the affix table
    characters: Tensor  # (U, C) character ids, PAD beyond the form's end
    vectors: Tensor  # (U, V) row in each table of pretrained vectors; 0 if the form has no vector
    index: Tensor  # (T, B) the token's form; 0 beyond a sentence's end
    lengths: Tensor  # (B,) tokens per sentence
    targets: dict[str, Tensor] = field(default_factory=dict)  # column -> (T, B) tag ids, UNSEEN or IGNORE
    pieces: Pieces | None = None  # what a transformer reads, if the network has one
    outputs: Tensor | None = None  # (T, B, M', D) of a frozen transformer, if they have been computed before

    def to(self, device: torch.device | str) -> "Batch":
        """The batch on another device."""

        def moved(value: Any) -> Any:
            if isinstance(value, dict):
                return {column: target.to(device) for column, target in value.items()}
            return None if value is None else value.to(device)

        return Batch(**{name: moved(value) for name, value in vars(self).items()})

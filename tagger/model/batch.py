"""What the network reads: padded tensors, and the pieces of a transformer."""

# T tokens in the longest sentence, B sentences, W windows, S pieces in the longest window

# U distinct forms, T tokens in the longest sentence, B sentences, A affixes of a form, C characters of a form,
# V sources of pretrained vectors, M layers of a transformer, D its size
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
    """Sentences as the encoder reads them; see `windows`."""

    ids: Tensor  # (W, S) piece ids, padded on the right
    mask: Tensor  # (W, S) 1 where there is a piece
    window: Tensor  # (T, B) the window that a token is read from; 0 beyond the end
    start: Tensor  # (T, B) its first piece there
    end: Tensor  # (T, B) one past its last; equals start beyond the end

    def to(self, device: torch.device | str) -> "Pieces":
        """The pieces on another device."""
        return Pieces(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})


@dataclass
class Batch:
    """Padded sentences as the network takes them; see `collate`."""

    words: Tensor  # (U,) word id of each distinct form
    affixes: Tensor  # (U, A) row in the affix table
    characters: Tensor  # (U, C) character ids, PAD beyond the end
    vectors: Tensor  # (U, V) row in each table of pretrained vectors, 0 where it has none
    index: Tensor  # (T, B) which form stands there; 0 beyond the end
    lengths: Tensor  # (B,) tokens per sentence
    targets: dict[str, Tensor] = field(default_factory=dict)  # per column (T, B) tag ids, UNSEEN or IGNORE
    pieces: Pieces | None = None  # what a transformer reads
    outputs: Tensor | None = None  # (T, B, M, D) what a frozen transformer has said of each token, where it is known

    def to(self, device: torch.device | str) -> "Batch":
        """The batch on another device."""

        def moved(value: Any) -> Any:
            if isinstance(value, dict):
                return {column: target.to(device) for column, target in value.items()}
            return None if value is None else value.to(device)

        return Batch(**{name: moved(value) for name, value in vars(self).items()})

"""What the network reads: the padded tensors of a batch, and the ids that are no word, character or tag."""

# U distinct forms, T tokens in the longest sentence, B sentences
# For a transformer: W windows, S pieces in the longest window, M' of its outputs that are used, D size of an output

from dataclasses import dataclass, field, fields
from typing import Any

import torch
from torch import Tensor

PAD = 0  # id of padding after the end of a word or a sentence
UNK = 1  # id of every word or character that the vocabulary does not have
NO_CORPUS = 0  # id of a sentence of which the network does not know the corpus
FIRST_ID = 2  # id of the vocabulary's first word, and of its first character
IGNORE = -100  # target after a sentence's end, or of a token without annotation: neither learned nor scored
# Target of a gold tag that training does not have: not learned, but scored, as wrong. It is below IGNORE, so that
# target.clamp(min=IGNORE) leaves it out of the loss.
UNSEEN = -101


@dataclass
class Pieces:
    """Sentences as a transformer reads them; made by `pieces.windows`."""

    ids: Tensor  # (W, S) piece ids, padded on the right
    mask: Tensor  # (W, S) 1 for a piece, 0 for padding
    window: Tensor  # (T, B) the window that a token is read from; 0 after a sentence's end
    start: Tensor  # (T, B) the token's first piece in that window
    end: Tensor  # (T, B) one past its last piece; equals start after a sentence's end

    def to(self, device: torch.device | str) -> "Pieces":
        """The pieces on another device."""
        return Pieces(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})


@dataclass
class Batch:
    """Padded sentences; made by `collate`.

    What depends on a form's spelling alone is stored once per distinct form. `index` says which form a token has.
    """

    features: dict[str, Tensor]  # name of a part of `FormEmbedding` -> what it reads of each distinct form, (U, ...)
    index: Tensor  # (T, B) the token's form, 0 to U - 1; 0 after a sentence's end
    lengths: Tensor  # (B,) tokens per sentence
    targets: dict[str, Tensor] = field(default_factory=dict)  # column -> (T, B) tag ids, UNSEEN or IGNORE
    pieces: Pieces | None = None  # for a transformer, if the network has one
    facts: Tensor | None = (
        None  # (T, B, N) of training: 1 where a fact holds of a token, -1: unknown; see `training/facts.py`
    )
    teacher: dict[str, Tensor] = field(default_factory=dict)
    # column -> (T, B, k, 2) ids of a teacher's best tags (-1: of none) and probabilities; see `training/teacher.py`
    outputs: Tensor | None = None  # (T, B, M', D) of a frozen transformer, if they are cached
    corpora: Tensor | None = None  # (B,) id of each sentence's corpus, or NO_CORPUS; None: of all unknown

    def to(self, device: torch.device | str) -> "Batch":
        """The batch on another device."""

        def moved(value: Any) -> Any:
            if isinstance(value, dict):
                return {column: target.to(device) for column, target in value.items()}
            return None if value is None else value.to(device)

        return Batch(**{name: moved(value) for name, value in vars(self).items()})

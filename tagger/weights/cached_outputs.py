"""The outputs of a frozen encoder for every token of a corpus, computed once and kept on disk."""

import hashlib
import json
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch

from tagger.errors import InputError
from tagger.model.collate import length_buckets
from tagger.model.pieces import PieceTokenizer, windows
from tagger.model.transformer import TransformerEmbedding
from tagger.text.files import whole_binary

_log = logging.getLogger(__name__)
HIGHEST = float(np.finfo(np.float16).max)


def frozen_outputs(
    embedding: TransformerEmbedding,
    tokenizer: PieceTokenizer,
    sentences: Iterable[list[str]],
    lengths: np.ndarray,
    folder: Path,
    device: torch.device | str = "cpu",
    batch_tokens: int = 4000,
) -> np.ndarray:
    """What `embedding.outputs` gives for each token, from a file if there is one.

    The file's name tells everything that decides its content, so a changed encoder or corpus has another file.

    Args:
        embedding: its encoder is frozen.
        tokenizer: the one of the encoder.
        sentences: the corpus as lists of word forms; read once.
        lengths: tokens of each sentence.
        folder: where files are kept; made if it is not there.
        device: where the encoder runs.
        batch_tokens: tokens per batch.

    Returns:
        (tokens, M', D) in float16, tokens in the order of the corpus, mapped from the file and not to be written.

    Raises:
        InputError: the file cannot be written or read.
    """
    digest = _state(embedding, tokenizer)
    rows: dict[str, int] = {}  # distinct forms
    tokens = np.empty(int(lengths.sum()), dtype=np.int64)  # their rows, in the order of the corpus
    ends = np.cumsum(lengths)
    for sentence, end in zip(sentences, ends, strict=True):
        digest.update(json.dumps(sentence).encode())
        tokens[end - len(sentence) : end] = [rows.setdefault(form, len(rows)) for form in sentence]
    shape = (len(tokens), len(embedding.layers), embedding.width)
    if not len(tokens):
        return np.zeros(shape, dtype=np.float16)
    path = folder / f"{digest.hexdigest()}.f16"
    token_size = shape[1] * shape[2] * np.dtype(np.float16).itemsize
    size = len(tokens) * token_size
    remedy = f"make room for {size / 1e6:.0f} MB of encoder outputs, or set HF_DATASETS_CACHE to another folder"
    try:
        if not path.is_file() or path.stat().st_size != size:
            _log.info("%s reads %s tokens, once: kept in %s", embedding.config["name"], f"{len(tokens):,}", folder)
            with whole_binary(path, remedy) as file:
                for first, states in _states(embedding, tokenizer, list(rows), tokens, lengths, device, batch_tokens):
                    file.seek(first * token_size)
                    file.write(states.tobytes())
        return np.memmap(path, dtype=np.float16, mode="r", shape=shape)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; {remedy}") from None


def _state(embedding: TransformerEmbedding, tokenizer: PieceTokenizer) -> "hashlib._Hash":
    """A digest of all that decides a token's outputs, but the corpus."""
    config = {key: value for key, value in embedding.config.items() if key not in ("name", "revision", "layers")}
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
    """Yields for each sentence the place of its first token, and the outputs of its tokens."""
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
            array = states.clamp(-HIGHEST, HIGHEST).half().cpu().numpy()
            for place, (start, end) in enumerate(spans):
                yield start, array[: end - start, place]
    finally:
        embedding.to(home)

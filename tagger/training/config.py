"""The values of an experiment's config: checked, and handed to the network."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from tagger.errors import InputError
from tagger.model.embeddings import VectorConfig
from tagger.model.network import NetworkConfig
from tagger.model.transformer import TransformerConfig
from tagger.text.segment import RULES
from tagger.weights.quantize import PRECISIONS

MADE_OF = ("model", "embedding", "transformer")  # the parts that a tagger to start from decides, ...
FREE = ("embedding.word_dropout", "embedding.min_count", "model.dropout")  # ... but for these, of training alone
RESERVED = ("tokens", "comments", "text", "offsets", "loss", "accuracy")  # what stands beside the tag columns


def check_config(config: Mapping[str, Any]) -> None:
    """Raises InputError for a value that would fail late, or silently do something else."""
    columns = config["columns"]
    if not isinstance(columns, list) or not columns or len(set(columns)) < len(columns):
        raise InputError(f"columns={columns}: give a list of different columns, such as columns=[upos,xpos]")
    for column in columns:
        if not re.fullmatch(r"[A-Za-z]\w*", str(column)) or column in RESERVED or hasattr(torch.nn.ModuleDict, column):
            raise InputError(f"columns={columns}: {column!r} cannot name a tag column")
    whole: dict[str, tuple[Any, int]] = {
        "model.depth": (config["model"]["depth"], 1),
        "embedding.words": (config["embedding"]["words"], 0),
        "embedding.affixes": (config["embedding"]["affixes"], 0),
        "embedding.chars": (config["embedding"]["chars"], 0),
        "embedding.buckets": (config["embedding"]["buckets"], 1),
        "embedding.min_count": (config["embedding"]["min_count"], 1),
        "embedding.vectors_keep": (config["embedding"]["vectors_keep"], 0),
        "embedding.vectors_components": (config["embedding"]["vectors_components"], 0),
        "embedding.vectors_size": (config["embedding"]["vectors_size"], 0),
        "batch_tokens": (config["batch_tokens"], 1),
        "patience": (config["patience"], 1),
        "seed": (config["seed"], 0),
        "threads": (config["threads"], 1),
        "trainer.max_epochs": (config["trainer"]["max_epochs"], 1),
    }
    _check_whole(whole)
    _check_keys(
        config,
        transformer=("pooling", "layers", "tune", "precision"),
        optimizer=("lr", "weight_decay", "warmup", "transformer_lr", "layer_decay"),
    )
    _check_rates(config, {"embedding.word_dropout": (config["embedding"]["word_dropout"], 1e9)})
    _check_pretrained(config)
    if config["saved_precision"] not in PRECISIONS:
        raise InputError(f"saved_precision={config['saved_precision']}: choose one of {', '.join(PRECISIONS)}")
    if config["segmenter"] not in ("auto", *RULES):
        raise InputError(f"segmenter={config['segmenter']}: choose one of auto, {', '.join(RULES)}")


def check_pretraining(config: Mapping[str, Any]) -> None:
    """The same for the values of `conf/pretrain.yaml`."""
    for key in ("text", "held_out"):
        patterns = config[key] if isinstance(config[key], list) else [config[key]] * (config[key] is not None)
        if not all(isinstance(pattern, str) and pattern for pattern in patterns) or config[key] == []:
            raise InputError(f"{key}={config[key]}: give a file, a folder or a pattern, or a list of several")
    for key in ("model", "embedding", "trainer"):
        if not isinstance(config[key], dict):
            raise InputError(f"{key}={config[key]}: set its values one by one, such as {key}.…=…")
    if "max_epochs" in config["trainer"]:
        raise InputError("trainer.max_epochs: pretraining ends after so many passes; set that")
    if not isinstance(config["encoding"], str):
        raise InputError(f"encoding={config['encoding']}: give a name such as utf-8 or latin-1")
    embedding = config["embedding"]
    _check_whole(
        {name: (config[name], 1) for name in _WHOLE_OF_PRETRAINING}
        | {f"embedding.{name}": (embedding.get(name), 0) for name in ("affixes", "chars")}
        | {f"embedding.{name}": (embedding.get(name), 1) for name in ("words", "buckets")}
        | {"model.depth": (config["model"]["depth"], 1), "seed": (config["seed"], 0)}
    )
    _check_keys(
        config,
        hub=("name", "config", "split", "column"),
        embedding=("words", "affixes", "chars", "buckets"),
        optimizer=("lr", "weight_decay", "warmup"),
    )
    _check_rates(config, {"mask": (config["mask"], 0.9), "cut": (config["cut"], 1.0)})
    if config["mask"] < 0.01:
        raise InputError(f"mask={config['mask']}: hide some words, 0.1 to 0.3 of them")
    for key in ("neighbours", "paragraph_per_line"):
        if type(config[key]) is not bool and (key == "neighbours" or config[key] is not None):
            raise InputError(f"{key}={config[key]}: give true or false")
    if config["segmenter"] not in RULES:
        raise InputError(f"segmenter={config['segmenter']}: choose one of {', '.join(RULES)}")


_WHOLE_OF_PRETRAINING = (
    "held_out_tokens",
    "passes",
    "section_tokens",
    "min_count",
    "max_words",
    "samples",
    "batch_tokens",
    "threads",
)


def _check_whole(values: Mapping[str, tuple[Any, int]]) -> None:
    for name, (value, least) in values.items():
        if type(value) is not int or value < least:
            raise InputError(f"{name}={value}: give a whole number, at least {least}")
        if name == "seed" and value >= 1 << 32:
            raise InputError(f"seed={value}: give a number below {1 << 32}")


def _check_rates(config: Mapping[str, Any], others: Mapping[str, tuple[Any, float]]) -> None:
    rates = {"model.dropout": (config["model"]["dropout"], 0.99), **others}
    rates |= {f"optimizer.{name}": (value, 1.0) for name, value in config["optimizer"].items()}
    for name, (rate, most) in rates.items():
        if type(rate) not in (int, float) or not 0 <= rate <= most:
            raise InputError(f"{name}={rate}: give a number from 0{f' to {most:g}' if most < 1e9 else ''}")
    if config["trainer"].get("precision", "32-true") not in ("32-true", "bf16-mixed", "16-mixed"):
        raise InputError(f"trainer.precision={config['trainer']['precision']}: choose 32-true, bf16-mixed or 16-mixed")


def _check_keys(config: Mapping[str, Any], **parts: tuple[str, ...]) -> None:
    """The parts that are passed on whole have the keys that their readers know, and sizes are whole numbers."""
    hidden = config["model"]["hidden"]
    for name, part, keys in (
        ("model.hidden", hidden, ("forward", "backward")),
        ("card", config["card"], ("version", "license")),
        *((name, config[name], keys) for name, keys in parts.items()),
    ):
        if not isinstance(part, dict) or set(part) != set(keys):
            raise InputError(f"{name}={part}: its keys are {', '.join(keys)}")
    for direction, size in hidden.items():
        if not all(type(number) is int for number in (size if isinstance(size, list) else [size])):
            raise InputError(f"model.hidden.{direction}={size}: give a whole number, or a list of them, one per layer")


def _check_pretrained(config: Mapping[str, Any]) -> None:
    """The vectors, the transformer, and the tagger to start from."""
    embedding, transformer = config["embedding"], config["transformer"]
    sources = vector_sources(config)
    if not all(isinstance(source, str) and source for source in sources) or len(set(sources)) < len(sources):
        raise InputError(f"embedding.vectors={embedding['vectors']}: give a name or a file, or a list of several")
    precision, tune = embedding["vectors_precision"], embedding["vectors_tune"]
    if precision not in ("float16", "float32") or (tune is True and precision != "float32"):
        raise InputError(
            f"embedding.vectors_precision={precision}: give float16 or float32, and float32 where vectors_tune=true"
        )
    for name, value in (("embedding.transformer", embedding["transformer"]), ("init", config["init"])):
        if value is not None and not (isinstance(value, str) and value):
            raise InputError(f"{name}={value}: give a name or a folder")
    if config["init"] == "latest":
        raise InputError("init=latest would be another tagger when the run is resumed or swept; name its folder")
    for name, value in (("embedding.vectors_tune", tune), ("transformer.tune", transformer["tune"])):
        if type(value) is not bool:
            raise InputError(f"{name}={value}: give true or false")
    layers = transformer["layers"]
    if layers is not None and not (isinstance(layers, list) and all(type(layer) is int for layer in layers)):
        raise InputError(f"transformer.layers={layers}: give null, or a list of numbers such as [4,5,6]")


def vector_sources(config: Mapping[str, Any]) -> list[str]:
    """The names of `embedding.vectors`, which may be null, a name or a list."""
    sources = config["embedding"]["vectors"]
    return sources if isinstance(sources, list) else [] if sources is None else [sources]


def network_config(
    config: Mapping[str, Any], vector_sizes: Sequence[int] = (), transformer: TransformerConfig | None = None
) -> NetworkConfig:
    """The part of an experiment's config that the network is built from.

    Args:
        config: the values of `conf/train.yaml` or `conf/pretrain.yaml`, plain.
        vector_sizes: of the vectors of each source in `embedding.vectors`.
        transformer: what describes `embedding.transformer`.
    """
    model, embedding = config["model"], config["embedding"]
    vectors = None
    if vector_sizes:
        vectors = VectorConfig(
            sizes=list(vector_sizes),
            projection=embedding["vectors_size"],
            tune=embedding["vectors_tune"],
            precision=embedding["vectors_precision"],
        )
    return NetworkConfig(
        cell=model["cell"],
        depth=model["depth"],
        hidden=dict(model["hidden"]),
        dropout=model["dropout"],
        words=embedding["words"],
        affixes=embedding["affixes"],
        chars=embedding["chars"],
        buckets=embedding["buckets"],
        vectors=vectors,
        transformer=transformer,
    )

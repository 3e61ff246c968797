"""The parts that configs have: the network, its pretrained inputs and the optimizer, as dataclasses, checked.

`config.py` and `pretraining/config.py` put them together.
"""

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import torch

from tagger.bundle.saved_config import MAX_TRAINED
from tagger.errors import InputError, shorten
from tagger.model.decoder import DECODERS, SOFTMAX
from tagger.model.embeddings import CHARACTER_SIZE, VectorConfig
from tagger.model.network import NetworkConfig
from tagger.model.transformer import TransformerConfig as NetworkTransformerConfig
from tagger.training.structured import Checked, Count, OneOf, Range, Rate, Size, bad_value

# What a config may pass on to `pytorch_lightning.Trainer`. Lightning imports classes by name, and a config may come
# from somebody else, so no other key and no other word reaches it.
_NUMBERS = {
    **dict.fromkeys(("max_epochs", "min_epochs", "num_nodes", "accumulate_grad_batches", "devices"), int),
    **dict.fromkeys(("gradient_clip_val", "limit_train_batches", "limit_val_batches"), float),
}
_SWITCHES = ("benchmark", "detect_anomaly", "deterministic")
_WORDS = {
    "accelerator": ("auto", "cpu", "gpu", "cuda", "mps"),
    "devices": ("auto",),
    "strategy": ("auto", "ddp", "ddp_find_unused_parameters_true"),
    "precision": ("32-true", "bf16-mixed", "16-mixed"),
    "deterministic": ("warn",),
    "gradient_clip_algorithm": ("norm", "value"),
}
TRAINER_SETTINGS = tuple(sorted({*_NUMBERS, *_SWITCHES, *_WORDS}))

HIDDEN_REMEDY = "give a whole number from 0, or a list of them, one per layer"


@dataclass
class HiddenConfig(Checked):
    """The units of each direction: a number for all layers, or a list with one per layer; 0 leaves a direction out."""

    prefix: ClassVar[str] = "model.hidden."
    forward: Any  # int | list[int] | None, a union that structured configs do not have; None: see `recipe.py`
    backward: Any

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("forward", "backward"):
            size = getattr(self, name)
            for number in size if isinstance(size, list) else [size] * (size is not None):
                if type(number) is not int or number < 0:
                    raise bad_value(self.prefix + name, size, HIDDEN_REMEDY)


@dataclass
class ModelConfig(Checked):
    """The recurrent layers."""

    prefix: ClassVar[str] = "model."
    cell: str
    depth: Count
    hidden: HiddenConfig
    dropout: float | None  # None: see `recipe.py`

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.dropout is not None:
            _check_dropout("model.dropout", self.dropout)


@dataclass
class TaggerModelConfig(ModelConfig):
    """The networks that are trained side by side: how many, the recurrent layers of each, and the decoder."""

    members: Annotated[int, Range(1, MAX_TRAINED)]
    decoder: Annotated[str, OneOf(DECODERS)]


@dataclass
class FormSizes(Checked):
    """The sizes of the parts of a form's embedding; 0 leaves a part out."""

    prefix: ClassVar[str] = "embedding."
    words: Size
    affixes: Size
    chars: Size
    buckets: Count


@dataclass
class EmbeddingConfig(FormSizes):
    """The embedding of a form, and the names of pretrained vectors and of a transformer."""

    min_count: Count
    word_dropout: Annotated[float, Range(0)]
    vectors: Any  # None | str | list[str]
    vectors_keep: Size
    vectors_components: Size
    vectors_size: Size
    vectors_tune: bool
    vectors_dtype: Annotated[str, OneOf(("float16", "float32"))]
    transformer: str | None

    def __post_init__(self) -> None:
        super().__post_init__()
        sources = self.vector_sources
        if not all(isinstance(source, str) and source for source in sources) or len(set(sources)) < len(sources):
            raise bad_value("embedding.vectors", self.vectors, "give a name or a file, or a list of several")
        if self.vectors_tune and self.vectors_dtype != "float32":
            raise bad_value(
                "embedding.vectors_dtype", self.vectors_dtype, "set float32 with embedding.vectors_tune=true"
            )
        if self.transformer == "":
            raise bad_value("embedding.transformer", self.transformer, "give null, a name or a folder")

    @property
    def vector_sources(self) -> list[str]:
        """The names of the pretrained vectors: none, one or several."""
        return self.vectors if isinstance(self.vectors, list) else [] if self.vectors is None else [self.vectors]

    def vector_config(self, sizes: list[int]) -> VectorConfig | None:
        """The config of the network's vectors; `sizes` has the size of each source. None if there is no source."""
        if not sizes:
            return None
        return VectorConfig(sizes=sizes, projection=self.vectors_size, tune=self.vectors_tune, dtype=self.vectors_dtype)


@dataclass
class TransformerConfig(Checked):
    """How the encoder that `embedding.transformer` names is used."""

    prefix: ClassVar[str] = "transformer."
    pooling: str | None
    layers: list[int] | None
    tune: bool
    dtype: Annotated[str, OneOf(("float32", "bfloat16"))]
    dropout: float

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_dropout("transformer.dropout", self.dropout)


@dataclass
class OptimizerConfig(Checked):
    """The settings of AdamW."""

    prefix: ClassVar[str] = "optimizer."
    lr: Rate
    weight_decay: Rate
    warmup: Rate

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.lr == 0:
            raise bad_value("optimizer.lr", self.lr, "give a number above 0, at most 1")


@dataclass
class TaggerOptimizerConfig(OptimizerConfig):
    """The settings of AdamW, with the learning rates of a transformer."""

    transformer_lr: Rate
    layer_decay: Rate


@dataclass
class CardConfig:
    """What the model card says of the training data, beside its name."""

    version: str | None
    license: str | None


def network_config(
    model: ModelConfig,
    sizes: FormSizes,
    vectors: VectorConfig | None = None,
    transformer: NetworkTransformerConfig | None = None,
    decoder: str = SOFTMAX,
) -> NetworkConfig:
    """The config that the network is built from, as plain values.

    Args:
        model: the recurrent layers.
        sizes: of the embeddings.
        vectors: of the pretrained vectors, if there are any.
        transformer: of the transformer, if there is one.
        decoder: of each column.
    """
    return NetworkConfig(
        decoder=decoder,
        cell=model.cell,
        depth=model.depth,
        hidden=dataclasses.asdict(model.hidden),
        dropout=model.dropout or 0.0,
        words=sizes.words,
        affixes=sizes.affixes,
        chars=sizes.chars,
        character_size=CHARACTER_SIZE,
        buckets=sizes.buckets,
        vectors=vectors,
        transformer=transformer,
    )


def check_machine(threads: int, settings: Mapping[str, Any]) -> None:
    """Raises InputError if a config wants a GPU that the machine lacks, or more than it has processors.

    Args:
        threads: of the processor.
        settings: of the trainer.
    """
    processors = os.cpu_count() or 1
    has = f"this machine has {processors} processor{'s' * (processors > 1)}"
    if threads > processors:
        raise bad_value("threads", threads, f"{has}; give at most {processors}")
    devices, accelerator = settings.get("devices"), settings.get("accelerator")
    on_gpu = {"gpu": torch.cuda.is_available() or torch.backends.mps.is_available()}
    on_gpu |= {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not on_gpu.get(str(accelerator), True):
        raise bad_value("trainer.accelerator", accelerator, "this machine has no such GPU; set accelerator=auto")
    on_processor = accelerator == "cpu" or (accelerator in (None, "auto") and not torch.cuda.is_available())
    if on_processor and type(devices) is int and devices > processors:  # with every strategy
        raise bad_value("trainer.devices", devices, f"one process per processor, and {has}; give at most {processors}")


def check_trainer_settings(settings: Mapping[str, Any]) -> None:
    """Raises InputError for a setting that a config may not pass on to Lightning, or with a bad value."""
    for name, value in settings.items():
        if name not in TRAINER_SETTINGS:
            raise InputError(f"trainer.{name}: no such setting; there are {', '.join(TRAINER_SETTINGS)}")
        if isinstance(value, list) and len({*map(str, value)}) < len(value):
            raise bad_value(f"trainer.{name}", value, "name every device once")
        numbers = value if name == "devices" and isinstance(value, list) else [value]
        least = 0 if name == "devices" and isinstance(value, list) else 1  # there 0 is the first GPU
        kind = _NUMBERS.get(name)
        if (
            value is None
            or (type(value) is bool and name in _SWITCHES)
            or (kind is int and numbers and all(type(number) is int and number >= least for number in numbers))
            or (kind is float and type(value) in (int, float) and 0 < value < float("inf"))
            or (type(value) is str and value in _WORDS.get(name, ()))
        ):
            continue
        choices = [*_WORDS.get(name, ())]
        choices += ["true", "false"] if name in _SWITCHES else []
        choices += [] if kind is None else ["a whole number, at least 1" if kind is int else "a number above 0"]
        raise InputError(f"trainer.{name}={shorten(str(value))[1:-1]}: give {' or '.join(choices)}")


def _check_dropout(key: str, value: float) -> None:
    if not 0 <= value <= 0.99:
        raise bad_value(key, value, "give a number from 0 to 0.99")

"""The parts that configs have: the network, its pretrained inputs and the optimizer, as dataclasses, checked.

`config.py` and `training/pretrain_config.py` put them together.
"""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal, TypedDict, cast

import torch
from msgspec import Meta
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tagger.bundle.saved_config import MAX_TRAINED
from tagger.errors import InputError
from tagger.model.decoder import DECODERS, SOFTMAX
from tagger.model.embeddings import VectorConfig
from tagger.model.encoder import CELLS
from tagger.model.network import NetworkConfig
from tagger.model.transformer import ENCODER_DTYPES, Layer, TopLayers
from tagger.model.transformer import TransformerConfig as NetworkTransformerConfig
from tagger.text.schema import Count, Dropout, Name, Rate, Size, bad_value, one_of, read

_Positive = Annotated[float, Meta(gt=0, le=1e12)]
_Share = Count | _Positive | None


class TrainerSettings(TypedDict, total=False):
    """What a config may pass on to `pytorch_lightning.Trainer`.

    Lightning imports classes by name, and a config may come from somebody else. So no other key and no other word
    reaches it.
    """

    max_epochs: Size | None
    min_epochs: Count | None
    accumulate_grad_batches: Count | None
    devices: Literal["auto"] | Count | Annotated[list[Size], Meta(min_length=1)] | None
    gradient_clip_val: _Positive | None
    gradient_clip_algorithm: Literal["norm", "value"] | None
    limit_train_batches: _Share
    limit_val_batches: _Share
    accelerator: Literal["auto", "cpu", "gpu", "cuda", "mps"] | None
    strategy: Literal["auto", "ddp_fork"] | None
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] | None
    deterministic: Literal["warn"] | bool | None
    benchmark: bool | None
    detect_anomaly: bool | None


TRAINER_SETTINGS = tuple(sorted(TrainerSettings.__annotations__))
Files = Name | Annotated[list[Name], Meta(min_length=1)] | None
Hidden = Size | list[Size] | None  # None: see `recipe.py`


@dataclass
class HiddenConfig:
    """The units of each direction: a number for all layers, or a list with one per layer; 0 leaves a direction out."""

    forward: Hidden
    backward: Hidden


@dataclass
class ModelConfig:
    """The recurrent layers."""

    cell: Annotated[str, one_of(CELLS)]
    depth: Count
    hidden: HiddenConfig
    dropout: Dropout | None  # None: see `recipe.py`


@dataclass
class TaggerModelConfig(ModelConfig):
    """The networks that are trained side by side: how many, the recurrent layers of each, and the decoder."""

    members: Annotated[int, Meta(ge=1, le=MAX_TRAINED)]
    decoder: Annotated[str, one_of(DECODERS)]


@dataclass(kw_only=True)
class FormSizes:
    """The values of those embeddings of a form that are learned; a size of 0 leaves one out."""

    words: Size
    affixes: Size
    buckets: Count
    chars: Size


@dataclass(kw_only=True)
class EmbeddingConfig(FormSizes):
    """The values of all embeddings of a form, how words are counted and hidden, and the name of a transformer."""

    word_dropout: Annotated[float, Meta(ge=0)]
    vectors: Name | list[Name] | None
    vectors_keep: Size
    vectors_components: Size
    vectors_size: Size
    transformer: Name | None

    def __post_init__(self) -> None:
        if len(set(self.vector_sources)) < len(self.vector_sources):
            raise bad_value("embedding.vectors", self.vectors, "give a name or a file, or a list of several")

    @property
    def vector_sources(self) -> list[str]:
        """The names of the pretrained vectors: none, one or several."""
        return self.vectors if isinstance(self.vectors, list) else [] if self.vectors is None else [self.vectors]

    def vector_config(self, sizes: list[int]) -> VectorConfig | None:
        """The config of the network's vectors; `sizes` has the size of each source. None if there is no source."""
        if not sizes:
            return None
        return VectorConfig(sizes=sizes, projection=self.vectors_size, tune=False, dtype="float16")


@dataclass
class TransformerConfig:
    """How the encoder that `embedding.transformer` names is used."""

    layers: list[Layer] | None
    tune: bool | TopLayers
    dtype: Annotated[str, one_of(ENCODER_DTYPES)]


@dataclass
class OptimizerConfig:
    """The settings of AdamW."""

    lr: Annotated[float, Meta(gt=0, le=1)]
    weight_decay: Rate


@dataclass
class TaggerOptimizerConfig(OptimizerConfig):
    """The settings of AdamW, with the learning rate of a transformer."""

    transformer_lr: Rate


@dataclass
class CardConfig:
    """What the model card says of the training data, beside its name."""

    version: str | None
    license: str | None


@dataclass
class DistillConfig:
    """How a student learns from a teacher."""

    teacher: Name | None
    corpus: Name | None
    text: Files

    def __post_init__(self) -> None:
        if self.teacher == "latest":
            raise InputError("distill.teacher=latest would be another tagger when the run is resumed; name its folder")
        if self.text is not None and self.teacher is None:
            raise InputError("distill.text: no teacher tags it; name one, distill.teacher=FOLDER")


def plain_values(values: DictConfig | Mapping[str, Any]) -> dict[str, Any]:
    """The values of a page as plain ones, its interpolations resolved.

    `name` is left out: it says where a run goes, not how it is trained.
    """
    try:
        if isinstance(values, DictConfig):
            values = cast(dict[str, Any], OmegaConf.to_container(values, resolve=True, throw_on_missing=True))
    except OmegaConfBaseException as error:
        raise InputError(f"{error.full_key}: {' '.join(str(error.msg).split())}") from None
    return {str(key): value for key, value in values.items() if key != "name"}


def network_config(
    model: ModelConfig,
    sizes: FormSizes | EmbeddingConfig,
    vectors: VectorConfig | None = None,
    transformer: NetworkTransformerConfig | None = None,
    decoder: str = SOFTMAX,
) -> NetworkConfig:
    """The config that the network is built from, as plain values."""
    return {
        "decoder": decoder,
        "cell": model.cell,
        "depth": model.depth,
        "hidden": asdict(model.hidden),
        "dropout": model.dropout or 0.0,
        **{key: getattr(sizes, key) for key in ("words", "affixes", "chars", "buckets")},
        "vectors": vectors,
        "transformer": transformer,
    }


def check_machine(threads: int, settings: Mapping[str, Any]) -> None:
    """Raises InputError if a config wants a GPU that the machine lacks, or more than it has processors."""
    started = os.environ.get("WORLD_SIZE") if "TORCHELASTIC_RUN_ID" in os.environ else None
    if (started or os.environ.get("SLURM_STEP_NUM_TASKS", "1")) != "1":
        raise InputError(
            "torchrun or srun started several processes, and each would train a tagger of its own; start one, which"
            " starts others by itself: accelerator=ddp trainer.devices=N"
        )
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
    read(TrainerSettings, settings, "trainer.")
    devices = settings.get("devices")
    if settings.get("strategy") in (None, "auto") and (type(devices) is int and devices > 1):
        raise bad_value("trainer.devices", devices, "several devices need accelerator=ddp")
    if isinstance(devices, list) and len({*devices}) < len(devices):
        raise bad_value("trainer.devices", devices, "name every device once")

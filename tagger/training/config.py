"""`conf/train.yaml` as dataclasses: the values of a run, checked before it begins.

Hydra composes the config, and `checked_config` makes a dataclass of it. `text/schema.py` checks names, types and
ranges; what concerns several values, this machine or files is checked here.
"""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, cast

import torch
from msgspec import Meta
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tagger.bundle.catalog import find_tagger, is_hub_name
from tagger.bundle.saved_config import MAX_TRAINED
from tagger.corpus.corpus_config import CORPUS, CorpusConfig, check_files
from tagger.corpus.raw_text import text_files
from tagger.errors import InputError, missing_extra
from tagger.model.decoder import CRF, DECODERS
from tagger.model.encoder import CELLS
from tagger.model.storage import STORAGE_DTYPES
from tagger.model.transformer import ENCODER_DTYPES, Layer, TopLayers
from tagger.text.schema import Count, Dropout, Name, Rate, Seed, Size, bad_value, one_of, read
from tagger.words.dictionary import digest_of
from tagger.words.segment import RULES

# In use for something else.
RESERVED_COLUMNS = ("tokens", "comments", "text", "multiwords", "space_after", "offsets", "loss", "accuracy", CORPUS)
AUTO, LEARNED = "auto", "learned"  # segmenters, besides rules
LOGGERS = {"csv": "CSVLogger", "tensorboard": "TensorBoardLogger", "wandb": "WandbLogger", "mlflow": "MLFlowLogger"}
RULES_OF_CORPUS = "rules"  # the segmenter that is the rules which fit the corpus

_Positive = Annotated[float, Meta(gt=0, le=1e12)]
_Share = Count | _Positive | None


@dataclass
class TrainerSettings:
    """What a config may pass on to `pytorch_lightning.Trainer`.

    Lightning imports classes by name, and a config may come from somebody else. So no other key and no other word
    reaches it.
    """

    max_epochs: Size | None = None
    min_epochs: Count | None = None
    accumulate_grad_batches: Count | None = None
    devices: Annotated[str, one_of(("auto",))] | Count | Annotated[list[Size], Meta(min_length=1)] | None = None
    gradient_clip_val: _Positive | None = None
    gradient_clip_algorithm: Annotated[str, one_of(("norm", "value"))] | None = None
    limit_train_batches: _Share = None
    limit_val_batches: _Share = None
    accelerator: Annotated[str, one_of(("auto", "cpu", "gpu", "cuda", "mps"))] | None = None
    strategy: Annotated[str, one_of(("auto", "ddp_fork"))] | None = None
    precision: Annotated[str, one_of(("32-true", "bf16-mixed", "16-mixed"))] | None = None
    deterministic: Annotated[str, one_of(("warn",))] | bool | None = None
    benchmark: bool | None = None
    detect_anomaly: bool | None = None


Files = Name | Annotated[list[Name], Meta(min_length=1)] | None
Hidden = Size | list[Size] | None  # None: see `start.py`


@dataclass
class HiddenConfig:
    """The units of each direction: a number for all layers, or a list with one per layer; 0 leaves a direction out."""

    forward: Hidden
    backward: Hidden


@dataclass
class ModelConfig:
    """The networks that are trained side by side: the recurrent layers of each, how many there are, the decoder."""

    cell: Annotated[str, one_of(CELLS)]
    depth: Count
    hidden: HiddenConfig
    dropout: Dropout | None  # None: see `start.py`
    members: Annotated[int, Meta(ge=1, le=MAX_TRAINED)]
    decoder: Annotated[str, one_of(DECODERS)]


@dataclass
class EmbeddingConfig:
    """The embeddings of a form, of which a size of 0 leaves one out, how words are hidden, and a transformer's name."""

    words: Size
    affixes: Size
    buckets: Count
    chars: Size
    lemmas: Size
    dictionary: Name | list[Name] | None  # `AUTO`: see `start.py`
    word_dropout: Annotated[float, Meta(ge=0)]
    vectors: Name | list[Name] | None
    vectors_keep: Size
    vectors_components: Size
    vectors_size: Size
    transformer: Name | None

    def __post_init__(self) -> None:
        if len(set(self.vector_sources)) < len(self.vector_sources):
            raise bad_value("embedding.vectors", self.vectors, "give a name or a file, or a list of several")
        if self.dictionary != AUTO:
            if len({*self.dictionary_codes}) < len(self.dictionary_codes):
                raise bad_value("embedding.dictionary", self.dictionary, "name every dictionary once")
            for code in self.dictionary_codes:
                digest_of(code)

    @property
    def dictionary_codes(self) -> list[str]:
        """The codes of the dictionaries, in the order in which they are asked."""
        return self.dictionary if isinstance(self.dictionary, list) else [self.dictionary] if self.dictionary else []

    @property
    def vector_sources(self) -> list[str]:
        """The names of the pretrained vectors: none, one or several."""
        return self.vectors if isinstance(self.vectors, list) else [] if self.vectors is None else [self.vectors]


@dataclass
class TransformerUse:
    """How the encoder that `embedding.transformer` names is used."""

    layers: list[Layer] | None
    tune: bool | TopLayers
    dtype: Annotated[str, one_of(ENCODER_DTYPES)]


@dataclass
class OptimizerConfig:
    """The settings of AdamW."""

    lr: Annotated[float, Meta(gt=0, le=1)]
    weight_decay: Rate
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


@dataclass
class TrainConfig:
    """The values of `conf/train.yaml`."""

    columns: list[str]
    segmenter: Annotated[str, one_of((AUTO, LEARNED, RULES_OF_CORPUS, *RULES))]
    model: ModelConfig
    embedding: EmbeddingConfig
    transformer: TransformerUse
    optimizer: OptimizerConfig
    corpus: CorpusConfig
    distill: DistillConfig
    noise: Rate
    auxiliary: Annotated[float, Meta(ge=0)]
    linear: Annotated[float, Meta(ge=0, lt=1)] | None  # None, here and below: see `start.py`
    batch_tokens: Count | None
    patience: Count | None
    seed: Seed
    threads: Count
    card: CardConfig
    storage_dtype: Annotated[str, one_of(STORAGE_DTYPES)]
    test: bool
    init: Name | None
    trainer: dict[str, Any]  # arguments of pytorch_lightning.Trainer
    logger: dict[str, dict[str, Any]] = field(default_factory=dict)  # without a logger the file has none

    @property
    def learns(self) -> bool:
        """Whether networks are trained: with no epochs the tagger of `init` gets other temperatures and a segmenter."""
        return self.trainer.get("max_epochs") != 0

    def __post_init__(self) -> None:
        if not self.columns or len({*self.columns}) < len(self.columns):
            raise InputError(f"columns={self.columns}: give a list of different columns, such as columns=[upos,xpos]")
        for column in self.columns:
            is_taken = column in RESERVED_COLUMNS or hasattr(torch.nn.ModuleDict, column)
            if is_taken or not re.fullmatch(r"[A-Za-z]\w*", column):
                raise InputError(f"columns={self.columns}: {column!r} cannot name a tag column; give it another name")
        check_trainer_settings(self.trainer)
        teacher = self.distill.teacher
        if teacher == "latest":
            raise InputError("distill.teacher=latest would be another tagger when the run is resumed; name its folder")
        if self.distill.text is not None and teacher is None:
            raise InputError("distill.text: no teacher tags it; name one, distill.teacher=FOLDER")
        if teacher is not None and self.model.decoder == CRF:
            raise InputError("model.decoder=crf: a student needs the decoder softmax; leave this out")
        if not self.learns and self.init is None:
            raise InputError("trainer.max_epochs=0: name the tagger whose networks stay as they are, init=FOLDER")
        if not self.learns and teacher is not None:
            raise InputError("trainer.max_epochs=0 trains no student; leave distill.teacher out")
        if self.noise and self.embedding.transformer is not None and self.transformer.tune is not True:
            raise InputError(
                f"noise={self.noise}: the outputs of a frozen transformer are kept for the text as it is; set"
                " transformer.tune=true, or noise=0"
            )
        if self.init == "latest":
            raise InputError("init=latest would be another tagger when the run is resumed or swept; name its folder")


def checked_config(values: Any, overrides: Sequence[str] = (), in_sweep: bool = False) -> TrainConfig:
    """The config of a run, after all is checked that can be known before anything is read or trained.

    Args:
        values: plain, or as Hydra composed them.
        overrides: of the command line; one that `init` makes useless is an error.
        in_sweep: whether the run is one of several: it does not look at test, and trains a segmenter only if it is
            told to.
    """
    config = config_from(values)
    check_machine(config.threads, config.trainer)
    for name in config.logger:
        if name not in LOGGERS:
            raise InputError(f"logger.{name}: no such logger; choose from {', '.join(LOGGERS)}")
        if name != "csv" and find_spec(name) is None:
            raise missing_extra(name, name)
    if config.init is not None:
        last = {override.lstrip("+").partition("=")[0]: override for override in overrides}  # the one that counts
        check_overrides(last.values(), config)
        if not is_hub_name(config.init):
            find_start(config.init)
    if config.distill.text is not None:
        text_files(config.distill.text, "distill.text")
    check_files(config.corpus)
    if not in_sweep:
        return config
    return replace(config, test=False, segmenter=RULES_OF_CORPUS if config.segmenter == AUTO else config.segmenter)


def config_from(values: DictConfig | Mapping[str, Any]) -> TrainConfig:
    """The dataclass of values, as Hydra composed or a run saved them, without `name`, which says where a run goes."""
    try:
        if isinstance(values, DictConfig):
            values = cast(dict[str, Any], OmegaConf.to_container(values, resolve=True, throw_on_missing=True))
    except OmegaConfBaseException as error:
        raise InputError(f"{error.full_key}: {' '.join(str(error.msg).split())}") from None
    return read(TrainConfig, {str(key): value for key, value in values.items() if key != "name"}, from_page=True)


def check_trainer_settings(settings: Mapping[str, Any]) -> None:
    """Raises InputError for a setting that a config may not pass on to Lightning, or with a bad value."""
    read(TrainerSettings, settings, "trainer.")
    devices = settings.get("devices")
    if settings.get("strategy") in (None, "auto") and (type(devices) is int and devices > 1):
        raise bad_value("trainer.devices", devices, "several devices need accelerator=ddp")
    if isinstance(devices, list) and len({*devices}) < len(devices):
        raise bad_value("trainer.devices", devices, "name every device once")


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


def check_overrides(overrides: Iterable[str], config: TrainConfig) -> None:
    """Refuses an override beside `init` whose value `start.with_init` would replace, or that nothing would read.

    The tagger need not be there yet, so that mistakes are found before it is fetched.
    """
    free = "embedding.word_dropout=", "model.dropout="
    for override in overrides:
        text = override.lstrip("+~")
        is_left_out = text.endswith(("=0", "=null"))
        if not config.learns and not is_left_out and text.startswith(("linear=", "columns=", "noise=", "auxiliary=")):
            raise InputError(f"{override}: with trainer.max_epochs=0 the tagger of init stays as it is; leave this out")
        if text.startswith(("model", "embedding", "transformer", "experiment")) and not text.startswith(free):
            raise InputError(f"{override}: with init the tagger that training starts from decides; leave this out")


def find_start(name: str, key: str = "init") -> Path:
    """The folder of the tagger that a key names."""
    try:
        return find_tagger(name)
    except InputError as error:
        raise error if is_hub_name(name) else InputError(f"{key}={error}") from None

"""The keys of a config beside `init`: what the tagger that training starts from decides, and what is free."""

from dataclasses import fields

from tagger.errors import InputError
from tagger.model.decoder import CRF
from tagger.training.config import ALL, TEMPERATURE, TrainConfig
from tagger.training.config_parts import EmbeddingConfig, TransformerConfig

# The keys of these parts come from the tagger that training starts from, ...
TAGGER_PARTS = ("model", "embedding", "transformer")
# ... except these, which concern training alone, ...
TRAINING_KEYS = ("embedding.word_dropout", "embedding.min_count", "model.dropout", "transformer.dropout")
# ... and these, if they add an input that the tagger lacks. The first of them names it.
VECTOR_KEYS = tuple(f"embedding.{each.name}" for each in fields(EmbeddingConfig) if each.name.startswith("vectors"))
TRANSFORMER_KEYS = ("embedding.transformer", *(f"transformer.{each.name}" for each in fields(TransformerConfig)))
ADDED_DECODER = f"model.decoder={CRF}"  # begins with no scores of transitions, so that it changes no tag at first
INPUT_EXPERIMENT = "multilingual"  # sets nothing that the tagger decides, but for such an input


def check_override(override: str, config: TrainConfig) -> None:
    """Refuses an override that would be ignored, because the tagger that training starts from decides the value.

    Args:
        override: of the command line, `KEY=VALUE`.
        config: that all overrides together gave, with `init`.

    Raises:
        InputError: the override would be ignored.
    """
    key, _, value = override.lstrip("+~").partition("=")
    part = key.partition(".")[0]
    if key == "columns" and config.parts == TEMPERATURE:
        raise InputError(f"{override}: with parts=temperature all columns of the tagger get one; leave this out")
    if part not in (*TAGGER_PARTS, "experiment") or key in TRAINING_KEYS:
        return
    remedy = "leave this out"
    if config.parts == ALL:
        if override == ADDED_DECODER:
            return
        if (key, value) == ("experiment", INPUT_EXPERIMENT):
            return
        for keys, added in (
            (VECTOR_KEYS, bool(config.embedding.vector_sources)),
            ((*TRANSFORMER_KEYS, "transformer"), config.embedding.transformer is not None),
        ):
            if key in keys and added:
                return
            if key in keys and key != keys[0]:
                remedy += f", or name what it adds, {keys[0]}=NAME"
    raise InputError(f"{override}: with init the tagger that training starts from decides; {remedy}")

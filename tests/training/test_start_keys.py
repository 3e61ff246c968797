"""What overrides beside init are refused, and which add an input to the tagger that training starts from."""

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from tagger.bundled import bundled
from tagger.errors import InputError
from tagger.training.config import (
    INPUT_EXPERIMENT,
    TAGGER_PARTS,
    TRAINING_KEYS,
    TRANSFORMER_KEYS,
    VECTOR_KEYS,
    TrainConfig,
    check_override,
    train_config,
)


def composed(*overrides: str) -> TrainConfig:
    with initialize_config_dir(str(bundled("conf")), version_base="1.3"):
        return train_config(compose("train", ["init=first", *overrides]))


@pytest.mark.parametrize(
    ("overrides", "remedy"),
    [
        (["model.depth=3"], "leave this out"),
        (["++model.depth=3"], "leave this out"),
        (["experiment=vectors"], "leave this out"),
        (["embedding.transformer=null"], "leave this out"),
        (["transformer.layers=[1]"], "leave this out, or name what it adds, embedding.transformer=NAME"),
        (["transformer={layers: [1]}"], "leave this out, or name what it adds, embedding.transformer=NAME"),
        (["embedding.vectors_keep=3"], "leave this out, or name what it adds, embedding.vectors=NAME"),
        (["embedding.words=3", "embedding.vectors=glove"], "leave this out"),
        (["experiment=multilingual", "parts=segmenter"], "leave this out"),
        (["model.decoder=softmax"], "leave this out"),
        (["model.decoder=crf", "parts=segmenter"], "leave this out"),
    ],
)
def test_what_would_be_ignored_is_refused(overrides: list[str], remedy: str) -> None:
    with pytest.raises(InputError) as caught:
        check_override(overrides[0], composed(*overrides))
    assert str(caught.value) == f"{overrides[0]}: with init the tagger that training starts from decides; {remedy}"


@pytest.mark.parametrize(
    "overrides",
    [
        ["experiment=multilingual", "transformer.layers=[0]"],
        ["embedding.transformer=minilm", "transformer.tune=false", "transformer.dropout=0.5"],
        ["embedding.transformer=minilm", "transformer={layers: [0]}"],
        ["embedding.vectors=[glove,spacy-md]", "embedding.vectors_size=0", "embedding.min_count=3"],
        ["optimizer.lr=0.001", "model.dropout=0.2", "seed=2"],
        ["model.decoder=crf"],
    ],
)
def test_inputs_may_be_added(overrides: list[str]) -> None:
    config = composed(*overrides)
    for override in overrides:
        check_override(override, config)


def test_the_experiment_of_inputs_sets_nothing_that_the_tagger_decides() -> None:
    values = OmegaConf.load(bundled("conf") / "experiment" / f"{INPUT_EXPERIMENT}.yaml")
    keys = {f"{part}.{name}" for part in TAGGER_PARTS if part in values for name in values[part]}
    assert keys <= {*VECTOR_KEYS, *TRANSFORMER_KEYS, *TRAINING_KEYS}
    assert TRANSFORMER_KEYS[0] in keys

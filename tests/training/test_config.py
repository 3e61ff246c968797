"""Every file of every config group composes, and what it describes can be built."""

import json
import os
from dataclasses import asdict
from pathlib import Path

import pytest
import pytorch_lightning as pl
from hydra.core.override_parser.overrides_parser import OverridesParser

from tagger.bundled import bundled
from tagger.model.encoder import Encoder
from tagger.model.network import TaggerNetwork
from tagger.model.vocabulary import Vocabulary
from tagger.training.config import TrainConfig, check_machine, check_overrides, check_trainer_settings, config_from
from tagger.training.start import Inputs, network_config, with_recipe
from tests.training.conftest import page

CONF = bundled("conf")
CHOICES = sorted(f"{path.parent.name}={path.stem}" for path in CONF.glob("*/*.yaml"))
VOCABULARY = Vocabulary({"a": 2}, ["a"], {"upos": ["NOUN", "VERB"]}, ["a"])


def composed(*overrides: str) -> TrainConfig:
    return config_from(page("train", *overrides))


@pytest.mark.parametrize("choice", CHOICES)
def test_every_choice_composes_and_builds(choice: str, tmp_path: Path) -> None:
    config = composed(choice)
    chosen = with_recipe(config, 20_000)
    TaggerNetwork(VOCABULARY, network_config(chosen, Inputs({}), {}, None))
    trainer = dict(config.trainer)
    if trainer["accelerator"] in ("gpu", "mps"):  # a machine for the tests need not have one
        trainer["accelerator"] = "cpu"
    pl.Trainer(**trainer, logger=False, enable_checkpointing=False, default_root_dir=tmp_path)


def test_a_config_is_plain_values_and_back() -> None:
    config = composed("corpus=columns", r"corpus.train=a\${b}", "model.hidden.forward=[3,4]", "embedding.vectors=[a,b]")
    plain = json.loads(json.dumps(asdict(config)))
    assert config_from(plain) == config
    assert config.corpus.train == "a${b}"


@pytest.mark.parametrize(
    "overrides",
    [
        ["experiment=multilingual", "transformer.layers=[0]"],
        ["embedding.transformer=minilm", "transformer={layers: [0]}"],
        ["embedding.vectors=[glove,spacy-md]", "embedding.vectors_size=0"],
        ["optimizer.lr=0.001", "model.dropout=0.2", "model.decoder=crf"],
    ],
)
def test_inputs_may_be_added_beside_init(overrides: list[str]) -> None:
    check_overrides(overrides, composed("init=first", *overrides))


def test_as_many_processes_as_processors_may_train(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    check_machine(2, {"accelerator": "cpu", "devices": 2, "strategy": "ddp_fork"})
    check_trainer_settings({"limit_train_batches": 0.5, "devices": [0, 1], "precision": "bf16-mixed"})


def test_the_directions_have_as_many_parameters() -> None:
    config = page("train", "experiment=directions", return_hydra_config=True)
    assert config.hydra.mode.name == "MULTIRUN"
    override = OverridesParser.create().parse_override(f"model.hidden={config.hydra.sweeper.params['model.hidden']}")
    sizes = [(hidden["forward"], hidden["backward"]) for hidden in override.sweep_iterator()]
    assert [bool(f) + 2 * bool(b) for f, b in sizes] == [1, 2, 3, 3, 3]
    counts = []
    for forward, backward in sizes:
        encoder = Encoder("gru", 420, [forward] * config.model.depth, [backward] * config.model.depth)
        counts.append(sum(parameter.numel() for parameter in encoder.parameters()))
    assert max(counts) < 1.02 * min(counts)

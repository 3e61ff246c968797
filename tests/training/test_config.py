"""Every file of every config group composes, and what it describes can be built."""

from pathlib import Path

import pytest
import pytorch_lightning as pl
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser

from tagger.bundled import bundled
from tagger.model.encoder import Encoder
from tagger.model.network import TaggerNetwork
from tagger.model.vocabulary import Vocabulary
from tagger.training.config import TrainConfig, network_config, train_config

CONF = bundled("conf")
CHOICES = sorted(f"{path.parent.name}={path.stem}" for path in CONF.glob("*/*.yaml"))
VOCABULARY = Vocabulary({"a": 2}, ["a"], {"upos": ["NOUN", "VERB"]}, ["a"])


def composed(*overrides: str) -> TrainConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return train_config(compose("train", list(overrides)))


@pytest.mark.parametrize("choice", CHOICES)
def test_every_choice_composes_and_builds(choice: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = composed(choice)
    TaggerNetwork(VOCABULARY, network_config(config.model, config.embedding))
    trainer = dict(config.trainer)
    if trainer["accelerator"] in ("gpu", "mps"):  # a machine for the tests need not have one
        trainer["accelerator"] = "cpu"
    pl.Trainer(**trainer, logger=False, enable_checkpointing=False, default_root_dir=tmp_path)


@pytest.mark.parametrize("cell", ["rnn_scratch", "gru_scratch", "mingru", "rnn", "gru", "lstm"])
def test_every_cell_builds(cell: str) -> None:
    config = composed(f"model.cell={cell}", "model.depth=1")
    TaggerNetwork(VOCABULARY, network_config(config.model, config.embedding))


@pytest.mark.parametrize("path", sorted(CONF.glob("**/*.yaml")), ids=lambda path: path.stem)
def test_every_file_says_which_command_uses_it(path: Path) -> None:
    head = path.read_text(encoding="utf-8").split("\n")[:3]
    assert any(line.startswith("#") and "python -m tagger" in line for line in head)


def test_the_directions_have_as_many_parameters() -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", ["experiment=directions"], return_hydra_config=True)
    assert config.hydra.mode.name == "MULTIRUN"
    override = OverridesParser.create().parse_override(f"model.hidden={config.hydra.sweeper.params['model.hidden']}")
    sizes = [(hidden["forward"], hidden["backward"]) for hidden in override.sweep_iterator()]
    assert [bool(f) + 2 * bool(b) for f, b in sizes] == [1, 2, 3, 3, 3]
    counts = []
    for forward, backward in sizes:
        encoder = Encoder("gru", 420, [forward] * config.model.depth, [backward] * config.model.depth)
        counts.append(sum(parameter.numel() for parameter in encoder.parameters()))
    assert max(counts) < 1.02 * min(counts)

"""Every file of every config group composes, and what it describes can be built."""

from pathlib import Path

import pytest
import pytorch_lightning as pl
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from tagger.bundled import bundled
from tagger.config import network_config
from tagger.network import TaggerNetwork
from tagger.vocabulary import Vocabulary

CONF = bundled("conf")
CHOICES = sorted(f"{path.parent.name}={path.stem}" for path in CONF.glob("*/*.yaml"))
VOCABULARY = Vocabulary({"a": 2}, ["a"], {"upos": ["NOUN", "VERB"]}, ["a"])


def composed(*overrides: str) -> dict[str, object]:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", list(overrides))
    plain = OmegaConf.to_container(config, resolve=True)
    assert isinstance(plain, dict)
    return plain  # type: ignore[return-value]


@pytest.mark.parametrize("choice", CHOICES)
def test_every_choice_composes_and_builds(choice: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = composed(choice)
    TaggerNetwork(VOCABULARY, network_config(config))
    trainer = dict(config["trainer"])  # type: ignore[call-overload]
    if trainer["accelerator"] in ("gpu", "mps"):  # a machine for the tests need not have one
        trainer["accelerator"] = "cpu"
    pl.Trainer(**trainer, logger=False, enable_checkpointing=False, default_root_dir=tmp_path)


@pytest.mark.parametrize("cell", ["rnn_scratch", "gru_scratch", "mingru", "rnn", "gru", "lstm"])
def test_every_cell_builds(cell: str) -> None:
    TaggerNetwork(VOCABULARY, network_config(composed(f"model.cell={cell}", "model.depth=1")))


@pytest.mark.parametrize("path", sorted(CONF.glob("**/*.yaml")), ids=lambda path: path.stem)
def test_every_file_says_which_command_uses_it(path: Path) -> None:
    head = path.read_text(encoding="utf-8").split("\n")[:3]
    assert any(line.startswith("#") and "python -m tagger" in line for line in head)

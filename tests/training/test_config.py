"""Every file of every config group composes, and what it describes can be built."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
from hydra.core.override_parser.overrides_parser import OverridesParser

from tagger.bundled import bundled
from tagger.errors import InputError
from tagger.model.encoder import Encoder
from tagger.model.network import TaggerNetwork
from tagger.model.vocabulary import Vocabulary
from tagger.training.config import TrainConfig, train_config
from tagger.training.config_parts import network_config
from tagger.training.recipe import with_recipe
from tests.training.conftest import page

CONF = bundled("conf")
CHOICES = sorted(f"{path.parent.name}={path.stem}" for path in CONF.glob("*/*.yaml"))
VOCABULARY = Vocabulary({"a": 2}, ["a"], {"upos": ["NOUN", "VERB"]}, ["a"])


def composed(*overrides: str) -> TrainConfig:
    return train_config(page("train", *overrides))


@pytest.mark.parametrize("choice", CHOICES)
def test_every_choice_composes_and_builds(choice: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = composed(choice)
    chosen = with_recipe(config, 20_000)
    TaggerNetwork(VOCABULARY, network_config(chosen.model, chosen.embedding))
    trainer = dict(config.trainer)
    if trainer["accelerator"] in ("gpu", "mps"):  # a machine for the tests need not have one
        trainer["accelerator"] = "cpu"
    pl.Trainer(**trainer, logger=False, enable_checkpointing=False, default_root_dir=tmp_path)


@pytest.mark.parametrize("name", [choice for choice in CHOICES if choice.startswith(("corpus=", "accelerator="))])
def test_a_group_sets_nothing_but_its_own_part(name: str) -> None:
    plain, chosen = page("train"), page("train", name)
    changed = {key for key in plain if plain[key] != chosen[key]}
    assert changed <= ({"trainer"} if name.startswith("accelerator") else {"corpus", "columns", "segmenter"})
    assert chosen.segmenter == ("english" if name == "corpus=sample" else "auto" if "corpus" in changed else "english")
    for key in ("max_epochs", "precision"):
        assert chosen.trainer[key] == plain.trainer[key]
    for key in ("dev_share", "folds", "fold"):
        assert chosen.corpus[key] == plain.corpus[key]


def test_a_config_is_plain_values_and_back() -> None:
    config = composed("corpus=columns", r"corpus.train=a\${b}", "model.hidden.forward=[3,4]", "embedding.vectors=[a,b]")
    plain = json.loads(json.dumps(asdict(config)))
    assert train_config(plain) == config
    assert config.corpus.train == "a${b}"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"corpus": {"kind": "subprocess.run"}}, "corpus.kind=subprocess.run: expected one of sample, conllu, "),
        ({"corpus": {"kind": "conllu", "nonsense": 1}}, "corpus.nonsense: no such key; corpus has kind, dev_share, "),
        ({"blob": 1}, "blob: no such key; the keys are columns, segmenter, "),
        ({"seed": True}, "seed=true: expected"),
        ({"optimizer": {"lr": 0.1}}, "optimizer.weight_decay has no value; give it one: optimizer.weight_decay=..."),
        ({"optimizer": {"lr": float("nan")}}, "optimizer.lr=nan: expected"),
    ],
)
def test_a_config_from_a_file_is_checked_in_one_line(change: dict[str, Any], message: str) -> None:
    plain = asdict(composed())
    if "optimizer" in change and change["optimizer"]["lr"] != 0.1:
        change = {"optimizer": plain["optimizer"] | change["optimizer"]}
    with pytest.raises(InputError) as caught:
        train_config(plain | change)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


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

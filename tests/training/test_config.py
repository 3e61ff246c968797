"""Every file of every config group composes, what it describes can be built, and bad values are one line."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from hydra.core.override_parser.overrides_parser import OverridesParser

from tagger.bundled import bundled
from tagger.errors import InputError
from tagger.model.encoder import Encoder
from tagger.model.network import TaggerNetwork
from tagger.model.vocabulary import Vocabulary
from tagger.training.config import (
    TrainConfig,
    check_machine,
    check_overrides,
    check_trainer_settings,
    config_from,
)
from tagger.training.start import Inputs, network_config, with_recipe
from tagger.training.train import train
from tests.training.conftest import COMMAND, config_of, page

CONF = bundled("conf")
CHOICES = sorted(f"{path.parent.name}={path.stem}" for path in CONF.glob("*/*.yaml"))
VOCABULARY = Vocabulary({"a": 2}, ["a"], {"upos": ["NOUN", "VERB"]}, ["a"])


def composed(*overrides: str) -> TrainConfig:
    return config_from(page("train", *overrides))


@pytest.mark.parametrize("choice", CHOICES)
def test_every_choice_composes_and_builds(choice: str, tmp_path: Path) -> None:
    config = composed(choice)
    chosen = with_recipe(config, 20_000)
    TaggerNetwork(VOCABULARY, network_config(chosen, Inputs({}, None, None, None, None), {}, None))
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
    ("change", "message"),
    [
        ({"corpus": {"kind": "subprocess.run"}}, "corpus.kind=subprocess.run: expected one of sample, conllu, "),
        ({"corpus": {"kind": "conllu", "nonsense": 1}}, "corpus.nonsense: no such key; corpus has kind, dev_share, "),
        ({"blob": 1}, "blob: no such key; the keys are columns, segmenter, "),
        ({"seed": True}, "seed=true: expected"),
        ({"optimizer": {"lr": 0.1}}, "optimizer.weight_decay has no value; give it one: optimizer.weight_decay=..."),
    ],
)
def test_a_config_from_a_file_is_checked_in_one_line(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        config_from(asdict(composed()) | change)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


TEACHER, TEXT = "distill.teacher=english", "distill.text=novels/*.txt"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["model.hidden={forward: 0, backward: 0}"], "both 0"),
        (["model.hidden.forward=[12,12,12]"], "3 sizes"),
        (["columns=[deprel]"], "no column 'deprel'"),
        (["columns=[upos,upos]"], "list of different columns"),
        (["columns=[text]"], "cannot name a tag column"),
        (["embedding={words: 0, affixes: 0, chars: 0, dictionary: null}"], "all 0"),
        (["embedding.dictionary=xx"], "^no dictionary has the code 'xx'; choose from ar, ast, bg, "),
        (["embedding.dictionary=[de,de]"], r'^embedding\.dictionary=\["de", "de"\]: name every'),
        (["embedding.vectors=nowhere.txt"], "nowhere.txt"),
        (["embedding.vectors=[a,a]"], "embedding.vectors"),
        (["embedding.transformer=/nowhere/at/all"], "/nowhere/at/all"),
        (["init=latest"], "init=latest"),
        (["init=nowhere"], "^init=nowhere: no such tagger; python -m tagger models lists"),
        (["trainer.max_epochs=0"], r"^trainer.max_epochs=0: name the tagger whose networks stay as they are"),
        (["+optimizer.momentum=0.9"], "optimizer.momentum: no such key; optimizer has lr, "),
        (["optimizer.lr=.nan"], "optimizer.lr=.*: expected"),
        ([TEXT], r"^distill\.text: no teacher tags it; name one, distill\.teacher=FOLDER$"),
        (["distill.teacher=latest"], r"^distill\.teacher=latest would be another tagger when the run is resumed"),
        ([TEACHER, "distill.text=[]"], r"^distill\.text=\[\]: expected"),
        ([TEACHER, "model.decoder=crf"], r"^model\.decoder=crf: a student needs the decoder softmax; leave this out$"),
        ([TEACHER, "trainer.max_epochs=0", "init=english"], r"^trainer.max_epochs=0 trains no student; leave distill"),
    ],
)
def test_bad_values_are_named(treebank: Path, tmp_path: Path, overrides: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        train(config_of(treebank, *overrides), tmp_path, COMMAND)


@pytest.mark.parametrize(
    "overrides",
    [
        ["++model.depth=3"],
        ["experiment=vectors"],
        ["embedding.transformer=null"],
        ["transformer={layers: [1]}"],
        ["embedding.vectors_keep=3"],
        ["embedding.words=3", "embedding.vectors=glove"],
        ["experiment=multilingual", "trainer.max_epochs=0"],
        ["model.decoder=softmax"],
    ],
)
def test_what_would_be_ignored_beside_init_is_refused(overrides: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        check_overrides(overrides[:1], composed("init=first", *overrides))
    assert str(caught.value).startswith(f"{overrides[0]}: with init the tagger that training starts from decides; ")


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


@pytest.mark.parametrize(
    ("threads", "settings", "message"),
    [
        (9999, {}, "threads=9999: this machine has 2 processors; give at most 2"),
        (1, {"accelerator": "cpu", "devices": 3, "strategy": "ddp_fork"}, "trainer.devices=3: .*has 2 processors"),
        (1, {"accelerator": "gpu"}, "trainer.accelerator=gpu: this machine has no such GPU; set accelerator=auto"),
    ],
)
def test_the_machine_has_the_last_word(
    threads: int, settings: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    check_machine(2, {"accelerator": "cpu", "devices": 2, "strategy": "ddp_fork"})
    with pytest.raises(InputError, match=message):
        check_machine(threads, settings)


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("callbacks", ["os.system"], "trainer.callbacks: no such key; "),
        ("strategy", "deepspeed", "trainer.strategy=deepspeed: expected"),
        ("accelerator", "os.system", "trainer.accelerator=os.system: expected"),
        ("devices", 0, "trainer.devices=0: expected"),
        ("devices", [0, 0], "trainer.devices=[0, 0]: name every device once"),
    ],
)
def test_no_other_setting_reaches_lightning(setting: str, value: Any, message: str) -> None:
    check_trainer_settings({"limit_train_batches": 0.5, "devices": [0, 1], "precision": "bf16-mixed"})
    with pytest.raises(InputError) as error:
        check_trainer_settings({setting: value})
    assert str(error.value).startswith(message)


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

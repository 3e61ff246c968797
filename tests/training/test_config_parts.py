"""The parts of a config: values that are refused, and the network that they describe."""

import os
from typing import Any

import pytest
import torch

from tagger.errors import InputError
from tagger.training.config_parts import (
    EmbeddingConfig,
    HiddenConfig,
    ModelConfig,
    check_machine,
    check_trainer_settings,
    network_config,
)

EMBEDDING = EmbeddingConfig(
    words=10,
    affixes=4,
    chars=6,
    buckets=64,
    word_dropout=1.0,
    vectors=None,
    vectors_keep=100,
    vectors_components=0,
    vectors_size=20,
    transformer=None,
)


def test_a_network_of_these_parts() -> None:
    model = ModelConfig(cell="lstm", depth=2, hidden=HiddenConfig(forward=[5, 6], backward=0), dropout=None)
    vectors = EMBEDDING.vector_config([50, 300])
    network = network_config(model, EMBEDDING, vectors)
    assert network["hidden"] == {"forward": [5, 6], "backward": 0}
    assert (network["cell"], network["depth"], network["dropout"]) == ("lstm", 2, 0.0)
    assert (network["words"], network["affixes"], network["chars"], network["buckets"]) == (10, 4, 6, 64)
    assert network["vectors"] == {"sizes": [50, 300], "projection": 20, "tune": False, "dtype": "float16"}
    assert network["transformer"] is None


@pytest.mark.parametrize(
    ("threads", "settings", "message"),
    [
        (9999, {}, "threads=9999: this machine has 2 processors; give at most 2"),
        (1, {"accelerator": "cpu", "devices": 3, "strategy": "ddp_fork"}, "trainer.devices=3: .*has 2 processors"),
        (1, {"accelerator": "cpu", "devices": 500}, "trainer.devices=500: .*has 2 processors"),
        (1, {"accelerator": "gpu"}, "trainer.accelerator=gpu: this machine has no such GPU; set accelerator=auto"),
    ],
)
def test_the_machine_has_the_last_word(
    threads: int, settings: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    check_machine(2, {"accelerator": "cpu", "devices": 2, "strategy": "ddp_fork"})
    with pytest.raises(InputError, match=message):
        check_machine(threads, settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"accelerator": "cpu", "devices": 2, "strategy": "ddp_fork", "max_epochs": 3, "min_epochs": None},
        {"accelerator": "gpu", "devices": [0, 1], "deterministic": "warn", "benchmark": False},
        {"devices": "auto", "gradient_clip_val": 1, "gradient_clip_algorithm": "norm", "deterministic": True},
        {"limit_train_batches": 0.5, "limit_val_batches": 3, "accumulate_grad_batches": 2, "precision": "bf16-mixed"},
    ],
)
def test_settings_with_plain_values_are_taken(settings: dict[str, Any]) -> None:
    check_trainer_settings(settings)


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("callbacks", ["os.system"], "trainer.callbacks: no such key; "),
        ("logger", "csv", "trainer.logger: no such key; "),
        ("plugins", [], "trainer.plugins: no such key; "),
        ("strategy", "deepspeed", "trainer.strategy=deepspeed: expected"),
        ("accelerator", "os.system", "trainer.accelerator=os.system: expected"),
        ("devices", 0, "trainer.devices=0: expected"),
        ("devices", [0, 0], "trainer.devices=[0, 0]: name every device once"),
    ],
)
def test_no_other_setting_reaches_lightning(setting: str, value: Any, message: str) -> None:
    with pytest.raises(InputError) as error:
        check_trainer_settings({setting: value})
    assert str(error.value).startswith(message)

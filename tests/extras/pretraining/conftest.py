"""A tiny text, and a network that has learned its hidden words."""

from pathlib import Path

import pytest

from tagger.extras.pretraining.pretraining import PretrainConfig, config_of, pretrain

UNTAGGED = [
    f"{who} {does} {what} {when} ."
    for who, does in (("they", "book"), ("we", "book"), ("he", "books"), ("she", "books"))
    for what in ("flights", "rooms", "tables")
    for when in ("today", "again", "there")
]
TINY_PRETRAINING = [
    *("model.depth=1", "model.hidden.forward=12", "model.hidden.backward=8", "model.dropout=0", "embedding.words=16"),
    *("embedding.affixes=4", "embedding.chars=4", "embedding.buckets=64", "min_count=1", "batch_tokens=60"),
    *("trainer.accelerator=cpu", "passes=20", "optimizer.lr=0.03", "seed=3"),
]


@pytest.fixture(scope="session")
def untagged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("text")
    (folder / "train.lines").write_text("\n".join(UNTAGGED * 3))
    (folder / "held.lines").write_text("\n".join(UNTAGGED[::5]))
    return folder


def tiny(text: Path, *overrides: str) -> PretrainConfig:
    """The config of a tiny pretraining."""
    return config_of([f"text={text}/*.lines", f"dev={text}/held.lines", *TINY_PRETRAINING, *overrides])


@pytest.fixture(scope="session")
def pretrained(untagged: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pretrained") / "run"
    pretrain(tiny(untagged, f"folder={folder}"), "")
    return folder

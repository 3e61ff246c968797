"""What tests of training share: a tiny treebank, values of a tiny network, and the command line in a process."""

import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from tagger.bundled import bundled
from tagger.text.conllu import read_conllu
from tagger.text.files import read_lines
from tagger.training.config import TrainConfig, train_config
from tagger.training.train import train

COMMAND = "python -m tagger corpus=conllu"
TINY = [
    "model.hidden.forward=12",
    "model.hidden.backward=8",
    "embedding.words=8",
    "embedding.affixes=4",
    "embedding.chars=8",
    "embedding.buckets=64",
    "batch_tokens=300",
    "accelerator=cpu",
]


@pytest.fixture(scope="session")
def treebank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the first sentences of the bundled sample."""
    folder = tmp_path_factory.mktemp("UD_English-Tiny")
    for split, count in (("train", 60), ("dev", 20), ("test", 20)):
        path = str(bundled("data") / "sample" / f"sample-{split}.conllu")
        sentences = [s for s in read_conllu(read_lines(path), path) if s.lines][:count]
        text = "".join(line for sentence in sentences for line in sentence.lines or [])
        (folder / f"en_tiny-ud-{split}.conllu").write_text(text, encoding="utf-8")
    return folder


def config_of(treebank: Path, *overrides: str) -> TrainConfig:
    """The config of a tiny training on `treebank`."""
    with initialize_config_dir(str(bundled("conf")), version_base="1.3"):
        config = compose("train", ["corpus=conllu", f"corpus.path={treebank}", "test=false", *TINY, *overrides])
    return train_config(config)


def weights(run: Path) -> bytes:
    """The saved weights of a run's tagger."""
    return (run / "tagger" / "model.safetensors").read_bytes()


@pytest.fixture(scope="session")
def finished(treebank: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of 3 epochs, with a report on test; not to be changed."""
    folder = tmp_path_factory.mktemp("finished")
    train(config_of(treebank, "trainer.max_epochs=3", "test=true"), folder, COMMAND)
    return folder


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`python -m tagger ARGUMENTS`, started in `folder`."""
    command = [sys.executable, "-m", "tagger", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)

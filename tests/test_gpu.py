"""What runs on an NVIDIA GPU: training and its precisions, going on, tagging, and that both devices say the same."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tagger.model import encoder
from tagger.tagging.languages import load

DEVICE, ACCELERATOR = "cuda", "gpu"
SMALL = (
    *("model.hidden.forward=32", "model.hidden.backward=24", "embedding.words=16", "embedding.affixes=8"),
    *("embedding.chars=16", "embedding.buckets=256", "segmenter=rules", "trainer.max_epochs=3"),
)
SAME = 0.999  # share of words whose tags are equal: on two devices sums differ in the last digits

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no NVIDIA GPU")


def command(folder: Path, *arguments: str) -> None:
    """`python -m tagger ARGUMENTS`, started in `folder`."""
    line = [sys.executable, "-m", "tagger", *arguments]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr


def accuracy(run: Path) -> float:
    return float(json.loads((run / "report.json").read_text())["dev"]["upos"]["accuracy"])


@pytest.fixture(scope="module")
def on_gpu(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run on the GPU."""
    folder = tmp_path_factory.mktemp("gpu")
    command(folder, *SMALL, f"accelerator={ACCELERATOR}", "hydra.run.dir=run")
    return folder / "run"


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "16-mixed"])
def test_the_processor_and_mixed_precision_learn_as_much(on_gpu: Path, tmp_path: Path, precision: str) -> None:
    accelerator = "cpu" if precision == "32-true" else ACCELERATOR
    command(tmp_path, *SMALL, f"accelerator={accelerator}", f"trainer.precision={precision}", "hydra.run.dir=run")
    assert accuracy(tmp_path / "run") == pytest.approx(accuracy(on_gpu), abs=0.05)


@pytest.mark.parametrize("override", [*(f"model.cell={cell}" for cell in encoder.CELLS), "model.decoder=crf"])
def test_every_cell_and_a_crf_train(tmp_path: Path, override: str) -> None:
    short = ("trainer.max_epochs=1", "trainer.limit_train_batches=5", override)
    command(tmp_path, *SMALL, *short, f"accelerator={ACCELERATOR}", "hydra.run.dir=run")
    assert (tmp_path / "run" / "tagger").is_dir()


def test_a_run_goes_on(tmp_path: Path) -> None:
    line = [sys.executable, "-m", "tagger", *SMALL, "trainer.max_epochs=40", "patience=40"]
    line += [f"accelerator={ACCELERATOR}", "hydra.run.dir=run"]
    with subprocess.Popen(line, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        for printed in process.stdout:
            if printed.startswith("epoch 2/"):
                process.kill()
    before = (tmp_path / "run" / "metrics.csv").read_text().splitlines()
    assert 3 <= len(before) < 41
    command(tmp_path, "resume", "run")
    after = (tmp_path / "run" / "metrics.csv").read_text().splitlines()
    assert len(after) == 41
    assert after[: len(before)] == before


@pytest.mark.parametrize("workers", [1, 2])
def test_both_devices_tag_alike(on_gpu: Path, workers: int, tmp_path: Path) -> None:
    words = [["They", "book", "flights", "."], ["It", "rains"] * 30, ["No"]] * 100
    first = load(on_gpu, "cpu", precision="float32").tag_sentences(words)
    second = load(on_gpu, DEVICE, precision="float32").tag_sentences(words)
    equal = [a == b for one, other in zip(first, second, strict=True) for a, b in zip(one, other, strict=True)]
    assert sum(equal) >= SAME * len(equal)
    (tmp_path / "a.txt").write_text("They book flights. It rains.\n" * 500)
    arguments = ("tag", "a.txt", "--model", str(on_gpu), "--workers", str(workers))
    command(tmp_path, *arguments, "--device", DEVICE, "-o", "gpu.tsv")
    command(tmp_path, *arguments, "--device", "cpu", "-o", "cpu.tsv")
    lines = [(tmp_path / name).read_text().splitlines() for name in ("gpu.tsv", "cpu.tsv")]
    assert len(lines[0]) == len(lines[1])
    assert sum(a == b for a, b in zip(*lines, strict=True)) >= SAME * len(lines[0])

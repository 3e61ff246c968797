"""Pictures of trainings: written whole, or not at all."""

from pathlib import Path

import pytest

from tagger.errors import InputError
from tagger.training.figures import draw_frontier, draw_learning_curve
from tagger.training.sweep import make_row
from tests.conftest import largest_file

EPOCHS = [{"train/loss": 1.0 / n, "dev/loss": 2.0 / n, "dev/accuracy": 1 - 0.5 / n} for n in (1, 2, 3)]


pytestmark = pytest.mark.usefixtures("drawn")


def test_a_learning_curve(tmp_path: Path) -> None:
    draw_learning_curve(EPOCHS, tmp_path / "curve.png", "section")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    with largest_file(100), pytest.raises(InputError, match=r"curve.png cannot be written: File too large"):
        draw_learning_curve(EPOCHS, tmp_path / "curve.png")
    assert (tmp_path / "curve.png").stat().st_size > 100
    assert [path.name for path in tmp_path.iterdir()] == ["curve.png"]


def test_a_frontier_of_the_runs_that_were_timed(tmp_path: Path) -> None:
    results = {"dev": {"upos": {"accuracy": 0.9}}, "words_per_second": 1000}
    failed = make_row(0, ["seed=1"], None, "no memory")
    draw_frontier([failed], tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()
    draw_frontier([make_row(1, ["seed=2"], results), failed], tmp_path / "some.png")
    assert (tmp_path / "some.png").read_bytes().startswith(b"\x89PNG")

"""Pictures of trainings: written whole, or not at all."""

from pathlib import Path

import pytest

from tagger.errors import InputError
from tagger.training.figures import draw_learning_curve
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

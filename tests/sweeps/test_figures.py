"""The pictures of a sweep, as PNG."""

from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure

from tagger.sweeps.figures import draw_frontier, draw_importance
from tagger.sweeps.run import SweepRun

pytestmark = pytest.mark.usefixtures("drawn")


def test_a_frontier_of_the_runs_that_were_timed(tmp_path: Path) -> None:
    failed = SweepRun(0, "0", ["seed=1"], "failed", error="no memory")
    draw_frontier([failed], tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()
    timed = SweepRun(1, "1", ["seed=2"], "complete", 0.9, 1000)
    draw_frontier([timed, failed], tmp_path / "some.png")
    assert (tmp_path / "some.png").read_bytes().startswith(b"\x89PNG")


def test_a_bar_for_every_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Figure] = []
    monkeypatch.setattr(plt, "close", drawn.append)
    long = "x" * 60
    draw_importance({"model.depth": 0.7, f"a.{long}": 0.296, f"b.{long}": 0.004}, tmp_path / "importance.png")
    assert (tmp_path / "importance.png").read_bytes().startswith(b"\x89PNG")
    (axis,) = drawn[0].axes
    assert [bar.get_width() for bar in axis.patches] == pytest.approx([70, 29.6, 0.4])
    assert [text.get_text() for text in axis.texts] == ["70 %", "30 %", "< 1 %"]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["model.depth", *["…" + "x" * 39] * 2]
    tops = [bar.get_y() for bar in axis.patches]
    assert axis.transData.transform((0, tops[0]))[1] > axis.transData.transform((0, tops[1]))[1]
    draw_importance({}, tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()

"""The picture of reliability: what is drawn in it."""

from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure

from tagger.evaluation.calibration import Confidences
from tagger.evaluation.figures import draw_reliability


def calibration(confidence: float) -> dict[str, object]:
    words = Confidences()
    words.add([confidence] * 30, [True] * 15 + [False] * 15)
    words.add([0.999] * 15, [True] * 15)
    found = words.report()
    assert found is not None
    return found


def test_both_lines_are_drawn_for_each_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Figure] = []
    monkeypatch.setattr(plt, "close", drawn.append)
    before, after = ({split: {"upos": calibration(share)} for split in ("dev", "test")} for share in (0.9, 0.6))
    draw_reliability(before, after, "upos", "a title", tmp_path / "x.png")
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
    (figure,) = drawn
    curves = figure.axes[:2]
    assert [axis.get_title() for axis in curves] == ["dev", "test"]
    for axis in curves:
        _, *lines = axis.get_lines()
        assert [str(line.get_label()).split(",")[0] for line in lines] == ["before", "after"]
        first, last = ([list(line.get_xdata())[place] for line in lines] for place in (0, -1))
        assert first == pytest.approx([0.9, 0.6])
        assert last == pytest.approx([0.999, 0.999])
        assert lines[0].get_ydata()[-1] == pytest.approx(1 - 0.5 / 3)  # no error among three words

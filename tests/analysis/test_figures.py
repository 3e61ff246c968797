"""The picture of groups: its labels."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.text import Text

from tagger.analysis import figures
from tagger.analysis.senses import unit


def clusters(centres: int, each: int, seed: int = 0, spread: float = 0.05) -> np.ndarray:
    generator = np.random.default_rng(seed)
    middles = np.eye(12)[:centres]
    x = np.repeat(middles, each, axis=0) + spread * generator.standard_normal((centres * each, 12))
    return unit(x - x.mean(axis=0))


def test_labels_are_of_all_groups_and_do_not_overlap(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr(figures.plt, "close", drawn.append)
    x = clusters(3, 30)
    groups = np.repeat(np.arange(3), 30)
    texts = [f"…some words before [w{i}] and some after…" for i in range(90)]
    with (tmp_path / "x.png").open("wb") as png:
        figures.draw_groups(x, groups, texts, ["1: a", "2: b", "3: c"], "$title", png)
    (figure,) = drawn
    labels = [text for text in figure.axes[0].texts if text.get_text()]
    assert len(labels) == figures.MAX_LABELS
    chosen = Counter(texts.index(label.get_text()) // 30 for label in labels)
    assert chosen == {0: 4, 1: 4, 2: 4}
    figure.set_dpi(120)  # as it is saved
    figure.draw_without_rendering()
    boxes = [Text.get_window_extent(label) for label in labels]  # without their lines
    assert not [1 for i, a in enumerate(boxes) for b in boxes[:i] if a.overlaps(b)]
    for box in boxes:
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.x1
        assert not box.overlaps(figure.axes[0].get_window_extent())

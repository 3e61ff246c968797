"""Confusions of tags -> a picture."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

from tagger.text.output_files import whole_binary


def draw_confusions(scores: Mapping[str, Any], title: str, path: Path, max_tags: int = 20) -> None:
    """Draws the confusion matrix of the tags with the most errors.

    Args:
        scores: the scores of a column, from `metrics.report`.
        title: the title of the picture.
        path: the PNG file to write.
        max_tags: the largest number of rows and columns.
    """
    errors: dict[str, int] = {}
    for gold, predicted, count in scores["confusions"]:
        for tag in (gold, predicted):
            errors[tag] = errors.get(tag, 0) + count
    tags = sorted(sorted(errors, key=lambda tag: -errors[tag])[:max_tags])
    place = {tag: i for i, tag in enumerate(tags)}
    counts = [[0] * len(tags) for _ in tags]
    for gold, predicted, count in scores["confusions"]:
        if gold in place and predicted in place:
            counts[place[gold]][place[predicted]] = count
    size = max(4.0, 1.5 + 0.45 * len(tags))
    figure, axis = plt.subplots(figsize=(size, size), layout="constrained")
    axis.set_title(title)
    if tags:
        highest = max(max(row) for row in counts)
        axis.imshow(counts, cmap="Blues")
        labels = [tag if len(tag) <= 24 else tag[:23] + "…" for tag in tags]
        axis.set_xticks(range(len(tags)), labels, rotation=90)
        axis.set_yticks(range(len(tags)), labels)
        axis.set(xlabel="predicted", ylabel="gold")
        for i, row in enumerate(counts):
            for j, count in enumerate(row):
                if count:
                    axis.text(
                        j,
                        i,
                        str(count),
                        ha="center",
                        va="center",
                        fontsize=8,
                        color="white" if count > highest / 2 else "black",
                    )
    else:
        axis.text(0.5, 0.5, "no errors", ha="center", va="center")
        axis.set_axis_off()
    with whole_binary(path) as out:
        figure.savefig(out, format="png", dpi=120)
    plt.close(figure)

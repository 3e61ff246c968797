"""Confusions of tags, and calibrations -> pictures."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from tagger.evaluation.calibration import Calibrations
from tagger.evaluation.confusions import most_confused
from tagger.text.output_files import whole_binary


def draw_confusions(scores: Mapping[str, Any], title: str, path: Path, max_tags: int = 20) -> None:
    """Draws the confusion matrix of the tags with the most errors.

    Args:
        scores: the scores of a column, from `metrics.report`.
        title: the title of the picture.
        path: the PNG file to write.
        max_tags: the largest number of rows and columns.
    """
    tags = most_confused(scores, max_tags)
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


def draw_reliability(before: Calibrations, after: Calibrations, column: str, title: str, path: Path) -> None:
    """Draws accuracy against confidence, before and after a temperature was fitted, and how many words have which.

    The axes are log-odds, so that 99 % and 99.9 % are apart: most words are there. Words without an error are drawn as
    if they had half of one.

    Args:
        before: see `calibration_results`.
        after: the same with the temperature; it has the splits to draw.
        column: to draw.
        title: the title of the picture.
        path: the PNG file to write.
    """
    splits = [split for split in after if column in after[split]]
    figure, axes = plt.subplots(
        2,
        max(1, len(splits)),
        figsize=(1 + 4.5 * max(1, len(splits)), 6.5),
        height_ratios=(3, 1),
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    figure.suptitle(title)
    ticks = [0.05, 0.2, 0.5, 0.8, 0.95, 0.99, 0.999, 0.9999]
    lines = (("before", before, "tab:orange"), ("after", after, "tab:blue"))
    lowest = min(share for _, each, _ in lines for split in splits for share in each[split][column]["bins"][0][1:])
    low, high = max(0.02, min(0.3, lowest - 0.05)), 0.99997
    for split, (curves, masses) in zip(splits, axes.T, strict=True):
        curves.plot([low, high], [low, high], color="0.6", linestyle=":")
        for label, calibrations, colour in lines:
            found = calibrations[split][column]
            shown = [(sure, min(right, 1 - 0.5 / words)) for words, sure, right in found["bins"]]
            confidences, accuracies = (
                [min(high, max(low, share)) for share in each] for each in zip(*shown, strict=True)
            )
            named = f"{label}, error {100 * found['ece']:.2f} %"
            curves.plot(confidences, accuracies, color=colour, marker="o", markersize=4, label=named)
            edges = [min(high, max(low, edge)) for edge, _ in found["histogram"]] + [high]
            total = sum(words for _, words in found["histogram"])
            shares = [100 * words / total for _, words in found["histogram"]]
            masses.stairs(shares, edges, color=colour)
        curves.set(title=split, xscale="logit", yscale="logit", xlim=(low, high), ylim=(low, high))
        curves.set(ylabel="accuracy")
        masses.set(xlabel="confidence", ylabel="words (%)")
        inside = [tick for tick in ticks if low < tick < high]
        for axis in (curves.xaxis, curves.yaxis):
            axis.set_major_locator(FixedLocator(inside))
            axis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g}%"))
            axis.set_minor_locator(NullLocator())
        curves.grid(alpha=0.3)
        curves.legend(loc="upper left")
    with whole_binary(path) as out:
        figure.savefig(out, format="png", dpi=120)
    plt.close(figure)

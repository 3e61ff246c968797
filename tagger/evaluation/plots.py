"""Scores, epochs and runs -> pictures: PNG files. Every picture of the package is drawn here."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from tagger.evaluation.calibration import Calibrations
from tagger.text.output_files import whole_binary

MAX_NAME = 24  # characters of a tag


def draw_confusions(scores: Mapping[str, Any], title: str, path: Path, max_tags: int = 20) -> Figure:
    """Draws the confusion matrix of the `max_tags` tags of a column with the most errors; see `metrics.report`."""
    errors: Counter[str] = Counter()
    for gold, predicted, count in scores["confusions"]:
        errors.update({gold: count, predicted: count})
    tags = sorted(tag for tag, _ in errors.most_common(max_tags))
    place = {tag: i for i, tag in enumerate(tags)}
    counts = [[0] * len(tags) for _ in tags]
    for gold, predicted, count in scores["confusions"]:
        if gold in place and predicted in place:
            counts[place[gold]][place[predicted]] = count
    size = max(4.0, 1.5 + 0.45 * len(tags))
    figure = Figure(figsize=(size, size), layout="constrained")
    axis = figure.subplots()
    axis.set_title(_plain(title))
    if tags:
        highest = max(map(max, counts))
        axis.imshow(counts, cmap="Blues")
        labels = [_plain(tag if len(tag) <= MAX_NAME else tag[: MAX_NAME - 1] + "…") for tag in tags]
        axis.set_xticks(range(len(tags)), labels, rotation=90)
        axis.set_yticks(range(len(tags)), labels)
        axis.set(xlabel="predicted", ylabel="gold")
        for i, row in enumerate(counts):
            for j, count in enumerate(row):
                if count:
                    color = "white" if count > highest / 2 else "black"
                    axis.text(j, i, str(count), ha="center", va="center", fontsize=8, color=color)
    else:
        axis.text(0.5, 0.5, "no errors", ha="center", va="center")
        axis.set_axis_off()
    return _saved(figure, path)


def draw_reliability(before: Calibrations, after: Calibrations, column: str, title: str, path: Path) -> Figure:
    """Draws accuracy against confidence in one column, before and after a temperature was fitted.

    The axes are log-odds, so that 99 % and 99.9 % are apart: most words are there. Words without an error are drawn as
    if they had half of one.
    """
    splits = [split for split in after if column in after[split]]
    figure = Figure(figsize=(1 + 4.5 * max(1, len(splits)), 5), layout="constrained")
    axes = figure.subplots(1, max(1, len(splits)), squeeze=False)[0]
    figure.suptitle(_plain(title))
    lines = (("before", before, "tab:orange"), ("after", after, "tab:blue"))
    lowest = min(share for _, each, _ in lines for split in splits for share in each[split][column]["bins"][0][1:])
    low, high = max(0.02, min(0.3, lowest - 0.05)), 0.99997
    ticks = [tick for tick in (0.05, 0.2, 0.5, 0.8, 0.95, 0.99, 0.999, 0.9999) if low < tick < high]
    for split, axis in zip(splits, axes, strict=True):
        axis.plot([low, high], [low, high], color="0.6", linestyle=":")
        for label, calibrations, color in lines:
            found = calibrations[split][column]
            confidences = [sure for _, sure, _ in found["bins"]]
            accuracies = [min(right, 1 - 0.5 / words) for words, _, right in found["bins"]]
            places = np.clip([confidences, accuracies], low, high)
            axis.plot(
                *places, color=color, marker="o", markersize=4, label=f"{label}, error {100 * found['ece']:.2f} %"
            )
        axis.set(title=split, xscale="logit", yscale="logit", xlim=(low, high), ylim=(low, high))
        axis.set(xlabel="confidence", ylabel="accuracy")
        for one in (axis.xaxis, axis.yaxis):
            one.set_major_locator(FixedLocator(ticks))
            one.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g}%"))
            one.set_minor_locator(NullLocator())
        axis.grid(alpha=0.3)
        axis.legend(loc="upper left")
    return _saved(figure, path)


def draw_learning_curve(epochs: Sequence[Mapping[str, float]], path: Path) -> Figure:
    """Draws the loss on train and dev and the accuracy on dev over the epochs."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    numbers = range(1, len(epochs) + 1)
    losses, accuracies = figure.subplots(1, 2)
    for axis, split, name, scale, label in (
        (losses, "train", "loss", 1, "loss (nats per token)"),
        (losses, "dev", "loss", 1, "loss (nats per token)"),
        (accuracies, "dev", "accuracy", 100, "accuracy (%)"),
    ):
        axis.plot(numbers, [scale * epoch[f"{split}/{name}"] for epoch in epochs], marker="o", ms=4, label=split)
        axis.set(xlabel="epoch", ylabel=label)
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(alpha=0.3)
        axis.legend()
    return _saved(figure, path)


def _plain(text: str) -> str:
    """`text` with dollar signs escaped, which would start a formula."""
    return text.replace("$", r"\$")


def _saved(figure: Figure, path: str | Path) -> Figure:
    """Writes the picture, whole or not at all; raises InputError if the file cannot be written."""
    with whole_binary(path) as out:
        figure.savefig(out, format="png", dpi=120)
    return figure

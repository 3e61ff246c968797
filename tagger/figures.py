"""Metrics -> pictures: the learning curve of a run and the confusions of its tags."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")  # draws into files, needs no screen
import matplotlib.pyplot as plt

from tagger.sweep import Row, differences


def learning_curve(epochs: Sequence[Mapping[str, float]], path: Path, name_of_epoch: str = "epoch") -> None:
    """Draws loss and accuracy on train and dev over the epochs.

    Args:
        epochs: for each epoch `train/loss`, `dev/loss`, `dev/accuracy` and, if it is known, `train/accuracy`.
        path: the PNG to write.
        name_of_epoch: for the axis.
    """
    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    numbers = range(1, len(epochs) + 1)
    for axis, name in zip(axes, ("loss", "accuracy"), strict=True):
        scale = 100 if name == "accuracy" else 1
        for split in ("train", "dev"):
            if f"{split}/{name}" not in epochs[0]:
                continue
            axis.plot(numbers, [scale * epoch[f"{split}/{name}"] for epoch in epochs], marker="o", ms=4, label=split)
        axis.set(xlabel=name_of_epoch, ylabel="accuracy (%)" if name == "accuracy" else "loss (nats per token)")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(alpha=0.3)
        axis.legend()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def frontier(rows: Sequence[Row], path: Path) -> None:
    """Draws accuracy against speed: one point per run of a sweep, those that no other beats in both on a line.

    Args:
        rows: of `sweep.read_runs`; runs that failed or were not timed are left out.
        path: the PNG to write; not written where no run is left.
    """
    found = [
        (float(row["words_per_second"]), 100 * float(row["dev_accuracy"]), row["run"], label)
        for row, label in zip(rows, differences(rows), strict=True)
        if row["words_per_second"] and row["dev_accuracy"]
    ]
    if not found:
        return
    found.sort(reverse=True)  # fastest first
    best = [point for i, point in enumerate(found) if all(point[1] > other[1] for other in found[:i])]
    figure, axis = plt.subplots(figsize=(9, 6), layout="constrained")
    axis.plot([point[0] for point in best], [point[1] for point in best], color="tab:blue", alpha=0.4)
    for point in found:
        speed, accuracy, run, label = point
        short = " ".join(part.rpartition(".")[2].replace("=", " ") for part in label.split(" "))
        text = short if len(short) <= 40 else f"run {run}"
        color, place, side = ("tab:blue", (5, 5), "left") if point in best else ("0.5", (-5, -9), "right")
        axis.plot(speed, accuracy, "o", color=color)
        axis.annotate(
            text, (speed, accuracy), xytext=place, textcoords="offset points", fontsize=8, ha=side, color=color
        )
    axis.set(xscale="log", xlabel="words per second, one thread", ylabel="dev accuracy (%)")
    axis.xaxis.set_major_formatter("{x:,.0f}")
    axis.margins(x=0.35)
    axis.grid(alpha=0.3, which="both")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def confusion_matrix(scores: Mapping[str, Any], title: str, path: Path, most: int = 20) -> None:
    """Draws which tag was taken for which, the `most` tags with the most errors.

    Args:
        scores: a column of `metrics.report`.
        title: stands above the picture.
        path: the PNG to write.
        most: rows and columns at the most.
    """
    errors: dict[str, int] = {}
    for gold, predicted, count in scores["confusions"]:
        for tag in (gold, predicted):
            errors[tag] = errors.get(tag, 0) + count
    tags = sorted(sorted(errors, key=lambda tag: -errors[tag])[:most])
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
    figure.savefig(path, dpi=120)
    plt.close(figure)

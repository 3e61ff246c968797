"""Numbers -> pictures: the learning curve of a run, the confusions of its tags, the groups of a word."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import matplotlib

matplotlib.use("Agg")  # draws into files, needs no screen
import matplotlib.pyplot as plt
import numpy as np

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


POINTS = 30  # that a map places by their principal components; of more these show little
LABELS = 12  # of a map of groups, half of them on either side


def map_of_groups(
    vectors: np.ndarray,
    groups: np.ndarray,
    texts: Sequence[str],
    names: Sequence[str],
    title: str,
    png: BinaryIO,
) -> None:
    """Draws vectors as points in the plane, coloured by group, some with a label beside it and a line to it.

    Up to POINTS are placed by their two principal components, more by t-SNE.

    Args:
        vectors: (N, D).
        groups: (N,), the group of each, from 0.
        texts: N short labels; at most LABELS are shown, of every group some.
        names: of the groups, for the legend.
        title: stands above the picture.
        png: where the picture goes.
    """
    places, axes = _flat(vectors)
    figure, axis = plt.subplots(figsize=(13, 7), layout="constrained")
    palette = plt.get_cmap("tab10" if len(names) <= 10 else "tab20")
    colors = [palette(group % palette.N) for group in groups]
    for group, name in enumerate(names):
        x, y = places[groups == group].T
        axis.scatter(x, y, s=25 if len(places) <= 200 else 10, color=palette(group % palette.N), label=_plain(name))
    labelled = _spread(places, groups, LABELS)
    x, y = places[labelled].T
    axis.scatter(x, y, s=45, facecolors="none", edgecolors="black")
    by_side = sorted(labelled, key=lambda i: places[i, 0])
    half = len(by_side) // 2
    for side, place, shown in (("right", -0.02, by_side[:half]), ("left", 1.02, by_side[half:])):
        for slot, i in enumerate(sorted(shown, key=lambda i: places[i, 1])):
            axis.annotate(
                _plain(texts[i]),
                places[i],
                xytext=(place, (slot + 0.5) / len(shown)),
                textcoords="axes fraction",
                ha=side,
                va="center",
                fontsize=9,
                arrowprops={"arrowstyle": "-", "color": colors[i], "linewidth": 0.8, "relpos": (side == "right", 0.5)},
            )
    axis.set(title=_plain(title), xlabel=axes, xticks=[], yticks=[])
    axis.margins(0.04)
    figure.legend(loc="outside lower center", ncols=1 if len(names) < 3 else 2, title="group (size): nearest words")
    figure.savefig(png, format="png", dpi=120)
    plt.close(figure)


def _flat(vectors: np.ndarray) -> tuple[np.ndarray, str]:
    """Places (N, 2), and what their axes are."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    if np.ptp(vectors, axis=0).max() < 1e-6:
        return np.zeros((len(vectors), 2)), "all vectors are the same"
    if len(vectors) <= POINTS:
        places = PCA(2, random_state=0).fit_transform(vectors)
        return np.array(places), "first principal component across, second upwards"
    tsne = TSNE(2, perplexity=min(30, len(vectors) / 4), init="pca", random_state=0)
    return np.array(tsne.fit_transform(vectors)), "t-SNE: neighbours are alike, the axes have no unit"


def _spread(places: np.ndarray, groups: np.ndarray, most: int) -> list[int]:
    """Points of every group in turn: one in its middle, then those that are farthest from all that were chosen."""
    owned = [np.flatnonzero(groups == group) for group in range(groups.max() + 1)]
    chosen: list[int] = []
    while len(chosen) < min(most, len(places)):
        for own in owned[: most - len(chosen)]:
            rest = np.setdiff1d(own, chosen)
            if len(rest) == len(own):
                away = -np.linalg.norm(places[rest] - np.median(places[own], axis=0), axis=1)
            else:
                away = np.linalg.norm(places[rest][:, None] - places[chosen], axis=2).min(axis=1, initial=np.inf)
            chosen += rest[np.argsort(-away)[:1]].tolist()
    return chosen


def _plain(text: str) -> str:
    """`text` in which a dollar sign opens no formula."""
    return text.replace("$", r"\$")

"""The groups of a word -> a picture of its occurrences."""

from collections.abc import Sequence
from typing import BinaryIO

import matplotlib
import matplotlib.pyplot as plt
import numpy as np

matplotlib.use("Agg")  # draws into files, needs no screen


MAX_PCA_POINTS = 30  # more points are placed by t-SNE, because two principal components show too little of them
MAX_LABELS = 12  # half of them on either side of the picture


def draw_groups(
    vectors: np.ndarray,
    groups: np.ndarray,
    texts: Sequence[str],
    names: Sequence[str],
    title: str,
    png: BinaryIO,
) -> None:
    """Draws vectors as points, coloured by group; some have a label at the side and a line to it.

    Up to MAX_PCA_POINTS points are placed by their first two principal components, more by t-SNE (van der Maaten and
    Hinton 2008, https://jmlr.org/papers/v9/vandermaaten08a.html).

    Args:
        vectors: (N, D).
        groups: (N,), the group of each vector, from 0.
        texts: N short labels; at most MAX_LABELS are shown, some of every group.
        names: the names of the groups, for the legend.
        title: the title of the picture.
        png: the file that the picture is written to.
    """
    places, axes = _flat(vectors)
    figure, axis = plt.subplots(figsize=(13, 7), layout="constrained")
    palette = plt.get_cmap("tab10" if len(names) <= 10 else "tab20")
    colors = [palette(group % palette.N) for group in groups]
    for group, name in enumerate(names):
        x, y = places[groups == group].T
        axis.scatter(x, y, s=25 if len(places) <= 200 else 10, color=palette(group % palette.N), label=_plain(name))
    labelled = _spread(places, groups, MAX_LABELS)
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
    """Positions (N, 2), and a description of their axes."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    if np.ptp(vectors, axis=0).max() < 1e-6:
        return np.zeros((len(vectors), 2)), "all vectors are the same"
    if len(vectors) <= MAX_PCA_POINTS:
        places = PCA(2, random_state=0).fit_transform(vectors)
        return np.array(places), "first principal component across, second upwards"
    tsne = TSNE(2, perplexity=min(30, len(vectors) / 4), init="pca", random_state=0)
    return np.array(tsne.fit_transform(vectors)), "t-SNE: neighbours are alike, the axes have no unit"


def _spread(places: np.ndarray, groups: np.ndarray, most: int) -> list[int]:
    """Chooses points of every group in turn: first the one in its middle, then the farthest from all chosen ones."""
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
    """`text` with dollar signs escaped, which would start a formula."""
    return text.replace("$", r"\$")

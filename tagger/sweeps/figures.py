"""The runs of a sweep -> pictures: accuracy against speed, and how much each key matters."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt

from tagger.sweeps.run import SweepRun, differing_overrides, frontier
from tagger.training.figures import save_figure

MAX_KEY = 40  # characters of a key's name; what is cut is its beginning


def draw_frontier(runs: Sequence[SweepRun], path: Path, tried: Collection[str] = ()) -> None:
    """Draws accuracy against speed, one point per run of a sweep; a line joins the runs that no other beats in both.

    Args:
        runs: those that are not complete or were not timed are left out.
        path: the PNG to write; not written if no run is left.
        tried: see `differing_overrides`, which names the points.

    Raises:
        InputError: the file cannot be written.
    """
    timed = [
        (run.words_per_second, 100 * run.dev_accuracy, run, label)
        for run, label in zip(runs, differing_overrides(runs, tried), strict=True)
        if run.state == "complete" and run.words_per_second and run.dev_accuracy is not None
    ]
    if not timed:
        return
    best = frontier(runs)
    figure, axis = plt.subplots(figsize=(9, 6), layout="constrained")
    axis.plot(
        [run.words_per_second or 0 for run in best],
        [100 * (run.dev_accuracy or 0) for run in best],
        color="tab:blue",
        alpha=0.4,
    )
    for speed, accuracy, run, label in timed:
        short = " ".join(part.rpartition(".")[2].replace("=", " ") for part in label.split(" "))
        text = short if len(short) <= 40 else f"run {run.number}"
        color, place, side = ("tab:blue", (5, 5), "left") if run in best else ("0.5", (-5, -9), "right")
        axis.plot(speed, accuracy, "o", color=color)
        axis.annotate(
            text, (speed, accuracy), xytext=place, textcoords="offset points", fontsize=8, ha=side, color=color
        )
    axis.set(xscale="log", xlabel="words per second, one thread", ylabel="dev accuracy (%)")
    axis.xaxis.set_major_formatter("{x:,.0f}")
    axis.margins(x=0.35)
    axis.grid(alpha=0.3, which="both")
    save_figure(figure, path)


def draw_importance(importance: Mapping[str, float], path: Path) -> None:
    """Draws a bar for each key of a sweep.

    Args:
        importance: of each key its share; see `key_importance`.
        path: the PNG to write; not written if there are no keys.

    Raises:
        InputError: the file cannot be written.
    """
    if not importance:
        return
    shares = [100 * share for share in importance.values()]
    places = range(len(shares))
    figure, axis = plt.subplots(figsize=(8, 1.2 + 0.3 * len(shares)), layout="constrained")
    bars = axis.barh(places, shares, color="tab:blue")
    axis.bar_label(bars, [f"{share:.0f} %" if share >= 1 else "< 1 %" for share in shares], padding=3)
    axis.set_yticks(places, [key if len(key) <= MAX_KEY else "…" + key[1 - MAX_KEY :] for key in importance])
    axis.invert_yaxis()
    axis.set(xlabel="importance for dev accuracy (%)", xlim=(0, 1.12 * max(shares)))
    axis.spines[["top", "right"]].set_visible(False)
    save_figure(figure, path)

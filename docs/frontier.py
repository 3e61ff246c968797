"""`frontier.csv` -> a picture of accuracy against speed: `python docs/frontier.py -o FILE.png`.

A row of the table has the UPOS accuracy of a tagger on the test split of UD English EWT, and how many words it tags in
a second for each word of a CRF in the same run, on one thread.
"""

import argparse
import csv
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

GROUPS = {"after": "students of today", "before": "without a teacher", "large": "large ones", "peer": "other taggers"}
COLOURS = {"after": "#d55e00", "before": "#0072b2", "large": "#009e73", "peer": "#666666"}
MARKERS = {"after": "o", "before": "s", "large": "D", "peer": "^"}


def main() -> None:
    """Reads the table and draws the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", dest="out", type=Path, required=True)
    arguments = parser.parse_args()
    with Path(__file__).with_name("frontier.csv").open(encoding="utf-8") as file:
        rows = [(row["tagger"], row["group"], float(row["ratio"]), float(row["upos"])) for row in csv.DictReader(file)]
    figure, axis = plt.subplots(figsize=(8, 5), layout="constrained")
    for group, label in GROUPS.items():
        points = [(ratio, upos) for _, of, ratio, upos in rows if of == group]
        if points:
            speeds, accuracies = zip(*points, strict=True)
            axis.scatter(speeds, accuracies, color=COLOURS[group], marker=MARKERS[group], s=50, label=label, zorder=3)
    for name, group, ratio, upos in rows:
        axis.annotate(name, (ratio, upos), xytext=(7, 4), textcoords="offset points", fontsize=9, color=COLOURS[group])
    axis.set_xscale("log")
    axis.xaxis.set_major_formatter("{x:g}")
    axis.set_xlim(left=min(ratio for _, _, ratio, _ in rows) * 0.7, right=max(ratio for _, _, ratio, _ in rows) * 3)
    axis.set_xlabel("words a second on one thread, as a multiple of the CRF's")
    axis.set_ylabel("UPOS on test of English EWT, percent")
    axis.grid(alpha=0.3)
    axis.legend(loc="lower right", frameon=False)
    figure.savefig(arguments.out, dpi=120)


if __name__ == "__main__":
    main()

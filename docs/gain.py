"""Runs with and without pretraining -> a table and a picture: `python docs/gain.py SIZE=RUN ... -o gain.png`.

RUN is the folder of a training on SIZE sentences, with `init=FOLDER` or without. The picture shows the mean accuracy on
dev of the runs of each kind and size. The table also has the lowest and the highest.
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt


def read(folder: Path) -> tuple[bool, float]:
    """Whether a run started from a pretrained network, and its UPOS accuracy on dev in percent."""
    training = json.loads((folder / "tagger" / "config.json").read_text())["training"]
    accuracy = json.loads((folder / "report.json").read_text())["dev"]["upos"]["accuracy"]
    return training["init"] is not None, 100 * accuracy


def main() -> None:
    """Reads the runs, prints a row for each size, and draws the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", metavar="SIZE=RUN")
    parser.add_argument("-o", dest="out", type=Path, required=True)
    arguments = parser.parse_args()
    found: dict[tuple[bool, int], list[float]] = defaultdict(list)
    for run in arguments.runs:
        size, _, folder = run.partition("=")
        start, accuracy = read(Path(folder))
        found[start, int(size)].append(accuracy)
    sizes = sorted({size for _, size in found})
    print("| sentences | from nothing | pretrained | fewer errors |\n|---|---|---|---|")
    for size in sizes:
        means, cells = [], []
        for start in (False, True):
            values = found[start, size]
            means.append(sum(values) / len(values))
            cells.append(f"{means[-1]:.2f} ({min(values):.2f} to {max(values):.2f})")
        fewer = (means[1] - means[0]) / (100 - means[0])
        print(f"| {size:,} | {cells[0]} | {cells[1]} | {100 * fewer:.0f} % |")

    figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
    for start, label, marker in ((True, "pretrained on hidden words", "o"), (False, "from nothing", "s")):
        means = [sum(found[start, size]) / len(found[start, size]) for size in sizes]
        (line,) = axis.plot(sizes, means, marker=marker, label=label)
        points = [(size, value) for size in sizes for value in found[start, size]]
        axis.scatter(*zip(*points, strict=True), s=8, color=line.get_color(), alpha=0.6)
    axis.set_xscale("log")
    axis.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axis.minorticks_off()
    axis.set(xlabel="tagged sentences", ylabel="UPOS accuracy on dev (%)")
    axis.grid(alpha=0.3)
    axis.legend(loc="lower right")
    figure.savefig(arguments.out, dpi=120)


if __name__ == "__main__":
    main()

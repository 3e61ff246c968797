"""Trainings on several treebanks -> a table and a picture beside a CRF: `python docs/treebanks.py RUN ... -o FILE.png`.

RUN is the folder of a training, with `experiment=multilingual` or with the default. Runs of one treebank and one kind
differ in their seed; the table has the mean of their accuracies on test (`--split dev`: on dev). `treebanks.csv` has
the CRF's accuracies and those that UDPipe 2 publishes.
"""

import argparse
import csv
import json
from collections import defaultdict
from pathlib import Path
from statistics import mean

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

KINDS = {"default": "the default", "multilingual": "experiment=multilingual"}
COLOURS = {"default": "#0072b2", "multilingual": "#d55e00", "udpipe2": "#666666"}
MARKERS = {"default": "o", "multilingual": "s", "udpipe2": "|"}
Scores = dict[tuple[str, str], list[tuple[float, float]]]


def read(runs: list[Path], split: str) -> Scores:
    """Of each treebank and kind, the accuracies in percent over all and over unseen words, a pair for each run."""
    found: Scores = defaultdict(list)
    for run in runs:
        report = json.loads((run / "report.json").read_text(encoding="utf-8"))
        training = json.loads((run / "tagger" / "config.json").read_text(encoding="utf-8"))["training"]
        kind = "default" if training["embedding"]["transformer"] is None else "multilingual"
        scores = report[split]["upos"]
        found[report["corpus"], kind].append((100 * scores["accuracy"], 100 * scores["unknown"]))
    return found


def cell(pairs: list[tuple[float, float]]) -> str:
    """The means, and in brackets the number of runs."""
    if not pairs:
        return ""
    every, unseen = (mean(values) for values in zip(*pairs, strict=True))
    return f"{every:.2f} / {unseen:.1f} ({len(pairs)})"


def main() -> None:
    """Reads the runs, prints the table and the summary, and draws the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--split", choices=("dev", "test"), default="test")
    parser.add_argument("-o", dest="out", type=Path, required=True)
    arguments = parser.parse_args()
    scores = read(arguments.runs, arguments.split)
    with Path(__file__).with_name("treebanks.csv").open(encoding="utf-8") as file:
        treebanks = [row for row in csv.DictReader(file) if any((row["treebank"], kind) in scores for kind in KINDS)]

    ratios: dict[str, list[tuple[int, float]]] = {kind: [] for kind in COLOURS}
    differences: list[float] = []  # of experiment=multilingual and UDPipe 2
    print("| treebank | train words | the default | `experiment=multilingual` | CRF | UDPipe 2 | default / CRF |")
    print("|---|---|---|---|---|---|---|")
    for place, row in enumerate(treebanks):
        name, crf = row["treebank"], float(row[f"crf_{arguments.split}"])
        runs = {kind: scores.get((name, kind), []) for kind in KINDS}
        means = {kind: mean(value for value, _ in pairs) for kind, pairs in runs.items() if pairs}
        if row["udpipe2"] and arguments.split == "test":
            means["udpipe2"] = float(row["udpipe2"])
            if runs["multilingual"]:
                differences.append(means["multilingual"] - means["udpipe2"])
        for kind, value in means.items():
            ratios[kind].append((place, (100 - value) / (100 - crf)))
        ratio = f"{(100 - means['default']) / (100 - crf):.2f}" if runs["default"] else ""
        crf_cell = f"{crf:.2f} / {row['crf_unseen']}" if arguments.split == "test" else f"{crf:.2f}"
        cells = [name, f"{int(row['train']):,}", *(cell(pairs) for pairs in runs.values()), crf_cell]
        print(f"| {' | '.join([*cells, row['udpipe2'], ratio])} |")
    for kind, label in KINDS.items():
        if values := [value for _, value in ratios[kind]]:
            print(f"\n{label}, errors over the CRF's: mean {mean(values):.3f}, highest {max(values):.3f}")
    if differences:
        print(f"\nmultilingual less UDPipe 2: mean {mean(differences):+.2f}, lowest {min(differences):+.2f}")

    figure, axis = plt.subplots(figsize=(7.5, 0.42 * len(treebanks) + 1.3), layout="constrained")
    axis.axvline(1, color="black", linewidth=1)
    for kind, label in {**KINDS, "udpipe2": "UDPipe 2, as published"}.items():
        if points := ratios[kind]:
            places, values = zip(*points, strict=True)
            size = 160 if kind == "udpipe2" else 45
            axis.scatter(values, places, marker=MARKERS[kind], color=COLOURS[kind], s=size, label=label, zorder=3)
    names = [row["treebank"].removeprefix("UD_").partition("-")[0] for row in treebanks]
    labels = [f"{name}, {round(int(row['train']), -3):,} words" for name, row in zip(names, treebanks, strict=True)]
    axis.set_yticks(range(len(treebanks)), labels)
    axis.invert_yaxis()
    axis.set_xlim(left=0)
    axis.grid(axis="x", alpha=0.3)
    axis.set_xlabel(f"errors on {arguments.split}, as a share of those of a CRF (1: as many)")
    figure.legend(loc="outside upper center", ncols=3, frameon=False)
    figure.savefig(arguments.out, dpi=120)


if __name__ == "__main__":
    main()

"""Trainings on several treebanks -> a table beside a CRF and UDPipe 2: `python docs/treebanks.py RUN ...`.

RUN is the folder of a training, with `experiment=multilingual` or with the default. Runs of one treebank and one kind
differ in their seed; the table has the mean of their accuracies of UPOS on test. `treebanks.csv` has the accuracies of
the CRF and those that UDPipe 2 publishes.
"""

import argparse
import csv
import json
from collections import defaultdict
from pathlib import Path
from statistics import mean


def main() -> None:
    """Reads the runs and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    found: dict[tuple[str, bool], list[float]] = defaultdict(list)
    for run in parser.parse_args().runs:
        report = json.loads((run / "report.json").read_text(encoding="utf-8"))
        training = json.loads((run / "tagger" / "config.json").read_text(encoding="utf-8"))["training"]
        multilingual = training["embedding"]["transformer"] is not None
        found[report["corpus"], multilingual].append(100 * report["test"]["upos"]["accuracy"])
    print("| treebank | the default | `experiment=multilingual` | CRF | UDPipe 2 |\n|---|---|---|---|---|")
    with Path(__file__).with_name("treebanks.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            ours = [found.get((row["treebank"], multilingual)) for multilingual in (False, True)]
            cells = [*(f"{mean(scores):.2f}" if scores else "" for scores in ours), row["crf"], row["udpipe2"]]
            if any(ours):
                print("| " + " | ".join([row["treebank"], *cells]) + " |")


if __name__ == "__main__":
    main()

"""A treebank -> a copy with wrong UPOS at random places; and the findings of `lint` in it -> how many it found.

    python docs/planted.py plant UD_Afrikaans-AfriBooms planted/UD_Afrikaans-AfriBooms --faults 200 --seed 1
    python -m tagger lint planted/UD_Afrikaans-AfriBooms --cross-validate 5 --kind improbable-tag -o found.tsv
    python docs/planted.py count planted/UD_Afrikaans-AfriBooms found.tsv

The faults are in train: random words, each with a random other UPOS of that file. `planted.tsv` in the copy lists them.
"""

import argparse
import csv
import random
import shutil
from pathlib import Path

PLANTED = "planted.tsv"
FIRST = (100, 200, 400, 800)  # findings, the least probable gold tag first
UPOS = 3  # its column


def plant(source: Path, target: Path, faults: int, seed: int) -> None:
    """Copies the CoNLL-U files of a folder and changes the UPOS of words in train."""
    target.mkdir(parents=True)
    for file in sorted(source.glob("*.conllu")):
        shutil.copyfile(file, target / file.name)
    (train,) = target.glob("*-train.conllu")
    lines = train.read_text(encoding="utf-8").split("\n")
    words = [i for i, line in enumerate(lines) if line.partition("\t")[0].isdigit()]
    tags = sorted({lines[i].split("\t")[UPOS] for i in words} - {"_"})
    rng = random.Random(seed)
    rows = []
    for i in sorted(rng.sample(words, faults)):
        cells = lines[i].split("\t")
        right = cells[UPOS]
        cells[UPOS] = rng.choice([tag for tag in tags if tag != right])
        lines[i] = "\t".join(cells)
        rows.append(f"{train}\t{i + 1}\t{cells[1]}\t{right}\t{cells[UPOS]}\n")
    train.write_text("\n".join(lines), encoding="utf-8")
    (target / PLANTED).write_text("".join(rows), encoding="utf-8")


def count(folder: Path, found: Path) -> str:
    """How many of the planted faults are among the first findings."""
    planted = {tuple(line.split("\t")[:2]) for line in (folder / PLANTED).read_text(encoding="utf-8").splitlines()}
    with found.open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))
    hits = [(row["file"], row["line"]) in planted for row in rows]
    numbers = (f"{sum(hits[:first])} among the first {first}" for first in FIRST)
    return f"{len(planted)} planted, {len(rows)} findings: {', '.join(numbers)}"


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(dest="part", required=True)
    planting = parts.add_parser("plant")
    planting.add_argument("source", type=Path)
    planting.add_argument("target", type=Path)
    planting.add_argument("--faults", type=int, default=200)
    planting.add_argument("--seed", type=int, default=1)
    counting = parts.add_parser("count")
    counting.add_argument("folder", type=Path)
    counting.add_argument("found", type=Path)
    arguments = parser.parse_args()
    if arguments.part == "plant":
        plant(arguments.source, arguments.target, arguments.faults, arguments.seed)
    else:
        print(count(arguments.folder, arguments.found))


if __name__ == "__main__":
    main()

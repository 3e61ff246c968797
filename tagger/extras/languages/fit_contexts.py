"""Treebanks -> `words/contexts.csv`: the weights by which the words around a full stop tell whether a sentence ends.

    python -m tagger.extras.languages.fit_contexts --corpora TREEBANKS [TREEBANKS ...]

Nobody has marked forms that are words as well as abbreviations, so the form is hidden, and the two sides are those of
others. Where a sentence ends: the end of one sentence, and a sentence that begins with a number or a capital. Where it
goes on: a noun before a number or a name that belongs to it, such as `page 3` or `captain Cook`.
"""

import argparse
import csv
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import regex
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

import tagger.words
from tagger.extras.languages.make import text_of
from tagger.training.count_conventions import small_words
from tagger.words.contexts import Feature, features

MOST = 150  # cases of each kind and language, so that large treebanks are not all
MIN_WORDS = 3  # of a sentence
STEPS, DECAY = 300, 5.0
FIRST = {True: regex.compile(r"\d+"), False: regex.compile(r"\p{Lu}[\p{Ll}\p{M}]+")}  # number, capital
RELATIONS = {True: ("flat", "appos"), False: ("flat", "appos", "nmod", "compound")}  # of a name; of a noun before it


class Word(NamedTuple):
    """A token as it stands in the text; the head is the place of another in the sentence, from 1."""

    form: str
    tag: str
    head: int
    relation: str


class Case(NamedTuple):
    """Tokens before a form and after its full stop; whether a sentence ends there."""

    before: Sequence[str]
    after: Sequence[str]
    ends: bool


def sentences(text: str) -> Iterator[list[Word]]:
    """The sentences of a treebank in CoNLL-U; a multiword token is as its first word."""
    for block in text.split("\n\n"):
        rows = [line.split("\t") for line in block.splitlines() if line[:1].isdecimal()]
        forms = {int(row[0].split("-")[0]): (row[1], int(row[0].split("-")[1])) for row in rows if "-" in row[0]}
        words, place, last = [], {0: 0}, 0
        for number, row in ((int(row[0]), row) for row in rows if row[0].isdecimal()):
            if number > last:
                form, last = forms.get(number, (row[1], number))
                words.append(Word(form, row[3], int(row[6]) if row[6].isdecimal() else 0, row[7]))
            place[number] = len(words)
        if words:
            yield [word._replace(head=place.get(word.head, 0)) for word in words]


def cases(treebank: Sequence[Sequence[Word]], chance: random.Random) -> Iterator[Case]:
    """The cases of a language."""
    ends = []
    starts: dict[bool, list[list[str]]] = defaultdict(list)  # by whether a number follows
    joined: dict[bool, list[Case]] = defaultdict(list)
    for sentence in treebank:
        forms = [word.form for word in sentence]
        if len(forms) > MIN_WORDS and forms[-1] == "." and regex.fullmatch(r"\p{Ll}+", forms[-2]):
            ends.append(forms[:-2])
        for is_number, first in FIRST.items():
            is_item = is_number and forms[1:2] and forms[1][0] in ".)-:"  # of a list
            if len(forms) > MIN_WORDS and first.fullmatch(forms[0]) and not is_item:
                starts[is_number].append(forms)
            for place in range(1, len(forms) - 1):
                noun, word = sentence[place - 1], sentence[place]
                is_head = word.head == place
                if is_number:
                    belongs = is_head and (noun.tag == "NOUN" or noun.form[-1] == ".") and noun.form[0].isalpha()
                else:
                    relation = word.relation if is_head else noun.relation if noun.head == place + 1 else ""
                    belongs = relation.startswith(RELATIONS[is_head]) and noun.tag == "NOUN" and noun.form.islower()
                    belongs = belongs and word.tag == "PROPN"
                if belongs and first.fullmatch(word.form):
                    joined[is_number].append(Case(forms[: place - 1], forms[place:], False))
    for is_number in FIRST if ends else ():
        own, others = starts[is_number], joined[is_number]
        count = min(MOST, len(own) * (5 if is_number else 1))
        yield from (Case(chance.choice(ends), chance.choice(own), True) for _ in range(count))
        chance.shuffle(others)
        yield from others[:MOST]


def fit(examples: Sequence[tuple[list[Feature], bool]]) -> dict[Feature, float]:
    """The weights of a logistic regression in which ends and others count alike, of numbers and of capitals."""
    columns = {feature: n for n, feature in enumerate(sorted({f for found, _ in examples for f in found}))}
    sizes = Counter((found[0], ends) for found, ends in examples)
    x = torch.zeros(len(examples), len(columns), dtype=torch.double)
    for row, (found, _) in enumerate(examples):
        x[row, [columns[feature] for feature in found]] = 1
    share = torch.tensor([1000 / sizes[found[0], ends] for found, ends in examples], dtype=torch.double)
    y = torch.tensor([ends for _, ends in examples], dtype=torch.double)
    w = torch.zeros(len(columns), dtype=torch.double, requires_grad=True)
    optimizer = torch.optim.LBFGS([w], max_iter=STEPS)

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = (share * binary_cross_entropy_with_logits(x @ w, y, reduction="none")).sum() + DECAY * w.square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    return dict(zip(columns, w.tolist(), strict=True))


def main() -> None:
    """Writes the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpora", nargs="+", type=Path, metavar="TREEBANKS", required=True)
    arguments = parser.parse_args()
    chance = random.Random(1)
    examples: list[tuple[list[Feature], bool]] = []
    languages: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(path for root in arguments.corpora for path in root.glob("UD_*/*-train.conllu*")):
        languages[path.parent.name.partition("-")[0]].append(path)
    for name, paths in languages.items():
        treebank = [sentence for path in paths for sentence in sentences(text_of(path))]
        small = small_words((word.form, word.tag) for sentence in treebank for word in sentence)
        own = [(features(before, after, small), ends) for before, after, ends in cases(treebank, chance)]
        print(name, len(treebank), *Counter((found[0][0], ends) for found, ends in own).items(), flush=True)
        examples += own
    path = Path(tagger.words.__file__).with_name("contexts.csv")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("place", "kind", "weight"))
        writer.writerows((*feature, f"{weight:.2f}") for feature, weight in fit(examples).items())


if __name__ == "__main__":
    main()

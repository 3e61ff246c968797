"""The speed of taggers of languages, beside a CRF.

    python -m tagger.extras.languages.measure_speed LANGUAGE ... --corpora TREEBANKS

It takes the treebank of a language from `languages.csv`, teaches python-crfsuite (pip install python-crfsuite) UPOS on
its train split, and tags its test split, or dev where test is kept, with both in turn, on one thread. Numbers are
medians of fifteen rounds: words per second of processor time of the CRF, and how many times as fast ours is. The CRF
has tokens always. Its features are the form, its shape and affixes, and its neighbours.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

import tagger
from tagger.extras.languages.make import Language, LanguageRow, read, rows
from tagger.text.sentence import Sentence
from tagger.text.spacing import surface_tokens

ROUNDS = 15
COLUMNS = (
    "CRF, words/s",
    "UPOS, remembered",
    "all, remembered",
    "UPOS, new forms",
    "all, raw text",
)


def shape(form: str) -> str:
    """`Xxxx-dd` for `Zehn-12`: capital letters, other letters and digits."""
    return "".join("X" if c.isupper() else "d" if c.isdigit() else "x" if c.isalpha() else c for c in form)


def features(tokens: list[str]) -> list[list[str]]:
    """The features of each token of a sentence, some 30."""
    lower = [form.lower() for form in tokens]
    shapes = [shape(form) for form in tokens]
    short = ["".join(c for c, _ in groupby(each)) for each in shapes]
    found = []
    for i, form in enumerate(tokens):
        own = ["bias", f"w={form}", f"l={lower[i]}", f"sh={shapes[i]}", f"ss={short[i]}"]
        for k in range(1, min(len(form), 4) + 1):
            own += [f"p{k}={lower[i][:k]}", f"s{k}={lower[i][-k:]}"]
        own += [f"digit={'d' in shapes[i]}", f"first={i == 0}"]
        for d in (-2, -1, 1, 2):
            if not 0 <= i + d < len(tokens):
                own.append(f"{d}:edge")
                continue
            own.append(f"{d}:l={lower[i + d]}")
            if abs(d) == 1:
                near = lower[i + d]
                own += [f"{d}:s3={near[-3:]}", f"{d}:s2={near[-2:]}", f"{d}:ss={short[i + d]}"]
                own.append(f"{d}:both={near}|{lower[i]}")
        found.append(own)
    return found


def learned(train: Path, model: Path) -> Callable[[list[str]], list[str]]:
    """A CRF of UPOS that learns by the averaged perceptron from a file."""
    import pycrfsuite

    trainer = pycrfsuite.Trainer(
        algorithm="ap", params={"max_iterations": 5, "feature.possible_transitions": True}, verbose=False
    )
    for sentence in read(train):
        trainer.append(features(sentence.tokens), sentence.tags["upos"])
    trainer.train(str(model))
    crf = pycrfsuite.Tagger()
    crf.open(str(model))
    return lambda tokens: crf.tag(features(tokens))


def seconds(work: Callable[[], object]) -> float:
    """Processor time of this process."""
    start = time.process_time()
    work()
    return time.process_time() - start


def text_of(sentences: list[Sentence]) -> str:
    """The sentences as text, ten a paragraph."""
    texts = []
    for sentence in sentences:
        spaces = sentence.space_after or [True] * len(sentence)
        texts.append("".join(t.form + " " * spaces[t.stop - 1] for t in surface_tokens(sentence)))
    return "\n\n".join("".join(texts[start : start + 10]).strip() for start in range(0, len(texts), 10))


def measure(row: LanguageRow, roots: list[Path]) -> list[float]:
    """The numbers of a language: words per second of the CRF, and ratios of ours to it."""
    language, name = Language(row, roots, Path(), Path()), row.corpora.split()[0]
    train, gold = (language.split_of(name, split) for split in ("train", "dev" if row.test == "kept" else "test"))
    if train is None or gold is None:
        raise SystemExit(f"{row.name}: {name} has no train split that the CRF could learn from; name another language")
    sentences = read(gold)
    tokens, text = [sentence.tokens for sentence in sentences], text_of(sentences)
    ours = tagger.load(row.name)
    ours.tag_sentences(tokens)
    times = []
    with TemporaryDirectory() as scratch:
        crf = learned(train, Path(scratch) / "crf")
        for _ in range(ROUNDS):
            fresh = tagger.load(row.name)
            fresh.tag(["a"])
            times.append(
                [
                    seconds(lambda: [crf(each) for each in tokens]),
                    seconds(lambda: ours.tag_sentences(tokens, "upos")),
                    seconds(lambda: list(ours.stream([Sentence(each) for each in tokens]))),
                    seconds(lambda f=fresh: f.tag_sentences(tokens, "upos")),  # type: ignore[misc]
                    seconds(lambda: ours.annotate(text)),
                ]
            )
    theirs, *own = (statistics.median(column) for column in zip(*times, strict=True))
    return [sum(map(len, tokens)) / theirs, *(theirs / each for each in own)]


def main() -> None:
    """Prints a row for each language."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("languages", nargs="+", metavar="LANGUAGE")
    parser.add_argument("--corpora", nargs="+", type=Path, required=True, metavar="TREEBANKS")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    table = {row.name: row for row in rows()}
    print("| language | " + " | ".join(COLUMNS) + " |\n" + "|---" * (len(COLUMNS) + 1) + "|")
    for name in arguments.languages:
        speed, *ratios = measure(table[name], arguments.corpora)
        print(f"| {name} | {speed:,.0f} | " + " | ".join(f"{ratio:.2f}" for ratio in ratios) + " |", flush=True)


if __name__ == "__main__":
    main()

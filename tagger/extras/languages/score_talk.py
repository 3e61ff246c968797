"""Scores taggers on everyday talk: a row of a table for each language and folder of taggers.

    python -m tagger.extras.languages.score_talk [LANGUAGE ...] [--split test] [--taggers FOLDER ...]

FOLDER has a tagger for each language, such as `data`, which is the default. In percent: UPOS, FEATS and lemmas with
gold tokens, F1 of the words from raw text, and of finite verbs the share whose UPOS, Person, Number and Mood are all
right: those of the second person and imperatives, and the others, which are what breaks where everything becomes a
second person.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from tagger.extras.languages.make import DATA, TALK, evaluate, rows, split_of
from tagger.extras.languages.talk import is_finite, is_second, pairs_of, read
from tagger.tagging.languages import load
from tagger.text.sentence import Sentence
from tagger.text.strings import FEATS, LEMMA, UPOS

COLUMNS = (UPOS, FEATS, LEMMA)
TOLD = ("Person", "Number", "Mood")
HEAD = ("language", "taggers", *COLUMNS, "words, raw", "2nd persons, imperatives", "other finite verbs")


def verbs_of(gold: list[Sentence], found: list[Sentence]) -> Iterator[tuple[bool, bool]]:
    """Of each finite verb whether it is a second person or an imperative, and whether it is told right."""
    for own, other in zip(gold, found, strict=True):
        columns = (own.tags[UPOS], own.tags[FEATS], other.tags[UPOS], other.tags.get(FEATS, own.tags[FEATS]))
        for upos, feats, their_upos, their_feats in zip(*columns, strict=True):
            wanted, said = pairs_of(feats), pairs_of(their_feats)
            if is_finite(upos, wanted):
                right = upos == their_upos and all(wanted.get(name) == said.get(name) for name in TOLD)
                yield is_second(wanted), right


def row(language: str, folder: Path, path: Path) -> list[str]:
    """The cells of a row."""
    gold, tagger = read(path), load(folder / language)
    tokens = [Sentence(list(sentence.tokens)) for sentence in gold]
    verbs = list(verbs_of(gold, list(tagger.stream(tokens))))
    scores = evaluate(path, folder / language)
    cells = [f"{100 * scores[column]['accuracy']:.1f}" if column in scores else "" for column in COLUMNS]
    cells.append(f"{100 * evaluate(path, folder / language, '--raw')['Words']['f1']:.1f}")
    for kind in (True, False):
        right = [told for second, told in verbs if second == kind]
        cells.append(f"{100 * sum(right) / len(right):.0f} % of {len(right)}" if right else "")
    return [language, folder.name, *cells]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("languages", nargs="*", metavar="LANGUAGE")
    parser.add_argument("--split", default="test")
    parser.add_argument("--taggers", type=Path, nargs="+", default=[DATA], metavar="FOLDER")
    arguments = parser.parse_args()
    languages = {each.name: each.talk.split() for each in rows() if each.talk}
    print("| " + " | ".join(HEAD) + " |\n" + "|---" * len(HEAD) + "|")
    for language in arguments.languages or languages:
        for talk in languages[language]:
            for folder in arguments.taggers:
                cells = row(language, folder, split_of(TALK / talk, arguments.split))
                print("| " + " | ".join([talk, *cells[1:]]) + " |", flush=True)


if __name__ == "__main__":
    main()

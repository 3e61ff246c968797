"""Scores taggers on everyday talk: a row of a table for each language and folder of taggers.

    python -m tagger.extras.languages.score_talk [LANGUAGE ...] [--split test] [--taggers FOLDER ...]
        [--spacy PIPELINE ...] [--page]

FOLDER has a tagger for each language, such as `data`, which is the default. PIPELINE is one of spaCy's, such as
`es_core_news_sm`, which is scored where it has the language, with gold tokens. In percent: UPOS, FEATS and lemmas with
gold tokens, F1 of the words from raw text, and of finite verbs the share whose UPOS, Person, Number and Mood are all
right: those of the second person and imperatives, and the others, which are what breaks where everything becomes a
second person. With `--page` the rows of these languages in docs/talk.csv are written anew, and the others stay.
"""

import argparse
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from statistics import fmean
from typing import Any

from tagger.bundle.catalog import codes_of
from tagger.bundle.saved_config import CARD
from tagger.extras.languages.make import DATA, PAGE, TALK, evaluate, read_rows, rows, split_of, write_rows
from tagger.extras.languages.talk import is_finite, is_second, pairs_of, read
from tagger.tagging.languages import load
from tagger.text.sentence import Sentence
from tagger.text.strings import FEATS, LEMMA, NO_TAG, UPOS, is_annotated

COLUMNS = (UPOS, FEATS, LEMMA)
TOLD = ("Person", "Number", "Mood")
HEAD = ("language", "taggers", *COLUMNS, "words, raw", "2nd persons, imperatives", "other finite verbs")
TABLE = PAGE.with_name("talk.csv")
TABLE_HEAD = ("language", "has learned talk", "UPOS", "FEATS", "lemma", *HEAD[-2:])


def verbs_of(gold: list[Sentence], found: list[Sentence]) -> Iterator[tuple[bool, bool]]:
    """Of each finite verb whether it is a second person or an imperative, and whether it is told right."""
    for own, other in zip(gold, found, strict=True):
        columns = (own.tags[UPOS], own.tags[FEATS], other.tags[UPOS], other.tags.get(FEATS, own.tags[FEATS]))
        for upos, feats, their_upos, their_feats in zip(*columns, strict=True):
            wanted, said = pairs_of(feats), pairs_of(their_feats)
            if is_finite(upos, wanted):
                right = upos == their_upos and all(wanted.get(name) == said.get(name) for name in TOLD)
                yield is_second(wanted), right


def row(gold: list[Sentence], found: list[Sentence], words: str) -> list[str]:
    """The cells of a row but the first two; `words` is that of raw text."""
    cells = []
    for column in COLUMNS:
        sentences = [each for each in zip(gold, found, strict=True) if column in each[1].tags]
        words_of = (zip(own.tokens, own.tags[column], other.tags[column], strict=True) for own, other in sentences)
        right = [own == tag for form, own, tag in chain(*words_of) if is_annotated(column, own, form)]
        cells.append(f"{100 * fmean(right):.1f}" if right else "")
    cells.append(words)
    verbs = list(verbs_of(gold, found))
    for kind in (True, False):
        told = [is_right for is_second, is_right in verbs if is_second == kind]
        cells.append(f"{100 * fmean(told):.0f} % of {len(told)}" if told else "")
    return cells


def pipelines(names: list[str]) -> dict[str, Any]:
    """The pipelines of spaCy that have these names."""
    if not names:
        return {}
    try:
        import spacy

        return {name: spacy.load(name) for name in names}
    except (ImportError, OSError) as error:
        raise SystemExit(f"{error}\npip install spacy {' '.join(names)}") from None


def tagged_by(pipeline: Any, gold: list[Sentence]) -> list[Sentence]:
    """Sentences with the tags of a pipeline of spaCy, which keeps their words apart."""
    from spacy.tokens import Doc

    found = []
    for sentence in gold:
        doc = pipeline(Doc(pipeline.vocab, sentence.tokens))
        tags = {
            UPOS: [word.pos_ for word in doc],
            FEATS: [str(word.morph) or NO_TAG for word in doc],
            LEMMA: [word.lemma_ for word in doc],
        }
        found.append(Sentence(list(sentence.tokens), tags))
    return found


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("languages", nargs="*", metavar="LANGUAGE")
    parser.add_argument("--split", default="test")
    parser.add_argument("--taggers", type=Path, nargs="+", default=[DATA], metavar="FOLDER")
    parser.add_argument("--spacy", nargs="+", default=[], metavar="PIPELINE")
    parser.add_argument("--page", action="store_true", help="write these rows of docs/talk.csv")
    arguments = parser.parse_args()
    if arguments.page and (arguments.split != "test" or arguments.taggers != [DATA]):
        parser.error("--page is for the test splits and the taggers in data/; leave out --split and --taggers")
    languages = {each.name: each.talk.split() for each in rows() if each.talk}
    others = pipelines(arguments.spacy)
    new: dict[str, list[str]] = {}
    print("| " + " | ".join(HEAD) + " |\n" + "|---" * len(HEAD) + "|")
    for language in arguments.languages or languages:
        for talk in languages[language]:
            path = split_of(TALK / talk, arguments.split)
            gold = read(path)
            for folder in arguments.taggers:
                tagger, plain = load(folder / language), (Sentence(list(sentence.tokens)) for sentence in gold)
                tagged = list(tagger.stream(plain, columns=tagger.vocabulary.columns))
                words = f"{100 * evaluate(path, folder / language, '--raw')['Words']['f1']:.1f}"
                cells = row(gold, tagged, words)
                show(talk, folder.name, cells)
                new[talk] = ["yes" if has_learned(folder / language, talk) else "no", *cells]
            for name, pipeline in others.items():
                if pipeline.lang in codes_of(language):
                    show(talk, name, row(gold, tagged_by(pipeline, gold), ""))
    if arguments.page:
        write_rows(TABLE, renewed(read_rows(TABLE), new))


def has_learned(tagger: Path, talk: str) -> bool:
    """Whether the card of a tagger names a talk as one of its sources."""
    return f"data/talk/{talk} (CC0)" in (tagger / CARD).read_text(encoding="utf-8")


def renewed(old: list[dict[str, str]], new: Mapping[str, list[str]]) -> list[dict[str, str]]:
    """The rows of the table with new ones, in the order of names."""
    known = {name for each in rows() for name in each.talk.split()}
    table = {row["language"]: row for row in old}
    for name, (learned, *columns, _, second, other) in new.items():
        shares = (share.partition(" ")[0] for share in (second, other))
        table[name] = dict(zip(TABLE_HEAD, [name, learned, *columns, *shares], strict=True))
    return [table[name] for name in sorted(known & set(table))]


def show(talk: str, tagger: str, cells: list[str]) -> None:
    """Prints a row."""
    print("| " + " | ".join([talk, tagger, *cells]) + " |", flush=True)


if __name__ == "__main__":
    main()

"""Scores taggers on everyday talk: a row of a table for each language and folder of taggers.

    python -m tagger.extras.languages.score_talk [LANGUAGE ...] [--taggers FOLDER ...] [--spacy PIPELINE ...]

FOLDER has a tagger for each language, such as `data`, which is the default. PIPELINE is one of spaCy's, such as
`es_core_news_sm`, which is scored where it has the language, with gold tokens. In percent: UPOS, FEATS and lemmas with
gold tokens, F1 of the words from raw text, and of finite verbs the share whose UPOS, Person, Number and Mood are all
right: those of the second person and imperatives, and the others, which are what breaks where everything becomes a
second person.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from tagger.bundle.catalog import codes_of
from tagger.extras.languages.make import DATA, TALK, evaluate, rows, split_of
from tagger.extras.languages.make import pairs_of as pairs_of_tags
from tagger.extras.languages.talk import is_finite, is_second, pairs_of, read
from tagger.tagging.languages import load
from tagger.text.sentence import Sentence
from tagger.text.strings import FEATS, LEMMA, NO_TAG, UPOS

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


def row(gold: list[Sentence], found: list[Sentence], words: str) -> list[str]:
    """The cells of a row but the first two; `words` is that of raw text."""
    cells = []
    for column in COLUMNS:
        pairs = list(pairs_of_tags(gold, found, column)) if column in found[0].tags else []
        cells.append(f"{100 * sum(own == other for own, other in pairs) / len(pairs):.1f}" if pairs else "")
    cells.append(words)
    verbs = list(verbs_of(gold, found))
    for kind in (True, False):
        right = [told for second, told in verbs if second == kind]
        cells.append(f"{100 * sum(right) / len(right):.0f} % of {len(right)}" if right else "")
    return cells


def tagged_by_spacy(pipeline: str, gold: list[Sentence]) -> list[Sentence]:
    """Sentences with the tags of a pipeline of spaCy, which keeps their words apart."""
    import spacy
    from spacy.tokens import Doc

    nlp, found = spacy.load(pipeline), []
    for sentence in gold:
        doc = nlp(Doc(nlp.vocab, sentence.tokens))
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
    arguments = parser.parse_args()
    languages = {each.name: each.talk.split() for each in rows() if each.talk}
    print("| " + " | ".join(HEAD) + " |\n" + "|---" * len(HEAD) + "|")
    for language in arguments.languages or languages:
        for talk in languages[language]:
            path = split_of(TALK / talk, arguments.split)
            gold = read(path)
            found = {}
            for folder in arguments.taggers:
                tagger = load(folder / language)
                tagged = list(tagger.stream(Sentence(list(sentence.tokens)) for sentence in gold))
                words = f"{100 * evaluate(path, folder / language, '--raw')['Words']['f1']:.1f}"
                found[folder.name] = row(gold, tagged, words)
            for pipeline in arguments.spacy:
                if pipeline.partition("_")[0] in codes_of(language):
                    found[pipeline] = row(gold, tagged_by_spacy(pipeline, gold), "")
            for name, cells in found.items():
                print("| " + " | ".join([talk, name, *cells]) + " |", flush=True)


if __name__ == "__main__":
    main()

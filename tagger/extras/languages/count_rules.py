"""Counts how often rules and abbreviations for raw text are right, and writes what holds: `words.json` in `data/`.

    python -m tagger.extras.languages.count_rules [LANGUAGE ...] --corpora TREEBANKS [TREEBANKS ...]

No tagger is trained anew. The paragraphs are those from which a tagger learned to cut text, as `make.py` joins them.
"""

import argparse
from dataclasses import replace
from io import StringIO
from pathlib import Path

from tagger.bundle.bundle import Bundle
from tagger.bundle.saved_config import sign
from tagger.extras.languages.make import DATA, UNKNOWN_SPACES, Language, rows, split_of, text_of
from tagger.text.conllu import read_conllu
from tagger.text.sentence import Sentence
from tagger.text.spacing import GoldParagraph, gold_paragraphs, with_usual_spacing
from tagger.text.strings import FEATS, UPOS
from tagger.words.counting import conventions_of, with_tags


def own_sentences(language: Language) -> list[list[Sentence]]:
    """The sentences of each file from which a tagger learned to cut text; with those of dev, if it learned these."""
    row = language.row
    files = [language.find(name) for name in f"{row.more} {row.renewed}".split()]
    for name in row.cuts.split() if row.cuts not in ("learned", "rules") else []:
        files.append(language.find(name) if "/" in name else split_of(language.find(name), "train"))
    return [sentences_of(text) for text in [language.splits("train", "dev")["train"], *map(text_of, files)]]


def sentences_of(text: str) -> list[Sentence]:
    """The sentences of a text in CoNLL-U."""
    return list(read_conllu(StringIO(text), "text"))


def tagged(language: Language) -> list[dict[str, list[str]]]:
    """The words and tags of the sentences from which a tagger has learned, those with tags of today alone."""
    splits = ("dev",) if language.row.dev == "newer" else ("train", "dev")
    return [{"tokens": each.tokens, **each.tags} for each in sentences_of(language.splits(*splits)["train"])]


def paragraphs_of(sentences: list[Sentence]) -> list[GoldParagraph]:
    """The paragraphs of a file, without sentences whose spaces are unknown."""
    spaced = [sentence for sentence in sentences if UNKNOWN_SPACES not in sentence.comments]
    return with_usual_spacing(list(gold_paragraphs(spaced, skip=True)))


def main() -> None:
    """Counts for the languages that the command line names, or for all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("languages", nargs="*", metavar="LANGUAGE")
    parser.add_argument("--corpora", nargs="+", type=Path, metavar="TREEBANKS", required=True)
    arguments = parser.parse_args()
    table = {row.name: row for row in rows()}
    for name in arguments.languages or table:
        if not (DATA / name).is_dir():
            continue
        language = Language(table[name], arguments.corpora, Path(), Path())
        files = own_sentences(language)
        paragraphs = [paragraph for sentences in files for paragraph in paragraphs_of(sentences)]
        found = conventions_of(paragraphs, (s.tokens for sentences in files for s in sentences), name)
        known = replace(Bundle.load(DATA / name), conventions=found).vocabulary
        found = with_tags(found, tagged(language), known.together(UPOS, FEATS))
        found.save(DATA / name)
        sign(DATA / name)
        print(name, *found.refused, *found.abbreviations, *found.marks, found.features, flush=True)


if __name__ == "__main__":
    main()

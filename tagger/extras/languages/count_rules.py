"""Counts how often rules and abbreviations for raw text are right, and writes what holds: `words.json` in `data/`.

    python -m tagger.extras.languages.count_rules [LANGUAGE ...] --corpora TREEBANKS [TREEBANKS ...]

No tagger is trained anew. The paragraphs are those from which a tagger learned to cut text, as `make.py` joins them.
"""

import argparse
from io import StringIO
from pathlib import Path

from tagger.bundle.bundle import Bundle
from tagger.bundle.saved_config import sign
from tagger.extras.languages.make import DATA, Language, rows, split_of, text_of, with_spaces
from tagger.text.conllu import read_conllu
from tagger.text.spacing import GoldParagraph, gold_paragraphs, with_usual_spacing
from tagger.words.counting import conventions_of


def learned(language: Language) -> list[GoldParagraph]:
    """The paragraphs of a language from which its tagger has learned; where most of dev is learned, too, with that."""
    row = language.row
    files = [language.find(name) for name in f"{row.more} {row.renewed}".split()]
    for name in row.cuts.split() if row.cuts not in ("learned", "rules") else []:
        files.append(language.find(name) if "/" in name else split_of(language.find(name), "train"))
    texts = [language.splits("train", "dev")["train"], *map(text_of, files)]
    return [paragraph for text in texts for paragraph in _paragraphs(with_spaces(text))]


def _paragraphs(text: str) -> list[GoldParagraph]:
    return with_usual_spacing(list(gold_paragraphs(read_conllu(StringIO(text), "text"), skip=True)))


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
        vocabulary = Bundle.load(DATA / name).vocabulary
        paragraphs = learned(Language(table[name], arguments.corpora, Path(), Path()))
        found = conventions_of(paragraphs, [*vocabulary.words, *vocabulary.forms], name)
        found.save(DATA / name)
        sign(DATA / name)
        print(name, *found.refused, *found.abbreviations, flush=True)


if __name__ == "__main__":
    main()

"""CoNLL-U files -> their sentences, with the file, the split and the line of every word."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from sys import intern

from tagger.errors import InputError
from tagger.text.conllu import read_conllu
from tagger.text.files import read_lines
from tagger.text.sentence import COLUMNS

TRAIN, DEV, TEST = SPLITS = "train", "dev", "test"
_SPLIT = re.compile(r"(?:^|[-_.])(train|dev|test)\.conllu(?:\.gz|\.zst)?$")
_DEPREL = 7  # the column of the relation to the head
_SAME_WORD = "goeswith"  # the relation of the rest of a word that was torn apart: UD gives it X and no lemma


@dataclass(slots=True)
class LinedSentence:
    """A sentence of N words."""

    file: str
    split: str  # train, dev or test
    lines: list[int]  # of each word in the file, from 1
    tokens: list[str]  # the forms
    tags: dict[str, list[str]]  # for each column of CoNLL-U the N cells
    torn: frozenset[int]  # the words that are the rest of a word that was torn apart (`goeswith`)


def corpus_files(names: Sequence[str]) -> dict[str, str]:
    """The files of a corpus -> the split of each.

    A folder stands for its `*-train.conllu`, `*-dev.conllu` and `*-test.conllu`, plain or compressed. A file with
    another name belongs to train.
    """
    files: dict[str, str] = {}
    for name in names:
        if not name:
            raise InputError("'' names no file; name the folder of a treebank, or its files")
        found = [name]
        if Path(name).is_dir():
            every = sorted(file for file in Path(name).glob("[!.]*.conllu*") if file.is_file())
            found = [str(file) for split in SPLITS for file in every if _split(file.name) == split]
            if not found:
                others = ", ".join(file.name for file in every[:5]) or "no CoNLL-U file"
                raise InputError(
                    f"{name} has no *-train.conllu, *-dev.conllu or *-test.conllu, it has {others}; name the files"
                )
        for file in found:
            if file in files:
                raise InputError(f"{file} is named twice; name every file once")
            files[file] = _split(Path(file).name) or TRAIN
    return files


def _split(name: str) -> str | None:
    found = _SPLIT.search(name)
    return found[1] if found else None


def read_lined(files: dict[str, str], encoding: str = "utf-8") -> list[LinedSentence]:
    """The sentences, of files from `corpus_files`, that have words. Equal strings are kept once."""
    sentences = [sentence for file, split in files.items() for sentence in _read(file, split, encoding)]
    if not sentences:
        raise InputError(f"{' and '.join(list(files)[:3])}: no words; a corpus needs at least one sentence")
    return sentences


def _read(file: str, split: str, encoding: str) -> Iterator[LinedSentence]:
    first = 1  # the line
    for sentence in read_conllu(read_lines(file, encoding), file):
        lines: list[int] = []
        torn: list[int] = []
        for number, row in enumerate(sentence.lines or (), first):
            identifier, _, rest = row.partition("\t")
            if identifier.isascii() and identifier.isdigit():
                if _SAME_WORD in rest and row.split("\t")[_DEPREL].partition(":")[0] == _SAME_WORD:
                    torn.append(len(lines))
                lines.append(number)
        first += len(sentence.lines or ())
        if lines:
            tags = {column: list(map(intern, sentence.tags[column])) for column in COLUMNS}
            yield LinedSentence(file, split, lines, list(map(intern, sentence.tokens)), tags, frozenset(torn))

"""CoNLL-U files -> their sentences, with the file, the split and the line of every word."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from sys import intern
from typing import NamedTuple

from tagger.errors import InputError
from tagger.text.conllu import COLUMNS, read_conllu
from tagger.text.files import read_lines
from tagger.text.sentence import Sentence

TRAIN, DEV, TEST = SPLITS = "train", "dev", "test"
_SPLIT = re.compile(r"(?:^|[-_.])(train|dev|test)\.conllu(?:\.gz|\.zst)?$")
_DEPREL = 7  # the column of the relation to the head
_SAME_WORD = "goeswith"  # the relation of the rest of a word that was torn apart: UD gives it X and no lemma
_NEW_DOCUMENT = re.compile(r"# *newdoc\b")


class Place(NamedTuple):
    """A word of the corpus: the number of its sentence, and its number in the sentence; both from 0."""

    sentence: int
    word: int


@dataclass(slots=True)
class LinedSentence:
    """A sentence of N words.

    Attributes:
        file: where it stands.
        split: `train`, `dev` or `test`.
        lines: for each word its line in the file, counted from 1.
        tokens: the forms.
        tags: for each column of CoNLL-U the N cells.
        surfaces: the lines and the forms of its multiword tokens.
        torn: the words that are the rest of a word that was torn apart (`goeswith`).
        opens_document: whether a document begins with it.
    """

    file: str
    split: str
    lines: list[int]
    tokens: list[str]
    tags: dict[str, list[str]]
    surfaces: list[tuple[int, str]] = field(default_factory=list)
    torn: frozenset[int] = frozenset()
    opens_document: bool = False

    @property
    def start(self) -> str:
        """The file and the line of its first word, for messages."""
        return f"{self.file}:{self.lines[0]}"


def corpus_files(names: Sequence[str]) -> dict[str, str]:
    """The files of a corpus -> the split of each.

    Args:
        names: files, and folders, which stand for their `*-train.conllu`, `*-dev.conllu` and `*-test.conllu`, plain or
            compressed. A file with another name belongs to train.

    Raises:
        InputError: a folder has no such file, a file is named twice, or a name is empty.
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
    """The sentences of a corpus that have words.

    Only what the checks need is kept of the files, and equal strings are kept once.

    Args:
        files: from `corpus_files`.
        encoding: of all files.

    Raises:
        InputError: a file cannot be read, it is no CoNLL-U, or none of the files has a word.
    """
    sentences = [sentence for file, split in files.items() for sentence in _read(file, split, encoding)]
    if not sentences:
        raise InputError(f"{' and '.join(list(files)[:3])}: no words; a corpus needs at least one sentence")
    return sentences


def _read(file: str, split: str, encoding: str) -> Iterator[LinedSentence]:
    line = 1
    opens = False
    for sentence in read_conllu(read_lines(file, encoding), file):
        opens = opens or any(map(_NEW_DOCUMENT.match, sentence.comments))
        if sentence.tokens:
            yield _lined(sentence, file, split, line, opens)
            opens = False
        line += len(sentence.lines or ())


def _lined(sentence: Sentence, file: str, split: str, first: int, opens: bool) -> LinedSentence:
    lines: list[int] = []
    surfaces: list[tuple[int, str]] = []
    torn: list[int] = []
    for number, row in enumerate(sentence.lines or (), first):
        identifier, _, rest = row.partition("\t")
        if identifier.isascii() and identifier.isdigit():
            if _SAME_WORD in rest and row.split("\t")[_DEPREL].partition(":")[0] == _SAME_WORD:
                torn.append(len(lines))
            lines.append(number)
        elif "-" in identifier and row[0] != "#":
            surfaces.append((number, rest.partition("\t")[0]))
    tags = {column: list(map(intern, sentence.tags[column])) for column in COLUMNS}
    tokens = list(map(intern, sentence.tokens))
    return LinedSentence(file, split, lines, tokens, tags, surfaces, frozenset(torn), opens)

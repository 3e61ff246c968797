"""Builds the sample treebank: the source lines in `*.txt` -> `sample-{train,dev,test}.conllu`.

`python data/sample/build.py` rewrites the three files; `--counts` and `--errors MODEL` print Markdown tables instead.
The format of the source lines and the tagging guidelines: data/README.md.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SPLITS = ("train", "dev", "test")
GLUE = "~"

PAIRS = {
    "ADJ": "JJ JJR JJS NNP",
    "ADP": "IN RP",
    "ADV": "RB RBR RBS WRB FW",
    "AUX": "MD VB VBD VBG VBN VBP VBZ",
    "CCONJ": "CC",
    "DET": "DT PDT WDT",
    "INTJ": "UH",
    "NOUN": "NN NNS FW",
    "NUM": "CD LS",
    "PART": "POS RB TO",
    "PRON": "DT EX GW NN PRP PRP$ WDT WP WP$",
    "PROPN": "ADD NNP NNPS",
    "PUNCT": "`` '' , . : -LRB- -RRB- HYPH NFP",
    "SCONJ": "IN",
    "SYM": "$ NFP NN SYM",
    "VERB": "VB VBD VBG VBN VBP VBZ",
    "X": "ADD AFX FW GW NN PRP",
}
"""The legal UPOS tags and the XPOS tags that may go with each."""

ALLOWED = {(upos, xpos) for upos, group in PAIRS.items() for xpos in group.split()}
XPOS = {xpos for _, xpos in ALLOWED}


class SourceError(Exception):
    """A source line that cannot be read; the message names file, line and value."""


@dataclass
class Word:
    """A word with its tags; `glued` where no space follows."""

    form: str
    upos: str
    xpos: str
    glued: bool


@dataclass
class Sentence:
    """A sentence and where it stands."""

    genre: str
    document: str
    split: str
    paragraph: int
    line: int
    words: list[Word]
    phenomenon: str = ""

    @property
    def text(self) -> str:
        """The forms joined as in running text."""
        return "".join(word.form + ("" if word.glued else " ") for word in self.words).rstrip(" ")


def read_word(item: str, where: str) -> Word:
    """Reads `form/UPOS/XPOS`; the last two slashes split, a final `~` of the form is no part of it."""
    parts = item.rsplit("/", 2)
    if len(parts) != 3 or not all(parts):
        raise SourceError(f"{where}: {item!r} is not word/UPOS/XPOS")
    form, upos, xpos = parts
    if upos not in PAIRS:
        raise SourceError(f"{where}: {upos!r} in {item!r} is no UPOS tag")
    if xpos not in XPOS:
        raise SourceError(f"{where}: {xpos!r} in {item!r} is no XPOS tag")
    if (upos, xpos) not in ALLOWED:
        raise SourceError(f"{where}: {upos} with {xpos} in {item!r} is no allowed pair")
    glued = form.endswith(GLUE) and form != GLUE
    return Word(form.removesuffix(GLUE) if glued else form, upos, xpos, glued)


def read_source(path: Path) -> Iterator[Sentence]:
    """Yields the sentences of one genre; a header line starts a document, an empty line a paragraph."""
    document = split = phenomenon = ""
    paragraph = 1
    names: set[str] = set()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        where = f"{path.name}, line {number}"
        items = line.split()
        if not items:
            paragraph += 1
        elif items[0] == "=":
            if len(items) != 3 or items[2] not in SPLITS:
                raise SourceError(f"{where}: {line!r} is not '= name {'|'.join(SPLITS)}'")
            if items[1] in names:
                raise SourceError(f"{where}: a second document named {items[1]!r}")
            document, split, paragraph = items[1], items[2], 1
            names.add(document)
        elif items[:3] == ["#", "phenomenon", "="]:
            if len(items) != 4 or phenomenon:
                raise SourceError(f"{where}: {line!r} is not one '# phenomenon = NAME' before a sentence")
            phenomenon = items[3]
        elif not document:
            raise SourceError(f"{where}: a sentence before the first document: {items[0]!r}")
        else:
            words = [read_word(item, where) for item in items]
            if words[-1].glued:
                raise SourceError(f"{where}: {GLUE} at the end of a sentence: {items[-1]!r}")
            yield Sentence(path.stem, document, split, paragraph, number, words, phenomenon)
            phenomenon = ""
    if phenomenon:
        raise SourceError(f"{path.name}: no sentence after the last '# phenomenon = {phenomenon}'")


def read_sources(folder: Path) -> list[Sentence]:
    """All sentences, genre by genre; a sentence may not stand in two splits."""
    sentences = [sentence for path in sorted(folder.glob("*.txt")) for sentence in read_source(path)]
    seen: dict[tuple[str, ...], Sentence] = {}
    for sentence in sentences:
        first = seen.setdefault(tuple(word.form for word in sentence.words), sentence)
        if first.split != sentence.split:
            raise SourceError(
                f"{sentence.genre}.txt, line {sentence.line}: {sentence.text!r} is in {sentence.split},"
                f" but {first.genre}.txt, line {first.line}, has it in {first.split}"
            )
    return sentences


def to_conllu(sentences: list[Sentence]) -> str:
    """The sentences as CoNLL-U; lemmas, features and heads are not annotated."""
    out: list[str] = []
    last: tuple[str, int] | None = None
    number = 0
    for sentence in sentences:
        name = f"{sentence.genre}-{sentence.document}"
        if last is None or last[0] != name:
            out.append(f"# newdoc id = {name}\n")
            number = 0
        if last != (name, sentence.paragraph):
            out.append("# newpar\n")
        last = (name, sentence.paragraph)
        number += 1
        out.append(f"# sent_id = {name}-{number:02}\n# text = {sentence.text}\n")
        if sentence.phenomenon:
            out.append(f"# phenomenon = {sentence.phenomenon}\n")
        for i, word in enumerate(sentence.words, 1):
            misc = "SpaceAfter=No" if word.glued else "_"
            out.append("\t".join([str(i), word.form, "_", word.upos, word.xpos, *["_"] * 4, misc]) + "\n")
        out.append("\n")
    return "".join(out)


def table(head: list[str | int], rows: list[list[str | int]]) -> str:
    """A Markdown table; the first column is text, the others numbers."""
    lines: list[list[str | int]] = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "".join("| " + " | ".join(str(cell) for cell in line) + " |\n" for line in lines)


def counts(sentences: list[Sentence]) -> str:
    """Sentences and words per genre and split, words per tag and split."""
    number: Counter[tuple[str, str]] = Counter()
    length: Counter[tuple[str, str]] = Counter()
    tags: Counter[tuple[str, str]] = Counter()
    documents: dict[str, set[str]] = {}
    for sentence in sentences:
        documents.setdefault(sentence.genre, set()).add(sentence.document)
        for genre in (sentence.genre, "all"):
            number[genre, sentence.split] += 1
            length[genre, sentence.split] += len(sentence.words)
        for word in sentence.words:
            tags[word.upos, sentence.split] += 1
            tags[word.xpos, sentence.split] += 1

    def sums(counter: Counter[tuple[str, str]], key: str) -> list[str | int]:
        return [*(counter[key, split] for split in SPLITS), sum(counter[key, split] for split in SPLITS)]

    documents["all"] = {f"{genre}-{name}" for genre, names in documents.items() for name in names}
    columns: list[str] = [*SPLITS, "all"]
    return "\n".join(
        [
            "Sentences and words:\n",
            table(
                ["genre", "documents", *(f"{c} sentences" for c in columns), *(f"{c} words" for c in columns)],
                [[genre, len(names), *sums(number, genre), *sums(length, genre)] for genre, names in documents.items()],
            ),
            "Words per UPOS:\n",
            table(["UPOS", *columns], [[upos, *sums(tags, upos)] for upos in PAIRS]),
            "Words per XPOS:\n",
            table(["XPOS", *columns], [[f"`` {xpos} ``", *sums(tags, xpos)] for xpos in sorted(XPOS)]),
        ]
    )


def errors(sentences: list[Sentence], model: str) -> str:
    """How often the tags of a tagger differ from these, by what a sentence was written for."""
    import tagger  # needed for this alone

    loaded = tagger.load(model, precision="float32")
    tokens = [[word.form for word in sentence.words] for sentence in sentences]
    found = {column: loaded.tag_sentences(tokens, column) for column in ("upos", "xpos")}
    number: Counter[str] = Counter()
    wrong: Counter[tuple[str, str]] = Counter()
    for i, sentence in enumerate(sentences):
        differing = {
            column: sum(tag != getattr(word, column) for tag, word in zip(tags[i], sentence.words, strict=True))
            for column, tags in found.items()
        }
        for group in (sentence.phenomenon or "written for none of these", "all"):
            number[group] += 1
            wrong[group, "words"] += len(sentence.words)
            wrong[group, "sentences"] += differing["upos"] > 0
            for column, count in differing.items():
                wrong[group, column] += count

    def share(group: str) -> float:
        return wrong[group, "upos"] / wrong[group, "words"]

    groups = [*sorted(number.keys() - {"all"}, key=share, reverse=True), "all"]
    return table(
        ["phenomenon", "sentences", "words", "UPOS errors", "percent", "sentences with one", "XPOS errors"],
        [
            [
                group,
                number[group],
                wrong[group, "words"],
                wrong[group, "upos"],
                f"{100 * share(group):.1f}",
                wrong[group, "sentences"],
                wrong[group, "xpos"],
            ]
            for group in groups
        ],
    )


def main(arguments: list[str] | None = None) -> int:
    """Writes the three files, or prints the counts; 1 after an error."""
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description="Builds sample-*.conllu from the source lines in *.txt.")
    parser.add_argument("--source", type=Path, default=here, help="folder with the source files")
    parser.add_argument("--out", type=Path, default=here, help="folder to write to")
    parser.add_argument("--counts", action="store_true", help="print Markdown tables of counts and write nothing")
    parser.add_argument(
        "--errors", metavar="MODEL", help="print where a tagger differs, by phenomenon, and write nothing"
    )
    options = parser.parse_args(arguments)
    try:
        sentences = read_sources(options.source)
    except SourceError as error:
        print(error, file=sys.stderr)
        return 1
    if options.counts:
        sys.stdout.write(counts(sentences))
        return 0
    if options.errors:
        sys.stdout.write(errors(sentences, options.errors))
        return 0
    for split in SPLITS:
        chosen = [sentence for sentence in sentences if sentence.split == split]
        (options.out / f"sample-{split}.conllu").write_text(to_conllu(chosen), encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

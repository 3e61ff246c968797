"""Corpora for tests of `lint`: a line per sentence, `form/UPOS/XPOS/FEATS/LEMMA` per word; cells may be left out."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from tagger.extras.lint.lined import LinedSentence, corpus_files, read_lined
from tagger.extras.lint.lint import Finding

Check = Callable[[Sequence[LinedSentence]], Iterable[Finding]]


def conllu(lines: Sequence[str]) -> str:
    """CoNLL-U in which a sentence of N words takes N + 1 lines: no comments."""
    blocks = []
    for line in lines:
        rows = []
        for number, word in enumerate(line.split(" "), 1):
            form, upos, xpos, feats, lemma = [*word.split("/"), "_", "_", "_", "_"][:5]
            cells = [str(number), form.replace("~", " "), lemma, upos, xpos, feats, "0", "dep", "_", "_"]
            rows.append("\t".join(cells))
        blocks.append("\n".join(rows) + "\n\n")
    return "".join(blocks)


def write(folder: Path, **splits: Sequence[str]) -> Path:
    """A folder with a file `xx-SPLIT.conllu` for each split."""
    folder.mkdir(exist_ok=True)
    for split, lines in splits.items():
        (folder / f"xx-{split}.conllu").write_text(conllu(lines), encoding="utf-8")
    return folder


def of_files(check: Check, path: Path) -> list[Finding]:
    """The findings of a check in a file, or in those of a folder."""
    return list(check(read_lined(corpus_files([str(path)]))))


def found(check: Check, folder: Path, **splits: Sequence[str]) -> list[tuple[str, str, str, int, str]]:
    """The findings of a check as (severity, kind, split, line, word)."""
    return [
        (each.severity, each.kind, Path(each.file).stem.removeprefix("xx-"), each.line, each.word)
        for each in of_files(check, write(folder, **splits))
    ]

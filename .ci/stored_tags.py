"""Ten sentences of each language, and the tags that its bundled tagger gives their words.

    python .ci/stored_tags.py [LANGUAGE ...]

writes the tags anew, by default those of all languages that have such a file. `tests/tagging/test_stored_tags.py`
compares with them, so whoever makes a tagger anew runs this, and `git diff` shows what the tagger says otherwise.

A file of `FOLDER` has each sentence in a line that begins with `# `, then a line for each word: its form, UPOS, FEATS
and lemma, `_` in a column that the tagger lacks. An empty line stands between sentences, also where the tagger cuts one
into two. Languages of data/more, such as old ones, may lack a file.

All is computed in float32, in which the probabilities of two processors differ by some millionths. Of a tag that is
less than `MARGIN` more probable than the next, `CLOSE` is stored, which stands for any tag.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tagger.bundle.catalog import bundled_languages
from tagger.tagging.languages import load
from tagger.tagging.tagger import Tagger
from tagger.text.formats import read_parts
from tagger.text.paragraphs import cut_parts
from tagger.text.sentence import Sentence
from tagger.text.strings import LEMMA, NO_TAG

FOLDER = Path(__file__).parents[1] / "tests" / "tagging" / "stored_tags"
COLUMNS = ("upos", "feats", LEMMA)
MARGIN = 0.01
CLOSE = "…"


class Stored(NamedTuple):
    """A sentence, and a row for each of its words."""

    text: str
    rows: list[list[str]]  # form, then a cell for each of `COLUMNS`; an empty row ends a sentence within the text


def path_of(language: str) -> Path:
    """The file of a language."""
    return FOLDER / f"{language}.tsv"


def stored_languages() -> list[str]:
    """The languages with a tagger and a file, sorted."""
    return [name for name in bundled_languages() if path_of(name).is_file()]


def read_stored(language: str) -> list[Stored]:
    """The sentences of a language."""
    found: list[Stored] = []
    for line in path_of(language).read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            found.append(Stored(line[2:], []))
        else:
            found[-1].rows.append(line.split("\t") if line else [])
    return [Stored(text, rows[:-1] if rows and not rows[-1] else rows) for text, rows in found]


def load_for_comparison(language: str) -> Tagger:
    """The tagger of a language, in the precision in which processors hardly differ."""
    tagger = load(language, "cpu", "float32")
    assert isinstance(tagger, Tagger)
    return tagger


def tagged_rows(tagger: Tagger, texts: Sequence[str], columns: Sequence[str], top: int = 1) -> list[list[list[str]]]:
    """The rows of each text, see `Stored`; with `top=2` close decisions are marked.

    Args:
        columns: those that are asked for; in others stands `_`. Tags depend on which columns are chosen together.
    """
    found: list[list[list[str]]] = []
    lines = (line for text in texts for line in (f"{text}\n", "\n"))  # paragraphs
    sentences = cut_parts(read_parts(lines, "the text", "text"), tagger.cuts_of)
    for sentence in tagger.stream(sentences, columns=columns, top=top):
        rows = map(list, zip(sentence.tokens, *(_cells(sentence, column) for column in COLUMNS), strict=True))
        if "# newpar" in sentence.comments:
            found.append([*rows])
        else:
            found[-1] += [[], *rows]
    return found


def _cells(sentence: Sentence, column: str) -> list[str]:
    tags = sentence.tags.get(column, [NO_TAG] * len(sentence))
    if column not in sentence.alternatives:
        return tags
    best = [dict(pairs) for pairs in sentence.alternatives[column]]
    return [CLOSE if _margin(tag, pairs) < MARGIN else tag for tag, pairs in zip(tags, best, strict=True)]


def _margin(tag: str, probabilities: dict[str, float]) -> float:
    """How much more probable a tag is than the others."""
    return probabilities[tag] - max((p for other, p in probabilities.items() if other != tag), default=0.0)


def renew(language: str) -> None:
    """Writes the tags of a language anew."""
    tagger = load_for_comparison(language)
    texts = [stored.text for stored in read_stored(language)]
    found = tagged_rows(tagger, texts, tagger.columns, top=2)
    blocks = ["\n".join([f"# {text}", *map("\t".join, rows), ""]) for text, rows in zip(texts, found, strict=True)]
    path_of(language).write_text("\n".join(blocks), encoding="utf-8")


if __name__ == "__main__":
    for name in sys.argv[1:] or stored_languages():
        renew(name)

"""What tests of the room share: text to sentences and back, rules that cut at spaces, and any Unicode."""

import re
import unicodedata
from collections.abc import Sequence
from functools import partial
from typing import Any

from hypothesis import strategies as st

from tagger.text import formats
from tagger.text.formats import writer
from tagger.text.paragraphs import Segment, cut_parts, cut_texts
from tagger.text.sentence import Sentence, Token
from tagger.text.strings import SPACE

LINE = re.compile(r"[^\n]*\n|[^\n]+")


def segment(paragraphs: Sequence[str]) -> list[list[list[Token]]]:
    """Words between white space; a full stop ends a sentence."""
    return list(map(_segment, paragraphs))


def _segment(paragraph: str) -> list[list[Token]]:
    sentences: list[list[Token]] = [[]]
    for word in re.finditer(f"[^{SPACE}]+", paragraph):
        sentences[-1].append(Token(*word.span()))
        if word.group().endswith("."):
            sentences.append([])
    return sentences


def read(text: str, format: str, *, segment: Segment | None = None, **options: Any) -> list[Sentence]:
    lines = iter(LINE.findall(text))
    if segment is None:
        return list(formats.read(lines, "in.file", format, **options))
    return list(cut_parts(formats.read_parts(lines, "in.file", format, **options), partial(cut_texts, segment)))


def write(sentences: list[Sentence], format: str, columns: tuple[str, ...] = ("upos",), **options: Any) -> str:
    return "".join(map(writer(format, columns, **options), sentences))


def tokens_of(sentences: list[Sentence]) -> list[list[str]]:
    return [sentence.tokens for sentence in sentences]


# sentences with any form and any tag

form = st.text(max_size=8) | st.sampled_from(["", " ", "\n", "\r\n", "\t", "#", "/", "a/b", "\ud800", "\u2028", "_"])
tag = st.text(max_size=4) | st.sampled_from(["NOUN", "``", "-LRB-", "A=b|C=d", ""])
contents = st.lists(st.lists(st.tuples(form, tag, tag), max_size=5), max_size=4)


def made_of(content: list[list[tuple[str, str, str]]]) -> list[Sentence]:
    return [
        Sentence(
            [f for f, _, _ in row],
            {"upos": [t for _, t, _ in row], "xpos": [t for _, _, t in row]},
            {"upos": [0.5] * len(row), "xpos": [0.5] * len(row)},
            {"upos": [[(t, 0.5), (u, 0.25)] for _, t, u in row], "xpos": [[] for _ in row]},
        )
        for row in content
    ]


def in_form(form: str) -> str:
    """A form as a new block of CoNLL-U holds it."""
    return in_cell(form.strip())


def in_cell(value: str) -> str:
    """What is neither form nor lemma, as a new block of CoNLL-U holds it."""
    value = unicodedata.normalize("NFC", value)
    return re.sub("[\ud800-\udfff]", "\ufffd", re.sub(r"[\t\n\r]", " ", value)) or "_"

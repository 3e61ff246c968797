"""`Sentence`: the one type that readers make, the tagger fills in and writers take; `Document`: those of a text.

A token is what stands in a text. Most tokens are one word; a multiword token stands for several (French `du` for `de`
`le`). Words are what is tagged, so the `tokens` of a sentence are its words. `write_conllu` makes a sentence's block of
CoNLL-U.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise
from operator import not_
from typing import Any, NamedTuple, SupportsIndex, overload

from tagger.errors import InputError, shorten
from tagger.text.strings import FEATS, LEMMA, NO_TAG, UPOS, cleaned, encodable

COLUMNS = {"upos": 3, "xpos": 4, "feats": 5, LEMMA: 2}  # the tag columns, counted from 0
MISC = 9
NO_SPACE = "SpaceAfter=No"
LANGUAGE = "# language ="  # the comment that names the language in which a sentence is tagged
_SPACE = re.compile(r"\s")

SHOWN = 20  # sentences of a document in a notebook
_SENT_ID = re.compile(r"# *sent_id *=")


class Token(NamedTuple):
    """A token of a text, as a segmenter finds it."""

    start: int  # characters of the text before it
    end: int
    # Those that a multiword token stands for; a single one, which the text cuts at a line end; or none: the token is a
    # word as it stands in the text.
    words: tuple[str, ...] = ()


class MultiwordToken(NamedTuple):
    """A token of a sentence that stands for several words, `sentence.tokens[start:stop]`."""

    start: int
    stop: int
    form: str  # as it stands in the text


@dataclass(slots=True, repr=False)
class Sentence:
    """A sentence of N words and what is known about them.

    Attributes:
        tokens: the N word forms.
        tags: for each column (`upos`, `xpos`, ...) the N tags.
        probabilities: for each column the N probabilities of those tags, in [0, 1].
        alternatives: for each column and word the best (tag, probability) pairs, best first.
        offsets: for each word its (start, end) in characters of the input text, or None if the input had no text. The
            words of a multiword token have the span of the token.
        text: the sentence as it stands in the input text, or None.
        comments: the comment lines of CoNLL-U without line ends (`# sent_id = 7`).
        lines: the lines of the CoNLL-U block that this sentence was read from, line ends included, so that it can be
            written back to the byte; None for every other source.
        fields: the other keys of the JSON object that this sentence was read from.
        multiwords: the multiword tokens, in order; no two share a word.
        space_after: for each word whether white space follows it in the text, or None if that is not known. Of the
            words of a multiword token, that is said of the last one, and the others have False.
        language: the name of the language in which it is tagged (`german`), or None if nobody has looked.
        is_guess: whether others are nearly as likely.
        line: the number of its first line in a file whose words have tags; for messages.
    """

    tokens: list[str]
    tags: dict[str, list[str]] = field(default_factory=dict)
    probabilities: dict[str, list[float]] = field(default_factory=dict)
    alternatives: dict[str, list[list[tuple[str, float]]]] = field(default_factory=dict)
    offsets: list[tuple[int, int]] | None = None
    text: str | None = None
    comments: list[str] = field(default_factory=list)
    lines: list[str] | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    multiwords: list[MultiwordToken] = field(default_factory=list)
    space_after: list[bool] | None = None
    language: str | None = None
    is_guess: bool = False
    line: int = field(default=0, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.tokens, list | tuple):
            raise InputError(
                f"Sentence({shorten(repr(self.tokens))}): a sentence is made of a list of tokens; Tagger.annotate cuts"
                " a text into sentences"
            )

    @property
    def name(self) -> str | None:
        """The value of the comment `# sent_id`, or None."""
        return next((c.partition("=")[2].strip() for c in self.comments if _SENT_ID.match(c)), None)

    def __len__(self) -> int:
        return len(self.tokens)

    def __str__(self) -> str:
        return " ".join(self.tokens) if self.text is None else self.text

    def __repr__(self) -> str:
        return f"Sentence({shorten(str(self))}, {len(self)} words, {', '.join(self.tags) or 'no tags'})"

    def __iter__(self) -> "Iterator[Word]":
        return (Word(self, index) for index in range(len(self.tokens)))

    @overload
    def __getitem__(self, place: int) -> "Word": ...
    @overload
    def __getitem__(self, place: slice) -> "list[Word]": ...
    def __getitem__(self, place: int | slice) -> "Word | list[Word]":
        found = range(len(self.tokens))[place]
        return Word(self, found) if isinstance(found, int) else [Word(self, index) for index in found]

    def to_conllu(self) -> str:
        """Its block of CoNLL-U; see `write_conllu`."""
        return write_conllu(self)

    def to_dict(self) -> dict[str, Any]:
        """Its text, its language, its multiword tokens and its words, each with its tags; for JSON."""
        known = {"text": self.text, "language": self.language, "multiwords": self.multiwords}
        return {**{key: value for key, value in known.items() if value}, "words": [word.to_dict() for word in self]}

    def _repr_html_(self) -> str:
        """A table with a row for each word, which notebooks show."""
        columns = [column for column, tags in self.tags.items() if any(tag != NO_TAG for tag in tags)]
        head = "".join(f"<th>{escape(name)}</th>" for name in ("text", *columns))
        rows = ([word.text, *map(word.tag, columns)] for word in self)
        body = ("".join(f'<td dir="auto">{escape(cell)}</td>' for cell in row) for row in rows)
        return f"<table><tr>{head}</tr>{''.join(f'<tr>{row}</tr>' for row in body)}</table>"


class Word:
    """A word of a sentence, `sentence[index]`. It has no data of its own: it reads those of the sentence."""

    __slots__ = ("index", "sentence")

    def __init__(self, sentence: Sentence, index: int) -> None:
        """The word of which `index` words of the sentence stand before."""
        self.sentence, self.index = sentence, index

    @property
    def text(self) -> str:
        """The word form. That of a word in a multiword token is not what stands in the text."""
        return self.sentence.tokens[self.index]

    def tag(self, column: str) -> str:
        """Its tag in any column; `_` if nothing is known there."""
        tags = self.sentence.tags.get(column)
        return NO_TAG if tags is None else tags[self.index]

    @property
    def upos(self) -> str:
        """Its universal part of speech, `_` if that is not known."""
        return self.tag(UPOS)

    @property
    def xpos(self) -> str:
        """Its part of speech as the treebank of the language names it, `_` if that is not known."""
        return self.tag("xpos")

    @property
    def feats(self) -> str:
        """Its features, such as `Number=Sing|Person=3`; `_` if it has none, or they are not known."""
        return self.tag(FEATS)

    @property
    def features(self) -> dict[str, str]:
        """Its features by name: `{"Number": "Sing", "Person": "3"}`."""
        pairs = (pair.partition("=") for pair in self.feats.split("|") if "=" in pair)
        return {name: value for name, _, value in pairs}

    @property
    def lemma(self) -> str:
        """Its base form, `_` if that is not known."""
        return self.tag(LEMMA)

    @property
    def probability(self) -> float | None:
        """That of its tag in the first column, in [0, 1]; None if none was computed."""
        shares = next(iter(self.sentence.probabilities.values()), None)
        return None if shares is None else shares[self.index]

    @property
    def start(self) -> int | None:
        """Characters of the text before it, or before the multiword token that it is part of; None without a text."""
        return None if self.sentence.offsets is None else self.sentence.offsets[self.index][0]

    @property
    def end(self) -> int | None:
        """Characters of the text up to its end, or to that of its multiword token; None without a text."""
        return None if self.sentence.offsets is None else self.sentence.offsets[self.index][1]

    def to_dict(self) -> dict[str, Any]:
        """What is known of it."""
        known = {"start": self.start, "end": self.end, "probability": self.probability}
        tags = {column: tags[self.index] for column, tags in self.sentence.tags.items()}
        return {"text": self.text, **tags, **{key: value for key, value in known.items() if value is not None}}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Word) and self.sentence is other.sentence and self.index == other.index

    def __hash__(self) -> int:
        return hash((id(self.sentence), self.index))

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Word({self.text!r}, upos={self.upos!r}, feats={self.feats!r}, lemma={self.lemma!r})"


class Document(list[Sentence]):
    """The sentences of a text, in order; a slice is a document, too.

    Attributes:
        text: what the sentences were cut from; `word.start` and `word.end` are places in it. Of tokens, which have no
            text, these with spaces between.
        columns: of tags that its sentences have, even if there is none.
        refused: why the text was not tagged, or None; see `pipe`.
    """

    def __init__(self, sentences: Iterable[Sentence], text: str, columns: Iterable[str] = ()) -> None:
        """A document of sentences that are tagged."""
        super().__init__(sentences)
        self.text, self.columns = text, list(columns)
        self.refused: str | None = None

    @overload
    def __getitem__(self, place: SupportsIndex) -> Sentence: ...
    @overload
    def __getitem__(self, place: slice) -> "Document": ...
    def __getitem__(self, place: SupportsIndex | slice) -> "Sentence | Document":
        found = super().__getitem__(place)
        return Document(found, self.text, self.columns) if isinstance(found, list) else found

    def __reduce__(self) -> tuple[Any, ...]:
        return Document, (list(self), self.text, self.columns)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Document({shorten(self.text)}, {len(self)} sentences)"

    def to_conllu(self) -> str:
        """A block of CoNLL-U for each sentence, with its number as `# sent_id`."""
        return numbered("".join(sentence.to_conllu() for sentence in self), 1)[0]

    def to_dict(self) -> dict[str, Any]:
        """Its text and its sentences."""
        return {"text": self.text, "sentences": [sentence.to_dict() for sentence in self]}

    def _repr_html_(self) -> str:
        """The tables of the first sentences."""
        more = f"<p>and {len(self) - SHOWN:,} more sentences</p>" if len(self) > SHOWN else ""
        return "".join(sentence._repr_html_() for sentence in self[:SHOWN]) + more


def write_conllu(sentence: Sentence, extra: dict[str, list[str]] | None = None) -> str:
    """The CoNLL-U block of a sentence, with its tags in their columns.

    A sentence that came from CoNLL-U keeps its lines; only the columns that `sentence.tags` names change. Columns that
    CoNLL-U does not have (`chunk`, `ner`) and `extra` go into MISC as `Name=value`, where `\\p` stands for a `|` in the
    value. The block of a new sentence is in Unicode's form NFC, and its forms and lemmas have no white space at their
    ends, as UD demands. One without tokens has no block.
    """
    misc = {column: values for column, values in sentence.tags.items() if column not in COLUMNS} | (extra or {})
    misc = {name: cleaned([value.replace("|", r"\p") for value in values]) for name, values in misc.items()}
    if sentence.lines is None:
        return _new_block(sentence, misc) if sentence.tokens else ""
    tags = [(COLUMNS[c], values, cleaned(values)) for c, values in sentence.tags.items() if c in COLUMNS]
    out: list[str] = []
    word = 0
    for line in sentence.lines:
        cells = line.split("\t")
        if cells[0].isascii() and cells[0].isdigit():
            for place, values, fitting in tags:
                if cells[place] != values[word]:
                    cells[place] = fitting[word]
            if misc:
                body = cells[MISC].rstrip("\r\n")
                pairs = [
                    each for each in body.split("|") if each not in ("", "_") and each.partition("=")[0] not in misc
                ]
                pairs += [f"{name}={values[word]}" for name, values in misc.items()]
                cells[MISC] = "|".join(pairs) + cells[MISC][len(body) :]
            line = "\t".join(cells)
            word += 1
        elif sentence.language is not None and line.startswith(LANGUAGE):  # it may name another one
            line = re.sub(r"=.*", f"= {sentence.language}", line)
        out.append(line)
    return encodable("".join(out))


def numbered(blocks: str, first: int) -> tuple[str, int]:
    """Gives the blocks of new sentences their comments `# sent_id = N`, from `first` on; and the next number."""
    parts = blocks.split("\n\n")[:-1]  # neither comments nor cells hold line ends
    opening = "# newpar\n"
    for i, part in enumerate(parts):
        number = f"# sent_id = {first + i}\n"
        parts[i] = opening + number + part[len(opening) :] if part.startswith(opening) else number + part
    return "".join([f"{part}\n\n" for part in parts]), first + len(parts)


def _new_block(sentence: Sentence, misc: dict[str, list[str]]) -> str:
    """The block of a sentence that did not come from CoNLL-U; unknown cells are `_`."""
    forms = cleaned(_stripped(sentence.tokens))
    blank = ["_"] * len(forms)
    glued = _glued(sentence)
    spacing = ["" if glued is None or not each else NO_SPACE for each in glued or blank]  # for MISC of each word
    surfaces = [*forms]  # the text of each word; that of a multiword token is at its last word
    tokens: dict[int, str] = {}  # the first word of a multiword token -> the row of the token
    token_forms = cleaned(_stripped([form for _, _, form in sentence.multiwords]))
    for (start, stop, _), form in zip(sentence.multiwords, token_forms, strict=True):
        tokens[start] = "\t".join([f"{start + 1}-{stop}", form, *"_______", spacing[stop - 1] or "_"])
        surfaces[start:stop] = [""] * (stop - start - 1) + [form]
        spacing[start:stop] = [""] * (stop - start)  # the row of the token has it
    comments = sentence.comments
    if sentence.language is not None:
        comments = [*(c for c in comments if not c.startswith(LANGUAGE)), f"{LANGUAGE} {sentence.language}"]
    if sentence.text is not None and not any(comment.startswith("# text =") for comment in comments):
        comments = [*comments, f"# text = {_text(sentence.text, surfaces, glued)}"]
    tags = dict.fromkeys(sorted(COLUMNS, key=COLUMNS.__getitem__), blank)  # in the order of the columns
    for column in COLUMNS.keys() & sentence.tags.keys():
        values = sentence.tags[column]
        tags[column] = cleaned(_stripped(values) if column == LEMMA else values)
    last = blank
    if misc or any(spacing):
        pairs = [spacing, *([f"{name}={value}" for value in values] for name, values in misc.items())]
        last = ["|".join(filter(None, row)) or "_" for row in zip(*pairs, strict=True)]
    numbers = map(str, range(1, len(forms) + 1))
    rows = list(map("\t".join, zip(numbers, forms, *tags.values(), blank, blank, blank, last, strict=True)))
    for start, row in tokens.items():
        rows[start] = f"{row}\n{rows[start]}"
    return encodable(unicodedata.normalize("NFC", "\n".join([*comments, *rows, "", ""])))


def _text(text: str, surfaces: list[str], glued: list[bool] | None) -> str:
    """The text of a sentence for `# text`: the format demands that of the rows, if it is known where spaces are."""
    if glued is None:
        return " ".join(re.split(r"[ \t\n\r]+", text.strip()))
    whole = "".join([form if each else f"{form} " for form, each in zip(surfaces, glued, strict=True)])
    return whole if glued[-1] else whole[:-1]


def _stripped(values: list[str]) -> list[str]:
    return [value.strip() for value in values] if _SPACE.search("".join(values)) else values


def _glued(sentence: Sentence) -> list[bool] | None:
    """For each word whether no white space follows it, as inside a multiword token; None if that is not known."""
    if sentence.space_after is not None:
        return list(map(not_, sentence.space_after))
    if sentence.offsets is None:
        return None
    glued = [a[1] == b[0] for a, b in pairwise(sentence.offsets)] + [False]
    for start, stop, _ in sentence.multiwords:
        glued[start : stop - 1] = [True] * (stop - start - 1)
    return glued

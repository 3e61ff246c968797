"""`Sentence`: the one type that readers make, the tagger fills in and writers take.

A token is what stands in a text. Most tokens are one word; a multiword token stands for several (French `du` for `de`
`le`). Words are what is tagged, so the `tokens` of a sentence are its words.
"""

import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tagger.errors import InputError, shorten

_SENT_ID = re.compile(r"# *sent_id *=")


class Token(NamedTuple):
    """A token of a text, as a segmenter finds it."""

    start: int  # characters of the text before it
    end: int
    words: tuple[str, ...] = ()  # those that a multiword token stands for; empty: one word, as it stands in the text


class MultiwordToken(NamedTuple):
    """A token of a sentence that stands for several words, `sentence.tokens[start:stop]`."""

    start: int
    stop: int
    form: str  # as it stands in the text


@dataclass(slots=True)
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

"""`Sentence`: the one type that readers make, the tagger fills in and writers take."""

import re
from dataclasses import dataclass, field
from typing import Any

_SENT_ID = re.compile(r"# *sent_id *=")


@dataclass(slots=True)
class Sentence:
    """A sentence of N tokens and what is known about them.

    Attributes:
        tokens: the N word forms.
        tags: for each column (`upos`, `xpos`, ...) the N tags.
        probabilities: for each column the N probabilities of those tags, in [0, 1].
        alternatives: for each column, per token, the best (tag, probability) pairs, best first.
        offsets: (start, end) in characters of the input text, or None where the input had no text.
        text: the sentence as it stands in the input text, or None.
        comments: comment lines in the sense of CoNLL-U, without line end (`# sent_id = 7`).
        lines: the lines of the CoNLL-U block this sentence was read from, line ends included,
            so that it can be written back to the byte; None for every other source.
        fields: the other keys of the JSON object this sentence was read from.
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

    @property
    def name(self) -> str | None:
        """What `# sent_id` says, or None."""
        return next((c.partition("=")[2].strip() for c in self.comments if _SENT_ID.match(c)), None)

    def __len__(self) -> int:
        return len(self.tokens)


NO_TAG = "_"  # how CoNLL-U writes "not annotated"; in FEATS it is a tag like any other: "no features"


def is_annotated(column: str, tag: str) -> bool:
    """Whether `tag` is a gold tag, to be learned and scored, or a blank."""
    return tag != "" and (tag != NO_TAG or column == "feats")

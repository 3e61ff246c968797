"""`Segmenter`, what cuts paragraphs into sentences of tokens, and the one that does it by rules."""

from collections.abc import Sequence
from typing import Protocol

from tagger.errors import InputError, shorten
from tagger.text.segment import RULES, segment
from tagger.text.sentence import Token


class Segmenter(Protocol):
    """Cuts paragraphs. How a paragraph is cut depends on that paragraph alone."""

    @property
    def name(self) -> str:
        """The name of the rules, or `learned`."""

    def segment_all(self, paragraphs: Sequence[str]) -> list[list[list[Token]]]:
        """The sentences of each paragraph, and the tokens of each sentence; none is empty."""


class RuleSegmenter:
    """Cuts paragraphs by rules; see `segment`.

    Attributes:
        name: of the rules.
    """

    def __init__(self, rules: str) -> None:
        """Takes the name of rules.

        Raises:
            InputError: there are no such rules.
        """
        if rules not in RULES:
            raise InputError(f"{shorten(rules)} are no rules for raw text; choose one of {', '.join(RULES)}")
        self.name = rules

    def segment_all(self, paragraphs: Sequence[str]) -> list[list[list[Token]]]:
        """The sentences of each paragraph, and the tokens of each sentence; none is empty."""
        return [segment(paragraph, self.name) for paragraph in paragraphs]

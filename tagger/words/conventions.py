"""Gold paragraphs -> `Conventions`: which rules and abbreviations for raw text hold in what a tagger has learned from.

The lists of rules and abbreviations are made for many languages, so they are candidates. What training shows decides: a
form that is a word of the language may end a sentence, and then the network's own label counts.
"""

from dataclasses import dataclass, field

from tagger.words.abbreviations import candidates


@dataclass(frozen=True)
class Conventions:
    """What training says of the rules and tables for words.

    Attributes:
        refused: names of rules that often do not hold.
        abbreviations: forms without their full stop, and their kinds: no sentence ends after these.
        homographs: candidates that are words of the language, so that no rule decides.
    """

    refused: list[str] = field(default_factory=list)
    abbreviations: dict[str, str] = field(default_factory=dict)
    homographs: list[str] = field(default_factory=list)

    @classmethod
    def of_language(cls, language: str = "") -> "Conventions":
        """What holds where no training says so: every rule, and every abbreviation of the table."""
        return cls(abbreviations=dict(candidates(language)))

    def allows(self, rule: str) -> bool:
        """Whether a rule holds."""
        return rule not in self.refused

    def kind(self, form: str) -> str:
        """The kind of an abbreviation, given without its full stop; an empty string if it is none."""
        found = self.abbreviations.get(form) or self.abbreviations.get(form.lower())
        return found or self.abbreviations.get(form[:1].lower() + form[1:], "")

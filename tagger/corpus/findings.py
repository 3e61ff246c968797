"""`Finding`: what a check of a corpus says of a word in a line of a file; and the kinds of findings."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

from tagger.text.terminal import fitted, printable

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")  # the worst first
KINDS = {  # in the order of the list of findings; each with what it means, in the words of the help
    "unknown-upos": "a UPOS that is none of the 17 universal ones",
    "blank-tag": "_ where a tag is due",
    "damaged-text": "characters that are no text of the language: mojibake, control characters, unnormalised forms",
    "split-tags": "the tags of dev or test differ from those of train",
    "new-tag": "a tag that dev or test has and train lacks",
    "single-tag": "a tag that occurs once",
    "repeated-sentence": "a sentence that stands in two splits",
    "upos-xpos": "a UPOS that its XPOS almost never has elsewhere",
    "upos-feats": "a FEATS that its UPOS almost never has elsewhere, or lacks",
    "variation": "a word with another tag than in the same context elsewhere",
    "spaced-form": "a form with a space, where these are rare",
    "improbable-tag": "a tag that taggers trained on the rest of the corpus find improbable (--cross-validate)",
}
FIELDS = (
    *("severity", "kind", "file", "line", "word", "column", "tag"),
    *("probability", "expected", "expected_probability", "reason"),
)
WIDTH = 80  # cells of the summary


class Finding(NamedTuple):
    """What a check found.

    Attributes:
        severity: how bad it is.
        kind: a key of `KINDS`.
        file: the file.
        line: the line in it, counted from 1.
        word: the form in that line.
        column: the tag column that it is about; empty: the form itself, or the sentence.
        tag: in that column.
        reason: what is wrong, and beside what.
        expected: the tag that the rest of the corpus speaks for, if there is one.
        probability: of the tag, by the taggers of a cross-validation.
        expected_probability: of the expected tag, by the same.
    """

    severity: Severity
    kind: str
    file: str
    line: int
    word: str
    column: str
    tag: str
    reason: str
    expected: str = ""
    probability: float | None = None
    expected_probability: float | None = None

    @property
    def values(self) -> dict[str, Any]:
        """Its fields by name, in the order of `FIELDS`."""
        return {name: getattr(self, name) for name in FIELDS}

    @property
    def row(self) -> str:
        """Its fields as a line of TSV; control characters are replaced."""
        values = ("" if v is None else f"{v:.3g}" if isinstance(v, float) else str(v) for v in self.values.values())
        return "\t".join(map(printable, values)) + "\n"


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """Findings by severity and by kind. Those of a kind stay in their order."""
    kinds = list(KINDS)
    return sorted(findings, key=lambda each: (SEVERITIES.index(each.severity), kinds.index(each.kind)))


def counts(findings: Sequence[Finding]) -> dict[Severity, int]:
    """The number of findings of each severity."""
    return {severity: sum(each.severity == severity for each in findings) for severity in SEVERITIES}


def format_summary(findings: Sequence[Finding], name: str, words: int) -> str:
    """A table with the number of findings of each severity and kind and an example, the first; for a terminal.

    Args:
        findings: in the order of `ordered`.
        name: of the corpus.
        words: of the corpus.
    """
    numbers = ", ".join(f"{number:,} {severity}{'s' * (number != 1)}" for severity, number in counts(findings).items())
    lines = [fitted(f"{name}: {words:,} word{'s' * (words != 1)}", WIDTH), numbers]
    groups: dict[tuple[str, str], list[Finding]] = {}
    for each in findings:
        groups.setdefault((each.severity, each.kind), []).append(each)
    if groups:
        lines += ["", f"{'severity':<9}{'kind':<18}{'number':>8}  an example"]
    for (severity, kind), members in groups.items():
        row = f"{severity:<9}{kind:<18}{len(members):>8,}  "
        first = members[0]
        place = f"{first.file.rpartition('/')[2]}:{first.line} {first.word}"
        lines.append(row + fitted(place, WIDTH - len(row)))
        shown = fitted(first.reason, WIDTH - len(row))
        lines.append(" " * len(row) + shown)
    return "\n".join(lines)

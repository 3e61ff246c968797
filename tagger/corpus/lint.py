"""Sentences of a corpus -> findings: what hurts training or scores. Each check is a function in a module of its own."""

from collections.abc import Callable, Iterator, Sequence

from tagger.corpus.findings import Finding, ordered
from tagger.corpus.lined import LinedSentence
from tagger.corpus.lint_contradictions import feats_contradictions, xpos_contradictions
from tagger.corpus.lint_splits import repeated_sentences, tag_sets
from tagger.corpus.lint_tags import blank_tags, unknown_upos
from tagger.corpus.lint_text import damaged_text, spaced_forms
from tagger.corpus.lint_variation import variation

CHECKS: tuple[Callable[[Sequence[LinedSentence]], Iterator[Finding]], ...] = (
    *(unknown_upos, blank_tags, damaged_text, tag_sets, repeated_sentences),
    *(xpos_contradictions, feats_contradictions, variation, spaced_forms),
)


def lint(sentences: Sequence[LinedSentence]) -> list[Finding]:
    """The findings of all checks but that of the cross-validation, in the order of `ordered`."""
    return ordered(finding for check in CHECKS for finding in check(sentences))

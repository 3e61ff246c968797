"""The vocabularies of taggers with the same tags -> the vocabulary of their ensemble."""

from collections.abc import Sequence
from dataclasses import replace

from tagger.errors import InputError, shorten
from tagger.model.vocabulary import Vocabulary


def join_vocabularies(vocabularies: Sequence[Vocabulary], names: Sequence[str]) -> Vocabulary:
    """The vocabulary of an ensemble: columns and tags in the order of the first member's.

    It has the forms of all members, and no words or characters, because an ensemble has no embeddings. A form has the
    edit scripts that it has in any member. Tags may stand together that do so in any member, if all of them know that.
    The corpora are those that all members know which were trained on several.

    Args:
        vocabularies: of two or more taggers.
        names: what the taggers are called in messages, such as their folders.

    Raises:
        InputError: a tagger has no tags, or other columns or other tags than the first. The message names the first
            that differs.
    """
    first, *others = vocabularies
    for vocabulary, name in zip(vocabularies, names, strict=True):
        if not vocabulary.columns:
            raise InputError(f"{name} predicts words and has no tags; an ensemble is made of taggers")
    for vocabulary, name in zip(others, names[1:], strict=True):
        _check_same_tags(first, names[0], vocabulary, name)
    forms = sorted({form for vocabulary in vocabularies for form in vocabulary.forms})
    joined = Vocabulary(
        {}, [], first.tags, forms, combinations=first.combinations, corpora=_common_corpora(vocabularies)
    )
    for other in others:
        joined = replace(joined, combinations=joined.combinations_with(other, first.tags))
    return joined.with_scripts_of(vocabularies)


def _check_same_tags(first: Vocabulary, first_name: str, other: Vocabulary, other_name: str) -> None:
    """Raises InputError unless two vocabularies have the same columns and tags, in whatever order."""
    remedy = "an ensemble needs taggers of the same columns and tags"
    pairs = ((first, first_name, other, other_name), (other, other_name, first, first_name))
    for one, one_name, two, two_name in pairs:
        for column in one.columns:
            if column not in two.tags:
                raise InputError(f"{two_name} lacks the column {shorten(column)}, which {one_name} has; {remedy}")
    for one, one_name, two, two_name in pairs:
        for column, tags in one.tags.items():
            for tag in tags:
                if tag not in two.tag_ids[column]:
                    raise InputError(
                        f"{two_name} lacks the tag {shorten(tag)} of the column {column}, which {one_name} has;"
                        f" {remedy}"
                    )


def _common_corpora(vocabularies: Sequence[Vocabulary]) -> list[str]:
    several = [vocabulary.corpora for vocabulary in vocabularies if vocabulary.corpora]
    return [name for name in several[0] if all(name in names for names in several)] if several else []

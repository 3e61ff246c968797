"""The vocabularies of several taggers -> one that has the forms of all, with the tags in the order of the first."""

from collections.abc import Sequence
from dataclasses import replace

from tagger.errors import InputError, shorten
from tagger.model.vocabulary import Vocabulary


def join_vocabularies(vocabularies: Sequence[Vocabulary]) -> Vocabulary:
    """The vocabulary of a tagger whose members have several: columns and tags in the order of the first member's.

    It has the forms of all members, and no words or characters, because each member looks up its own. A form has the
    edit scripts that it has in any member. Tags may stand together that do so in any member, if all of them know that.
    The corpora are those that all members know which were trained on several.
    """
    first, *others = vocabularies
    forms = sorted({form for vocabulary in vocabularies for form in vocabulary.forms})
    joined = Vocabulary(
        {}, [], first.tags, forms, combinations=first.combinations, corpora=_common_corpora(vocabularies)
    )
    for other in others:
        joined = replace(joined, combinations=joined.combinations_with(other, first.tags))
    return joined.with_scripts_of(vocabularies)


def in_order_of(first: Vocabulary, vocabulary: Vocabulary) -> Vocabulary:
    """A vocabulary with its columns and tags in the order of another's, which has the same ones."""
    if list(vocabulary.tags.items()) == list(first.tags.items()):
        return vocabulary
    nothing = Vocabulary({}, [], {}, [])
    ordered = replace(vocabulary, tags=first.tags, combinations=vocabulary.combinations_with(nothing, first.tags))
    return ordered.with_scripts_of([vocabulary])


def check_same_tags(first: Vocabulary, first_name: str, other: Vocabulary, other_name: str) -> None:
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

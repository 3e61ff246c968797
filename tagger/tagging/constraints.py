"""A lexicon and tags that are given -> which tags the tokens of some sentences may have."""

from collections.abc import Mapping, Sequence

import numpy as np

from tagger.model.vocabulary import Vocabulary
from tagger.tagging.decoding import Constraint
from tagger.text.lexicon_files import Lexicon
from tagger.text.sentence import Sentence
from tagger.text.strings import NO_TAG, is_given

GivenTags = Mapping[str, Sequence[Sequence[str]]]
"""Of some columns, the tags of each sentence; `_` and an empty string stand for a tag that is to be found."""


def given_tags(sentences: Sequence[Sentence], columns: Sequence[str]) -> GivenTags:
    """The tags that sentences have, before they are tagged."""
    blank: Sequence[str] = ()
    return {
        column: [sentence.tags.get(column, blank) for sentence in sentences]
        for column in columns
        if any(column in sentence.tags for sentence in sentences)
    }


def constraints_of(
    sentences: Sequence[Sequence[str]],
    lexicons: Mapping[str, Lexicon],
    given: GivenTags,
    vocabulary: Vocabulary,
) -> dict[str, Constraint]:
    """Which tags tokens may have. A tag that is given counts, whatever a lexicon says.

    Args:
        given: the tags that are given; of a column of edit scripts they constrain nothing.
    """
    constraints = {}
    for column in dict.fromkeys([*lexicons, *given]):
        ids = vocabulary.tag_ids[column]
        numbers: dict[tuple[str, ...], int] = {}
        of_token: list[int] = []
        lexicon = lexicons.get(column)
        nothing: Sequence[Sequence[str]] = [()] * len(sentences)
        tags_of = nothing if vocabulary.codecs[column].edits else given.get(column, nothing)
        for forms, tags in zip(sentences, tags_of, strict=True):
            for place, form in enumerate(forms):
                tag = tags[place] if tags else NO_TAG
                allowed: tuple[str, ...] | None = (tag,) if tag in ids and is_given(tag) else None
                if allowed is None and lexicon is not None:
                    allowed = lexicon.get(form)
                of_token.append(0 if allowed is None else numbers.setdefault(allowed, len(numbers) + 1))
        if numbers:
            sets = [tuple(ids[tag] for tag in tags) for tags in numbers]
            constraints[column] = Constraint(sets, np.array(of_token, dtype=np.int64))
    return constraints


def put_back(sentence: Sentence, given: Mapping[str, Sequence[str]]) -> None:
    """Gives a tagged sentence the tags back that it had, as certain ones without alternatives.

    Constraints have made them certain already, but not in a column of edit scripts.
    """
    for column, tags in given.items():
        for place, tag in enumerate(tags):
            if not is_given(tag):
                continue
            sentence.tags[column][place] = tag
            if column in sentence.probabilities:
                sentence.probabilities[column][place] = 1.0
            if column in sentence.alternatives:
                sentence.alternatives[column][place] = [(tag, 1.0)]

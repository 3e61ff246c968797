"""The vocabulary of an ensemble, and the taggers that can have none."""

from dataclasses import replace

import pytest

from tagger.bundle.ensemble import check_same_tags, in_order_of
from tagger.errors import InputError
from tagger.model.vocabulary import Vocabulary, join_vocabularies
from tests.conftest import CORPUS


def reversed_tags(vocabulary: Vocabulary) -> Vocabulary:
    """The same columns and tags in reverse order."""
    sizes = [len(vocabulary.tags[column]) for column in vocabulary.combined]
    flipped = [
        [size - 1 - tag for tag, size in zip(tags, sizes, strict=True)][::-1] for tags in vocabulary.combinations
    ]
    return replace(
        vocabulary,
        tags={column: tags[::-1] for column, tags in reversed(vocabulary.tags.items())},
        combinations=sorted(flipped),
    )


def test_the_first_decides_the_order(vocabulary: Vocabulary) -> None:
    other = replace(reversed_tags(vocabulary), forms=["anew", "The"])
    joined = join_vocabularies([vocabulary, other])
    assert joined.tags == vocabulary.tags
    assert joined.columns == vocabulary.columns != other.columns
    assert joined.combinations == vocabulary.combinations
    assert joined.forms == sorted([*vocabulary.forms, "anew"])
    assert joined.words == {}


def test_tags_get_the_order_of_another(vocabulary: Vocabulary) -> None:
    assert in_order_of(vocabulary, reversed_tags(vocabulary)) == vocabulary
    assert in_order_of(vocabulary, vocabulary) is vocabulary
    lemmas = Vocabulary.build([{"tokens": ["flights", "saw"], "lemma": ["flight", "saw"]}], ["lemma"], min_count=1)
    turned = replace(lemmas, tags={"lemma": lemmas.tags["lemma"][::-1]}, form_tags={"lemma": [[0], [1]]})
    assert lemmas.form_tags == {"lemma": [[1], [0]]}
    assert in_order_of(lemmas, turned) == lemmas


def test_a_form_has_the_scripts_that_any_member_has() -> None:
    def lemmas(*pairs: tuple[str, str]) -> Vocabulary:
        words, tags = map(list, zip(*pairs, strict=True))
        return Vocabulary.build([{"tokens": words, "lemma": tags}], ["lemma"], min_count=1)

    first = lemmas(("flights", "flight"), ("saw", "saw"))
    second = lemmas(("flights", "flight"), ("saw", "saw"), ("reads", "reads"))
    joined = join_vocabularies([first, second])
    scripts = {form: len(ids) for form, ids in zip(joined.forms, joined.form_tags["lemma"], strict=True)}
    assert scripts == {"flights": 1, "saw": 1, "reads": 1}
    third = replace(second, form_tags={"lemma": [[0, 1]] * len(second.forms)})
    joined = join_vocabularies([first, third])
    assert joined.form_tags["lemma"] == [[0, 1]] * 3


def test_what_differs_is_named(vocabulary: Vocabulary) -> None:
    upos = Vocabulary.build(CORPUS, ["upos"], min_count=1)
    other = Vocabulary.build([{**s, "upos": [t.replace("VERB", "AUX") for t in s["upos"]]} for s in CORPUS], ["upos"])
    cases = [
        ([vocabulary, upos], "B lacks the column 'xpos', which A has; an ensemble needs taggers of the same"),
        ([upos, vocabulary], "A lacks the column 'xpos', which B has"),
        ([upos, other], "B lacks the tag 'VERB' of the column upos, which A has"),
        ([replace(upos, tags={"upos": upos.tags["upos"][1:]}), upos], "A lacks the tag 'ADV' of the column upos"),
    ]
    for vocabularies, message in cases:
        with pytest.raises(InputError) as caught:
            check_same_tags(vocabularies[0], "A", vocabularies[1], "B")
        assert message in str(caught.value)


def test_combinations_and_corpora_are_those_of_the_members(vocabulary: Vocabulary) -> None:
    new = [0, len(vocabulary.tags["xpos"]) - 1]
    assert new not in vocabulary.combinations
    other = replace(vocabulary, combinations=[*vocabulary.combinations, new], corpora=["A", "B", "C"])
    joined = join_vocabularies([vocabulary, other])
    assert joined.combinations == sorted([*vocabulary.combinations, new])  # of any
    assert joined.corpora == other.corpora
    assert join_vocabularies([vocabulary, replace(vocabulary, combinations=[])]).combinations == []
    assert join_vocabularies([other, replace(vocabulary, corpora=["C", "A"])]).corpora == ["A", "C"]  # that all know

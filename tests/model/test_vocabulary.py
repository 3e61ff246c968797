"""What a vocabulary counts, and what its ids depend on."""

from dataclasses import replace

import pytest

from tagger.errors import InputError
from tagger.model.vocabulary import UNK, Vocabulary, join_vocabularies

CORPUS = [
    {"tokens": ["The", "dog", "the", "cat"], "upos": ["DET", "NOUN", "DET", "NOUN"], "feats": ["_", "N=1", "_", "N=1"]},
    {"tokens": ["dog", "Zoë"], "upos": ["NOUN", "_"], "feats": ["N=2", ""]},
    {"tokens": ["a", "cat"], "upos": ["DET", "NOUN"], "feats": ["D=a", "N=1"]},
]


def test_what_is_counted() -> None:
    vocabulary = Vocabulary.build(CORPUS, ["upos", "feats"])
    assert vocabulary.words == {"cat": 2, "dog": 2, "the": 2}  # in lower case, at least twice
    assert vocabulary.word_ids == {"cat": 2, "dog": 3, "the": 4}
    assert list(Vocabulary.build(CORPUS, ["upos"], min_count=1).words) == ["cat", "dog", "the", "a", "zoë"]
    assert Vocabulary.build(CORPUS, ["upos"], min_count=3).words == {}
    # a: cat, cat, a; t: the, cat, cat; o: dog, dog, Zoë; e: The, the; ë, T and Z stand there once
    assert vocabulary.characters == ["a", "o", "t", "c", "d", "e", "g", "h"]
    assert vocabulary.character_ids["a"] == UNK + 1
    assert vocabulary.tags == {"upos": ["DET", "NOUN"], "feats": ["D=a", "N=1", "N=2", "_"]}  # where a blank is a tag
    assert vocabulary.known_forms == {"The", "the", "dog", "cat", "Zoë", "a"}


def test_ids_do_not_depend_on_the_order_of_the_corpus() -> None:
    expected = Vocabulary.build(CORPUS, ["upos", "feats"], min_count=1)
    assert Vocabulary.build(CORPUS[::-1], ["upos", "feats"], min_count=1) == expected
    turned = [{key: values[::-1] for key, values in sentence.items()} for sentence in CORPUS[1:] + CORPUS[:1]]
    assert Vocabulary.build(turned, ["upos", "feats"], min_count=1) == expected


def test_tags_with_control_characters_are_refused() -> None:
    with pytest.raises(InputError, match=r"column upos: the tag 'NO\\x1bUN' has a control character"):
        Vocabulary.build([{"tokens": ["a"], "upos": ["NO\x1bUN"]}], ["upos"])


PAIRS = [
    {"tokens": ["a", "b", "c"], "upos": ["X", "Y", "X"], "xpos": ["p", "q", "q"]},
    {"tokens": ["d", "e"], "upos": ["Y", "_"], "xpos": ["_", "p"]},  # these say nothing
]


def test_combinations_are_those_of_tokens_with_a_tag_in_every_column() -> None:
    vocabulary = Vocabulary.build(PAIRS, ["upos", "xpos"])
    assert vocabulary.tags == {"upos": ["X", "Y"], "xpos": ["p", "q"]}
    assert vocabulary.combinations == [[0, 0], [0, 1], [1, 1]]
    alone = {"tokens": ["f"], "upos": ["Z"], "xpos": ["_"]}  # a tag is in none of them
    with_alone = Vocabulary.build([*PAIRS, alone], ["upos", "xpos"])
    assert with_alone.combinations == [*vocabulary.combinations, [2, 0], [2, 1]]  # it may have any other
    assert Vocabulary.build([alone], ["upos", "xpos"]).combinations == []
    assert Vocabulary.build(PAIRS, ["upos"]).combinations == []
    rows = [("X", "p", "a"), ("X", "q", "a"), ("Y", "q", "_"), ("X", "_", "b"), ("Y", "q", "c"), ("X", "_", "a")]
    sentences = [
        dict(zip(["tokens", "upos", "xpos", "feats"], [["w"], *([tag] for tag in row)], strict=True)) for row in rows
    ]
    vocabulary = Vocabulary.build(sentences, ["upos", "xpos", "feats"])
    assert vocabulary.tags["feats"] == ["_", "a", "b", "c"]
    # X p a, X q a, Y q _, Y q c; no other token has b, so that it stands with both p and q.
    assert vocabulary.combinations == [[0, 0, 1], [0, 0, 2], [0, 1, 1], [0, 1, 2], [1, 1, 0], [1, 1, 3]]


def test_merged_combinations_are_those_of_both() -> None:
    old = Vocabulary.build(PAIRS, ["upos", "xpos"])
    new = Vocabulary.build([{"tokens": ["g"], "xpos": ["p"], "upos": ["Z"]}], ["xpos", "upos"])
    tags = {"xpos": ["p", "q"], "upos": ["X", "Y", "Z"]}
    assert old.combinations_with(new, tags) == [[0, 0], [0, 2], [1, 0], [1, 1]]
    unknown = replace(new, combinations=[])
    assert old.combinations_with(unknown, tags) == unknown.combinations_with(old, old.tags) == []
    untagged = Vocabulary.build(PAIRS, [])
    assert untagged.combinations_with(old, old.tags) == old.combinations
    assert Vocabulary.build(PAIRS, ["upos"]).combinations_with(old, old.tags) == []


def test_frequent_words_and_characters_of_other_text_are_known_but_unseen() -> None:
    corpus = [{"tokens": ["Dog", "dog", "cat"], "upos": ["NOUN"] * 3}]
    own = Vocabulary.build(corpus, ["upos"])
    known = own.with_text({"dog": 2, "Cow": 2, "cow": 1, "cat": 2, "yz": 1, "zz": 1}, 3)
    assert known.words == {"dog": 2, "cow": 3}  # what is rare in the text adds nothing to a count
    assert known.word_ids["dog"] == own.word_ids["dog"]
    assert own.characters == ["g", "o"]
    assert known.characters == ["g", "o", "c", "w", "z"]
    assert (known.forms, known.tags) == (own.forms, own.tags)
    assert own.with_text({"dog": 5}, 3).words == {"dog": 7}


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


def test_the_first_decides_the_order_and_combinations_and_corpora_are_those_of_the_members(
    vocabulary: Vocabulary,
) -> None:
    other = replace(reversed_tags(vocabulary), forms=["anew", "The"])
    joined = join_vocabularies([vocabulary, other])
    assert joined.tags == vocabulary.tags
    assert joined.columns == vocabulary.columns != other.columns
    assert joined.combinations == vocabulary.combinations
    assert joined.forms == sorted([*vocabulary.forms, "anew"])
    assert joined.words == {}
    new = [0, len(vocabulary.tags["xpos"]) - 1]
    assert new not in vocabulary.combinations
    other = replace(vocabulary, combinations=[*vocabulary.combinations, new], corpora=["A", "B", "C"])
    joined = join_vocabularies([vocabulary, other])
    assert joined.combinations == sorted([*vocabulary.combinations, new])  # of any
    assert joined.corpora == other.corpora
    assert join_vocabularies([vocabulary, replace(vocabulary, combinations=[])]).combinations == []
    assert join_vocabularies([other, replace(vocabulary, corpora=["C", "A"])]).corpora == ["A", "C"]  # that all know


def test_a_form_has_the_scripts_that_any_member_has() -> None:
    lemmas = {"flights": "flight", "saw": "saw", "reads": "reads"}
    first, second = (
        Vocabulary.build([{"tokens": forms, "lemma": [lemmas[form] for form in forms]}], ["lemma"], min_count=1)
        for forms in (["flights", "saw"], [*lemmas])
    )
    joined = join_vocabularies([first, second])
    scripts = {form: len(ids) for form, ids in zip(joined.forms, joined.form_tags["lemma"], strict=True)}
    assert scripts == {"flights": 1, "saw": 1, "reads": 1}
    third = replace(second, form_tags={"lemma": [[0, 1]] * len(second.forms)})
    assert join_vocabularies([first, third]).form_tags["lemma"] == [[0, 1]] * 3

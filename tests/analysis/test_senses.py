"""Groups of a word's occurrences: found where they are, not where they are not, and shown as they are."""

import numpy as np
import pytest

from tagger import Sentence, Tagger
from tagger.analysis.located import Located
from tagger.analysis.occurrences import Found, Occurrence, find
from tagger.analysis.senses import MAX_GROUPS, TEXT_WIDTH, Group, Senses, format_groups, grouped, senses, unit
from tagger.errors import InputError
from tagger.model.vocabulary import Vocabulary
from tagger.text.strings import display_width
from tests.conftest import make_network, make_tagger


@pytest.fixture(scope="module")
def untrained(vocabulary: Vocabulary) -> Tagger:
    """Random weights: a word's vector depends on its neighbours."""
    network = make_network(vocabulary, seed=8, hidden={"forward": 16, "backward": 16})
    return make_tagger(network, vocabulary, precision="float32")


def clusters(centres: int, each: int, seed: int = 0, spread: float = 0.05) -> np.ndarray:
    generator = np.random.default_rng(seed)
    middles = np.eye(12)[:centres]
    x = np.repeat(middles, each, axis=0) + spread * generator.standard_normal((centres * each, 12))
    return unit(x - x.mean(axis=0))


@pytest.mark.parametrize("centres", range(2, MAX_GROUPS + 1))
def test_clear_groups_are_found_and_counted(centres: int) -> None:
    order = np.random.default_rng(1).permutation(10 * centres)
    labels, silhouettes = grouped(clusters(centres, 10)[order])
    truth = np.repeat(np.arange(centres), 10)[order]
    assert len(set(zip(labels.tolist(), truth.tolist(), strict=True))) == centres == labels.max() + 1
    assert max(silhouettes, key=lambda k: silhouettes[k]) == centres
    assert silhouettes[centres] > 0.8
    assert set(silhouettes) == set(range(2, MAX_GROUPS + 1))


def test_the_largest_group_comes_first() -> None:
    x = clusters(3, 10)
    labels, _ = grouped(np.concatenate([x[:2], x[10:14], x[20:]]))
    assert labels.tolist() == [2] * 2 + [1] * 4 + [0] * 10


def test_without_groups_there_is_one() -> None:
    x = np.random.default_rng(3).standard_normal((200, 50))
    labels, silhouettes = grouped(unit(x - x.mean(axis=0)))
    assert set(labels.tolist()) == {0}
    assert max(silhouettes.values()) < 0.1
    for same in (np.zeros((5, 3)), np.zeros((3, 3))):
        labels, silhouettes = grouped(same)
        assert set(labels.tolist()) == {0}
        assert set(silhouettes.values()) == {0}


def test_as_many_groups_as_are_asked_for() -> None:
    for number in (1, 2, 5, 20):
        labels, silhouettes = grouped(clusters(2, 10), number)
        assert sorted(set(labels.tolist())) == list(range(number))
        assert silhouettes == {}


def located(sentences: list[list[str]], file: str = "a.txt") -> list[Located]:
    return [Located(file, number, Sentence(tokens)) for number, tokens in enumerate(sentences)]


def contexts(tagger: Tagger, noun: int, verb: int) -> Found:
    """A word in two kinds of sentences."""
    frames = [[f"n{i}", "the", "book", "reads", "flights"] for i in range(noun)]
    frames += [[f"v{i}", "They", "book", "well", "."] for i in range(verb)]
    return find(tagger, "book", ["a.txt"], located(frames), 1000)


def test_uses_of_a_word_are_told_apart(untrained: Tagger) -> None:
    found = senses(untrained, "book", contexts(untrained, 12, 8))
    assert (found.total, found.used, found.layer) == (20, 20, "all")
    assert [(group.number, group.count, group.share) for group in found.groups] == [(1, 12, 0.6), (2, 8, 0.4)]
    for group, letter, others in zip(found.groups, "nv", ({"the", "reads", "flights"}, {"they", "well"}), strict=True):
        assert {each.sentence.tokens[0][0] for each in group.members} == {letter}
        assert len(group.examples) == 3
        assert all(example in group.members for example in group.examples)
        assert {word for word, _ in group.nearest} == {"the", "reads", "flights", "they", "well"}
        cosines = [cosine for _, cosine in group.nearest]
        assert cosines == sorted(cosines, reverse=True)
        assert group.nearest[0][0] in others
    assert found.vectors.shape == (20, 64)


def test_the_form_alone_has_no_senses(untrained: Tagger) -> None:
    found = senses(untrained, "book", contexts(untrained, 12, 8), "0")
    assert [(group.count, group.share) for group in found.groups] == [(20, 1)]
    assert len(found.groups[0].examples) == 3


def test_a_sentence_is_shown_once(untrained: Tagger) -> None:
    found = find(untrained, "book", ["a"], located([["They", "book"]] * 5 + [["The", "book"]]), 1000)
    (group,) = senses(untrained, "book", found, number=1).groups
    assert [each.sentence.tokens for each in group.examples] == [["They", "book"], ["The", "book"]]


def test_more_groups_than_occurrences(untrained: Tagger) -> None:
    with pytest.raises(InputError, match="--groups 6: there are only 5 occurrences of 'book'"):
        senses(untrained, "book", contexts(untrained, 3, 2), number=6)


def test_nearest_words_are_shown_whole_in_lines_that_fit() -> None:
    sentence = Sentence(["book"])
    words = [f"{'x' * 9}{i}" for i in range(8)] + ["y" * 200, "\u98db" * 20]
    group = Group(1, 1, 1.0, [(word, 0.5) for word in words], [Occurrence("a", 0, 0, sentence)], [])
    lines = format_groups(Senses("w" * 100, "all", 1, 1, {}, [group], np.zeros((1, 2)))).splitlines()
    assert max(map(display_width, lines)) <= TEXT_WIDTH
    assert lines[3].split() == ["nearest", "words:", *words[:5]]
    assert lines[4].split()[:3] == words[5:8]
    assert "yyy…" in lines[4] + lines[5]
    assert lines[-1].strip() == "[book]"

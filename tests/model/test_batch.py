"""Sentences to batches: features of forms, padding, hidden words, targets and lengths near each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.model.batch import collate, length_buckets
from tagger.model.embeddings import MAX_CHARACTERS, affix_rows
from tagger.model.vocabulary import IGNORE, PAD, UNK, UNSEEN, Vocabulary
from tests.conftest import BUCKETS, TOKENS, assert_same_batch, make_batch, make_table


def ewt_like_lengths(count: int = 12_000) -> np.ndarray:
    """Sentence lengths as a treebank of the web has them: 1 to 150, 16 on average, many short ones."""
    return np.random.default_rng(7).lognormal(2.45, 0.85, count).astype(np.int64).clip(1, 150)


def test_collate_pads_on_the_right(vocabulary: Vocabulary) -> None:
    batch = make_batch(TOKENS, vocabulary)
    words, affixes, characters = (batch.features[name] for name in ("words", "affixes", "characters"))
    assert batch.lengths.tolist() == [4, 5, 1]
    assert batch.index.shape == (5, 3)
    assert characters.shape == (8, len("flights"))  # They book flights . The reads well Well: "." and "book" once, too
    for i, sentence in enumerate(TOKENS):
        for t, form in enumerate(sentence):
            u = batch.index[t, i]
            assert words[u] == vocabulary.word_ids[form.lower()]
            assert affixes[u].tolist() == affix_rows(BUCKETS, [form])[0].tolist()
            ids = [vocabulary.character_ids[c] for c in form]
            assert characters[u].tolist() == ids + [PAD] * (len("flights") - len(form))
        assert (batch.index[len(sentence) :, i] == 0).all()


def test_targets_tell_unseen_tags_from_blanks() -> None:
    corpus = [{"tokens": ["a", "b"], "upos": ["X", "Y"], "feats": ["_", "F=1"]}]
    vocabulary = Vocabulary.build(corpus, ["upos", "feats"], min_count=1)
    tags = {"upos": [["Y", "_", "NEW"], ["X"]], "feats": [["_", "", "F=2"], ["F=1"]]}
    batch = make_batch([["a", "b", "c"], ["a"]], vocabulary, tags)
    assert batch.targets["upos"].T.tolist() == [[1, IGNORE, UNSEEN], [0, IGNORE, IGNORE]]
    assert batch.targets["feats"].T.tolist() == [[1, IGNORE, UNSEEN], [0, IGNORE, IGNORE]]
    assert make_batch([["a"]], vocabulary).targets == {}


def test_word_dropout_hides_tokens_of_the_generators_choice_and_keeps_their_spelling(vocabulary: Vocabulary) -> None:
    words = Vocabulary({"book": 4, "flights": 4}, vocabulary.characters, vocabulary.tags, vocabulary.forms)
    table, sentences = make_table(words), [["book", "flights"] * 500]
    first, again, other = (
        collate(sentences, table, word_dropout=1.0, generator=np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert_same_batch(first, again)
    assert first.index.tolist() != other.index.tolist()
    assert len(first.features["words"]) == 4  # both forms, each as it is and hidden
    ids = first.features["words"][first.index[:, 0]]
    assert 150 < int((ids == UNK).sum()) < 250  # one in 1 + 4
    assert set(ids[0::2].tolist()) == {words.word_ids["book"], UNK}
    for name in ("characters", "affixes"):
        spelled = first.features[name][first.index[:, 0]]
        assert (spelled[0::2] == spelled[0]).all()
        assert (spelled[1::2] == spelled[1]).all()
        assert (spelled[0] != spelled[1]).any()


@given(st.lists(st.lists(st.text(st.characters(codec=None, exclude_categories=())), min_size=1), min_size=1))
def test_any_forms_can_be_collated(sentences: list[list[str]]) -> None:
    vocabulary = Vocabulary.build([{"tokens": ["a", "\ud800"], "upos": ["X", "Y"]}], ["upos"], min_count=1)
    batch = make_batch(sentences, vocabulary)
    assert batch.lengths.tolist() == [len(sentence) for sentence in sentences]
    for i, sentence in enumerate(sentences):
        for t, form in enumerate(sentence):
            assert batch.features["words"][batch.index[t, i]] == vocabulary.word_ids.get(form.lower(), UNK)


@pytest.mark.parametrize("max_tokens", [500, 2000])
@pytest.mark.parametrize("seed", [None, 1, 2])
def test_padding_is_at_most_a_tenth_of_the_slots(max_tokens: int, seed: int | None) -> None:
    lengths = ewt_like_lengths()
    assert 15 < lengths.mean() < 17
    generator = None if seed is None else np.random.default_rng(seed)
    batches = [lengths[numbers] for numbers in length_buckets(lengths, max_tokens, generator)]
    slots = sum(int(batch.max()) * len(batch) for batch in batches)
    assert 1 - lengths.sum() / slots <= 0.10
    assert len(batches) <= 1.2 * lengths.sum() / max_tokens  # and the batches are full


@given(st.lists(st.integers(1, 60), max_size=50), st.integers(1, 100), st.one_of(st.none(), st.integers(0, 5)))
def test_every_sentence_is_in_one_batch_within_the_limit(lengths: list[int], limit: int, seed: int | None) -> None:
    measured = np.array(lengths, dtype=np.int64)
    generator = None if seed is None else np.random.default_rng(seed)
    batches = list(length_buckets(measured, limit, generator))
    assert sorted(int(n) for batch in batches for n in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or measured[batch].max() * len(batch) <= limit


def test_buckets_are_a_function_of_the_generator() -> None:
    lengths = ewt_like_lengths(500)
    first, again, other = (
        [batch.tolist() for batch in length_buckets(lengths, 500, np.random.default_rng(seed))] for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other
    assert sorted(map(sorted, first)) != sorted(map(sorted, other))  # other neighbours, not only another order
    longest = [int(lengths[batch].max()) for batch in first]
    assert longest != sorted(longest)


def test_a_long_form_gives_its_first_and_last_characters() -> None:
    vocabulary = Vocabulary.build([{"tokens": ["abcdefgh"], "upos": ["X"]}], ["upos"], min_count=1)
    form = "abcd" * 4 + "h" * 4968 + "efg" * 5 + "a"
    assert len(form) == 5000
    batch = make_batch([[form, "ab"]], vocabulary)
    assert batch.features["characters"].shape == (2, MAX_CHARACTERS)
    ids = vocabulary.character_ids
    assert batch.features["characters"][0].tolist() == [ids[c] for c in form[:16] + form[-16:]]
    assert batch.features["characters"][1].tolist() == [ids["a"], ids["b"]] + [PAD] * 30
    for length in (31, 32, 33):
        batch = make_batch([[form[:length]]], vocabulary)
        assert (batch.features["characters"] != PAD).sum() == min(length, 32)


def test_a_table_that_forgets_or_grows_gives_the_same_batches(vocabulary: Vocabulary) -> None:
    small, large = make_table(vocabulary, limit=4), make_table(vocabulary)
    texts = [[["They", "book"]], [["flights", "."]], [["Well"], ["reads", "They", "new", "words", "book"]], TOKENS]
    for sentences in [*texts, *texts]:
        assert_same_batch(collate(sentences, small), make_batch(sentences, vocabulary))
        assert len(small._rows) <= max(4, sum(map(len, sentences)))
    for start in (0, 700, 1400, 0):
        sentences = [[f"form{i}" for i in range(start, start + 700)]]
        assert_same_batch(collate(sentences, large), make_batch(sentences, vocabulary))

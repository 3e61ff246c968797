"""A hidden word is hidden from everything, and the loss is that of a softmax."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from tagger.errors import InputError
from tagger.model.batch import FIRST_ID
from tagger.model.vocabulary import Vocabulary
from tagger.pretraining.network import HiddenWordNetwork, hide_words
from tests.conftest import TOKENS, make_table, network_config

SENTENCE = ["They", "book", "flights", "."]
SIZE = network_config()["words"]


@pytest.fixture
def words() -> Vocabulary:
    return Vocabulary.build(({"tokens": tokens} for tokens in TOKENS), [], 1)


def make(words: Vocabulary, samples: int = 100, **changes: object) -> HiddenWordNetwork:
    torch.manual_seed(3)
    network = HiddenWordNetwork(words, network_config(**changes), samples)
    network.mask.data.normal_()
    return network.eval()


@pytest.mark.parametrize("cell", ["gru", "gru_scratch", "lstm", "mingru"])
@pytest.mark.parametrize("place", range(4))
def test_the_hidden_word_changes_nothing(words: Vocabulary, cell: str, place: int) -> None:
    network = make(words, cell=cell)
    table = make_table(words)
    found = []
    for hidden in ("flights", "Well", "unseen-word", "x", "They", "ein-ganz-anderes-langes-Wort"):
        sentence = [*SENTENCE[:place], hidden, *SENTENCE[place + 1 :]]
        batch = hide_words([sentence, TOKENS[1]], [np.array([place]), np.array([0, 3])], table)
        found.append(network.scores(network.predict(batch.batch, batch.places)))
    for other in found[1:]:
        torch.testing.assert_close(other, found[0], rtol=0, atol=0)
    batch = hide_words(
        [["We", *SENTENCE[1:]] if place else ["They", "We", *SENTENCE[2:]], TOKENS[1]],
        [np.array([place]), np.array([0, 3])],
        table,
    )
    changed = network.scores(network.predict(batch.batch, batch.places))
    assert (changed[0] - found[0][0]).abs().max() > 1e-6  # a word that is not hidden does


def test_a_small_vocabulary_has_the_whole_loss(words: Vocabulary) -> None:
    network = make(words)
    predicted, targets = torch.randn(2, SIZE), torch.tensor([1, 3])
    whole = cross_entropy(network.scores(predicted), targets)
    torch.testing.assert_close(network.loss(predicted, targets), whole)


def test_the_sampled_loss_is_near_the_whole_one() -> None:
    many = Vocabulary.of_forms({f"w{i}": 1 + 3_000 // (i + 1) for i in range(300)}, 1)
    network = make(many, samples=150)
    predicted, targets = torch.randn(8, SIZE), torch.arange(0, 240, 30)
    whole = cross_entropy(network.scores(predicted), targets)
    with torch.no_grad():
        sampled = torch.stack([network.loss(predicted, targets) for _ in range(300)])
    assert sampled.std() > 0
    assert abs(sampled.mean() - whole) < 0.02
    drawn = torch.stack([torch.multinomial(network.weights, 150).bincount(minlength=300) for _ in range(2_000)])
    torch.testing.assert_close(drawn.float().mean(0), network.inclusion, rtol=0, atol=0.05)


def test_all_words_can_be_learned(words: Vocabulary) -> None:
    network = make(words, samples=4).train()
    table = make_table(words)
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.02)
    batch = hide_words([SENTENCE] * 4, [np.array([place]) for place in range(4)], table)
    for _ in range(100):
        loss = network.loss(network.predict(batch.batch, batch.places), batch.targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()
    for place in range(4):
        batch = hide_words([SENTENCE], [np.array([place])], table)
        best = network.scores(network.predict(batch.batch, batch.places)).argmax(1)
        assert best.tolist() == batch.targets.tolist()


def test_without_word_embeddings_nothing_is_predicted(words: Vocabulary) -> None:
    with pytest.raises(InputError, match=r"embedding\.words=0"):
        HiddenWordNetwork(words, network_config(words=0))


def test_a_vocabulary_without_tags_gives_no_heads(words: Vocabulary) -> None:
    assert not make(words).body.heads
    assert make(replace(words, tags={})).body.embedding.width == make(words).mask.shape[0]


def test_places_and_targets() -> None:
    words = Vocabulary.build(({"tokens": tokens} for tokens in TOKENS), [], 1)
    table = make_table(words)
    batch = hide_words([TOKENS[0], ["Well", "unseen"]], [np.array([0, 3]), np.array([1])], table)
    shown = batch.batch.index.flatten()[batch.places]
    forms = [batch.batch.features["words"][i] for i in shown]
    ids = words.word_ids
    assert [int(form) for form in forms] == [ids["they"], ids["."], 1]
    assert batch.targets.tolist() == [ids["they"] - FIRST_ID, ids["."] - FIRST_ID, -1]

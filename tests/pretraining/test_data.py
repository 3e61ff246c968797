"""Batches with hidden words: which words are hidden, in training and on dev."""

import numpy as np
import pytest

from tagger.model.forms import FormTable
from tagger.model.vocabulary import Vocabulary
from tagger.pretraining.data import DEV_STRIDE, DevBatches, _TrainBatches
from tests.conftest import make_table

SENTENCES = [[f"w{(i * 7 + j) % 30}" for j in range(length)] for i, length in enumerate((1, 3, 8, 9, 17, 40))]


@pytest.fixture
def table() -> FormTable:
    words = {f"w{number}": 1 for number in range(25)}  # w25 to w29 are unknown
    return make_table(Vocabulary(words, ["w"], {}, []))


def test_every_word_of_dev_is_hidden_once_and_never_beside_another(table: FormTable) -> None:
    hidden = 0
    for shift in range(DEV_STRIDE):
        batches = DevBatches(SENTENCES, table, 50, shift)
        for number in range(len(batches)):
            batch = batches[number]
            sentences = len(batch.batch.lengths)
            hidden += len(batch.places)
            for sentence in range(sentences):
                places = np.sort(batch.places[batch.places % sentences == sentence].numpy() // sentences)
                assert (np.diff(places) == DEV_STRIDE).all()
    assert hidden == sum(map(len, SENTENCES))


def test_only_words_of_the_vocabulary_are_hidden_in_training(table: FormTable) -> None:
    batches = _TrainBatches(SENTENCES, table, mask=0.3, cut=0.5)
    for seed in range(20):
        batch = batches[np.arange(len(SENTENCES)), [1, 0, seed]]
        assert len(batch.places)
        assert (batch.targets >= 0).all()
    first, second = (batches[np.arange(len(SENTENCES)), [1, 0, 3]] for _ in range(2))
    assert first.places.tolist() == second.places.tolist()
    assert first.targets.tolist() == second.targets.tolist()


def test_without_cuts_whole_sentences_are_read(table: FormTable) -> None:
    batch = _TrainBatches(SENTENCES, table, mask=0.3, cut=0.0)[np.arange(len(SENTENCES)), [1, 0, 0]]
    assert batch.batch.lengths.tolist() == [len(sentence) for sentence in SENTENCES]
    cut = _TrainBatches(SENTENCES, table, mask=0.3, cut=1.0)[np.arange(len(SENTENCES)), [1, 0, 0]]
    assert (cut.batch.lengths <= batch.batch.lengths).all()
    assert (cut.batch.lengths < batch.batch.lengths).any()

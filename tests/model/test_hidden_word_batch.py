"""Batches with hidden words: which places are hidden, and what stood there."""

import numpy as np

from tagger.model.batch import FIRST_ID
from tagger.model.forms import FormTable
from tagger.model.hidden_words import hide_words
from tagger.model.vocabulary import Vocabulary
from tests.conftest import BUCKETS, TOKENS


def test_places_and_targets() -> None:
    words = Vocabulary.build(({"tokens": tokens} for tokens in TOKENS), [], 1)
    table = FormTable(words, BUCKETS)
    batch = hide_words([TOKENS[0], ["Well", "unseen"]], [np.array([0, 3]), np.array([1])], table)
    shown = batch.batch.index.flatten()[batch.places]
    forms = [batch.batch.words[i] for i in shown]
    ids = words.word_ids
    assert [int(form) for form in forms] == [ids["they"], ids["."], 1]
    assert batch.targets.tolist() == [ids["they"] - FIRST_ID, ids["."] - FIRST_ID, -1]

"""One vector per form: which parts it has, and that nothing but the form decides it."""

import dataclasses

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from tagger.batches import AFFIXES
from tagger.embeddings import CharacterEncoder, FormEmbedding
from tagger.errors import InputError
from tagger.vocabulary import PAD, UNK, Vocabulary
from tests.conftest import BUCKETS, TOKENS, make_batch


@pytest.fixture
def characters() -> CharacterEncoder:
    torch.manual_seed(1)
    return CharacterEncoder(characters=9, size=4, width=3, embedding=5)


@pytest.mark.parametrize(("words", "affixes", "chars"), [(6, 3, 5), (6, 0, 0), (0, 3, 0), (0, 0, 5), (6, 0, 5)])
def test_width_is_the_sum_of_the_parts(vocabulary: Vocabulary, words: int, affixes: int, chars: int) -> None:
    embedding = FormEmbedding(vocabulary, words, affixes, chars, BUCKETS)
    assert embedding.width == words + AFFIXES * affixes + chars
    batch = make_batch(TOKENS, vocabulary)
    assert embedding(batch).shape == (len(batch.words), embedding.width)


def test_no_part_at_all_is_an_error(vocabulary: Vocabulary) -> None:
    with pytest.raises(InputError, match="all 0"):
        FormEmbedding(vocabulary, 0, 0, 0, BUCKETS)


def test_parts_stand_side_by_side_and_read_their_own_ids(vocabulary: Vocabulary) -> None:
    embedding = FormEmbedding(vocabulary, 6, 3, 5, BUCKETS)
    batch = make_batch(TOKENS, vocabulary)
    before = embedding(batch)
    other = dataclasses.replace(batch, words=torch.full_like(batch.words, UNK))
    changed = (embedding(other) != before).any(dim=0)
    assert changed[:6].all()
    assert not changed[6:].any()
    other = dataclasses.replace(batch, affixes=batch.affixes.flip(0))
    changed = (embedding(other) != before).any(dim=0)
    assert changed[6 : 6 + 3 * AFFIXES].any()
    assert not changed[:6].any()
    assert not changed[6 + 3 * AFFIXES :].any()


def test_character_encoder_is_the_maximum_over_windows(characters: CharacterEncoder) -> None:
    form = [3, 8, 4, 2]
    padded = nn.functional.pad(characters.embedding(torch.tensor(form)), (0, 0, 1, 1))  # (C + 2, embedding)
    filters = characters.convolution.weight.transpose(1, 2)  # (size, width, embedding)
    windows = torch.stack([(filters * padded[i : i + 3]).sum((1, 2)) for i in range(len(form))])
    expected = torch.relu(windows.amax(0) + characters.convolution.bias)
    assert_close(characters(torch.tensor([form]))[0], expected)


def test_characters_beyond_the_end_of_a_form_change_nothing(characters: CharacterEncoder) -> None:
    with torch.no_grad():
        characters.convolution.bias.fill_(2.0)  # so that an answer to padding alone would show
    alone = torch.cat([characters(torch.tensor([[5, 3]])), characters(torch.tensor([[4, 4]]))])
    padded = torch.tensor([[5, 3, PAD, PAD, PAD], [4, 4, PAD, PAD, PAD]])
    assert_close(characters(padded), alone)
    assert not torch.allclose(characters(torch.tensor([[3, 5]])), alone[:1])


def test_a_form_without_characters_is_finite(characters: CharacterEncoder) -> None:
    assert torch.equal(characters(torch.tensor([[PAD, PAD]])), torch.zeros(1, 4))


def test_the_vector_of_a_form_does_not_depend_on_the_batch(vocabulary: Vocabulary) -> None:
    embedding = FormEmbedding(vocabulary, 6, 3, 5, BUCKETS)
    together = embedding(make_batch([["book", "unbelievably", "flights"]], vocabulary))
    for i, form in enumerate(("book", "unbelievably", "flights")):
        assert_close(embedding(make_batch([[form]], vocabulary))[0], together[i])

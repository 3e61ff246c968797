"""One vector per form: which parts it has, and that nothing but the form decides it."""

import dataclasses

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close

from tagger.model.embeddings import (
    AFFIX_COUNT,
    CharacterEncoder,
    CharacterTable,
    FormEmbedding,
    VectorConfig,
    VectorEmbedding,
    affix_rows,
    word_shape,
)
from tagger.model.vocabulary import PAD, UNK, Vocabulary
from tests.conftest import make_batch, network_config


@pytest.mark.parametrize("width", [1, 3, 5])
def test_character_encoder_is_the_maximum_over_windows_and_padding_changes_nothing(width: int) -> None:
    torch.manual_seed(1)
    encoder = CharacterEncoder(ids=9, filters=4, width=width, size=5)
    with torch.no_grad():
        encoder.convolution.bias.fill_(2.0)  # so that an answer to padding alone would show
    form, reach = [3, 8, 4, 2], width // 2
    padded = nn.functional.pad(
        encoder.embedding(torch.tensor(form)), (0, 0, reach, reach)
    )  # (C + width - 1, embedding)
    filters = encoder.convolution.weight.transpose(1, 2)  # (size, width, embedding)
    windows = torch.stack([(filters * padded[i : i + width]).sum((1, 2)) for i in range(len(form))])
    expected = torch.relu(windows.amax(0) + encoder.convolution.bias)
    assert_close(encoder(torch.tensor([[*form, PAD, PAD], [UNK, *[PAD] * 5]]))[0], expected)
    forms = torch.tensor([form, [UNK, PAD, PAD, PAD], [PAD, PAD, PAD, PAD], [5, 5, 5, PAD]])
    assert_close(CharacterTable(encoder)(forms), encoder(forms))


def vectors(projection: int, dtype: str = "float32", tune: bool = False) -> VectorEmbedding:
    """Two sources, of 3 words with 2 numbers and of 1 word with 1 number."""
    torch.manual_seed(1)
    embedding = VectorEmbedding([3, 1], VectorConfig(sizes=[2, 1], projection=projection, tune=tune, dtype=dtype))
    embedding.fill(0, torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    embedding.fill(1, torch.tensor([[7.0]]))
    with torch.no_grad():
        embedding.missing.copy_(torch.arange(2.0 * embedding.width).view(2, -1) + 10)
    return embedding


def test_sources_stand_side_by_side_and_what_is_missing_is_learned() -> None:
    x = vectors(projection=0)(torch.tensor([[3, 1], [0, 1], [1, 0], [0, 0]]))
    expected = [[5.0, 6.0, 7.0], [10.0, 11.0, 19.0], [14.0, 16.0, 15.0], [23.0, 25.0, 27.0]]
    assert_close(x, torch.tensor(expected))


def test_the_projection_is_learned_and_the_vectors_only_if_asked_in_any_precision() -> None:
    for tune, dtype in ((False, torch.float32), (True, torch.float32), (False, torch.float16)):
        embedding = vectors(4, str(dtype).removeprefix("torch."), tune)
        assert {table.dtype for table in embedding.tables} == {dtype}
        x = embedding(torch.tensor([[3, 1], [0, 0]]))
        assert x.dtype == torch.float32
        assert_close(x[0], embedding.projection(torch.tensor([5.0, 6.0, 7.0])))
        x.sum().backward()
        assert all((table.grad is not None) == tune for table in embedding.tables)


def test_a_form_finds_its_vector_as_written_or_in_lower_case(vocabulary: Vocabulary) -> None:
    sources = {"one": {"book": 0, "Book": 1, "the": 2}, "two": {"THE": 0}}
    known = dataclasses.replace(vocabulary, vectors=sources)
    config = VectorConfig(sizes=[2, 1], projection=0, tune=False, dtype="float32")
    embedding = FormEmbedding(known, network_config(words=0, affixes=0, chars=0, vectors=config))
    assert embedding.width == 3
    part = embedding.vectors
    assert part is not None
    part.fill(0, torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    part.fill(1, torch.tensor([[7.0]]))
    x = embedding(make_batch([["Book", "BOOK", "THE", "the", "flights"]], known).features)
    assert_close(x, torch.tensor([[3.0, 4, 0], [1, 2, 0], [5, 6, 7], [5, 6, 0], [0, 0, 0]]))


SHAPES = {"McDonald's": "XxXxxx'x", "1,250": "9,999", "12345": "999", "NATO": "XXX", "...": "...", "......": "..."}
SHAPES |= {"naïve-Ä1": "xxx-X9", "": "", "\ud800": "\ud800", "语言": "xx"}


def test_word_shape() -> None:
    assert {form: word_shape(form) for form in SHAPES} == SHAPES


def test_affix_rows_are_the_same_in_every_process() -> None:
    assert affix_rows(1000, ["Books", "naïve-1", "\ud800"]).tolist() == [
        [681, 1851, 2149, 3339, 4733, 5613, 6414, 7009],
        [146, 1600, 2711, 3583, 4962, 5396, 6714, 7879],
        [600, 1600, 2600, 3600, 4600, 5600, 6600, 7600],
    ]


@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=40), st.integers(1, 50))
def test_every_affix_has_rows_of_its_own(form: str, buckets: int) -> None:
    assert (affix_rows(buckets, [form])[0] // buckets).tolist() == list(range(AFFIX_COUNT))

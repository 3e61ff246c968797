"""Pieces and windows, against what Hugging Face's tokenizers make of the same words."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tagger.model.transformer import MAX_FORM_PIECES, PieceTokenizer, windows
from tests.pretrained.encoders import LIMIT, flat, load, read, transformers


@pytest.mark.parametrize("kind", ["bert", "roberta"])
@pytest.mark.parametrize("sentence", [["They", "booking", "flights", "."], ["a", "x" * 20, "the-book,", "é"]])
def test_pieces_are_those_of_a_sentence_in_words(kind: str, sentence: list[str], request: Any) -> None:
    folder = request.getfixturevalue(kind)
    _, ours, _ = load(folder)
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    theirs.backend_tokenizer.no_padding()
    theirs.backend_tokenizer.no_truncation()
    if kind == "roberta":
        theirs.backend_tokenizer.pre_tokenizer.add_prefix_space = True
    expected = theirs(sentence, is_split_into_words=True)
    found = ours.pieces(sentence)
    assert ours.prefix + flat(found) + ours.suffix == expected["input_ids"]
    words = [word for word in expected.word_ids() if word is not None]
    assert [len(pieces) for pieces in found] == np.bincount(words).tolist()


def test_every_form_has_pieces_but_not_too_many(bert: Path, roberta: Path) -> None:
    _, tokenizer, _ = load(bert)
    assert tokenizer.pieces(["\u200b", "", " ", "\ud800", "x" * 200]) == [[1]] * 5  # all unknown
    assert tokenizer.pieces([]) == []
    _, tokenizer, _ = load(roberta)
    assert [len(pieces) for pieces in tokenizer.pieces(["qz" * 500, "\ud800"])] == [tokenizer.room, 4]  # Ġ, 3 bytes
    wide = PieceTokenizer(tokenizer.tokenizer, 512)
    assert len(wide.pieces(["qz" * 500])[0]) == MAX_FORM_PIECES


def test_a_sentence_at_the_limit_is_one_window(bert: Path) -> None:
    _, tokenizer, _ = load(bert)
    assert read(tokenizer, ["a"] * (LIMIT - 2)).ids.shape == (1, LIMIT)
    assert len(read(tokenizer, ["a"] * (LIMIT - 1)).ids) == 2


@pytest.mark.parametrize("words", [["a"], ["book", "flights", "a", "unablea"], ["a", "un" + "able" * 7]])
def test_windows_of_a_long_sentence(bert: Path, words: list[str]) -> None:
    _, tokenizer, _ = load(bert)
    tokens = [words[place % len(words)] for place in range(200)]
    pieces = tokenizer.pieces(tokens)
    found = windows([tokenizer.pieces(["the"]), pieces], tokenizer)
    assert found.ids.shape[1] <= LIMIT
    assert found.window.shape == (200, 2)
    sizes = found.mask.sum(1)
    stands = torch.zeros_like(found.ids)  # how many tokens are read from a place
    for token, ids in enumerate(pieces):
        row, start, end = (int(x[token, 1]) for x in (found.window, found.start, found.end))
        assert found.ids[row, start:end].tolist() == ids
        stands[row, start:end] += 1
    assert stands.max() == 1
    assert stands.sum() == sum(map(len, pieces))
    rows = found.window[:, 1].unique().tolist()
    assert (found.window[:, 1].diff() >= 0).all()
    longest = max(map(len, pieces))
    for row in rows:
        used = stands[row].nonzero().flatten()
        if row != rows[0]:  # at least a quarter of a window before the first token, but for a token's length
            assert used[0] - 1 >= tokenizer.room // 4 - longest
        if row != rows[-1]:
            assert sizes[row] - 2 - used[-1] >= tokenizer.room // 4 - longest
    beyond = torch.arange(200) > 0
    for x in (found.window, found.start, found.end):
        assert (x[beyond, 0] == 0).all()


def test_a_token_stands_in_the_window_that_shows_most_around_it(bert: Path) -> None:
    _, tokenizer, _ = load(bert)  # room for 30 pieces: windows of tokens 0 to 29, 15 to 44, 30 to 49
    found = windows([[[9]] * 50], tokenizer)
    for token in range(50):
        distances = [
            min(token - first if first else 99, last - 1 - token if last < 50 else 99)
            for first, last in ((0, 30), (15, 45), (30, 50))
        ]
        assert distances[int(found.window[token, 0])] == max(distances)

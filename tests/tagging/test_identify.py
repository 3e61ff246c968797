"""What finds the language of a text."""

from pathlib import Path

import numpy as np

from tagger.tagging.identify import MAX_WORD, Identifier, pieces_of, words_of


def test_words_are_runs_of_letters() -> None:
    assert list(words_of("Dw i'n dod o Loegr, 25 oed!")) == ["dw", "i'n", "dod", "o", "loegr", "oed"]
    assert list(words_of("我们看東西")) == ["我们", "看東", "西"]
    assert list(words_of("Hallo @anna_b你好, https://x.org/das-Haus?a=b我 www.haus.de")) == ["hallo", "你好", "我"]
    assert [len(word) for word in words_of("a" * 100)] == [MAX_WORD]
    assert not list(words_of("12:30 — …"))


def test_pieces_know_the_borders_of_a_word() -> None:
    assert len(pieces_of("ab", 8192)) == 3 + 3 + 2 + 1 + 1  # without the first border alone; and the word itself
    assert pieces_of("ab", 8192) != pieces_of("ba", 8192)
    assert set(pieces_of("word", 7)) <= set(range(7))
    assert pieces_of("\ud800", 8192)  # a lone surrogate


def test_scores_are_sums_and_the_file_keeps_them(tmp_path: Path) -> None:
    weights = np.random.default_rng(1).normal(size=(64, 3)).astype(np.float32)
    identifier = Identifier(["english", "welsh", "german"], weights, np.array([0.5, 0, 0], dtype=np.float32))
    words = ["hen", "wlad"]
    expected = identifier._bias + weights[pieces_of("hen", 64) + pieces_of("wlad", 64)].sum(axis=0)
    np.testing.assert_allclose(identifier.scores(words), expected, rtol=1e-4)
    np.testing.assert_allclose(identifier.scores([]), [0.5, 0, 0])
    identifier.save(tmp_path / "languages.safetensors")
    loaded = Identifier.load(tmp_path / "languages.safetensors")
    assert loaded.languages == ["english", "welsh", "german"]
    np.testing.assert_allclose(loaded.scores(words), identifier.scores(words), atol=0.5)
    assert (tmp_path / "languages.safetensors").stat().st_size < 64 * 3 + 500

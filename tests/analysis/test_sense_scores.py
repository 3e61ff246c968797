"""Scores of layers on known senses: hand-computed cases, chance, and files with mistakes."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tagger import Tagger
from tagger.analysis.sense_scores import format_table, leave_one_out, read_examples, sense_scores, to_json
from tagger.errors import InputError
from tagger.model.vocabulary import Vocabulary
from tagger.text.sentence import Token
from tests.conftest import make_network, make_tagger

EXAMPLES = Path(__file__).parents[2] / "data" / "senses.tsv"


@pytest.fixture(scope="module")
def untrained(vocabulary: Vocabulary) -> Tagger:
    """Random weights: a word's vector depends on its neighbours."""
    network = make_network(vocabulary, seed=4, hidden={"forward": 16, "backward": 16})
    return make_tagger(network, vocabulary, precision="float32")


def test_leave_one_out() -> None:
    generator = np.random.default_rng(0)
    names = ["a"] * 10 + ["b"] * 8
    shared = 100 * generator.standard_normal(6)
    apart = np.array([[5.0, 0, 0, 0, 0, 0]] * 10 + [[-5.0, 0, 0, 0, 0, 0]] * 8)
    noise = generator.standard_normal((18, 6))
    assert leave_one_out(shared + apart + noise, names) == 1
    assert leave_one_out(shared + apart + noise, ["a", "b"] * 9) < 0.7
    static = np.repeat(generator.standard_normal((1, 300)).astype(np.float32), 18, axis=0)
    assert leave_one_out(static.astype(np.float64), names) == pytest.approx(0.5, abs=1e-12)
    assert leave_one_out(static.astype(np.float64), ["a", "b", "c"] * 6) == pytest.approx(1 / 3, abs=1e-12)
    outlier = np.array([[1.0, 0], [1, 0.1], [1, -0.1], [0, 1], [0.1, 1], [1, 0]])
    assert leave_one_out(outlier, ["a", "a", "a", "b", "b", "b"]) == pytest.approx(5 / 6)


def test_chance_is_what_words_without_senses_get() -> None:
    generator = np.random.default_rng(0)
    scores = [leave_one_out(generator.standard_normal((20, 30)) + 3, ["a"] * 10 + ["b"] * 10) for _ in range(200)]
    assert np.mean(scores) == pytest.approx(0.5, abs=0.04)


def test_scores_of_every_layer(untrained: Tagger, tmp_path: Path) -> None:
    lines = [f"book\tnoun\tThe n{i} the book reads." for i in range(5)]
    lines += [f"Book\tverb\tv{i} They book flights." for i in range(5)]
    lines += [f"well\t{sense}\tThey book well {i}." for i in range(3) for sense in "ab"]
    (tmp_path / "s.tsv").write_text("\n".join(lines) + "\n\n", encoding="utf-8")
    examples = read_examples(untrained, str(tmp_path / "s.tsv"))
    assert {word: len(each) for word, each in examples.items()} == {"book": 10, "well": 6}
    assert examples["book"][5].tokens[examples["book"][5].position] == "book"
    scores = sense_scores(untrained, examples)
    assert set(scores["book"]) == {"0", "1", "2", "all", "mean"}
    assert scores["book"]["0"] == scores["well"]["0"] == pytest.approx(0.5)
    assert scores["book"]["1"] == scores["book"]["all"] == 1
    result = to_json(scores)
    assert result["mean"]["1"] == pytest.approx((1 + scores["well"]["1"]) / 2)
    table = [line.split() for line in format_table(scores).splitlines()]
    assert table[0] == ["layer", "0", "1", "2", "all", "mean"]
    assert [row[0] for row in table[1:]] == ["book", "well", "mean"]
    assert table[1][1:3] == ["50.0", "100.0"]


def test_words_of_multiword_tokens_have_senses(
    untrained: Tagger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        untrained, "segment_all", lambda texts: [[[Token(0, 2, ("de", "le")), Token(3, 7)], [Token(8, len(texts[0]))]]]
    )
    senses = "".join(f"LE\t{sense}\tdu pain Oui{i}\n" for sense in "ab" for i in range(2))
    (tmp_path / "s.tsv").write_text(senses, encoding="utf-8")
    examples = read_examples(untrained, str(tmp_path / "s.tsv"))["le"]
    assert [(e.sense, e.tokens, e.position) for e in examples] == [(s, ["de", "le", "pain"], 1) for s in "aabb"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["book\tnoun"], r"line 1: 'book\\tnoun' is not word, tab, sense, tab, sentence"),
        (["", "book\tnoun\tA book.", "book\t\tA book."], "line 3: "),
        (["book\tnoun\tA book.", "book\tnoun\tNo such thing."], "line 2: 'book' stands 0 times in 'No such thing.'"),
        (["book\tnoun\tBook a book."], "line 1: 'book' stands 2 times"),
        (["book\tnoun\tA book.", "book\tnoun\tThe book."], "'book' has only the sense 'noun'"),
        (["book\tnoun\tA book.", "book\tnoun\tThe book.", "book\tverb\tI book."], "'verb' of 'book' has one sentence"),
        (["", " "], "has no lines of word, tab, sense, tab, sentence"),
    ],
)
def test_what_is_no_file_of_senses(untrained: Tagger, tmp_path: Path, lines: list[str], message: str) -> None:
    (tmp_path / "s.tsv").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(InputError, match=f"s.tsv.*{message}"):
        read_examples(untrained, str(tmp_path / "s.tsv"))


def test_the_file_of_senses_that_comes_with_the_tests(untrained: Tagger) -> None:
    examples = read_examples(untrained, str(EXAMPLES))
    assert len(examples) >= 12
    for word, each in examples.items():
        counts = Counter(example.sense for example in each)
        assert len(counts) >= 2
        assert min(counts.values()) >= 10, word
        assert len({tuple(example.tokens) for example in each}) == len(each)

"""The errors that a page shows: which, with what around them, and how many."""

import random
from typing import Any

import pytest

from tagger.evaluation import error_sample
from tagger.evaluation.error_sample import ErrorCollector
from tagger.model.vocabulary import Vocabulary
from tagger.text.sentence import Sentence


@pytest.fixture
def vocabulary() -> Vocabulary:
    return Vocabulary.build([{"tokens": ["The", "cat", "sat"], "upos": ["DET", "NOUN", "VERB"]}], ["upos"])


def tagged(words: list[str], tags: list[str], shares: list[float], *comments: str) -> Sentence:
    return Sentence(words, {"upos": tags}, {"upos": shares}, comments=list(comments))


def test_errors_with_their_sentences(vocabulary: Vocabulary) -> None:
    collector = ErrorCollector(vocabulary)
    right = tagged(["The", "cat"], ["DET", "NOUN"], [0.9, 0.9])
    collector.add(right, {"upos": ["DET", "NOUN"]})
    wrong = tagged(["The", "dog", "sat"], ["DET", "VERB", "NOUN"], [0.8, 0.6, 0.7], "# sent_id = s-2")
    collector.add(wrong, {"upos": ["DET", "NOUN", "VERB"]})
    blank = tagged(["x", "cat"], ["DET", "VERB"], [0.5, 0.55])
    collector.add(blank, {"upos": ["_", "NOUN"]})
    found = collector.sample(["upos"])
    assert found["excerpts"] == [["s-2", 0, 0, ["The", "dog", "sat"]], ["3", 0, 0, ["x", "cat"]]]
    column = found["columns"]["upos"]
    assert column["total"] == 3
    assert [
        [*error[:2], column["tags"][error[2]], column["tags"][error[3]], *error[4:]] for error in column["errors"]
    ] == [
        [0, 2, "VERB", "NOUN", 0.7, 1],
        [0, 1, "NOUN", "VERB", 0.6, 0],
        [1, 1, "NOUN", "VERB", 0.55, 1],
    ]
    assert sorted(column["words"]) == [["cat", 1, 2, 1], ["dog", 1, 1, 0], ["sat", 1, 1, 1]]


def test_of_a_lemma_the_script_and_both_lemmas() -> None:
    vocabulary = Vocabulary.build([{"tokens": ["cats", "was"], "lemma": ["cat", "be"]}], ["lemma"])
    collector = ErrorCollector(vocabulary)
    sentence = Sentence(["cats", "mice"], {"lemma": ["cats", "mice"]}, {"lemma": [0.5, 0.4]})
    collector.add(sentence, {"lemma": ["cat", "mouse"]})
    column = collector.sample(["lemma"])["columns"]["lemma"]
    assert [error[6:] for error in column["errors"]] == [["cat", "cats"], ["mouse", "mice"]]
    assert column["tags"][column["errors"][0][2]] == "lower:*-"


def test_a_long_sentence_is_shown_around_the_error(vocabulary: Vocabulary) -> None:
    words = [f"w{i}" for i in range(5000)]
    tags = ["NOUN"] * 5000
    gold = list(tags)
    for place in (3, 10, 2500, 4999):
        gold[place] = "VERB"
    collector = ErrorCollector(vocabulary)
    collector.add(tagged(words, tags, [0.5] * 5000), {"upos": gold})
    found = collector.sample(["upos"])
    assert [(start, start + len(shown), after) for _, start, after, shown in found["excerpts"]] == [
        (0, 19, 4981), (0, 26, 4974), (2485, 2516, 2484), (4984, 5000, 0),
    ]  # fmt: skip
    for excerpt, place, *_ in found["columns"]["upos"]["errors"]:
        _, start, _, shown = found["excerpts"][excerpt]
        assert shown[place] == words[start + place]
    assert [found["excerpts"][e[0]][1] + e[1] for e in found["columns"]["upos"]["errors"]] == [3, 10, 2500, 4999]


def test_a_long_word_is_cut(vocabulary: Vocabulary) -> None:
    collector = ErrorCollector(vocabulary)
    collector.add(tagged(["x" * 9000], ["NOUN"], [0.5]), {"upos": ["VERB"]})
    found = collector.sample(["upos"])
    assert found["excerpts"][0][3] == ["x" * 99 + "…"]
    assert found["columns"]["upos"]["words"] == [["x" * 99 + "…", 1, 1, 0]]


def test_of_too_many_errors_each_pair_of_tags_keeps_some(vocabulary: Vocabulary, monkeypatch: Any) -> None:
    monkeypatch.setattr(error_sample, "MAX_COLUMN_ERRORS", 30)
    monkeypatch.setattr(error_sample, "MOST_CONFIDENT", 10)
    dice = random.Random(1)
    pairs = [("NOUN", "VERB")] * 500 + [("VERB", "NOUN")] * 60 + [("DET", "NOUN")] * 3
    dice.shuffle(pairs)
    shares = [dice.uniform(0.3, 1) for _ in pairs]
    collector = ErrorCollector(vocabulary)
    for (gold, predicted), share in zip(pairs, shares, strict=True):
        collector.add(tagged(["cat"], [predicted], [share]), {"upos": [gold]})
    column = collector.sample(["upos"])["columns"]["upos"]
    shown = [(column["tags"][gold], column["tags"][found], share) for _, _, gold, found, share, _ in column["errors"]]
    assert (column["total"], len(shown)) == (563, 30)
    confident = [share for *_, share in shown]
    assert confident == sorted(confident, reverse=True)
    assert confident[:10] == [round(share, 4) for share in sorted(shares, reverse=True)[:10]]
    for pair in {*pairs}:
        all_of_pair = sorted((s for p, s in zip(pairs, shares, strict=True) if p == pair), reverse=True)
        kept = [share for *one, share in shown if tuple(one) == pair]
        assert kept == [round(share, 4) for share in all_of_pair[: len(kept)]]
        assert len(kept) == 3 if pair[0] == "DET" else len(kept) >= 8
    assert column["words"] == [["cat", 563, 563, 1]]


def test_columns_share_the_room(monkeypatch: Any) -> None:
    monkeypatch.setattr(error_sample, "MAX_ERRORS", 10)
    vocabulary = Vocabulary.build([{"tokens": ["a"], "upos": ["X"], "xpos": ["Y"]}], ["upos", "xpos"])
    collector = ErrorCollector(vocabulary)
    for _ in range(9):
        sentence = Sentence(["a"], {"upos": ["X"], "xpos": ["Y"]}, {"upos": [0.5], "xpos": [0.5]})
        collector.add(sentence, {"upos": ["Z"], "xpos": ["Z"]})
    found = collector.sample(["upos", "xpos"])
    assert [len(column["errors"]) for column in found["columns"].values()] == [5, 5]
    assert len(found["excerpts"]) == 5


def test_worst_words_by_number_and_by_share(vocabulary: Vocabulary, monkeypatch: Any) -> None:
    monkeypatch.setattr(error_sample, "MAX_WORST", 1)
    collector = ErrorCollector(vocabulary)
    for word, errors, total in (("often", 5, 50), ("bad", 3, 3), ("rare", 2, 2), ("well", 1, 9)):
        for i in range(total):
            collector.add(tagged([word], ["NOUN"], [0.5]), {"upos": ["VERB" if i < errors else "NOUN"]})
    assert collector.sample(["upos"])["columns"]["upos"]["words"] == [["often", 5, 50, 0], ["bad", 3, 3, 0]]

"""The report against numbers worked out by hand."""

from typing import Any

import pytest

from tagger.errors import InputError
from tagger.evaluation.metrics import Tagged, format_report, report, tag_scores
from tagger.model.vocabulary import Vocabulary
from tagger.text.sentence import Sentence


def make_vocabulary(**tags: list[str]) -> Vocabulary:
    return Vocabulary(words={}, characters=[], tags=tags, forms=["(", "dog", "the"])


def scored(
    tokens: list[str],
    gold: dict[str, list[str]],
    predicted: dict[str, list[str]],
    shares: dict[str, list[float]] | None = None,
) -> Tagged:
    return Sentence(tokens, predicted, shares or {}), gold


SENTENCES = [
    # right, right, wrong (unknown word), right
    scored(
        ["the", "dog", "runs", "("],
        {"upos": ["DET", "NOUN", "VERB", "-LRB-"]},
        {"upos": ["DET", "NOUN", "NOUN", "-LRB-"]},
    ),
    # no gold tag, right (unknown word), a tag that training never saw
    scored(["a", "cat", "dog"], {"upos": ["_", "NOUN", "PROPN"]}, {"upos": ["DET", "NOUN", "NOUN"]}),
    # a whole sentence without an error; "The" was never seen as such
    scored(["The", "the"], {"upos": ["DET", "DET"]}, {"upos": ["DET", "DET"]}),
    # nothing annotated: not counted as a sentence
    scored(["x"], {"upos": ["_"]}, {"upos": ["NOUN"]}),
]


@pytest.fixture
def scores() -> dict[str, Any]:
    vocabulary = make_vocabulary(upos=["-LRB-", "-RRB-", "DET", "NOUN", "VERB"])
    return report(SENTENCES, vocabulary)["upos"]


def test_accuracies(scores: dict[str, Any]) -> None:
    assert scores["tokens"] == 8
    assert scores["accuracy"] == pytest.approx(6 / 8)
    assert (scores["known_tokens"], scores["known"]) == (5, pytest.approx(4 / 5))
    assert (scores["unknown_tokens"], scores["unknown"]) == (3, pytest.approx(2 / 3))
    assert (scores["sentences"], scores["whole_sentences"]) == (3, pytest.approx(1 / 3))


def test_only_annotated_columns_are_reported() -> None:
    vocabulary = make_vocabulary(upos=["DET", "NOUN"], feats=["Number=Sing", "_"])
    tags = {"upos": ["DET", "NOUN"], "feats": ["_", "Number=Sing"]}
    plain = scored(["the", "dog"], tags | {"feats": ["_", "_"]}, tags)  # no word has features
    assert report([plain], vocabulary).keys() == {"upos"}
    annotated = scored(["the", "dog"], tags, tags)
    assert report([plain, annotated], vocabulary)["feats"]["accuracy"] == 3 / 4
    alone = scored(["the", "dog"], {"feats": tags["feats"]}, tags)
    assert report([alone], vocabulary).keys() == {"feats"}


def test_lemmas_are_compared_as_they_are_written() -> None:
    vocabulary = make_vocabulary(lemma=["lower:*", "lower:*-", "lower:be"])
    sentence = scored(
        ["are", "dogs", "Mice", "x", "went", "_"],
        {"lemma": ["be", "dog", "mouse", "_", "go", "_"]},  # training has no script for `are`, `mouse` and `go`
        {"lemma": ["be", "dogs", "mice", "x", "be", "_"]},
    )
    scores = report([sentence], vocabulary)["lemma"]
    assert (scores["tokens"], scores["accuracy"]) == (5, 2 / 5)
    assert scores["unseen_tags"] == {"lower:go": 1, "lower:mouse": 1}
    assert ["lower:*-", "lower:*", 1] in scores["confusions"]
    assert scores["tags"]["lower:*-"]["support"] == 1
    shown = format_report({"lemma": scores}, "dev")
    assert "lower" not in shown
    assert "no edit script of training makes, counted as errors: 2" in shown


def test_scores_of_each_tag(scores: dict[str, Any]) -> None:
    expected = {  # precision, recall, F1, support
        "-LRB-": (1, 1, 1, 1),
        "DET": (1, 1, 1, 3),
        "NOUN": (2 / 4, 2 / 2, 2 / 3, 2),
        "PROPN": (0, 0, 0, 1),
        "VERB": (0, 0, 0, 1),
    }
    assert scores["tags"].keys() == expected.keys()
    for tag, values in expected.items():
        found = scores["tags"][tag]
        assert tuple(found[name] for name in ("precision", "recall", "f1", "support")) == pytest.approx(values), tag
    assert scores["spans"] is None
    assert scores["unseen_tags"] == {"PROPN": 1}
    assert sorted(scores["confusions"]) == [["PROPN", "NOUN", 1], ["VERB", "NOUN", 1]]


def test_confusions_come_most_frequent_first_and_unknown_words_may_be_none() -> None:
    sentence = scored(["the", "dog", "dog"], {"x": ["A", "B", "B"]}, {"x": ["B", "A", "A"]})
    found = report([sentence], make_vocabulary(x=["A", "B"]))["x"]
    assert found["confusions"] == [["B", "A", 2], ["A", "B", 1]]
    assert (found["known"], found["unknown"], found["unknown_tokens"]) == (0, None, 0)
    assert "–" in format_report({"x": found}, "dev")


def test_tags_with_hyphens_and_neighbours_are_scored_as_themselves() -> None:
    # seqeval on bare tags would join neighbours and cut names at hyphens
    gold = [["-LRB-", "-LRB-", "B-NP", "I-NP", "O", "X-LRB-"]]
    predicted = [["-LRB-", "-RRB-", "I-NP", "I-NP", "O", "X-LRB-"]]
    found = {tag: tuple(scores.values()) for tag, scores in tag_scores(gold, predicted).items()}
    assert found == {  # precision, recall, F1, support
        "-LRB-": pytest.approx((1, 0.5, 2 / 3, 2)),
        "-RRB-": pytest.approx((0, 0, 0, 0)),
        "B-NP": pytest.approx((0, 0, 0, 1)),
        "I-NP": pytest.approx((0.5, 1, 2 / 3, 1)),
        "O": pytest.approx((1, 1, 1, 1)),
        "X-LRB-": pytest.approx((1, 1, 1, 1)),
    }


def test_span_columns_get_span_scores() -> None:
    gold = ["B-NP", "I-NP", "O", "B-VP", "B-NP", "O", "B-PER", "B-PER"]
    predicted = ["B-NP", "I-NP", "O", "B-VP", "O", "B-NP", "B-PER", "I-PER"]  # neighbours are not joined
    sentence = scored(list("abcdefgh"), {"chunk": gold}, {"chunk": predicted})
    found = report([sentence], make_vocabulary(chunk=["B-NP", "B-PER", "B-VP", "I-NP", "I-PER", "O"]))["chunk"]
    assert found["accuracy"] == pytest.approx(5 / 8)
    spans = found["spans"]
    assert spans["NP"] == pytest.approx({"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 2})
    assert spans["VP"] == pytest.approx({"precision": 1, "recall": 1, "f1": 1, "support": 1})
    assert spans["PER"] == pytest.approx({"precision": 0, "recall": 0, "f1": 0, "support": 2})
    assert spans["micro avg"]["f1"] == pytest.approx(2 * 2 / (5 + 4))
    assert found["tags"]["B-NP"]["recall"] == pytest.approx(0.5)


def test_a_column_without_a_known_tag_and_nothing_to_score_are_errors() -> None:
    for gold, message in (("DT", r"upos.*DT"), ("_", r"no gold tags.*upos")):
        with pytest.raises(InputError, match=message):
            report([scored(["the"], {"upos": [gold]}, {"upos": ["DET"]})], make_vocabulary(upos=["DET"]))


def test_render_shows_the_numbers(scores: dict[str, Any]) -> None:
    lines = format_report({"upos": scores}, "dev").splitlines()
    assert lines[2].split() == ["all", "words", "75.00%", "8"]
    assert ["NOUN", "50.00%", "100.00%", "66.67%", "2"] in [line.split() for line in lines]
    assert max(map(len, lines)) <= 80

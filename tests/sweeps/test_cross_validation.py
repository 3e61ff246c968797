"""Cross-validation of a corpus: taggers judge the words that they did not learn from, and planted faults come first."""

import random
from pathlib import Path

import pytest

from tagger.corpus.lined import LinedSentence, corpus_files, read_lined
from tagger.errors import InputError
from tagger.sweeps import cross_validation
from tagger.sweeps.cross_validation import cut, improbable_tags, judgements
from tests.corpus.lint_corpus import write
from tests.training.conftest import TINY

TAGS = {"the": "DET", "a": "DET", "dog": "NOUN", "cat": "NOUN", "sees": "VERB", "likes": "VERB", "old": "ADJ"}
SMALL = [
    *(value for value in TINY if "segmenter" not in value and "batch" not in value),
    "model.members=1",
    "auxiliary=0",
]


def corpus(folder: Path, faults: int = 2) -> list[LinedSentence]:
    """60 sentences like `the old dog sees a cat`, in which the VERB of the first `faults` sentences is called X."""
    rng = random.Random(1)
    lines = []
    for number in range(60):
        words = [rng.choice(["the", "a"]), "old", rng.choice(["dog", "cat"]), rng.choice(["sees", "likes"]), "a", "cat"]
        tags = [TAGS[word] for word in words]
        if number < faults:
            tags[3] = "DET"
        lines.append(" ".join(f"{word}/{tag}" for word, tag in zip(words, tags, strict=True)))
    return read_lined(corpus_files([str(write(folder, train=lines[:30], dev=lines[30:]))]))


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cross_validation, "SETTINGS", (*SMALL, "batch_tokens=60", "optimizer.lr=0.02"))


def test_planted_faults_come_first_but_not_typos(tmp_path: Path) -> None:
    said: list[str] = []
    sentences = corpus(tmp_path, faults=4)
    sentences[0].torn = frozenset([3])  # its tag is that of another word
    sentences[1].tags["feats"][3] = "Abbr=Yes|Typo=Yes"
    findings = improbable_tags(sentences, "upos", 3, said.append)
    assert sorted(each.line for each in findings[:2]) == [18, 25]
    for each in findings[:2]:
        assert (each.severity, each.kind, each.column, each.tag, each.expected) == (
            *("warning", "improbable-tag", "upos", "DET", "VERB"),
        )
        assert each.probability is not None
        assert each.expected_probability is not None
        assert each.probability < 0.01 < 0.5 < each.expected_probability
        assert f"prefer VERB, {each.expected_probability:.1%} to {each.probability:.2%}" in each.reason
    assert [each.probability for each in findings] == sorted(each.probability or 0 for each in findings)
    assert not {4, 11} & {each.line for each in findings}
    assert [line.split(":")[0] for line in said] == ["part 1 of 3", "part 2 of 3", "part 3 of 3"]


def test_every_word_is_judged_without_having_been_learned_and_in_chunks_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sentences = corpus(tmp_path, faults=0)
    sentences[5].tags["upos"][1] = "SYM"  # no other part has this tag
    sentences[6].tags["upos"][2] = "_"
    judged = judgements(sentences, "upos", 2, print, cross_validation.SETTINGS, 0.1)
    assert list(map(len, judged)) == [len(sentence.tokens) for sentence in sentences]
    for number, sentence in enumerate(sentences):
        for i, (gold, other, probability) in enumerate(judged[number]):
            assert (gold is None) == ((number, i) in {(5, 1), (6, 2)})
            assert other in {"DET", "NOUN", "VERB", "ADJ"} - {sentence.tags["upos"][i]}
            assert 0 < (gold or 0.0) + probability <= 1.0001
    monkeypatch.setattr(cross_validation, "MAX_PROBABILITIES", 40)  # of 4 tags: two sentences
    again = judgements(sentences, "upos", 2, print, cross_validation.SETTINGS, 0.1)
    for one, other in zip(judged, again, strict=True):
        shares = [(first.gold or 0, second.gold or 0) for first, second in zip(one, other, strict=True)]
        assert [first for first, _ in shares] == pytest.approx([second for _, second in shares], abs=1e-5)


def test_parts_are_about_equal_and_keep_documents(tmp_path: Path) -> None:
    sentences = corpus(tmp_path)
    parts = cut(sentences, 4)
    assert sorted(i for part in parts for i in part) == list(range(60))
    assert [sum(len(sentences[i].tokens) for i in part) for part in parts] == [90, 90, 90, 90]
    assert parts != [list(range(first, first + 15)) for first in range(0, 60, 15)]
    for i, sentence in enumerate(sentences):
        sentence.opens_document = i % 3 == 0
    for part in cut(sentences, 2):  # 20 documents, ten for each part
        assert len({i // 3 for i in part}) == 10
    assert any(len({i // 3 for i in part}) > 10 for part in cut(sentences, 3))  # too few for three
    for sentence in sentences[30:]:  # the dev file; it names no document any more
        sentence.opens_document = False
    for part in cut(sentences, 2):
        assert sum(i < 30 for i in part) % 3 == 0
        assert 10 <= sum(i >= 30 for i in part) <= 20


def test_mistakes_are_input_errors(tmp_path: Path) -> None:
    sentences = corpus(tmp_path)
    with pytest.raises(InputError, match="--cross-validate 61: the corpus can be cut into 2 to 60 parts"):
        improbable_tags(sentences, "upos", 61)
    with pytest.raises(InputError, match="--column xpos: the corpus has no tags in that column"):
        improbable_tags(sentences, "xpos", 2)
    sentences[3].tags["xpos"] = ["X"] * len(sentences[3].tokens)
    with pytest.raises(InputError, match="--column xpos: one part of the corpus has all of its tags"):
        improbable_tags(sentences, "xpos", 2)
    with pytest.raises(InputError, match="--column lemma: choose one of upos, xpos, feats"):
        improbable_tags(sentences, "lemma", 2)


def test_a_tag_that_stands_alone_is_certain(tmp_path: Path) -> None:
    sentences = read_lined(corpus_files([str(write(tmp_path, train=["a/X b/X"] * 4))]))
    assert improbable_tags(sentences, "upos", 2) == []

"""Checks of the splits beside each other."""

from pathlib import Path

from tagger.corpus.lined import corpus_files, read_lined
from tagger.corpus.lint import repeated_sentences, tag_sets
from tests.corpus.lint_corpus import found, write


def test_tags_that_occur_once_or_never_in_train(tmp_path: Path) -> None:
    train = [*["a/X/x/Case=Nom b/X/y/Case=Nom|Number=Sing"] * 100, "c/X/z/Case=Gen"]
    dev = [*["a/X/x/Case=Nom"] * 300, "d/X/w/Case=Acc|Number=Sing e/X/w"]
    assert found(tag_sets, tmp_path, train=train, dev=dev) == [
        ("warning", "split-tags", "train", 2, "b"),  # y is missing in dev
        ("warning", "new-tag", "dev", 601, "d"),  # w
        ("note", "single-tag", "train", 301, "c"),  # z
        ("warning", "new-tag", "dev", 601, "d"),  # Case=Acc
        ("note", "single-tag", "train", 301, "c"),  # Case=Gen
    ]


def test_reasons_name_tags_and_counts(tmp_path: Path) -> None:
    train, dev = ["a/X/x b/X/y"] * 20, ["a/X/p b/X/q"] * 4 + ["a/X/p b/X/q a/X/p"]
    sentences = read_lined(corpus_files([str(write(tmp_path, train=train, dev=dev))]))
    differing, *new = tag_sets(sentences)
    assert (differing.severity, differing.kind, differing.column, differing.tag) == ("error", "split-tags", "xpos", "p")
    assert differing.reason == "100.0% of the words of dev have tags that train lacks: p q"
    assert [(each.tag, each.reason.partition(";")[0]) for each in new] == [
        ("p", "p occurs 6 times in dev and never in train"),
        ("q", "q occurs 5 times in dev and never in train"),
    ]


def test_without_train_no_tag_is_new(tmp_path: Path) -> None:
    assert found(tag_sets, tmp_path, dev=["a/X/x b/X/x"], test=["c/X/x d/X/y"]) == [
        ("note", "single-tag", "test", 2, "d"),
    ]


def test_sentences_in_two_splits(tmp_path: Path) -> None:
    short, middle, long = "a b c d", "a b c d e", "a b c d e f g h i j"
    lines = {"train": [short, middle, middle], "dev": [short, middle, long], "test": [long, "A b c d e"]}
    splits = {split: [sentence.replace(" ", "/X ") for sentence in each] for split, each in lines.items()}
    assert found(repeated_sentences, tmp_path, **splits) == [
        ("note", "repeated-sentence", "dev", 6, "a"),
        ("warning", "repeated-sentence", "test", 1, "a"),
    ]
    sentences = read_lined(corpus_files([str(tmp_path)]))
    in_dev, in_test = repeated_sentences(sentences)
    assert in_dev.reason == f"the same 5 words are a sentence of train, at {tmp_path / 'xx-train.conllu'}:6"
    assert in_test.reason == f"the same 10 words are a sentence of dev, at {tmp_path / 'xx-dev.conllu'}:12"

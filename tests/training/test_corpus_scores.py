"""A training on two corpora, from the command's config to the scores of each, with and without its name."""

import json
from pathlib import Path

import pytest

import tagger
from tagger.corpus.sources import load_corpus
from tagger.corpus.splits import by_corpus, gold_sentences
from tagger.evaluation.metrics import report as score
from tagger.training.report import NAMED
from tagger.training.train import train
from tests.training.conftest import COMMAND, config_of


def test_the_report_has_the_scores_of_each_corpus(treebank: Path, spaced: Path, tmp_path: Path) -> None:
    several = tmp_path / "several"
    config = config_of(treebank, f"corpus.path=[{treebank},{spaced}]", "trainer.max_epochs=2", "test=true")
    train(config, several, COMMAND)
    report = json.loads((several / "report.json").read_text())
    assert report["corpus"] == f"{treebank.name} + {spaced.name}"
    scores = report["corpora"]
    assert {split: list(corpora) for split, corpora in scores.items()} == {
        "dev": [treebank.name, spaced.name],
        "test": [treebank.name, spaced.name],
    }
    dev = [scores["dev"][name]["upos"] for name in (treebank.name, spaced.name)]
    assert sum(each["tokens"] for each in dev) == report["dev"]["upos"]["tokens"]
    right = sum(each["accuracy"] * each["tokens"] for each in dev)
    assert right == pytest.approx(report["dev"]["upos"]["accuracy"] * report["dev"]["upos"]["tokens"])

    # They are those of the saved tagger, which can be told the corpus.
    parts = by_corpus(load_corpus(config.corpus, ["upos"]).splits["dev"])
    for name, part in parts.items():
        for key, told in (("accuracy", None), (NAMED, name)):
            loaded = tagger.load(several, "cpu", precision="float32", corpus=told)
            pairs = loaded.retag(gold_sentences(part, ["upos"]))
            found = score(pairs, loaded.vocabulary)["upos"]["accuracy"]
            assert found == pytest.approx(scores["dev"][name]["upos"][key])
    network = tagger.load(several, "cpu").bundle.networks[0]
    assert network.corpora is not None
    assert network.corpora.weight.any(dim=1).tolist() == [False, True, True]


@pytest.mark.usefixtures("small_segmenter")
def test_the_segmenter_learns_from_those_that_have_spacing(
    treebank: Path, bare: Path, spaced: Path, tmp_path: Path
) -> None:
    given = (f"corpus.path=[{bare},{spaced}]", "segmenter=auto", "trainer.max_epochs=1")
    results = train(config_of(treebank, *given), tmp_path / "run", COMMAND)
    assert results["segmenter"]["kept"] == "learned"
    assert list(results["raw"]) == ["dev", f"dev {spaced.name}"]
    assert results["raw"]["dev"] == results["raw"][f"dev {spaced.name}"]

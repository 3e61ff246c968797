"""A training on two corpora, from the command's config to the scores of each, with and without its name."""

import json
from pathlib import Path

import pytest
import torch

import tagger
from tagger.corpus.sources import load_corpus
from tagger.corpus.splits import by_corpus
from tagger.evaluation.report import score_split
from tagger.training.report import NAMED
from tagger.training.train import train
from tests.training.conftest import COMMAND, config_of, made_up

QUICK = ("trainer.max_epochs=2", "test=true")


@pytest.fixture(scope="session")
def second(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A treebank of a made-up language, without a test split."""
    folder = tmp_path_factory.mktemp("UD_Made-Up")
    for split, count, first in (("train", 30, 0), ("dev", 10, 100)):
        (folder / f"xx_up-ud-{split}.conllu").write_text(made_up(count, first), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def several(treebank: Path, second: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run on both treebanks; not to be changed."""
    folder = tmp_path_factory.mktemp("several")
    train(config_of(treebank, f"corpus.path=[{treebank},{second}]", *QUICK), folder, COMMAND)
    return folder


def test_the_report_has_the_scores_of_each_corpus(several: Path, treebank: Path, second: Path) -> None:
    report = json.loads((several / "report.json").read_text())
    assert report["corpus"] == f"{treebank.name} + {second.name}"
    scores = report["corpora"]
    assert {split: list(corpora) for split, corpora in scores.items()} == {
        "dev": [treebank.name, second.name],
        "test": [treebank.name],
    }
    dev = [scores["dev"][name]["upos"] for name in (treebank.name, second.name)]
    assert sum(each["tokens"] for each in dev) == report["dev"]["upos"]["tokens"]
    right = sum(each["accuracy"] * each["tokens"] for each in dev)
    assert right == pytest.approx(report["dev"]["upos"]["accuracy"] * report["dev"]["upos"]["tokens"])

    # They are those of the saved tagger, which can be told the corpus.
    config = config_of(treebank, f"corpus.path=[{treebank},{second}]")
    parts = by_corpus(load_corpus(config.corpus, ["upos"], 1).splits["dev"])
    for name, part in parts.items():
        for key, told in (("accuracy", None), (NAMED, name)):
            loaded = tagger.load(several, "cpu", precision="float32", corpus=told)
            found = score_split(loaded, part)["upos"]["accuracy"]
            assert found == pytest.approx(scores["dev"][name]["upos"][key])
    network = tagger.load(several, "cpu").bundle.networks[0]
    assert network.corpora is not None
    assert network.corpora.weight.any(dim=1).tolist() == [False, True, True]


def test_a_corpus_without_gold_tags_in_test_has_no_scores_there(treebank: Path, second: Path, tmp_path: Path) -> None:
    blind = tmp_path / "UD_Blind"
    blind.mkdir()
    for split in ("train", "dev"):
        (blind / f"xx-ud-{split}.conllu").write_text(made_up(20), encoding="utf-8")
    (blind / "xx-ud-test.conllu").write_text(made_up(5).replace("\tX\t", "\t_\t").replace("PUNCT", "_"))
    config = config_of(treebank, f"corpus.path=[{treebank},{blind}]", "trainer.max_epochs=1", "test=true")
    results = train(config, tmp_path / "run", COMMAND)
    assert list(results["corpora"]["test"]) == [treebank.name]


def test_training_goes_on_from_a_tagger_of_several_corpora(several: Path, second: Path, tmp_path: Path) -> None:
    results = train(config_of(second, f"init={several}", "trainer.max_epochs=1"), tmp_path / "run", COMMAND)
    assert "corpora" not in results
    before, after = (tagger.load(folder, "cpu") for folder in (several, tmp_path / "run"))
    assert after.vocabulary.corpora == before.vocabulary.corpora
    assert before.bundle.networks[0].corpora is not None
    assert after.bundle.networks[0].corpora is not None
    assert torch.equal(after.bundle.networks[0].corpora.weight, before.bundle.networks[0].corpora.weight)


@pytest.mark.usefixtures("small_segmenter")
def test_the_segmenter_learns_from_those_that_have_spacing(treebank: Path, second: Path, tmp_path: Path) -> None:
    bare = tmp_path / "UD_Bare"
    bare.mkdir()
    for split, count in (("train", 20), ("dev", 5)):
        rows = [row for row in made_up(count).splitlines(keepends=True) if not row.startswith(("#", "3-4"))]
        (bare / f"xx-ud-{split}.conllu").write_text("".join(rows).replace("SpaceAfter=No", "_"), encoding="utf-8")
    paths = f"corpus.path=[{bare},{second}]"
    run = tmp_path / "run"
    config = config_of(treebank, paths, "segmenter=auto", "trainer.max_epochs=1", "segmenter_steps=40")
    results = train(config, run, COMMAND)
    assert results["segmenter"]["kept"] == "learned"
    assert list(results["raw"]) == ["dev", f"dev {second.name}"]
    assert results["raw"]["dev"] == results["raw"][f"dev {second.name}"]
    (sentence,) = tagger.load(run, "cpu").annotate("the small du cat.")
    assert sentence.tokens == ["the", "small", "de", "le", "cat", "."]

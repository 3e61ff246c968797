"""Runs with `init` and `trainer.max_epochs=0`: the networks stay, the rest is made as after a training."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import tagger
from tagger.bundle.bundle import Bundle
from tagger.errors import InputError
from tagger.model.vocabulary import Vocabulary
from tagger.training import launch
from tests.conftest import make_network, save_tiny
from tests.training.conftest import TINY, contents

pytestmark = pytest.mark.usefixtures("small_segmenter")
KEPT = [value for value in TINY if not value.startswith(("model.", "embedding."))] + ["trainer.max_epochs=0"]


@pytest.fixture
def source(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the folder of a tagger that was trained on English with rules."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(finished / "tagger", "source")
    return Path("source")


@pytest.mark.parametrize("members", [1, 2])
def test_a_tagger_gets_a_segmenter_temperatures_and_a_report(
    source: Path, finished: Path, spaced: Path, members: int
) -> None:
    if members > 1:  # networks that differ in their config, too
        shutil.rmtree(source)
        taggers = [Bundle.load(finished / "tagger") for _ in range(members)]
        networks = tuple(replace(tagger.members[0], weight=1 / members) for tagger in taggers)
        config = {"columns": taggers[0].vocabulary.columns, "corpus": "both", "scores": {}}
        Bundle(networks, taggers[0].segmenter, config).save(source, "# Both\n\n## Config\n")
    before = contents(source)
    given = ["corpus=conllu", f"corpus.path={spaced}", "segmenter=learned", "card.license=CC0"]
    assert launch.train([*KEPT, *given, f"init={source}", "hydra.run.dir=run"]) == 0
    assert contents(source) == before
    after = contents(Path("run/tagger"))
    assert sorted(after) == sorted([*before, "segmenter.json.gz", "segmenter.safetensors"])
    assert all(after[name] == before[name] for name in before if name.endswith(".safetensors"))
    assert after["vocabulary.json.gz"] == before["vocabulary.json.gz"]
    old, new = json.loads(before["config.json"]), json.loads(after["config.json"])
    changed = {"segmenter": None, "segmenter_training": None, "temperatures": None, "files": None}
    assert new | changed == old | changed
    assert new["segmenter_training"]["license"] == "CC0"
    assert tagger.load("run").segmenter.name == "learned"  # type: ignore[union-attr]
    report = json.loads(Path("run/report.json").read_text())
    assert report["dev"]["upos"]["tokens"] > 0
    assert report["calibration"]["temperatures"] == new["temperatures"]
    assert report["raw"]["dev"]["Words"] > 0.9
    card = after["README.md"].decode()
    assert card.startswith("# Part-of-speech tagger" if members == 1 else "# Both")
    assert (card.count("## Raw text"), card.count("## Confidence"), card.count("## Config")) == (1, 1, 1)
    assert "trainer.max_epochs=0" in card


def test_columns_that_the_corpus_lacks_keep_their_temperatures(treebank: Path, source: Path) -> None:
    own = ["corpus=conllu", f"corpus.path={treebank}", *TINY, "linear=0"]
    assert launch.train([*own, "columns=[upos,xpos]", "trainer.max_epochs=1", "hydra.run.dir=two"]) == 0
    before = json.loads(Path("two/tagger/config.json").read_text())["temperatures"]
    files = {}
    for split in ("train", "dev"):
        text = (treebank / f"en_tiny-ud-{split}.conllu").read_text()
        rows = [line.split("\t") for line in text.split("\n")]
        files[split] = f"{split}.conllu"
        Path(files[split]).write_text("\n".join("\t".join([*r[:4], "_", *r[5:]] if len(r) == 10 else r) for r in rows))
    given = ["corpus=conllu", *(f"corpus.{split}={name}" for split, name in files.items())]
    assert launch.train([*KEPT, *given, "init=two", "hydra.run.dir=run"]) == 0
    report = json.loads(Path("run/report.json").read_text())
    assert list(report["dev"]) == ["upos"]
    assert json.loads(Path("run/tagger/config.json").read_text())["temperatures"]["xpos"] == before["xpos"]


def test_a_network_without_tags_is_no_tagger(own_folder: None, spaced: Path) -> None:
    nothing = Vocabulary.build([{"tokens": ["They"]}], [], min_count=1)
    save_tiny(Path("source"), make_network(nothing), nothing)
    with pytest.raises(InputError, match=r"^init=source: it has no tags; name a tagger$"):
        launch.train([*KEPT, "corpus=conllu", f"corpus.path={spaced}", "init=source"])
    assert not Path("runs").exists()

"""Runs with `parts=segmenter`: a tagger gets a segmenter and stays as it is otherwise."""

import csv
import json
import shutil
from pathlib import Path

import pytest

import tagger
from tagger.bundle.bundle import Bundle
from tagger.bundle.ensemble import join
from tagger.corpus.sources import load_corpus
from tagger.errors import InputError
from tagger.segmenter.saved import load_segmenter
from tagger.sweeps import launch
from tagger.training import refit as module
from tagger.training.refit import refit
from tagger.training.segmenter import SegmenterModule
from tagger.training.segmenter_choice import SegmenterTraining
from tests.training.conftest import COMMAND, TINY, config_of, made_up

pytestmark = pytest.mark.usefixtures("small_segmenter")
CARD = "# A tagger\n\nIt is good.\n\nThe rules `english` cut raw text into sentences and tokens.\n\n## Config\n\nx: y\n"


@pytest.fixture
def source(finished: Path, tmp_path: Path) -> Path:
    """A copy of the folder of a tagger that was trained on English with rules, with an older model card."""
    folder = tmp_path / "source"
    shutil.copytree(finished / "tagger", folder)
    (folder / "README.md").write_text(CARD, encoding="utf-8")
    return folder


@pytest.fixture
def arguments(source: Path, spaced: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Those of a run for the tagger of `source`."""
    monkeypatch.chdir(tmp_path)
    own = [*TINY, "segmenter=auto", "segmenter_steps=40", "parts=segmenter", f"init={source}"]
    own = [value for value in own if not value.startswith(("model.", "embedding."))]
    return ["corpus=conllu", f"corpus.path={spaced}", *own]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_tagger_gets_a_segmenter_and_stays_as_it_is(
    arguments: list[str], source: Path, spaced: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(source)
    assert launch.train([*arguments, "card.license=CC0", "hydra.run.dir=run"]) == 0
    assert contents(source) == before
    after = contents(Path("run/tagger"))
    assert sorted(after) == sorted([*before, "segmenter.json", "segmenter.safetensors"])
    assert all(after[name] == before[name] for name in ("model.safetensors", "vocabulary.json"))
    old, new = json.loads(before["config.json"]), json.loads(after["config.json"])
    assert new["segmenter"] == "learned"
    assert (new["segmenter_training"]["corpus"], new["segmenter_training"]["license"]) == (spaced.name, "CC0")
    changed = {"segmenter": None, "segmenter_training": None}
    assert new | changed == old | changed
    report = json.loads(Path("run/report.json").read_text())
    assert (report["corpus"], report["init"]) == (spaced.name, str(source))
    assert report["segmenter"]["dev"]["learned"]["words"] == report["raw"]["dev"]["Words"] > 0.9
    assert report["raw"]["test"]["UPOS"] < 1
    card = after["README.md"].decode()
    assert card.startswith("# A tagger\n\nIt is good.\n\n## Raw text\n\nA segmenter, learned from UD_Made-Up")
    assert card.endswith("\n\n## Config\n\nx: y\n")
    assert "    python -m tagger corpus=conllu" in card
    assert "rules `english`" not in card
    assert "tag with it: python -m tagger tag FILE --model run" in capsys.readouterr().out

    # The segmenter of the new tagger is one to compare with; the card says what is used now.
    again = [value for value in arguments if not value.startswith("init=")]
    assert launch.train([*again, "init=run", "segmenter_steps=1", "hydra.run.dir=again"]) == 0
    assert json.loads(Path("again/report.json").read_text())["segmenter"]["kept"] == "init"
    kept = contents(Path("again/tagger"))
    assert kept["segmenter.safetensors"] == after["segmenter.safetensors"]
    assert kept["README.md"].decode().count("## Raw text") == 1


def test_auto_keeps_the_rules_of_the_tagger_if_they_are_better(source: Path, treebank: Path, tmp_path: Path) -> None:
    given = ("segmenter=auto", "segmenter_steps=1", "parts=segmenter", f"init={source}")
    results = refit(config_of(treebank, *given), tmp_path / "run", COMMAND)
    assert results is not None
    assert results["segmenter"]["kept"] == "english"
    assert sorted(contents(tmp_path / "run" / "tagger")) == sorted(contents(source))


def test_a_run_that_is_interrupted_leaves_nothing(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(SegmenterModule, "training_step", interrupt)
    with pytest.raises(KeyboardInterrupt, match=r"^the segmenter was not complete, and nothing is kept"):
        launch.train([*arguments, "hydra.run.dir=run"])
    assert not Path("run").exists()


def test_a_run_that_is_interrupted_when_it_is_scored_keeps_the_tagger(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "raw_scores", interrupt)
    with pytest.raises(KeyboardInterrupt, match=r"^the tagger in run is complete; only its scores are missing$"):
        launch.train([*arguments, "hydra.run.dir=run"])
    assert load_segmenter(Path("run/tagger")).vocabulary.scripts
    assert Path("run/run.json").is_file()


def test_the_runs_of_a_sweep_are_rows_without_an_accuracy(arguments: list[str]) -> None:
    assert launch.train(["-m", *arguments, "seed=1,2", "segmenter_steps=1", "hydra.sweep.dir=sweep"]) == 0
    with Path("sweep/sweep.csv").open(encoding="utf-8", newline="") as lines:
        assert [(row["run"], row["dev_accuracy"], row["error"]) for row in csv.DictReader(lines)] == [
            ("0", "", ""),
            ("1", "", ""),
        ]
    with pytest.raises(InputError, match=r"sweep/0: a run with parts=segmenter cannot be resumed; start it again"):
        launch.resume("sweep/0")


def test_what_is_no_tagger_gets_no_segmenter(arguments: list[str], source: Path) -> None:
    (source / "words.safetensors").touch()
    with pytest.raises(InputError, match=r"^init=.*: it predicts words and has no tags; name a tagger$"):
        launch.train(arguments)
    arguments = [*arguments, "init=nowhere"]
    with pytest.raises(InputError, match=r"^init=nowhere: no such tagger"):
        launch.train(arguments)
    assert not Path("runs").exists()


def test_rules_are_refused_if_they_were_asked_for(arguments: list[str], treebank: Path) -> None:
    with pytest.raises(InputError, match=r"^segmenter=english: parts=segmenter trains a segmenter; leave one of the "):
        launch.train([*arguments, "segmenter=english"])
    # Those that `corpus=sample` names do not stop it.
    config = config_of(treebank, "parts=segmenter", "init=x", "segmenter=english")
    assert SegmenterTraining(config, load_corpus(config.corpus, ["upos"], 1), None).learns


def test_a_corpus_without_spacing_is_refused(arguments: list[str]) -> None:
    Path("x.conllu").write_text(made_up(5).replace("SpaceAfter=No", "_").replace("# text", "# was"), encoding="utf-8")
    given = ["corpus.path=null", "corpus.train=x.conllu", "corpus.dev=x.conllu"]
    with pytest.raises(InputError, match=r"^parts=segmenter: train of x.conllu does not say where its text has spaces"):
        launch.train([*arguments, *given])
    assert not Path("runs").exists()


def test_an_ensemble_gets_a_segmenter(arguments: list[str], source: Path, finished: Path) -> None:
    join([Bundle.load(source), Bundle.load(finished / "tagger")]).save(Path("both"), "# Both\n")
    own = [value for value in arguments if not value.startswith("init=")]
    assert launch.train([*own, "init=both", "hydra.run.dir=run"]) == 0
    assert tagger.load("run").segmenter.name == "learned"  # type: ignore[union-attr]
    for name in ("model.safetensors", "vocabulary.json"):
        assert Path("run/tagger", name).read_bytes() == Path("both", name).read_bytes()

"""What cuts raw text for a tagger: learned or rules, where spacing is unknown, interrupted, in a sweep."""

import json
from pathlib import Path
from typing import Any

import pytest

import tagger
from tagger.corpus.sources import load_corpus
from tagger.corpus.splits import gold_sentences
from tagger.errors import InputError
from tagger.segmenter.learned import load_segmenter
from tagger.text.conllu import read_conllu
from tagger.text.files import read_lines
from tagger.text.spacing import gold_paragraphs
from tagger.training import fit_segmenter, launch
from tagger.training.fit_segmenter import score_cuts
from tagger.training.train import train
from tests.training.conftest import COMMAND, TINY, config_of, steps

pytestmark = pytest.mark.usefixtures("small_segmenter")


def trained(treebank: Path, folder: Path, *overrides: str) -> dict[str, Any]:
    results = train(config_of(treebank, "trainer.max_epochs=1", *overrides), folder, COMMAND)
    assert results is not None
    assert results == json.loads((folder / "report.json").read_text())
    return results


def config_json(run: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((run / "tagger" / "config.json").read_text())
    return loaded


def test_auto_keeps_a_learned_segmenter_that_is_better(spaced: Path, tmp_path: Path) -> None:
    given = ("segmenter=auto", "test=true", "storage_dtype=int8", "card.version=2", "card.license=CC0")
    results = trained(spaced, tmp_path, *given)
    found = results["segmenter"]
    assert (found["kind"], found["kept"], list(found["dev"])) == ("learned", "learned", ["unicode", "learned"])
    assert found["dev"]["learned"]["words"] > found["dev"]["unicode"]["words"]
    assert found["dev"]["learned"]["words"] > 0.99
    assert found["steps"] == 40
    config = config_json(tmp_path)
    assert config["segmenter"] == "learned"
    learned_from = {"corpus": spaced.name, "version": "2", "license": "CC0"}
    assert config["segmenter_training"] == {**learned_from, "seed": 1, "steps": 40}

    # What is scored is what is saved.
    corpus = load_corpus(config_of(spaced).corpus, ["upos"])
    dev = list(gold_paragraphs(gold_sentences(corpus.splits["dev"], [])))
    saved = load_segmenter(tmp_path / "tagger")
    assert score_cuts(saved.segment_all, dev)._asdict() == found["dev"]["learned"]
    raw = results["raw"]
    assert raw["dev"]["Words"] == found["dev"]["learned"]["words"]
    assert set(raw["test"]) == {"Tokens", "Words", "Sentences", "UPOS"}
    (sentence,) = tagger.load(tmp_path).annotate("the small du cat.")
    assert sentence.tokens == ["the", "small", "de", "le", "cat", "."]


def test_auto_keeps_rules_that_are_better(treebank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps(monkeypatch, 1)
    results = trained(treebank, tmp_path, "segmenter=auto")
    found = results["segmenter"]
    assert (found["kind"], found["kept"], found["steps"]) == ("english", "english", 1)
    assert found["dev"]["english"]["words"] > found["dev"]["learned"]["words"]
    assert results["raw"]["dev"]["Words"] == found["dev"]["english"]["words"]
    assert config_json(tmp_path)["segmenter"] == "english"
    assert not list((tmp_path / "tagger").glob("segmenter*"))


def test_rules_that_are_named_train_nothing(spaced: Path, tmp_path: Path) -> None:
    results = trained(spaced, tmp_path, "segmenter=english")
    texts = []
    for path in (spaced / "xx_up-ud-dev.conllu", tmp_path / "dev.predicted.conllu"):
        sentences = list(read_conllu(read_lines(str(path)), str(path)))
        assert [token.form for token in sentences[0].multiwords] == ["du"]
        texts.append([paragraph.text for paragraph in gold_paragraphs(sentences)])
    assert texts[0] == texts[1]
    assert results["segmenter"] == {"kind": "english", "kept": "english"}
    assert results["raw"]["dev"]["Words"] < 1
    assert config_json(tmp_path)["segmenter"] == "english"


def test_auto_falls_back_to_rules(bare: Path, tmp_path: Path) -> None:
    results = trained(bare, tmp_path / "run", "segmenter=auto")
    assert results["segmenter"] == {"kind": "unicode", "kept": "unicode"}
    assert "raw" not in results


def test_a_learned_segmenter_needs_spacing(
    bare: Path, spaced: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    message = f"segmenter=learned: train of {bare.name} does not say where its text has spaces"
    with pytest.raises(InputError, match=message):
        launch.train(["corpus=conllu", f"corpus.path={bare}", *TINY, "segmenter=learned"])
    assert not Path("runs").exists()
    with pytest.raises(InputError, match=f"dev of {spaced.name}"):
        train(config_of(spaced, f"corpus.dev={bare}/xx-dev.conllu", "segmenter=learned"), tmp_path / "run", COMMAND)
    assert "epoch" not in capsys.readouterr().out


def test_the_segmenter_of_init_stays_where_none_can_be_trained(
    spaced: Path, bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = tmp_path / "first", tmp_path / "second", tmp_path / "third"
    trained(spaced, first, "segmenter=learned", "card.license=CC0")
    steps(monkeypatch, 1)
    found = trained(spaced, second, "segmenter=auto", f"init={first}")["segmenter"]
    assert list(found["dev"]) == ["unicode", "learned"]

    monkeypatch.setattr(fit_segmenter, "train_segmenter", None)
    assert trained(bare, third, "segmenter=auto", f"init={first}")["segmenter"] == {"kind": "learned", "kept": "init"}
    kept = [(run / "tagger" / "segmenter.safetensors").read_bytes() for run in (first, third)]
    assert kept[0] == kept[1]
    assert config_json(third)["segmenter_training"] == {"corpus": spaced.name, "version": None, "license": "CC0"}

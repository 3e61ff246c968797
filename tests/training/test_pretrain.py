"""Pretraining from a command to a folder: scores, resuming, starting a tagger from it."""

import json
import re
from dataclasses import asdict
from pathlib import Path

import pytest
import pytorch_lightning as pl

import tagger
from tagger.errors import InputError
from tagger.training import launch
from tagger.training.checkpoints import EpochRecorder
from tagger.training.config import PretrainConfig, page_config
from tagger.training.hidden_words import load_word_predictor
from tagger.training.pretrain import pretrain, read_text
from tests.training.conftest import UNTAGGED, page, words_of


def config_of(untagged: Path, *overrides: str) -> PretrainConfig:
    return page_config(PretrainConfig, page("pretrain", *words_of(untagged, *overrides)))


def test_a_config_is_plain_values_and_back(untagged: Path) -> None:
    config = config_of(untagged, "model.hidden.forward=[3]")
    assert page_config(PretrainConfig, json.loads(json.dumps(asdict(config)))) == config


def test_it_learns(pretrained: Path) -> None:
    report = json.loads((pretrained / "report.json").read_text())
    scores = report["dev"]["words"]
    assert scores["accuracy"] > 0.3  # of who 1 in 2, does 1, what 1 in 3, when 1 in 3, the stop 1
    assert scores["top5"] > 0.95
    assert scores["perplexity"] < 4
    assert report["words"] == 540  # without those of dev
    assert report["epochs"] == 20
    for name in ("metrics.csv", "pretrained/README.md", "pretrained/words.safetensors"):
        assert (pretrained / name).stat().st_size > 0


def test_dev_text_is_not_learned_from(untagged: Path) -> None:
    named = read_text(config_of(untagged))
    assert [len(named.train), len(named.dev)] == [108, 8]
    last = read_text(config_of(untagged, "dev=null", f"text={untagged}/train.lines"))
    assert [len(last.train), last.dev["tokens"][:]] == [103, [line.split() for line in UNTAGGED[-5:]]]


def test_an_interrupted_run_resumes_to_the_same_weights(
    untagged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of(untagged, "passes=3", "model.dropout=0.2")
    pretrain(config, tmp_path / "whole", "")

    def interrupt(_: EpochRecorder, trainer: pl.Trainer, *__: object) -> None:
        if trainer.current_epoch == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(EpochRecorder, "on_train_batch_end", interrupt)
        with pytest.raises(KeyboardInterrupt):
            pretrain(config, tmp_path / "stopped", "")
    pretrain(config, tmp_path / "stopped", "", resume=True)
    for name in ("model.safetensors", "words.safetensors"):
        paths = [tmp_path / run / "pretrained" / name for run in ("whole", "stopped")]
        assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_tagger_starts_from_it(pretrained: Path, treebank: Path, tmp_path: Path) -> None:
    corpus = ["corpus=conllu", f"corpus.path={treebank}", "trainer.max_epochs=1", "segmenter=rules", "linear=0"]
    own = ["model.dropout=0.4", "accelerator=cpu", f"hydra.run.dir={tmp_path / 'run'}"]
    assert launch.train([f"init={pretrained}", *corpus, *own]) == 0
    network = json.loads((tmp_path / "run" / "tagger" / "config.json").read_text())["members"][0]["network"]
    assert (network["words"], network["hidden"], network["dropout"]) == (16, {"forward": 12, "backward": 8}, 0.4)
    known = tagger.load(tmp_path / "run").vocabulary
    before = load_word_predictor(pretrained / "pretrained")[0].vocabulary
    assert list(known.words)[: len(before.words)] == list(before.words)
    assert "flights" not in known.known_forms  # tagged training has not seen it


def test_it_has_no_tags(pretrained: Path) -> None:
    loaded = tagger.load(pretrained)
    assert loaded.columns == []
    with pytest.raises(InputError, match="predicts words and has no tags"):
        loaded.tag(["They", "book"])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("mask=0", "mask=0"),
        ("embedding.words=0", "embedding.words=0"),
        ("model.hidden.backward=null", "model.hidden.backward=null: give a number"),
        ("segmenter=klingon", "segmenter=klingon"),
        ("+trainer.max_epochs=3", "trainer.max_epochs: pretraining ends after a number of passes"),
        ("text=nowhere.txt", "text=nowhere.txt: no such file"),
        ("hub.name=x", "give text=FILES"),
        ("min_count=100000", "min_count=100000: no word of held.lines and 1 more occurs that often"),
        ("model.hidden.forward=1000000", "parameters need"),
        ("dev={text}", "dev names all of text"),
        ("dev={text}/../other.lines", "dev: none of its words can be predicted"),
    ],
)
def test_bad_values_are_refused(untagged: Path, tmp_path: Path, override: str, message: str) -> None:
    (untagged.parent / "other.lines").write_text("nothing known stands here\n")
    with pytest.raises(InputError, match=re.escape(message)):
        pretrain(config_of(untagged, override.format(text=untagged)), tmp_path / "run", "")

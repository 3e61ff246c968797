"""Pretraining from a command to a folder: scores, resuming, starting a tagger from it, filling blanks."""

import json
import re
from contextlib import redirect_stdout
from dataclasses import asdict
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as pl
from typer.testing import CliRunner

import tagger
from tagger.commands.app import app
from tagger.commands.loading import load_with_layers
from tagger.errors import InputError
from tagger.pretraining.config import PretrainConfig, pretrain_config
from tagger.pretraining.data import read_text
from tagger.pretraining.fill import fill, format_blanks
from tagger.pretraining.network import load_word_predictor
from tagger.pretraining.train import pretrain
from tagger.sweeps import launch
from tagger.text.strings import display_width
from tagger.training.checkpoints import EpochRecorder
from tagger.training.trainer import Interrupted
from tests.training.conftest import page

SENTENCES = [
    f"{who} {does} {what} {when} ."
    for who, does in (("they", "book"), ("we", "book"), ("he", "books"), ("she", "books"))
    for what in ("flights", "rooms", "tables")
    for when in ("today", "again", "there")
]
SMALL = ["model.depth=1", "model.hidden.forward=12", "model.hidden.backward=8", "model.dropout=0", "embedding.words=16"]
SMALL += ["embedding.affixes=4", "embedding.chars=4", "embedding.buckets=64", "min_count=1", "batch_tokens=60"]
SMALL += ["accelerator=cpu", "passes=20", "optimizer.lr=0.03", "seed=3"]


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("text")
    (folder / "train.lines").write_text("\n".join(SENTENCES * 3))
    (folder / "held.lines").write_text("\n".join(SENTENCES[::5]))
    return folder


def words_of(text: Path, *overrides: str) -> list[str]:
    return [f"text={text}/*.lines", f"dev={text}/held.lines", *SMALL, *overrides]


def config_of(text: Path, *overrides: str) -> PretrainConfig:
    return pretrain_config(page("pretrain", *words_of(text, *overrides)))


@pytest.fixture(scope="module")
def pretrained(text: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pretrained") / "run"
    with redirect_stdout(StringIO()) as printed:
        assert launch.pretrain(words_of(text, f"hydra.run.dir={folder}")) == 0
    assert "among the first five" in printed.getvalue()
    return folder


def test_a_config_is_plain_values_and_back(text: Path) -> None:
    config = config_of(text, "model.hidden.forward=[3]")
    assert pretrain_config(json.loads(json.dumps(asdict(config)))) == config


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


def test_dev_text_is_not_learned_from(text: Path) -> None:
    named = read_text(config_of(text))
    assert [len(named.train), len(named.dev)] == [108, 8]
    last = read_text(config_of(text, "dev=null", f"text={text}/train.lines"))
    assert [len(last.train), last.dev["tokens"][:]] == [103, [line.split() for line in SENTENCES[-5:]]]


def test_an_interrupted_run_resumes_to_the_same_weights(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of(text, "passes=3", "model.dropout=0.2")
    pretrain(config, tmp_path / "whole", "")

    def interrupt(_: EpochRecorder, trainer: pl.Trainer, *__: object) -> None:
        if trainer.current_epoch == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(EpochRecorder, "on_train_batch_end", interrupt)
        with pytest.raises(Interrupted):
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


def test_it_has_no_tags_but_one_layer_more(pretrained: Path) -> None:
    loaded = tagger.load(pretrained)
    assert loaded.columns == []
    with pytest.raises(InputError, match="predicts words and has no tags"):
        loaded.tag(["They", "book"])
    loaded = load_with_layers(str(pretrained), "cpu")
    assert loaded.layers.names == ["0", "1", "all", "mean", "predicted"]
    known, other = loaded.embed([["he", "books", "rooms", "."], ["he", "unseen", "rooms", "."]], "predicted")
    assert known.shape == (4, 16)
    np.testing.assert_allclose(other[1], known[1], atol=1e-6)  # of the word itself it knows nothing


def test_blanks_are_filled_from_both_sides(pretrained: Path) -> None:
    network, _ = load_word_predictor(pretrained / "pretrained")
    (blank,) = fill(network, ["he", "___", "rooms", "today", "."], top=3)
    assert blank.position == 1
    assert blank.both[0][0] == blank.left[0][0] == "books"
    assert blank.right[0][1] < 0.75  # which of both it is only the left side knows
    two = fill(network, ["___", "books", "____", "today", "."])
    assert [blank.position for blank in two] == [0, 2]
    assert {word for word, _ in two[0].both[:2]} == {"he", "she"}
    assert {word for word, _ in two[1].both[:3]} == {"flights", "rooms", "tables"}
    assert two[0].left == []
    assert two[0].right == two[0].both
    table = format_blanks(["___", "books", "____", "飛行機" * 40, "."], two)
    assert max(map(display_width, table.splitlines())) <= 80
    assert "blank 2" in table
    assert "(no words)" in table


def filled(model: Path, *arguments: str, given: str = "") -> tuple[int, str]:
    result = CliRunner().invoke(app, ["fill", *arguments, "--model", str(model)], input=given)
    return result.exit_code, result.output


def test_the_command_fills_blanks(pretrained: Path, trained: Path) -> None:
    status, shown = filled(pretrained, "she ___ tables again. We book ___ today.", "--json", "--top", "2")
    assert status == 0
    found = json.loads(shown)
    assert [sentence["tokens"][0] for sentence in found] == ["she", "We"]
    assert found[0]["blanks"][0]["both"][0][0] == "books"
    assert filled(pretrained, "-", given="she ___ tables again.\n")[1] == filled(pretrained, "she ___ tables again.")[1]
    for model, text, message in (
        (pretrained, "___", "nothing but a blank"),
        (pretrained, "no blank here", "no blank"),
        (trained, "I am ___.", "predicts no words"),
    ):
        status, shown = filled(model, text)
        assert (status, shown.count("\n")) == (2, 1)
        assert message in shown


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
def test_bad_values_are_refused(text: Path, tmp_path: Path, override: str, message: str) -> None:
    (text.parent / "other.lines").write_text("nothing known stands here\n")
    with pytest.raises(InputError, match=re.escape(message)):
        pretrain(config_of(text, override.format(text=text)), tmp_path / "run", "")

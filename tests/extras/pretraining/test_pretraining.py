"""Pretraining from a command to a folder: scores, resuming, starting a tagger from it."""

import json
import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest
import pytorch_lightning as pl
from typer.testing import CliRunner

import tagger
from tagger.commands.app import app
from tagger.errors import InputError
from tagger.extras.pretraining.fill import fill, format_blanks
from tagger.extras.pretraining.hidden_words import load_word_predictor
from tagger.extras.pretraining.pretraining import config_of, pretrain, read_text
from tagger.text.strings import display_width
from tagger.training import launch
from tagger.training.trainer import EpochRecorder
from tests.extras.pretraining.conftest import UNTAGGED, tiny
from tests.training.conftest import treebank

__all__ = ["treebank"]


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
    named = read_text(tiny(untagged))
    assert [len(named.train), len(named.dev)] == [108, 8]
    last = read_text(tiny(untagged, "dev=null", f"text={untagged}/train.lines"))
    assert [len(last.train), last.dev["tokens"][:]] == [103, [line.split() for line in UNTAGGED[-5:]]]


def test_an_interrupted_run_goes_on_to_the_same_weights(
    untagged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, stopped = (tiny(untagged, "passes=3", "model.dropout=0.2", f"folder={tmp_path}/{run}") for run in "ab")
    pretrain(whole, "")

    def interrupt(_: EpochRecorder, trainer: pl.Trainer, *__: object) -> None:
        if trainer.current_epoch == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(EpochRecorder, "on_train_epoch_start", interrupt)
        with pytest.raises(KeyboardInterrupt, match="go on with the same command and folder="):
            pretrain(stopped, "")
    pretrain(stopped, "")
    for name in ("model.safetensors", "words.safetensors"):
        paths = [tmp_path / run / "pretrained" / name for run in "ab"]
        assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_tagger_starts_from_it(pretrained: Path, treebank: Path, tmp_path: Path) -> None:
    corpus = ["corpus=conllu", f"corpus.path={treebank}", "trainer.max_epochs=1", "segmenter=rules", "linear=0"]
    own = ["model.dropout=0.4", "accelerator=cpu", f"hydra.run.dir={tmp_path / 'run'}"]
    assert launch.train([f"init={pretrained}/pretrained", *corpus, *own]) == 0
    network = json.loads((tmp_path / "run" / "tagger" / "config.json").read_text())["members"][0]["network"]
    assert (network["words"], network["hidden"], network["dropout"]) == (16, {"forward": 12, "backward": 8}, 0.4)
    known = tagger.load(tmp_path / "run").vocabulary
    before = load_word_predictor(pretrained / "pretrained")[0].vocabulary
    assert list(known.words)[: len(before.words)] == list(before.words)
    assert "flights" not in known.known_forms  # tagged training has not seen it


def test_it_is_no_tagger(pretrained: Path) -> None:
    with pytest.raises(InputError, match=r"pretrained has no tags; train a tagger from it with python -m tagger init="):
        tagger.load(pretrained / "pretrained")


def test_the_command_of_the_page_can_be_read() -> None:
    page = (Path(__file__).parents[3] / "docs" / "pretraining.md").read_text(encoding="utf-8")
    command = page.partition("```sh\n")[2].partition("```")[0].replace("\\\n", " ").splitlines()[0]
    words = shlex.split(command)
    assert words[:4] == ["python", "-m", "tagger", "pretrain"]
    with pytest.raises(InputError, match=r"^text=raw_english/\*\.txt: no such file"):
        config_of([word for word in words[4:] if "devices" not in word])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("mask=0", "mask=0"),
        ("nothing=1", "nothing"),
        ("embedding.words=0", "embedding.words=0"),
        ("model.hidden.backward=null", "model.hidden.backward=null: give a number"),
        ("segmenter=klingon", "segmenter=klingon"),
        ("+trainer.max_epochs=3", "trainer.max_epochs: pretraining ends after a number of passes"),
        ("text=nowhere.txt", "text=nowhere.txt: no such file"),
        ("text=null", "give text=FILES"),
        ("min_count=100000", "min_count=100000: no word of held.lines and 1 more occurs that often"),
        ("model.hidden.forward=1000000", "parameters need"),
        ("dev={text}", "dev names all of text"),
        ("dev={text}/../other.lines", "dev: none of its words can be predicted"),
        ("folder={text}", "it holds files, and none of an epoch to go on from"),
    ],
)
def test_bad_values_are_refused(untagged: Path, tmp_path: Path, override: str, message: str) -> None:
    (untagged.parent / "other.lines").write_text("nothing known stands here\n")
    with pytest.raises(InputError, match=re.escape(message)):
        pretrain(tiny(untagged, f"folder={tmp_path / 'run'}", override.format(text=untagged)), "")


def test_the_gain_of_pretraining_is_computed_from_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = []
    for size, init, accuracy in ((100, None, 0.8), (100, "x", 0.9), (500, None, 0.88), (500, "x", 0.94)):
        folder = tmp_path / f"{size}-{init}"
        (folder / "tagger").mkdir(parents=True)
        (folder / "tagger" / "config.json").write_text(json.dumps({"training": {"init": init}}), encoding="utf-8")
        report = {"dev": {"upos": {"accuracy": accuracy}}}
        (folder / "report.json").write_text(json.dumps(report), encoding="utf-8")
        runs.append(f"{size}={folder}")
    monkeypatch.setattr(sys, "argv", ["gain.py", *runs, "-o", str(tmp_path / "gain.png")])
    runpy.run_path(str(Path(__file__).parents[3] / "docs" / "gain.py"), run_name="__main__")
    assert "| 100 | 80.00 (80.00 to 80.00) | 90.00 (90.00 to 90.00) | 50 % |" in capsys.readouterr().out
    assert (tmp_path / "gain.png").read_bytes().startswith(b"\x89PNG")


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

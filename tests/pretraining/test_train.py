"""Pretraining from a command to a folder: scores, resuming, starting a tagger from it, filling blanks."""

import json
import re
import shutil
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import datasets
import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from typer.testing import CliRunner

import tagger
from tagger.commands.app import app
from tagger.errors import InputError
from tagger.pretraining import train as module
from tagger.pretraining.config import PretrainConfig, pretrain_config
from tagger.pretraining.fill import Filler, format_blanks
from tagger.pretraining.network import hide_words
from tagger.pretraining.predictor import HiddenWordPredictor, load_word_predictor
from tagger.pretraining.train import NeighbourModel, pretrain
from tagger.sweeps import launch
from tagger.text.strings import display_width
from tagger.training.checkpoints import EpochRecorder
from tagger.training.train import train
from tagger.training.trainer import Interrupted
from tests.conftest import make_table
from tests.training.conftest import TINY, page
from tests.training.conftest import config_of as train_config_of

SENTENCES = [
    f"{who} {does} {what} {when} ."
    for who, does in (("they", "book"), ("we", "book"), ("he", "books"), ("she", "books"))
    for what in ("flights", "rooms", "tables")
    for when in ("today", "again", "there")
]
SMALL = [override for override in TINY if override != "segmenter=rules"]  # the rules are named
SMALL += ["model.depth=1", "embedding.words=16", "min_count=1", "section_tokens=300", "trainer.precision=32-true"]


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("text")
    (folder / "train.lines").write_text("\n".join(SENTENCES * 3))
    (folder / "held.lines").write_text("\n".join(SENTENCES[::5]))
    return folder


def command(text: Path, *overrides: str) -> list[str]:
    files = [f"text={text}/train.lines", f"dev={text}/held.lines"]
    return [
        "pretrain",
        *files,
        *SMALL,
        "passes=20",
        "optimizer.lr=0.03",
        "model.dropout=0",
        "cut=0.5",
        "seed=3",
        *overrides,
    ]


def config_of(text: Path, *overrides: str) -> PretrainConfig:
    return pretrain_config(page("pretrain", *command(text)[1:], *overrides))


@pytest.fixture(scope="module")
def pretrained(text: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pretrained") / "run"
    with redirect_stdout(StringIO()) as printed:
        assert launch.pretrain(command(text, f"hydra.run.dir={folder}")[1:]) == 0
    assert "among the first five" in printed.getvalue()
    return folder


def test_it_learns_and_beats_two_neighbours(pretrained: Path) -> None:
    report = json.loads((pretrained / "report.json").read_text())
    scores = report["dev"]["words"]
    assert scores["scored"] == scores["tokens"] == 8 * 5
    assert scores["accuracy"] > 0.45  # of who 1 in 2, does 1, what 1 in 3, when 1 in 3, the stop 1
    assert scores["top5"] > 0.95
    assert scores["perplexity"] < 3
    assert 0.3 < report["neighbours"] <= 0.7
    assert report["epochs"] == 40
    for name in ("learning_curve.png", "metrics.csv", "pretrained/README.md", "pretrained/words.safetensors"):
        assert (pretrained / name).stat().st_size > 0


def test_an_interrupted_run_resumes_to_the_same_weights(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of(text, "passes=3", "model.dropout=0.2")
    pretrain(config, tmp_path / "whole", "")

    def interrupt(_: EpochRecorder, trainer: pl.Trainer, *__: object) -> None:
        if trainer.current_epoch == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(EpochRecorder, "on_train_batch_end", interrupt)
        with pytest.raises(Interrupted):
            pretrain(config, tmp_path / "stopped", "")
    results = pretrain(config, tmp_path / "stopped", "", resume=True)
    assert results is not None
    assert results["epochs"] == 6
    for name in ("model.safetensors", "words.safetensors"):
        paths = [tmp_path / run / "pretrained" / name for run in ("whole", "stopped")]
        assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_mistake_in_the_report_loses_no_section(text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> None:
        raise RuntimeError("the report crashes")

    config = config_of(text, "passes=1")
    with monkeypatch.context() as patched:
        patched.setattr(module, "score_words", crash)
        with pytest.raises(RuntimeError, match="the report crashes"):
            pretrain(config, tmp_path, "")
    assert not (tmp_path / "pretrained").exists()
    pretrain(config, tmp_path, "", resume=True)
    saved = load_word_predictor(tmp_path / "pretrained")
    accuracy = json.loads((tmp_path / "report.json").read_text())["dev"]["words"]["accuracy"]
    assert saved.bundle.config["scores"] == {"dev": {"words": accuracy}}
    assert f"{100 * accuracy:.2f} percent are predicted first" in (tmp_path / "pretrained" / "README.md").read_text()


def test_a_tagger_starts_from_it(pretrained: Path, treebank: Path, tmp_path: Path) -> None:
    corpus = ["corpus=conllu", f"corpus.path={treebank}", "trainer.max_epochs=1", "segmenter=rules"]
    own = ["model.dropout=0.4", "accelerator=cpu", f"hydra.run.dir={tmp_path / 'run'}"]
    assert launch.train([f"init={pretrained}", *corpus, *own]) == 0
    network = json.loads((tmp_path / "run" / "tagger" / "config.json").read_text())["members"][0]["network"]
    assert (network["words"], network["hidden"], network["dropout"]) == (16, {"forward": 12, "backward": 8}, 0.4)
    known = tagger.load(tmp_path / "run").vocabulary
    assert list(known.words)[: len(set(" ".join(SENTENCES).split()))] == list(
        load_word_predictor(pretrained / "pretrained").bundle.vocabulary.words
    )
    assert "flights" not in known.known_forms  # tagged training has not seen it


def test_a_tagger_that_starts_from_it_reads_vectors_and_an_encoder_too(
    pretrained: Path, treebank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("transformers")
    from tests.pretrained.e5 import write_package

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    write_package(tmp_path / "site")
    (tmp_path / "vectors.txt").write_text("the 0.5 1.0\nof 0.1 0.2\n")
    config = train_config_of(
        treebank,
        *(f"init={pretrained}", "experiment=multilingual", f"embedding.vectors={tmp_path / 'vectors.txt'}"),
        *("transformer.layers=[0,2]", "transformer.dtype=float32", "optimizer.lr=1e-60", "trainer.max_epochs=1"),
    )
    train(config, tmp_path / "run", "")
    network = tagger.load(tmp_path / "run", precision="float32").bundle.networks[0]
    before = load_word_predictor(pretrained / "pretrained").network.body
    width = before.embedding.width
    for number, layer in enumerate(before.encoder.layers):
        for name, old in layer.named_parameters():
            new = network.encoder.layers[number].get_parameter(name)
            assert torch.equal(new[:, :width] if "weight_ih" in name else new, old)
    assert network.embedding.width == width + 100
    saved = json.loads((tmp_path / "run" / "tagger" / "config.json").read_text())
    assert saved["members"][0]["network"]["transformer"]["layers"] == [0, 2]
    training = saved["training"]
    assert (training["model"]["dropout"], training["model"]["hidden"]) == (0.5, {"forward": 12, "backward": 8})
    assert (training["embedding"]["transformer"], training["transformer"]["tune"]) == ("multilingual", 8)


def test_no_tags(pretrained: Path) -> None:
    loaded = tagger.load(pretrained)
    assert loaded.columns == []
    with pytest.raises(InputError, match="predicts words and has no tags"):
        loaded.tag(["They", "book"])
    for arguments in (["tag", "-"], ["evaluate", "-"], ["explain", "They book"]):
        failed = CliRunner().invoke(app, [*arguments, "--model", str(pretrained)], input="They book\n")
        assert failed.exit_code == 2
        assert "init=" in failed.output


def test_vectors_of_words(pretrained: Path) -> None:
    loaded = tagger.load(pretrained, precision="float32")
    assert loaded.layers.names == ["0", "1", "all", "mean", "predicted"]
    sentences = [["he", "books", "rooms", "."], ["we", "book", "rooms"]]
    found = list(loaded.embed(sentences, "predicted"))
    assert [vectors.shape for vectors in found] == [(4, 16), (3, 16)]
    network = load_word_predictor(pretrained / "pretrained").network
    table = make_table(loaded.vocabulary)
    for place in range(4):
        batch = hide_words([sentences[0]], [np.array([place])], table)
        with torch.no_grad():
            expected = network.predict(batch.batch, batch.places)[0]
        np.testing.assert_allclose(found[0][place], expected.numpy(), atol=1e-5)
    (other,) = loaded.embed([["he", "unseen", "rooms", "."]], "predicted")
    np.testing.assert_allclose(other[1], found[0][1], atol=1e-6)  # of the word itself it knows nothing


def test_blanks_are_filled_from_both_sides(pretrained: Path) -> None:
    filler = Filler(HiddenWordPredictor.load(pretrained / "pretrained"))
    (blank,) = filler.fill(["he", "___", "rooms", "today", "."], top=3)
    assert blank.position == 1
    assert blank.both[0][0] == blank.left[0][0] == "books"
    assert blank.right[0][1] < 0.75  # which of both it is only the left side knows
    assert all(0 <= share <= 1 for side in blank[1:] for _, share in side)
    two = filler.fill(["___", "books", "____", "today", "."])
    assert [blank.position for blank in two] == [0, 2]
    assert {word for word, _ in two[0].both[:2]} == {"he", "she"}
    assert {word for word, _ in two[1].both[:3]} == {"flights", "rooms", "tables"}
    assert two[0].left == []
    assert two[0].right == two[0].both
    table = format_blanks(["___", "books", "____", "飛行機" * 40, "."], two)
    assert max(map(display_width, table.splitlines())) <= 80
    assert "blank 2" in table
    assert "(no words)" in table


def fill(pretrained: Path, *arguments: str, given: str = "") -> tuple[int, str]:
    result = CliRunner().invoke(app, ["fill", *arguments, "--model", str(pretrained)], input=given)
    return result.exit_code, result.output


def test_the_command_fills_blanks(pretrained: Path) -> None:
    status, shown = fill(pretrained, "she ___ tables again. We book ___ today.", "--json", "--top", "2")
    assert status == 0
    found = json.loads(shown)
    assert [sentence["tokens"][0] for sentence in found] == ["she", "We"]
    assert found[0]["blanks"][0]["both"][0][0] == "books"
    assert len(found[1]["blanks"][0]["left"]) == 2
    assert fill(pretrained, "-", given="she ___ tables again.\n")[1] == fill(pretrained, "she ___ tables again.")[1]
    for text, message in (("___", "nothing but a blank"), ("no blank here", "no blank"), ("", "no blank")):
        status, shown = fill(pretrained, text)
        assert status == 2
        assert message in shown
        assert shown.count("\n") == 1


def test_a_tagger_fills_nothing(trained: Path) -> None:
    status, shown = fill(trained, "I am ___.")
    assert status == 2
    assert "predicts no words: words.safetensors is missing" in shown


def test_damaged_folders_are_one_line(pretrained: Path, tmp_path: Path) -> None:
    shutil.copytree(pretrained / "pretrained", tmp_path / "copy")
    (tmp_path / "copy" / "words.safetensors").write_bytes(b"no weights")
    status, shown = fill(tmp_path / "copy", "I am ___.")
    assert status == 2
    assert "words.safetensors is damaged" in shown


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("text=nowhere.txt", "text=nowhere.txt: no such file"),
        ("model.hidden.forward=[8,8]", "model.hidden.forward lists 2 sizes for model.depth=1"),
        ("hub.name=x", "give text=FILES"),
        ("min_count=100000", "min_count=100000: no word of train.lines occurs that often"),
        ("model.hidden.forward=1000000", "parameters need"),
    ],
)
def test_bad_values_are_refused(text: Path, tmp_path: Path, override: str, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        pretrain(config_of(text, override), tmp_path / "run", "")


def test_held_out_text_of_unknown_words_is_refused(text: Path, tmp_path: Path) -> None:
    (tmp_path / "other.lines").write_text("nothing known stands here\n")
    with pytest.raises(InputError, match="no word that can be scored is in the vocabulary"):
        pretrain(config_of(text, f"dev={tmp_path}/other.lines"), tmp_path / "run", "")


def test_a_sweep(text: Path, tmp_path: Path) -> None:
    sweep = ["passes=1", "section_tokens=60", "seed=1,2", f"hydra.sweep.dir={tmp_path / 'sweep'}"]
    assert launch.pretrain(["-m", *command(text, *sweep)[1:]]) == 0
    assert len((tmp_path / "sweep" / "sweep.csv").read_text().splitlines()) == 3
    report = json.loads((tmp_path / "sweep" / "0" / "report.json").read_text())
    assert report["epochs"] == 9  # of 540 words


A, B, C, D = range(1, 5)  # neighbours; 0 is a sentence's edge


def model(*triples: tuple[int, int, int]) -> NeighbourModel:
    left, word, right = np.array(triples).T
    return NeighbourModel(left, word, right)


def guess(found: NeighbourModel, left: int, right: int) -> int:
    return int(found.predict(np.array([left]), np.array([right]))[0])


def test_what_stood_most_often_between_both() -> None:
    found = model((A, 7, B), (A, 8, B), (A, 8, B), (A, 7, C), (A, 7, C), (0, 9, 0))
    assert guess(found, A, B) == 8
    assert guess(found, A, C) == 7
    assert guess(found, 0, 0) == 9


def test_the_neighbour_that_says_more() -> None:
    found = model((A, 7, B), (A, 7, B), (A, 7, B), (C, 5, D), (C, 6, D), (C, 8, B))
    assert guess(found, A, D) == 7  # 3 of 3 beside A; of D's two words each has one
    assert guess(found, C, B) == 8  # seen so
    assert guess(found, C, 99) == 5  # C alone: the smaller of equals
    assert guess(found, 99, D) == 5


def test_the_most_frequent_word_where_neither_is_known() -> None:
    assert guess(model((A, 7, B), (A, 7, B), (C, 5, D)), 98, 99) == 7


def test_words_that_cannot_be_predicted_are_not() -> None:
    found = model((A, -1, B), (A, -1, B), (A, 6, B), (C, -1, D))
    assert guess(found, A, B) == 6
    assert guess(found, C, D) == 6


@pytest.mark.parametrize("seed", range(3))
def test_equal_to_counting_by_hand(seed: int) -> None:
    rng = np.random.default_rng(seed)
    left, right = rng.integers(0, 5, (2, 300))
    word = rng.integers(-1, 6, 300)
    found = NeighbourModel(left, word, right)
    for a in range(5):
        for b in range(5):
            here = word[(left == a) & (right == b) & (word >= 0)]
            if len(here):
                assert guess(found, a, b) == np.bincount(here).argmax()

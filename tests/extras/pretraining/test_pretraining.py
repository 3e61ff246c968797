"""Networks that learn hidden words of a text: they are hidden, all is learned; folders, taggers and blanks of it."""

import json
import re
import runpy
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import tagger
from tagger.errors import InputError
from tagger.extras.pretraining.fill import fill, format_blanks
from tagger.extras.pretraining.hidden_words import WORD, WORD_PREDICTOR, HiddenWordNetwork, load_word_predictor
from tagger.extras.pretraining.pretraining import PretrainConfig, config_of, pretrain, read_text
from tagger.model.network import TaggerNetwork
from tagger.model.vocabulary import FIRST_ID, IGNORE, UNSEEN, Vocabulary
from tagger.text.strings import display_width
from tagger.training import launch
from tests.commands.conftest import call, error
from tests.conftest import ROOT, TOKENS, network_config
from tests.training.conftest import interruption, treebank

__all__ = ["treebank"]

UNTAGGED = [
    f"{who} {does} {what} {when} ."
    for who, does in (("they", "book"), ("we", "book"), ("he", "books"), ("she", "books"))
    for what in ("flights", "rooms", "tables")
    for when in ("today", "again", "there")
]
TINY_PRETRAINING = [
    *("model.depth=1", "model.hidden.forward=12", "model.hidden.backward=8", "model.dropout=0", "embedding.words=16"),
    *("embedding.affixes=4", "embedding.chars=4", "embedding.buckets=64", "min_count=1", "batch_tokens=60"),
    *("trainer.accelerator=cpu", "passes=20", "optimizer.lr=0.03", "seed=3"),
]


@pytest.fixture(scope="session")
def untagged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("text")
    (folder / "train.lines").write_text("\n".join(UNTAGGED * 3))
    (folder / "held.lines").write_text("\n".join(UNTAGGED[::5]))
    return folder


def tiny(text: Path, *overrides: str) -> PretrainConfig:
    """The config of a tiny pretraining."""
    return config_of([f"text={text}/*.lines", f"dev={text}/held.lines", *TINY_PRETRAINING, *overrides])


@pytest.fixture(scope="session")
def pretrained(untagged: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pretrained") / "run"
    pretrain(tiny(untagged, f"folder={folder}"), "")
    return folder


def make(**changes: object) -> HiddenWordNetwork:
    torch.manual_seed(3)
    words = Vocabulary.build(({"tokens": tokens} for tokens in TOKENS), [], 1)
    network = HiddenWordNetwork(words, TaggerNetwork(words, network_config(**changes)))
    network.mask.data.normal_()
    return network.eval()


@pytest.mark.parametrize("cell", ["gru", "gru_scratch", "lstm", "mingru"])
@pytest.mark.parametrize("place", range(4))
def test_the_hidden_word_changes_nothing(cell: str, place: int) -> None:
    network = make(cell=cell)

    def predicted(sentence: list[str]) -> torch.Tensor:
        return network(network.batch([sentence, TOKENS[1]], [np.array([place]), np.array([0, 3])]))

    found = predicted(TOKENS[0])
    for hidden in ("Well", "unseen-word", "x", "They", "ein-ganz-anderes-langes-Wort"):
        other = predicted([*TOKENS[0][:place], hidden, *TOKENS[0][place + 1 :]])
        torch.testing.assert_close(other, found, rtol=0, atol=0)
    shown = 0 if place else 1  # a word that is not hidden does

    changed = predicted([*TOKENS[0][:shown], "We", *TOKENS[0][shown + 1 :]])
    assert (changed - found).abs().max() > 1e-6


def test_weights_come_back_or_are_damaged_in_one_line_and_targets_are_numbers(tmp_path: Path) -> None:
    network = make()
    network.save(tmp_path, "english", {}, "# A tiny network\n")
    loaded, rules = load_word_predictor(tmp_path)
    assert rules == "english"
    assert all(torch.equal(loaded.state_dict()[name], weight) for name, weight in network.state_dict().items())
    path = tmp_path / WORD_PREDICTOR
    weights, whole = load_file(path), path.read_bytes()
    path.write_bytes(whole[:-4])
    for damaged in (None, {"mask": None}, {"mask": torch.zeros(3)}, {"mask": weights["mask"] * float("nan")}):
        if damaged is not None:
            save_file({name: w for name, w in (weights | damaged).items() if w is not None}, path)
        with pytest.raises(InputError) as caught:
            load_word_predictor(tmp_path)
        assert str(path) in str(caught.value)
        assert str(caught.value).isprintable()
    network = make()
    batch = network.batch([TOKENS[0], ["Well", "unseen"]], [np.array([0, 3]), np.array([1])])
    ids, targets = network.vocabulary.word_ids, batch.targets[WORD]
    assert targets[[0, 3], 0].tolist() == [ids["they"] - FIRST_ID, ids["."] - FIRST_ID]
    assert targets[1, 1] == UNSEEN
    assert (targets != IGNORE).sum() == 3


def test_it_learns_but_not_from_dev(pretrained: Path, untagged: Path) -> None:
    report = json.loads((pretrained / "report.json").read_text())
    scores = report["dev"]["words"]
    assert scores["accuracy"] > 0.3  # of who 1 in 2, does 1, what 1 in 3, when 1 in 3, the stop 1
    assert scores["top5"] > 0.95
    assert scores["perplexity"] < 4
    assert report["words"] == 540  # without those of dev
    assert report["epochs"] == 20
    for name in ("metrics.csv", "pretrained/README.md", "pretrained/words.safetensors"):
        assert (pretrained / name).stat().st_size > 0
    named = read_text(tiny(untagged))
    assert [len(named.train), len(named.dev)] == [108, 8]
    last = read_text(tiny(untagged, "dev=null", f"text={untagged}/train.lines"))
    assert [len(last.train), last.dev["tokens"][:]] == [103, [line.split() for line in UNTAGGED[-5:]]]


def test_an_interrupted_run_goes_on(untagged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, stopped = (tiny(untagged, "passes=3", "model.dropout=0.2", f"folder={tmp_path}/{run}") for run in "ab")
    pretrain(whole, "")
    with interruption(2, monkeypatch, seed=3), pytest.raises(KeyboardInterrupt, match="the same command and folder="):
        pretrain(stopped, "")
    with pytest.raises(InputError, match=r"its run has other values of min_count, model; give the same"):
        pretrain(tiny(untagged, "passes=3", "model.depth=2", "min_count=3", f"folder={tmp_path}/b"), "")
    pretrain(stopped, "")
    for name in ("model.safetensors", "words.safetensors"):
        paths = [tmp_path / run / "pretrained" / name for run in "ab"]
        assert paths[0].read_bytes() == paths[1].read_bytes()


def test_it_is_no_tagger_but_one_starts_from_it(pretrained: Path, treebank: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"pretrained has no tags; train a tagger from it with python -m tagger init="):
        tagger.load(pretrained / "pretrained")
    corpus = ["corpus=conllu", f"corpus.path={treebank}", "trainer.max_epochs=1", "segmenter=rules", "linear=0"]
    own = ["model.dropout=0.4", "accelerator=cpu", f"hydra.run.dir={tmp_path / 'run'}"]
    assert launch.train([f"init={pretrained}/pretrained", *corpus, *own]) == 0
    network = json.loads((tmp_path / "run" / "tagger" / "config.json").read_text())["members"][0]["network"]
    assert (network["words"], network["hidden"], network["dropout"]) == (16, {"forward": 12, "backward": 8}, 0.4)
    known = tagger.load(tmp_path / "run").vocabulary
    before = load_word_predictor(pretrained / "pretrained")[0].vocabulary
    assert list(known.words)[: len(before.words)] == list(before.words)
    assert "flights" not in known.known_forms  # tagged training has not seen it
    page = (ROOT / "docs" / "pretraining.md").read_text(encoding="utf-8")
    command = page.partition("```sh\n")[2].partition("```")[0].replace("\\\n", " ").splitlines()[0]
    words = shlex.split(command)
    assert words[:4] == ["python", "-m", "tagger", "pretrain"]
    with pytest.raises(InputError, match=r"^text=books/\*\.txt: no such file"):
        config_of(words[4:])


def test_bad_values_are_refused(untagged: Path, tmp_path: Path) -> None:
    (untagged.parent / "other.lines").write_text("nothing known stands here\n")
    for override, message in (
        ("mask=0", "mask=0"),
        ("nothing=1", "nothing"),
        ("embedding.words=0", "embedding.words=0: words are predicted by"),
        ("model.hidden.backward=null", "model.hidden.backward=null: give a number"),
        ("segmenter=klingon", "segmenter=klingon"),
        ("+trainer.max_epochs=3", "trainer.max_epochs: pretraining ends after a number of passes"),
        ("text=nowhere.txt", "text=nowhere.txt: no such file"),
        ("text=null", "give text=FILES"),
        ("min_count=100000", "min_count=100000: no word of held.lines and 1 more occurs that often"),
        ("model.hidden.forward=1000000", "parameters need"),
        ("dev={text}", "dev names all of text"),
        ("dev={text}/../other.lines", "dev: none of its words can be predicted"),
        ("maks=0.2", "maks: no such key; did you mean mask?"),
        ("corpus=sample", "corpus: no such key; the keys are folder, text, dev, "),
        ("folder={text}", "it holds files, and none of an epoch to go on from"),
    ):
        with pytest.raises(InputError, match=re.escape(message)):
            pretrain(tiny(untagged, f"folder={tmp_path / 'run'}", override.format(text=untagged)), "")


def test_the_gain_of_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    runs = []
    for size, init, accuracy in ((100, None, 0.8), (100, "x", 0.9), (500, None, 0.88), (500, "x", 0.94)):
        folder = tmp_path / f"{size}-{init}"
        (folder / "tagger").mkdir(parents=True)
        (folder / "tagger" / "config.json").write_text(json.dumps({"training": {"init": init}}), encoding="utf-8")
        report = {"dev": {"upos": {"accuracy": accuracy}}}
        (folder / "report.json").write_text(json.dumps(report), encoding="utf-8")
        runs.append(f"{size}={folder}")
    monkeypatch.setattr(sys, "argv", ["gain.py", *runs, "-o", str(tmp_path / "gain.png")])
    runpy.run_path(str(ROOT / "docs" / "gain.py"), run_name="__main__")
    assert "| 100 | 80.00 (80.00 to 80.00) | 90.00 (90.00 to 90.00) | 50 % |" in capsys.readouterr().out
    assert (tmp_path / "gain.png").read_bytes().startswith(b"\x89PNG")


def test_blanks_are_filled_from_both_sides(pretrained: Path, trained: Path) -> None:
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
    fill_in = ("fill", "--model", str(pretrained))
    found = json.loads(call(*fill_in, "she ___ tables again. We book ___ today.", "--json", "--top", "2").stdout)
    assert [sentence["tokens"][0] for sentence in found] == ["she", "We"]
    assert found[0]["blanks"][0]["both"][0][0] == "books"
    text = "she ___ tables again."
    assert call(*fill_in, "-", input=f"{text}\n").stdout == call(*fill_in, text).stdout
    assert "nothing but a blank" in error(*fill_in, "___")
    assert "no blank" in error(*fill_in, "no blank here")
    assert "predicts no words" in error("fill", "--model", str(trained), "I am ___.")

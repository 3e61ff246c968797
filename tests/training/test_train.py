"""Experiments from config to folder: reports, the same seed, resuming, processes side by side."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir

import tagger
from tagger.bundled import bundled
from tagger.errors import InputError
from tagger.text.conllu import read_conllu, write_conllu
from tagger.text.files import read_lines
from tagger.training.config import TrainConfig, train_config
from tagger.training.train import train

COMMAND = "python -m tagger corpus=conllu"
TINY = [
    "model.hidden.forward=12",
    "model.hidden.backward=8",
    "embedding.words=8",
    "embedding.affixes=4",
    "embedding.chars=8",
    "embedding.buckets=64",
    "batch_tokens=300",
    "accelerator=cpu",
]


@pytest.fixture(scope="module")
def treebank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the first sentences of the bundled sample."""
    folder = tmp_path_factory.mktemp("UD_English-Tiny")
    for split, count in (("train", 60), ("dev", 20), ("test", 20)):
        path = str(bundled("data") / "sample" / f"sample-{split}.conllu")
        sentences = [s for s in read_conllu(read_lines(path), path) if s.lines][:count]
        text = "".join(line for sentence in sentences for line in sentence.lines or [])
        (folder / f"en_tiny-ud-{split}.conllu").write_text(text, encoding="utf-8")
    return folder


def config_of(treebank: Path, *overrides: str) -> TrainConfig:
    with initialize_config_dir(str(bundled("conf")), version_base="1.3"):
        config = compose("train", ["corpus=conllu", f"corpus.path={treebank}", *TINY, *overrides])
    return train_config(config)


def weights(run: Path) -> bytes:
    return (run / "tagger" / "model.safetensors").read_bytes()


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tagger", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def finished(treebank: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of 3 epochs."""
    folder = tmp_path_factory.mktemp("finished")
    train(config_of(treebank, "trainer.max_epochs=3"), folder, True, COMMAND)
    return folder


def test_a_run_leaves_a_tagger_and_what_there_is_to_look_at(finished: Path) -> None:
    report = json.loads((finished / "report.json").read_text())
    assert 0 < report["dev"]["upos"]["accuracy"] <= 1
    assert set(report["test"]["upos"]) >= {"accuracy", "known", "unknown", "whole_sentences", "tags"}
    assert len((finished / "metrics.csv").read_text().splitlines()) == 4
    for picture in ("learning_curve.png", "confusion.png"):
        assert (finished / picture).read_bytes().startswith(b"\x89PNG")
    path = str(finished / "dev.predicted.conllu")
    predicted = list(read_conllu(read_lines(path), path))
    loaded = tagger.load(finished, precision="float32")
    assert predicted[0].tags["upos"] == loaded.tag(predicted[0].tokens)
    first, *errors = (finished / "errors.tsv").read_text(encoding="utf-8").splitlines()
    assert first.split("\t") == ["sentence", "word", "column", "gold", "tag", "confidence"]
    wrong = round((1 - report["dev"]["upos"]["accuracy"]) * report["dev"]["upos"]["tokens"])
    assert len(errors) == wrong
    card = (finished / "tagger" / "README.md").read_text(encoding="utf-8")
    assert "UD_English-Tiny" in card or "en_tiny" in card
    assert COMMAND in card
    assert not [path for path in (finished / "tagger").iterdir() if path.suffix in (".ckpt", ".pt", ".pkl", ".bin")]


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    treebank: Path, finished: Path, tmp_path: Path
) -> None:
    train(config_of(treebank, "trainer.max_epochs=3"), tmp_path / "same", False, COMMAND)
    train(config_of(treebank, "trainer.max_epochs=3", "seed=2"), tmp_path / "other", False, COMMAND)
    assert weights(tmp_path / "same") == weights(finished)
    assert weights(tmp_path / "other") != weights(finished)
    assert "test" not in json.loads((tmp_path / "same" / "report.json").read_text())


def test_a_checkpoint_is_a_whole_tagger_without_pickle(finished: Path) -> None:
    checkpoint = torch.load(finished / "checkpoints" / "last.ckpt", weights_only=True)
    assert set(checkpoint["generators"]) >= {"cpu"}
    assert checkpoint["hyper_parameters"]["network"]["hidden"] == {"forward": 12, "backward": 8}


INTERRUPTED = """
import os, signal, sys
from tagger.training.trainer import History
from tagger.training.launch import main

signal.signal(signal.SIGINT, signal.default_int_handler)  # as at a terminal
start = History.on_train_epoch_start

def interrupt(self, trainer, module):
    start(self, trainer, module)
    if trainer.current_epoch == 1:
        os.kill(os.getpid(), signal.SIGINT)

History.on_train_epoch_start = interrupt
sys.exit(main(sys.argv[1:]))
"""  # a run that gets Ctrl+C in its second epoch


def test_an_interrupted_run_resumes_to_the_same_weights(treebank: Path, finished: Path, tmp_path: Path) -> None:
    overrides = ["corpus=conllu", f"corpus.path={treebank}", *TINY, "trainer.max_epochs=3", "hydra.run.dir=run"]
    process = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, *overrides], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    errors = process.stderr
    assert process.returncode == 130, errors
    assert errors.strip().splitlines()[-1].endswith("python -m tagger resume=run")
    assert not (tmp_path / "run" / "tagger").exists()
    resumed = run(tmp_path, "resume=run")
    assert resumed.returncode == 0, resumed.stderr
    assert weights(tmp_path / "run") == weights(finished)
    rows = (tmp_path / "run" / "metrics.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["epoch", "1", "2", "3"]


def test_resume_refuses_overrides_and_folders_that_are_no_runs(finished: Path, tmp_path: Path) -> None:
    refused = run(tmp_path, f"resume={finished}", "seed=3")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "seed=3" in refused.stderr
    nowhere = run(tmp_path, "resume=nowhere")
    assert (nowhere.returncode, nowhere.stderr.count("\n")) == (2, 1)
    assert "nowhere" in nowhere.stderr


def test_two_processes_train_on_cpu(treebank: Path, tmp_path: Path) -> None:
    done = run(
        tmp_path,
        *("corpus=conllu", f"corpus.path={treebank}", *TINY[:-1], "accelerator=ddp", "trainer.accelerator=cpu"),
        *("trainer.max_epochs=2", "hydra.run.dir=run"),
    )
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert report["dev"]["upos"]["tokens"] == sum(1 for _ in _words(treebank / "en_tiny-ud-dev.conllu"))


def _words(path: Path) -> list[str]:
    return [token for sentence in read_conllu(read_lines(str(path)), str(path)) for token in sentence.tokens]


def test_several_columns_are_learned_jointly(treebank: Path, tmp_path: Path) -> None:
    results = train(config_of(treebank, "columns=[upos,xpos]", "trainer.max_epochs=1"), tmp_path, False, COMMAND)
    assert results is not None
    assert list(results["dev"]) == ["upos", "xpos"]
    assert (tmp_path / "confusion_xpos.png").exists()
    assert set(tagger.load(tmp_path).annotate(["a", "b"]).tags) == {"upos", "xpos"}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.cell=elman", "model.cell=elman"),
        ("model.depth=0", "model.depth=0"),
        ("model.hidden={forward: 0, backward: 0}", "both 0"),
        ("model.hidden.forward=[12,12,12]", "3 sizes"),
        ("segmenter=german", "segmenter=german"),
        ("columns=[lemma]", "lemma"),
        ("columns=upos", "list of different columns"),
        ("columns=[]", "list of different columns"),
        ("columns=[upos,upos]", "list of different columns"),
        ("columns=[text]", "cannot name a tag column"),
        ("batch_tokens=0", "batch_tokens=0"),
        ("storage_dtype=int4", "storage_dtype=int4"),
        ("seed=null", "seed=null: give a whole number, at least 0"),
        ("model.dropout=1.5", "model.dropout=1.5"),
        ("optimizer.lr=fast", "optimizer.lr=fast"),
        ("trainer.max_epochs=0", "trainer.max_epochs=0"),
        ("embedding={words: 0, affixes: 0, chars: 0}", "all 0"),
    ],
)
def test_bad_values_are_named(treebank: Path, tmp_path: Path, override: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        train(config_of(treebank, override), tmp_path, False, COMMAND)


def test_a_moved_run_resumes(treebank: Path, finished: Path, tmp_path: Path) -> None:
    config = config_of(treebank, "trainer.max_epochs=3")
    train(config, tmp_path / "first", False, COMMAND)
    (tmp_path / "first").rename(tmp_path / "moved")
    train(config, tmp_path / "moved", False, COMMAND, resume=True)
    assert weights(tmp_path / "moved") == weights(finished)


def test_a_damaged_checkpoint_is_named(treebank: Path, tmp_path: Path) -> None:
    config = config_of(treebank, "trainer.max_epochs=1")
    train(config, tmp_path, False, COMMAND)
    checkpoint = tmp_path / "checkpoints" / "last.ckpt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"last.ckpt is damaged"):
        train(config, tmp_path, False, COMMAND, resume=True)


def test_a_blind_test_split_costs_its_report_alone(treebank: Path, tmp_path: Path) -> None:
    path = str(treebank / "en_tiny-ud-test.conllu")
    blind = [s for s in read_conllu(read_lines(path), path) if s.tokens]
    for sentence in blind:
        sentence.tags = {"upos": ["_"] * len(sentence)}
    (tmp_path / "blind.conllu").write_text("".join(map(write_conllu, blind)), encoding="utf-8")
    config = config_of(treebank, f"corpus.test={tmp_path / 'blind.conllu'}", "trainer.max_epochs=1")
    results = train(config, tmp_path / "run", True, COMMAND)
    assert results is not None
    assert "test" not in results
    assert (tmp_path / "run" / "tagger").is_dir()


def test_a_dev_split_without_known_tags_is_refused_before_training(treebank: Path, tmp_path: Path) -> None:
    (tmp_path / "dev.conllu").write_text("1\tx\t_\tNEW\t_\t_\t_\t_\t_\t_\n\n")
    with pytest.raises(InputError, match="dev has no tag that train has"):
        train(config_of(treebank, f"corpus.dev={tmp_path / 'dev.conllu'}"), tmp_path / "run", True, COMMAND)


def test_spans_get_span_scores(tmp_path: Path) -> None:
    lines = "\n".join(["He PRP B-NP", "reckons VBZ B-VP", "the DT B-NP", "deficit NN I-NP", ". . O", ""])
    for split in ("train", "dev"):
        (tmp_path / f"{split}.txt").write_text((lines + "\n") * 5)
    with initialize_config_dir(str(bundled("conf")), version_base="1.3"):
        config = compose(
            "train",
            [
                *("corpus=columns", f"corpus.train={tmp_path / 'train.txt'}", f"corpus.dev={tmp_path / 'dev.txt'}"),
                *("columns=[pos,chunk]", "corpus.fields={tokens: 0, pos: 1, chunk: 2}", *TINY, "trainer.max_epochs=1"),
            ],
        )
    results = train(train_config(config), tmp_path / "run", True, COMMAND)
    assert results is not None
    assert {"NP", "VP"} <= set(results["dev"]["chunk"]["spans"])
    assert results["dev"]["pos"]["spans"] is None


@pytest.mark.parametrize("precision", ["bf16-mixed", "32-true"])
def test_precision_is_config(treebank: Path, tmp_path: Path, precision: str) -> None:
    results = train(
        config_of(treebank, f"trainer.precision={precision}", "trainer.max_epochs=1"), tmp_path, False, COMMAND
    )
    assert results is not None


def test_a_lower_precision_makes_a_smaller_folder_and_the_scores_are_its_own(treebank: Path, tmp_path: Path) -> None:
    sizes = []
    for precision in ("float32", "float16", "int8"):
        folder = tmp_path / precision
        train(config_of(treebank, f"storage_dtype={precision}", "trainer.max_epochs=1"), folder, False, COMMAND)
        sizes.append(len(weights(folder)))
        loaded = tagger.load(folder, precision="float32")
        assert all(parameter.dtype == torch.float32 for parameter in loaded.network.parameters())
        path = str(folder / "dev.predicted.conllu")
        predicted = [s for s in read_conllu(read_lines(path), path) if s.tokens]
        assert loaded.tag_sentences([s.tokens for s in predicted]) == [s.tags["upos"] for s in predicted]
    assert 1.8 < sizes[0] / sizes[1] < 2.1
    assert 2.2 < sizes[0] / sizes[2] < 4.1  # the scales take some of it where rows are as short as here

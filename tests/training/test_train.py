"""Trainings from config to folder, and the trainer: what they leave, the same seed, bad values, precisions."""

import csv
import json
import os
import random
import re
import shutil
import signal
import socket
import time
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import mlflow
import pytest
import pytorch_lightning as pl
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import tagger
from tagger.bundle.bundle import Bundle
from tagger.errors import InputError
from tagger.evaluation.report_page import CONFUSIONS
from tagger.model.vocabulary import Vocabulary
from tagger.text.sentence import Sentence
from tagger.training import launch
from tagger.training.config import config_from
from tagger.training.train import train
from tagger.training.trainer import EpochRecorder, WholeFileIO, load_checkpoint
from tests.conftest import files_of, largest_file, make_network, save_tiny
from tests.training.conftest import (
    COMMAND,
    TINY,
    config_of,
    interruption,
    page,
    read_sentences,
    weights,
    write_sentences,
)


def test_a_run_leaves_a_tagger_and_what_there_is_to_look_at(finished: Path) -> None:
    report = json.loads((finished / "report.json").read_text())
    assert 0 < report["dev"]["upos"]["accuracy"] <= 1
    assert set(report["test"]["upos"]) >= {"accuracy", "known", "unknown", "whole_sentences", "tags"}
    assert len((finished / "metrics.csv").read_text().splitlines()) == 4
    predicted = read_sentences(finished / "dev.predicted.conllu")
    loaded = tagger.load(finished, precision="float32")
    assert predicted[0].tags["upos"] == loaded.tag(predicted[0].tokens)
    with (finished / "errors.tsv").open(encoding="utf-8", newline="") as lines:
        errors = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert len(errors) == round((1 - report["dev"]["upos"]["accuracy"]) * report["dev"]["upos"]["tokens"]) > 0
    shown = (finished / "report.html").read_text(encoding="utf-8")
    assert shown.count("<mark>") == len(errors) + CONFUSIONS
    assert all(f"<mark>{escape(row['word'])}</mark>" in shown for row in errors)
    assert all(f"{100 * report[split]['upos']['accuracy']:.2f}%" in shown for split in ("dev", "test"))
    assert re.findall('<img src="(.*?)"', shown) == ["learning_curve.png", "reliability.png"]
    card = (finished / "tagger" / "README.md").read_text(encoding="utf-8")
    assert COMMAND in card
    assert not [path for path in (finished / "tagger").iterdir() if path.suffix in (".ckpt", ".pt", ".pkl", ".bin")]
    temperatures, found = loaded.bundle.config["temperatures"], report["calibration"]
    assert found["temperatures"] == temperatures
    assert 0.2 <= temperatures["upos"] <= 5
    assert found["after"]["test"]["upos"] == report["test"]["upos"]["calibration"]
    before, after = (found[when]["dev"]["upos"]["confidence"] for when in ("before", "after"))
    assert (after > before) == (temperatures["upos"] < 1)


def test_lemmas_are_learned_and_reported(treebank: Path, tmp_path: Path) -> None:
    lemmatized, run = tmp_path / "UD_English-Lemmas", tmp_path / "run"
    lemmatized.mkdir()
    for file in treebank.glob("*.conllu"):
        sentences = read_sentences(file)
        for sentence in sentences:  # words in lower case, and plural nouns without their last letter
            pairs = zip(sentence.tokens, sentence.tags["xpos"], strict=True)
            sentence.tags["lemma"] = [form.lower()[: -1 if tag == "NNS" else None] for form, tag in pairs]
        write_sentences(lemmatized / file.name, sentences)
    values = ("columns=[lemma,upos]", "linear=null", "trainer.max_epochs=3", "embedding.dictionary=null")
    results = train(config_of(lemmatized, *values), run, COMMAND)
    scores = results["dev"]["lemma"]
    gold, predicted = (
        [lemma for sentence in read_sentences(path) for lemma in sentence.tags["lemma"]]
        for path in (lemmatized / "en_tiny-ud-dev.conllu", run / "dev.predicted.conllu")
    )
    right = sum(a == b for a, b in zip(gold, predicted, strict=True))
    assert scores["accuracy"] == pytest.approx(right / len(gold))
    assert 0.5 < scores["accuracy"] < 1
    errors = (run / "errors.tsv").read_text(encoding="utf-8").splitlines()
    assert sum(line.split("\t")[2] == "lemma" for line in errors) == len(gold) - right
    assert scores["tags"].keys() == {"lower:*", "lower:*-"}
    assert tagger.load(run).tag(["They", "MET"]) == ["they", "met"]


def test_a_blind_test_split_costs_its_report_and_a_strange_dev_split_is_refused(treebank: Path, tmp_path: Path) -> None:
    tokens = [sentence.tokens for sentence in read_sentences(treebank / "en_tiny-ud-test.conllu")]
    write_sentences(tmp_path / "blind.conllu", [Sentence(each, {"upos": ["_"] * len(each)}) for each in tokens])
    config = config_of(treebank, f"corpus.test={tmp_path / 'blind.conllu'}", "trainer.max_epochs=1", "test=true")
    results = train(config, tmp_path / "run", COMMAND)
    assert "test" not in results
    assert (tmp_path / "run" / "tagger").is_dir()
    (tmp_path / "dev.conllu").write_text("1\tx\t_\tNEW\t_\t_\t_\t_\t_\t_\n\n")
    with pytest.raises(InputError, match="dev has no tag that train has"):
        train(config_of(treebank, f"corpus.dev={tmp_path / 'dev.conllu'}"), tmp_path / "run", COMMAND)


def test_spans_get_span_scores(tmp_path: Path) -> None:
    lines = "\n".join(["He PRP B-NP", "reckons VBZ B-VP", "the DT B-NP", "deficit NN I-NP", ". . O", ""])
    for split in ("train", "dev"):
        (tmp_path / f"{split}.txt").write_text((lines + "\n") * 5)
    own = ["corpus=columns", f"corpus.train={tmp_path / 'train.txt'}", f"corpus.dev={tmp_path / 'dev.txt'}"]
    own += ["columns=[pos,chunk]", "corpus.fields={tokens: 0, pos: 1, chunk: 2}", *TINY, "trainer.max_epochs=1"]
    results = train(config_from(page("train", *own)), tmp_path / "run", COMMAND)
    assert {"NP", "VP"} <= set(results["dev"]["chunk"]["spans"])
    assert results["dev"]["pos"]["spans"] is None


def test_a_lower_precision_makes_a_smaller_folder_and_the_scores_are_its_own(treebank: Path, tmp_path: Path) -> None:
    sizes = []
    for precision in ("float32", "float16", "int8"):
        folder = tmp_path / precision
        train(config_of(treebank, f"storage_dtype={precision}", "trainer.max_epochs=1"), folder, COMMAND)
        sizes.append(len(weights(folder)))
        loaded = tagger.load(folder, precision="float32")
        assert all(parameter.dtype == torch.float32 for parameter in loaded.bundle.networks[0].parameters())
        predicted = read_sentences(folder / "dev.predicted.conllu")
        assert loaded.tag_sentences([s.tokens for s in predicted]) == [s.tags["upos"] for s in predicted]
    assert 1.8 < sizes[0] / sizes[1] < 2.1
    assert 2.2 < sizes[0] / sizes[2] < 4.1  # the scales take some of it where rows are as short as here


# Runs with `init` and `trainer.max_epochs=0`: the networks stay, the rest is made as after a training.

KEPT = [value for value in TINY if not value.startswith(("model.", "embedding."))] + ["trainer.max_epochs=0"]


@pytest.fixture
def source(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the folder of a tagger that was trained on English with rules."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(finished / "tagger", "source")
    return Path("source")


@pytest.mark.usefixtures("small_segmenter")
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
    before = files_of(source)
    given = ["corpus=conllu", f"corpus.path={spaced}", "segmenter=learned", "card.license=CC0"]
    assert launch.train([*KEPT, *given, f"init={source}", "hydra.run.dir=run"]) == 0
    assert files_of(source) == before
    after = files_of(Path("run/tagger"))
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


def test_columns_that_the_corpus_lacks(treebank: Path, source: Path, own_folder: None, spaced: Path) -> None:
    own = ["corpus=conllu", f"corpus.path={treebank}", *TINY]
    assert launch.train([*own, "columns=[upos,xpos]", "trainer.max_epochs=1", "hydra.run.dir=two"]) == 0
    before = json.loads(Path("two/tagger/config.json").read_text())["temperatures"]
    for split in ("train", "dev"):
        sentences = read_sentences(treebank / f"en_tiny-ud-{split}.conllu")
        write_sentences(Path(f"{split}.conllu"), [Sentence(s.tokens, {"upos": s.tags["upos"]}) for s in sentences])
    given = ["corpus=conllu", "corpus.train=train.conllu", "corpus.dev=dev.conllu"]
    assert launch.train([*KEPT, *given, "init=two", "hydra.run.dir=run"]) == 0
    report = json.loads(Path("run/report.json").read_text())
    assert list(report["dev"]) == ["upos"]
    assert json.loads(Path("run/tagger/config.json").read_text())["temperatures"]["xpos"] == before["xpos"]
    nothing = Vocabulary.build([{"tokens": ["They"]}], [], min_count=1)
    save_tiny(Path("source"), make_network(nothing), nothing)
    with pytest.raises(InputError, match=r"^init=source: it has no tags; name a tagger$"):
        launch.train([*KEPT, "corpus=conllu", f"corpus.path={spaced}", "init=source"])
    assert not Path("runs").exists()


def test_an_interrupted_run_resumes_to_the_same_weights(
    treebank: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of(treebank, "trainer.max_epochs=3", "test=true")
    for epoch in (1, 2):  # twice, and the second time in a folder that has moved
        with interruption(epoch, monkeypatch), pytest.raises(KeyboardInterrupt):
            train(config, tmp_path / f"run{epoch}", COMMAND, resume=epoch > 1)
        assert not (tmp_path / f"run{epoch}" / "tagger").exists()
        (tmp_path / f"run{epoch}").rename(tmp_path / f"run{epoch + 1}")
    train(config, tmp_path / "run3", COMMAND, resume=True)
    assert weights(tmp_path / "run3") == weights(finished)  # the same seed, the same weights
    train(config_of(treebank, "trainer.max_epochs=3", "seed=2"), tmp_path / "other", COMMAND)
    assert weights(tmp_path / "other") != weights(finished)
    assert "test" not in json.loads((tmp_path / "other" / "report.json").read_text())
    rows = (tmp_path / "run3" / "metrics.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["epoch", "1", "2", "3"]


def test_an_epoch_without_a_better_accuracy_is_not_repeated_nor_a_run_that_stopped_early(
    treebank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of(treebank, "trainer.max_epochs=4", "optimizer.lr=1e-60")  # every epoch has the same accuracy
    with interruption(3, monkeypatch), pytest.raises(KeyboardInterrupt):
        train(config, tmp_path, COMMAND)
    started: list[int] = []
    begin = EpochRecorder.on_train_epoch_start

    def started_at(recorder: EpochRecorder, trainer: pl.Trainer, trained: pl.LightningModule) -> None:
        started.append(trainer.current_epoch)
        begin(recorder, trainer, trained)

    monkeypatch.setattr(EpochRecorder, "on_train_epoch_start", started_at)
    results = train(config, tmp_path, COMMAND, resume=True)
    assert started == [3]
    assert (results["epochs"], results["best_epoch"]) == (4, 1)
    early = config_of(treebank, "trainer.max_epochs=9", "optimizer.lr=1e-60", "patience=2")
    before = train(early, tmp_path / "early", COMMAND)
    assert before["epochs"] == 3
    (tmp_path / "early" / "metrics.csv").unlink()
    monkeypatch.setattr(pl.Trainer, "fit", lambda *_, **__: pytest.fail("trained on"))
    assert train(early, tmp_path / "early", COMMAND, resume=True)["dev"] == before["dev"]
    assert len((tmp_path / "early" / "metrics.csv").read_text().splitlines()) == 4


@pytest.mark.slow
def test_two_processes_train_one_tagger(treebank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = config_of(treebank, "accelerator=ddp", "trainer.accelerator=cpu", "linear=0", "trainer.max_epochs=2")
    # outside the range from which the system gives ports away, so that nobody gets one before it is used
    ports = iter(random.sample(range(20_000, 30_000), 100))

    def trained(folder: Path, **options: bool) -> dict[str, Any]:
        with socket.socket() as taken:
            port = next(port for port in ports if taken.connect_ex(("127.0.0.1", port)))
        monkeypatch.setenv("MASTER_PORT", str(port))
        return train(config, folder, COMMAND, **options)

    def interrupt(self: EpochRecorder, trainer: pl.Trainer, *_: object) -> None:
        if trainer.current_epoch == 1:
            os.kill(os.getppid(), signal.SIGINT)
            time.sleep(60)

    whole = trained(tmp_path / "whole")
    with monkeypatch.context() as patched:
        patched.setattr(EpochRecorder, "on_train_batch_end", interrupt)
        with pytest.raises(KeyboardInterrupt):
            trained(tmp_path / "run")
    results = trained(tmp_path / "run", resume=True)
    assert (results["dev"], results["epochs"]) == (whole["dev"], 2)
    assert weights(tmp_path / "run") == weights(tmp_path / "whole")
    rows = (tmp_path / "run" / "metrics.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["epoch", "1", "2"]


def test_every_epoch_leaves_a_last_checkpoint_and_only_a_better_one_a_best(
    tmp_path: Path, treebank: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "checkpoints" / "best.ckpt"
    WholeFileIO().save_checkpoint({"weights": torch.zeros(10)}, path)
    with largest_file(100_000), pytest.raises(InputError, match=r"best.ckpt cannot be written: File too large"):
        WholeFileIO().save_checkpoint({"weights": torch.zeros(100_000)}, path)
    assert [file.name for file in path.parent.iterdir()] == ["best.ckpt"]
    assert len(load_checkpoint(path)["weights"]) == 10
    accuracies = [0.5, 0.7, 0.6, 0.7, float("nan")]
    told: list[tuple[int, int]] = []
    save = EpochRecorder._save

    def pretend(self: EpochRecorder, trainer: Any) -> None:
        self.epochs[-1]["dev/accuracy"] = accuracies[trainer.current_epoch]
        save(self, trainer)
        told.append((load_checkpoint(self.last)["epoch"], load_checkpoint(self.best)["epoch"]))

    monkeypatch.setattr(EpochRecorder, "_save", pretend)
    results = train(config_of(treebank, "trainer.max_epochs=5"), tmp_path, COMMAND)
    assert told == [(0, 0), (1, 1), (2, 1), (3, 1), (4, 1)]
    assert results["best_epoch"] == 2
    assert sorted(file.name for file in (tmp_path / "checkpoints").iterdir()) == ["best.ckpt", "last.ckpt"]


def test_checkpoints_that_are_missing_damaged_or_of_other_sizes_are_not_resumed(
    treebank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of(treebank, "trainer.max_epochs=2")
    other = config_of(treebank, "trainer.max_epochs=2", "model.hidden.forward=5")
    with pytest.raises(InputError, match="no epoch was completed; start the run again"):
        train(config, tmp_path, COMMAND, resume=True)
    with interruption(1, monkeypatch), pytest.raises(KeyboardInterrupt):
        train(config, tmp_path, COMMAND)
    for _ in range(2):  # whether epochs are left or not
        with pytest.raises(InputError, match="the config has changed since the run began; start the run again"):
            train(other, tmp_path, COMMAND, resume=True)
        train(config, tmp_path, COMMAND, resume=True)
    checkpoint = tmp_path / "checkpoints" / "last.ckpt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"last.ckpt is damaged \([^.]+\); start the run again$"):
        train(config, tmp_path, COMMAND, resume=True)


@pytest.mark.slow
def test_every_logger_has_every_epoch_and_the_scores(
    treebank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("WANDB_MODE", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    loggers = ["logger=[csv,tensorboard,wandb,mlflow]", "logger.wandb.offline=true", "logger.wandb.tags=[tiny]"]
    results = train(config_of(treebank, *loggers, "trainer.max_epochs=2"), Path("run"), COMMAND)
    accuracy, key, logs = results["dev"]["upos"]["accuracy"], "final/dev/upos/accuracy", Path("run/logs").absolute()
    rows = list(csv.DictReader((logs / "csv/version_0/metrics.csv").read_text().splitlines()))
    epochs = [row["dev/accuracy"] for row in csv.DictReader(Path("run/metrics.csv").read_text().splitlines())]
    assert [row["dev/accuracy"] for row in rows if row["dev/accuracy"]] == epochs
    assert [float(row[key]) for row in rows if row[key]] == [accuracy]
    assert "dropout: 0.6" in (logs / "csv/version_0/hparams.yaml").read_text()  # what the corpus decided
    events = EventAccumulator(str(logs / "tensorboard/version_0")).Reload()
    assert len(events.Scalars("dev/accuracy")) == 2
    assert events.Scalars(key)[0].value == pytest.approx(accuracy)
    client = mlflow.MlflowClient("sqlite:///mlflow.db")
    (found,) = client.search_runs([client.get_experiment_by_name("tagger").experiment_id])
    assert found.info.status == "FINISHED"
    assert len(client.get_metric_history(found.info.run_id, "dev/accuracy")) == 2
    assert found.data.metrics[key] == accuracy
    (path,) = (logs / "wandb").rglob("offline-run-*/*.wandb")
    assert key.encode() in path.read_bytes()
    unreachable = ["logger=mlflow", "logger.mlflow.tracking_uri=sqlite:////proc/no/mlflow.db"]
    with pytest.raises(InputError, match=r"^logger=mlflow: "):
        train(config_of(treebank, *unreachable), tmp_path / "other", COMMAND)

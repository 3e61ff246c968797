"""The commands train and resume: runs and grids, what they leave, mistakes and their exit statuses."""

import errno
import json
import os
import shlex
import sys
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import datasets
import pytest
import torch
from hydra.core.override_parser.overrides_parser import OverridesParser

from tagger.bundle.catalog import claim_run
from tagger.errors import InputError
from tagger.training.launch import hydra_words
from tagger.training.train import train as train_run
from tagger.training.trainer import WholeFileIO
from tests.forked import forked, started
from tests.training.conftest import TRAIN, interruption, resume, rows, train, wait_for, weights

pytestmark = pytest.mark.usefixtures("own_folder")


def test_a_run_is_interrupted_and_resumed_by_a_command(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with interruption(1, monkeypatch):
        assert train([*arguments, "name=my run"]) == 130
    assert capsys.readouterr().err == "interrupted; go on with: python -m tagger resume 'runs/my run'\n"
    with claim_run(Path("runs/my run")):
        assert resume("my run") == 2
    error = "error: runs/my run is being trained by another process; wait until that has ended\n"
    assert capsys.readouterr().err == error
    assert resume("latest") == 0
    assert "tag with it: python -m tagger tag FILE --model 'runs/my run'" in capsys.readouterr().out
    assert train([*arguments, "hydra.run.dir=whole"]) == 0
    assert weights(Path("runs/my run")) == weights(Path("whole"))


def test_interruptions_end_a_run(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    process = started(*arguments, "trainer.max_epochs=500", "hydra.run.dir=run")
    wait_for("run/checkpoints/last.ckpt", process)
    process.terminate()
    process.join(60)
    assert process.exitcode == 130
    said = Path("said").read_text().splitlines()
    assert said[-1] == "interrupted; go on with: python -m tagger resume run"
    with interruption(0, monkeypatch):
        assert train(arguments) == 130
    assert capsys.readouterr().err == "interrupted; no epoch was complete, and nothing is kept\n"
    assert not Path("runs").exists()


def test_runs_are_where_their_name_or_their_folder_says(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(TRAIN, lambda *_: None)
    monkeypatch.setattr("hydra.core.utils.datetime", SimpleNamespace(now=lambda: datetime(2026, 1, 31, 12)))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for values in (["name=größe"], ["hydra.run.dir=~/one"], [], []):
        assert train([*arguments, *values]) == 0
    for values in (["name=both"], ["hydra.sweep.dir=~/two"]):
        assert train(["-m", *arguments, "seed=1,2", *values]) == 1  # a run without a report is not finished
    assert sorted(path.parent.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("run.json")) == [
        *("home/one", "home/two/0", "home/two/1", "runs/2026-01-31/12-00-00", "runs/2026-01-31/12-00-00-2"),
        *("runs/both/0", "runs/both/1", "runs/größe"),
    ]
    capsys.readouterr()
    before = sorted(tmp_path.rglob("*"))
    assert train([*arguments, "name=größe"]) == 2
    assert capsys.readouterr().err.startswith("error: runs/größe ")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("model.dept=3", "model.dept: no such key; did you mean model.depth?"),
        ("modle.depth=3", "modle.depth: no such key; did you mean model.depth?"),
        ("-m model.dept=1,2", "model.dept: no such key; did you mean model.depth?"),
        ("facts=1", "facts: no such key; see python -m tagger --cfg job"),
        ("~model.dpth", "Could not delete from config. 'model.dpth' does not exist."),
        ("+corpus._target_=os.system", "corpus._target_: no such key; "),
        ("corpus.path=x", "corpus.path: no such key here; it needs corpus=conllu"),
        ("corpus.fields.x=4", "corpus.fields: corpus=sample does not read it; it needs corpus=columns or hub"),
        ("corpus=conlu", "Could not find 'corpus/conlu' Available options in 'corpus': columns conll2000"),
        ("model.depth", "model.depth: no command"),
        ("model.depth=1,2", "model.depth=1,2"),
        ("model.depth=${x}", "x"),
        ("--nonsense", "--nonsense; see python -m tagger --help"),
        ("--experimental-rerun x.pickle", "a pickle, which may run code"),
        ("hydra/launcher=joblib", "hydra/launcher=joblib is for several runs; add -m"),
        ("-m model.depth=range(0)", "names nothing to try"),
        ("-m seed=range(100000000) model.depth=1,2", "more than 1,000 runs; give fewer values"),
        ("-m seed=1,2 hydra.sweep.subdir=x", "hydra.sweep.subdir=x: two runs would have this folder"),
        ("name=english", "name=english: english is another tagger already"),
        ("name=a hydra.run.dir=b", "name=a: hydra.run.dir=b names a folder already"),
        ("+trainer.callbacks=[os.system]", "trainer.callbacks: no such key; trainer has max_epochs, "),
        ("hydra.run.dir=/dev/null/x", "/dev/null"),
        ("-m seed=1,x", "error: seed=x: expected int, got str"),
        ("-m model.depth=1,-1", "error: model.depth=-1: expected int >= 1"),
        ("-m corpus=sample,conlu", "error: In 'train': Could not find 'corpus/conlu' Available options in 'corpus': "),
        ("optimizer.momentum=0.9", "optimizer.momentum: no such key"),
        ("optimizer.lr=nan", "optimizer.lr=NaN: expected"),
        ("trainer.strategy=deepspeed", "trainer.strategy=deepspeed: expected"),
        ("trainer.accelerator=os.system", "trainer.accelerator=os.system: expected"),
        ("trainer.devices=0", "trainer.devices=0: expected"),
        ("trainer.devices=[0,0]", "trainer.devices=[0, 0]: name every device once"),
        ("trainer.max_epochs=0", "trainer.max_epochs=0: name the tagger whose networks stay as they are"),
        ("trainer.limit_val_batches=0.0001 segmenter=rules", "error: trainer: You requested to check 0.0001 of the"),
        ("threads=9999", "threads=9999: this machine has 2 processors; give at most 2"),
        ("trainer.accelerator=gpu", "trainer.accelerator=gpu: this machine has no such GPU; set accelerator=auto"),
        ("trainer.accelerator=cpu trainer.devices=3 trainer.strategy=ddp_fork", "trainer.devices=3: one process per"),
        ("model.hidden={forward:0,backward:0}", "both 0"),
        ("model.hidden.forward=[12,12,12]", "3 sizes"),
        ("columns=[deprel]", "no column 'deprel'"),
        ("columns=[upos,upos]", "list of different columns"),
        ("columns=[text]", "cannot name a tag column"),
        ("embedding={words:0,affixes:0,chars:0,dictionary:null}", "all 0"),
        ("embedding.dictionary=xx", "error: no dictionary has the code 'xx'; choose from ar, ast, bg, "),
        ("embedding.dictionary=[de,de]", 'error: embedding.dictionary=["de", "de"]: name every'),
        ("embedding.vectors=nowhere.txt", "nowhere.txt"),
        ("embedding.vectors=[a,a]", "embedding.vectors"),
        ("embedding.transformer=/nowhere/at/all", "/nowhere/at/all"),
        ("init=latest", "init=latest"),
        ("init=nowhere", "error: init=nowhere: no such tagger; python -m tagger models lists"),
        *(
            (
                f"init=first {override}",
                f"{override.split()[0]}: with init the tagger that training starts from decides; ",
            )
            for override in (
                "model.depth=3",
                "experiment=vectors",
                "embedding.transformer=null",
                "transformer={layers:[1]}",
                "embedding.vectors_keep=3",
                "embedding.words=3 embedding.vectors=a.vec",
                "experiment=multilingual trainer.max_epochs=0",
                "model.decoder=softmax",
            )
        ),
        ("distill.text=novels/*.txt", "distill.text: no teacher tags it; name one, distill.teacher=FOLDER"),
        ("distill.teacher=latest", "distill.teacher=latest would be another tagger when the run is resumed"),
        ("distill.teacher=english distill.text=[]", "distill.text=[]: expected"),
        ("distill.teacher=english model.decoder=crf", "model.decoder=crf: a student needs the decoder softmax; leave"),
        ("distill.teacher=english init=english trainer.max_epochs=0", "trainer.max_epochs=0 trains no student; leave"),
    ],
)
def test_mistakes_are_one_line_with_status_2_and_leave_nothing(
    words: str, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["tagger", "mine"])
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert train(words.split()) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert message in error
    assert "provider=" not in error
    assert list(Path().iterdir()) == []
    assert (sys.argv, "HYDRA_FULL_ERROR" in os.environ) == (["tagger", "mine"], False)


@pytest.mark.parametrize(
    ("words", "ready"),
    [
        ("trainer.limit_train_batches=3 corpus=columns corpus.fields.x=4", "++{} {} ++{}"),
        ("+trainer.limit_train_batches=3 ~trainer.precision", "{} {}"),
        ("hydra.run.dir=runs/${now:%H} hydra/launcher=basic", "{} {}"),
        ("--cfg job seed=2 name=größe", "{2} hydra.run.dir='runs/größe' hydra.sweep.dir='runs/größe' {0} {1}"),
        ("name=null", ""),
    ],
)
def test_what_hydra_gets(words: str, ready: str) -> None:
    assert hydra_words(words.split()) == ready.format(*words.split()).split()


def test_one_text_needs_no_quotes() -> None:
    for name in ("trän.conllu", "d=e.conllu", "n: o", "~p", "back\\slash"):
        (ready,) = hydra_words([f"corpus.train={name}"])
        assert OverridesParser.create().parse_override(ready).value() == name


def test_a_full_disk_is_one_line_and_the_run_can_be_resumed(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    save, saved = WholeFileIO.save_checkpoint, 0

    def full(self: WholeFileIO, checkpoint: Any, path: Any, storage_options: Any = None) -> None:
        nonlocal saved
        saved += 1
        if saved == 3:  # of the first epoch there are two
            raise InputError(f"{path} cannot be written: {os.strerror(errno.ENOSPC)}")
        save(self, checkpoint, path)

    monkeypatch.setattr(WholeFileIO, "save_checkpoint", full)
    assert train([*arguments, "hydra.run.dir=run"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "No space left on device" in error
    assert "go on with: python -m tagger resume run" in error
    assert resume("run") == 0


def test_a_folder_from_somebody_else_runs_nothing(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with interruption(1, monkeypatch):
        assert train([*arguments, "hydra.run.dir=run"]) == 130
    record = json.loads(Path("run/run.json").read_text())
    trainer, harm = record["config"]["trainer"], {"_target_": "os.system", "command": "touch harm"}
    for part, values, message in (
        ("corpus", {"kind": "conllu"} | harm, "corpus._target_: no such key; corpus has kind, "),
        ("corpus", {"kind": "subprocess.run"}, "corpus.kind=subprocess.run: expected one of sample, conllu, "),
        ("trainer", trainer | {"logger": harm}, "trainer.logger: no such"),
        ("trainer", trainer | {"strategy": "os.system"}, "trainer.strategy=os.system: expected"),
        ("logger", {"nolog": {}}, "logger.nolog: no such logger; choose from csv, tensorboard, wandb, mlflow"),
        ("init", "${oc.env:HOME}", "init=${oc.env:HOME}: no such tagger"),
        ("seed", "${oc.env:HOME}", "seed=${oc.env:HOME}: expected int"),
        ("seed", True, "seed=true: expected"),
        ("blob", 1, "blob: no such key; the keys are columns, segmenter, "),
        ("optimizer", {"lr": 0.1}, "optimizer.weight_decay has no value; give it one: optimizer.weight_decay=..."),
    ):
        Path("run/run.json").write_text(json.dumps(record | {"config": record["config"] | {part: values}}))
        capsys.readouterr()
        assert resume("run") == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
        assert os.environ["HOME"] not in error
        assert not Path("harm").exists()


@pytest.mark.parametrize(("tune", "epochs"), [(True, 2), (1, 3)])
def test_a_run_that_adds_an_encoder_resumes(
    treebank: Path, finished: Path, bert: Path, tune: int, epochs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    arguments = [f"init={finished}", "corpus=conllu", f"corpus.path={treebank}", "accelerator=cpu", "segmenter=rules"]
    arguments += [f"embedding.transformer={bert}", f"transformer.tune={tune}", "test=false"]
    arguments += [f"trainer.max_epochs={epochs}"]
    assert train([*arguments, "hydra.run.dir=whole"]) == 0
    with interruption(1, monkeypatch):
        assert train([*arguments, "hydra.run.dir=stopped"]) == 130
    kept = {path.name for path in Path("stopped/shards").glob("*")}
    assert len(kept) == (0 if tune is True else 2)
    assert resume("stopped") == 0
    assert weights(Path("stopped")) == weights(Path("whole"))
    assert not Path("stopped/shards").exists()


def test_a_run_is_resumed_from_any_folder(
    arguments: list[str],
    treebank: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(treebank.parent)
    relative = [f"corpus.path={treebank.name}" if text.startswith("corpus.path") else text for text in arguments]
    with interruption(1, monkeypatch):
        assert train([*relative, f"hydra.run.dir={tmp_path}/run"]) == 130
    monkeypatch.chdir(tmp_path)
    record, name = Path("run/run.json"), treebank.name
    known = record.read_text()
    record.write_text(json.dumps(json.loads(known) | {"started_in": "/nowhere"}))
    capsys.readouterr()
    assert resume("run") == 2
    error = f"error: {name} does not exist; check corpus.path (the run was started in /nowhere, where relative paths"
    assert capsys.readouterr().err.startswith(error)
    record.write_text(known)
    assert resume("run") == 0
    config = json.loads(Path("run/tagger/config.json").read_text())
    assert (config["training"]["corpus"]["path"], config["corpus"]) == (name, name)
    for path in Path("run/tagger").iterdir():  # which may be published
        assert str(treebank.parent).encode() not in path.read_bytes(), path


PLAIN = ["-m", "trainer.max_epochs=2", "trainer.limit_train_batches=1.0", "test=false"]


def test_a_failed_run_is_a_row_and_the_others_go_on(
    tried: list[int], capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    assert train([*PLAIN, "seed=13,1,2", "model.depth=3,1", "name=grid"]) == 1
    assert tried == [13, 13, 1, 1, 2, 2]
    table = [(row["run"], row["state"], row["dev_accuracy"], row["error"]) for row in rows("runs/grid")]
    assert table == [
        *((run, "complete", accuracy, "") for run, accuracy in zip("4523", ["0.02"] * 2 + ["0.01"] * 2, strict=True)),
        *((run, "failed", "", "ValueError: out of luck") for run in "01"),
    ]
    assert rows("runs/grid")[0]["overrides"] == " ".join([*PLAIN[1:], "seed=2", "model.depth=3"])  # as they were typed
    assert caplog.messages[0] == "a sweep in runs/grid; if it is stopped, give the same command again"
    lines = capsys.readouterr().out.split("sweep.csv\n")[1].splitlines()
    assert lines[0].split() == ["run", "dev", "words/s", "parameters", "seconds", "overrides"]
    assert lines[1].split() == ["4", "2.00", "seed=2", "model.depth=3"]
    assert lines[5].split() == ["0", "failed", "seed=13", "model.depth=3"]
    assert lines[6].strip() == "ValueError: out of luck"


def test_the_same_command_trains_what_is_missing(tried: list[int]) -> None:
    command = [*PLAIN, "seed=1,13,2", "hydra.sweep.dir=grid"]
    assert train(command) == 1
    before = rows("grid")
    Path("grid/2/report.json").unlink()
    Path("grid/0").rename("taken")
    assert train(command) == 1
    assert tried == [1, 13, 2, 1, 13, 2]
    Path("grid/1/report.json").write_text('{"dev": {"upos": {"accuracy": 0.5}}}')
    assert train(command) == 0
    assert tried == [1, 13, 2, 1, 13, 2]
    assert [row["run"] for row in rows("grid")] == ["1", "2", "0"]
    assert rows("grid")[1:] == before[:2]
    assert train([*PLAIN, "seed=1", "hydra.sweep.dir=grid"]) == 0
    assert rows("grid")[1:] == before[:2]  # runs that the command does not ask for keep their rows


def test_without_a_name_the_first_line_says_how_to_go_on(tried: list[int], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    assert train([*PLAIN, "seed=1,2"]) == 0
    words = shlex.split(caplog.messages[0].partition("go on with: ")[2])
    assert words[:3] == ["python", "-m", "tagger"]
    assert train(words[3:]) == 0
    assert tried == [1, 2]


def test_other_values_in_the_folder_are_an_error(tried: list[int], capsys: pytest.CaptureFixture[str]) -> None:
    assert train([*PLAIN, "seed=1,2", "hydra.sweep.dir=grid"]) == 0
    before = {path: path.read_bytes() for path in Path("grid").rglob("*") if path.is_file()}
    capsys.readouterr()
    for values, message in (
        ("seed=1,3", "grid/1 holds a run with another seed; give the sweep another folder"),
        ("seed=1,2 model.depth=3", "grid/0 holds a run with another model.depth"),
        ("seed=1,2,4 card.license=x", "grid/0 holds a run with another card.license"),
    ):
        assert train([*PLAIN, *values.split(), "hydra.sweep.dir=grid"]) == 2
        assert message in capsys.readouterr().err
        assert {path: path.read_bytes() for path in Path("grid").rglob("*") if path.is_file()} == before
        assert tried == [1, 2]


@pytest.mark.parametrize("file", ["grid/mine.txt", "grid/0/mine.txt", "grid"])
def test_what_is_no_run_and_no_sweep_stays(file: str, tried: list[int]) -> None:
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    Path(file).write_text("mine")
    assert train([*PLAIN, "seed=1,2", "hydra.sweep.dir=grid"]) == 2
    assert train(["seed=1", f"hydra.run.dir={Path(file).parent if '/' in file else file}"]) == 2
    assert [path.as_posix() for path in Path().rglob("*") if path.is_file()] == [file]
    assert tried == []


def test_a_run_that_was_interrupted_goes_on_from_its_last_epoch(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(["-m", *arguments, "seed=1,2", "name=whole"]) == 0
    with interruption(1, monkeypatch, seed=2):
        assert train(["-m", *arguments, "seed=1,2", "name=grid"]) == 130
    assert capsys.readouterr().err == "interrupted; give the same command again\n"
    begun = []

    def count(config: Any, folder: Path, command: str, resume: bool, *rest: Any) -> Any:
        begun.append((config.seed, resume, config.test, config.segmenter))
        return train_run(config, folder, command, resume, *rest)

    monkeypatch.setattr(TRAIN, count)
    assert train(["-m", *arguments, "seed=1,2", "name=grid"]) == 0
    assert begun == [(2, True, False, "rules")]
    for run in "01":
        assert weights(Path("runs/grid", run)) == weights(Path("runs/whole", run))
    same = ("run", "state", "overrides", "dev_accuracy", "parameters", "error")
    tables = [[[row[name] for name in same] for row in rows(f"runs/{sweep}")] for sweep in ("grid", "whole")]
    assert tables[0] == tables[1]


@pytest.mark.slow
def test_a_sweep_whose_process_was_killed_goes_on(arguments: list[str], tmp_path: Path) -> None:
    command = ["-m", *arguments, "seed=1,2", "name=grid"]
    process = started(*command)
    wait_for("runs/grid/1/checkpoints/last.ckpt", process)
    process.kill()
    process.join()
    first = Path("runs/grid/0/report.json").stat().st_mtime_ns
    done = forked(tmp_path, *command)
    assert done.returncode == 0, done.stderr
    assert Path("runs/grid/0/report.json").stat().st_mtime_ns == first
    assert [row["state"] for row in rows("runs/grid")] == ["complete", "complete"]
    assert len(Path("runs/grid/1/metrics.csv").read_text().splitlines()) == 3


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["joblib hydra.launcher.n_jobs=2", "submitit_local hydra.launcher.timeout_min=5"])
def test_hydras_launchers_train_side_by_side(
    launcher: str, arguments: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    values = f"hydra/launcher={launcher} model.depth=1,2 name=grid".split()
    for _ in range(2):
        assert train(["-m", *arguments, "trainer.max_epochs=1", *values]) == 0
        assert sorted((row["run"], row["state"]) for row in rows("runs/grid")) == [("0", "complete"), ("1", "complete")]
        assert "Traceback" not in capfd.readouterr().err
    log = Path("runs/grid/1/train.log").read_text()
    assert log.count("epoch 1/1") == log.count("it is complete") == 1

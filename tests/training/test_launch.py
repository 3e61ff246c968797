"""The commands train and resume: a run, what it leaves, mistakes and their exit statuses."""

import errno
import json
import os
import sys
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hydra.core.override_parser.overrides_parser import OverridesParser

from tagger.bundle.catalog import claim_run
from tagger.errors import InputError
from tagger.training.launch import hydra_words
from tagger.training.trainer import WholeFileIO
from tests.conftest import started
from tests.training.conftest import TRAIN, interruption, resume, train, wait_for, weights

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
    assert list(Path("runs").iterdir()) == [Path("runs/my run")]


def test_runs_are_where_their_name_or_their_folder_says(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(TRAIN, lambda *_: None)
    monkeypatch.setattr("hydra.core.utils.datetime", SimpleNamespace(now=lambda: datetime(2026, 1, 31, 12)))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for values in (["name=größe"], ["hydra.run.dir=~/one"], [], []):
        assert train([*arguments, *values]) == 0
    assert sorted(path.parent.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("run.json")) == [
        *("home/one", "runs/2026-01-31/12-00-00", "runs/2026-01-31/12-00-00-2", "runs/größe")
    ]
    capsys.readouterr()
    before = sorted(tmp_path.rglob("*"))
    assert train([*arguments, "name=größe"]) == 2
    assert capsys.readouterr().err.startswith("error: runs/größe ")
    assert sorted(tmp_path.rglob("*")) == before


OWN = ["model.depth=3", "model.decoder=crf", "experiment=multilingual", "embedding.transformer=minilm"]
OWN += ["transformer={layers:[1]}", "embedding.vectors=a.vec"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("model.dept=3", "model.dept: no such key; did you mean model.depth?"),
        ("modle.depth=3", "modle.depth: no such key; did you mean model.depth?"),
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
        ("name=english", "name=english: english is another tagger already"),
        ("name=a hydra.run.dir=b", "name=a: hydra.run.dir=b names a folder already"),
        ("+trainer.callbacks=[os.system]", "trainer.callbacks: no such key; trainer has max_epochs, "),
        ("hydra.run.dir=/dev/null/x", "/dev/null"),
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
            (f"init=first {value}", f"{value}: with init the tagger that training starts from decides; ")
            for value in OWN
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


def test_what_hydra_gets() -> None:
    for words, ready in (
        ("trainer.limit_train_batches=3 corpus=columns corpus.fields.x=4", "++{} {} ++{}"),
        ("+trainer.limit_train_batches=3 ~trainer.precision", "{} {}"),
        ("hydra.run.dir=runs/${now:%H} hydra/launcher=basic", "{} {}"),
        ("--cfg job seed=2 name=größe", "{2} hydra.run.dir='runs/größe' hydra.sweep.dir='runs/größe' {0} {1}"),
        ("name=null", ""),
    ):
        assert hydra_words(words.split()) == ready.format(*words.split()).split()
    for name in ("trän.conllu", "d=e.conllu", "n: o", "~p", "back\\slash"):  # one text needs no quotes
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
    Path("killed").mkdir()  # before its first epoch was complete
    Path("killed/run.json").write_text(known)
    capsys.readouterr()
    assert resume("killed") == 2
    assert "no epoch was completed; remove the folder, and start the run again: python -m" in capsys.readouterr().err
    assert resume("run") == 0
    config = json.loads(Path("run/tagger/config.json").read_text())
    assert (config["training"]["corpus"]["path"], config["corpus"]) == (name, name)
    for path in Path("run/tagger").iterdir():  # which may be published
        assert str(treebank.parent).encode() not in path.read_bytes(), path

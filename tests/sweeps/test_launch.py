"""The commands train, pretrain and resume: runs, sweeps, what they leave, mistakes and their exit statuses."""

import csv
import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import datasets
import pytest
import pytorch_lightning as pl
import torch

from tagger.bundle.run_lock import claim_run
from tagger.commands.console import clear_errors
from tagger.commands.options import TRAINING_MEMORY
from tagger.errors import InputError
from tagger.sweeps import launch
from tagger.text.conllu import read_conllu
from tagger.text.files import read_lines
from tagger.training import train as training
from tagger.training.checkpoints import EpochRecorder, WholeFileIO
from tests.forked import forked
from tests.training.conftest import TINY, weights


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Commands run where nothing is, and change no signals of the tests."""
    monkeypatch.chdir(tmp_path)
    before = {name: signal.getsignal(name) for name in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for name, handler in before.items():
        signal.signal(name, handler)


@pytest.fixture
def arguments(treebank: Path) -> list[str]:
    return ["corpus=conllu", f"corpus.path={treebank}", *TINY, "trainer.max_epochs=2"]


TRAIN = "tagger.training.train.train"


def status(work: Callable[[Any], int], given: Any) -> int:
    """The exit status of a command; its errors are printed as the command line prints them."""
    try:
        with clear_errors(memory=TRAINING_MEMORY):
            return work(given)
    except SystemExit as end:
        return int(end.code or 0)


def train(arguments: Sequence[str]) -> int:
    return status(launch.train, arguments)


def resume(folder: str) -> int:
    return status(launch.resume, folder)


def rows(folder: str) -> list[dict[str, str]]:
    with Path(folder, "sweep.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@contextmanager
def interruption(epoch: int, monkeypatch: pytest.MonkeyPatch, seed: int = 1) -> Iterator[None]:
    """Within the block there is a Ctrl+C while an epoch, counted from 0, of a run with that seed is trained."""

    def interrupt(self: EpochRecorder, trainer: pl.Trainer, *_: object) -> None:
        if trainer.current_epoch == epoch and self.config["seed"] == seed:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(EpochRecorder, "on_train_batch_end", interrupt)
        yield


def test_a_run_is_interrupted_and_resumed_by_a_command(
    arguments: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
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
    card = Path("runs/my run/tagger/README.md").read_text(encoding="utf-8")
    assert f"python -m tagger corpus=conllu {arguments[1]}" in card
    assert "my run" not in card
    assert train([*arguments, "hydra.run.dir=whole"]) == 0
    assert weights(Path("runs/my run")) == weights(Path("whole"))
    assert "test" in json.loads(Path("runs/my run/report.json").read_text())


SCRIPT = """
import os, signal, sys
from tagger.__main__ import main
from tagger.training import train as training
from tagger.training.checkpoints import EpochRecorder

signal.signal(signal.SIGINT, signal.default_int_handler)  # as at a terminal
start = EpochRecorder.on_train_epoch_start

def interrupt(self, trainer, module):
    start(self, trainer, module)
    if trainer.current_epoch == 1:
        os.kill(os.getpid(), signal.SIGTERM)

EpochRecorder.on_train_epoch_start = interrupt
sys.exit(main())
"""  # a run that is stopped politely in its second epoch


def test_a_signal_ends_a_run_as_ctrl_c_does(arguments: list[str]) -> None:
    command = [sys.executable, "-c", SCRIPT, *arguments, "hydra.run.dir=run"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 130, done.stderr
    assert done.stderr.splitlines()[-1] == "interrupted; go on with: python -m tagger resume run"
    assert resume("run") == 0


def test_an_interruption_before_the_first_epoch_leaves_nothing(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with interruption(0, monkeypatch):
        assert train(arguments) == 130
    assert capsys.readouterr().err == "interrupted; no epoch was complete, and nothing is kept\n"
    assert not Path("runs").exists()


def test_the_runs_of_a_moment_get_folders_of_their_own(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(TRAIN, lambda *_: None)
    monkeypatch.setattr("hydra.core.utils.datetime", _Noon)
    for _ in range(2):
        assert train(arguments) == 0
        assert train(["-m", *arguments, "seed=1,2"]) == 1  # a run without a report is not finished
    names = ["12-00-00", "12-00-00-2", "12-00-00-sweep", "12-00-00-sweep-2"]
    assert sorted(path.name for path in Path("runs/2026-01-31").iterdir()) == names


def test_a_run_and_a_sweep_are_where_their_name_or_their_folder_says(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(TRAIN, lambda *_: None)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert train([*arguments, "name=tamil"]) == 0
    assert train([*arguments, "hydra.run.dir=~/one"]) == 0
    for values in (["name=both"], ["hydra.sweep.dir=~/two"]):
        assert train(["-m", *arguments, "seed=1,2", *values]) == 1  # a run without a report is not finished
    assert sorted(path.parent.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("run.json")) == [
        *("home/one", "home/two/0", "home/two/1", "runs/both/0", "runs/both/1", "runs/tamil")
    ]
    before = sorted(tmp_path.rglob("*"))
    capsys.readouterr()
    for values in ([], ["-m", "seed=1,2"]):
        assert train([*values, *arguments, "name=tamil"]) == 2
        error = (
            "error: name=tamil: runs/tamil exists; take another name, or go on with: python -m tagger resume tamil\n"
        )
        assert capsys.readouterr().err == error
    assert sorted(tmp_path.rglob("*")) == before
    assert json.loads(Path("runs/both/0/run.json").read_text())["overrides"] == [*arguments, "seed=1"]


class _Noon:
    """A clock that stands still."""

    @classmethod
    def now(cls) -> "_Noon":
        return cls()

    def strftime(self, pattern: str) -> str:
        return pattern.replace("%Y-%m-%d", "2026-01-31").replace("%H-%M-%S", "12-00-00")


def test_a_used_folder_is_refused_and_stays_as_it_is(
    arguments: list[str], finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*")}
    assert train([*arguments, "seed=7", f"hydra.run.dir={finished}"]) == 2
    assert "holds files already; give the run a folder of its own" in capsys.readouterr().err
    assert train(["-m", *arguments, "seed=7,8", f"hydra.sweep.dir={finished}"]) == 2
    assert {path: path.stat().st_mtime_ns for path in finished.rglob("*")} == before


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["model.dept=3"], ["model.dept=3: no such key; did you mean model.depth?"]),
        (["--cfg", "job", "model.depht=2"], ["model.depht=2: no such key"]),
        (["model.depth=1,2"], ["model.depth=1,2: several values; -m trains a run for each"]),
        (["corpus=conllu", "corpus.train=a,b.conllu"], ["corpus.train=a,b.conllu: no such file, and several values"]),
        (["model.depth=["], ["model.depth=[: cannot be read"]),
        (["columns={a:1}"], ["columns={a:1}: this kind of value does not fit; --cfg all shows the config"]),
        (["model.depth=${x}"], ["model.depth: "]),
        (["experiment=nowhere"], ["experiment=nowhere"]),
        (["--nonsense"], ["--nonsense; see python -m tagger --help"]),
        (["--cfg", "nonsense"], ["nonsense"]),
        (["-m", "--cfg", "job"], ["not allowed with"]),
        (["--config-dir", "nowhere"], ["--config-dir nowhere: no such folder"]),
        (["--config-name", "nowhere"], ["nowhere"]),
        (["hydra/launcher=nowhere"], ["nowhere"]),
        (["hydra/launcher=joblib"], ["hydra/launcher=joblib is for several runs; add -m"]),
        (["hydra/sweeper=optuna"], ["hydra/sweeper=optuna is for several runs; add -m"]),
        (["-m", "hydra/launcher=joblib", "hydra.launcher.n_jobs=two"], ["hydra.launcher.n_jobs=two: this kind of"]),
        (["-m", "model.depth=range(0)"], ["model.depth=range(0)", "no value"]),
        (["-m", "model.dropout=interval(0,1)"], ["model.dropout=interval(0,1): name the values"]),
        (["-m", "seed=1,2", "hydra.sweep.dir=a,b"], ["hydra.sweep.dir=a,b: this holds for the sweep as a whole"]),
        (["-m", "hydra/launcher=basic,joblib"], ["hydra/launcher=basic,joblib: this holds for the sweep"]),
        (["-m", "seed=1,2", "name=a,b"], ["name=a,b: this holds for the sweep as a whole"]),
        (["name=english"], ["name=english: english is another tagger already"]),
        (["name=a", "hydra.run.dir=b"], ["name=a: hydra.run.dir names a folder already"]),
        (["-m", "name=a", "hydra.sweep.dir=b"], ["name=a: hydra.sweep.dir names a folder already"]),
        (["-m", "seed=1,2", "hydra.sweeper.params=3"], ["hydra.sweeper.params=3: give keys"]),
        (["-m", "hydra.sweeper.params={modle.depth: '1,2'}"], ["modle.depth: no such key; did you mean model.depth?"]),
        (["-m", "hydra.sweeper.params={hydra.job.name: x}"], ["hydra.job.name holds for the sweep as a whole"]),
        (["hydra.output_subdir=.hydra"], ["hydra.output_subdir=.hydra: a run's folder has run.json"]),
        (["hydra.run.dir="], ["hydra.run.dir= names no folder"]),
        (["-m", "hydra.sweep.subdir="], ["hydra.sweep.subdir= names no folder"]),
        (["hydra.run.dir=~no-such-user/x"], ["there is no such user"]),
        (["hydra.run.dir=null"], ["hydra.run.dir=null"]),
        (["+trainer.callbacks=[os.system]"], ["trainer.callbacks", "no such setting"]),
        (["+trainer.strategy=deepspeed"], ["trainer.strategy=deepspeed"]),
        (["resume=runs/x"], ["python -m tagger resume runs/x"]),
        (["hydra.run.dir=/dev/null"], ["/dev/null is a file"]),
        (["hydra.run.dir=/dev/null/x"], ["/dev/null/x cannot be made a run's folder"]),
    ],
)
def test_mistakes_are_one_line_with_status_2_and_leave_nothing(
    overrides: list[str], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(overrides) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    for word in words:
        assert word in error
    assert "provider=" not in error
    assert list(Path().iterdir()) == []


def test_an_empty_folder_that_was_there_stays(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    Path("mine").mkdir()
    assert train(["model.depth=0", "hydra.run.dir=mine"]) == 2
    assert train(["model.depth=0", "hydra.run.dir=new/run"]) == 2
    with interruption(0, monkeypatch):
        assert train([*arguments, "hydra.run.dir=mine"]) == 130
    assert [path.name for path in Path().rglob("*")] == ["mine"]


def test_a_config_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert status(launch.pretrain, ["--cfg", "job", "model.depth=3"]) == 0
    shown = capsys.readouterr().out
    assert "passes: 10" in shown
    assert "depth: 3" in shown
    assert train(["corpus=conllu", "corpus.train=trän (1).conllu", "--cfg", "job"]) == 0
    assert "train: trän (1).conllu" in capsys.readouterr().out


def test_an_override_may_refer_to_another_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TRAIN, lambda *_: None)
    assert train(["model.depth=${seed}", "seed=3", "hydra.run.dir=of-${model.cell}"]) == 0
    record = json.loads(Path("of-gru/run.json").read_text())
    assert record["overrides"] == ["model.depth=${seed}", "seed=3"]
    assert record["config"]["model"]["depth"] == 3


def test_no_memory_is_one_line(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(TRAIN, lambda *_: torch.zeros(1 << 50))
    assert train(arguments) == 2
    error = capsys.readouterr().err
    assert "this needs more memory than there is" in error
    assert "batch_tokens" in error
    assert error.count("\n") == 1
    assert list(Path().iterdir()) == []


def test_a_full_disk_is_one_line_and_the_run_can_be_resumed(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    save, saved = WholeFileIO.save_checkpoint, 0

    def full(self: WholeFileIO, checkpoint: Any, path: Any, storage_options: Any = None) -> None:
        nonlocal saved
        saved += 1
        if saved == 2:
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
    for part, values in (
        ("corpus", {"_target_": "os.system", "command": "touch harm"}),
        ("trainer", record["config"]["trainer"] | {"logger": {"_target_": "os.system", "command": "touch harm"}}),
        ("trainer", record["config"]["trainer"] | {"strategy": "os.system"}),
        ("init", "${oc.env:HOME}"),
        ("seed", "${oc.env:HOME}"),
    ):
        Path("run/run.json").write_text(json.dumps(record | {"config": record["config"] | {part: values}}))
        capsys.readouterr()
        assert resume("run") == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert os.environ["HOME"] not in error
        assert not Path("harm").exists()


@pytest.mark.parametrize(
    "values",
    [
        {"overrides": ["seed=1,2", "+hydra.callbacks.e._target_=pathlib.Path.touch", "+hydra.callbacks.e.self=harm"]},
        {"overrides": ["seed=1,2", "++hydra.callbacks={e: {_target_: os.system}}"]},
        {"overrides": ["seed=1,2", " hydra.callbacks.e.x=1"]},
        {"overrides": ["seed=1,2", "hydra/job_logging=default"]},
        {"overrides": ["seed=1,2", "experiment@hydra.callbacks=best"]},
        {"overrides": ["seed=1,2", "hydra/launcher=submitit_local", "hydra.launcher.setup=[touch harm]"]},
        {"overrides": ["seed=1,2", "hydra.launcher.partition='a b'"]},
        {"overrides": ["seed=1,2"], "config_dir": "pages", "config_name": "train"},
        {"overrides": ["seed=1,2"], "config_name": "evil"},
    ],
)
def test_the_record_of_a_sweep_from_somebody_else_runs_nothing(
    values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sent").mkdir()
    own = {"id": "x", "command": "train", "config_name": "train", "config_dir": None, "runs": None, "started_in": None}
    Path("sent/sweep.json").write_text(json.dumps(own | values))
    assert resume("sent") == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "error: sent/sweep.json: " in error
    assert "give the command that started the sweep again, with hydra.sweep.dir=sent" in error
    assert [path.name for path in tmp_path.rglob("*")] == ["sent", "sweep.json"]


@pytest.mark.usefixtures("drawn")
def test_a_sweep_trains_the_grid_and_a_failed_run_is_a_row(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = ["-m", *arguments[:-1], "trainer.max_epochs=1", "test=true", "hydra.sweep.dir=sweep"]
    assert train([*sweep, "model.depth=1,2", "model.hidden.forward=8,[8]"]) == 1  # depth 2 with one size fails
    table = rows("sweep")
    assert len(table) == 4
    accuracies = [float(row["dev_accuracy"]) for row in table[:3]]
    assert accuracies == sorted(accuracies, reverse=True)
    assert all(int(row["parameters"]) > 0 for row in table[:3])
    assert all(int(row["words_per_second"]) > 0 for row in table[:3])
    assert Path("sweep/frontier.png").read_bytes().startswith(b"\x89PNG")
    assert "model.hidden.forward" in table[3]["error"]
    assert {"model.depth=2", "model.hidden.forward=[8]"} <= set(table[3]["overrides"].split())
    assert "InputError" in Path("sweep", table[3]["run"], "traceback.txt").read_text()
    shown = capsys.readouterr().out
    assert "failed" in shown
    lines = shown.split("upos: words not seen in training")[1].splitlines()
    assert len(lines) == 6
    assert lines[1].startswith("run  not seen")
    assert max(map(len, lines)) <= 80
    for report in Path().glob("sweep/*/report.json"):
        assert '"test"' not in report.read_text()


def test_a_sweep_that_is_interrupted_before_any_epoch_leaves_nothing(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with interruption(0, monkeypatch):
        assert train(["-m", *arguments, "seed=1,2"]) == 130
    assert capsys.readouterr().err == "interrupted; no epoch was complete, and nothing is kept\n"
    assert not Path("runs").exists()


def test_a_sweep_that_is_interrupted_keeps_its_rows_and_goes_on_with_what_is_missing(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = ["-m", *arguments[:-1], "trainer.max_epochs=1", "seed=1,2,3", "hydra.sweep.dir=sweep"]
    run, tried = training.train, []

    def fail_first(config: Any, *others: Any) -> Any:
        tried.append(config.seed)
        if tried == [1]:
            raise ValueError("out of luck")
        if tried == [1, 2]:
            raise KeyboardInterrupt
        return run(config, *others)

    monkeypatch.setattr(TRAIN, fail_first)
    assert train(sweep) == 130
    captured = capsys.readouterr()
    assert captured.err == "interrupted; go on with: python -m tagger resume sweep\n"
    assert "not finished: 1, 2" in captured.out
    assert [(row["run"], row["state"], row["error"]) for row in rows("sweep")] == [
        ("0", "failed", "ValueError: out of luck"),
        ("1", "unfinished", ""),
        ("2", "unfinished", ""),
    ]
    assert 'raise ValueError("out of luck")' in Path("sweep/0/traceback.txt").read_text()
    assert resume("sweep") == 0
    assert tried == [1, 2, 1, 2, 3]
    assert {row["state"] for row in rows("sweep")} == {"complete"}
    assert all(int(row["words_per_second"]) > 0 for row in rows("sweep"))
    assert not list(Path("sweep").glob("*/traceback.txt"))
    assert train(sweep) == 0
    assert tried == [1, 2, 1, 2, 3]


def test_a_run_of_a_sweep_is_resumed_and_completes_its_row(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with interruption(1, monkeypatch, seed=2):
        assert train(["-m", *arguments, "seed=1,2,3", "hydra.sweep.dir=sweep"]) == 130
    assert "go on with: python -m tagger resume sweep" in capsys.readouterr().err
    before = {row["run"]: row for row in rows("sweep")}
    assert [before[run]["state"] for run in "012"] == ["complete", "unfinished", "unfinished"]
    assert resume("sweep/1") == 0
    after = {row["run"]: row for row in rows("sweep")}
    assert (after["0"], after["2"]) == (before["0"], before["2"])
    assert (after["1"]["state"], after["1"]["overrides"]) == ("complete", before["1"]["overrides"])
    report = json.loads(Path("sweep/1/report.json").read_text())
    assert float(after["1"]["dev_accuracy"]) == round(report["dev"]["upos"]["accuracy"], 6)
    assert "test" not in report
    assert "sweep/sweep.csv" in capsys.readouterr().out


def children_of(process: int) -> list[int]:
    return [int(number) for number in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="this system lists no children of a process")
def test_when_the_second_of_two_processes_is_killed_both_end_and_the_sweep_is_resumed(
    treebank: Path, arguments: list[str]
) -> None:
    ddp = [*(a for a in arguments if a != "accelerator=cpu"), "accelerator=ddp", "trainer.accelerator=cpu"]
    ddp += ["trainer.max_epochs=3", "seed=1", "hydra.sweep.dir=sweep"]
    ddp += ["segmenter=learned", "segmenter_steps=4"]  # the first process of a run alone trains it
    command = [sys.executable, "-m", "tagger", "-m", *ddp]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None and not Path("sweep/0/checkpoints/last.ckpt").exists():
            time.sleep(0.05)
        assert process.poll() is None, process.communicate()
        second = max(children_of(process.pid))
        os.kill(second, signal.SIGKILL)
        _, errors = process.communicate(timeout=120)  # of the second process, too: it has the same standard error
    assert not is_running(second)
    assert process.returncode == 130, errors
    assert "interrupted; go on with: python -m tagger resume sweep" in errors
    assert [(row["run"], row["state"]) for row in rows("sweep")] == [("0", "unfinished")]
    done = forked(Path.cwd(), "resume", "sweep")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [(row["run"], row["state"]) for row in rows("sweep")] == [("0", "complete")]
    path = str(treebank / "en_tiny-ud-dev.conllu")
    report = json.loads(Path("sweep/0/report.json").read_text())
    assert report["segmenter"]["steps"] == 4
    assert report["epochs"] == len(Path("sweep/0/metrics.csv").read_text().splitlines()) - 1 == 3
    assert report["dev"]["upos"]["tokens"] == sum(len(s.tokens) for s in read_conllu(read_lines(path), path))


def test_an_empty_corpus_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    Path("x-train.conllu").write_text("")
    assert train(["corpus=conllu", "corpus.path=."]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "x-train.conllu" in error
    assert [path.name for path in Path().iterdir()] == ["x-train.conllu"]


def test_init_refuses_what_it_would_ignore(capsys: pytest.CaptureFixture[str]) -> None:
    assert train(["init=nowhere", "++model.depth=3"]) == 2
    error = "error: model.depth=3: with init the tagger that training starts from decides; leave this out\n"
    assert capsys.readouterr().err == error


@pytest.mark.parametrize(("tune", "epochs"), [(True, 2), (False, 2), (1, 2), (1, 3)])
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
    assert kept == (set() if tune is True else {"train.npy", "dev.npy"})
    assert resume("stopped") == 0
    assert weights(Path("stopped")) == weights(Path("whole"))
    assert not Path("stopped/shards").exists()


def test_a_training_waits_for_the_layers_that_are_tuned(treebank: Path, bert: Path, tmp_path: Path) -> None:
    arguments = ["corpus=conllu", f"corpus.path={treebank}", "accelerator=cpu", "segmenter=rules", "test=false"]
    arguments += [f"embedding.transformer={bert}", "transformer.tune=1", "trainer.max_epochs=6", "patience=1"]
    assert train([*arguments, "optimizer.lr=1e-9", "optimizer.transformer_lr=1e-9", "hydra.run.dir=run"]) == 0
    with Path("run/metrics.csv").open(newline="") as lines:
        assert len(list(csv.DictReader(lines))) == 6  # frozen in 4; the fifth is the best of two


def test_a_frozen_encoder_has_no_noise(treebank: Path, bert: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["corpus=conllu", f"corpus.path={treebank}", "accelerator=cpu", "segmenter=rules", "test=false"]
    added = [f"embedding.transformer={bert}", "transformer.tune=1", "trainer.max_epochs=1"]
    assert train([*arguments, *added, "hydra.run.dir=run"]) == 0
    capsys.readouterr()
    assert train([*arguments, "init=run", "noise=0.3"]) == 2
    assert "whose outputs are kept for the text as it is; leave noise out" in capsys.readouterr().err
    assert train([*arguments, *added, "noise=0.3"]) == 2
    assert "set transformer.tune=true, or noise=0" in capsys.readouterr().err


def started_in(record: Path, folder: str | None) -> None:
    """Changes what a record says of the folder where it was started; None: nothing, as an older version."""
    values = {key: value for key, value in json.loads(record.read_text()).items() if key != "started_in"}
    record.write_text(json.dumps(values if folder is None else values | {"started_in": folder}))


@pytest.fixture
def relative(arguments: list[str], treebank: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The arguments with a relative path; the current folder is the one in which it begins."""
    monkeypatch.chdir(treebank.parent)
    return [f"corpus.path={treebank.name}" if text.startswith("corpus.path") else text for text in arguments]


def test_a_run_is_resumed_from_any_folder(
    relative: list[str],
    treebank: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with interruption(1, monkeypatch):
        assert train([*relative, f"hydra.run.dir={tmp_path}/run"]) == 130
    monkeypatch.chdir(tmp_path)
    record, name = Path("run/run.json"), treebank.name
    for folder, error in (
        (
            "/nowhere/at/all",
            f"{name} does not exist; check corpus.path (/nowhere/at/all, where the run was started, is",
        ),
        (f"{tmp_path}/run", f"{name} does not exist; check corpus.path (relative paths begin in {tmp_path}/run, where"),
        (None, f"{name} does not exist; check corpus.path\n"),
    ):
        started_in(record, folder)
        capsys.readouterr()
        assert resume("run") == 2
        shown = capsys.readouterr().err
        assert shown.startswith(f"error: {error}")
        assert shown.count("\n") == 1
    started_in(record, str(treebank.parent))
    assert resume("run") == 0
    config = json.loads(Path("run/tagger/config.json").read_text())
    assert (config["training"]["corpus"]["path"], config["corpus"]) == (name, name)
    for path in Path("run/tagger").iterdir():  # which may be published
        assert str(treebank.parent).encode() not in path.read_bytes(), path
    started_in(record, "/nowhere/at/all")
    monkeypatch.chdir(treebank.parent)
    assert resume(f"{tmp_path}/run") == 0


@pytest.mark.parametrize(
    "values",
    [
        ["seed=1,2"],
        [
            *("hydra/sweeper=optuna", "hydra.sweeper.n_trials=2", "hydra.sweeper.storage=trials.log"),
            *("optimizer.lr=interval(0.001,0.01)", "seed=choice(1)"),
        ],
    ],
)
def test_a_sweep_goes_on_from_any_folder(
    values: list[str],
    relative: list[str],
    treebank: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["-m", *relative, "trainer.max_epochs=1", *values, f"hydra.sweep.dir={tmp_path}/sweep"]
    train_one, trained = training.train, []

    def once(*given: Any) -> Any:
        trained.append(given)
        if len(trained) == 2:
            raise KeyboardInterrupt
        return train_one(*given)

    monkeypatch.setattr(TRAIN, once)
    assert train(command) == 130
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    assert train(command) == 2
    error = capsys.readouterr().err
    assert "check corpus.path" in error
    assert resume("sweep") == 0
    assert [row["state"] for row in rows("sweep")] == ["complete", "complete"]
    assert all(row["words_per_second"] for row in rows("sweep"))
    shown = capsys.readouterr().out.split(" overrides\n")[1].splitlines()[:2]
    assert [line.split()[-1][:5] for line in shown] == ["seed=", "seed="]  # that a search tries, though it is equal
    assert json.loads(Path("sweep/1/run.json").read_text())["started_in"] == str(treebank.parent)
    (treebank.parent / "trials.log").unlink(missing_ok=True)

"""Processes that torchrun or srun started train one tagger: they begin and end together, and the first one speaks."""

import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from tagger.training.together import check_processes

from tagger.__main__ import main
from tagger.commands.console import clear_errors
from tagger.errors import InputError
from tagger.sweeps import launch
from tagger.training.checkpoints import load_checkpoint
from tests.training.conftest import TINY

TWO = ["accelerator=ddp", "trainer.accelerator=cpu", "trainer.devices=1", "trainer.num_nodes=2"]
SRUN = {
    "SLURM_JOB_ID": "1",
    "SLURM_JOB_NAME": "tagger",
    "SLURM_NODELIST": "127.0.0.1",
    "SLURM_NNODES": "2",
    "SLURM_NTASKS": "2",
    "SLURM_NTASKS_PER_NODE": "1",
    "SLURM_LOCALID": "0",
    "SLURM_STEP_NUM_TASKS": "2",
}


def free_port() -> str:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return str(server.getsockname()[1])


@contextmanager
def nodes(*commands: list[str], folders: list[Path], env: list[Mapping[str, str]]) -> Iterator[list[Any]]:
    """A process for each node; none is left after the block."""
    processes = [
        subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for command, folder, more in zip(commands, folders, env, strict=True)
    ]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def by_srun(*arguments: str, folders: list[Path]) -> Any:
    """`srun --nodes 2 --ntasks-per-node 1 python -m tagger ARGUMENTS`, as far as its variables go."""
    port = free_port()
    env = [{**SRUN, "SLURM_NODEID": rank, "SLURM_PROCID": rank, "MASTER_PORT": port} for rank in "01"]
    command = [sys.executable, "-m", "tagger", *arguments]
    return nodes(command, command, folders=folders, env=env)


def work(arguments: tuple[str, ...], folder: Path, env: Mapping[str, str], printed: list[Path]) -> None:
    """Runs the command line in this process, a copy of another one."""
    for number, stream, path in ((1, "stdout", printed[0]), (2, "stderr", printed[1])):
        os.dup2(os.open(path, os.O_CREAT | os.O_WRONLY), number)
        setattr(sys, stream, os.fdopen(number, "w", buffering=1))
    os.chdir(folder)
    os.environ.update(env)
    sys.argv = ["tagger", *arguments]
    sys.exit(main())


def by_srun_in_copies(*arguments: str, folders: list[Path], printed: Path) -> list[tuple[int | None, str, str]]:
    """What `by_srun` and `ends` give, by copies of this process, which need not import everything anew.

    A copy of a process that has trained on a GPU cannot train: this is for runs that end before.
    """
    port, fork = free_port(), multiprocessing.get_context("fork")
    paths = [[printed / f"{rank}.{number}" for number in (1, 2)] for rank in "01"]
    env = [{**SRUN, "SLURM_NODEID": rank, "SLURM_PROCID": rank, "MASTER_PORT": port} for rank in "01"]
    processes = [fork.Process(target=work, args=(arguments, *own)) for own in zip(folders, env, paths, strict=True)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(100)
        process.kill()
        process.join()
    return [(p.exitcode, out.read_text(), err.read_text()) for p, (out, err) in zip(processes, paths, strict=True)]


def ends(processes: list[Any]) -> list[tuple[int, str, str]]:
    """The exit status of each process and what it printed."""
    printed = [process.communicate(timeout=100) for process in processes]
    return [(process.returncode, *texts) for process, texts in zip(processes, printed, strict=True)]


def test_two_machines_by_torchrun_train_one_tagger(treebank: Path, tmp_path: Path) -> None:
    port = free_port()
    run = [sys.executable, "-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=1", "--max-restarts=0"]
    run += ["--rdzv-backend=static", "--master-addr=127.0.0.1", f"--master-port={port}"]
    train = ["-m", "tagger", "corpus=conllu", f"corpus.path={treebank}", *TINY, *TWO, "trainer.max_epochs=2"]
    commands = [[*run, f"--node-rank={rank}", *train] for rank in range(2)]
    folders = [tmp_path / "first", tmp_path / "second"]  # the two share no file system
    for folder in folders:
        folder.mkdir()
    with nodes(*commands, folders=folders, env=[{}, {}]) as processes:
        first, second = ends(processes)
    assert first[0] == 0, first
    assert second == (0, "", "")
    assert list(folders[1].iterdir()) == []
    (report,) = folders[0].glob("runs/*/*/report.json")
    assert json.loads(report.read_text())["epochs"] == 2
    assert first[1].count("\ntag with it: ") == 1
    checkpoint = load_checkpoint(report.parent / "checkpoints" / "last.ckpt")
    assert len(checkpoint["generators"]["cpu"]) == 2  # both processes took part in the last epoch


def test_the_first_process_tells_the_mistake_of_another(treebank: Path, tmp_path: Path) -> None:
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
    (folders[0] / "UD").symlink_to(treebank)
    arguments = [*TINY, *TWO, "corpus=conllu", "corpus.path=UD", "hydra.run.dir=run"]
    first, second = by_srun_in_copies(*arguments, folders=folders, printed=tmp_path)
    error = f"error: process 1 of 2 on {socket.gethostname()}: UD does not exist; check corpus.path\n"
    assert (first[0], first[2]) == (2, error)
    assert second == (2, "", "")
    assert [path.name for path in folders[0].iterdir()] == ["UD"]  # no run is left


def test_an_interrupted_run_of_srun_is_resumed_by_srun(treebank: Path, tmp_path: Path) -> None:
    arguments = [*TINY, *TWO, "corpus=conllu", f"corpus.path={treebank}", "trainer.max_epochs=9", "hydra.run.dir=run"]
    folders = [tmp_path, tmp_path]
    with by_srun(*arguments, "test=false", folders=folders) as processes:
        while processes[0].poll() is None and not (tmp_path / "run/checkpoints/last.ckpt").exists():
            time.sleep(0.05)
        processes[1].send_signal(signal.SIGTERM)  # one of the two machines is taken away
        first, second = ends(processes)
    assert first[0] == second[0] == 130
    assert "interrupted; go on with: python -m tagger resume run" in first[2]
    assert second[2] == ""
    with by_srun("resume", "run", folders=folders) as processes:
        first, second = ends(processes)
    assert first[0] == 0, first
    assert second == (0, "", "")
    assert json.loads((tmp_path / "run" / "report.json").read_text())["epochs"] == 9


@pytest.fixture
def srun(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process is the first of two that srun started."""
    for name, value in {**SRUN, "SLURM_PROCID": "0", "SLURM_NODEID": "0"}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"devices": 1}, "trainer.devices=1: 2 processes were started, and the config is for 1; set"),
        ({"devices": [0, 1], "num_nodes": 2}, "trainer.devices=.*: 2 processes were started, and the config is for 4"),
    ],
)
@pytest.mark.usefixtures("srun")
def test_as_many_processes_as_the_config_says(settings: dict[str, Any], message: str) -> None:
    check_processes({"devices": 1, "num_nodes": 2})
    check_processes({"devices": 2})
    check_processes({"devices": "auto"})
    with pytest.raises(InputError, match=message):
        check_processes(settings)


def test_several_machines_need_a_tool_that_starts_them() -> None:
    check_processes({"devices": 2, "num_nodes": 1})
    with pytest.raises(InputError, match="num_nodes=2: start the processes of all machines with torchrun or"):
        check_processes({"devices": 1, "num_nodes": 2})


@pytest.mark.parametrize(
    ("arguments", "what"),
    [(["-m", "seed=1,2"], "-m: a sweep"), ([*TINY, *TWO, "ensemble=2"], "ensemble=2")],
)
@pytest.mark.usefixtures("srun")
def test_what_several_processes_cannot_share_is_refused(
    arguments: list[str],
    what: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(launch, "together", nullcontext)  # there is no second process
    with pytest.raises(SystemExit) as end, clear_errors():
        launch.train(arguments)
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith(f"error: {what} cannot be shared by 2 processes; train ")
    assert list(tmp_path.iterdir()) == []

"""The processes of one training: which one speaks, that they train one tagger, and that none is left behind."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tagger.errors import InputError
from tagger.training.checkpoints import load_checkpoint
from tagger.training.processes import (
    broken_connections_interrupt,
    check_processes,
    cluster,
    errors_name_the_process,
    is_helper,
    refuse_several,
)
from tests.training.conftest import TINY

PARENT = """
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE)
child.stdout.readline()
os.kill(os.getpid(), 9)
"""
CHILD = """
import sys, time
from tagger.training.processes import end_with_parent
end_with_parent()
print("watching", flush=True)
sys.stderr.write("x")
time.sleep(600)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows gives an orphan no other parent")
def test_a_helper_ends_when_its_parent_is_killed() -> None:
    # The helper shares the pipe of standard error, which is read to its end: until both have ended.
    done = subprocess.run([sys.executable, "-c", PARENT, CHILD], stderr=subprocess.PIPE, timeout=60)
    assert (done.returncode, done.stderr) == (-9, b"x")


TORCHRUN = {"TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": "2", "LOCAL_RANK": "0", "GROUP_RANK": "1"}
ALLOCATION = {"SLURM_JOB_ID": "1", "SLURM_JOB_NAME": "tagger", "SLURM_NTASKS": "4", "SLURM_PROCID": "0"}
SRUN = ALLOCATION | {"SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "1", "SLURM_STEP_NUM_TASKS": "2"}


@pytest.mark.parametrize(
    ("variables", "helps"),
    [
        ({}, False),
        ({"LOCAL_RANK": "0"}, False),
        ({"LOCAL_RANK": "1"}, True),  # of Lightning
        (TORCHRUN | {"RANK": "0"}, False),
        (TORCHRUN | {"RANK": "1"}, True),  # the first process of the second machine
        ({"RANK": "1", "WORLD_SIZE": "2"}, False),  # these may be left in a shell
        (SRUN | {"SLURM_PROCID": "0"}, False),
        (SRUN | {"SLURM_PROCID": "1", "SLURM_LOCALID": "0"}, True),
        (SRUN | {"SLURM_PROCID": "1", "SLURM_JOB_NAME": "bash"}, False),  # a shell that srun started
        (ALLOCATION, False),  # the script of sbatch, and what it starts without srun
        (ALLOCATION | TORCHRUN | {"RANK": "1"}, True),
    ],
)
def test_which_process_helps(variables: dict[str, str], helps: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in {*TORCHRUN, *SRUN, "RANK", "SLURM_LOCALID"}:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert is_helper() is helps


def test_a_script_within_an_allocation_is_started_by_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ALLOCATION.items():
        monkeypatch.setenv(name, value)
    assert cluster() is None


def test_tasks_that_lightning_cannot_place_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SRUN.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("SLURM_NTASKS_PER_NODE")
    with pytest.raises(InputError, match=r"^SLURM: You set `--ntasks=2` .* Use `--ntasks-per-node=2` instead.$"):
        cluster()


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


@pytest.mark.usefixtures("srun")
def test_what_several_processes_cannot_share_is_refused() -> None:
    with pytest.raises(InputError, match=r"^-m: a sweep cannot be shared by 2 processes; train its runs one by one$"):
        refuse_several("-m: a sweep", "train its runs one by one")


@pytest.mark.usefixtures("srun")
def test_a_mistake_names_the_process_that_finds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_PROCID", "1")
    where = f"^process 1 of 2 on {socket.gethostname()}: UD does not exist$"
    with pytest.raises(InputError, match=where), errors_name_the_process():
        raise InputError("UD does not exist")


def test_a_mistake_of_a_process_alone_is_left_alone() -> None:
    with pytest.raises(InputError, match=r"^UD does not exist$"), errors_name_the_process():
        raise InputError("UD does not exist")


@pytest.mark.parametrize(
    ("processes", "message", "expected"),
    [
        (2, "Connection closed by peer", KeyboardInterrupt),
        (2, "shapes do not match", RuntimeError),
        (1, "Connection closed by peer", RuntimeError),
    ],
)
def test_a_broken_connection_is_an_interruption(processes: int, message: str, expected: type[BaseException]) -> None:
    with pytest.raises(expected), broken_connections_interrupt(processes):
        raise RuntimeError(message)


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


@pytest.mark.slow
def test_two_machines_by_torchrun_train_one_tagger(treebank: Path, tmp_path: Path) -> None:
    run = [sys.executable, "-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=1", "--max-restarts=0"]
    run += ["--rdzv-backend=static", "--master-addr=127.0.0.1", f"--master-port={free_port()}"]
    train = ["-m", "tagger", "corpus=conllu", f"corpus.path={treebank}", *TINY, "trainer.max_epochs=2"]
    train += ["accelerator=ddp", "trainer.accelerator=cpu", "trainer.devices=1", "trainer.num_nodes=2"]
    folders = [tmp_path / "first", tmp_path / "second"]  # the two share no file system
    processes = []
    for rank, folder in enumerate(folders):
        folder.mkdir()
        command = [*run, f"--node-rank={rank}", *train]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        processes.append(subprocess.Popen(command, cwd=folder, text=True, **pipes))
    try:
        first, second = [(*process.communicate(timeout=200), process.returncode) for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert first[2] == 0, first
    assert second == ("", "", 0)
    assert list(folders[1].iterdir()) == []
    (report,) = folders[0].glob("runs/*/*/report.json")
    assert json.loads(report.read_text())["epochs"] == 2
    assert first[0].count("\ntag with it: ") == 1
    checkpoint = load_checkpoint(report.parent / "checkpoints" / "last.ckpt")
    assert len(checkpoint["generators"]["cpu"]) == 2  # both processes took part in the last epoch

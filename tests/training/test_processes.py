"""Helping processes end when the process that started them does."""

import os
import subprocess
import sys

import pytest

from tagger.errors import InputError
from tagger.training.processes import MEMBER, ORPHANED, cluster, is_helper

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


def test_a_member_ends_whose_ensemble_has_ended_before() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    env = {**os.environ, MEMBER: str(ended.pid)}
    done = subprocess.run([sys.executable, "-c", CHILD], env=env, capture_output=True, timeout=60)
    assert done.returncode == ORPHANED


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

"""Helping processes end when the process that started them does."""

import os
import subprocess
import sys

import pytest

from tagger.training.helper_process import is_helper

PARENT = """
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE)
child.stdout.readline()
os.kill(os.getpid(), 9)
"""
CHILD = """
import sys, time
from tagger.training.helper_process import end_with_parent
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


@pytest.mark.parametrize(("rank", "helps"), [(None, False), ("0", False), ("1", True)])
def test_the_process_of_rank_0_is_no_helper(rank: str | None, helps: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    if rank is not None:
        monkeypatch.setenv("LOCAL_RANK", rank)
    assert is_helper() is helps

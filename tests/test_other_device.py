"""What training and tagging compute with lies where the network is: tests run again on a device of `other_device`."""

import subprocess
import sys
from pathlib import Path

import pytest
from torch.utils import backend_registration

TESTS = (
    "tests/other_device.py",
    "tests/training/test_module.py::test_facts_are_learned_and_unknown_ones_are_not",
    "tests/training/test_module.py::test_members_learn_from_the_teacher_each",
)

pytestmark = pytest.mark.skipif(
    not hasattr(backend_registration, "_setup_privateuseone_for_python_backend"),
    reason="this torch has no devices that are written in Python",
)


def test_nothing_is_left_on_the_processor() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "tests.other_device", *TESTS]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout

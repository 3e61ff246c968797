"""What importing the package and tagging a sentence import, and what they leave alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

IMPORT = """
import os, sys, tagger
print("torch" in sys.modules, {"Tagger", "load", "Sentence"} <= {*dir(tagger)}, os.environ["OMP_WAIT_POLICY"])
"""
TAG = """
english = tagger.load(sys.argv[1], device="cpu")
print(*english.tag(["They", "book", "flights", "."]), *english.annotate("Well")[0].tags["upos"])
loaded = {name.partition(".")[0] for name in sys.modules}
loaded |= {"torch._dynamo"} & set(sys.modules)  # torch's compiler, a second to import
slow = {"datasets", "pytorch_lightning", "lightning", "hydra", "seqeval", "sklearn", "matplotlib", "torch._dynamo"}
print(*sorted(loaded & slow))
"""


def run(program: str, *arguments: str, **environment: str) -> list[str]:
    """The lines that the program prints."""
    kept = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env={**kept, **environment})
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_tagging_loads_neither_datasets_nor_lightning(trained: Path) -> None:
    """Importing the package offers its names, and imports nothing yet."""
    imported, tags, unwanted = run(IMPORT + TAG, str(trained), PYTHONHASHSEED="5")
    assert imported == "False True passive"
    assert tags == "PRON VERB NOUN PUNCT INTJ"
    assert unwanted == ""


@pytest.mark.parametrize("policy", ["active", "passive"])
def test_a_wait_policy_of_the_users_own_is_kept(policy: str) -> None:
    assert run(IMPORT, OMP_WAIT_POLICY=policy) == [f"False True {policy}"]

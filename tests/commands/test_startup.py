"""What importing the package and tagging a sentence import, and what they leave alone."""

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import os, sys
import tagger
assert os.environ["OMP_WAIT_POLICY"] == (sys.argv[2] if len(sys.argv) > 2 else "passive")
english = tagger.load(sys.argv[1], device="cpu")
print(*english.tag(["They", "book", "flights", "."]), *english.annotate("Well")[0].tags["upos"])
loaded = {name.partition(".")[0] for name in sys.modules}
loaded |= {"torch._dynamo"} & set(sys.modules)  # torch's compiler, a second to import
slow = {"datasets", "pytorch_lightning", "lightning", "hydra", "seqeval", "sklearn", "matplotlib", "torch._dynamo"}
print(*sorted(loaded & slow))
"""


def run(*arguments: str, **environment: str) -> list[str]:
    """The lines that the program prints."""
    kept = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    command = [sys.executable, "-c", PROGRAM, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env={**kept, **environment})
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_tagging_loads_neither_datasets_nor_lightning(trained: Path) -> None:
    tags, unwanted = run(str(trained), PYTHONHASHSEED="5")
    assert tags == "PRON VERB NOUN PUNCT INTJ"
    assert unwanted == ""


def test_a_wait_policy_of_the_users_own_is_kept(trained: Path) -> None:
    assert run(str(trained), "active", OMP_WAIT_POLICY="active")[0] == "PRON VERB NOUN PUNCT INTJ"


def test_the_package_offers_its_names_before_it_imports_them() -> None:
    program = "import sys, tagger; print('torch' in sys.modules, {'Tagger', 'load', 'Sentence'} <= {*dir(tagger)})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["False", "True"], done.stderr

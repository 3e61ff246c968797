"""Stands for a training in tests of sweeps. It does without Lightning, which a process takes seconds to import."""

import json
import os
import signal
import time
from pathlib import Path

from tagger.sweeps.folder import Sweep
from tagger.text.output_files import whole_file
from tagger.training.run_folder import RunRecord
from tagger.training.watch import Watch

UNLUCKY, DEADLY, INTERRUPTED = 13, 99, 77


def score(record: RunRecord, folder: Path, resuming: bool, watch: Watch, is_claimed: bool) -> None:
    """Stands for a training. Some seeds fail, kill their process, or are interrupted, once."""
    seed = record.config["seed"]
    assert not watch.measures_speed
    assert is_claimed
    first = not (folder / "trained").exists()
    with (folder / "trained").open("a") as out:
        out.write("x")
    print(f"training with seed {seed}")
    if seed == UNLUCKY:
        raise ValueError("unlucky")
    if seed == DEADLY and first:
        while any(
            run.state == "unfinished" for run in Sweep.read(folder.parent).runs() if run.number != record.sweep_run
        ):
            time.sleep(0.01)  # joblib ends the other workers, too
        os.kill(os.getpid(), signal.SIGKILL)
    if seed == INTERRUPTED and first:
        (folder / "checkpoints").mkdir()
        (folder / "checkpoints/last.ckpt").touch()
        raise KeyboardInterrupt
    with whole_file(folder / "report.json") as out:  # other processes read it
        json.dump({"dev": {"upos": {"accuracy": seed / 100}}, "words_per_second": 1}, out)

"""What a sweep leaves: the speeds of its taggers, measured when no run is trained, its table and its pictures."""

import json
import logging
import shlex
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

import torch

from tagger.corpus.sources import load_corpus
from tagger.errors import InputError
from tagger.sweeps.figures import draw_frontier, draw_importance
from tagger.sweeps.folder import TABLE, Sweep
from tagger.sweeps.importance import key_importance
from tagger.sweeps.page import PAGE, sweep_page
from tagger.sweeps.run import SweepRun
from tagger.sweeps.table import format_differing_tags, format_table, write_table
from tagger.text.output_files import whole_file
from tagger.training.config import ALL, train_config
from tagger.training.run_folder import REPORT, read_record
from tagger.training.tagger_report import words_per_second
from tagger.weights.saved_config import TAGGER_IN_RUN

if TYPE_CHECKING:
    from tagger.tagging.tagger import Tagger

SPEED = "words_per_second"  # in a run's report

_log = logging.getLogger(__name__)


def report_sweep(sweep: Sweep, load: "Callable[..., Tagger]", tried: Collection[str] = ()) -> int:
    """Measures what is missing, writes the table and draws the pictures; returns the exit status, 1 if a run failed.

    Args:
        sweep: no process trains a run of it, or this one was interrupted.
        load: loads a tagger; see `tagging.load`.
        tried: the keys that a search tries.

    Raises:
        InputError: a run's folder is damaged, or a file cannot be written.
    """
    with sweep.claim_in_turn("report"):
        for run in sweep.runs():
            _measure_speed(sweep, run, load)
        return show_sweep(sweep, tried)


def show_sweep(sweep: Sweep, tried: Collection[str] = ()) -> int:
    """Writes and prints the table of a sweep and draws its pictures, of what there is; the exit status."""
    runs = write_table(sweep)
    importance = key_importance(runs)
    draw_frontier(runs, sweep.folder / "frontier.png", tried)
    draw_importance(importance, sweep.folder / "importance.png")
    with whole_file(sweep.folder / PAGE) as out:
        out.write(sweep_page(sweep.folder.absolute().name, runs, importance, tried))
    print(f"\n{format_table(runs, sweep.folder / TABLE, tried)}\n{format_differing_tags(sweep.folder, runs)}")
    print(f"more on these runs: {sweep.folder / PAGE}")
    unfinished = [str(run.number) for run in runs if run.state == "unfinished"]
    if unfinished:
        print(f"not finished: {', '.join(unfinished)}; {go_on(sweep)}")
    return int(any(run.state in ("failed", "unfinished") for run in runs))


def go_on(sweep: Sweep) -> str:
    """How to go on with a sweep, in words for users."""
    return f"go on with: python -m tagger resume {shlex.quote(str(sweep.folder))}"


def _measure_speed(sweep: Sweep, run: SweepRun, load: "Callable[..., Tagger]") -> None:
    """Adds the speed of a run's tagger on dev to its report, unless it has one or the run made no tagger."""
    path = sweep.path(run.number)
    if run.state != "complete" or run.words_per_second is not None or sweep.record.command != "train":
        return
    config = train_config(read_record(path).config)
    if config.parts != ALL:
        return
    device = "cpu" if config.trainer.get("accelerator") == "cpu" else "auto"
    threads = torch.get_num_threads()
    try:
        corpus = load_corpus(config.corpus, config.columns, config.seed)
        torch.set_num_threads(1)
        speed = words_per_second(load(path / TAGGER_IN_RUN, device), corpus.splits["dev"]["tokens"])
    except InputError as error:  # the corpus was moved since
        _log.info("run %d: its speed cannot be measured: %s", run.number, error)
        return
    finally:
        torch.set_num_threads(threads)
    report: dict[str, Any] = json.loads((path / REPORT).read_text(encoding="utf-8"))
    with whole_file(path / REPORT) as out:
        json.dump({SPEED: speed, **report}, out, indent=2)
        out.write("\n")

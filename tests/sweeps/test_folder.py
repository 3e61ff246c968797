"""A sweep's folder: what its runs' folders say, locks that a dead process gives back, and files from anywhere."""

import json
import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from tagger.bundle.saved_config import SWEEP
from tagger.errors import InputError
from tagger.sweeps.folder import Sweep, find_sweep
from tagger.sweeps.record import PlannedRun, SweepRecord
from tagger.training.run_folder import RunRecord, read_record

RECORD = RunRecord("train", ["seed=1"], {"seed": 1}, 0)


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    runs = [PlannedRun(["seed=1"], "0"), PlannedRun(["seed=2"], "1")]
    made = Sweep(tmp_path, SweepRecord("id", "train", "train", None, ["seed=1,2"], runs))
    made.save()
    return made


def test_the_folder_of_a_run_says_how_it_ended(sweep: Sweep) -> None:
    assert [run.state for run in sweep.runs()] == ["unfinished", "unfinished"]
    assert not sweep.begin(0, RECORD)
    assert json.loads((sweep.folder / "0/run.json").read_text())["sweep_run"] == 0
    sweep.end(0, "failed", ValueError("two\nlines"))
    assert (sweep.run(0).state, sweep.run(0).error) == ("failed", "ValueError: two lines")
    assert "ValueError: two\nlines" in (sweep.folder / "0/traceback.txt").read_text()
    sweep.begin(0, RECORD)
    assert sweep.run(0).state == "unfinished"
    sweep.end(0, "pruned")
    assert (sweep.run(0).state, sweep.run(0).dev_accuracy) == ("pruned", None)
    (sweep.folder / "0/metrics.csv").write_text("epoch,dev/accuracy,seconds\n1,0.25,1.5\n2,0.5,1\n3,0.375,1\n")
    assert (sweep.run(0).dev_accuracy, sweep.run(0).training_seconds) == (0.5, 3.5)
    report = {"dev": {"upos": {"accuracy": 0.8}, "xpos": {"accuracy": 0.6}}, "parameters": 7, "words_per_second": 9}
    (sweep.folder / "0/report.json").write_text(json.dumps(report))
    run = sweep.run(0)
    assert (run.state, run.dev_accuracy, run.parameters, run.words_per_second) == ("complete", 0.7, 7, 9)
    (sweep.folder / "0/report.json").write_text(json.dumps({"segmenter": {}}))
    assert sweep.run(0).dev_accuracy is None
    sweep.end(1, "failed", InputError("seed=2: unlucky"), ["seed=2"])
    assert sweep.run(1).error == "seed=2: unlucky"
    assert read_record(sweep.folder / "1").overrides == ["seed=2"]


def test_a_record_that_was_cut_off_is_written_again(sweep: Sweep) -> None:
    (sweep.folder / "0").mkdir()
    (sweep.folder / "0/run.json").write_text('{"comm')
    sweep.begin(0, RECORD)
    assert json.loads((sweep.folder / "0/run.json").read_text())["overrides"] == ["seed=1"]


@contextmanager
def beside(work: Callable[[Sweep, Event], None], sweep: Sweep) -> Iterator[None]:
    """Within the block another process works, from when it says so on; then it is killed."""
    context = multiprocessing.get_context("fork")
    started = context.Event()
    other = context.Process(target=work, args=(sweep, started))
    other.start()
    try:
        assert started.wait(60)
        yield
    finally:
        other.kill()
        other.join()


def hold(sweep: Sweep, started: Event) -> None:
    with sweep.claim(0) as free:
        assert free
        started.set()
        time.sleep(600)


def test_a_run_has_one_process_and_a_killed_one_gives_it_back(sweep: Sweep) -> None:
    with beside(hold, sweep):
        assert sweep.is_claimed(0)
        assert not sweep.is_claimed(1)
    assert not sweep.is_claimed(0)
    with sweep.claim(0) as free, sweep.claim(0) as again:
        assert (free, again) == (True, False)


def begin(sweep: Sweep, started: Event) -> None:
    while True:
        sweep.begin(0, RECORD)
        started.set()


def test_the_record_of_a_run_can_be_read_while_the_run_begins_again(sweep: Sweep) -> None:
    with beside(begin, sweep):
        for _ in range(300):
            assert read_record(sweep.folder / "0").overrides == ["seed=1"]


def test_a_folder_that_takes_no_locks_is_one_line(sweep: Sweep) -> None:
    (sweep.folder / "0").write_text("")
    with pytest.raises(InputError, match=r"\.lock cannot be written to: .*; make .* writable"), sweep.claim(0):
        pass


def test_the_sweep_of_a_run_is_found(sweep: Sweep) -> None:
    sweep.begin(0, RECORD)
    found = find_sweep(sweep.folder / "0", RECORD)
    assert found is not None
    assert (found[0].record, found[1]) == (sweep.record, 0)
    assert find_sweep(sweep.folder / "1", RECORD) is None
    assert find_sweep(sweep.folder / "0", RunRecord("train", [], {})) is None


def test_a_search_goes_on_with_other_trials_only(sweep: Sweep) -> None:
    def search(*overrides: str) -> SweepRecord:
        return SweepRecord("another", "train", "train", None, list(overrides), None)

    own = search("hydra.sweeper.n_trials=3", "model.depth=1,2", "name=x")
    assert own.is_same(
        search("model.depth=1,2", "hydra.sweeper.n_trials=5", "hydra.sweep.dir=x", "hydra.mode=MULTIRUN")
    )
    assert not own.is_same(search("model.depth=1,3"))
    assert not sweep.record.is_same(search("seed=1,2"))
    assert own.words == ["hydra.sweeper.n_trials=3", "model.depth=1,2"]


@pytest.mark.parametrize(
    "changes",
    [
        {"command": "rm"},
        {"overrides": "seed=1"},
        {"overrides": [[]]},
        {"config_name": []},
        {"runs": [{"overrides": [], "folder": "../x"}]},
        {"runs": [{"overrides": [], "folder": "/tmp/x"}]},
        {"runs": [{"overrides": [], "folder": ""}]},
        {"runs": [{"overrides": "seed=1", "folder": "0"}]},
        {"runs": [{"overrides": [None], "folder": "0"}]},
        {"runs": 5},
        {"more": 1},
    ],
)
def test_a_file_of_another_kind_is_one_line(sweep: Sweep, changes: dict[str, object]) -> None:
    values = json.loads((sweep.folder / SWEEP).read_text())
    (sweep.folder / SWEEP).write_text(json.dumps(values | changes))
    with pytest.raises(InputError, match=r"sweep.json does not say how the sweep was started") as caught:
        Sweep.read(sweep.folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{}", "[]", "\0", "[" * 100_000])
def test_a_damaged_file_is_one_line(sweep: Sweep, text: str) -> None:
    (sweep.folder / SWEEP).write_text(text)
    with pytest.raises(InputError, match=r"sweep.json does not say"):
        Sweep.read(sweep.folder)


def test_a_damaged_report_is_one_line(sweep: Sweep) -> None:
    (sweep.folder / "0").mkdir()
    (sweep.folder / "0/report.json").write_text("[]")
    with pytest.raises(InputError, match=r"report.json is damaged .* remove it, and resume the run"):
        sweep.runs()

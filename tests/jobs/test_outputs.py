"""What a run makes, what it knows of outputs that exist, and that it replaces nothing else, whatever happened."""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tagger.errors import InputError
from tagger.jobs.outputs import SETTINGS_FILE, PlannedOutputs, open_output
from tagger.jobs.plan import Job, jobs_of_shard, plan_jobs

OUT = Path("out")
SHARDS = ["1/3", "2/3", "3/3"]


@pytest.fixture(autouse=True)
def _inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in/z").mkdir(parents=True)
    for name in ("a", "b", "c", "z/d"):
        Path(f"in/{name}.txt").write_text(f"They book {name}.\n")


def planned() -> list[Job]:
    return plan_jobs(["in"], "out", None, None).jobs


def started(tagger: str = "x", shard: str | None = None, force: bool = False) -> PlannedOutputs:
    """A run that ends before it makes anything."""
    jobs = planned() if shard is None else jobs_of_shard(planned(), shard)
    return PlannedOutputs(jobs, "out", Path(tagger), {}, force)


def run(jobs: int | None = None, *, text: str = "tagged", **options: Any) -> PlannedOutputs:
    """A run that writes the name of each source, or of the first ones, into its output, and ends or is killed."""
    outputs = started(**options)
    for job in list(outputs.unmade())[:jobs]:
        with open_output(job, bool(options.get("force"))) as out:
            out.write(f"{job.source} {text}\n")
    return outputs


def made(outputs: PlannedOutputs) -> str:
    return "".join(Path(job.source).stem for job in outputs.pending)


def test_outputs_are_made_once() -> None:
    assert made(run(2)) == "abcd"
    Path("out/b.tsv").write_text("corrected\n")
    again = run(text="again")
    assert (made(again), again.message) == ("cd", "kept: out/a.tsv and 1 more; --force replaces what exists")
    assert made(started()) == ""
    assert {path.name for path in OUT.iterdir()} == {SETTINGS_FILE, "a.tsv", "b.tsv", "c.tsv", "z"}
    assert Path("out/b.tsv").read_text() == "corrected\n"
    forced = run(force=True, text="forced")
    assert (made(forced), forced.message) == ("abcd", "")
    assert Path("out/b.tsv").read_text() == "in/b.txt forced\n"


def test_another_tagger_is_refused_and_the_same_of_another_machine_is_not() -> None:
    run(2)
    with pytest.raises(InputError, match="other values of tagger; tag into"):
        run(tagger="y")
    started(tagger="y", force=True)  # then its options are wrong, such as a column that the tagger lacks
    assert made(started()) == "cd"
    run(force=True, tagger="y", text="again")
    assert made(started(tagger="y")) == ""
    shutil.rmtree(OUT)
    for place, time_of_copy in (("here", 1), ("there", 2)):
        Path(place, "tamil").mkdir(parents=True)
        Path(place, "tamil", "config.json").write_text("{}")
        os.utime(Path(place, "tamil", "config.json"), (time_of_copy, time_of_copy))
    run(2, tagger="here/tamil")
    assert made(run(1, tagger="there/tamil")) == "cd"
    Path("there/tamil/config.json").write_text('{"a": 1}')
    for other in ("here", "there/tamil"):
        with pytest.raises(InputError, match="other values of tagger"):
            started(tagger=other)


@pytest.mark.parametrize("text", ["", "They book flights.", "[" * 100_000, "[]", '{"tagger', "\0"])
def test_settings_that_are_torn_say_nothing(text: str) -> None:
    OUT.mkdir()
    (OUT / SETTINGS_FILE).write_text(text)
    assert made(run(2)) == "abcd"
    assert made(started()) == "cd"


def test_what_appears_while_the_run_goes_on_is_kept() -> None:
    outputs = started()
    (job,) = [job for job in outputs.pending if job.name == "a.tsv"]
    Path("out/a.tsv").write_text("corrected\n")
    assert "a.tsv" not in [each.name for each in outputs.unmade()]
    with (
        pytest.raises(InputError, match=r"out/a.tsv was made or changed while this ran; it is kept, --force"),
        open_output(job) as out,
    ):
        out.write("tagged\n")
    with open_output(job) as out:  # another process has made the same
        out.write("corrected\n")
    assert Path("out/a.tsv").read_text() == "corrected\n"
    assert {path.name for path in OUT.iterdir()} == {SETTINGS_FILE, "a.tsv"}


def test_a_single_output_has_no_settings() -> None:
    for pending, message in ((1, ""), (0, "kept: x.tsv; --force replaces what exists")):
        (job,) = plan_jobs(["in/a.txt"], "x.tsv", None, None).jobs
        outputs = PlannedOutputs([job], None, Path("x"), {})
        assert (len(outputs.pending), outputs.message) == (pending, message)
        with open_output(job, True) as out:
            out.write("tagged\n")
    assert Path("x.tsv").read_text() == "tagged\n"
    assert sorted(os.listdir()) == ["in", "x.tsv"]
    os.utime("x.tsv", ns=(0, 0))
    (job,) = plan_jobs(["in/a.txt"], "x.tsv", None, None).jobs
    assert PlannedOutputs([job], None, Path("x"), {}).message.endswith("exists; in/a.txt has changed since")


def test_a_folder_that_cannot_be_written_or_holds_a_link_is_an_error_at_once() -> None:
    with pytest.raises(InputError, match=r"-o in/a\.txt/new: .*cannot be written: Not a directory"):
        PlannedOutputs(planned(), "in/a.txt/new", Path("x"), {})
    OUT.mkdir()
    settings = OUT / SETTINGS_FILE
    settings.symlink_to(Path("in/a.txt").absolute())
    with pytest.raises(InputError, match=f"{SETTINGS_FILE} cannot be written"):
        started(force=True)
    assert Path("in/a.txt").read_text() == "They book a.\n"
    settings.unlink()
    settings.mkdir()
    with pytest.raises(InputError, match=f"{SETTINGS_FILE} cannot be written"):
        started()


def test_runs_at_the_same_time_make_what_one_makes() -> None:
    for shards in (SHARDS, [None, None, None]):
        with ThreadPoolExecutor(3) as threads:
            list(threads.map(lambda shard: run(shard=shard), shards))
        found = {path.as_posix(): path.read_text() for path in OUT.rglob("*.tsv")}
        assert found == {str(job.target): f"{job.source} tagged\n" for job in planned()}
        for path in OUT.rglob("*.tsv"):
            path.unlink()
    for shard in (*SHARDS, "1/2", None):
        assert len(made(run(shard=shard))) < 5
    assert made(started()) == ""

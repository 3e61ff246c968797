"""What a run makes, what it knows of outputs that exist, and that it replaces nothing else, whatever happened."""

import multiprocessing
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tagger.errors import InputError
from tagger.jobs.outputs import SETTINGS_FILE, PlannedOutputs, open_output
from tagger.jobs.plan import Job, jobs_of_shard, plan_jobs
from tagger.text.output_files import Busy

OUT = Path("out")
KEPT = "older than the source, but changed after tagging; move away what is to be tagged again"
SHARDS = ["1/3", "2/3", "3/3"]


@pytest.fixture(autouse=True)
def _inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in/z").mkdir(parents=True)
    for name in ("a", "b", "c", "z/d"):
        Path(f"in/{name}.txt").write_text(f"They book {name}.\n")


def change(path: str, text: str) -> None:
    """Writes a file later than anything else."""
    Path(path).write_text(text)
    later = time.time_ns() + 10**9
    os.utime(path, ns=(later, later))


def planned(shard: str | None = None) -> list[Job]:
    jobs = plan_jobs(["in"], "out", None, None).jobs
    return jobs if shard is None else jobs_of_shard(jobs, shard)


def opened(*, tagger: str = "x", shard: str | None = None, **options: bool) -> PlannedOutputs:
    return PlannedOutputs(planned(shard), "out", Path(tagger), {}, shared=shard is not None, **options)


def started(**options: Any) -> PlannedOutputs:
    """A run that ends before it makes anything."""
    with closing(opened(**options)) as outputs:
        return outputs


def run(jobs: int | None = None, *, text: str = "tagged", **options: Any) -> PlannedOutputs:
    """A run that writes the name of each source, or of the first ones, into its output, and ends or is killed."""
    with closing(opened(**options)) as outputs:
        for job in list(outputs.unmade())[:jobs]:
            with open_output(job, bool(options.get("force"))) as out:
                out.write(f"{job.source} {text}\n")
        return outputs


def made(outputs: PlannedOutputs) -> str:
    return "".join(Path(job.source).stem for job in outputs.pending)


def resumed() -> tuple[str, list[str]]:
    """What a run with `--resume` would make, and its messages but the first; nothing is written."""
    outputs = started(resume=True)
    assert bool(outputs.kept) == any(line.startswith("kept: ") for line in outputs.messages)
    return made(outputs), outputs.messages[1:]


def test_outputs_are_made_once() -> None:
    assert made(run(2)) == "abcd"
    again = run(resume=True)
    assert (made(again), again.messages) == ("cd", ["resuming: 2 of 4 outputs exist"])
    assert resumed() == ("", [])
    assert {path.name for path in OUT.iterdir()} == {SETTINGS_FILE, "a.tsv", "b.tsv", "c.tsv", "z"}
    plain = run()
    assert (made(plain), plain.kept) == ("", [])
    assert plain.messages == [
        "kept: out/a.tsv and 3 more; --force replaces what exists, --resume tags again what is older than its source"
    ]


@pytest.mark.parametrize(
    ("source", "output", "made_again", "message"),
    [
        (None, None, "", None),
        ("They look a.\n", None, "a", "tagged again: out/a.tsv, older than the source or the options"),
        (None, "in/a.txt TAGGED\n", "", None),
        ("They read.\n", "in/a.txt TAGGED\n", "", f"kept: out/a.tsv, {KEPT}"),
        ("They read.\n", "corrected\n", "", f"kept: out/a.tsv, {KEPT}"),
    ],
)
def test_what_a_resumed_run_makes(source: str | None, output: str | None, made_again: str, message: str | None) -> None:
    run()
    if output is not None:
        Path("out/a.tsv").write_text(output)
    if source is not None:
        change("in/a.txt", source)
    found, messages = resumed()
    assert found == made_again
    assert messages == ([] if message is None else [message])
    run(resume=True, text="again")
    tagged = f"in/a.txt {'again' if made_again else 'tagged'}\n"
    assert Path("out/a.tsv").read_text() == (tagged if output is None else output)
    os.utime("in/a.txt", (1, 1))
    assert resumed() == ("", [])
    assert made(run(force=True, text="forced")) == "abcd"
    assert Path("out/a.tsv").read_text() == "in/a.txt forced\n"


def test_another_tagger_is_refused() -> None:
    run(2)
    with pytest.raises(InputError, match=r"out has outputs that were made with other values of tagger; tag into"):
        run(tagger="y", resume=True)
    time.sleep(0.04)
    assert made(run(tagger="y")) == "cd"  # what does not exist
    with pytest.raises(InputError, match=r"out has outputs that were made with other values"):
        resumed()
    assert made(started(tagger="y", resume=True)) == "ab"  # which are older than the settings
    run(force=True, tagger="y", text="again")
    assert made(started(tagger="y", resume=True)) == ""


def test_a_run_that_makes_nothing_leaves_the_settings() -> None:
    run(2)
    started(tagger="y")  # then its options are wrong, such as a column that the tagger lacks
    assert resumed() == ("cd", [])


def test_a_source_that_changes_after_it_was_read_is_tagged_again() -> None:
    with closing(opened()) as outputs, open_output(next(outputs.unmade())) as out:
        Path("in/a.txt").write_text("They read.\n")
        out.write("They book a.\n")
    assert resumed() == ("bcda", ["tagged again: out/a.tsv, older than the source or the options"])


def test_the_same_tagger_of_another_machine_has_the_same_settings() -> None:
    for place, time_of_copy in (("here", 1), ("there", 2)):
        Path(place, "tamil").mkdir(parents=True)
        Path(place, "tamil", "config.json").write_text("{}")
        os.utime(Path(place, "tamil", "config.json"), (time_of_copy, time_of_copy))
    run(2, tagger="here/tamil")
    assert made(run(3, tagger="there/tamil", resume=True)) == "cd"
    Path("there/tamil/config.json").write_text('{"a": 1}')
    for other in ("here", "there/tamil"):
        with pytest.raises(InputError, match="other values of tagger"):
            started(tagger=other, resume=True)


def test_a_file_of_somebody_else_is_kept() -> None:
    OUT.mkdir()
    Path("out/c.tsv").write_text("mine")
    os.utime("out/c.tsv", (1, 1))
    assert resumed() == ("abd", [f"kept: out/c.tsv, {KEPT}"])
    run(resume=True)
    assert Path("out/c.tsv").read_text() == "mine"


@pytest.mark.parametrize("text", ["", "They book flights.", "[" * 100_000, "[]", '{"tagger', "\0"])
def test_settings_that_are_torn_say_nothing(text: str) -> None:
    OUT.mkdir()
    (OUT / SETTINGS_FILE).write_text(text)
    assert made(run(2, resume=True)) == "abcd"
    assert resumed() == ("cd", [])


@pytest.mark.parametrize("before", [False, True])
def test_what_appears_while_the_run_goes_on_is_kept(before: bool) -> None:
    if before:
        run(1)
        change("in/a.txt", "They read.\n")
    with closing(opened(resume=True)) as outputs:
        (job,) = [job for job in outputs.pending if job.name == "a.tsv"]
        change("out/a.tsv", "corrected\n")
        assert "a.tsv" not in [each.name for each in outputs.unmade()]
    with (
        pytest.raises(InputError, match=r"out/a.tsv was made or changed while this ran; it is kept, --force"),
        open_output(job) as out,
    ):
        out.write("tagged\n")
    assert Path("out/a.tsv").read_text() == "corrected\n"
    assert {path.name for path in OUT.iterdir()} == {SETTINGS_FILE, "a.tsv"}


def test_a_single_output_has_no_settings() -> None:
    (job,) = plan_jobs(["in/a.txt"], "x.tsv", None, None).jobs
    assert PlannedOutputs([job], None, Path("x"), {}).pending == [job]
    with open_output(job) as out:
        out.write("tagged\n")
    assert Path("x.tsv").read_text() == "tagged\n"
    assert sorted(os.listdir()) == ["in", "x.tsv"]
    jobs = plan_jobs(["in/a.txt"], "x.tsv", None, None).jobs
    assert PlannedOutputs(jobs, None, Path("x"), {}).messages == ["kept: x.tsv; --force replaces what exists"]
    for folder, force in ((None, False), ("out", True)):
        with pytest.raises(InputError, match="-o FOLDER"):
            PlannedOutputs(jobs, folder, Path("x"), {}, force=force, resume=True)


def test_a_folder_that_cannot_be_written_is_an_error_at_once() -> None:
    with pytest.raises(InputError, match=r"-o in/a\.txt/new: .*cannot be written: Not a directory; name another"):
        PlannedOutputs(planned(), "in/a.txt/new", Path("x"), {})
    (OUT / SETTINGS_FILE).mkdir(parents=True)
    with pytest.raises(InputError, match=f"{SETTINGS_FILE} cannot be written"):
        started()


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="the system opens links alone")
def test_links_in_the_place_of_hidden_files_are_refused() -> None:
    Path("precious").write_text("mine")
    with closing(opened()) as outputs, open_output(outputs.pending[0]):
        (hidden,) = OUT.glob(".*.part")
    for name in (hidden, OUT / SETTINGS_FILE):
        name.unlink(missing_ok=True)
        name.symlink_to(Path("precious").absolute())
    with pytest.raises(InputError, match=f"{SETTINGS_FILE} cannot be written"):
        started(force=True)
    with pytest.raises(InputError, match="cannot be written"), open_output(planned()[0], force=True):
        pass
    assert Path("precious").read_text() == "mine"


def _write(begun: str) -> None:
    outputs = PlannedOutputs(planned(), "out", Path("x"), {})
    with closing(outputs), open_output(next(outputs.unmade())) as out:
        out.write("half")
        out.flush()
        Path(begun).touch()
        multiprocessing.Event().wait()


@pytest.fixture
def other() -> Iterator[multiprocessing.process.BaseProcess]:
    """A process that writes the first output and does not end."""
    process = multiprocessing.get_context("fork").Process(target=_write, args=("begun",))
    process.start()
    while not Path("begun").exists():
        process.join(0.01)
    yield process
    process.kill()
    process.join()


def test_a_second_process_says_so_and_makes_the_rest(other: multiprocessing.process.BaseProcess) -> None:
    with closing(PlannedOutputs(planned(), "out", Path("x"), {})) as second:
        assert second.messages == ["another process tags into out; what it has begun is left to it"]
        with pytest.raises(InputError, match="other values of tagger"):
            started(tagger="y")
        assert sorted(made(second)) == [*"abcd"]
        jobs = sorted(second.unmade())
        with pytest.raises(Busy, match=r"^out/a\.tsv is being made by another process; it is left to it$"):
            open_output(jobs[0]).__enter__()
        for job in jobs[1:]:
            with open_output(job) as out:
                out.write("tagged\n")
        assert [job.name for job in second.unmade()] == ["a.tsv"]
    (hidden,) = OUT.glob(".*.part")
    other.kill()
    other.join()
    with open_output(jobs[0]) as out:  # the hidden file that is left is used
        out.write("tagged\n")
        assert list(OUT.glob(".*.part")) == [hidden]
    assert Path("out/a.tsv").read_text() == "tagged\n"
    assert {path.name for path in OUT.iterdir()} == {SETTINGS_FILE, "a.tsv", "b.tsv", "c.tsv", "z"}
    assert started().messages[0].startswith("kept: ")


def test_runs_at_the_same_time_make_what_one_makes() -> None:
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda shard: run(shard=shard), SHARDS))
    found = {path.as_posix(): path.read_text() for path in OUT.rglob("*.tsv")}
    assert found == {str(job.target): f"{job.source} tagged\n" for job in planned()}
    for shard in (*SHARDS, "1/2", None):
        assert made(run(shard=shard, resume=True)) == ""

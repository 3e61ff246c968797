"""What a run makes, what it knows of outputs that exist, and that it replaces nothing else, whatever happened."""

import json
import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tagger.errors import InputError
from tagger.jobs.jobs import MANIFEST_NAME, Job, Shard, jobs_of_shard, plan_jobs
from tagger.jobs.outputs import Outputs

OUT = Path("out")
KEPT = f"changed after tagging or not listed in {MANIFEST_NAME}; move away what is to be tagged again"
SHARDS = [Shard(number, 3) for number in (1, 2, 3)]


@pytest.fixture(autouse=True)
def _inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in/z").mkdir(parents=True)
    for name in ("a", "b", "c", "z/d"):
        Path(f"in/{name}.txt").write_text(f"They book {name}.\n")


def planned(shard: Shard | None = None) -> list[Job]:
    jobs = plan_jobs(["in"], "out", None, None).jobs
    return jobs if shard is None else jobs_of_shard(jobs, shard, ["in"], "out")


def started(
    *, tagger: str = "x", force: bool = False, resume: bool = False, shard: Shard | None = None, jobs: int | None = None
) -> Outputs:
    part = "" if shard is None else f"{shard.number}-of-{shard.total}"
    return Outputs(planned(shard)[:jobs], "out", {"tagger": tagger}, part=part, force=force, resume=resume)


def run(jobs: int | None = None, *, text: str = "tagged", **options: object) -> Outputs:
    """A run that writes the name of each source, or of the first ones, into its output, and ends or is killed."""
    outputs = started(**options)  # type: ignore[arg-type]
    for job in outputs.pending[:jobs]:
        with outputs.open(job) as out:
            out.write(f"{job.source} {text}\n")
    return outputs


def made(outputs: Outputs) -> str:
    return "".join(Path(job.source).stem for job in outputs.pending)


def resumed() -> tuple[str, list[str]]:
    """What a run with `--resume` would make, and its messages but the first; nothing is written."""
    outputs = started(resume=True)
    assert bool(outputs.foreign) == any(line.startswith("kept: ") for line in outputs.messages)
    return made(outputs), outputs.messages[1:]


def test_outputs_are_made_once() -> None:
    assert made(run(2)) == "abcd"
    again = run(resume=True)
    assert (made(again), again.messages) == ("cd", ["resuming: 2 of 4 outputs are finished"])
    assert resumed() == ("", [])
    assert {path.name for path in OUT.iterdir()} == {MANIFEST_NAME, "a.tsv", "b.tsv", "c.tsv", "z"}
    plain = run()
    assert (made(plain), plain.foreign) == ("", [])
    assert plain.messages == [
        "kept: out/a.tsv and 3 more; --force replaces what exists, --resume tags again what has changed"
    ]


@pytest.mark.parametrize(
    ("source", "output", "made_again", "message"),
    [
        (None, None, "", None),
        ("They look a.\n", None, "a", "tagged again: out/a.tsv, whose source has changed since"),  # of the same size
        (None, "in/a.txt TAGGED\n", "", f"kept: out/a.tsv, {KEPT}"),
        ("They read.\n", "corrected\n", "", f"kept: out/a.tsv, {KEPT}"),
    ],
)
def test_what_a_resumed_run_makes(source: str | None, output: str | None, made_again: str, message: str | None) -> None:
    run()
    if source is not None:
        Path("in/a.txt").write_text(source)
    if output is not None:
        Path("out/a.tsv").write_text(output)
    found, messages = resumed()
    assert found == made_again
    assert messages == ([] if message is None else [message])
    run(resume=True, text="again")
    tagged = f"in/a.txt {'again' if made_again else 'tagged'}\n"
    assert Path("out/a.tsv").read_text() == (tagged if output is None else output)
    assert resumed()[0] == ""
    assert made(run(force=True, text="forced")) == "abcd"
    assert Path("out/a.tsv").read_text() == "in/a.txt forced\n"


def test_another_tagger_is_refused() -> None:
    run(2)
    with pytest.raises(InputError, match=r"out/a\.tsv was made with other values of tagger; tag into another folder"):
        run(tagger="y", resume=True)
    assert made(run(tagger="y")) == "cd"  # what does not exist
    with pytest.raises(InputError, match=r"out/c\.tsv was made with other values"):
        resumed()
    run(force=True, tagger="y", text="again")
    assert made(started(tagger="y", resume=True)) == ""


def test_a_file_of_somebody_else_is_kept() -> None:
    OUT.mkdir()
    Path("out/c.tsv").write_text("mine")
    lines = [{"run": "0" * 16}, {"output": "c.tsv", "source": "0" * 64, "tagger": "0" * 64, "sha256": "0" * 64}]
    (OUT / MANIFEST_NAME).write_text("".join(f"\n{json.dumps(line)}" for line in lines))  # of an earlier version
    assert resumed() == ("abd", [f"kept: out/c.tsv, {KEPT}"])
    run(resume=True)
    assert Path("out/c.tsv").read_text() == "mine"


@pytest.mark.parametrize("cut", [0, 1, 9, 60])
def test_a_line_that_is_torn_says_nothing(cut: int) -> None:
    run(1)
    path = OUT / MANIFEST_NAME
    path.write_bytes(path.read_bytes()[: -cut or None])
    assert resumed() == (("bcd", []) if cut == 0 else ("bcd", [f"kept: out/a.tsv, {KEPT}"]))
    run(resume=True)  # whose lines are whole
    assert resumed()[0] == ""


@pytest.mark.parametrize("line", ["They book flights.", "[" * 100_000, '{"output": ["a.tsv"], "made": 1}', "{}", "\0"])
def test_lines_of_odd_values_say_nothing(line: str) -> None:
    run(1)
    with (OUT / MANIFEST_NAME).open("a") as file:
        file.write(f"\n{line}\n")
    assert resumed() == ("bcd", [])


@pytest.mark.parametrize("before", [False, True])
def test_what_appears_while_the_run_goes_on_is_kept(before: bool) -> None:
    if before:
        run(1)
        Path("in/a.txt").write_text("They read.\n")
    outputs = started(resume=True)
    OUT.mkdir(exist_ok=True)
    Path("out/a.tsv").write_text("corrected\n")
    with (
        pytest.raises(InputError, match=r"out/a.tsv was made or changed while this ran; it is kept, --force"),
        outputs.open(outputs.pending[0]) as out,
    ):
        out.write("tagged\n")
    assert Path("out/a.tsv").read_text() == "corrected\n"
    assert {path.name for path in OUT.iterdir()} - {MANIFEST_NAME} == {"a.tsv"}


def test_a_source_that_changes_after_the_start_is_tagged_again() -> None:
    outputs = started()
    Path("in/a.txt").write_text("They read.\n")
    with outputs.open(outputs.pending[0]) as out:
        out.write("tagged\n")
    assert resumed()[0] == "abcd"


def test_a_single_output_has_no_manifest() -> None:
    (job,) = plan_jobs(["in/a.txt"], "x.tsv", None, None).jobs
    outputs = Outputs([job], None, {})
    with outputs.open(job) as out:
        out.write("tagged\n")
    assert Path("x.tsv").read_text() == "tagged\n"
    jobs = plan_jobs(["in/a.txt"], "x.tsv", None, None).jobs
    assert Outputs(jobs, None, {}).messages == ["kept: x.tsv; --force replaces what exists"]
    for folder, force in ((None, False), ("out", True)):
        with pytest.raises(InputError, match="-o FOLDER"):
            Outputs(jobs, folder, {}, force=force, resume=True)


def test_a_manifest_that_cannot_be_written_leaves_no_output() -> None:
    outputs = started()
    (OUT / MANIFEST_NAME).mkdir(parents=True)
    with pytest.raises(InputError, match=f"{MANIFEST_NAME} cannot be written"), outputs.open(outputs.pending[0]):
        pass
    assert not Path("out/a.tsv").exists()


def test_a_folder_that_cannot_be_written_is_an_error_at_once() -> None:
    with pytest.raises(InputError, match=r"-o in/a\.txt/new: in/a\.txt is a file"):
        Outputs(planned(), "in/a.txt/new", {})


def _write(place: str) -> None:
    outputs = started()
    with outputs.open(outputs.pending[0]):
        Path(place).touch()
        multiprocessing.Event().wait()


def test_only_hidden_files_of_runs_that_were_killed_are_removed() -> None:
    OUT.mkdir()
    kept = [".other.tsv.ab12cd34.part", ".a.tsv.x1y2z3w4.part", "a.tsv.part", ".a.tsv"]
    for name in (".a.tsv.ab12cd34.part", ".b.tsv.ab12cd34.part", *kept):
        (OUT / name).write_text("half")
    process = multiprocessing.get_context("fork").Process(target=_write, args=("begun",))
    process.start()
    while not Path("begun").exists():
        process.join(0.01)
    resumed()
    (alive,) = {path.name for path in OUT.iterdir()} - set(kept)  # a run goes on
    process.kill()
    process.join()
    resumed()
    assert not (OUT / alive).exists()
    assert {path.name for path in OUT.iterdir()} == set(kept)


def test_runs_at_the_same_time_make_what_one_makes() -> None:
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda shard: run(shard=shard), SHARDS))
    found = {path.as_posix(): path.read_text() for path in OUT.rglob("*.tsv")}
    assert found == {str(job.target): f"{job.source} tagged\n" for job in planned()}
    assert {path.name for path in OUT.glob("tagger*")} <= {f"{MANIFEST_NAME}.{n}-of-3" for n in (1, 2, 3)}
    for shard in (*SHARDS, Shard(1, 2), None):
        assert made(run(shard=shard, resume=True)) == ""

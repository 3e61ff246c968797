"""Which outputs a run makes, and that it never replaces what it does not have to."""

from pathlib import Path

import pytest

from tagger.errors import InputError
from tagger.tagging.jobs import MANIFEST_NAME, Job, plan_jobs
from tagger.tagging.manifest import Manifest
from tagger.tagging.outputs import Outputs

SETTINGS = {"model": "a"}


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    for name in "abcd":
        (Path("in") / f"{name}.txt").write_text(f"They book {name}.\n")
    return plan_jobs(["in"], "out", None, None).jobs


def run(
    jobs: list[Job], model: str = "a", text: str = "tagged\n", force: bool = False, resume: bool = False
) -> Outputs:
    """A run that writes the same text into all outputs that it makes."""
    outputs = Outputs(jobs, Manifest(Path("out"), {"model": model}), force, resume)
    for job in outputs.pending:
        with outputs.open(job) as out:
            out.write(text)
    return outputs


def made(outputs: Outputs) -> str:
    return "".join(Path(job.source).stem for job in outputs.pending)


def test_outputs_are_made_once(jobs: list[Job]) -> None:
    assert made(run(jobs[:2])) == "ab"
    resumed = run(jobs, resume=True)
    assert made(resumed) == "cd"
    assert resumed.messages == ["resuming: 2 of 4 outputs are finished"]
    assert made(run(jobs, resume=True)) == ""
    assert {path.name for path in Path("out").iterdir()} == {MANIFEST_NAME, "a.tsv", "b.tsv", "c.tsv", "d.tsv"}


def test_resuming_keeps_what_was_corrected_by_hand_and_what_is_not_its_own(jobs: list[Job]) -> None:
    run(jobs[:2])
    Path("out/a.tsv").write_text("TAGGED\n")  # of the same size
    Path("out/c.tsv").write_text("mine")
    resumed = run(jobs, resume=True)
    assert made(resumed) == "d"
    assert Path("out/a.tsv").read_text() == "TAGGED\n"
    assert Path("out/c.tsv").read_text() == "mine"
    assert resumed.messages == [
        "resuming: 1 of 4 outputs are finished",
        "kept: out/a.tsv, changed after tagging; move away what is to be tagged again",
        f"kept: out/c.tsv, not listed in {MANIFEST_NAME}, so of unknown origin; move away what is to be tagged again",
    ]
    assert made(run(jobs, text="again\n", force=True)) == "abcd"
    assert Path("out/c.tsv").read_text() == "again\n"


def test_resuming_keeps_a_corrected_output_whose_source_changed(jobs: list[Job]) -> None:
    run(jobs)
    for name in "ab":
        Path(f"in/{name}.txt").write_text("They read another book.\n")
    Path("out/a.tsv").write_text("corrected\n")
    resumed = run(jobs, text="again\n", resume=True)
    assert made(resumed) == "b"
    assert Path("out/a.tsv").read_text() == "corrected\n"
    assert "tagged again: out/b.tsv, source changed since" in resumed.messages
    assert made(run(jobs, resume=True)) == ""


def test_an_output_that_a_killed_run_left_without_a_line_is_kept(jobs: list[Job]) -> None:
    run(jobs[:1])
    path = Path("out") / MANIFEST_NAME
    path.write_text(path.read_text().splitlines(keepends=True)[0])
    resumed = run(jobs[:1], text="again\n", resume=True)
    assert Path("out/a.tsv").read_text() == "tagged\n"
    assert "unknown origin" in resumed.messages[1]


def test_a_replacement_that_was_killed_before_the_name_is_done_again(jobs: list[Job]) -> None:
    run(jobs[:1])
    outputs = Outputs(jobs[:1], manifest := Manifest(Path("out"), SETTINGS), force=True)
    Path("part").write_text("again\n")
    manifest.start()
    manifest.add(outputs.pending[0], Path("part"))  # and dies
    resumed = run(jobs[:1], text="again\n", resume=True)
    assert made(resumed) == "a"
    assert Path("out/a.tsv").read_text() == "again\n"
    assert made(run(jobs[:1], resume=True)) == ""


def test_outputs_of_another_model_are_named_and_kept(jobs: list[Job]) -> None:
    run(jobs[:2], model="b")
    Path("out/c.tsv").write_text("mine")
    first = run(jobs)
    assert made(first) == "d"
    assert first.messages == [
        "kept: out/a.tsv and 1 more, tagged with another model, precision or options; --force replaces what exists",
        "kept: out/c.tsv; --force replaces what exists",
    ]
    assert made(run(jobs, resume=True)) == ""
    assert made(run(jobs, model="b", resume=True)) == ""
    with pytest.raises(InputError, match="another model, precision or options; give the same"):
        run(jobs, model="c", resume=True)


@pytest.mark.parametrize("before", [None, "tagged\n"])
def test_what_appears_while_the_run_goes_on_is_kept(jobs: list[Job], before: str | None) -> None:
    if before is not None:
        run(jobs[:1])
        Path("in/a.txt").write_text("They read.\n")
    outputs = Outputs(jobs[:1], Manifest(Path("out"), SETTINGS), resume=True)
    Path("out").mkdir(exist_ok=True)
    Path("out/a.tsv").write_text("corrected\n")
    with pytest.raises(InputError, match=r"out/a.tsv was made or changed while this ran"), outputs.open(jobs[0]) as out:
        out.write("tagged\n")
    assert Path("out/a.tsv").read_text() == "corrected\n"
    assert {path.name for path in Path("out").iterdir()} == {MANIFEST_NAME, "a.tsv"}


def test_a_single_output_has_no_manifest(jobs: list[Job]) -> None:
    (job,) = plan_jobs(["in/a.txt"], "x.tsv", None, None).jobs
    outputs = Outputs([job], None)
    with outputs.open(job) as out:
        out.write("tagged\n")
    assert Path("x.tsv").read_text() == "tagged\n"
    assert Outputs([job], None).pending == []
    assert Outputs([job], None, force=True).pending == [job]
    with pytest.raises(InputError, match="-o FOLDER"):
        Outputs([job], None, resume=True)


def test_a_manifest_that_cannot_be_written_leaves_no_output(jobs: list[Job]) -> None:
    outputs = Outputs(jobs[:1], Manifest(Path("out"), SETTINGS))
    (Path("out") / MANIFEST_NAME).mkdir(parents=True)
    with pytest.raises(InputError, match=f"{MANIFEST_NAME} cannot be written"), outputs.open(jobs[0]):
        pass
    assert not Path("out/a.tsv").exists()

"""What a folder's manifest proves of its outputs, whatever happened to both."""

import json
from pathlib import Path

import pytest

from tagger.errors import InputError
from tagger.tagging.jobs import MANIFEST_NAME, Job, plan_jobs
from tagger.tagging.manifest import Manifest, OutputState, fingerprint

SETTINGS = {"model": "a", "options": [1, None]}
OTHER = {**SETTINGS, "model": "b"}


@pytest.fixture
def jobs(tmp_path: Path) -> list[Job]:
    (tmp_path / "in").mkdir()
    for name in "abc":
        (tmp_path / "in" / f"{name}.txt").write_text(f"They book {name}.\n")
    return plan_jobs([str(tmp_path / "in")], str(tmp_path / "out"), None, None).jobs


def target(job: Job) -> Path:
    assert job.target is not None
    return job.target


def finish(manifest: Manifest, job: Job, text: str = "done\n", named: bool = True) -> None:
    """Lists an output, which then gets its name, or not if the run dies between."""
    target(job).parent.mkdir(exist_ok=True)
    part = target(job).with_name(f".{target(job).name}.{manifest.run}ab12.part")
    part.write_text(text)
    manifest.note_source(job)
    manifest.add(job, part)
    if named:
        part.replace(target(job))


def states(jobs: list[Job], settings: dict[str, object] = SETTINGS) -> list[OutputState]:
    manifest = Manifest(target(jobs[0]).parent, settings)
    return [manifest.state(job) for job in jobs]


def test_what_is_listed_is_finished(jobs: list[Job], tmp_path: Path) -> None:
    first = Manifest(tmp_path / "out", SETTINGS)
    finish(first, jobs[0])
    finish(first, jobs[2])
    first.close()
    assert states(jobs) == [OutputState.FINISHED, OutputState.ABSENT, OutputState.FINISHED]
    finish(Manifest(tmp_path / "out", SETTINGS), jobs[1])
    assert states(jobs) == [OutputState.FINISHED] * 3


def test_a_file_that_is_not_listed_is_of_unknown_origin(jobs: list[Job], tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    target(jobs[0]).write_text("mine")
    assert states(jobs)[0] is OutputState.UNLISTED
    finish(Manifest(tmp_path / "out", SETTINGS), jobs[1])
    assert states(jobs) == [OutputState.UNLISTED, OutputState.FINISHED, OutputState.ABSENT]


def test_a_changed_output_is_told_from_one_whose_source_changed(jobs: list[Job], tmp_path: Path) -> None:
    manifest = Manifest(tmp_path / "out", SETTINGS)
    for job in jobs:
        finish(manifest, job)
    Path(jobs[0].source).write_text("They read.\n")
    target(jobs[1]).write_text("DONE\n")  # of the same size
    Path(jobs[2].source).write_text("They read.\n")
    target(jobs[2]).write_text("corrected\n")
    assert states(jobs) == [OutputState.SOURCE_CHANGED, OutputState.CHANGED, OutputState.CHANGED]
    assert [state.may_be_made for state in states(jobs)] == [True, False, False]


def test_a_source_that_changes_while_it_is_tagged_counts_as_changed(jobs: list[Job], tmp_path: Path) -> None:
    manifest = Manifest(tmp_path / "out", SETTINGS)
    manifest.note_source(jobs[0])
    Path(jobs[0].source).write_text("They read.\n")
    finish(manifest, jobs[0])
    assert states(jobs)[0] is OutputState.SOURCE_CHANGED


def test_standard_input_may_be_another_one(tmp_path: Path) -> None:
    jobs = plan_jobs(["-"], f"{tmp_path}/out/", None, None).jobs
    finish(Manifest(tmp_path / "out", SETTINGS), jobs[0])
    assert states(jobs) == [OutputState.SOURCE_CHANGED]
    target(jobs[0]).write_text("corrected")
    assert states(jobs) == [OutputState.CHANGED]


def test_a_run_that_dies_before_an_output_has_its_name(jobs: list[Job], tmp_path: Path) -> None:
    finish(Manifest(tmp_path / "out", SETTINGS), jobs[0], "first\n")
    finish(Manifest(tmp_path / "out", SETTINGS), jobs[0], "second\n", named=False)
    finish(Manifest(tmp_path / "out", SETTINGS), jobs[1], named=False)
    assert states(jobs) == [OutputState.REPLACEMENT_INTERRUPTED, OutputState.ABSENT, OutputState.ABSENT]
    target(jobs[0]).write_text("corrected")
    assert states(jobs)[0] is OutputState.CHANGED


def test_outputs_of_several_settings_in_one_folder(jobs: list[Job], tmp_path: Path) -> None:
    finish(Manifest(tmp_path / "out", SETTINGS), jobs[0])
    with pytest.raises(InputError, match="another model, precision or options"):
        Manifest(tmp_path / "out", OTHER).check_resumable()
    finish(Manifest(tmp_path / "out", OTHER), jobs[1])
    kinds = [OutputState.FINISHED, OutputState.OTHER_SETTINGS]
    for settings, expected in ((SETTINGS, kinds), (OTHER, kinds[::-1])):
        Manifest(tmp_path / "out", settings).check_resumable()
        assert states(jobs, settings) == [*expected, OutputState.ABSENT]
    assert [Manifest(tmp_path / "out", OTHER).has_other_settings(job) for job in jobs] == [True, False, False]


def test_runs_that_write_at_the_same_time_keep_each_others_lines(jobs: list[Job], tmp_path: Path) -> None:
    one, two = Manifest(tmp_path / "out", SETTINGS), Manifest(tmp_path / "out", SETTINGS)
    finish(one, jobs[0])
    finish(two, jobs[1])
    finish(one, jobs[2])
    assert states(jobs) == [OutputState.FINISHED] * 3


@pytest.mark.parametrize("cut", [1, 9, 60])
def test_an_incomplete_last_line_proves_nothing(jobs: list[Job], tmp_path: Path, cut: int) -> None:
    manifest = Manifest(tmp_path / "out", SETTINGS)
    finish(manifest, jobs[0])
    finish(manifest, jobs[1])
    manifest.close()
    path = tmp_path / "out" / MANIFEST_NAME
    path.write_bytes(path.read_bytes()[:-cut])
    found = states(jobs)[1]
    assert found is (OutputState.FINISHED if cut == 1 else OutputState.UNLISTED)  # 1: nothing but the line end is lost
    finish(Manifest(tmp_path / "out", SETTINGS), jobs[2])
    assert states(jobs) == [OutputState.FINISHED, found, OutputState.FINISHED]


@pytest.mark.parametrize(
    "content", ["{]\n", "[]\n", '{"run": 5}\n', '{"manifest": 2, "run": "*/../x", "settings": {}}\n', "[" * 100_000]
)
def test_a_file_that_is_no_manifest(tmp_path: Path, content: str) -> None:
    (tmp_path / MANIFEST_NAME).write_text(content)
    with pytest.raises(InputError, match=f"{MANIFEST_NAME} is damaged"):
        Manifest(tmp_path, SETTINGS)


def test_lines_of_odd_types_prove_nothing(jobs: list[Job], tmp_path: Path) -> None:
    finish(Manifest(tmp_path / "out", SETTINGS), jobs[0])
    path = tmp_path / "out" / MANIFEST_NAME
    header, line = path.read_text().splitlines()
    for name, value in (("target", ["a.tsv"]), ("run", {}), ("sha256", None), ("sha256", []), ("bytes", "5")):
        path.write_text(f"{header}\n{json.dumps({**json.loads(line), name: value})}\n")
        assert states(jobs)[0] in (OutputState.UNLISTED, OutputState.CHANGED)
    path.write_text(f"{header}\n{json.dumps({**json.loads(line), 'source': None})}\n")
    assert states(jobs)[0] is OutputState.SOURCE_CHANGED


def test_a_manifest_without_checksums_proves_nothing(jobs: list[Job], tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    target(jobs[0]).write_text("done\n")
    lines = [{"manifest": 1, **SETTINGS}, {"target": "a.tsv", "bytes": 5, "source": jobs[0].source}]
    (tmp_path / "out" / MANIFEST_NAME).write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(InputError, match="older version"):
        Manifest(tmp_path / "out", SETTINGS).check_resumable()
    finish(Manifest(tmp_path / "out", SETTINGS), jobs[1])
    assert states(jobs) == [OutputState.UNLISTED, OutputState.FINISHED, OutputState.ABSENT]


def test_only_hidden_files_of_runs_with_these_settings_are_removed(jobs: list[Job], tmp_path: Path) -> None:
    own, other = Manifest(tmp_path / "out", SETTINGS), Manifest(tmp_path / "out", OTHER)
    own.start()
    other.start()
    kept = [f".a.tsv.{other.run}ab12.part", ".a.tsv.x1y2z3w4.part", "a.tsv.part", f".{own.run}"]
    for name in (f".a.tsv.{own.run}ab12.part", f".d.tsv.{own.run}cd34.part", *kept):
        (tmp_path / "out" / name).write_text("half")
    Manifest(tmp_path / "out", SETTINGS).remove_leftovers(jobs)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*kept, MANIFEST_NAME}


def test_a_fingerprint_tells_taggers_apart(trained: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in trained.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    assert fingerprint(copy) == fingerprint(trained)
    (copy / "README.md").write_text("another card")
    assert fingerprint(copy) == fingerprint(trained)
    (copy / "config.json").write_text((copy / "config.json").read_text() + " ")
    assert fingerprint(copy) != fingerprint(trained)

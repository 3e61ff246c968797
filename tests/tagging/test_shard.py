"""Which files belong to which shard, and what runs of several shards prove to each other."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tagger.errors import InputError
from tagger.tagging.jobs import MANIFEST_NAME, Job, plan_jobs
from tagger.tagging.manifest import Manifest
from tagger.tagging.outputs import Outputs
from tagger.tagging.shard import Shard, jobs_of_shard, parse_shard

SETTINGS = {"model": "a"}
SHARDS = [Shard(number, 3) for number in (1, 2, 3)]


@pytest.fixture(autouse=True)
def _inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in/below").mkdir(parents=True)
    for number in range(30):
        place = Path("in", "below" * (number % 2), f"{number}.txt")
        place.write_text(f"They book {number}.\n")


def planned(shard: Shard | None = None, to: str = "out") -> list[Job]:
    plan = plan_jobs(["in"], to, None, None)
    return plan.jobs if shard is None else jobs_of_shard(plan.jobs, shard, ["in"], plan.to)


def run(
    shard: Shard | None = None,
    text: str = "tagged",
    force: bool = False,
    resume: bool = False,
    model: str = "a",
    jobs: int | None = None,
) -> Outputs:
    """A run that writes the name of each source, or of the first ones, into its output."""
    manifest = Manifest(Path("out"), {"model": model}, shard)
    outputs = Outputs(planned(shard), manifest, force, resume)
    for job in outputs.pending[:jobs]:
        with outputs.open(job) as out:
            out.write(f"{job.source} {text}\n")
    manifest.close()
    return outputs


@pytest.mark.parametrize(
    "text", ["0/5", "6/5", "a/b", "1/0", "", "5", "1/", "/5", "-1/5", "1/5/9", "1.0/5", " 1/5", "²/5"]
)
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"write i/n, i from 1 to n"):
        parse_shard(text)


def test_a_shard_is_read_and_written_alike() -> None:
    assert [parse_shard(text) for text in ("1/1", "2/5", "05/5")] == [Shard(1, 1), Shard(2, 5), Shard(5, 5)]
    assert str(Shard(2, 5)) == "2/5"
    assert Shard(2, 5).manifest_name == f"{MANIFEST_NAME}.2-of-5"


@pytest.mark.parametrize("total", [1, 2, 7, 100])
def test_each_file_is_in_one_shard(total: int) -> None:
    parts = [planned(Shard(number, total)) for number in range(1, total + 1)]
    assert sorted(job for part in parts for job in part) == sorted(planned())
    assert total == 1 or max(map(len, parts)) < 30


def test_shards_are_of_similar_size() -> None:
    sizes = [sum(Shard(number, 8).owns(f"books/{name}.tsv") for name in range(8000)) for number in range(1, 9)]
    assert sum(sizes) == 8000
    assert min(sizes) > 900
    assert max(sizes) < 1100


def test_the_shard_of_a_file_does_not_change_with_other_files_or_places() -> None:
    before = [planned(shard) for shard in SHARDS]
    for name in ("0a", "15a", "99"):
        Path("in", f"{name}.txt").write_text("new")
    for shard, jobs in zip(SHARDS, before, strict=True):
        assert set(jobs) <= set(planned(shard))
        named = [job for job in planned(shard, "/elsewhere/out") if job.source in {job.source for job in jobs}]
        assert [job.source for job in named] == [job.source for job in jobs]
    assert sum(len(planned(shard)) for shard in SHARDS) == 33


def test_five_runs_at_once_make_what_one_makes() -> None:
    shards = [Shard(number, 5) for number in range(1, 6)]
    with ThreadPoolExecutor(5) as threads:
        list(threads.map(run, shards))
    outputs = {path: path.read_text() for path in Path("out").rglob("*.tsv")}
    assert outputs == {job.target: f"{job.source} tagged\n" for job in planned()}
    manifests = {path.name for path in Path("out").iterdir() if path.is_file() and path.suffix != ".tsv"}
    assert manifests == {shard.manifest_name for shard in shards}
    assert all(run(shard, resume=True).pending == [] for shard in [*shards, *SHARDS, None])


def test_runs_with_other_shards_or_none_know_the_outputs() -> None:
    run(SHARDS[0])
    whole = run(resume=True, jobs=10)  # and is killed
    assert whole.messages == [f"resuming: {len(planned(SHARDS[0]))} of 30 outputs are finished"]
    finished = {job.target for job in [*planned(SHARDS[0]), *whole.pending[:10]]}
    for number in (1, 2):
        shard = Shard(number, 2)
        own = {job.target for job in planned(shard)}
        assert {job.target for job in run(shard, resume=True).pending} == own - finished
    assert set(Path("out").rglob("*.tsv")) == {job.target for job in planned()}
    assert run(resume=True).messages == ["resuming: 30 of 30 outputs are finished"]


def test_the_latest_run_decides_whichever_file_lists_it() -> None:
    shard = SHARDS[1]
    count = len(planned(shard))
    run(shard)
    run(text="other", force=True, model="b")
    (kept,) = run(shard, resume=True).messages[1:]
    assert kept.startswith("kept: ")
    assert f"and {count - 1} more, tagged with another model, precision or options" in kept
    run(shard, text="new", force=True)
    assert run(shard, resume=True).messages == [f"resuming: {count} of {count} outputs are finished"]
    assert f"resuming: {30 - count} of 30 outputs are finished" in run(resume=True, model="b").messages


def test_a_replacement_that_was_killed_is_known_whichever_file_lists_it() -> None:
    shard = SHARDS[1]
    (job, *_) = planned(shard)
    run()
    for first, second in ((shard, None), (None, shard)):
        run(first, force=True)
        manifest = Manifest(Path("out"), SETTINGS, second)
        outputs = Outputs(planned(second), manifest, force=True)
        assert job in outputs.pending
        Path("part").write_text("again\n")
        manifest.start()
        manifest.add(job, Path("part"))  # and dies
        manifest.close()
        for other in (first, second):
            assert Outputs(planned(other), Manifest(Path("out"), SETTINGS, other), resume=True).pending == [job]


def test_a_shard_leaves_the_hidden_files_of_others_alone() -> None:
    one, two = (Manifest(Path("out"), SETTINGS, shard) for shard in SHARDS[:2])
    parts = []
    for manifest, shard in zip((one, two), SHARDS[:2], strict=True):
        manifest.start()
        target = planned(shard)[0].target
        assert target is not None
        target.parent.mkdir(exist_ok=True)
        parts.append(target.with_name(f".{target.name}.{manifest.run}ab12cd34.part"))
        parts[-1].write_text("half")
    run(SHARDS[0], resume=True)
    assert [part.exists() for part in parts] == [False, True]
    run(resume=True)
    assert [part.exists() for part in parts] == [False, False]


def test_a_manifest_that_another_shard_is_writing_is_no_error() -> None:
    Path("out").mkdir()
    for content in ("", '{"manifest": 2, "ru', "no manifest"):
        Path("out", SHARDS[1].manifest_name).write_text(content)
        Manifest(Path("out"), SETTINGS, SHARDS[0])
        Manifest(Path("out"), SETTINGS)
    with pytest.raises(InputError, match=r"tagger\.manifest\.2-of-3 is damaged"):
        Manifest(Path("out"), SETTINGS, SHARDS[1])


def test_manifests_of_shards_are_no_inputs() -> None:
    for name in (f"{MANIFEST_NAME}.2-of-3", f"{MANIFEST_NAME}.10-of-300", MANIFEST_NAME):
        Path("in", name).write_text("")
    Path("in", f"{MANIFEST_NAME}.old").write_text("")
    jobs = plan_jobs(["in"], "out", "text", None).jobs
    assert {Path(job.source).name for job in jobs if MANIFEST_NAME in job.source} == {f"{MANIFEST_NAME}.old"}


@pytest.mark.parametrize(
    ("sources", "to", "words"),
    [
        (["in", "-"], "out", "standard input is none"),
        ([], "out/", "standard input is none"),
        (["in/0.txt"], None, "name one: -o FOLDER/"),
        (["in/0.txt"], "0.tsv", "name one: -o FOLDER/"),
        (["in"], "in", "choose another -o"),
    ],
)
def test_what_cannot_be_divided_is_refused(sources: list[str], to: str | None, words: str) -> None:
    plan = plan_jobs(sources, to, None, None)
    with pytest.raises(InputError, match=words):
        jobs_of_shard(plan.jobs, SHARDS[0], sources, plan.to)

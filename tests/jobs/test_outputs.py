"""Which files are tagged into which, and in which shard; what a run makes and knows of outputs, whatever happened."""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tagger.errors import InputError
from tagger.jobs.outputs import SETTINGS_FILE, PlannedOutputs, open_output
from tagger.jobs.plan import Job, jobs_of_shard, plan_jobs

FILES = (
    *("in/a/book.txt", "in/b.conllu", "in/c.txt.gz", "in/picture.png", "in/.hidden/d.txt"),
    *("x.txt", "y/x.txt", "empty/picture.png", "four/a.txt", "four/b.txt", "four/c.txt", "four/z/d.txt"),
)
X = ("x.txt", "text")
BOOK, CONLLU, GZIP = ("in/a/book.txt", "text"), ("in/b.conllu", "conllu"), ("in/c.txt.gz", "text")


@pytest.fixture(autouse=True)
def _tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in FILES:
        make(name)


def make(name: str) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text("They book.\n")


def jobs_for(*arguments: object) -> list[tuple[str, str, str | None, str]]:
    jobs = plan_jobs(*arguments).jobs  # type: ignore[arg-type]
    return [(job.source, job.input, job.target, job.output) for job in jobs]


def test_sources_become_jobs() -> None:
    for sources, to, input, output, expected in (
        ([], None, None, None, [("-", "text", None, "tsv")]),
        (["-"], "out.jsonl", "lines", None, [("-", "lines", "out.jsonl", "jsonl")]),
        (["in/b.conllu"], "b.tsv.gz", None, None, [(*CONLLU, "b.tsv.gz", "tsv")]),
        (["x.txt"], "out.txt", None, None, [(*X, "out.txt", "tsv")]),
        (["x.txt"], "out.v2", "lines", "csv", [("x.txt", "lines", "out.v2", "csv")]),
        (["x.txt"], "out/", None, None, [(*X, "out/x.tsv", "tsv")]),
        (["in/a"], "in", None, None, [(*BOOK, "in/book.tsv", "tsv")]),
        (["x.txt", "in/b.conllu"], "b.v/", None, "tsv", [(*X, "b.v/x.tsv", "tsv"), (*CONLLU, "b.v/b.tsv", "tsv")]),
        (
            ["in"],
            *("out", None, None),
            [(*BOOK, "out/a/book.tsv", "tsv"), (*CONLLU, "out/b.conllu", "conllu"), (*GZIP, "out/c.tsv.gz", "tsv")],
        ),
    ):
        assert jobs_for(sources, to, input, output) == expected
        assert not Path("out").exists()


@pytest.mark.parametrize("to", ["in/out", "in/deep/out"])
def test_outputs_inside_the_folder_are_no_inputs(to: str) -> None:
    for name in (SETTINGS_FILE, "x.tsv"):
        make(f"{to}/{name}")
    Path("in/link.tsv").symlink_to(Path(to, "x.tsv").absolute())
    assert [job[0] for job in jobs_for(["in"], to, None, None)] == [BOOK[0], CONLLU[0], GZIP[0]]
    again = [job[0] for job in jobs_for(["in"], "elsewhere", "lines", None)]
    assert f"{to}/x.tsv" in again
    assert not any(SETTINGS_FILE in source for source in again)


def test_what_cannot_be_planned_is_refused() -> None:
    Path("link").symlink_to("in")
    for sources, to, words in (
        (["nowhere.txt"], None, "nowhere.txt: no such file or folder$"),
        (["x.txt", ""], "out", "'' is no file"),
        (["in"], None, "in is a folder; name one for its tagged files with -o"),
        (["x.txt", "in/b.conllu"], "/dev/null", "/dev/null is a file; several files need a folder"),
        (["x.txt", "in/b.conllu"], "two.tsv", "several files need a folder: -o two.tsv/"),
        (["empty"], "out", "empty: no file with one of the suffixes .txt"),
        (["x.txt", "y/x.txt"], "out", "x.txt and y/x.txt would both become out/x.tsv"),
        (["x.txt"], "o.json.gz", "-o o.json.gz: .json names no format; take one of .tsv .*, or name it with --output"),
        (["x.txt"], "x.txt", "x.txt would be replaced by its own tagging"),
        (["in"], "in", "-o in is the folder of the files to tag, and the next run would tag its outputs; name another"),
        (["y", "in"], "link/", "-o link/ is the folder of the files to tag"),
    ):
        with pytest.raises(InputError, match=words) as found:
            plan_jobs(sources, to, None, None)
        assert "\n" not in str(found.value)


@pytest.mark.parametrize(
    ("links", "sources", "skipped"),
    [
        ({"books": "../more"}, ["in/books/d.txt", "in/books/e/f.txt"], []),  # to another disk, perhaps
        ({"books": "../more", "again": "../more"}, ["in/again/d.txt", "in/again/e/f.txt"], ["in/books"]),
        ({"A": "a"}, [], ["in/A leads to"]),  # under its own name
        ({"self": "."}, [], ["in/self leads to"]),
        ({"a/b": "../../more", "../more/back": "../in"}, ["in/a/b/d.txt", "in/a/b/e/f.txt"], ["in/a/b/back leads"]),
        ({"1": "../more/e", "2": "../more"}, ["in/1/f.txt", "in/2/d.txt"], ["in/2/e leads to"]),
        ({"z.txt": "../x.txt"}, ["in/z.txt"], []),  # a file
        ({"z.txt": "nowhere"}, [], ["in/z.txt leads nowhere"]),
        ({"z.txt": "/dev/null"}, [], ["in/z.txt is no regular file"]),
    ],
)
def test_links_are_followed_once(links: dict[str, str], sources: list[str], skipped: list[str]) -> None:
    make("more/d.txt")
    make("more/e/f.txt")
    for name, target in links.items():
        Path("in", name).symlink_to(target)
    plan = plan_jobs(["in"], "out", None, None)
    known = {BOOK[0], CONLLU[0], GZIP[0]}
    assert [job.source for job in plan.jobs if job.source not in known] == sources
    assert len(plan.jobs) == 3 + len(sources)
    lines = [line for line in plan.skipped if "suffix" not in line]
    assert len(lines) == bool(skipped)
    assert all(part in lines[0] for part in skipped)


def test_folders_that_cannot_be_read_are_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    make("in/d/e.txt")
    scan = os.scandir

    def refused(folder: str) -> object:
        if Path(folder).name in ("a", "d"):
            raise PermissionError(13, "Permission denied", folder)
        return scan(folder)

    monkeypatch.setattr(os, "scandir", refused)
    plan = plan_jobs(["in"], "out", None, None)
    assert plan.errors == [f"error: in/{name} cannot be read: Permission denied" for name in ("a", "d")]
    assert [job.source for job in plan.jobs] == [CONLLU[0], GZIP[0]]


def test_each_file_is_in_one_shard_whatever_stands_beside_it() -> None:
    for text in ("0/5", "6/5", "a/b", "1/0", "", "5", "-1/5", "1/5/9", "²/5"):
        with pytest.raises(InputError, match="write i/n, i from 1 to n"):
            jobs_of_shard([], text)
    with pytest.raises(InputError, match="name one: -o FOLDER/"):
        jobs_of_shard(plan_jobs(["x.txt"], None, None, "jsonl").jobs, "1/3")
    for number in range(30):
        make(f"texts/{'below' * (number % 2)}/{number}.txt")

    def divided(shard: str, to: str = "out") -> list[Job]:
        return jobs_of_shard(plan_jobs(["texts"], to, None, None).jobs, shard)

    for total in (1, 2, 7, 100):
        parts = [divided(f"{number}/{total}") for number in range(1, total + 1)]
        assert sorted(job for part in parts for job in part) == sorted(plan_jobs(["texts"], "out", None, None).jobs)
        assert total == 1 or max(map(len, parts)) < 30
    before = {shard: divided(shard) for shard in ("1/3", "2/3", "3/3")}
    for name in ("0a", "15a", "99"):
        make(f"texts/{name}.txt")
    for shard, jobs in before.items():
        assert {*jobs} <= {*divided(shard)}
        assert {job.source for job in jobs} <= {job.source for job in divided(shard, "/elsewhere/out")}
    assert sum(len(divided(shard)) for shard in before) == 33


# Outputs

OUT = Path("out")
SHARDS = ["1/3", "2/3", "3/3"]


def planned() -> list[Job]:
    return plan_jobs(["four"], "out", None, None).jobs


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
    assert Path("out/b.tsv").read_text() == "four/b.txt forced\n"


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
    kept = "kept: x.tsv; --force replaces what exists"
    for pending, message in ((1, ""), (0, kept), (0, f"{kept}; four/a.txt has changed since")):
        (job,) = plan_jobs(["four/a.txt"], "x.tsv", None, None).jobs
        outputs = PlannedOutputs([job], None, Path("x"), {})
        assert (len(outputs.pending), outputs.message) == (pending, message)
        with open_output(job, True) as out:
            out.write("tagged\n")
        if not pending:
            os.utime("x.tsv", ns=(0, 0))
    assert Path("x.tsv").read_text() == "tagged\n"
    assert sorted(os.listdir()) == ["empty", "four", "in", "x.tsv", "x.txt", "y"]


def test_a_folder_that_cannot_be_written_or_holds_a_link_is_an_error_at_once() -> None:
    with pytest.raises(InputError, match=r"-o four/a\.txt/new: .*cannot be written: Not a directory"):
        PlannedOutputs(planned(), "four/a.txt/new", Path("x"), {})
    OUT.mkdir()
    settings = OUT / SETTINGS_FILE
    settings.symlink_to(Path("four/a.txt").absolute())
    with pytest.raises(InputError, match=f"{SETTINGS_FILE} cannot be written"):
        started(force=True)
    assert Path("four/a.txt").read_text() == "They book.\n"
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

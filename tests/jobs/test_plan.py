"""Which files are tagged into which, what is left out of folders, and which files belong to which shard."""

import os
from pathlib import Path

import pytest

from tagger.errors import InputError
from tagger.jobs.outputs import SETTINGS_FILE
from tagger.jobs.plan import Job, jobs_of_shard, plan_jobs

FILES = (
    *("in/a/book.txt", "in/b.conllu", "in/c.txt.gz", "in/picture.png", "in/.hidden/d.txt"),
    *("x.txt", "y/x.txt", "empty/picture.png"),
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


def planned(*arguments: object) -> list[tuple[str, str, str | None, str]]:
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
        assert planned(sources, to, input, output) == expected
        assert not Path("out").exists()


@pytest.mark.parametrize("to", ["in/out", "in/deep/out"])
def test_outputs_inside_the_folder_are_no_inputs(to: str) -> None:
    for name in (SETTINGS_FILE, "x.tsv"):
        make(f"{to}/{name}")
    Path("in/link.tsv").symlink_to(Path(to, "x.tsv").absolute())
    assert [job[0] for job in planned(["in"], to, None, None)] == [BOOK[0], CONLLU[0], GZIP[0]]
    again = [job[0] for job in planned(["in"], "elsewhere", "lines", None)]
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

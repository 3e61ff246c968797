"""Inputs and outputs in remote storage: what is tagged into what, what is kept, and what a killed run leaves.

`memory://` is a storage of this process. `tests/commands/test_tag_remote.py` has a server that speaks S3.
"""

from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from tagger.errors import InputError
from tagger.jobs.jobs import MANIFEST_NAME, Job, Shard, jobs_of_shard, plan_jobs
from tagger.jobs.manifest import MAX_LINES, Manifest
from tagger.jobs.outputs import Outputs
from tagger.text.output_files import whole_file
from tagger.text.remote_path import RemotePath

NAMES = ("a.txt", "b/c.txt.gz", "b/d.txt.zst", "b/e f.txt", "b/ü[1]*?#%20.txt")
OUTPUTS = ("a.tsv", "b/c.tsv.gz", "b/d.tsv.zst", "b/e f.tsv", "b/ü[1]*?#%20.tsv")


@pytest.fixture(autouse=True)
def storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, object]]:
    """The files of the storage, by their paths in it."""
    monkeypatch.chdir(tmp_path)
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    memory.pseudo_dirs[:] = [""]
    for name in (*NAMES, "picture.png", ".hidden/x.txt", "b/.y.txt"):
        memory.pipe_file(f"/in/{name}", f"They book {name}.".encode())
    memory.pipe_file("/input.txt", b"They")
    yield memory.store
    memory.store.clear()


def plan(to: str = "memory://out", *sources: str) -> list[Job]:
    return plan_jobs(list(sources) or ["memory://in/"], to, None, None).jobs


def run(
    to: str = "memory://out",
    text: str = "tagged",
    force: bool = False,
    resume: bool = False,
    model: str = "a",
    jobs: int | None = None,
    shard: Shard | None = None,
    max_lines: int = MAX_LINES,
) -> Outputs:
    """A run that writes the name of each source, or of the first ones, into its output."""
    planned = plan_jobs(["memory://in/"], to, None, None)
    assert planned.to is not None
    own = planned.jobs if shard is None else jobs_of_shard(planned.jobs, shard, ["memory://in/"], planned.to)
    outputs = Outputs(own, Manifest(planned.to, model, shard, max_lines), force, resume)
    for job in outputs.pending[:jobs]:
        with outputs.open(job) as out:
            out.write(f"{job.source} {text}\n")
    return outputs


def made(outputs: Outputs) -> list[str]:
    return [str(job.target).removeprefix("memory://out/") for job in outputs.pending]


def read(name: str) -> bytes:
    return fsspec.filesystem("memory").cat_file(f"/out/{name}")  # type: ignore[no-any-return]


def test_a_folder_keeps_its_tree() -> None:
    planned = plan_jobs(["memory://in"], "memory://out/", None, None)
    assert [job.source for job in planned.jobs] == [f"memory://in/{name}" for name in NAMES]
    assert [str(job.target) for job in planned.jobs] == [f"memory://out/{name}" for name in OUTPUTS]
    assert [job.size for job in planned.jobs] == [len(f"They book {name}.".encode()) for name in NAMES]
    assert planned.skipped[0].startswith("skipped: 1 file whose suffix names no format (1 .png)")


def test_here_and_there_are_planned_alike(storage: dict[str, object]) -> None:
    for name in (*NAMES, "picture.png", ".hidden/x.txt", "b/.y.txt", "b-c.txt", "b.txt", "B.txt"):
        path = Path("in", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("They")
        fsspec.filesystem("memory").pipe_file(f"/in/{name}", b"They")
    local = plan("out", "in")
    assert [job.source for job in plan("out", "memory://in")] == [f"memory://{job.source}" for job in local]
    assert [job.target for job in plan("out", "memory://in")] == [job.target for job in local]
    assert [str(job.target) for job in plan("memory://out", "in")] == [f"memory://{job.target}" for job in local]


def test_single_files(storage: dict[str, object]) -> None:
    Path("x.txt").write_text("They")
    for source, to, target in (
        ("memory://in/a.txt", "memory://out/x.conllu", "memory://out/x.conllu"),
        ("memory://in/a.txt", "memory://out/", "memory://out/a.tsv"),
        ("memory://in/a.txt", "x.tsv", "x.tsv"),
        ("memory://in/a.txt", "out/", "out/a.tsv"),
        ("x.txt", "memory://out/x.tsv.gz", "memory://out/x.tsv.gz"),
        ("x.txt", "memory://in", "memory://in/x.tsv"),  # there are files below it
    ):
        (job,) = plan(to, source)
        assert (job.source, str(job.target)) == (source, target)
    (job,) = plan("memory://out/x.conllu", "memory://in/a.txt")
    assert job.output == "conllu"


@pytest.mark.parametrize(
    ("sources", "to", "words"),
    [
        (["memory://nowhere.txt"], "memory://out/", "memory://nowhere.txt: no such file or folder"),
        (["memory://in/"], None, "name one for its tagged files with -o"),
        (["memory://in/"], "memory://input.txt", "-o memory://input.txt is a file"),
        (["memory://in/"], "memory://two.tsv", "several files need a folder: -o memory://two.tsv/"),
        (["memory://in/.hidden"], "memory://out/", None),
        (["memory://in/picture.png", "memory://in/a.txt", "memory://in/a.txt"], "memory://out/", "would both become"),
        (["memory://input.txt"], "memory://input.txt", "replaced by its own tagging"),
        (["ftp://x/a.txt"], "out/", "ftp is no protocol for files here; give a path, or one of s3://, gs://"),
        (["simplecache::memory://in/"], "out/", "simplecache::memory is no protocol"),
        (["zip://a.txt::memory://in/a.zip"], "out/", "zip is no protocol"),
        (["local://etc/passwd"], "out/", "local is no protocol"),
        (["file:///etc/passwd"], "out/", "file is no protocol"),
        (["memory://in/"], "https://example.org/out/", "files there are only read; write to s3:// or gs://"),
        (["memory://in/"], "hf://datasets/a/b/", "files there are only read"),
        (["memory://in/"], "sftp://host/out/", "sftp is no protocol"),
    ],
)
def test_what_cannot_be_planned_is_refused(sources: list[str], to: str | None, words: str | None) -> None:
    if words is None:
        assert len(plan_jobs(sources, to, None, None).jobs) == 1
        return
    with pytest.raises(InputError, match=words.replace("[", r"\[")):
        plan_jobs(sources, to, None, None)


def test_outputs_are_made_once_and_known_again() -> None:
    assert made(run(jobs=2)) == list(OUTPUTS)  # and is killed
    resumed = run(resume=True)
    assert resumed.messages == ["resuming: 2 of 5 outputs are finished"]
    assert made(resumed) == list(OUTPUTS[2:])
    assert made(run(resume=True)) == []
    assert read("a.tsv") == b"memory://in/a.txt tagged\n"
    assert made(run(text="again", force=True)) == list(OUTPUTS)
    assert read("a.tsv") == b"memory://in/a.txt again\n"
    assert made(run(resume=True)) == []
    without = run(text="other")
    assert made(without) == []
    assert without.messages == [
        "kept: memory://out/a.tsv and 4 more; --force replaces what exists, --resume tags again what has changed"
    ]


def test_resuming_keeps_what_is_not_its_own() -> None:
    memory = fsspec.filesystem("memory")
    run(jobs=3)
    memory.pipe_file("/out/a.tsv", b"MEMORY://in/a.txt tagged\n")  # of the same size
    memory.pipe_file("/in/b/c.txt.gz", b"new text, and more of it")
    memory.pipe_file("/out/b/e f.tsv", b"mine")
    resumed = run(text="again", resume=True)
    assert made(resumed) == ["b/c.tsv.gz", "b/ü[1]*?#%20.tsv"]
    assert resumed.messages == [
        "resuming: 1 of 5 outputs are finished",
        "tagged again: memory://out/b/c.tsv.gz, whose source, tagger or options have changed since",
        f"kept: memory://out/a.tsv and 1 more, changed after tagging or not listed in {MANIFEST_NAME}; move away what"
        " is to be tagged again",
    ]
    assert [str(job.target) for job in resumed.foreign] == ["memory://out/a.tsv", "memory://out/b/e f.tsv"]
    assert (read("a.tsv"), read("b/e f.tsv")) == (b"MEMORY://in/a.txt tagged\n", b"mine")
    other = run(resume=True, model="b", jobs=0)
    assert made(other) == [name for name in OUTPUTS if name not in ("a.tsv", "b/e f.tsv")]


def test_a_run_that_dies_between_listing_and_upload_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    outputs = run(jobs=0)
    monkeypatch.setattr("tagger.text.output_files.write_remote", dies)
    with pytest.raises(KeyboardInterrupt), outputs.open(outputs.pending[0]) as out:
        out.write("tagged")
    monkeypatch.undo()
    assert not RemotePath("memory://out/a.tsv").is_file()
    assert made(run(resume=True)) == list(OUTPUTS)
    run(resume=True)
    monkeypatch.setattr("tagger.text.output_files.write_remote", dies)
    with pytest.raises(KeyboardInterrupt):
        run(model="b", text="again", force=True)
    monkeypatch.undo()
    assert made(run(resume=True)) == []
    again = run(model="b", text="again", resume=True)
    assert again.messages[1].startswith("tagged again: memory://out/a.tsv and 4 more, whose source, tagger or options")
    assert made(again) == list(OUTPUTS)


def test_an_error_leaves_no_output_and_no_temporary_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    target = RemotePath("memory://out/x.tsv.zst")

    def fail() -> None:
        with whole_file(target) as out:
            out.write("half")
            raise InputError("bad line")

    with pytest.raises(InputError, match="bad line"):
        fail()
    assert target.current() is None
    assert list(tmp_path.iterdir()) == []
    with whole_file(target) as out:
        out.write("whole")
    assert target.current() is not None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("before", [False, True])
def test_what_appears_while_the_run_goes_on_is_kept(before: bool) -> None:
    memory = fsspec.filesystem("memory")
    if before:
        run()
        memory.pipe_file("/in/a.txt", b"They read another book.")
    outputs = run(resume=True, jobs=0)
    memory.pipe_file("/out/a.tsv", b"MINE")
    with pytest.raises(InputError, match="made or changed while this ran"), outputs.open(outputs.pending[0]) as out:
        out.write("tagged")
    assert read("a.tsv") == b"MINE"


def test_a_manifest_has_files_of_bounded_size(storage: dict[str, object]) -> None:
    run(max_lines=2)
    names = sorted(name for name in storage if MANIFEST_NAME in name)
    assert [name[-7:] for name in names] == ["-000001", "-000002", "-000003"]
    assert all(name.startswith(f"/out/{MANIFEST_NAME}/") for name in names)
    assert sum(len(fsspec.filesystem("memory").cat_file(name).split(b"\n")[1:]) for name in names) == 5
    assert made(run(resume=True)) == []
    planned = plan_jobs(["memory://out"], "memory://more", "lines", None).jobs
    assert {job.source.removeprefix("memory://out/") for job in planned} == set(OUTPUTS)  # and no manifest


def test_shards_in_a_storage(storage: dict[str, object]) -> None:
    shards = [Shard(number, 3) for number in (1, 2, 3)]
    runs = [run(shard=shard) for shard in shards]
    assert sorted(name for outputs in runs for name in made(outputs)) == sorted(OUTPUTS)
    for shard in (*shards, None, Shard(1, 2)):
        assert made(run(shard=shard, resume=True)) == []


def test_a_folder_is_listed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = fsspec.filesystem("memory")
    for number in range(300):
        memory.pipe_file(f"/in/{number}.txt", b"They")
    run()
    asked = []
    for name in ("find", "info", "exists", "isfile", "isdir", "ls"):
        own = getattr(type(memory), name)

        def counted(self: object, *arguments: object, _own=own, _name=name, **options: object) -> object:  # type: ignore[no-untyped-def]
            asked.append(_name)
            return _own(self, *arguments, **options)

        monkeypatch.setattr(type(memory), name, counted)
    assert made(run()) == []
    assert asked.count("find") == 2
    assert len(asked) < 10

"""What a run makes, what it proves of outputs that exist, and that it replaces nothing else, whatever happened."""

import json
import multiprocessing
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tagger.errors import InputError
from tagger.jobs import outputs as outputs_module
from tagger.jobs.bulk import Options
from tagger.jobs.jobs import MANIFEST_NAME, Job, Shard, jobs_of_shard, plan_jobs
from tagger.jobs.manifest import Manifest, fingerprint, source_digest, tagger_digest
from tagger.jobs.outputs import Outputs
from tagger.text.remote_path import RemoteFile, RemotePath

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
    plan = plan_jobs(["in"], "out", None, None)
    return plan.jobs if shard is None else jobs_of_shard(plan.jobs, shard, ["in"], plan.to)


def run(
    jobs: int | None = None,
    *,
    tagger: str = "x",
    text: str = "tagged",
    force: bool = False,
    resume: bool = False,
    shard: Shard | None = None,
) -> Outputs:
    """A run that writes the name of each source, or of the first ones, into its output, and ends or is killed."""
    manifest = Manifest(OUT, tagger, shard)
    outputs = Outputs(planned(shard), manifest, force, resume)
    for job in outputs.pending[:jobs]:
        with outputs.open(job) as out:
            out.write(f"{job.source} {text}\n")
    manifest.close()
    return outputs


def made(outputs: Outputs) -> str:
    return "".join(Path(job.source).stem for job in outputs.pending)


def resumed(tagger: str = "x") -> tuple[str, list[str]]:
    """What a run with `--resume` would make, and its messages but the first; nothing is written."""
    outputs = Outputs(planned(), Manifest(OUT, tagger), resume=True)
    assert outputs.messages[0].startswith("resuming: ")
    assert bool(outputs.foreign) == any(line.startswith("kept: ") for line in outputs.messages)
    return made(outputs), outputs.messages[1:]


def test_outputs_are_made_once() -> None:
    assert made(run(2)) == "abcd"
    again = run(resume=True)
    assert (made(again), again.messages) == ("cd", ["resuming: 2 of 4 outputs are finished"])
    assert resumed() == ("", [])
    assert {path.name for path in OUT.iterdir()} == {MANIFEST_NAME, "a.tsv", "b.tsv", "c.tsv", "z"}
    plain = run()
    assert made(plain) == ""
    assert plain.messages == [
        "kept: out/a.tsv and 3 more; --force replaces what exists, --resume tags again what has changed"
    ]
    assert plain.foreign == []


AGAIN = "tagged again: out/a.tsv, whose source, tagger or options have changed since"


@pytest.mark.parametrize(
    ("source", "output", "tagger", "made_again", "message"),
    [
        (None, None, "x", "", None),
        ("They book a.\n", None, "x", "", None),  # written again, and the same
        ("They read.\n", None, "x", "a", AGAIN),
        ("They look a.\n", None, "x", "a", AGAIN),  # of the same size
        (None, None, "y", "abcd", AGAIN.replace("a.tsv", "a.tsv and 3 more")),
        (None, "in/a.txt TAGGED\n", "x", "", f"kept: out/a.tsv, {KEPT}"),
        (None, "in/a.txt TAGGED\n", "y", "bcd", f"kept: out/a.tsv, {KEPT}"),
        ("They read.\n", "corrected\n", "x", "", f"kept: out/a.tsv, {KEPT}"),
        (None, "", "x", "", f"kept: out/a.tsv, {KEPT}"),
    ],
)
def test_what_a_resumed_run_makes(
    source: str | None, output: str | None, tagger: str, made_again: str, message: str | None
) -> None:
    run()
    if source is not None:
        Path("in/a.txt").write_text(source)
    if output is not None:
        Path("out/a.tsv").write_text(output)
    found, messages = resumed(tagger)
    assert found == made_again
    assert messages[-1:] == ([] if message is None else [message])
    run(resume=True, tagger=tagger, text="again")
    assert Path("out/a.tsv").read_text() == (
        output if output is not None else f"in/a.txt {'again' if 'a' in made_again else 'tagged'}\n"
    )
    assert resumed(tagger)[0] == ""
    assert made(run(force=True, text="forced")) == "abcd"
    assert Path("out/a.tsv").read_text() == "in/a.txt forced\n"


def test_a_file_of_somebody_else_is_kept() -> None:
    OUT.mkdir()
    Path("out/c.tsv").write_text("mine")
    assert resumed() == ("abd", [f"kept: out/c.tsv, {KEPT}"])
    run(resume=True)
    assert Path("out/c.tsv").read_text() == "mine"


def test_outputs_of_several_taggers_in_one_folder() -> None:
    run(2, tagger="x")
    run(tagger="y")
    assert [resumed(tagger)[0] for tagger in "xyz"] == ["cd", "ab", "abcd"]
    run(tagger="z", force=True, text="other")
    assert [resumed(tagger)[0] for tagger in "xyz"] == ["abcd", "abcd", ""]


def test_a_run_that_dies_before_an_output_has_its_name() -> None:
    run(2)
    outputs = Outputs(planned(), manifest := Manifest(OUT, "y"), force=True)
    for job in outputs.pending[:3]:  # of two there is an older output
        manifest.record(job, "source", "0" * 64)
    manifest.close()
    assert resumed() == ("cd", [])
    assert resumed("y")[0] == "abcd"


@pytest.mark.parametrize("cut", [0, 1, 9, 60])
def test_a_line_that_is_torn_proves_nothing(cut: int) -> None:
    run(1)
    path = OUT / MANIFEST_NAME
    path.write_bytes(path.read_bytes()[: -cut or None])
    assert resumed() == (("bcd", []) if cut == 0 else ("bcd", [f"kept: out/a.tsv, {KEPT}"]))
    run(resume=True)  # whose lines are whole
    assert resumed()[0] == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [("output", ["a.tsv"]), ("output", "b.tsv"), ("sha256", None), ("sha256", []), ("sha256", "0" * 64), ("run", {})],
)
def test_lines_of_odd_values_prove_nothing(name: str, value: object) -> None:
    run(1)
    path = OUT / MANIFEST_NAME
    header, line = path.read_text().split()[:2], path.read_text().splitlines()[-1]
    path.write_text("\n".join([" ".join(header), json.dumps({**json.loads(line), name: value})]))
    assert resumed() == ("bcd", [f"kept: out/a.tsv, {KEPT}"])


def test_a_manifest_of_the_earlier_format_proves_nothing() -> None:
    OUT.mkdir()
    Path("out/a.tsv").write_text("tagged\n")
    lines = [
        {"manifest": 2, "run": "0" * 16, "number": 1, "settings": {}},
        {"target": "a.tsv", "run": "0" * 16, "bytes": 7, "sha256": "0" * 64, "source": ["in/a.txt", 12, 1]},
    ]
    (OUT / MANIFEST_NAME).write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert resumed() == ("bcd", [f"kept: out/a.tsv, {KEPT}"])
    run(resume=True)
    assert resumed()[0] == ""


@pytest.mark.parametrize("content", ["They book flights.\n", "[" * 100_000])
def test_a_file_that_is_no_manifest_stays(content: str) -> None:
    OUT.mkdir()
    (OUT / MANIFEST_NAME).write_text(content)
    with pytest.raises(InputError, match=r"^out/tagger\.manifest is no manifest of this program; move it away$"):
        run(resume=True)
    assert [path.name for path in OUT.iterdir()] == [MANIFEST_NAME]
    assert (OUT / MANIFEST_NAME).read_text() == content


@pytest.mark.parametrize("before", [False, True])
def test_what_appears_while_the_run_goes_on_is_kept(before: bool) -> None:
    if before:
        run(1)
        Path("in/a.txt").write_text("They read.\n")
    outputs = Outputs(planned(), Manifest(OUT, "x"), resume=True)
    OUT.mkdir(exist_ok=True)
    Path("out/a.tsv").write_text("corrected\n")
    with (
        pytest.raises(InputError, match=r"out/a.tsv was made or changed while this ran; it is kept, --force"),
        outputs.open(outputs.pending[0]) as out,
    ):
        out.write("tagged\n")
    assert Path("out/a.tsv").read_text() == "corrected\n"
    assert {path.name for path in OUT.iterdir()} == {MANIFEST_NAME, "a.tsv"}


def test_a_source_that_changes_after_the_start_is_tagged_again() -> None:
    outputs = Outputs(planned(), Manifest(OUT, "x"))
    Path("in/a.txt").write_text("They read.\n")
    with outputs.open(outputs.pending[0]) as out:
        out.write("tagged\n")
    assert resumed()[0] == "abcd"


@pytest.mark.parametrize("text", [None, "They book."])
def test_what_cannot_be_read_twice_is_tagged_again(text: str | None) -> None:
    (job,) = plan_jobs(["-"], "out/", None, None).jobs
    job = job if text is None else job._replace(source="--text", text=text)
    for _ in range(2):
        outputs = Outputs([job], Manifest(OUT, "x"), resume=True)
        assert outputs.pending == [job]
        with outputs.open(job) as out:
            out.write("tagged\n")
    Path("out/stdin.tsv").write_text("corrected\n")
    assert Outputs([job], Manifest(OUT, "x"), resume=True).foreign == [job]


def test_a_single_output_has_no_manifest() -> None:
    (job,) = plan_jobs(["in/a.txt"], "x.tsv", None, None).jobs
    outputs = Outputs([job], None)
    with outputs.open(job) as out:
        out.write("tagged\n")
    assert Path("x.tsv").read_text() == "tagged\n"
    assert Outputs([job], None).messages == ["kept: x.tsv; --force replaces what exists"]
    assert Outputs([job], None, force=True).pending == [job]
    for manifest, force in ((None, False), (Manifest(OUT, "x"), True)):
        with pytest.raises(InputError, match="-o FOLDER"):
            Outputs([job], manifest, force, resume=True)


def test_a_manifest_that_cannot_be_written_leaves_no_output() -> None:
    outputs = Outputs(planned(), Manifest(OUT, "x"))
    (OUT / MANIFEST_NAME).mkdir(parents=True)
    with pytest.raises(InputError, match=f"{MANIFEST_NAME} cannot be written"), outputs.open(outputs.pending[0]):
        pass
    assert not Path("out/a.tsv").exists()


@pytest.mark.parametrize(
    ("folder", "message"),
    [
        ("in/a.txt", r"-o in/a\.txt/: in/a\.txt is a file; name a folder"),
        ("in/a.txt/new", r"-o in/a\.txt/new/: in/a\.txt is a file"),
        ("in", "-o in/: in cannot be written: Permission denied"),
        ("in/new/folder", "-o in/new/folder/: in cannot be written"),
    ],
)
def test_a_folder_that_cannot_be_written_is_an_error_at_once(
    folder: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write everywhere
    with pytest.raises(InputError, match=message):
        Outputs(plan_jobs(["in"], folder + "/new", None, None).jobs, Manifest(Path(folder), "x"))


def _write(place: str) -> None:
    outputs = Outputs(planned(), Manifest(OUT, "x"))
    with outputs.open(outputs.pending[0]):
        Path(place).touch()
        multiprocessing.Event().wait()


def test_only_hidden_files_of_runs_that_were_killed_are_removed() -> None:
    run(1)
    ended, unknown = json.loads((OUT / MANIFEST_NAME).read_text().splitlines()[1])["run"], "0" * 16
    kept = [f".a.tsv.{unknown}ab12cd34.part", ".a.tsv.x1y2z3w4.part", "a.tsv.part", f".{ended}"]
    for name in (f".a.tsv.{ended}ab12cd34.part", f".d.tsv.{ended}ab12cd34.part", *kept):
        (OUT / name).write_text("half")
    process = multiprocessing.get_context("fork").Process(target=_write, args=("started",))
    Path("out/a.tsv").unlink()
    process.start()
    while not Path("started").exists():
        process.join(0.01)
    resumed()
    (alive,) = {path.name for path in OUT.glob(".*")} - set(kept)  # a run goes on
    process.kill()
    process.join()
    resumed()
    assert not (OUT / alive).exists()
    assert {path.name for path in OUT.iterdir()} == {*kept, MANIFEST_NAME}


def test_a_run_of_this_process_goes_on() -> None:
    outputs = Outputs(planned(), Manifest(OUT, "x"))
    with outputs.open(outputs.pending[0]) as out:
        out.write("tagged\n")
        resumed()
    assert resumed()[0] == "bcd"


def test_runs_at_the_same_time_make_what_one_makes() -> None:
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda shard: run(shard=shard), SHARDS))
    found = {path.as_posix(): path.read_text() for path in OUT.rglob("*.tsv")}
    assert found == {str(job.target): f"{job.source} tagged\n" for job in planned()}
    assert {path.name for path in OUT.glob("tagger*")} <= {f"{MANIFEST_NAME}.{n}-of-3" for n in (1, 2, 3)}
    for shard in (*SHARDS, Shard(1, 2), None):
        assert made(run(shard=shard, resume=True)) == ""
    shutil.rmtree(OUT)
    one, two = (Outputs(planned(), Manifest(OUT, "x")) for _ in range(2))  # without shards
    for outputs, number in ((one, 0), (two, 1), (one, 2), (two, 3)):
        with outputs.open(outputs.pending[number]) as out:
            out.write("tagged\n")
    assert resumed() == ("", [])


def test_runs_with_other_shards_or_none_know_the_outputs() -> None:
    shard = next(shard for shard in SHARDS if 0 < len(planned(shard)) < 4)
    run(shard=shard)
    own = {job.source for job in planned(shard)}
    rest = [job.source for job in planned() if job.source not in own]
    assert [job.source for job in run(1, resume=True).pending] == rest
    for number in (1, 2):
        pending = run(shard=Shard(number, 2), resume=True).pending
        assert {job.source for job in pending} <= set(rest[1:])
    assert resumed() == ("", [])


def test_a_digest_tells_taggers_and_settings_apart(trained: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(trained, copy)
    (copy / "README.md").write_text("another card")
    assert fingerprint(copy) == fingerprint(trained)
    (tmp_path / "words.tsv").write_text("They\tPRON\n")
    words, plain = {"": "words.tsv"}, ("float32", None, None, Options(), "auto", None, None, {}, "exact")
    runs: list[tuple[object, ...]] = [
        plain,
        ("bfloat16", *plain[1:]),
        ("float32", "lines", *plain[2:]),
        ("float32", None, "csv", *plain[3:]),
        *((*plain[:3], options, *plain[4:]) for options in (Options(top=2), Options("latin-1"), Options("utf-8", "|"))),
        (*plain[:4], "english", *plain[5:]),
        (*plain[:5], "UD_A", *plain[6:]),
        *((*plain[:6], keep, {}, "exact") for keep in ([], ["upos=2"])),
        *((*plain[:7], words, case) for case in ("exact", "first")),
    ]

    def digests() -> list[str]:
        return [tagger_digest(copy, *values) for values in runs]  # type: ignore[arg-type]

    before = digests()
    assert len(set(before)) == len(runs)
    assert before == digests()
    (tmp_path / "words.tsv").write_text("They\tNOUN\n")
    assert [old != new for old, new in zip(before, digests(), strict=True)] == [words in values for values in runs]
    (copy / "config.json").write_text((copy / "config.json").read_text() + " ")
    assert not set(before) & set(digests())


def test_an_output_that_is_edited_while_sources_are_compared_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    run()
    Path("in/a.txt").write_text("Another text.\n")
    edited = Path("out/a.tsv")

    def compared(job: Job) -> str:
        edited.write_text("mine\n")
        return source_digest(job)

    monkeypatch.setattr(outputs_module, "source_digest", compared)
    outputs = Outputs(planned(), Manifest(OUT, "x"), resume=True)
    (job,) = outputs.pending
    with pytest.raises(InputError, match="was made or changed while this ran; it is kept"), outputs.open(job) as out:
        out.write("tagged\n")
    assert edited.read_text() == "mine\n"


def test_a_line_of_other_kinds_of_values_is_no_record() -> None:
    run(1)
    with next(OUT.glob("tagger*")).open("a") as lines:
        lines.write("\n" + json.dumps({"output": "a.tsv", "source": [1], "tagger": "x", "sha256": {}}) + "\n")
    assert resumed() == ("bcd", [])


def test_a_remote_source_of_unknown_version_has_no_digest() -> None:
    job = planned()[0]._replace(source="https://x.org/a.txt")
    assert source_digest(job._replace(listed=RemoteFile(job.source, 0, ""))) == ""
    assert source_digest(job._replace(listed=RemoteFile(job.source, 7, "e1"))) == "7 e1"


def test_standard_input_has_no_digest_even_if_a_file_has_its_name() -> None:
    Path("-").write_text("a file")
    assert source_digest(planned()[0]._replace(source="-")) == ""


def test_a_remote_name_with_an_empty_part_stays_below_its_folder() -> None:
    place = RemotePath("s3://books/in//tmp/x.txt").relative_to(RemotePath("s3://books/in"))
    assert str(place) == "tmp/x.txt"

"""Files and datasets on a real Ray of this machine, with an actor that is killed."""

import gzip
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow
import pytest

pytest.importorskip("ray", reason="the extra `ray` has Ray")

from tagger.adapters import ray_files
from tagger.adapters.batches import BatchTagger
from tagger.adapters.ray import tag_dataset, tag_files
from tagger.adapters.ray_cluster import connected, ray
from tagger.adapters.ray_dataset import TableTagger
from tagger.adapters.ray_ledger import Ledger, Origin
from tagger.errors import InputError
from tagger.tagging.bulk import Options
from tagger.tagging.jobs import MANIFEST_NAME, Job
from tagger.tagging.workers import WorkersDied
from tests.commands.conftest import call, error

ROOT = Path(__file__).resolve().parents[2]
TEXT = "They book flights {}. The book reads well.\n\n"


@pytest.fixture(scope="module", autouse=True)
def _ray() -> Iterator[None]:
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), before]))  # where the actors find `tagger`
    with connected("local", cpus=1):
        yield
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Files of several formats and sizes, one of which cannot be read."""
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    for number in range(12):
        path = folder / ("deep" if number % 3 else ".") / f"{number}.txt"
        path.write_text("".join(TEXT.format(number + line) for line in range(1 + 30 * (number % 4))))
    (folder / "large.txt").write_text("".join(TEXT.format(line) for line in range(9_000)))
    (folder / "packed.txt.gz").write_bytes(gzip.compress(b"The book reads well.\n"))
    (folder / "given.conllu").write_text("1\tThey\t_\tPRON\tPRP\t_\t_\t_\t_\t_\n\n")
    (folder / "empty.txt").write_text("")
    (folder / "latin.txt").write_bytes("They book.\n\nCafé.\n".encode("latin-1"))
    return folder


def content(folder: Path) -> dict[str, bytes]:
    """All files of a folder, hidden ones too, but for the manifest."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST_NAME]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_outputs_messages_and_status_are_those_of_a_run_without_ray(
    trained: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_files, "LARGE_FILE", 100_000)  # so that the actors share a file
    monkeypatch.chdir(tmp_path)
    command = ["tag", "in", "--model", str(trained), "--output", "conllu", "-o"]
    local = call(*command, "local", "--workers", "1", status=2)
    on_ray = call(*command, "ray", "--workers", "2", "--engine", "ray", status=2)
    assert on_ray.stderr == local.stderr
    assert "latin.txt, line 3" in on_ray.stderr
    expected = content(tmp_path / "local")
    assert len(expected) == 16
    assert content(tmp_path / "ray") == expected
    for folder in ("local", "ray"):  # the one goes on with what the other did
        (tmp_path / folder / "deep" / "1.conllu").unlink()
    resumed = call(*command, "ray", "--workers", "1", "--resume", status=2)
    assert "15 of 17 outputs are finished" in resumed.stderr
    options = {"output": "conllu", "actors": 1, "resume": True}
    found = tag_files(["in"], "local", trained, **options)  # type: ignore[arg-type]
    assert found.messages == ["resuming: 15 of 17 outputs are finished"]
    assert (found.files, found.words, list(found.errors)) == (1, 31 * 10, ["in/latin.txt"])
    assert content(tmp_path / "ray") == content(tmp_path / "local") == expected


def actors() -> list[int]:
    """The processes of actors that this process has started."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended
            continue
        children.setdefault(parent, []).append(int(path.name))
    waiting, found = [os.getpid()], []
    while waiting:
        for child in children.get(waiting.pop(), []):
            waiting.append(child)
            try:
                if "TaggingActor" in Path(f"/proc/{child}/cmdline").read_text():
                    found.append(child)
            except OSError:
                pass
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc to find the actors")
def test_a_killed_actor_loses_and_doubles_nothing(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_files, "LARGE_FILE", 400_000)
    sources, out = tmp_path / "in", tmp_path / "out"
    sources.mkdir()
    for number in range(30):
        (sources / f"{number}.txt").write_text("".join(TEXT.format(line) for line in range(600)))
    for name in ("large.txt", "larger.txt"):
        (sources / name).write_text("".join(TEXT.format(line) for line in range(12_000)))
    call("tag", str(sources), "--model", str(trained), "--workers", "2", "-o", str(tmp_path / "whole"))
    chance = random.Random(3)
    killed: list[int] = []
    ended = threading.Event()
    made: dict[Path, int] = {}
    made_again: list[Path] = []

    def kill() -> None:
        while not ended.is_set():
            for path in out.glob("*.tsv"):
                changed = path.stat().st_mtime_ns
                if made.setdefault(path, changed) != changed:
                    made_again.append(path)
            found = actors()
            if out.exists() and any(out.glob(".*.part")) and found and not killed:
                time.sleep(chance.random() * 0.3)
                killed.append(chance.choice(found))
                os.kill(killed[-1], signal.SIGKILL)
            time.sleep(0.05)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        done = tag_files([sources], out, trained, actors=2)
    finally:
        ended.set()
        killer.join()
    assert killed
    assert (done.files, done.errors, made_again) == (32, {}, [])
    assert content(out) == content(tmp_path / "whole")


def test_what_goes_wrong_is_said_in_one_line(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text("They book.\n")
    on_ray = ["--engine", "ray", "--model", str(trained)]
    assert "standard input is none" in error("tag", "-", "-o", "out/", *on_ray, input="They book.\n")
    assert "standard output is none" in error("tag", "a.txt", *on_ray)
    assert "--review-below does not go with" in error("tag", "a.txt", "--review-below", "0.5", *on_ray)
    assert "--shard does not go with" in error("tag", "a.txt", "-o", "out/", "--shard", "1/2", *on_ray)
    assert "add --engine ray" in error("tag", "a.txt", "--address", "auto", "--model", str(trained))
    assert "/dev/null is no regular file" in error("tag", "a.txt", "-o", "/dev/null", *on_ray)
    monkeypatch.setattr(ray_files, "START_SECONDS", 1)
    pool = {"cpus": 1000, "actors": 1}
    with pytest.raises(InputError, match="each needs 1000 CPUs"):
        tag_files(["a.txt"], "out", trained, **pool)  # type: ignore[arg-type]
    assert sorted(os.listdir("out")) == [MANIFEST_NAME]


@pytest.mark.parametrize(
    ("paths", "pool", "message"),
    [
        ([], {}, "paths is empty; name files or folders"),
        ("nowhere.txt", {}, "nowhere.txt: no such file or folder"),
        (["a.txt"], {"actors": 0}, "actors=0: give at least 1"),
        (["a.txt"], {"cpus": -1}, "cpus=-1: give a number from 0"),
    ],
)
def test_arguments_that_make_no_sense(paths: Any, pool: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        tag_files(paths, tmp_path / "out", **pool)
    assert not (tmp_path / "out").exists()


def test_ledger(tmp_path: Path) -> None:
    job = Job("a.txt", "text", tmp_path / "a.tsv", "tsv")
    ledger = Ledger(None, Origin.here())
    assert not ledger.is_made(job)
    ledger.add(job, 5, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")
    assert not ledger.is_made(job)  # listed, but the actor died before it gave it its name
    (tmp_path / "a.tsv").write_text("hello")
    assert ledger.is_made(job)
    (tmp_path / "a.tsv").write_text("Hello")
    assert not ledger.is_made(job)
    assert [ledger.begin("a"), ledger.begin("b"), ledger.begin("a")] == [1, 1, 2]
    ledger.end("a")
    assert ledger.begin("a") == 1
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    orphan = Ledger(None, Origin.here()._replace(pid=child))
    with pytest.raises(WorkersDied, match="has ended"):
        orphan.add(job, 5, "")


def test_options_of_files(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("They book.\n", encoding="utf-16")
    options = Options(encoding="utf-16", probabilities=True)
    done = tag_files([tmp_path / "a.txt"], tmp_path / "out", trained, output="jsonl", options=options, actors=1)
    assert done.files == 1
    assert "upos_probabilities" in (tmp_path / "out" / "a.jsonl").read_text()


def test_columns_of_a_dataset(trained: Path) -> None:
    texts = ["They book flights. The book reads well.", None, "Well"] * 20
    dataset = ray.data.from_items([{"number": n, "text": text} for n, text in enumerate(texts)]).repartition(3)
    tagged = tag_dataset(dataset, trained, tags=["upos"], probabilities=True, actors=2, batch_size=7)
    rows = sorted(tagged.take_all(), key=lambda row: row["number"])
    expected = BatchTagger(trained, tags=["upos"], probabilities=True)({"text": texts})
    for name, values in expected.items():
        assert [row[name] for row in rows] == values
    nothing = ray.data.from_items([])
    assert tag_dataset(nothing, trained).take_all() == []


def test_tables(trained: Path) -> None:
    def tagged(**columns: Any) -> pyarrow.Table:
        return TableTagger(BatchTagger(trained, "x", tags=["upos"]))(pyarrow.table(columns))

    words = pyarrow.array([["They", "book"], None])
    assert tagged(x=words).to_pydict() == {"x": words.to_pylist(), "upos": [["PRON", "VERB"], None]}
    assert tagged(x=pyarrow.array([None, None])).to_pydict() == {name: [None, None] for name in ("x", "tokens", "upos")}
    without_rows = tagged(x=pyarrow.array([], pyarrow.large_string())).schema
    assert without_rows == tagged(x=pyarrow.array(["Well", None], pyarrow.large_string())).schema
    with pytest.raises(InputError, match="'x' has values of the type int64"):
        tagged(x=pyarrow.array([1]))
    with pytest.raises(InputError, match="there is no column 'x'; there are 'y'"):
        tagged(y=words)
    with pytest.raises(InputError, match="there is a column 'upos' already"):
        tagged(x=words, upos=words)


def test_without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("tagger.adapters.ray")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"pip install -e '\.\[ray\]'"):
        import tagger.adapters.ray  # noqa: F401

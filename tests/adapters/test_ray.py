"""Files and datasets on a real Ray of this machine, with a process that is killed."""

import gzip
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow
import pytest

pytest.importorskip("ray", reason="the extra `ray` has Ray")

from tagger.adapters.batches import BatchTagger
from tagger.adapters.ray import TableTagger, tag_dataset, tag_files
from tagger.errors import InputError
from tagger.jobs import ray_cluster
from tagger.jobs.bulk import Options
from tagger.jobs.jobs import MANIFEST_NAME
from tagger.jobs.ray_cluster import connected, ray
from tests.commands.conftest import call, error

ROOT = Path(__file__).resolve().parents[2]
TEXT = "They book flights {}. The book reads well.\n\n"


@pytest.fixture(scope="session")
def _ray() -> Iterator[None]:
    """One Ray, whose processes find `tagger`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
        with connected("local", cpus=1):
            yield


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Files of several formats and sizes, one of which cannot be read."""
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    for number in range(6):
        path = folder / ("deep" if number % 3 else ".") / f"{number}.txt"
        path.write_text("".join(TEXT.format(number + line) for line in range(1 + 30 * (number % 4))))
    (folder / "large.txt").write_text("".join(TEXT.format(line) for line in range(3_000)))
    (folder / "packed.txt.gz").write_bytes(gzip.compress(b"The book reads well.\n"))
    (folder / "given.conllu").write_text("1\tThey\t_\tPRON\tPRP\t_\t_\t_\t_\t_\n\n")
    (folder / "empty.txt").write_text("")
    (folder / "latin.txt").write_bytes("They book.\n\nCafé.\n".encode("latin-1"))
    return folder


def content(folder: Path) -> dict[str, bytes]:
    """All files of a folder, hidden ones too, but for the manifest."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST_NAME]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.mark.slow
@pytest.mark.usefixtures("_ray")
def test_outputs_messages_and_status_are_those_of_a_run_without_ray(
    trained: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_cluster, "LARGE_FILE", 40_000)  # so that the text of a file comes in several parts
    monkeypatch.chdir(tmp_path)
    command = ["tag", "in", "--model", str(trained), "--output", "conllu", "-o"]
    local = call(*command, "local", "--workers", "1", status=2)
    on_ray = call(*command, "ray", "--workers", "2", "--engine", "ray", status=2)
    assert on_ray.stderr == local.stderr
    assert "latin.txt, line 3" in on_ray.stderr
    expected = content(tmp_path / "local")
    assert len(expected) == 10
    assert content(tmp_path / "ray") == expected
    for folder in ("local", "ray"):  # the one goes on with what the other did
        (tmp_path / folder / "deep" / "1.conllu").unlink()
    resumed = call(*command, "ray", "--workers", "1", "--resume", status=2)
    assert "9 of 11 outputs are finished" in resumed.stderr
    options = {"output": "conllu", "actors": 1, "resume": True}
    found = tag_files(["in"], "local", trained, **options)  # type: ignore[arg-type]
    assert found.messages == ["resuming: 9 of 11 outputs are finished"]
    assert (found.files, found.words, list(found.errors)) == (1, 31 * 10, ["in/latin.txt"])
    assert content(tmp_path / "ray") == content(tmp_path / "local") == expected


def reader_of(path: Path, after: int = 0) -> int:
    """Waits until another process has a pipe open, after one that was killed."""
    while True:
        for link in Path("/proc").glob("[0-9]*/fd/*"):
            with suppress(OSError):  # it has ended, or has closed the file
                if int(link.parts[2]) not in (os.getpid(), after) and link.readlink() == path:
                    return int(link.parts[2])
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.usefixtures("_ray")
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc to find the process that reads a pipe")
def test_the_files_of_a_killed_process_are_tagged_by_another(trained: Path, tmp_path: Path) -> None:
    """A pipe holds the process in the middle of its files until it is killed."""
    options = Options(encoding="utf-16", probabilities=True)
    sources = [tmp_path / f"{name}.txt" for name in "abc"]
    for source in sources:
        source.write_text(TEXT.format(1) * 20, encoding="utf-16")
    tag_files(sources, tmp_path / "whole", trained, output="jsonl", options=options, actors=1)
    sources[1].unlink()
    os.mkfifo(sources[1])

    def write() -> None:
        with sources[1].open("wb") as pipe:
            killed = reader_of(sources[1])
            os.kill(killed, signal.SIGKILL)
            reader_of(sources[1], after=killed)
            pipe.write((TEXT.format(1) * 20).encode("utf-16"))

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    done = tag_files(sources, tmp_path / "out", trained, output="jsonl", options=options, actors=1)
    writer.join()
    assert (done.files, done.words, done.errors) == (3, 3 * 20 * 10, {})
    assert content(tmp_path / "out") == content(tmp_path / "whole")
    assert all(b"upos_probabilities" in made for made in content(tmp_path / "out").values())


@pytest.mark.usefixtures("_ray")
def test_a_cluster_that_cannot_start_a_task(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text("They book.\n")
    monkeypatch.setattr(ray_cluster, "START_SECONDS", 0.2)
    with pytest.raises(InputError, match=r"no task within 0\.2 seconds; each needs 1000 CPUs"):
        tag_files([tmp_path / "a.txt"], tmp_path / "out", trained, cpus=1000, actors=1)
    assert content(tmp_path) == {"a.txt": b"They book.\n"}


@pytest.mark.usefixtures("_ray")
def test_columns_of_a_dataset(trained: Path) -> None:
    texts = ["They book flights. The book reads well.", None, "Well"] * 20
    dataset = ray.data.from_items([{"number": n, "text": text} for n, text in enumerate(texts)]).repartition(3)
    tagged = tag_dataset(dataset, trained, tags=["upos"], probabilities=True, batch_size=7)
    rows = sorted(tagged.take_all(), key=lambda row: row["number"])
    expected = BatchTagger(trained, tags=["upos"], probabilities=True)({"text": texts})
    for name, values in expected.items():
        assert [row[name] for row in rows] == values


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-", "-o", "out/", "--engine", "ray"], "standard input is none; name files or folders"),
        (["a.txt", "--engine", "ray"], "standard output is none; name a folder: -o FOLDER/"),
        (["a.txt", "--engine", "ray", "--review-below", "0.5"], "--review-below does not go with --engine ray"),
        (["a.txt", "--engine", "ray", "-o", "out/", "--shard", "1/2"], "--shard does not go with --engine ray"),
        (["a.txt", "-o", "out/", "--address", "auto"], "--address auto is that of a Ray cluster; add --engine ray"),
        (["a.txt", "--engine", "ray", "-o", "/dev/null"], "/dev/null is no regular file"),
    ],
)
def test_options_that_do_not_go_together(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text("They book.\n")
    assert message in error("tag", *arguments, input="They book.\n")
    assert os.listdir() == ["a.txt"]


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


def test_no_cluster_at_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    for address in ("127.0.0.1:1", "ray://127.0.0.1:1"):
        with pytest.raises(InputError, match=f"no Ray cluster answers at {address} .*; start one"), connected(address):
            pass


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
    for name in ("tagger.adapters.ray", "tagger.jobs.ray_cluster"):
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"pip install -e '\.\[ray\]'"):
        import tagger.adapters.ray  # noqa: F401

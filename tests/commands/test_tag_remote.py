"""`tag` with URLs: a server that speaks S3 and one that speaks HTTP, both in this process."""

import functools
import gzip
import http.server
import logging
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import fsspec
import pytest
import s3fs
from moto.server import ThreadedMotoServer

from tagger.errors import InputError
from tagger.jobs.plan import plan_jobs
from tagger.text.files import list_remote, read_lines, upload
from tests.commands.conftest import call, error, files

zstd = pytest.importorskip("backports.zstd" if sys.version_info < (3, 14) else "compression.zstd")
BUCKET = "s3://books"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The URL of a server that speaks S3."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    moto = ThreadedMotoServer("127.0.0.1", 0)
    moto.start()
    host, port = moto.get_host_and_port()
    yield f"http://{host}:{port}"
    moto.stop()


@pytest.fixture
def s3(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The storage, with an empty bucket."""
    own = {"ENDPOINT_URL": server, "ACCESS_KEY_ID": "name", "SECRET_ACCESS_KEY": "word", "DEFAULT_REGION": "us-east-1"}
    for name, value in (own | {"MAX_ATTEMPTS": "1"}).items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    s3fs.S3FileSystem.clear_instance_cache()
    storage = s3fs.S3FileSystem(use_listings_cache=False)
    storage.mkdir("books")
    yield storage
    storage.rm("books", recursive=True)
    s3fs.S3FileSystem.clear_instance_cache()


def text(number: int) -> str:
    return f"They book flights {number}. The book reads well.\n\n" * (1 + number % 7)


def fill(s3: Any, count: int) -> None:
    """Texts in the storage and the same here, in the folder in."""
    for number in range(count):
        ending, pack = (("", bytes), (".gz", gzip.compress), (".zst", zstd.compress))[number % 3]
        path = Path("in", f"{number % 2}", f"{number}.txt{ending}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pack(text(number).encode()))
    s3.put("in", "books/in", recursive=True)
    s3.pipe_file("books/in/.hidden/x.txt", b"They")
    s3.pipe_file("books/in/0/", b"")  # as consoles make folders


def outputs(s3: Any) -> dict[str, bytes]:
    return {name.removeprefix("books/out/"): s3.cat_file(name) for name in s3.find("books/out")}


def test_from_there_to_there_and_back_in_shards_that_keep_what_exists(model: Path, s3: Any) -> None:
    fill(s3, 8)
    options = ["--model", str(model), "--workers", "1"]
    call("tag", "in", "-o", "whole", *options)
    whole = files("whole")
    assert set(whole) >= {"0/0.tsv", "1/1.tsv.gz", "0/2.tsv.zst"}
    into = ["tag", f"{BUCKET}/in/", "-o", f"{BUCKET}/out/", *options]
    for number in (1, 2, 3):
        call(*into, "--shard", f"{number}/3")
    assert outputs(s3) == whole
    s3.rm("books/out/0/0.tsv")
    s3.pipe_file("books/out/1/3.tsv", b"mine")
    assert f"kept: {BUCKET}/out/0/2.tsv.zst and 6 more; --force replaces what exists" in call(*into).stderr
    assert outputs(s3) == {**whole, "1/3.tsv": b"mine"}
    call(*into, "--force")
    assert outputs(s3) == whole
    call("tag", f"{BUCKET}/in", "-o", "back", *options)
    assert files("back") == whole
    call("tag", f"{BUCKET}/in/1/1.txt.gz", "-o", f"{BUCKET}/one.tsv", *options)
    assert s3.cat_file("books/one.tsv") == gzip.decompress(whole["1/1.tsv.gz"])
    assert call("tag", f"{BUCKET}/in/0/0.txt", *options).stdout.encode() == whole["0/0.tsv"]


def test_what_cannot_be_reached_is_named(model: Path, s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("fsspec.filesystem", Mock(side_effect=ImportError("Install gcsfs")))
        said = error("tag", "gs://books/a.txt")
    assert said == "error: gs://books/a.txt: the package gcsfs is not installed; run pip install gcsfs"
    s3.pipe_file("books/a.txt", b"They book.")
    for line, said in (
        (f"tag {BUCKET}/none.txt", f"error: {BUCKET}/none.txt: no such file or folder"),
        (f"tag {BUCKET}/a.txt -o s3://nowhere/out/", "error: s3://nowhere/out/a.tsv: no such file or bucket"),
        (f"evaluate {BUCKET}/none.conllu", f"error: {BUCKET}/none.conllu: no such file"),
    ):
        assert error(*line.split(), "--model", str(model)).startswith(said)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    s3fs.S3FileSystem.clear_instance_cache()
    said = error("tag", f"{BUCKET}/a.txt", "--model", str(model))
    assert said.startswith(f"error: {BUCKET}/a.txt cannot be reached (")
    assert said.endswith("; check the connection")


def test_an_upload_that_fails_leaves_nothing(s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "large").write_bytes(os.urandom(12 << 20))
    monkeypatch.setattr(s3fs.core, "calculate_chunksize", lambda *_, **__: 5 << 20)
    upload(tmp_path / "large", f"{BUCKET}/large")
    assert s3.info("books/large")["ETag"].endswith('-3"')  # of three parts
    own = s3fs.S3FileSystem._call_s3

    async def fails(self: Any, method: str, *arguments: Any, **options: Any) -> Any:
        if method == "upload_part" and options["PartNumber"] == 2:
            raise OSError("the line is cut")
        return await own(self, method, *arguments, **options)

    monkeypatch.setattr(s3fs.S3FileSystem, "_call_s3", fails)
    before = s3.cat_file("books/large")
    (tmp_path / "large").write_bytes(os.urandom(12 << 20))
    for name in ("large", "other"):
        with pytest.raises(InputError, match=rf"{BUCKET}/{name} cannot be reached \(the line is cut\)"):
            upload(tmp_path / "large", f"{BUCKET}/{name}")
    assert s3.cat_file("books/large") == before
    assert not s3.exists("books/other")
    assert s3.call_s3("list_multipart_uploads", Bucket="books").get("Uploads", []) == []


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def send_head(self) -> Any:
        return super().send_head() if "closed" not in self.path else self.send_error(403)

    def log_message(self, *_: object) -> None:
        pass


def test_http(model: Path, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "a book.txt").write_text(text(3))
    (tmp_path / "site" / "b.txt.gz").write_bytes(gzip.compress(text(4).encode()))
    (tmp_path / "a.txt").write_text(text(3))
    handler = functools.partial(_Quiet, directory=str(tmp_path / "site"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{site.server_port}"
        options = ["--model", str(model)]
        expected = call("tag", "a.txt", *options).stdout
        assert call("tag", f"{url}/a%20book.txt", *options).stdout == expected
        assert call("tag", f"{url}/a%20book.txt?x=y.pdf", "-o", "out/", *options).stdout == ""
        assert (tmp_path / "out" / "a book.tsv").read_text() == expected
        assert "".join(read_lines(f"{url}/b.txt.gz")) == text(4)
        assert list_remote(f"{url}/b.txt.gz") == {f"{url}/b.txt.gz": len(gzip.compress(text(4).encode()))}
        assert error("tag", f"{url}/none.txt", *options).endswith("/none.txt: no such file or bucket; check the name")
        assert f"{url}/closed.txt: no right to it" in error("tag", f"{url}/closed.txt", *options)
        assert "files there are only read" in error("tag", "a.txt", "-o", f"{url}/a.tsv", *options)
        site.shutdown()
    assert "cannot be reached" in error("tag", f"{url}/b.txt.gz", *options)


def test_what_goes_where_and_what_is_refused() -> None:
    memory = fsspec.filesystem("memory")  # a storage of this process
    memory.store.clear()
    memory.pseudo_dirs[:] = [""]
    for name in ("a.txt", "b/c.txt.gz", "b/e f.txt", "b/ü[1]*?#%20.txt", "picture.png", ".hidden/x.txt", "b/.y.txt"):
        memory.pipe_file(f"/in/{name}", b"They")
        Path("in", name).parent.mkdir(parents=True, exist_ok=True)
        Path("in", name).write_bytes(b"They")

    def plan(source: str, to: str) -> list[tuple[str, str | None]]:
        return [(job.source, job.target) for job in plan_jobs([source], to, None, None).jobs]

    here = plan("in", "out")
    assert len(here) == 4
    for before, after in (("memory://", ""), ("", "memory://"), ("memory://", "memory://")):
        assert plan(f"{before}in", f"{after}out") == [(f"{before}{one}", f"{after}{other}") for one, other in here]
    for source, to, target in (
        ("memory://in/a.txt", "memory://out/x.conllu", "memory://out/x.conllu"),
        ("memory://in/a.txt", "memory://out/", "memory://out/a.tsv"),
        ("memory://in/a.txt", "out/", "out/a.tsv"),
        ("in/a.txt", "memory://in", "memory://in/a.tsv"),  # there are files below it
    ):
        assert plan(source, to) == [(source, target)]
    memory.pipe_file("/in/out/old.tsv", b"They")
    assert [source for source, _ in plan("memory://in", "memory://in/out")] == [f"memory://{one}" for one, _ in here]
    memory.pipe_file("/input.txt", b"They")
    for source, to, words in (
        ("memory://in/", None, "name one for its tagged files with -o"),
        ("memory://in/", "memory://input.txt", "-o memory://input.txt is a file"),
        ("memory://input.txt", "memory://input.txt", "replaced by its own tagging"),
        ("ftp://x/a.txt", "out/", "ftp is no protocol for files here; give a path, or one of s3://, gs://"),
        ("file:///etc/passwd", "out/", "file is no protocol"),
        ("memory://in/", "https://example.org/out/", "files there are only read; write to s3:// or gs://"),
    ):
        with pytest.raises(InputError, match=words):
            plan_jobs([source], to, None, None)

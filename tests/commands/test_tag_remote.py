"""`tag` with URLs: a server that speaks S3 and one that speaks HTTP, both in this process."""

import functools
import gzip
import http.server
import io
import logging
import multiprocessing
import os
import random
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest
import s3fs
import zstandard
from moto.server import ThreadedMotoServer

from tagger.errors import InputError
from tagger.text.files import read_lines
from tagger.text.remote_path import PROTOCOLS, RemotePath, write_remote
from tests.commands.conftest import call, error

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
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "name")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "word")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    s3fs.S3FileSystem.clear_instance_cache()
    storage = s3fs.S3FileSystem(use_listings_cache=False)
    storage.mkdir("books")
    yield storage
    storage.rm("books", recursive=True)
    s3fs.S3FileSystem.clear_instance_cache()


def text(number: int) -> str:
    return f"They book flights {number}. The book reads well.\n\n" * (1 + number % 7)


def fill(s3: Any, count: int) -> Path:
    """Texts in the storage and the same here; returns the folder of those."""
    for number in range(count):
        ending = ("", ".gz", ".zst")[number % 3]
        packed = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.compress}[ending](text(number).encode())
        path = Path("in", f"{number % 2}", f"{number}.txt{ending}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(packed)
        s3.pipe_file(f"books/{path.as_posix()}", packed)
    s3.pipe_file("books/in/.hidden/x.txt", b"They")
    s3.pipe_file("books/in/0/", b"")  # as consoles make folders
    return Path("in")


def outputs(s3: Any, folder: str = "out") -> dict[str, bytes]:
    found = [name for name in s3.find(f"books/{folder}") if "/tagger.manifest/" not in name]
    return {name.removeprefix(f"books/{folder}/"): s3.cat_file(name) for name in found}


def local(folder: str) -> dict[str, bytes]:
    found = [path for path in Path(folder).rglob("*") if path.is_file() and path.name != "tagger.manifest"]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_from_there_to_there_and_back(model: Path, s3: Any) -> None:
    fill(s3, 8)
    options = ["--model", str(model), "--workers", "1"]
    call("tag", "in", "-o", "whole", *options)
    whole = local("whole")
    assert set(whole) >= {"0/0.tsv", "1/1.tsv.gz", "0/2.tsv.zst"}
    call("tag", f"{BUCKET}/in/", "-o", f"{BUCKET}/out/", *options)
    assert outputs(s3) == whole
    call("tag", f"{BUCKET}/in", "-o", "back", *options)
    assert local("back") == whole
    call("tag", "in", "-o", f"{BUCKET}/there", *options)
    assert outputs(s3, "there") == whole
    call("tag", f"{BUCKET}/in/1/1.txt.gz", "-o", f"{BUCKET}/one.tsv", *options)
    assert s3.cat_file("books/one.tsv") == gzip.decompress(whole["1/1.tsv.gz"])
    printed = call("tag", f"{BUCKET}/in/0/0.txt", *options).stdout
    assert printed.encode() == whole["0/0.tsv"]
    kept = call("tag", f"{BUCKET}/in/0/0.txt", "-o", f"{BUCKET}/one.tsv", *options)
    assert f"kept: {BUCKET}/one.tsv; --force replaces what exists" in kept.stderr


def test_resuming_and_shards(model: Path, s3: Any) -> None:
    fill(s3, 8)
    into = ["tag", f"{BUCKET}/in/", "-o", f"{BUCKET}/out/", "--model", str(model), "--workers", "1"]
    for number in (1, 2, 3):
        call(*into, "--shard", f"{number}/3")
    whole = outputs(s3)
    assert len(whole) == 8
    s3.rm("books/out/0/0.tsv")
    s3.pipe_file("books/out/1/3.tsv", b"mine")
    again = call(*into, "--resume", status=2)
    assert "resuming: 6 of 8 outputs are finished" in again.stderr
    assert f"kept: {BUCKET}/out/1/3.tsv, changed after tagging or not listed" in again.stderr
    assert outputs(s3) == {**whole, "1/3.tsv": b"mine"}
    assert "kept: " in call(*into).stderr
    call(*into, "--force")
    assert outputs(s3) == whole
    assert f"tagged again: {BUCKET}/out/0/0.tsv and 7 more, whose" in call(*into, "--resume", "--probabilities").stderr


def test_one_bad_file_does_not_stop_the_others(model: Path, s3: Any) -> None:
    fill(s3, 4)
    s3.pipe_file("books/in/0/bad.txt", b"caf\xe9")
    s3.pipe_file("books/in/0/cut.txt.zst", zstandard.compress(text(1).encode() * 99)[:-9])
    said = call("tag", f"{BUCKET}/in/", "-o", f"{BUCKET}/out/", "--model", str(model), status=2).stderr
    assert f"error: {BUCKET}/in/0/bad.txt, line 1: byte 0xe9 is not utf-8" in said
    assert f"error: {BUCKET}/in/0/cut.txt.zst, after line" in said
    assert "2 of 6 files failed; the others are tagged" in said
    assert len(outputs(s3)) == 4


def test_what_cannot_be_reached_is_named(model: Path, s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    s3.pipe_file("books/a.txt", b"They book.")
    options = ["--model", str(model)]
    Path("a.txt").write_text("They book.")
    assert error("tag", f"{BUCKET}/none.txt", *options) == f"error: {BUCKET}/none.txt: no such file or folder"
    missing = error("tag", f"{BUCKET}/a.txt", "-o", "s3://nowhere/out/", *options)
    assert missing.startswith("error: s3://nowhere/out/")
    assert "no such file or bucket" in missing
    assert "ftp is no protocol" in error("tag", "ftp://h/a.txt", *options)
    assert "no such file" in error("evaluate", f"{BUCKET}/none.conllu", *options)

    async def refused(*_: object, **__: object) -> None:
        raise PermissionError("Access Denied")

    monkeypatch.setattr(s3fs.S3FileSystem, "_put_file", refused)
    s3fs.S3FileSystem.clear_instance_cache()
    said = error("tag", "a.txt", "-o", f"{BUCKET}/a.tsv", *options)
    assert said == f"error: {BUCKET}/a.tsv: no right to it (Access Denied); " + PROTOCOLS["s3"].rights
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    s3fs.S3FileSystem.clear_instance_cache()
    said = error("tag", f"{BUCKET}/a.txt", *options)
    assert said.startswith(f"error: {BUCKET}/a.txt cannot be reached (")
    assert said.endswith("; check the connection")


def test_an_upload_that_fails_leaves_nothing(s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "large").write_bytes(os.urandom(12 << 20))
    monkeypatch.setattr(s3fs.core, "calculate_chunksize", lambda *_, **__: 5 << 20)
    write_remote(f"{BUCKET}/large", tmp_path / "large")
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
            write_remote(f"{BUCKET}/{name}", tmp_path / "large")
    assert s3.cat_file("books/large") == before
    assert not s3.exists("books/other")
    assert s3.call_s3("list_multipart_uploads", Bucket="books").get("Uploads", []) == []


@pytest.mark.slow
@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here")
def test_killed_at_random_times_and_resumed(trained: Path, s3: Any) -> None:
    fill(s3, 24)
    options = ["--model", str(trained), "--workers", "1"]
    call("tag", "in", "-o", "whole", *options)
    whole = local("whole")
    command = ["tag", f"{BUCKET}/in/", "-o", f"{BUCKET}/out/", *options, "--resume"]
    fork = multiprocessing.get_context("fork")  # a new process would import torch, which takes longer than to tag
    chance = random.Random(5)
    kills = 0
    for _ in range(3):
        before = len(outputs(s3))
        process = fork.Process(target=call, args=command)
        process.start()
        while process.is_alive() and len(s3.find("books/out")) <= before + 1:  # with the manifest
            process.join(0.05)
        process.join(chance.random() * 0.1)
        process.kill()
        process.join()
        kills += process.exitcode == -signal.SIGKILL
        found = outputs(s3)
        assert all(whole[name] == content for name, content in found.items())  # each is whole
    call(*command)
    assert kills >= 2
    assert outputs(s3) == whole


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def send_head(self) -> io.BytesIO | BinaryIO | None:
        if "closed" not in self.path:
            return super().send_head()
        self.send_error(403)
        return None

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
        assert RemotePath(f"{url}/b.txt.gz").listing[f"{url}/b.txt.gz"].version
        for name in ("none.txt", "403.txt"):
            assert error("tag", f"{url}/{name}", *options) == f"error: {url}/{name}: no such file; check the name"
        assert f"{url}/closed.txt: no right to it" in error("tag", f"{url}/closed.txt", *options)
        assert "files there are only read" in error("tag", "a.txt", "-o", f"{url}/a.tsv", *options)
        site.shutdown()
    assert "cannot be reached" in error("tag", f"{url}/b.txt.gz", *options)


@pytest.mark.parametrize(("scheme", "package"), [("s3", "s3fs"), ("gs", "gcsfs"), ("https", "aiohttp")])
def test_without_the_package(monkeypatch: pytest.MonkeyPatch, scheme: str, package: str) -> None:
    def missing(*_: object, **__: object) -> None:
        raise ImportError(f"Install {package}")

    monkeypatch.setattr("fsspec.filesystem", missing)
    said = error("tag", f"{scheme}://books/a.txt")
    assert said == f"error: {scheme}://books/a.txt: the package {package} is not installed; run pip install {package}"

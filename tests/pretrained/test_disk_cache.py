"""A cache that stays below its size: what is deleted first, and what never is."""

import os
from pathlib import Path
from threading import Event, Thread
from typing import BinaryIO

import numpy as np
import pytest

from tagger.errors import InputError
from tagger.pretrained.disk_cache import LIMIT_VARIABLE, cache_limit, cached_array, trim


def cached(folder: Path, letter: str, age: int, size: int = 100) -> Path:
    """A cached file that was last used `age` seconds ago."""
    path = folder / f"{letter * 64}.f16"
    path.write_bytes(bytes(size))
    now = path.stat().st_mtime
    os.utime(path, (now - age, now - age))
    return path


def read(path: Path, size: int = 100) -> np.ndarray:
    """A cached array, or one of ones if it is not there."""

    def compute(file: BinaryIO) -> None:
        file.write(b"\x01" * size)

    return cached_array(path, np.uint8, (size,), compute)


def names(folder: Path) -> str:
    return "".join(sorted(path.name[0] for path in folder.iterdir()))


def test_the_least_recently_used_go_first(tmp_path: Path) -> None:
    for letter, age in (("a", 10), ("b", 30), ("c", 20)):
        cached(tmp_path, letter, age)
    assert trim(tmp_path, size=100, limit=400) == 0
    assert trim(tmp_path, size=100, limit=399) == 100
    assert names(tmp_path) == "ac"
    assert trim(tmp_path, size=100, limit=250) == 100
    assert names(tmp_path) == "a"
    assert trim(tmp_path, size=1000, limit=500) == 100
    assert names(tmp_path) == ""


def test_reading_a_file_makes_it_the_last_to_go(tmp_path: Path) -> None:
    old = cached(tmp_path, "a", 30)
    cached(tmp_path, "b", 20)
    assert read(old).sum() == 0
    trim(tmp_path, size=100, limit=200)
    assert names(tmp_path) == "a"


def test_what_is_not_there_or_damaged_is_computed(tmp_path: Path) -> None:
    path = tmp_path / "new" / f"{'a' * 64}.f16"
    assert read(path).sum() == 100
    path.write_bytes(bytes(100))
    assert read(path).sum() == 0
    assert read(path, size=99).sum() == 99  # a file of another size is not what is wanted
    path.write_bytes(bytes(100))

    def compute(file: BinaryIO) -> None:
        file.write(b"\x01\x00" * 50)

    found = cached_array(path, np.int16, (5, 10), compute, is_valid=lambda array: bool(array.any()))
    assert (found.sum(), found.shape, found.flags.writeable) == (50, (5, 10), False)
    assert list(path.parent.iterdir()) == [path]


def test_only_files_of_the_cache_are_deleted(tmp_path: Path) -> None:
    kept = ["README", "x.f16", "a" * 63 + ".f16", "g" * 64 + ".f16", "a" * 64 + ".f32", "." + "b" * 40 + ".part"]
    for name in kept:
        (tmp_path / name).write_bytes(bytes(100))
    (tmp_path / ("e" * 64 + ".f16")).mkdir()
    (tmp_path / ("f" * 64 + ".f16")).symlink_to(tmp_path / "README")
    (tmp_path / ("." + "d" * 40 + ".01234567.part")).write_bytes(bytes(100))  # of a process that was killed
    assert trim(tmp_path, size=10, limit=0) == 100
    assert {path.name for path in tmp_path.iterdir()} == {*kept, "e" * 64 + ".f16", "f" * 64 + ".f16"}


def test_a_file_that_is_mapped_into_memory_stays(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    for path in (cached(tmp_path, "a", 10), tmp_path / f"{'b' * 64}.f16"):
        mapped = read(path)
        assert trim(tmp_path, size=100, limit=0) == 0
        assert mapped.sum() == (0 if path.name[0] == "a" else 100)
        del mapped
        assert trim(tmp_path, size=100, limit=0) == 100


def test_no_folder_is_an_empty_cache(tmp_path: Path) -> None:
    assert trim(tmp_path / "none", size=100, limit=0) == 0


def test_the_limit_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(LIMIT_VARIABLE, raising=False)
    assert cache_limit() == 10_000_000_000
    monkeypatch.setenv(LIMIT_VARIABLE, "0.5")
    assert cache_limit() == 500_000_000
    for bad in ("much", "-1", "nan", "inf"):
        monkeypatch.setenv(LIMIT_VARIABLE, bad)
        with pytest.raises(InputError, match=f"TAGGER_CACHE_GB='{bad}': give the size"):
            cache_limit()


def test_one_process_computes_and_the_others_wait(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    path, started, go_on, calls = tmp_path / "new" / f"{'a' * 64}.teacher", Event(), Event(), []

    def compute(file: BinaryIO) -> None:
        calls.append(path.exists())
        started.set()
        go_on.wait()
        file.write(bytes(100))

    threads = [Thread(target=cached_array, args=(path, np.uint8, (100,), compute)) for _ in range(3)]
    for thread in threads:
        thread.start()
    started.wait()
    threads[1].join(0.1)
    assert calls == [False]
    assert trim(path.parent, size=1, limit=0) == 0  # neither the lock nor what is being written goes
    go_on.set()
    for thread in threads:
        thread.join()
    assert calls == [False]
    assert list(path.parent.iterdir()) == [path]


def test_what_a_killed_process_has_locked_is_deleted(tmp_path: Path) -> None:
    (tmp_path / f"{'a' * 64}.lock").write_bytes(bytes(10))
    assert trim(tmp_path, size=10, limit=0) == 10

"""A cache that stays below its size: what is deleted first, and what never is."""

import os
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from tagger.errors import InputError
from tagger.weights.disk_cache import LIMIT_VARIABLE, alone, cache_limit, open_cached, trim


def cached(folder: Path, letter: str, age: int, size: int = 100) -> Path:
    """A cached file that was last used `age` seconds ago."""
    path = folder / f"{letter * 64}.f16"
    path.write_bytes(bytes(size))
    now = path.stat().st_mtime
    os.utime(path, (now - age, now - age))
    return path


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
    with open_cached(old, 100) as file:
        assert file is not None
    trim(tmp_path, size=100, limit=200)
    assert names(tmp_path) == "a"


def test_a_file_of_another_size_is_not_opened(tmp_path: Path) -> None:
    with open_cached(cached(tmp_path, "a", 0), 99) as file:
        assert file is None
    with open_cached(tmp_path / "none", 99) as file:
        assert file is None


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
    path = cached(tmp_path, "a", 10)
    with open_cached(path, 100) as file:
        assert file is not None
        mapped = np.memmap(file, dtype=np.uint8, mode="r")
    assert trim(tmp_path, size=100, limit=0) == 0
    assert mapped.sum() == 0
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
    path, order = tmp_path / "new" / f"{'a' * 64}.teacher", []

    def second() -> None:
        with alone(path):
            order.append("second")

    waiting = Thread(target=second)
    with alone(path):
        waiting.start()
        waiting.join(0.2)
        order.append("first")
    waiting.join()
    assert order == ["first", "second"]
    assert list(path.parent.iterdir()) == []


def test_what_a_killed_process_has_locked_is_deleted(tmp_path: Path) -> None:
    (tmp_path / f"{'a' * 64}.lock").write_bytes(bytes(10))
    assert trim(tmp_path, size=10, limit=0) == 10

"""A file gets its name when it is whole; links stay, special files are written to, the umask is not touched."""

import gzip
import os
import stat
from pathlib import Path

import pytest

from tagger.errors import InputError
from tagger.text.files import read_lines
from tagger.text.output_files import is_replaced, whole_file, whole_folder


@pytest.mark.parametrize("name", ["a.txt", "deep/er/a.txt", "猫" * 80, "a.txt.gz", "A.GZ"])
def test_whole_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with whole_file(path) as out:
        out.write("é\r\nb\n\ud800")
        assert not path.exists()
    content = path.read_bytes()
    if name.lower().endswith(".gz"):
        content = gzip.decompress(content)
    assert content == "é\r\nb\n\\ud800".encode()
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    plain = tmp_path / "plain"
    plain.touch()
    assert path.stat().st_mode == plain.stat().st_mode


@pytest.mark.parametrize(("name", "old"), [("a.txt", None), ("a.txt", "old"), ("a.txt.gz", "old")])
@pytest.mark.parametrize("error", [InputError, KeyboardInterrupt, GeneratorExit])
def test_an_error_leaves_nothing_behind(tmp_path: Path, name: str, error: type[BaseException], old: str | None) -> None:
    path = tmp_path / name
    if old:
        path.write_text(old, encoding="utf-8")
    with pytest.raises(error), whole_file(path) as out:  # noqa: PT012
        out.write("half " * 100_000)
        out.flush()
        raise error
    assert [p.name for p in tmp_path.iterdir()] == ([name] if old else [])
    assert not old or path.read_text(encoding="utf-8") == old


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz"])
def test_a_link_stays_and_its_file_is_replaced(tmp_path: Path, name: str) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    there.mkdir()
    (there / name).write_bytes(b"old")
    here.mkdir()
    (here / name).symlink_to(Path("..", "here", "next"))
    (here / "next").symlink_to(there / name)
    with whole_file(here / name) as out:
        out.write("new")
        assert (there / name).read_bytes() == b"old"
    assert {p.name for p in here.iterdir() if p.is_symlink()} == {name, "next"}
    assert [p.name for p in there.iterdir()] == [name]
    assert list(read_lines(str(here / name))) == ["new"]


def test_links_that_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("later")
    with whole_file(tmp_path / "link") as out:
        out.write("text")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "later").read_text() == "text"
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(InputError, match=r"loop cannot be written: .*links"), whole_file(tmp_path / "loop"):
        pass


@pytest.mark.skipif(not os.path.exists("/dev/fd"), reason="no names of open files here")
def test_pipes_and_open_files_are_written_to(tmp_path: Path) -> None:
    pipe, path = tmp_path / "pipe", tmp_path / "out"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with path.open("wb") as opened:
        for name in (pipe, f"/dev/fd/{opened.fileno()}"):
            inode = os.stat(name).st_ino
            assert not is_replaced(name)
            with whole_file(name) as out:
                out.write("text")
            assert os.stat(name).st_ino == inode
    assert os.read(reader, 100) == path.read_bytes() == b"text"
    os.close(reader)
    reader, writer = os.pipe()
    os.close(reader)
    with pytest.raises(BrokenPipeError), whole_file(f"/dev/fd/{writer}") as out:  # nobody reads
        out.write("text")
    os.close(writer)
    (tmp_path / "link").symlink_to("out")
    (tmp_path / "to null").symlink_to(os.devnull)
    names = ("out", "link", "to null", "missing", ".", "out/below")
    assert [name for name in names if is_replaced(tmp_path / name)] == ["out", "link"]


def test_the_umask_decides_who_may_read_and_is_never_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.umask(0o027)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(os, "umask", lambda mask: pytest.fail("the umask belongs to all threads"))
            with whole_file(tmp_path / "a"):
                modes = [p.stat().st_mode for p in tmp_path.iterdir()]
            with whole_folder(tmp_path / "b") as folder:
                (folder / "x").touch()
    finally:
        os.umask(before)
    assert [stat.S_IMODE(mode) for mode in [*modes, (tmp_path / "a").stat().st_mode]] == [0o640, 0o640]
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o750


@pytest.mark.parametrize(("name", "mode"), [("a.txt", 0o600), ("a.txt.gz", 0o640), ("a.txt", 0o444), ("a.gz", 0o755)])
def test_a_file_that_replaces_another_has_its_permissions(tmp_path: Path, name: str, mode: int) -> None:
    path = tmp_path / name
    path.write_text("old")
    path.chmod(mode)
    with whole_file(path) as out:
        out.write("new")
        (partial,) = [each for each in tmp_path.iterdir() if each != path]
        assert stat.S_IMODE(partial.stat().st_mode) & ~mode == 0  # nobody else reads it before it is whole
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert list(read_lines(str(path))) == ["new"]

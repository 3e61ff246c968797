"""Which files are tagged into which."""

from pathlib import Path

import pytest

from tagger.errors import InputError
from tagger.tagging.jobs import format_skipped, plan_jobs


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in (
        "in/a/book.txt",
        "in/b.conllu",
        "in/c.txt.gz",
        "in/picture.png",
        "in/.hidden/d.txt",
        "x.txt",
        "y/x.txt",
        "empty/picture.png",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    return tmp_path


def planned(*arguments: object) -> list[tuple[str, str, str | None, str]]:
    jobs = plan_jobs(*arguments).jobs  # type: ignore[arg-type]
    return [(job.source, job.input, None if job.target is None else str(job.target), job.output) for job in jobs]


def test_standard_input_is_the_default(tree: Path) -> None:
    assert planned([], None, None, None) == [("-", "text", None, "tsv")]
    assert planned(["-"], "out.jsonl", "lines", None) == [("-", "lines", "out.jsonl", "jsonl")]


def test_a_file_names_its_formats(tree: Path) -> None:
    assert planned(["in/b.conllu"], None, None, None) == [("in/b.conllu", "conllu", None, "conllu")]
    assert planned(["in/b.conllu"], "b.tsv.gz", None, None) == [("in/b.conllu", "conllu", "b.tsv.gz", "tsv")]
    assert planned(["x.txt"], "out.txt", None, None) == [("x.txt", "text", "out.txt", "tsv")]
    assert planned(["x.txt"], "out.txt", "lines", "slash") == [("x.txt", "lines", "out.txt", "slash")]


def test_a_folder_keeps_its_tree(tree: Path) -> None:
    assert planned(["in"], "out", None, None) == [
        ("in/a/book.txt", "text", "out/a/book.tsv", "tsv"),
        ("in/b.conllu", "conllu", "out/b.conllu", "conllu"),
        ("in/c.txt.gz", "text", "out/c.tsv.gz", "tsv"),
    ]
    assert len(planned(["in"], "out", "lines", None)) == 4  # an explicit format takes every file that is not hidden


def test_all_files_of_a_folder_go_into_one(tree: Path) -> None:
    sources = [("in/a/book.txt", "text", None, "tsv"), ("in/c.txt.gz", "text", None, "tsv")]
    both = [sources[0], ("in/b.conllu", "conllu", None, "conllu"), sources[1]]
    assert planned(["in"], None, None, None, True) == both
    assert planned(["in", "-"], "new.conllu", None, None, True) == [*both, ("-", "text", None, "tsv")]
    assert planned(["in"], "in/b.conllu", None, None, True) == sources
    with pytest.raises(InputError, match=r"^in/b\.conllu would be replaced by what is made of it"):
        planned(["in/b.conllu"], "in/b.conllu", None, None, True)


def test_outputs_inside_the_folder_are_no_inputs(tree: Path) -> None:
    (tree / "in" / "out").mkdir()
    (tree / "in" / "out" / "b.tsv").write_text("")
    assert all("out" not in job[0] for job in planned(["in"], "in/out", None, None))


def test_several_files_go_into_a_folder(tree: Path) -> None:
    assert [job[2] for job in planned(["x.txt", "in/b.conllu"], "out", None, "tsv")] == ["out/x.tsv", "out/b.tsv"]
    assert planned(["x.txt"], "out/", None, None)[0][2] == "out/x.tsv"


@pytest.mark.parametrize(
    ("sources", "to", "words"),
    [
        (["nowhere.txt"], None, "nowhere.txt"),
        (["x.txt", ""], "out", "'' is no file"),
        (["x.txt"], "", "-o '' is no file"),
        (["in"], None, "-o"),
        (["y"], "x.txt", "x.txt is a file"),
        (["x.txt", "in/b.conllu"], "/dev/null", "/dev/null is a file; several files need a folder"),
        (["x.txt", "in/b.conllu"], "two.tsv", "several files need a folder: -o two.tsv/"),
        (["y"], "two.csv.gz", "several files need a folder: -o two.csv.gz/"),
        (["empty"], "out", "empty: no file with one of the suffixes .txt"),
        (["x.txt", "y/x.txt"], "out", "x.txt and y/x.txt"),
        (["x.txt"], "x.txt", "replaced"),
    ],
)
def test_what_cannot_be_planned_is_refused(tree: Path, sources: list[str], to: str | None, words: str) -> None:
    with pytest.raises(InputError, match=words):
        plan_jobs(sources, to, None, None)


def test_a_folder_may_have_the_suffix_of_a_format(tree: Path) -> None:
    assert planned(["x.txt", "in/b.conllu"], "two.tsv/", None, None)[0][2] == "two.tsv/x.tsv"
    (tree / "old.tsv").mkdir()
    assert planned(["x.txt", "in/b.conllu"], "old.tsv", None, None)[0][2] == "old.tsv/x.tsv"
    assert not (tree / "two.tsv").exists()


def test_files_that_are_skipped_are_counted_by_suffix(tree: Path) -> None:
    for name in ("in/a.md", "in/a/b.MD", "in/README", "in/page.html.gz", "in/tagger.manifest", "in/.hidden/c.md"):
        (tree / name).write_text("")
    skipped = plan_jobs(["in"], "out", None, None).skipped
    assert skipped == {".png": 1, ".md": 2, "": 1, ".html": 1}
    line = format_skipped(skipped)
    assert line.startswith("skipped: 5 files whose suffix names no format (2 .md, ")
    assert "1 without a suffix" in line
    assert "--input text" in line
    assert not plan_jobs(["in"], "out", "text", None).skipped
    assert "2 others" in format_skipped({**dict.fromkeys("abcde", 2), "f": 1, "g": 1})

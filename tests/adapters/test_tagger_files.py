from pathlib import Path

import pytest

from tagger.adapters.tagger_files import TaggerFiles, segmenter_of, shared_tagger
from tagger.errors import InputError
from tests.conftest import TOKENS


def test_files_become_the_folder_again(learned: Path, tmp_path: Path) -> None:
    (copy := tmp_path / "copy").mkdir()
    for path in learned.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    (copy / "notes.txt").write_text("not a file of a tagger")
    files = TaggerFiles.read(copy)
    assert files.content == {path.name: path.read_bytes() for path in learned.iterdir()}
    files.write(tmp_path / "a" / "b")
    assert TaggerFiles.read(tmp_path / "a" / "b").digest == files.digest == TaggerFiles.read(learned).digest
    assert set(files.cutter.content) == {"config.json", "segmenter.json", "segmenter.safetensors"}
    assert files.has_tagger
    assert not files.cutter.has_tagger


def test_other_content_has_another_digest() -> None:
    contents = [
        {"config.json": b"a"},
        {"config.json": b"b"},
        {"README.md": b"a"},
        {"config.json": b"a", "README.md": b""},
    ]
    digests = {TaggerFiles(content, "").digest for content in contents}
    assert len(digests) == len(contents)


@pytest.mark.parametrize(
    "name",
    [
        "../config.json",
        "members/../../x",
        "/config.json",
        "other.json",
        "members\\..\\x",
        "C:config.json",
        "",
        "config.json\0",
    ],
)
def test_no_file_leaves_the_folder(name: str) -> None:
    with pytest.raises(InputError, match="is no file of a tagger; save the pipeline again"):
        TaggerFiles({"config.json": b"{}", name: b""}, "here")


def test_what_is_no_file_is_refused() -> None:
    for content in ({"config.json": "text"}, {1: b""}):
        with pytest.raises(InputError, match="is no file of a tagger"):
            TaggerFiles(content, "here")  # type: ignore[arg-type]


def test_files_that_cannot_be_read_or_written(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file cannot be written"):
        TaggerFiles.read(trained).write(tmp_path / "file")
    with pytest.raises(InputError, match=r"config.json is missing; save the pipeline again, or train a tagger"):
        TaggerFiles.read(tmp_path)


def test_a_tagger_is_loaded_once_while_it_is_used(trained: Path, learned: Path) -> None:
    files = TaggerFiles.read(trained)
    one = shared_tagger(files)
    assert shared_tagger(TaggerFiles.read(trained)) is one
    assert shared_tagger(TaggerFiles.read(learned)) is not one
    assert one.tag(TOKENS[0]) == ["PRON", "VERB", "NOUN", "PUNCT"]


def test_errors_name_where_the_files_come_from(trained: Path) -> None:
    content = dict(TaggerFiles.read(trained).content)
    with pytest.raises(InputError, match=r"^the saved pipeline is not a whole tagger: vocabulary.json is missing"):
        shared_tagger(TaggerFiles({k: v for k, v in content.items() if k != "vocabulary.json"}, "the saved pipeline"))


def test_a_segmenter_needs_no_network(learned: Path, trained: Path) -> None:
    for folder, name in ((learned, "learned"), (trained, "english")):
        files = TaggerFiles.read(folder).cutter
        text = ["They don't book. The book reads du des."]
        segmenter = segmenter_of(files)
        assert segmenter.name == name
        assert segmenter.segment_all(text) == shared_tagger(TaggerFiles.read(folder)).segment_all(text)

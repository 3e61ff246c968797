import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tagger.text.conllu import read_conllu
from tagger.text.files import read_lines
from tagger.text.sentence import Sentence

FOLDER = Path(__file__).resolve().parents[2] / "data" / "sample"
SPLITS = ("train", "dev", "test")


@pytest.fixture(scope="module")
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sample_build", FOLDER / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def splits() -> dict[str, list[Sentence]]:
    paths = {split: str(FOLDER / f"sample-{split}.conllu") for split in SPLITS}
    return {split: list(read_conllu(read_lines(path), path)) for split, path in paths.items()}


def write_source(folder: Path, line: str) -> Path:
    (folder / "news.txt").write_text(f"= one train\nHi~/INTJ/UH !/PUNCT/.\n{line}\n", encoding="utf-8")
    return folder


def test_sizes(splits):
    sizes = {split: len(sentences) for split, sentences in splits.items()}
    assert sum(sizes.values()) >= 150
    assert sizes["train"] > sizes["test"] > 30
    assert sizes["dev"] > 30


def test_every_sentence_has_words_and_an_id_of_its_own(splits):
    sentences = [sentence for split in SPLITS for sentence in splits[split]]
    assert all(sentence.tokens for sentence in sentences)
    ids = [c for sentence in sentences for c in sentence.comments if c.startswith("# sent_id = ")]
    assert len(ids) == len(set(ids)) == len(sentences)


def test_tags_fit_the_table(splits, build):
    pairs = {
        pair
        for sentences in splits.values()
        for sentence in sentences
        for pair in zip(sentence.tags["upos"], sentence.tags["xpos"], strict=True)
    }
    assert pairs <= build.ALLOWED


def test_train_has_every_upos(splits, build):
    seen = {tag for sentence in splits["train"] for tag in sentence.tags["upos"]}
    assert seen == set(build.PAIRS)
    assert len(seen) == 17


def test_text_is_the_words_joined(splits):
    for sentences in splits.values():
        for sentence in sentences:
            rows = [line.rstrip("\n").split("\t") for line in sentence.lines if line[0].isdigit()]
            joined = "".join(row[1] + ("" if row[9] == "SpaceAfter=No" else " ") for row in rows).rstrip(" ")
            assert f"# text = {joined}" in sentence.comments


def test_no_sentence_in_two_splits(splits):
    words = {split: {tuple(sentence.tokens) for sentence in splits[split]} for split in SPLITS}
    assert not words["train"] & words["dev"]
    assert not words["train"] & words["test"]
    assert not words["dev"] & words["test"]


def test_every_genre_is_in_every_split(splits):
    def genres(split: str) -> set[str]:
        starts = (c for sentence in splits[split] for c in sentence.comments if c.startswith("# newdoc id = "))
        return {start.removeprefix("# newdoc id = ").partition("-")[0] for start in starts}

    expected = {path.stem for path in FOLDER.glob("*.txt")}
    assert len(expected) >= 10
    assert genres("train") == genres("dev") == genres("test") == expected


def test_build_reproduces_the_files(tmp_path):
    subprocess.run([sys.executable, str(FOLDER / "build.py"), "--out", str(tmp_path)], check=True, cwd=tmp_path)
    for split in SPLITS:
        name = f"sample-{split}.conllu"
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes()


def test_readme_has_the_counts(splits):
    readme = (FOLDER.parent / "README.md").read_text(encoding="utf-8")
    sentences = [len(splits[split]) for split in SPLITS]
    words = [sum(map(len, splits[split])) for split in SPLITS]
    assert " | ".join(map(str, [f"{sentences[0]} sentences", *sentences[1:], sum(sentences)])) in readme
    assert " | ".join(map(str, [f"{words[0]} words", *words[1:], sum(words)])) in readme


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("well/ADV", "'well/ADV'"),
        ("well/ADVERB/RB", "'ADVERB'"),
        ("well/ADV/RBX", "'RBX'"),
        ("well/ADV/NN", "ADV with NN"),
        ("well~/ADV/RB", "'well~/ADV/RB'"),
        ("= two", "'= two'"),
        ("= one dev", "'one'"),
    ],
)
def test_an_error_names_file_line_and_value(tmp_path, build, capsys, line, value):
    assert build.main(["--source", str(write_source(tmp_path, line)), "--out", str(tmp_path)]) == 1
    message = capsys.readouterr().err
    assert message.startswith("news.txt, line 3: ")
    assert value in message
    assert message.count("\n") == 1
    assert not list(tmp_path.glob("*.conllu"))


def test_a_sentence_in_two_splits_is_an_error(tmp_path, build, capsys):
    source = write_source(tmp_path, "= two test\nHi~/INTJ/UH !/PUNCT/.")
    assert build.main(["--source", str(source), "--out", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("news.txt, line 4: 'Hi!' is in test")


def test_slashes_and_glue_in_words(build):
    assert build.read_word("1/2/NUM/CD", "") == build.Word("1/2", "NUM", "CD", False)
    assert build.read_word("and~/CCONJ/CC", "") == build.Word("and", "CCONJ", "CC", True)
    assert build.read_word("//SYM/SYM", "") == build.Word("/", "SYM", "SYM", False)
    assert build.read_word("~/SYM/SYM", "") == build.Word("~", "SYM", "SYM", False)

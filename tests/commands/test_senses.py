"""The command `senses`: what it prints and writes, and its mistakes."""

import json
import struct
from functools import partial
from pathlib import Path

import pytest

import tagger
from tagger.analysis.sense_scores import read_examples, sense_scores, to_json
from tagger.analysis.senses import TEXT_WIDTH
from tagger.model.vocabulary import Vocabulary
from tagger.text.strings import display_width
from tests.commands import conftest
from tests.conftest import make_network, save_tiny

EXAMPLES = Path(__file__).parents[2] / "data" / "senses.tsv"


call = partial(conftest.call, "senses")


TEXT = "\n\n".join(
    [f"The {noun} reads the book about it, $5 or $6." for noun in ("well", "flight", "dog", "cat", "man")] * 4
    + [f"They book {adverb} flights." for adverb in ("well", "no", "many", "two", "cheap")] * 4
)


@pytest.fixture
def text(tmp_path: Path) -> str:
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    return str(tmp_path / "a.txt")


def test_the_command(trained: Path, text: str, tmp_path: Path) -> None:
    options = ["--model", str(trained), "--device", "cpu"]
    result = call("Book", text, *options)
    assert "\x1b" not in result.stdout
    assert max(map(display_width, result.stdout.splitlines())) <= TEXT_WIDTH
    assert result.stdout.startswith("Book: 40 occurrences, ")
    assert result.stdout.count("[book]") >= 3
    found = json.loads(call("Book", text, *options, "--json").stdout)
    assert (found["word"], found["layer"], found["total"], found["used"]) == ("Book", "all", 40, 40)
    assert sum(group["count"] for group in found["groups"]) == 40
    members = [(each["sentence"], each["position"]) for group in found["groups"] for each in group["members"]]
    assert sorted(members) == [(i, 4 if i < 20 else 1) for i in range(40)]
    for group in found["groups"]:
        assert group["share"] == group["count"] / 40
        for example in group["examples"]:
            assert example["word"] == "book"
            assert example["file"] == text
            assert example["before"] + example["word"] + example["after"] in TEXT
        assert all(set(near) == {"word", "cosine"} for near in group["nearest"])
        assert not {near["word"] for near in group["nearest"]} & {"book", ",", ".", "$", "5"}
    assert set(found["silhouettes"]) == {"2", "3", "4", "5", "6"}
    forced = json.loads(call("book", text, *options, "--json", "--groups", "3", "--layer", "1").stdout)
    assert (len(forced["groups"]), forced["silhouettes"], forced["layer"]) == (3, {}, "1")
    tokens = call("book", "-", *options, "--input", "lines", input=TEXT.replace(".", " .")).stdout
    assert tokens.startswith("book: 40 occurrences")
    assert not list(tmp_path.glob("*.png"))


def test_a_limit_is_announced(trained: Path, text: str) -> None:
    result = call("book", text, "--limit", "10", "--json", "--model", str(trained))
    assert "10 of 40 occurrences, chosen evenly from all; see --limit" in result.stderr
    found = json.loads(result.stdout)
    assert (found["total"], found["used"]) == (40, 10)
    members = [each["sentence"] for group in found["groups"] for each in group["members"]]
    assert sorted(members) == list(range(0, 40, 4))
    assert "book: 10 of 40 occurrences" in call("book", text, "--limit", "10", "--model", str(trained)).stdout


@pytest.mark.parametrize("arguments", [["--limit", "7"], ["--layer", "0"], ["--groups", "12"]])
def test_the_picture(trained: Path, text: str, tmp_path: Path, arguments: list[str]) -> None:
    png = tmp_path / "new" / "map.png"
    call("book", text, "--png", str(png), "--model", str(trained), *arguments)
    data = png.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    assert (width, height) == (1560, 840)
    assert len(data) > 10_000


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["name a WORD and the FILEs", "--evaluate"]),
        (["book"], ["name a WORD and the FILEs"]),
        (["book", "a.txt", "--evaluate", "good.tsv"], ["--evaluate FILE stands alone"]),
        (["--evaluate", "good.tsv", "--png", "x.png"], ["--evaluate FILE stands alone"]),
        (["zebra", "a.txt"], ["'zebra' does not occur in a.txt"]),
        (["flihgts", "a.txt", "a.txt", "a.txt", "a.txt"], ["a.txt and 3 more files", "'flights'"]),
        (["book", "missing.txt"], ["missing.txt: no such file"]),
        (["book", "a.txt", "bytes.txt"], ["bytes.txt, line 1", "0xe9"]),
        (["book", "a.txt", "--layer", "9"], ["'9'", "0, 1, 2, all, mean"]),
        (["book", "a.txt", "--groups", "13", "--limit", "12"], ["only 12"]),
        (["book", "a.txt", "--png", "."], ["folder"]),
        (["book", "a.txt", "--model", "nowhere"], ["nowhere"]),
        (["--evaluate", "missing.tsv"], ["missing.tsv: no such file"]),
        (["--evaluate", "bytes.txt"], ["bytes.txt, line 1", "0xe9"]),
    ],
)
def test_bad_input_is_one_line(
    trained: Path,
    text: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    words: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bytes.txt").write_bytes(b"caf\xe9")
    before = sorted(tmp_path.iterdir())
    result = call("--model", str(trained), *arguments, status=2)
    lines = [line for line in result.stderr.splitlines() if not line.startswith(("model: ", "12 of 40 "))]
    assert len(lines) == 1, lines
    assert lines[0].startswith("error: ")
    assert all(word in lines[0] for word in words), lines
    assert sorted(tmp_path.iterdir()) == before


def test_the_command_evaluates(vocabulary: Vocabulary, tmp_path: Path) -> None:
    untagged = Vocabulary(words=vocabulary.words, characters=vocabulary.characters, tags={}, forms=vocabulary.forms)
    folder = save_tiny(tmp_path / "untagged", make_network(untagged), untagged)
    options = ["--evaluate", str(EXAMPLES), "--model", str(folder)]
    table = call(*options).stdout
    found = json.loads(call(*options, "--json").stdout)
    loaded = tagger.load(folder, "cpu", "float32")
    assert found == to_json(sense_scores(loaded, read_examples(loaded, str(EXAMPLES))))
    assert found["mean"]["0"] == pytest.approx(0.5)
    rows = {row[0]: row[1:] for row in map(str.split, table.splitlines())}
    assert rows["bank"] == [f"{100 * share:.1f}" for share in found["words"]["bank"].values()]
    assert list(rows) == ["layer", *found["words"], "mean"]

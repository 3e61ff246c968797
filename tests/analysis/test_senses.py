"""Groups of a word's occurrences: found where they are, not where they are not, and shown as they are."""

import json
import struct
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.text import Text
from typer.testing import CliRunner, Result

import tagger
from tagger import Sentence, Tagger
from tagger.analysis import figures
from tagger.analysis.located import Located, read_files
from tagger.analysis.occurrences import EvenSample, Found, Occurrence, evenly, find
from tagger.analysis.sense_scores import format_table, leave_one_out, read_examples, sense_scores, to_json
from tagger.analysis.senses import MAX_GROUPS, TEXT_WIDTH, Group, Senses, format_groups, grouped, senses, unit
from tagger.commands.app import app
from tagger.errors import InputError
from tagger.model.vocabulary import Vocabulary
from tagger.text.characters import wide
from tagger.text.readers import read
from tests.conftest import make_network, network_config, save_tiny

EXAMPLES = Path(__file__).parents[2] / "data" / "senses.tsv"


@pytest.fixture(scope="module")
def untrained(vocabulary: Vocabulary) -> Tagger:
    """Random weights: a word's vector depends on its neighbours."""
    network = make_network(vocabulary, seed=4, hidden={"forward": 16, "backward": 16})
    return Tagger(network, vocabulary, {"network": network_config(), "segmenter": "english"}, precision="float32")


def clusters(centres: int, each: int, seed: int = 0, spread: float = 0.05) -> np.ndarray:
    generator = np.random.default_rng(seed)
    middles = np.eye(12)[:centres]
    x = np.repeat(middles, each, axis=0) + spread * generator.standard_normal((centres * each, 12))
    return unit(x - x.mean(axis=0))


@pytest.mark.parametrize("centres", range(2, MAX_GROUPS + 1))
def test_clear_groups_are_found_and_counted(centres: int) -> None:
    order = np.random.default_rng(1).permutation(10 * centres)
    labels, silhouettes = grouped(clusters(centres, 10)[order])
    truth = np.repeat(np.arange(centres), 10)[order]
    assert len(set(zip(labels.tolist(), truth.tolist(), strict=True))) == centres == labels.max() + 1
    assert max(silhouettes, key=lambda k: silhouettes[k]) == centres
    assert silhouettes[centres] > 0.8
    assert set(silhouettes) == set(range(2, MAX_GROUPS + 1))


def test_the_largest_group_comes_first() -> None:
    x = clusters(3, 10)
    labels, _ = grouped(np.concatenate([x[:2], x[10:14], x[20:]]))
    assert labels.tolist() == [2] * 2 + [1] * 4 + [0] * 10


def test_without_groups_there_is_one() -> None:
    x = np.random.default_rng(3).standard_normal((200, 50))
    labels, silhouettes = grouped(unit(x - x.mean(axis=0)))
    assert set(labels.tolist()) == {0}
    assert max(silhouettes.values()) < 0.1
    for same in (np.zeros((5, 3)), np.zeros((3, 3))):
        labels, silhouettes = grouped(same)
        assert set(labels.tolist()) == {0}
        assert set(silhouettes.values()) == {0}


def test_as_many_groups_as_are_asked_for() -> None:
    for number in (1, 2, 5, 20):
        labels, silhouettes = grouped(clusters(2, 10), number)
        assert sorted(set(labels.tolist())) == list(range(number))
        assert silhouettes == {}


def test_evenly() -> None:
    assert evenly(range(10), 20) == list(range(10))
    assert evenly(range(10), 3) == [0, 3, 6]
    for count in (0, 5, 20, 21, 1000, 12345):
        some: EvenSample[int] = EvenSample(20)
        for i in range(count):
            some.add(i)
            assert len(some._kept) <= 2 * 20
        chosen = some.chosen()
        assert some.seen == count
        assert len(chosen) == min(20, count)
        assert chosen == sorted(set(chosen))
        gaps = np.diff([*chosen, count])
        assert count <= 20 or (chosen[0] == 0 and gaps.min() > 0.4 * count / 20 and gaps.max() < 2.1 * count / 20)


def located(sentences: list[list[str]], file: str = "a.txt") -> list[Located]:
    return [Located(file, number, Sentence(tokens)) for number, tokens in enumerate(sentences)]


def test_every_occurrence_is_found_in_any_case(untrained: Tagger) -> None:
    sentences = [["The", "book"], ["Book", "a", "BOOK", "books"], [], ["flights"], ["book-case", "book"]]
    found = find(untrained, "bOOk", ["a.txt"], located(sentences), 10)
    assert [(each.number, each.position) for each in found.occurrences] == [(0, 1), (1, 0), (1, 2), (4, 1)]
    assert found.total == 4
    assert found.sample == [sentence for sentence in sentences if sentence]


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("xyzzy", r"^'xyzzy' does not occur in a\.txt, b\.txt$"),
        ("flihgts", r"^'flihgts' does not occur in a\.txt, b\.txt; the most similar word that does is 'flights'$"),
        ("two words", r"several words, 'two' and 'words': give one of them$"),
        ("cannot", r"several words, 'can' and 'not': give one of them$"),
        ("flights", r"^'flights' occurs only once in a\.txt, b\.txt; 3 occurrences are needed"),
        ("well", r"^'well' occurs only twice in a\.txt, b\.txt; 3 occurrences are needed"),
    ],
)
def test_a_word_that_is_too_rare(untrained: Tagger, word: str, message: str) -> None:
    sentences = located([["They", "book", "flights"], ["Well", "well"]])
    with pytest.raises(InputError, match=message):
        find(untrained, word, ["a.txt", "b.txt"], sentences, 10)


def contexts(tagger: Tagger, noun: int, verb: int) -> Found:
    """A word in two kinds of sentences."""
    frames = [[f"n{i}", "the", "book", "reads", "flights"] for i in range(noun)]
    frames += [[f"v{i}", "They", "book", "well", "."] for i in range(verb)]
    return find(tagger, "book", ["a.txt"], located(frames), 1000)


def test_uses_of_a_word_are_told_apart(untrained: Tagger) -> None:
    found = senses(untrained, "book", contexts(untrained, 12, 8))
    assert (found.total, found.used, found.layer) == (20, 20, "all")
    assert [(group.number, group.count, group.share) for group in found.groups] == [(1, 12, 0.6), (2, 8, 0.4)]
    for group, letter, others in zip(found.groups, "nv", ({"the", "reads", "flights"}, {"they", "well"}), strict=True):
        assert {each.sentence.tokens[0][0] for each in group.members} == {letter}
        assert len(group.examples) == 3
        assert all(example in group.members for example in group.examples)
        assert {word for word, _ in group.nearest} == {"the", "reads", "flights", "they", "well"}
        cosines = [cosine for _, cosine in group.nearest]
        assert cosines == sorted(cosines, reverse=True)
        assert group.nearest[0][0] in others
    assert found.vectors.shape == (20, 64)


def test_the_form_alone_has_no_senses(untrained: Tagger) -> None:
    found = senses(untrained, "book", contexts(untrained, 12, 8), "0")
    assert [(group.count, group.share) for group in found.groups] == [(20, 1)]
    assert len(found.groups[0].examples) == 3


def test_a_sentence_is_shown_once(untrained: Tagger) -> None:
    found = find(untrained, "book", ["a"], located([["They", "book"]] * 5 + [["The", "book"]]), 1000)
    (group,) = senses(untrained, "book", found, number=1).groups
    assert [each.sentence.tokens for each in group.examples] == [["They", "book"], ["The", "book"]]


def test_more_groups_than_occurrences(untrained: Tagger) -> None:
    with pytest.raises(InputError, match="--groups 6: there are only 5 occurrences of 'book'"):
        senses(untrained, "book", contexts(untrained, 3, 2), number=6)


def test_the_text_is_shown_as_it_was(tmp_path: Path, untrained: Tagger) -> None:
    (tmp_path / "a.txt").write_text('He  didn\'t\nbook "it", did he?\n\nNo\n', encoding="utf-8")
    (_, _, sentence), _ = read_files(untrained, [str(tmp_path / "a.txt")])
    occurrence = Occurrence("a.txt", 0, sentence.tokens.index("book"), sentence)
    assert occurrence.context() == ("He didn't ", "book", ' "it", did he?')
    (tokens,) = read(["He did n't book it"], "x", "lines")
    assert Occurrence("x", 0, 3, tokens).context() == ("He did n't ", "book", " it")
    (given,) = read(['{"tokens": ["a", "b"], "text": "x a b", "offsets": [[2, 3], [4, 5]]}'], "x", "jsonl")
    assert Occurrence("x", 0, 1, given).context() == ("a ", "b", "")


def test_nearest_words_are_shown_whole_in_lines_that_fit() -> None:
    sentence = Sentence(["book"])
    words = [f"{'x' * 9}{i}" for i in range(8)] + ["y" * 200, "\u98db" * 20]
    group = Group(1, 1, 1.0, [(word, 0.5) for word in words], [Occurrence("a", 0, 0, sentence)], [])
    lines = format_groups(Senses("w" * 100, "all", 1, 1, {}, [group], np.zeros((1, 2)))).splitlines()
    assert max(map(wide, lines)) <= TEXT_WIDTH
    assert lines[3].split() == ["nearest", "words:", *words[:5]]
    assert lines[4].split()[:3] == words[5:8]
    assert "yyy…" in lines[4] + lines[5]
    assert lines[-1].strip() == "[book]"


@pytest.mark.parametrize("width", [20, 77])
@pytest.mark.parametrize("word", ["book", "\u98db\u884c\u6a5f", "x" * 200, "\x1bm"])
@pytest.mark.parametrize("other", ["a", "word", "\u98db\u884c\u6a5f" * 9, "y" * 100, "e\u0301" * 30, "\x07\t"])
def test_a_line_fits_and_has_the_word_in_the_middle(width: int, word: str, other: str) -> None:
    places = set()
    for count in (0, 1, 40):
        tokens = [other] * count + [word] + [other] * count
        line = Occurrence("a", 0, count, Sentence(tokens)).line(width)
        assert wide(line) <= width
        assert not {"\x1b", "\x07", "\t"} & set(line)
        before, _, after = line.partition("[")
        assert "]" in after
        assert count < 40 or (before.strip()[0], after[-1]) == ("…", "…")
        places.add(wide(before))
    assert len(places) == 1
    whole = Occurrence("a", 0, 1, Sentence(["Some", "book", "."])).line(21).strip()
    assert whole == "Some [book] ."


def test_lines_are_cut_between_words() -> None:
    tokens = ["the", "quick", "brown", "fox", "and", "the", "lazy", "book", *["that", "they", "read", "on"] * 3]
    assert Occurrence("a", 0, 7, Sentence(tokens)).line(40).strip() == "…and the lazy [book] that they read…"


def call(*arguments: str, input: str | bytes | None = None, status: int = 0) -> Result:
    result = CliRunner().invoke(app, ["senses", *arguments], input=input)
    assert result.exit_code == status, (result.output, result.exception)
    return result


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
    assert max(map(wide, result.stdout.splitlines())) <= TEXT_WIDTH
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
    assert "10 of 40 occurrences, chosen evenly over all of them; see --limit" in result.stderr
    found = json.loads(result.stdout)
    assert (found["total"], found["used"]) == (40, 10)
    members = [each["sentence"] for group in found["groups"] for each in group["members"]]
    assert sorted(members) == list(range(0, 40, 4))
    assert "book: 10 of 40 occurrences" in call("book", text, "--limit", "10", "--model", str(trained)).stdout


@pytest.mark.parametrize("arguments", [[], ["--limit", "7"], ["--layer", "0"], ["--groups", "12"]])
def test_the_picture(trained: Path, text: str, tmp_path: Path, arguments: list[str]) -> None:
    png = tmp_path / "new" / "map.png"
    call("book", text, "--png", str(png), "--model", str(trained), *arguments)
    data = png.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    assert (width, height) == (1560, 840)
    assert len(data) > 10_000


def test_labels_are_of_all_groups_and_do_not_overlap(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr(figures.plt, "close", drawn.append)
    x = clusters(3, 30)
    groups = np.repeat(np.arange(3), 30)
    texts = [f"…some words before [w{i}] and some after…" for i in range(90)]
    with (tmp_path / "x.png").open("wb") as png:
        figures.draw_groups(x, groups, texts, ["1: a", "2: b", "3: c"], "$title", png)
    (figure,) = drawn
    labels = [text for text in figure.axes[0].texts if text.get_text()]
    assert len(labels) == figures.MAX_LABELS
    chosen = Counter(texts.index(label.get_text()) // 30 for label in labels)
    assert chosen == {0: 4, 1: 4, 2: 4}
    figure.set_dpi(120)  # as it is saved
    figure.draw_without_rendering()
    boxes = [Text.get_window_extent(label) for label in labels]  # without their lines
    assert not [1 for i, a in enumerate(boxes) for b in boxes[:i] if a.overlaps(b)]
    for box in boxes:
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.x1
        assert not box.overlaps(figure.axes[0].get_window_extent())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["name a WORD and the FILEs", "--evaluate"]),
        (["book"], ["name a WORD and the FILEs"]),
        (["book", "a.txt", "--evaluate", "good.tsv"], ["--evaluate FILE alone"]),
        (["--evaluate", "good.tsv", "--png", "x.png"], ["--evaluate FILE alone"]),
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


def test_leave_one_out() -> None:
    generator = np.random.default_rng(0)
    names = ["a"] * 10 + ["b"] * 8
    shared = 100 * generator.standard_normal(6)
    apart = np.array([[5.0, 0, 0, 0, 0, 0]] * 10 + [[-5.0, 0, 0, 0, 0, 0]] * 8)
    noise = generator.standard_normal((18, 6))
    assert leave_one_out(shared + apart + noise, names) == 1
    assert leave_one_out(shared + apart + noise, ["a", "b"] * 9) < 0.7
    static = np.repeat(generator.standard_normal((1, 300)).astype(np.float32), 18, axis=0)
    assert leave_one_out(static.astype(np.float64), names) == pytest.approx(0.5, abs=1e-12)
    assert leave_one_out(static.astype(np.float64), ["a", "b", "c"] * 6) == pytest.approx(1 / 3, abs=1e-12)
    outlier = np.array([[1.0, 0], [1, 0.1], [1, -0.1], [0, 1], [0.1, 1], [1, 0]])
    assert leave_one_out(outlier, ["a", "a", "a", "b", "b", "b"]) == pytest.approx(5 / 6)


def test_chance_is_what_words_without_senses_get() -> None:
    generator = np.random.default_rng(0)
    scores = [leave_one_out(generator.standard_normal((20, 30)) + 3, ["a"] * 10 + ["b"] * 10) for _ in range(200)]
    assert np.mean(scores) == pytest.approx(0.5, abs=0.04)


def test_scores_of_every_layer(untrained: Tagger, tmp_path: Path) -> None:
    lines = [f"book\tnoun\tThe n{i} the book reads." for i in range(5)]
    lines += [f"Book\tverb\tv{i} They book flights." for i in range(5)]
    lines += [f"well\t{sense}\tThey book well {i}." for i in range(3) for sense in "ab"]
    (tmp_path / "s.tsv").write_text("\n".join(lines) + "\n\n", encoding="utf-8")
    examples = read_examples(untrained, str(tmp_path / "s.tsv"))
    assert {word: len(each) for word, each in examples.items()} == {"book": 10, "well": 6}
    assert examples["book"][5].tokens[examples["book"][5].position] == "book"
    scores = sense_scores(untrained, examples)
    assert set(scores["book"]) == {"0", "1", "2", "all", "mean"}
    assert scores["book"]["0"] == scores["well"]["0"] == pytest.approx(0.5)
    assert scores["book"]["1"] == scores["book"]["all"] == 1
    result = to_json(scores)
    assert result["mean"]["1"] == pytest.approx((1 + scores["well"]["1"]) / 2)
    table = [line.split() for line in format_table(scores).splitlines()]
    assert table[0] == ["layer", "0", "1", "2", "all", "mean"]
    assert [row[0] for row in table[1:]] == ["book", "well", "mean"]
    assert table[1][1:3] == ["50.0", "100.0"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["book\tnoun"], r"line 1: 'book\\tnoun' is not word, tab, sense, tab, sentence"),
        (["", "book\tnoun\tA book.", "book\t\tA book."], "line 3: "),
        (["book\tnoun\tA book.", "book\tnoun\tNo such thing."], "line 2: 'book' stands 0 times in 'No such thing.'"),
        (["book\tnoun\tBook a book."], "line 1: 'book' stands 2 times"),
        (["book\tnoun\tA book.", "book\tnoun\tThe book."], "'book' has only the sense 'noun'"),
        (["book\tnoun\tA book.", "book\tnoun\tThe book.", "book\tverb\tI book."], "'verb' of 'book' has one sentence"),
        (["", " "], "has no lines of word, tab, sense, tab, sentence"),
    ],
)
def test_what_is_no_file_of_senses(untrained: Tagger, tmp_path: Path, lines: list[str], message: str) -> None:
    (tmp_path / "s.tsv").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(InputError, match=f"s.tsv.*{message}"):
        read_examples(untrained, str(tmp_path / "s.tsv"))


def test_the_file_of_senses_that_comes_with_the_tests(untrained: Tagger) -> None:
    examples = read_examples(untrained, str(EXAMPLES))
    assert len(examples) >= 12
    for word, each in examples.items():
        counts = Counter(example.sense for example in each)
        assert len(counts) >= 2
        assert min(counts.values()) >= 10, word
        assert len({tuple(example.tokens) for example in each}) == len(each)


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

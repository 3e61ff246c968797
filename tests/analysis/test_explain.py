"""Explanations agree with tagging the parts of a sentence one by one, and fit where they are shown."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tagger import Sentence, Tagger
from tagger.analysis.explain import MAX_WORDS, MIN_SUPPORT, Context, Explanation, explain
from tagger.analysis.explain_tables import TABLE_WIDTH, format_tables, to_html
from tagger.commands.app import app
from tagger.errors import InputError
from tagger.model.vocabulary import Vocabulary
from tagger.text.characters import wide
from tagger.weights.folder import load_tagger
from tests.conftest import make_network, network_config, save_tiny

WORDS = ["The", "book", "reads", "the", "book", "well", "."]
LONG = ["internationalisation", "飛行機飛行機飛行機飛行機飛行機飛行機", "<b>", "e\u0301" * 40, "a\x1b[31m\tb", "book"]


def untrained(vocabulary: Vocabulary, **hidden: int) -> Tagger:
    """Random weights and large scores: what it says of a word depends on everything that it reads."""
    network = make_network(vocabulary, seed=4, hidden=hidden)
    for head in network.heads.values():
        head.weight.data *= 20
    return Tagger(network, vocabulary, {"network": network_config(), "segmenter": "english"}, precision="float32")


@pytest.fixture(scope="module")
def both_ways(vocabulary: Vocabulary) -> Tagger:
    return untrained(vocabulary, forward=16, backward=16)


def shares(tagger: Tagger, tokens: list[str], i: int, column: str = "upos") -> dict[str, float]:
    """The probabilities of all tags of one word, best first, by the way that `tag --top` goes."""
    (tagged,) = tagger.stream([Sentence(tokens)], top=len(tagger.vocabulary.tags[column]))
    return dict(tagged.alternatives[column][i])


def assert_context(context: Context, expected: dict[str, float], tag: str) -> None:
    best = next(iter(expected))
    assert context.best_tag == best
    assert (context.probability, context.best_probability) == pytest.approx((expected[tag], expected[best]), abs=1e-5)


@pytest.mark.parametrize("column", ["upos", "xpos"])
def test_every_number_is_that_of_tagging_the_part_directly(both_ways: Tagger, column: str) -> None:
    (explanation,) = explain(both_ways, [WORDS], column)
    assert (explanation.tokens, explanation.column) == (WORDS, column)
    assert [word.word for word in explanation.words] == WORDS
    assert [word.tag for word in explanation.words] == both_ways.tag(WORDS, column)
    for i, word in enumerate(explanation.words):
        whole = shares(both_ways, WORDS, i, column)
        assert word.probability == pytest.approx(whole[word.tag], abs=1e-5)
        assert_context(word.left, shares(both_ways, WORDS[: i + 1], i, column), word.tag)
        assert_context(word.right, shares(both_ways, WORDS[i:], 0, column), word.tag)
        assert_context(word.alone, shares(both_ways, WORDS[i : i + 1], 0, column), word.tag)
        changes = {
            j: whole[word.tag] - shares(both_ways, WORDS[:j] + WORDS[j + 1 :], i - (j < i), column)[word.tag]
            for j in range(len(WORDS))
            if j != i
        }
        assert len(word.decided_by) == min(3, sum(abs(change) >= MIN_SUPPORT for change in changes.values()))
        for support, size in zip(word.decided_by, sorted(map(abs, changes.values()), reverse=True), strict=False):
            assert support.word == WORDS[support.position]
            assert support.support == pytest.approx(changes[support.position], abs=1e-5)
            assert abs(support.support) == pytest.approx(size, abs=1e-5)
    supports = [support.support for word in explanation.words for support in word.decided_by]
    assert min(supports) < 0 < max(supports)
    assert any(word.left.best_tag != word.tag for word in explanation.words)


def test_the_ends_of_a_sentence_have_all_of_it(both_ways: Tagger) -> None:
    first, *_, last = explain(both_ways, [WORDS])[0].words
    assert last.left == Context(last.probability, last.tag, last.probability)
    assert first.right == Context(first.probability, first.tag, first.probability)
    assert last.right == last.alone
    assert first.left == first.alone
    (only,) = explain(both_ways, [["book"]])[0].words
    assert only.left == only.right == only.alone == Context(only.probability, only.tag, only.probability)
    assert only.decided_by == []


def test_a_tagger_from_left_to_right_takes_nothing_from_the_right(vocabulary: Vocabulary) -> None:
    words = explain(untrained(vocabulary, forward=16, backward=0), [WORDS])[0].words
    for i, word in enumerate(words):
        assert word.left.probability == pytest.approx(word.probability, abs=1e-5)
        assert word.left.best_tag == word.tag
        assert word.right.probability == pytest.approx(word.alone.probability, abs=1e-5)
        assert all(support.position < i for support in word.decided_by)
    assert any(word.decided_by for word in words)


def test_sentences_are_explained_one_by_one_and_empty_ones_passed_over(both_ways: Tagger) -> None:
    found = explain(both_ways, [WORDS, [], ["Well"]])
    assert found == [*explain(both_ways, [WORDS]), *explain(both_ways, [["Well"]])]


def test_a_column_of_one_tag(vocabulary: Vocabulary) -> None:
    one = Vocabulary(words={"book": 2}, characters=list("bok"), tags={"upos": ["X"]}, forms=["book"])
    (explanation,) = explain(untrained(one, forward=4, backward=4), [["book", "it"]])
    assert [(word.tag, word.probability, word.decided_by) for word in explanation.words] == [("X", 1, [])] * 2


def test_what_cannot_be_explained(both_ways: Tagger) -> None:
    with pytest.raises(InputError, match="no column 'lemma'; it has upos, xpos"):
        explain(both_ways, [WORDS], "lemma")
    for nothing in ([], [[]]):
        with pytest.raises(InputError, match="no words"):
            explain(both_ways, nothing)
    assert len(explain(both_ways, [["a"] * MAX_WORDS])[0].words) == MAX_WORDS
    with pytest.raises(InputError, match=f"sentence 2 has {MAX_WORDS + 1} words.*at most {MAX_WORDS}"):
        explain(both_ways, [WORDS, ["a"] * (MAX_WORDS + 1)])


@pytest.fixture(scope="module")
def tables(vocabulary: Vocabulary) -> list[Explanation]:
    """One of short words, one with long and wide words, one with many of them more than once, long tags."""
    tags = {"upos": ["NOUN", "Case=Nom|Number=Plur|Person=3|PronType=Prs", "名詞名詞名詞名詞名詞", "[b]", "VERB"]}
    odd = Vocabulary(words=vocabulary.words, characters=vocabulary.characters, tags=tags, forms=vocabulary.forms)
    tagger = untrained(odd, forward=16, backward=16)
    return explain(
        tagger, [["They", "book", "."], LONG, [f"{word}{i % 20}" for i in range(MAX_WORDS) for word in LONG][:99]]
    )


@pytest.mark.parametrize("color", [False, True])
def test_tables_fit_a_terminal(tables: list[Explanation], color: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.delenv("NO_COLOR", raising=False)
    text = format_tables(tables, color)
    assert ("\x1b[38;5;" in text) == color
    plain = re.sub(r" *$", "", re.sub(r"\x1b\[[\d;]*m", "", text), flags=re.MULTILINE)
    assert plain == format_tables(tables)
    assert "\x1b" not in plain
    assert max(map(wide, plain.splitlines())) <= TABLE_WIDTH
    blocks = [block.splitlines() for block in plain.split("\n\n")]
    assert [block[0].split() for block in blocks] == [
        ["word", "upos", "whole", "left", "right", "alone", "decided", "by"]
    ] * len(tables)
    for block, explanation in zip(blocks, tables, strict=True):
        assert len(block) == 1 + sum(max(1, len(word.decided_by)) for word in explanation.words)  # nothing is folded
        starts = [line.split()[0] for line in block[1:] if not line.startswith(" ")]
        assert len(starts) == len(explanation.tokens)
        assert starts[0][:3] == explanation.tokens[0][:3]


def test_words_that_come_twice_have_numbers(both_ways: Tagger) -> None:
    lines = format_tables(explain(both_ways, [WORDS])).splitlines()
    starts = [line.split()[0] for line in lines[1:] if not line.startswith(" ")]
    assert starts == ["The", "book#2", "reads", "the", "book#5", "well", "."]


class Page(HTMLParser):
    """The elements of a page and the text of its table cells."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag not in ("meta", "br"):
            self.open.append(tag)
        if tag == "th" and ("scope", "row") in attrs:
            self.words.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-2:] == ["th", "bdi"]:
            self.words[-1] += data


def test_the_page_is_whole_and_escaped(tables: list[Explanation]) -> None:
    text = to_html(tables)
    page = Page(text)
    assert page.open == []
    assert page.words == [token for explanation in tables for token in explanation.tokens]
    assert page.seen.count("table") == len(tables)
    assert "<bdi>&lt;b&gt;</bdi>" in text
    assert "Case=Nom|Number=Plur|Person=3|PronType=Prs" in text  # whole
    assert '<meta charset="utf-8">' in text
    assert not {"script", "link", "img", "iframe"} & set(page.seen)
    assert not re.search(r"https?:|url\(|@import|src=|href=", text)


def test_a_page_of_characters_that_utf8_cannot_hold(both_ways: Tagger) -> None:
    assert "<bdi>caf\ufffd</bdi>" in to_html(explain(both_ways, [["caf\udce9"]]))


def call(*arguments: str, input: str | bytes | None = None, status: int = 0) -> Result:
    result = CliRunner().invoke(app, ["explain", *arguments], input=input)
    assert result.exit_code == status, (result.output, result.exception)
    return result


def test_the_command(trained: Path, tmp_path: Path) -> None:
    options = ["--model", str(trained), "--device", "cpu"]
    text = "They book flights. The book reads well."
    table = call(text, *options).stdout
    assert "\x1b" not in table
    assert [line.split()[:2] for line in table.splitlines() if re.match("They|book", line)] == [
        ["They", "PRON"],
        ["book", "VERB"],
        ["book", "NOUN"],
    ]
    assert call("-", *options, input=text).stdout == table
    found = json.loads(call(text, *options, "--json", "--column", "xpos").stdout)
    assert [sentence["tokens"][-1] for sentence in found] == [".", "."]
    book = found[1]["words"][1]
    assert (book["word"], book["tag"], found[1]["column"]) == ("book", "NN", "xpos")
    assert set(book["left"]) == {"probability", "best_tag", "best_probability"}
    assert {key for support in book["decided_by"] for key in support} <= {"word", "position", "support"}
    split = json.loads(call("They book. <b>\u00a0x\nWell", *options, "--tokens", "--json").stdout)
    assert [sentence["tokens"] for sentence in split] == [["They", "book.", "<b> x"], ["Well"]]
    page = tmp_path / "new" / "page.html"
    assert call(text, *options, "--html", str(page)).stdout == table
    assert Page(page.read_text(encoding="utf-8")).words == text.replace(".", " .").split()
    tagger = Tagger(*load_tagger(trained), "cpu", "float32")
    assert page.read_text(encoding="utf-8") == to_html(explain(tagger, [s.tokens for s in tagger.annotate(text)]))


def test_a_tagger_of_words_with_spaces_is_given_tokens(tmp_path: Path) -> None:
    spaced = Vocabulary(words={}, characters=list("hopla"), tags={"upos": ["A", "B"]}, forms=["hợp tác xã", "là"])
    model = save_tiny(tmp_path / "spaced", make_network(spaced), spaced)
    result = call("là. hợp\u00a0tác\u00a0xã", "--model", str(model), "--json")
    assert json.loads(result.stdout)[0]["tokens"] == ["là.", "hợp tác xã"]
    assert "takes tokens" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([""], ["no words"]),
        ([" \n\t"], ["no words"]),
        (["-"], ["no words"]),
        (["They book", "--column", "lemma"], ["lemma", "upos, xpos"]),
        (["book " * (MAX_WORDS + 1)], [str(MAX_WORDS + 1), "at most"]),
        (["They book", "--html", "."], ["folder"]),
        (["They book", "--model", "nowhere"], ["nowhere"]),
    ],
)
def test_bad_input_is_one_line(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    result = call("--html", "page.html", "--model", str(trained), *arguments, status=2)
    (message,) = [line for line in result.stderr.splitlines() if not line.startswith("model: ")]
    assert message.startswith("error: ")
    assert all(word in message for word in words), message
    assert list(tmp_path.iterdir()) == []


def test_bad_bytes_are_named(trained: Path) -> None:
    assert "0xe9" in call("-", "--model", str(trained), input=b"caf\xe9", status=2).stderr
    call("-", "--model", str(trained), "--encoding", "latin-1", input=b"caf\xe9")

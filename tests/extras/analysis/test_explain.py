"""Explanations agree with tagging the parts of a sentence one by one, and fit where they are shown."""

import json
import re
from functools import partial
from pathlib import Path

import pytest

from tagger import Sentence, Tagger
from tagger.errors import InputError
from tagger.extras.analysis.explanations import MAX_WORDS, MIN_SUPPORT, Context, explain
from tagger.model.vocabulary import Vocabulary
from tests.commands import conftest
from tests.conftest import make_network, save_tiny, untrained

WORDS = ["The", "book", "reads", "the", "book", "well", "."]


def shares(tagger: Tagger, tokens: list[str], i: int, column: str = "upos") -> dict[str, float]:
    """The probabilities of all tags of one word, best first, by the way that `tag --top` goes."""
    (tagged,) = tagger.stream([Sentence(tokens)], top=len(tagger.vocabulary.tags[column]), columns=[column])
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


def test_a_tagger_from_left_to_right_and_a_column_of_one_tag(vocabulary: Vocabulary) -> None:
    words = explain(untrained(vocabulary, forward=16, backward=0), [WORDS])[0].words
    for i, word in enumerate(words):
        assert word.left.probability == pytest.approx(word.probability, abs=1e-5)
        assert word.left.best_tag == word.tag
        assert word.right.probability == pytest.approx(word.alone.probability, abs=1e-5)
        assert all(support.position < i for support in word.decided_by)
    assert any(word.decided_by for word in words)
    one = Vocabulary(words={"book": 2}, characters=list("bok"), tags={"upos": ["X"]}, forms=["book"])
    (explanation,) = explain(untrained(one, forward=4, backward=4), [["book", "it"]])
    assert [(word.tag, word.probability, word.decided_by) for word in explanation.words] == [("X", 1, [])] * 2


def test_sentences_are_explained_one_by_one_whatever_their_length(both_ways: Tagger) -> None:
    found = explain(both_ways, [WORDS, [], ["Well"]])
    assert found == [*explain(both_ways, [WORDS]), *explain(both_ways, [["Well"]])]
    (only,) = explain(both_ways, [["book"]])[0].words
    assert only.left == only.right == only.alone == Context(only.probability, only.tag, only.probability)
    assert only.decided_by == []
    assert len(explain(both_ways, [["a"] * MAX_WORDS])[0].words) == MAX_WORDS
    with pytest.raises(InputError, match=f"sentence 2 has {MAX_WORDS + 1} words.*at most {MAX_WORDS}"):
        explain(both_ways, [WORDS, ["a"] * (MAX_WORDS + 1)])


call = partial(conftest.call, "explain")


def test_the_command(trained: Path) -> None:
    options = ["--model", str(trained), "--device", "cpu"]
    text = "They book flights. The book reads well."
    table = call(text, *options).stdout
    assert "\x1b" not in table
    rows = [line.split()[:2] for line in table.splitlines() if re.match("They|book", line)]
    assert rows == [["They", "PRON"], ["book", "VERB"], ["book", "NOUN"]]
    assert call("-", *options, "--encoding", "utf-16", input=text.encode("utf-16")).stdout == table
    found = json.loads(call(text, *options, "--json", "--column", "xpos").stdout)
    assert [sentence["tokens"][-1] for sentence in found] == [".", "."]
    book = found[1]["words"][1]
    assert (book["word"], book["tag"], found[1]["column"]) == ("book", "NN", "xpos")
    assert set(book["left"]) == {"probability", "best_tag", "best_probability"}
    assert {key for support in book["decided_by"] for key in support} <= {"word", "position", "support"}
    split = json.loads(call("They book. <b>\u00a0x\nWell", *options, "--tokens", "--json").stdout)
    assert [sentence["tokens"] for sentence in split] == [["They", "book.", "<b> x"], ["Well"]]


def test_the_language_of_the_text_names_the_tagger_and_one_of_words_with_spaces_takes_tokens(tmp_path: Path) -> None:
    for arguments in (["Hast du Hunger?"], ["Tack", "--language", "de"]):
        assert "trained on UD_German" in call(*arguments).stderr
    spaced = Vocabulary(words={}, characters=list("hopla"), tags={"upos": ["A", "B"]}, forms=["hợp tác xã", "là"])
    model = save_tiny(tmp_path / "spaced", make_network(spaced), spaced)
    result = call("là. hợp\u00a0tác\u00a0xã", "--model", str(model), "--json")
    assert json.loads(result.stdout)[0]["tokens"] == ["là.", "hợp tác xã"]
    assert "takes tokens" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        *(([text], ["no words"]) for text in ("", "\n\n")),
        (["They book", "--column", "lemma"], ["lemma", "upos, xpos"]),
        (["book " * (MAX_WORDS + 1)], [str(MAX_WORDS + 1), "at most"]),
    ],
)
def test_bad_input_is_one_line(trained: Path, tmp_path: Path, arguments: list[str], words: list[str]) -> None:
    result = call("--model", str(trained), *arguments, status=2)
    (message,) = [line for line in result.stderr.splitlines() if not line.startswith("model: ")]
    assert message.startswith("error: ")
    assert all(word in message for word in words), message
    assert list(tmp_path.iterdir()) == []

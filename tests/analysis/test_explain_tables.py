"""Tables of explanations fit a terminal, and the page is whole and escaped."""

import re

import pytest

from tagger import Tagger
from tagger.analysis.explain import MAX_WORDS, Context, ExplainedWord, Explanation, Support, explain
from tagger.analysis.explain_tables import TABLE_WIDTH, format_tables, to_html
from tagger.model.vocabulary import Vocabulary
from tagger.text.strings import display_width
from tests.analysis.conftest import untrained
from tests.html_page import Page

WORDS = ["The", "book", "reads", "the", "book", "well", "."]
LONG = ["internationalisation", "飛行機飛行機飛行機飛行機飛行機飛行機", "<b>", "e\u0301" * 40, "a\x1b[31m\tb", "book"]


def explained() -> list[Explanation]:
    """A sentence in which every tenth of a probability occurs."""
    words = []
    for tenth in range(11):
        contexts = [Context(tenth / 10, tag, 1 - tenth / 20) for tag in ("NOUN", "VERB", "<b>")]
        support = [Support("w0", 0, 0.5), Support("w1", 1, -0.5)]
        words.append(ExplainedWord(f"w{tenth}", "NOUN", tenth / 10, *contexts, support))
    return [Explanation([word.word for word in words], "upos", words)]


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
    # rich remembers the codes of a style, so the kind of colours is that of the process's first table.
    assert bool(re.search(r"\x1b\[(38;|3[0-7]m)", text)) == color
    plain = re.sub(r" *$", "", re.sub(r"\x1b\[[\d;]*m", "", text), flags=re.MULTILINE)
    assert plain == format_tables(tables)
    assert "\x1b" not in plain
    assert max(map(display_width, plain.splitlines())) <= TABLE_WIDTH
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


def test_the_page_is_whole_and_escaped(tables: list[Explanation]) -> None:
    text = to_html(tables)
    page = Page(text)
    assert page.open == []
    assert page.words == [token for explanation in tables for token in explanation.tokens]
    assert page.seen.count("table") == len(tables)
    assert "<bdi>&lt;b&gt;</bdi>" in text
    assert "Case=Nom|Number=Plur|Person=3|PronType=Prs" in text  # whole
    assert '<meta charset="utf-8">' in text
    assert not {"script", "img", "iframe"} & set(page.seen)
    assert not re.search(r"https?:|url\(|@import|\bsrc=|href=\"(?!data:,)", text)


def test_a_page_of_characters_that_utf8_cannot_hold(both_ways: Tagger) -> None:
    assert "<bdi>caf\ufffd</bdi>" in to_html(explain(both_ways, [["caf\udce9"]]))

"""A learned segmenter: every character in one token, and each paragraph cut alike, whatever is beside it."""

import pickle
import random
from collections.abc import Sequence
from itertools import chain
from typing import Any

import pytest
import regex
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.segmenter import learned as module
from tagger.segmenter.learned import LearnedSegmenter
from tagger.segmenter.unit_network import Label
from tagger.text.segment import RuleSegmenter
from tagger.text.segment_rules import SPACE
from tagger.text.sentence import Token
from tests.conftest import make_segmenter

SPACES, GAP = regex.compile(f"[{SPACE}]"), regex.compile(f"[{SPACE}]+")
SPACED = make_segmenter()
SEGMENTERS = [
    SPACED,
    make_segmenter(2, characters=True),
    make_segmenter(3, rules=None),
    make_segmenter(4, rules="english"),
    make_segmenter(5, cuts=[]),
]
TEXTS = [
    "They book flights. The dog doesn't know, does it? Yes!\nAnd 3,14 is 10\u00a0000 too many",
    "no full stop",
    "!!!!",
    "Wait!!!! ... what?!?! -- :-) ;-)",
    "",
    " \t\r\n\u3000\u200b\ufeff\x1c",
    "a\u2028b\u2029c\x85d",
    "cafe\u0301 A\u030angstro\u0308m e\u0301\u0302\u0303 \u0301lone \u1100\u1161\u11a8",
    "\ud800 \udfff\ud800a\udc00 \ud83d\ude00",
    "\u0627\u0644\u0633\u0644\u0627\u0645 \u0639\u0644\u064a\u0643\u0645. \u05e9\u05dc\u05d5\u05dd\u200f!",
    "\u4eca\u5929\u5929\u6c14\u5f88\u597d\u3002\u6211\u4eec\u53bb\u516c\u56ed\u5427\uff01",
    "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35\u0e04\u0e23\u0e31\u0e1a \u0e1c\u0e21",
    "Vi\u1ec7t \n\tNam du  des\nDES Du",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\U0001f1e9\U0001f1ea\u00ad\u2060x",
    "x" * 2_000 + ". " + "y.z" * 100,
    "0" * 300 + "\u0665\u06f6\u0b72\u00bd\u2167",
    "\x00\x01\x7f\x9f",
]
LONG = " ".join(f"word{i} flows, and du {i % 7}." for i in range(60))


def check(text: str, sentences: Sequence[Sequence[Token]]) -> None:
    """Every character but white space is in one token, in order; nothing is empty, or begins or ends blank."""
    assert all(sentences)
    covered = 0
    for start, end, words in chain.from_iterable(sentences):
        assert covered <= start < end
        assert SPACES.sub("", text[covered:start]) == ""
        assert not SPACES.match(text[start])
        assert not SPACES.match(text[end - 1])
        assert words == () or (len(words) > 1 and not SPACES.search(text[start:end]))
        for word in words:
            assert word
            assert word == GAP.sub(" ", word).strip(" ")
        covered = end
    assert SPACES.sub("", text[covered:]) == ""


@pytest.mark.parametrize("segmenter", SEGMENTERS)
def test_every_character_is_in_one_token(segmenter: LearnedSegmenter) -> None:
    found = segmenter.segment_all([*TEXTS, LONG])
    for text, sentences in zip([*TEXTS, LONG], found, strict=True):
        check(text, sentences)
    assert any(token.words for sentences in found for token in chain(*sentences))


characters = st.characters() | st.sampled_from(
    "ab dul\u00e9A.!? \n\t\u00a0\u0301\u200b\u200d\u4f60\u0e01\u0e31\ud8000\u0660"
)


@settings(max_examples=40)
@given(st.lists(st.text(characters, max_size=40), max_size=4), st.sampled_from(SEGMENTERS))
def test_any_text(texts: list[str], segmenter: LearnedSegmenter) -> None:
    found = segmenter.segment_all(texts)
    assert len(found) == len(texts)
    for text, sentences in zip(texts, found, strict=True):
        check(text, sentences)
    assert [segmenter.segment_all([text])[0] for text in texts] == found


@pytest.mark.parametrize("segmenter", SEGMENTERS)
def test_a_paragraph_is_cut_alike_whatever_is_beside_it(
    segmenter: LearnedSegmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [*TEXTS, LONG, *(LONG[: 17 * i] for i in range(12))]
    alone = [segmenter.segment_all([text])[0] for text in texts]
    assert segmenter.segment_all(texts) == alone
    for most in (1_000, 4_000):  # a few paragraphs at a time
        monkeypatch.setattr(module, "MAX_CHARACTERS", most)
        assert segmenter.segment_all(texts) == alone
    order = list(range(len(texts)))
    random.Random(1).shuffle(order)
    assert segmenter.segment_all([texts[i] for i in order]) == [alone[i] for i in order]


def test_what_it_has_read_before_decides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = make_segmenter().segment_all([LONG, *TEXTS])
    used = make_segmenter()
    used.segment_all([f"quite{i} other{i * 7} words" for i in range(500)])
    assert used.segment_all([LONG, *TEXTS]) == fresh
    monkeypatch.setattr("tagger.segmenter.units.MAX_TYPES", 100)  # forgets units all the time
    for _ in range(3):
        assert used.segment_all([LONG, *TEXTS]) == fresh


def test_a_copy_cuts_alike() -> None:
    segmenter = make_segmenter()
    expected = segmenter.segment_all(TEXTS)
    data = pickle.dumps(segmenter)
    segmenter.segment_all([f"new{i}" for i in range(5_000)])
    assert len(pickle.dumps(segmenter)) == len(data)  # without what it remembers
    assert pickle.loads(pickle.dumps(segmenter)).segment_all(TEXTS) == expected


def that_says(label: Label, **changes: Any) -> LearnedSegmenter:
    """A segmenter that says `label` of every unit."""
    saved = make_segmenter(**changes)
    with torch.no_grad():
        saved.network.labels.bias[label] += 10_000
    return saved.moved(0)


def cut(text: str, label: Label, **changes: Any) -> list[list[str]]:
    """The tokens of the sentences that such a segmenter finds."""
    (found,) = that_says(label, **changes).segment_all([text])
    return [[text[token.start : token.end] for token in sentence] for sentence in found]


def test_a_token_that_is_cut_everywhere_is_one_word() -> None:
    """The evaluation takes the square of the number of words of a token."""
    most = "ab1" * (module.MAX_WORDS // 2)
    ((few,),), ((many,),) = that_says(Label.WORD).segment_all([most, f"{most}ab"])
    assert few == Token(0, len(most), ("ab", "1") * (module.MAX_WORDS // 2))
    assert many[:2] == (0, len(most) + 2)
    assert len(many.words) < module.MAX_WORDS


def test_rules_may_decide_where_sentences_end() -> None:
    ruled = LearnedSegmenter(
        SPACED.network, SPACED.vocabulary, {**SPACED.config, "sentences": "unicode"}, SPACED.lexicon
    )
    text = "The book. Reads well! It goes on, and on."
    own, found, by_rules = (each.segment_all([text])[0] for each in (SPACED, ruled, RuleSegmenter("unicode")))
    assert [*chain(*found)] == [*chain(*own)]
    ends = {sentence[-1].end for sentence in by_rules} & {token.end for token in chain(*own)}
    assert {sentence[-1].end for sentence in found} == ends | {len(text)}


@pytest.mark.parametrize(
    ("label", "text", "cuts", "tokens"),
    [
        (Label.TOKEN, "50the book", None, ["50", "the", "book"]),
        (Label.TOKEN, "50the book", ["Nd|Ll"], ["50", "the", "book"]),
        (Label.TOKEN, "50the book", ["Ll|Nd"], ["50the", "book"]),  # the rules join a number and letters
        (Label.SENTENCE, "50the book", [], ["50the", "book"]),
        (Label.TOKEN, "the.", [], ["the", "."]),  # the rules cut, too
        (Label.TOKEN, "z.b", ["Ll|end"], ["z", ".b"]),
        (Label.GOES_ON, "the.", [], ["the."]),
        (Label.WORD, "z.b", [], ["z.b"]),  # a multiword token
        (Label.GOES_ON, "the «a», the.a", None, ["the", "«", "a", "»", ",", "the.a"]),  # marks that training lacks
    ],
)
def test_rules_decide_whether_tokens_end_between_kinds_that_training_does_not_cut(
    label: Label, text: str, cuts: list[str] | None, tokens: list[str]
) -> None:
    assert [*chain(*cut(text, label, cuts=cuts, spaces=False))] == tokens


@pytest.mark.parametrize(
    "whole",
    [
        *("https://www.example.com/a?b=c#d", "www.example.org", "ann.b@mail.org", "mail.org", "#news", "@ann_b", ":-)"),
        *("\U0001f44d\U0001f3fd", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea"),
    ],
)
def test_an_address_a_tag_a_smiley_and_an_emoji_are_one_token(whole: str) -> None:
    assert cut(f"the {whole} book", Label.TOKEN) == [["the", whole, "book"]]
    assert cut(f"the {whole} book", Label.SENTENCE) == [["the"], [whole], ["book"]]


def test_other_words_with_the_same_marks_are_cut() -> None:
    found = cut("the: a:b a=b No.Yes #", Label.TOKEN)
    assert found == [["the", ":", "a", ":", "b", "a", "=", "b", "No", ".", "Yes", "#"]]
    assert cut("看https://a.org/b了", Label.TOKEN) == [
        ["看", "https://a.org/b", "了"]
    ]  # no space ends an address there

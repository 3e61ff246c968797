"""A comparison against counts made word by word, and its tables."""

import re
from itertools import chain, product
from random import Random
from typing import Any

import pytest

from tagger.evaluation.compare import Tags, WordTable, compare
from tagger.evaluation.compare_tables import TABLE_WIDTH, format_comparison, to_html
from tagger.text.sentence import Sentence
from tagger.text.strings import display_width, is_annotated
from tests.html_page import Page

TAGS = ["NOUN", "VERB", "<b>X</b>", "名詞名詞名詞名詞", "_"]
FORMS = ["run", "the", "<i>&", "飛行機飛行機飛行機飛行機飛行機飛行機", "a\x1b[31m", "internationalisation" * 3]
KNOWN = [frozenset(FORMS[:3]), frozenset(FORMS[1:5])]


def sentences(random: Random, tags: list[str]) -> list[list[str]]:
    """The tags of 40 sentences of fixed lengths."""
    return [[random.choice(tags) for _ in range(1 + i % 7)] for i in range(40)]


def made(seed: int = 1) -> tuple[list[Sentence], list[list[str]], list[list[list[str]]], WordTable, list[Tags]]:
    """Random gold sentences, their words and tags one after the other, and five random taggers."""
    random = Random(seed)
    forms, gold = sentences(random, FORMS), sentences(random, TAGS)
    said = [sentences(random, TAGS[:4]) for _ in range(5)]
    table = WordTable([Sentence(f, {"upos": g}) for f, g in zip(forms, gold, strict=True)], ["upos"])
    tags = [
        table.predicted([Sentence(f, {"upos": s}) for f, s in zip(forms, one, strict=True)], ["upos"]) for one in said
    ]
    return forms, gold, said, table, tags  # type: ignore[return-value]


def test_accuracies_are_those_of_counting_words() -> None:
    forms, gold, said, table, tags = made()
    ambiguous = frozenset(FORMS[:2])
    found = compare(table, tags[:2], tags[2:], ["upos"], KNOWN, {"upos": ambiguous})["upos"]
    flat = [list(chain(*one)) for one in (forms, gold)]
    each = [list(chain(*one)) for one in said]
    places = [i for i, tag in enumerate(flat[1]) if is_annotated("upos", tag)]
    times = [sum(form in known for known in KNOWN) for form in flat[0]]
    groups = {
        "all": places,
        "seen": [i for i in places if times[i] == 2],
        "partly": [i for i in places if times[i] == 1],
        "unseen": [i for i in places if times[i] == 0],
        "ambiguous": [i for i in places if flat[0][i] in ambiguous],
    }

    def check(row: dict[str, Any], inside: list[int]) -> None:
        right = [sum(one[i] == flat[1][i] for i in inside) / len(inside) for one in each]
        assert row["words"] == len(inside)
        assert row["a_each"] + row["b_each"] == pytest.approx(right)
        assert row["a"] == pytest.approx(sum(right[:2]) / 2)
        assert row["b"] == pytest.approx(sum(right[2:]) / 3)

    assert found["words"] == len(places) < len(flat[0])
    assert found["groups"].keys() == groups.keys()
    for name, inside in groups.items():
        check(found["groups"][name], inside)
    assert set(found["tags"]) == set(TAGS) - {"_"}
    for tag, row in found["tags"].items():
        check(row, [i for i in places if flat[1][i] == tag])
    sizes = [row["words"] for row in found["tags"].values()]
    assert sizes == sorted(sizes, reverse=True)
    assert found["difference"] == pytest.approx(found["groups"]["all"]["a"] - found["groups"]["all"]["b"])
    assert found["interval"][0] < found["difference"] < found["interval"][1]
    assert found["significant"] == (found["p"] < 0.05)


def test_words_that_one_side_gets_right_are_counted_over_pairs() -> None:
    forms, gold, said, table, tags = made()
    found = compare(table, tags[:2], tags[2:], ["upos"], [], {"upos": frozenset()})["upos"]
    assert found["groups"].keys() == {"all"}
    for name, sides in (("only_a", (said[:2], said[2:])), ("only_b", (said[2:], said[:2]))):
        counts: dict[tuple[str, str, str], float] = {}
        for one, other in product(*sides):
            for words, golds, right, wrong in zip(forms, gold, one, other, strict=True):
                for word, tag, ours, theirs in zip(words, golds, right, wrong, strict=True):
                    if tag != "_" and ours == tag != theirs:
                        counts[tag, theirs, word] = counts.get((tag, theirs, word), 0) + 1 / 6
        rows = found[name]
        shown = {(row["gold"], row["wrong"], word): n for row in rows for word, n in row["words"]}
        assert shown == pytest.approx(counts)
        for row in rows:
            assert row["count"] == pytest.approx(sum(n for _, n in row["words"]))
            assert [n for _, n in row["words"]] == sorted((n for _, n in row["words"]), reverse=True)
        assert [row["count"] for row in rows] == sorted((row["count"] for row in rows), reverse=True)
    total = {name: sum(row["count"] for row in found[name]) for name in ("only_a", "only_b")}
    assert total["only_a"] - total["only_b"] == pytest.approx(found["difference"] * found["words"])


def test_one_pair_has_whole_counts_and_repeats_to_the_digit() -> None:
    *_, table, tags = made()
    found = compare(table, tags[:1], tags[1:2], ["upos"], [], {"upos": frozenset()})
    assert all(type(row["count"]) is int for row in found["upos"]["only_a"])
    assert compare(table, tags[:1], tags[1:2], ["upos"], [], {"upos": frozenset()}) == found


def test_equal_sides() -> None:
    *_, table, tags = made()
    found = compare(table, tags[:1], tags[:1], ["upos"], [], {"upos": frozenset()})["upos"]
    assert (found["difference"], found["p"], found["significant"]) == (0, 1, False)
    assert found["only_a"] == found["only_b"] == []


def comparison(taggers: int = 1, **changes: Any) -> dict[str, Any]:
    *_, table, tags = made()
    known = [] if changes.get("training_known") is False else KNOWN
    columns = compare(table, tags[:taggers], tags[2:3], ["upos"], known, {"upos": frozenset(FORMS[:2])})
    names = {"gold": ["gold<1>.conllu"], "a": ["runs/a"] * taggers, "b": ["a very long name/" * 9], "train": []}
    sizes = {"sentences": len(table), "words": len(table.forms), "training_known": True, "columns": columns}
    return {**names, **sizes, **changes}


@pytest.mark.parametrize("taggers", [1, 2])
def test_the_text_fits_a_terminal(taggers: int) -> None:
    found = comparison(taggers)
    text = format_comparison(found)
    assert max(map(display_width, text.splitlines())) <= TABLE_WIDTH
    assert text == re.sub(r" +$", "", text, flags=re.MULTILINE)
    assert "\x1b" not in text
    row = found["columns"]["upos"]["groups"]["all"]
    assert f"{100 * row['a']:.2f}%" in text
    assert ("per pair" in text) == (taggers == 2)
    each = "each: A " + " ".join(f"{100 * share:.2f}%" for share in row["a_each"]) + f"; B {100 * row['b']:.2f}%"
    assert (each in text) == (taggers == 2)
    assert "(40 sentences, 155 words)" in text


def test_the_text_says_what_is_not_known_and_where_it_comes_from() -> None:
    unknown = " ".join(format_comparison(comparison(training_known=False)).split())
    assert "not known of tagged files; --train FILE says it" in unknown
    assert "several tags in the gold files themselves" in unknown
    named = " ".join(format_comparison(comparison(train=["t.conllu"])).split())
    assert "Seen in training: forms of t.conllu." in named
    assert "several tags in t.conllu." in named


def test_the_verdict() -> None:
    found = comparison()
    values = found["columns"]["upos"]
    values.update(difference=0.01234, interval=[0.001, 0.0211], p=0.0123, significant=True)
    text = format_comparison(found)
    assert "A - B: +1.23 points (95 %: +0.10 to +2.11), p = 0.0123, significant\n" in text
    values.update(p=0.5, significant=False)
    assert "p = 0.5000, not significant\n" in format_comparison(found)


def test_the_page_is_whole_escaped_and_alone() -> None:
    text = to_html(comparison(2))
    page = Page(text)
    assert page.open == []
    assert {"script", "img", "iframe", "b", "i"}.isdisjoint(page.seen)
    assert not re.search(r"https?:|url\(|@import|\bsrc=", text)
    assert "&lt;b&gt;X&lt;/b&gt;" in text
    assert "&lt;i&gt;&amp;" in text
    assert "gold&lt;1&gt;.conllu" in text
    assert "all words" in page.words
    assert TAGS[2] in page.words
    assert re.search("\\d\u00a0%</bdi>|\\d\u00a0to\u00a0\\d", text)

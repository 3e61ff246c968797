"""A comparison against counts made word by word, against all signs, and its tables; tagged files beside gold files."""

import re
from itertools import chain, product
from random import Random
from typing import Any

import numpy as np
import pytest

from tagger.errors import InputError
from tagger.evaluation.compare import Tags, WordTable, compare, paired_difference, same_sentences
from tagger.evaluation.compare_tables import TABLE_WIDTH, format_comparison, to_html
from tagger.text.readers import read
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
    assert (found["difference"], found["interval"], found["p"], found["significant"]) == (0, [0, 0], 1, False)
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


WORDS = np.array([5, 8, 3, 12, 7, 9, 4, 6, 10, 2, 5, 5])
A = np.array([[0, 1, 0, 2, 1, 0, 0, 1, 1, 0, 2, 0]])
B = np.array([[1, 2, 0, 1, 2, 1, 1, 1, 3, 0, 3, 1]])


def exact_p(gains: np.ndarray) -> float:
    """The share of all choices of signs whose sum is at least as large."""
    sums = [abs(int(np.dot(signs, gains))) for signs in product((-1, 1), repeat=len(gains))]
    return sum(s >= abs(gains.sum()) for s in sums) / len(sums)


def test_the_p_value_is_that_of_all_signs() -> None:
    exact = exact_p((B - A)[0])
    assert 0.01 < exact < 0.2
    found = paired_difference(A, B, WORDS)
    assert found.p == pytest.approx(exact, abs=4 * (exact * (1 - exact) / 10_000) ** 0.5)
    assert found.value == pytest.approx((B.sum() - A.sum()) / WORDS.sum())
    turned = paired_difference(B, A, WORDS)
    assert (turned.value, turned.p) == (-found.value, found.p)
    assert turned.low == pytest.approx(-found.high, abs=0.005)


def test_several_taggers_count_with_their_mean_errors() -> None:
    a = np.concatenate([A, A + (np.arange(12) % 3 == 0)])  # means with halves
    b = np.concatenate([B, B, B + (np.arange(12) % 4 == 0)])  # means with thirds
    gains = 6 * (b.mean(0) - a.mean(0))
    exact = exact_p(np.rint(gains).astype(int))
    found = paired_difference(a, b, WORDS)
    assert found.value == pytest.approx((b.mean(0) - a.mean(0)).sum() / WORDS.sum())
    assert found.p == pytest.approx(exact, abs=4 * (exact * (1 - exact) / 10_000) ** 0.5)
    copies = paired_difference(np.repeat(A, 3, axis=0), np.repeat(B, 2, axis=0), WORDS)
    assert copies == pytest.approx(paired_difference(A, B, WORDS))


def test_the_interval_is_that_of_drawn_sentences() -> None:
    rng = np.random.default_rng(5)
    words = rng.integers(1, 30, size=300)
    a, b = rng.binomial(words, 0.05)[None], rng.binomial(words, 0.08)[None]
    gains = (b - a)[0]
    drawn = rng.integers(0, 300, size=(10_000, 300))
    low, high = np.quantile(gains[drawn].sum(1) / words[drawn].sum(1), [0.025, 0.975])
    found = paired_difference(a, b, words)
    assert found.low == pytest.approx(low, abs=0.0005)
    assert found.high == pytest.approx(high, abs=0.0005)
    assert found.low < found.value < found.high


def test_the_least_p_value_counts_what_was_seen() -> None:
    none, all_wrong = np.zeros((1, 60), dtype=int), np.ones((1, 60), dtype=int)
    assert paired_difference(none, all_wrong, np.full(60, 4)).p == 1 / 10_001


def test_sentences_without_scored_words_are_not_drawn() -> None:
    wider = [np.concatenate([x, np.zeros((1, 5), dtype=int)], axis=1) for x in (A, B, WORDS[None])]
    assert paired_difference(wider[0], wider[1], wider[2][0]) == paired_difference(A, B, WORDS)


def test_the_rounds_in_parts_are_those_of_the_whole() -> None:
    whole = paired_difference(A, B, WORDS, rounds=500)
    assert paired_difference(A, B, WORDS, rounds=500, max_cells=70) == whole


def test_false_alarms_are_as_rare_as_they_should_be() -> None:
    """Of pairs of equally good taggers, about one in twenty has p < 0.05."""
    rng = np.random.default_rng(7)
    words = rng.integers(3, 30, size=80)
    ps = [
        paired_difference(rng.binomial(words, 0.1)[None], rng.binomial(words, 0.1)[None], words, rounds=300).p
        for _ in range(150)
    ]
    assert 1 <= sum(p < 0.05 for p in ps) <= 16  # binomial(150, 0.05): 7.5, deviation 2.7


GOLD = [["They", "do", "n't", "go"], ["Yes"]]
CONLLU = """\
# sent_id = 1
1\tThey\t_\tX\t_\t_\t_\t_\t_\t_
2-3\tdon't\t_\t_\t_\t_\t_\t_\t_\t_
2\tdo\t_\tX\t_\t_\t_\t_\t_\t_
3\tn't\t_\tX\t_\t_\t_\t_\t_\t_
4\tgo\t_\tX\t_\t_\t_\t_\t_\t_

# a comment alone

1\tYes\t_\tX\t_\t_\t_\t_\t_\t_

"""
TSV = "They X\ndo X\nn't X\ngo X\n\n\nYes X\n\n"
SLASH = "They/X do/X n't/X go/X\n\nYes/X\n"


def found(text: str, format: str, gold: list[list[str]] = GOLD) -> list[list[str]]:
    sentences = read(text.splitlines(keepends=True), "a", format, columns={"upos": 1})
    return [sentence.tokens for sentence in same_sentences(sentences, gold, "a", format, "g")]


@pytest.mark.parametrize(("text", "format"), [(CONLLU, "conllu"), (TSV, "tsv"), (SLASH, "slash")])
def test_the_same_sentences(text: str, format: str) -> None:
    assert found(text, format) == GOLD
    assert found(text.removesuffix("\n"), format) == GOLD


@pytest.mark.parametrize(
    ("text", "format", "old", "new", "message"),
    [
        (CONLLU, "conllu", "\tn't\t", "\tnot\t", "a, line 5: 'not' where g has \"n't\", in sentence 1, word 3;"),
        (CONLLU, "conllu", "Yes", "No", "a, line 10: 'No' where g has 'Yes', in sentence 2, word 1;"),
        (CONLLU, "conllu", CONLLU[CONLLU.index("4\tgo") :][:20], "", "a, line 6: the sentence ends where g has 'go'"),
        (TSV, "tsv", "Yes X\n", "Yes X\nindeed X\n", "a, line 8: 'indeed' where g ends the sentence, in sentence 2"),
        (TSV, "tsv", "Yes X\n", "Yes X\n\nNo X\n", "a, line 9: 'No' where g has ended"),
        (TSV, "tsv", "do X", "did X", "a, line 2: 'did' where g has 'do'"),
        (TSV, "tsv", "Yes X\n\n", "", "a, line 7: the file ends after sentence 1, and g goes on with 'Yes'"),
        (CONLLU, "conllu", CONLLU[CONLLU.index("1\tYes") :], "", "a, line 10: the file ends after sentence 1"),
        (SLASH, "slash", "Yes", "No", "a, line 3: 'No' where g has 'Yes'"),
    ],
)
def test_the_first_difference(text: str, format: str, old: str, new: str, message: str) -> None:
    assert text.count(old) == 1
    with pytest.raises(InputError) as error:
        found(text.replace(old, new), format)
    assert str(error.value).startswith(message)
    assert str(error.value).endswith("a tagged file must have the sentences and words of the gold file")


SENTENCES = [
    Sentence(
        ["the", "run", "_"], {"upos": ["DET", "NOUN", "_"], "feats": ["_", "Number=Sing", "_"], "xpos": ["_"] * 3}
    ),
    Sentence([]),
    Sentence(["run", "the"], {"upos": ["VERB", "DET"], "feats": ["_", "_"]}),
]


def test_words_and_gold_tags() -> None:
    table = WordTable(SENTENCES, ["upos", "xpos", "feats"])
    assert table.columns == ["upos", "feats"]  # xpos has blanks alone
    assert (len(table), table.starts.tolist()) == (2, [0, 3, 5])
    assert list(table.tokens()) == [["the", "run", "_"], ["run", "the"]]
    assert table.scored("upos").tolist() == [True, True, False, True, True]
    assert [table.tag_names("upos")[i] for i in table.gold("upos")] == ["DET", "NOUN", "VERB", "DET"]
    assert table.scored("feats").all()  # `_` means no features
    assert table.ambiguous("upos") == {"run"}
    assert table.ambiguous("feats") == {"run"}


def test_predicted_tags_share_the_numbers_of_gold_tags() -> None:
    table = WordTable(SENTENCES, ["upos", "xpos", "feats"])
    said = [
        Sentence(["the", "run", "_"], {"upos": ["DET", "VERB", "X"]}),
        Sentence(["run", "the"], {"upos": ["VERB", "DET"]}),
    ]
    tags = table.predicted(said, ["upos", "xpos"])
    assert (tags["upos"][table.scored("upos")] == table.gold("upos")).tolist() == [True, False, True, True]
    assert table.has_tags(tags, "upos")
    assert not table.has_tags(tags, "xpos")
    assert not table.has_tags(tags, "feats")


def test_no_sentences() -> None:
    table = WordTable([], ["upos"])
    assert (len(table), table.columns, table.ambiguous("upos")) == (0, [], frozenset())
    assert table.predicted([], ["upos"])["upos"].dtype == np.int32

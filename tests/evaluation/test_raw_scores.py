"""Raw-text scores against numbers worked out by hand, and against the evaluation of the CoNLL 2018 shared task."""

import io
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.errors import InputError
from tagger.evaluation.raw_scores import F1, UNIVERSAL_FEATURES, raw_scores
from tagger.text.conllu import read_conllu
from tagger.text.sentence import Sentence

ROW = "{}\t{}\t{lemma}\t{upos}\t{xpos}\t{feats}\t{}\t_\t_\t_\n"
BLANK = dict.fromkeys(("lemma", "upos", "xpos", "feats"), "_")
NAMES = {"Tokens", "Sentences", "Words", "UPOS", "XPOS", "UFeats", "AllTags", "Lemmas"}


class Cut(NamedTuple):
    """A token with its words; only the first counts unless it is a multiword token."""

    form: str
    words: list[tuple[str, dict[str, str]]]  # form, tags
    multiword: bool


def gold(*blocks: list[str]) -> list[Sentence]:
    """Sentences of CoNLL-U, each word of them `ID FORM UPOS`."""
    rows = [[word.split() for word in block] for block in blocks]
    lines = [[ROW.format(*row[:2], "_", **BLANK | {"upos": row[2]}) for row in block] + ["\n"] for block in rows]
    return list(read_conllu(chain(*lines), "gold.conllu"))


DONT = ["1 I PRON", "2-3 don't _", "2 do AUX", "3 n't PART", "4 go VERB", "5 . PUNCT"]
STAY = ["1 We PRON", "2 stay VERB"]
BYE = ["1 Bye INTJ"]


def answer(*sentences: str) -> list[Sentence]:
    """Sentences from `form/TAG form/TAG`."""
    pairs = [[word.rpartition("/") for word in sentence.split()] for sentence in sentences]
    return [Sentence([w for w, _, _ in sentence], {"upos": [t for _, _, t in sentence]}) for sentence in pairs]


def test_hand_computed() -> None:
    # I do|n't go . We stay. Bye
    system = answer("I/PRON do/VERB n't/PART go./VERB We/PRON stay/VERB", "Bye/NOUN")
    scores = raw_scores(gold(DONT, STAY, BYE), system)
    assert scores == {
        "Tokens": F1(gold=7, system=7, correct=4),  # I We stay Bye
        "Sentences": F1(gold=3, system=2, correct=1),
        "Words": F1(gold=8, system=7, correct=6),  # I do n't We stay Bye
        "UPOS": F1(gold=8, system=7, correct=4),  # without do, Bye
    }
    assert scores["Words"].f1 == pytest.approx(12 / 15)


def test_columns_that_only_one_side_has_are_not_scored() -> None:
    names = {"Tokens", "Words", "Sentences"}
    assert set(raw_scores(gold(STAY), [Sentence(["We", "stay"], {"ner": ["O", "O"]})])) == names
    columns = {"upos": ["PRON", "VERB"], "xpos": ["_", "_"]}
    assert set(raw_scores(gold(STAY), [Sentence(["We", "stay"], columns)])) == {*names, "UPOS", "XPOS"}


def test_no_sentences() -> None:
    assert raw_scores([], [])["Words"] == F1()
    assert set(F1().shares().values()) == {0.0}


def test_different_texts() -> None:
    for words, there, missing in (([], "Westay", ""), (["We", "went"], "stay", "went")):
        with pytest.raises(InputError, match=f"gold sentences have '{there}' where the system .* '{missing}'"):
            raw_scores(gold(STAY), [Sentence(words)])


FORMS = st.text("abAİ", min_size=1, max_size=3)
TAGS = st.fixed_dictionaries(
    {
        "lemma": st.sampled_from(["_", "a", "b"]),
        "upos": st.sampled_from(["_", "X", "NOUN"]),
        "xpos": st.sampled_from(["_", "N"]),
        "feats": st.sampled_from(
            ["_", "Case=Nom|Typo=Yes", "Case=Nom", "Number=Sing|Case=Nom", "Case=Nom|Number=Sing"]
        ),
    }
)


@st.composite
def analyses(draw: st.DrawFn, text: str) -> list[list[Cut]]:
    """Any sentences with any tokens and words of a text."""
    sentences: list[list[Cut]] = [[]]
    at = 0
    while at < len(text):
        end = min(len(text), at + draw(st.integers(1, 4)))
        multiword = draw(st.booleans())
        words = draw(st.lists(st.tuples(FORMS, TAGS), min_size=1, max_size=3 if multiword else 1))
        sentences[-1].append(Cut(text[at:end], words, multiword))
        at = end
        if at < len(text) and draw(st.integers(0, 3)) == 0:
            sentences.append([])
    return sentences


def conllu(sentences: Iterable[list[Cut]]) -> Iterator[str]:
    """Lines of CoNLL-U; each word hangs on the first one of its sentence."""
    for sentence in sentences:
        number = 0
        for form, words, multiword in sentence:
            if multiword:
                yield ROW.format(f"{number + 1}-{number + len(words)}", form, "_", **BLANK)
            for word, tags in words if multiword else words[:1]:
                number += 1
                yield ROW.format(number, word if multiword else form, 0 if number == 1 else 1, **BLANK | tags)
        yield "\n"


@given(st.data())
def test_any_two_analyses_get_the_official_scores(data: st.DataObject) -> None:
    udeval = pytest.importorskip("udtools.udeval", reason="the extra `dev` has udtools")
    text = data.draw(st.text("abAİ", min_size=1, max_size=25))
    lines = [list(conllu(data.draw(analyses(text)))) for _ in range(2)]
    scores = raw_scores(*(list(read_conllu(side, "")) for side in lines))
    assert set(scores) == NAMES
    official = udeval.evaluate(*(udeval.load_conllu(io.StringIO("".join(side)), "", {}) for side in lines))
    for name, found in scores.items():
        expected = official[name]
        assert found == (expected.gold_total, expected.system_total, expected.correct), name


def test_the_universal_features_are_those_of_the_task() -> None:
    udeval = pytest.importorskip("udtools.udeval", reason="the extra `dev` has udtools")
    assert udeval.UNIVERSAL_FEATURES == UNIVERSAL_FEATURES

"""Raw-text scores against numbers worked out by hand, and against the evaluation of the CoNLL 2018 shared task."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.errors import InputError
from tagger.evaluation.raw_scores import F1, UNIVERSAL_FEATURES, raw_scores
from tagger.text.conllu import read_conllu
from tagger.text.sentence import Sentence
from tests.evaluation.official import NAMES, Cut, conllu, official

ROW = "{}\t{}\t_\t{}\t_\t_\t_\t_\t_\t_"


def block(*rows: str, comments: str = "") -> str:
    """A CoNLL-U block; each row is `ID FORM UPOS`."""
    return comments + "".join(ROW.format(*row.split()) + "\n" for row in rows) + "\n"


def gold(*blocks: str) -> list[Sentence]:
    return list(read_conllu("".join(blocks).splitlines(keepends=True), "gold.conllu"))


DONT = block("1 I PRON", "2-3 don't _", "2 do AUX", "3 n't PART", "4 go VERB", "5 . PUNCT")
STAY = block("1 We PRON", "2 stay VERB")
BYE = block("1 Bye INTJ")


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
    scores = raw_scores(gold(STAY), [Sentence(["We", "stay"], {"ner": ["O", "O"]})])
    assert set(scores) == {"Tokens", "Words", "Sentences"}
    columns = {"upos": ["PRON", "VERB"], "xpos": ["_", "_"]}
    assert set(raw_scores(gold(STAY), [Sentence(["We", "stay"], columns)])) == {
        *("Tokens", "Words", "Sentences", "UPOS", "XPOS")
    }


def test_no_sentences() -> None:
    assert raw_scores([], [])["Words"] == F1()
    assert set(F1().shares().values()) == {0.0}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "gold sentences have 'Westay' where the system sentences have ''"),
        (["We", "went"], "gold sentences have 'stay' where the system sentences have 'went'"),
    ],
)
def test_different_texts(words: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
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


@given(st.data())
def test_any_two_analyses_get_the_official_scores(data: st.DataObject) -> None:
    text = data.draw(st.text("abAİ", min_size=1, max_size=25))
    lines = [list(conllu(data.draw(analyses(text)))) for _ in range(2)]
    scores = raw_scores(*(list(read_conllu(side, "")) for side in lines))
    assert set(scores) == NAMES
    assert scores == official(*lines)


def test_the_universal_features_are_those_of_the_task() -> None:
    udeval = pytest.importorskip("udtools.udeval", reason="the extra `dev` has udtools")
    assert udeval.UNIVERSAL_FEATURES == UNIVERSAL_FEATURES

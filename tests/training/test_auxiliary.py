"""Which values of other columns are learned, and how a batch holds them."""

import numpy as np
import pytest
from datasets import Dataset

from tagger.corpus.splits import CORPUS
from tagger.training.auxiliary import MIN_COUNT, Auxiliary

ROWS = {
    "tokens": [["Dogs", "bark"], ["Well"]],
    "xpos": [["NNS", "VBP"], ["UH"]],
    "feats": [["Number=Plur", "Number=Plur|Tense=Pres"], ["_"]],
}
FEATS, XPOS = ["Number=Plur", "Tense=Pres"], ["xpos=NNS", "xpos=UH", "xpos=VBP"]


def corpus(**changes: list[list[str]]) -> Dataset:
    return Dataset.from_dict({name: lists * MIN_COUNT for name, lists in (ROWS | changes).items()})


@pytest.mark.parametrize(
    ("data", "columns", "names"),
    [
        (corpus(), ["upos"], FEATS + XPOS),  # the most frequent first
        (corpus(), ["upos", "xpos"], FEATS),  # what the tagger learns is none
        (corpus().select(range(2, 2 * MIN_COUNT)), ["upos"], FEATS[:1]),  # one time less
        (corpus(xpos=[["_", "_"], ["_"]], feats=[[], []]), ["upos"], []),
    ],
)
def test_frequent_values_of_other_columns_are_learned(data: Dataset, columns: list[str], names: list[str]) -> None:
    assert Auxiliary.of(data, columns).values == names


def test_a_batch_marks_what_holds_and_leaves_padding_empty() -> None:
    auxiliary = Auxiliary(["Number=Plur", "xpos=UH"])
    rows = {name: ROWS[name] for name in ("xpos", "feats")}
    expected = np.zeros((2, 2, 2))
    expected[0, 0, 0] = expected[1, 0, 0] = 1  # both words of the first sentence are plural
    expected[0, 1, 1] = 1
    assert np.array_equal(auxiliary.matrix(rows, [2, 1]), expected)
    assert not auxiliary.matrix({"xpos": [[], []], "feats": [[], []]}, [2, 1]).any()


def test_what_one_of_several_corpora_does_not_say_is_unknown() -> None:
    rows = ROWS | {CORPUS: ["first", "second"], "feats": [ROWS["feats"][0], ["_"]]}
    data = Dataset.from_dict({name: values * MIN_COUNT for name, values in rows.items()})
    auxiliary = Auxiliary.of(data, ["upos"])
    assert auxiliary.annotated == {("first", "xpos"), ("first", "feats"), ("second", "xpos")}
    found = auxiliary.matrix(rows, [2, 1])
    assert (found[:, 1, auxiliary.values.index("Number=Plur")] == -1).all()
    assert found[0, 1, auxiliary.values.index("xpos=UH")] == 1
    assert (found[:, 0] >= 0).all()

"""Fields of JSON objects go through."""

import json
from typing import Any

import pytest

from tagger.errors import InputError
from tagger.text.paragraphs import Paragraph
from tagger.text.readers import read_units
from tagger.text.sentence import MultiwordToken, Sentence, Token
from tests.text.conftest import read, segment, write


def test_json_fields_come_along() -> None:
    text = '{"id":7,"text":"A b. C.","meta":{"x":[1.5,null]}}\n{"id":8,"text":" "}\n{"id":"9","tokens":["d"]}\n'
    sentences = read(text, "jsonl", segment=segment)
    for s in sentences:
        s.tags = {"upos": ["X"] * len(s)}
    assert [json.loads(line) for line in write(sentences, "jsonl").splitlines()] == [
        {
            "id": 7,
            "meta": {"x": [1.5, None]},
            "tokens": ["A", "b."],
            "upos": ["X", "X"],
            "offsets": [[0, 1], [2, 4]],
            "space_after": [True, True],
            "text": "A b.",
        },
        {
            "id": 7,
            "meta": {"x": [1.5, None]},
            "tokens": ["C."],
            "upos": ["X"],
            "offsets": [[5, 7]],
            "space_after": [True],
            "text": "C.",
        },
        {"id": 8, "tokens": [], "upos": [], "offsets": [], "text": " "},
        {"id": "9", "tokens": ["d"], "upos": ["X"]},
    ]


def test_json_of_an_earlier_run_is_replaced() -> None:
    first = Sentence(["a"], {"upos": ["X"]}, {"upos": [0.75]}, {"upos": [[("X", 0.75), ("Y", 0.25)]]}, [(3, 4)], "a")
    (again,) = read(write([first], "jsonl", probabilities=True, top=2), "jsonl")
    assert (again.offsets, again.text) == (first.offsets, first.text)
    again.tags = {"upos": ["Z"]}
    assert write([again], "jsonl") == '{"tokens":["a"],"upos":["Z"],"offsets":[[3,4]],"text":"a"}\n'


def test_multiword_tokens_are_written_and_read() -> None:
    text = "Va-t'en au lit"
    cut = [[Token(0, 7, ("va", "te", "en")), Token(8, 10, ("\u00e0", "le")), Token(11, 14)]]
    (sentence,) = Paragraph(3, text, opens=False).cut(cut)
    sentence.tags = {"upos": ["A", "B", "C", "D", "E", "F"]}
    line = write([sentence], "jsonl")
    record = json.loads(line)
    assert record["multiwords"] == [[0, 3, "Va-t'en"], [3, 5, "au"]]
    assert record["offsets"] == [[3, 10]] * 3 + [[11, 13]] * 2 + [[14, 17]]
    (again,) = read(line, "jsonl", columns={"upos": 0})
    assert again.multiwords == sentence.multiwords
    assert all(type(multiword) is MultiwordToken for multiword in again.multiwords)
    assert write([again], "jsonl") == line
    assert write([again], "conllu") == write([sentence], "conllu")


CONLLU = """# text = L'eau du lac, là
1\tL'\t_\tDET\t_\t_\t_\t_\t_\tSpaceAfter=No
2\teau\t_\tNOUN\t_\t_\t_\t_\t_\t_
3-4\tdu\t_\t_\t_\t_\t_\t_\t_\t_
3\tde\t_\tADP\t_\t_\t_\t_\t_\t_
4\tle\t_\tDET\t_\t_\t_\t_\t_\t_
5\tlac\t_\tNOUN\t_\t_\t_\t_\t_\tSpaceAfter=No
6\t,\t_\tPUNCT\t_\t_\t_\t_\t_\t_
7\tlà\t_\tADV\t_\t_\t_\t_\t_\tSpaceAfter=No

"""


def test_conllu_comes_back_from_json_with_its_spacing_and_its_multiword_tokens() -> None:
    line = write(read(CONLLU, "conllu"), "jsonl")
    assert json.loads(line)["space_after"] == [False, True, False, True, False, True, False]
    assert write(read(line, "jsonl", columns={"upos": 0}), "conllu") == CONLLU


@pytest.mark.parametrize("value", ["101", [True], [1, 0, 1], [True, None, True], [True, True, True]])
def test_other_spacing_is_a_field_like_any_other(value: Any) -> None:
    line = json.dumps({"tokens": ["a", "b", "c"], "multiwords": [[0, 2, "ab"]], "space_after": value})
    (sentence,) = read(line, "jsonl")
    assert sentence.space_after is None
    assert sentence.fields == {"space_after": value}


@pytest.mark.parametrize(
    "value",
    [
        "1-2",
        {"1-2": "ab"},
        [["ab", 0, 2]],
        [[0, 2]],
        [[0, 4, "abcd"]],
        [[1, 1, ""]],
        [[-1, 1, "a"]],
        [[0, 2, "ab"], [1, 3, "bc"]],
        [[2, 3, "c"], [0, 1, "a"]],
        [[0, True, "a"]],
    ],
)
def test_other_multiwords_are_a_field_like_any_other(value: Any) -> None:
    line = json.dumps({"tokens": ["a", "b", "c"], "multiwords": value})
    (sentence,) = read(line, "jsonl")
    assert sentence.multiwords == []
    sentence.tags = {"upos": ["X"] * 3}
    assert json.loads(write([sentence], "jsonl"))["multiwords"] == value


def test_a_text_is_cut_anew_without_the_tokens_of_an_earlier_cut() -> None:
    earlier = '"multiwords": [[0, 2, "x"]], "space_after": [false, true]'
    (sentence,) = read(f'{{"text": "go", {earlier}, "id": 1}}\n', "jsonl", segment=segment)
    assert sentence.space_after == [True]
    assert sentence.fields == {"id": 1}


def test_lists_of_tags_may_be_missing_where_that_is_said() -> None:
    lines = ['{"tokens": ["a"], "xpos": ["X"]}\n', '["a"]\n']
    units = read_units(lines, "f", "jsonl", columns={"upos": 0, "xpos": 0}, may_lack_tags=True)
    assert [unit.tags for unit in units if isinstance(unit, Sentence)] == [{"xpos": ["X"]}, {}]
    with pytest.raises(InputError, match="line 1: upos"):
        list(read_units(lines, "f", "jsonl", columns={"upos": 0, "xpos": 0}))

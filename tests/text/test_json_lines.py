"""Fields of JSON objects go through."""

import json

from tagger.text.sentence import Sentence
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
            "text": "A b.",
        },
        {"id": 7, "meta": {"x": [1.5, None]}, "tokens": ["C."], "upos": ["X"], "offsets": [[5, 7]], "text": "C."},
        {"id": 8, "tokens": [], "upos": [], "offsets": [], "text": " "},
        {"id": "9", "tokens": ["d"], "upos": ["X"]},
    ]


def test_json_of_an_earlier_run_is_replaced() -> None:
    first = Sentence(["a"], {"upos": ["X"]}, {"upos": [0.75]}, {"upos": [[("X", 0.75), ("Y", 0.25)]]}, [(3, 4)], "a")
    (again,) = read(write([first], "jsonl", probabilities=True, top=2), "jsonl")
    assert (again.offsets, again.text) == (first.offsets, first.text)
    again.tags = {"upos": ["Z"]}
    assert write([again], "jsonl") == '{"tokens":["a"],"upos":["Z"],"offsets":[[3,4]],"text":"a"}\n'

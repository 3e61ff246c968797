"""What is wrong with values from outside is one line: the key, the value and the remedy."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from msgspec import Meta

from tagger.errors import InputError
from tagger.text.schema import Count, Dropout, Name, Size, bad_value, one_of, read, read_json


class Saved(TypedDict):
    sizes: list[Count]
    tune: bool


@dataclass
class Hidden:
    forward: Size | list[Size] | None


@dataclass
class Model:
    cell: Annotated[str, one_of(("gru", "lstm"))]
    depth: Count
    hidden: Hidden
    dropout: Dropout | None = None
    saved: Saved | None = None
    places: dict[str, int | None] = field(default_factory=dict)
    name: Name | None = None
    tags: list[str] = field(default_factory=list)
    lr: Annotated[float, Meta(gt=0, le=1)] = 0.1
    all: list[Hidden] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.depth == 7:
            raise InputError("model.depth=7: seven is bad luck; give another number")


@dataclass
class Page:
    model: Model
    seed: int = 1


def values(**changes: Any) -> dict[str, Any]:
    return {"model": {"cell": "gru", "depth": 2, "hidden": {"forward": [3, 4]}, **changes}}


def test_values_that_fit() -> None:
    page = read(Page, values(dropout=0, saved={"sizes": [1], "tune": True}, places={"upos": None}))
    assert page.model.hidden == Hidden([3, 4])
    assert (page.model.dropout, page.model.saved) == (0.0, {"sizes": [1], "tune": True})
    assert read(Page, values(name=2.16, tags=[1, "b"]), from_page=True).model.name == "2.16"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cell": "gruu"}, "model.cell=gruu: expected one of gru, lstm"),
        ({"depth": 0}, "model.depth=0: expected int >= 1"),
        ({"depth": 10**12}, "model.depth=1000000000000: expected int <= 10000000"),
        ({"depth": True}, "model.depth=true: expected int, got bool"),
        ({"depth": 7}, "model.depth=7: seven is bad luck; give another number"),
        ({"dropout": float("nan")}, "model.dropout=NaN: expected float >= 0.0"),
        ({"name": ""}, "model.name=: expected str of length >= 1"),
        ({"name": 5}, "model.name=5: expected str or null, got int"),
        ({"tags": "a"}, "model.tags=a: expected array, got str"),
        ({"hidden": {}}, "model.hidden.forward has no value; give it one: model.hidden.forward=..."),
        ({"hidden": {"forward": [1, "a"]}}, "model.hidden.forward.1=a: expected int, got str"),
        ({"saved": {"sizes": [0], "tune": True}}, "model.saved.sizes.0=0: expected int >= 1"),
        ({"places": {"upos": 1, "xpos": "x"}}, 'model.places={"upos": 1, "xpos": "x"}: expected int or null, got str'),
        ({"all": [{"forward": 1}, {"forward": -1}]}, "model.all.1.forward=-1: expected int >= 0"),
        ({"all": [{"forward": 1, "backward": 1}]}, "model.all.0.backward: no such key; model.all.0 has forward"),
        ({"dept": 1}, "model.dept: no such key; did you mean model.depth? model has cell, depth, hidden, "),
    ],
)
def test_a_mistake_is_one_line(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        read(Page, values(**changes))
    assert str(caught.value).startswith(message)
    assert str(caught.value).isprintable()


def test_values_are_shown_as_they_are_written() -> None:
    for wrong, message in ((5, "the whole=5: expected object"), ({"model": 5}, "model=5: expected object, got int")):
        with pytest.raises(InputError, match=message):
            read(Page, wrong)
    shown = [str(bad_value("a", value, "b")) for value in (None, True, "\x1b[31m", "x" * 100)]
    assert shown[:3] == ["a=null: b", "a=true: b", r"a=\x1b[31m: b"]
    assert len(shown[3]) < 80


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    for text, message in (
        ("[1]", r"is damaged \(it holds no JSON object\); make it again"),
        ("{", r"is damaged \(Expecting property name"),
        ("[" * 100_000, r"is damaged \(nested more than 50 deep\)"),
        (f'{{"forward": {"[" * 60}{"]" * 60}}}', r"is damaged \(nested more than 50 deep\)"),
        (f'{{"forward": {"[" + "1," * 600 + "1]"}}}', "has more than 0.001 MB; make it again"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=rf"x.json {message}"):
            read_json(path, 1000 if len(text) < 2000 else 10**6, "make it again")
    path.write_text('{"forward": 3}')
    assert read_json(path, 1000) == {"forward": 3}

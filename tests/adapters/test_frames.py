import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import polars
import pytest
from polars.testing import assert_frame_equal

import tagger
from tagger import Sentence
from tagger.adapters.frames import to_frame
from tagger.errors import InputError
from tagger.text.sentence import MultiwordToken
from tests.conftest import CORPUS, TOKENS

COLUMNS = ["sentence", "position", "sent_id", "word", "upos", "start", "end", "space_after"]


def rows(frame: Any) -> list[tuple[Any, ...]]:
    """The rows of a frame, with None for what is missing."""
    if isinstance(frame, polars.DataFrame):
        return frame.rows()
    return [tuple(None if pandas.isna(v) else v for v in row) for row in frame.itertuples(index=False, name=None)]


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_row_for_every_word(library: Any) -> None:
    sentences = [
        Sentence(
            ["de", "le", "pain"],
            {"upos": ["ADP", "DET", "NOUN"]},
            {"upos": [0.5, 0.25, 1.0]},
            offsets=[(0, 2), (0, 2), (3, 7)],
            comments=["# sent_id = s1"],
            multiwords=[MultiwordToken(0, 2, "du")],
            space_after=[False, True, False],
        ),
        Sentence([]),
        Sentence(["a\ud800"], {"xpos": ["Z"]}),
    ]
    frame = to_frame(sentences, library)
    assert list(frame.columns) == [*COLUMNS[:5], "upos_probability", "xpos", *COLUMNS[5:]]
    assert rows(frame) == [
        (0, 0, "s1", "de", "ADP", 0.5, None, 0, 2, False),
        (0, 1, "s1", "le", "DET", 0.25, None, 0, 2, True),
        (0, 2, "s1", "pain", "NOUN", 1.0, None, 3, 7, False),
        (2, 0, None, "a\ufffd", None, None, "Z", None, None, None),
    ]


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_the_tags_of_a_tagger(library: Any, trained: Path) -> None:
    tiny = tagger.load(trained, "cpu")
    frame = to_frame(tiny.annotate("They book flights. The book reads well."), library)
    assert list(frame["word"]) == TOKENS[0] + TOKENS[1]
    assert list(frame["xpos"]) == CORPUS[0]["xpos"] + CORPUS[1]["xpos"]
    assert list(frame["start"])[:4] == [0, 5, 10, 17]
    assert all(0 < share <= 1 for share in frame["upos_probability"])
    plain = to_frame(tiny.stream(map(Sentence, TOKENS)), library)
    assert list(plain.columns) == [*COLUMNS[:5], "xpos", *COLUMNS[5:]]
    assert list(plain["sentence"]) == [0] * 4 + [1] * 5 + [2]


def test_types(trained: Path) -> None:
    sentences = tagger.load(trained, "cpu").annotate("They book flights.")
    with_nothing = [*sentences, Sentence(["x"])]
    for some in (sentences, with_nothing, []):
        frame = to_frame(some, columns=["upos"])
        share = {"upos_probability": np.dtype("float64")} if some else {}
        text, offset = pandas.StringDtype(), pandas.Int64Dtype()
        whole = np.dtype("int64")
        expected = {"sentence": whole, "position": whole, "sent_id": text, "word": text, "upos": text, **share}
        expected |= {"start": offset, "end": offset, "space_after": pandas.BooleanDtype()}
        assert dict(frame.dtypes) == expected
        table = to_frame(some, "polars", ["upos"])
        kinds: dict[str, Any] = dict.fromkeys(["sentence", "position", "start", "end"], polars.Int64)
        kinds |= dict.fromkeys(["sent_id", "word", "upos"], polars.String)
        kinds |= {"upos_probability": polars.Float64, "space_after": polars.Boolean}
        assert list(table.columns) == list(expected)
        assert {name: kinds[name] for name in table.columns} == table.schema


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_no_sentences_give_the_columns(library: Any) -> None:
    for sentences in ([], [Sentence([])]):
        assert list(to_frame(sentences, library).columns) == [c for c in COLUMNS if c != "upos"]
        frame = to_frame(iter(sentences), library, columns=["upos"])
        assert list(frame.columns) == COLUMNS
        assert len(frame) == 0


def test_both_libraries_have_the_same_rows(trained: Path) -> None:
    sentences = tagger.load(trained, "cpu").annotate("They book flights. Well")
    assert_frame_equal(polars.from_pandas(to_frame(sentences)), to_frame(sentences, "polars"))


def test_what_does_not_fit_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="library='arrow': give 'pandas' or 'polars'"):
        to_frame([], "arrow")  # type: ignore[call-overload]
    with pytest.raises(InputError, match="is no Sentence; give what"):
        to_frame([["They"]])  # type: ignore[list-item]
    for column in ("word", "start", "upos_probability"):
        sentence = Sentence(["a"], {"upos": ["X"], column: ["Y"]}, {"upos": [0.5]})
        with pytest.raises(InputError, match="has the name of another one; rename it"):
            to_frame([sentence])
    for library, install in (("pandas", r"\."), ("polars", r"'\.\[polars\]'")):
        monkeypatch.setitem(sys.modules, library, None)
        with pytest.raises(InputError, match=f"{library} is not installed; .*, run pip install -e {install}$"):
            to_frame([], library)  # type: ignore[call-overload]

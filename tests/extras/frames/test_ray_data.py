"""Datasets of a real Ray of this machine."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow
import pytest

pytest.importorskip("ray", reason="the extra `ray` has Ray")

import ray

from tagger.errors import InputError
from tagger.extras.frames.batch_tagger import BatchTagger
from tagger.extras.frames.ray_data import TableTagger, tag_dataset

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def _ray() -> Iterator[None]:
    """A Ray whose processes find `tagger`, if there is none yet."""
    if ray.is_initialized():
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
        ray.init("local", num_cpus=3, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
        yield
        ray.shutdown()


@pytest.mark.slow
@pytest.mark.usefixtures("_ray")
def test_columns_of_a_dataset(trained: Path) -> None:
    texts = ["They book flights. The book reads well.", None, "Well"] * 20
    dataset = ray.data.from_items([{"number": n, "text": text} for n, text in enumerate(texts)]).repartition(3)
    tagged = tag_dataset(dataset, trained, tags=["upos"], probabilities=True, batch_size=7)
    rows = sorted(tagged.take_all(), key=lambda row: row["number"])
    expected = BatchTagger(trained, tags=["upos"], probabilities=True)({"text": texts})
    for name, values in expected.items():
        assert [row[name] for row in rows] == values
    (row,) = tag_dataset(ray.data.from_items([german := {"text": "Die Kinder spielten im Garten."}]), workers=1).take()
    assert row["xpos"] == BatchTagger("german")({"text": [german["text"]]})["xpos"][0]


def test_tables(trained: Path) -> None:
    def tagged(**columns: Any) -> pyarrow.Table:
        return TableTagger(BatchTagger(trained, "x", tags=["upos"]))(pyarrow.table(columns))

    words = pyarrow.array([["They", "book"], None])
    assert tagged(x=words).to_pydict() == {"x": words.to_pylist(), "upos": [["PRON", "VERB"], None]}
    assert tagged(x=pyarrow.array([None, None])).to_pydict() == {name: [None, None] for name in ("x", "tokens", "upos")}
    without_rows = tagged(x=pyarrow.array([], pyarrow.large_string())).schema
    assert without_rows == tagged(x=pyarrow.array(["Well", None], pyarrow.large_string())).schema
    for columns, words_ in (
        ({"x": pyarrow.array([1])}, "'x' has values of the type int64"),
        ({"y": words}, "there is no column 'x'; there are 'y'"),
        ({"x": words, "upos": words}, "there is a column 'upos' already"),
    ):
        with pytest.raises(InputError, match=words_):
            tagged(**columns)

"""Data frames of both libraries: a row for every word, null for what is not known, the types of columns."""

from pathlib import Path
from typing import Any

import pandas
import polars
import pytest
from datasets import Dataset
from datasets.fingerprint import Hasher
from polars.testing import assert_frame_equal

import tagger
from tagger import Sentence
from tagger.errors import InputError
from tagger.extras.frames import batch_tagger as batches
from tagger.extras.frames.batch_tagger import BatchTagger
from tagger.extras.frames.frames import to_frame
from tagger.text.sentence import MultiwordToken
from tests.conftest import CORPUS, TOKENS

COLUMNS = ["sentence", "position", "sent_id", "word", "upos", "upos_probability", "xpos", "start", "end", "space_after"]
SENTENCES = [
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


def test_a_row_for_every_word() -> None:
    frame = to_frame(iter(SENTENCES), "polars")
    assert frame.columns == COLUMNS
    assert frame.rows() == [
        (0, 0, "s1", "de", "ADP", 0.5, None, 0, 2, False),
        (0, 1, "s1", "le", "DET", 0.25, None, 0, 2, True),
        (0, 2, "s1", "pain", "NOUN", 1.0, None, 3, 7, False),
        (2, 0, None, "a\ufffd", None, None, "Z", None, None, None),
    ]
    assert_frame_equal(polars.from_pandas(to_frame(SENTENCES)), frame)


@pytest.mark.parametrize("sentences", [SENTENCES, []])
def test_types_do_not_depend_on_the_rows(sentences: list[Sentence]) -> None:
    kinds = {"int64": "Int64", "Int64": "Int64", "string": "String", "boolean": "Boolean", "Float64": "Float64"}
    wanted = ["int64"] * 2 + ["string"] * 3 + ["float64"] * bool(sentences) + ["Int64"] * 2 + ["boolean"]
    frame, table = to_frame(sentences, columns=["upos"]), to_frame(sentences, "polars", ["upos"])
    names = [name for name in COLUMNS if name != "xpos" and (sentences or name != "upos_probability")]
    assert list(frame.columns) == table.columns == names
    assert [str(kind) for kind in frame.dtypes] == wanted
    assert [str(kind) for kind in table.dtypes] == [kinds.get(kind, "Float64") for kind in wanted]
    assert isinstance(frame, pandas.DataFrame)


def test_what_does_not_fit_says_what_to_do() -> None:
    odd: list[tuple[list[Any], str, str]] = [
        ([], "arrow", "library='arrow': give 'pandas' or 'polars'"),
        ([["They"]], "pandas", "is no Sentence; give what"),
        ([Sentence(["a"], {"upos": ["X"], "word": ["Y"]}, {"upos": [0.5]})], "pandas", "rename it"),
        ([Sentence(["a"], {"upos": ["X"], "upos_probability": ["Y"]}, {"upos": [0.5]})], "pandas", "rename it"),
    ]
    for sentences, library, message in odd:
        with pytest.raises(InputError, match=message):
            to_frame(sentences, library)  # type: ignore[arg-type]


TEXTS = ["They book flights. The book reads well.\n\nWell", None, "", "The book reads well."]


def test_a_text_becomes_sentences(trained: Path) -> None:
    found = BatchTagger(trained)({"text": TEXTS, "other": [1, 2, 3, 4]})
    assert list(found) == ["tokens", "upos", "xpos"]
    assert found["tokens"] == [TOKENS, None, [], [TOKENS[1]]]
    for column in ("upos", "xpos"):
        tags = [sentence[column] for sentence in CORPUS]
        assert found[column] == [tags, None, [], [tags[1]]]


def test_a_list_of_tokens_is_one_sentence(trained: Path) -> None:
    found = BatchTagger(trained, "words", tags=["upos"], probabilities=True)({"words": [*TOKENS, None, []]})
    assert list(found) == ["upos", "upos_probabilities"]
    assert found["upos"] == [*(sentence["upos"] for sentence in CORPUS), None, []]
    shares = [tagger.load(trained, "cpu").annotate(tokens).probabilities["upos"] for tokens in TOKENS]
    assert found["upos_probabilities"][:3] == [pytest.approx(own, abs=0.01) for own in shares]
    assert found["upos_probabilities"][3:] == [None, []]


GERMAN = "Die Kinder spielten im Garten, als ihre Mutter von der Arbeit nach Hause kam."


def test_each_value_has_its_own_language_unless_a_tagger_is_named() -> None:
    english, words = (
        "The children were playing in the garden.",
        ["Les", "enfants", "jouaient", "dans", "le", "jardin", "."],
    )
    mixed = BatchTagger(probabilities=True)({"text": [GERMAN, english, words, None, []]})
    for place, (text, language) in enumerate([(GERMAN, "german"), (english, "english"), (words, "french")]):
        of_one = BatchTagger(language)({"text": [text]})
        assert [mixed[column][place] for column in ("upos", "lemma")] == [of_one["upos"][0], of_one["lemma"][0]]
    assert mixed["upos_probabilities"][3:] == [None, []]
    assert BatchTagger("english")({"text": [GERMAN]})["xpos"] != BatchTagger()({"text": [GERMAN]})["xpos"]
    with pytest.raises(InputError, match="the value 'ⴰⵣⵓⵍ ⴼⵍⵍⴰⵡⵏ': no tagger"):
        BatchTagger()({"text": ["ⴰⵣⵓⵍ ⴼⵍⵍⴰⵡⵏ"]})


def test_values_do_not_depend_on_their_batch(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"They book {number} flights. The book reads well." for number in range(50)]
    alone = [BatchTagger(trained, probabilities=True)({"text": [text]}) for text in texts]
    monkeypatch.setattr(batches, "WINDOW_TOKENS", 70)
    together = BatchTagger(trained, probabilities=True)({"text": texts})
    for name, values in together.items():
        assert values == [found[name][0] for found in alone], name


def test_datasets_map(trained: Path, tmp_path: Path) -> None:
    dataset = Dataset.from_dict({"text": TEXTS * 2})
    function = BatchTagger(trained, tags=["upos"])
    tagged = dataset.map(function, batched=True, batch_size=3, num_proc=2)
    assert tagged["upos"] == function({"text": TEXTS * 2})["upos"]
    assert Hasher.hash(function) == Hasher.hash(BatchTagger(trained, tags=["upos"]))  # so the cache knows it again
    assert Hasher.hash(function) != Hasher.hash(BatchTagger(trained, tags=["xpos"]))


def test_errors_name_the_value(trained: Path) -> None:
    function = BatchTagger(trained)
    with pytest.raises(InputError, match="no column 'text'; there are 'body'"):
        function({"body": ["They book."]})
    with pytest.raises(InputError, match="not '7'"):
        function({"text": [7]})
    with pytest.raises(InputError, match="no column 'lemma'; it has upos, xpos"):
        BatchTagger(trained, tags=["lemma"])({"text": []})
    with pytest.raises(InputError, match="no such"):
        BatchTagger("nowhere")

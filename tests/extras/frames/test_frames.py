"""Data frames of both libraries, datasets of Ray, NLTK: a row for every word, null for what is not known."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas
import polars
import pyarrow
import pytest
from datasets import Dataset
from datasets.fingerprint import Hasher
from nltk.tag.api import TaggerI
from polars.testing import assert_frame_equal

import tagger
from tagger import Sentence
from tagger.errors import InputError
from tagger.extras.frames import batch_tagger as batches
from tagger.extras.frames.batch_tagger import BatchTagger
from tagger.extras.frames.frames import to_frame
from tagger.extras.frames.nltk import UNIVERSAL_TAGS, NltkTagger
from tagger.extras.frames.ray_data import TableTagger, tag_dataset
from tagger.text.sentence import MultiwordToken
from tests.conftest import CORPUS, ROOT, TOKENS

TEXTS = ["They book flights. The book reads well.\n\nWell", None, "", "The book reads well."]
GERMAN = "Die Kinder spielten im Garten, als ihre Mutter von der Arbeit nach Hause kam."
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


def test_a_row_for_every_word_and_types_that_do_not_depend_on_them() -> None:
    frame = to_frame(iter(SENTENCES), "polars")
    assert frame.columns == COLUMNS
    assert frame.rows() == [
        (0, 0, "s1", "de", "ADP", 0.5, None, 0, 2, False),
        (0, 1, "s1", "le", "DET", 0.25, None, 0, 2, True),
        (0, 2, "s1", "pain", "NOUN", 1.0, None, 3, 7, False),
        (2, 0, None, "a\ufffd", None, None, "Z", None, None, None),
    ]
    assert_frame_equal(polars.from_pandas(to_frame(SENTENCES)), frame)
    for sentences in [SENTENCES, []]:
        kinds = {"int64": "Int64", "Int64": "Int64", "string": "String", "boolean": "Boolean", "Float64": "Float64"}
        wanted = ["int64"] * 2 + ["string"] * 3 + ["float64"] * bool(sentences) + ["Int64"] * 2 + ["boolean"]
        frame, table = to_frame(sentences, columns=["upos"]), to_frame(sentences, "polars", ["upos"])
        names = [name for name in COLUMNS if name != "xpos" and (sentences or name != "upos_probability")]
        assert list(frame.columns) == table.columns == names
        assert [str(kind) for kind in frame.dtypes] == wanted
        assert [str(kind) for kind in table.dtypes] == [kinds.get(kind, "Float64") for kind in wanted]
        assert isinstance(frame, pandas.DataFrame)


def test_what_does_not_fit_says_what_to_do(trained: Path) -> None:
    function, twice = BatchTagger(trained), {"upos": ["X"], "word": ["Y"]}
    mistakes: list[tuple[Callable[[], object], str]] = [
        (lambda: to_frame([], "arrow"), "library='arrow': give 'pandas' or 'polars'"),  # type: ignore[arg-type]
        (lambda: to_frame([["They"]]), "is no Sentence; give what"),  # type: ignore[list-item]
        (lambda: to_frame([Sentence(["a"], twice)]), "rename it"),
        (lambda: to_frame([Sentence(["a"], {"upos": ["X"], "upos_probability": ["Y"]}, {"upos": [0.5]})]), "rename it"),
        (lambda: function({"body": ["They book."]}), "no column 'text'; there are 'body'"),
        (lambda: function({"text": [7]}), "not '7'"),
        (lambda: BatchTagger(trained, tags=["lemma"])({"text": []}), "no column 'lemma'; it has upos, xpos"),
        (lambda: BatchTagger("nowhere"), "no such"),
        (lambda: BatchTagger()({"text": ["ⴰⵣⵓⵍ ⴼⵍⵍⴰⵡⵏ"]}), "the value 'ⴰⵣⵓⵍ ⴼⵍⵍⴰⵡⵏ': no tagger"),
        (lambda: function({"text": "They book."}), r"'They book\.' is one value, not a batch; .*batched=True"),
        (lambda: NltkTagger(trained, "feats"), "no column 'feats'; it has upos, xpos"),
        (lambda: NltkTagger(trained, tagset="penn"), "'penn' is no tagset here; give 'universal'"),
        (lambda: NltkTagger(trained, "xpos", "universal"), r"tag '\.'; name a column of UPOS"),
        (lambda: NltkTagger(None, "xpos", "universal"), "name a column of UPOS"),
        (lambda: NltkTagger(trained).tag("They book"), "a list of tokens, not 'They book'"),
    ]
    for mistake, message in mistakes:
        with pytest.raises(InputError, match=message):
            mistake()


def test_a_document_without_words_has_the_columns_of_its_tagger(trained: Path) -> None:
    of_words, empty = (to_frame(tagger.load(trained, "cpu")(text)) for text in ("They book.", ""))
    assert (len(empty), list(empty.columns)) == (0, list(of_words.columns))
    assert list(empty.dtypes) == list(of_words.dtypes)


def test_values_depend_on_themselves(trained: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = BatchTagger(trained)({"text": TEXTS, "other": [1, 2, 3, 4]})
    assert list(found) == ["tokens", "upos", "xpos"]
    assert found["tokens"] == [TOKENS, None, [], [TOKENS[1]]]
    for column in ("upos", "xpos"):
        tags = [sentence[column] for sentence in CORPUS]
        assert found[column] == [tags, None, [], [tags[1]]]
    found = BatchTagger(trained, "words", tags=["upos"], probabilities=True)({"words": [*TOKENS, None, []]})
    assert list(found) == ["upos", "upos_probabilities"]
    assert found["upos"] == [*(sentence["upos"] for sentence in CORPUS), None, []]
    shares = [tagger.load(trained, "cpu").annotate(tokens)[0].probabilities["upos"] for tokens in TOKENS]
    assert found["upos_probabilities"][:3] == [pytest.approx(own, abs=0.01) for own in shares]
    assert found["upos_probabilities"][3:] == [None, []]
    texts = [f"They book {number} flights. The book reads well." for number in range(50)]
    alone = [BatchTagger(trained, probabilities=True)({"text": [text]}) for text in texts]
    monkeypatch.setattr(batches, "WINDOW_TOKENS", 70)
    together = BatchTagger(trained, probabilities=True)({"text": texts})
    for name, values in together.items():
        assert values == [found[name][0] for found in alone], name
    dataset = Dataset.from_dict({"text": TEXTS * 2})
    function = BatchTagger(trained, tags=["upos"])
    tagged = dataset.map(function, batched=True, batch_size=3, num_proc=2)
    assert tagged["upos"] == function({"text": TEXTS * 2})["upos"]
    assert Hasher.hash(function) == Hasher.hash(BatchTagger(trained, tags=["upos"]))  # so the cache knows it again
    assert Hasher.hash(function) != Hasher.hash(BatchTagger(trained, tags=["xpos"]))
    refused = BatchTagger(tags=["upos"], skip_refused=True)({"text": ["ⴰⵣⵓⵍ ⴼⵍⵍⴰⵡⵏ", GERMAN]})
    assert [tags is None for tags in refused["upos"]] == [True, False]
    english, words = "The children were playing in the garden.", ["Les", "enfants", "jouaient", "dans", "le", "jardin"]
    mixed = BatchTagger(probabilities=True)({"text": [GERMAN, english, words, None, []]})
    for place, (text, language) in enumerate([(GERMAN, "german"), (english, "english"), (words, "french")]):
        of_one = BatchTagger(language)({"text": [text]})
        assert [mixed[column][place] for column in ("upos", "lemma")] == [of_one["upos"][0], of_one["lemma"][0]]
    assert mixed["upos_probabilities"][3:] == [None, []]
    assert BatchTagger("english")({"text": [GERMAN]})["xpos"] != BatchTagger()({"text": [GERMAN]})["xpos"]


def test_tags_for_nltk_and_its_own_scores_are_those_of_the_tagger(trained: Path) -> None:
    for column, model in (("upos", trained), ("xpos", str(trained)), ("xpos", tagger.load(trained, "cpu"))):
        nltk = NltkTagger(model, column)
        assert isinstance(nltk, TaggerI)
        gold = [list(zip(s["tokens"], s[column], strict=True)) for s in CORPUS]
        assert nltk.tag_sents(iter(TOKENS)) == gold
        assert nltk.tag(tuple(TOKENS[0])) == gold[0]
    assert NltkTagger(trained).tag([]) == []
    nltk = NltkTagger(trained)
    gold = [list(zip(s["tokens"], s["upos"], strict=True)) for s in CORPUS]
    assert nltk.accuracy(gold) == 1.0
    gold[0][0] = ("They", "NOUN")
    assert nltk.accuracy(gold) == pytest.approx(9 / 10)
    assert nltk.confusion(gold)["NOUN", "PRON"] == 1
    nltk = NltkTagger(trained, tagset="universal")
    assert nltk.tag_sents(TOKENS) == [
        [("They", "PRON"), ("book", "VERB"), ("flights", "NOUN"), (".", ".")],
        [("The", "DET"), ("book", "NOUN"), ("reads", "VERB"), ("well", "ADV"), (".", ".")],
        [("Well", "X")],
    ]
    assert set(tagger.load("english").vocabulary.tags["upos"]) == set(UNIVERSAL_TAGS)
    tokens = ["Die", "Kinder", "spielten", "im", "Garten", "."]
    german = NltkTagger("german").tag(tokens)
    assert NltkTagger().tag(tokens) == german != NltkTagger("english").tag(tokens)
    assert NltkTagger(tagset="universal").tag(tokens) == [(token, UNIVERSAL_TAGS[tag]) for token, tag in german]


@pytest.mark.slow
def test_columns_of_a_dataset_of_ray(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray", reason="the extra `ray` has Ray")
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)  # so that its processes find `tagger`
    monkeypatch.setenv("RAY_worker_niceness", "0")  # other tests would starve them
    if started := not ray.is_initialized():
        ray.init("local", num_cpus=3, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    texts = ["They book flights. The book reads well.", None, "Well"] * 20
    dataset = ray.data.from_items([{"number": n, "text": text} for n, text in enumerate(texts)]).repartition(3)
    tagged = tag_dataset(dataset, trained, tags=["upos"], probabilities=True, batch_size=7)
    rows = sorted(tagged.take_all(), key=lambda row: row["number"])
    expected = BatchTagger(trained, tags=["upos"], probabilities=True)({"text": texts})
    for name, values in expected.items():
        assert [row[name] for row in rows] == values
    (row,) = tag_dataset(ray.data.from_items([german := {"text": "Die Kinder spielten im Garten."}]), workers=1).take()
    assert row["xpos"] == BatchTagger("german")({"text": [german["text"]]})["xpos"][0]
    if started:
        ray.shutdown()


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

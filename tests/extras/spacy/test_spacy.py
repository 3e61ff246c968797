"""Pipelines of spaCy with our parts, and a tagger with features and lemmas."""

import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import spacy
import srsly
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

import tagger
import tagger.extras.spacy.spacy_tagger
import tagger.extras.spacy.spacy_tokenizer  # both register themselves
from tagger.errors import InputError, missing_extra
from tagger.extras.spacy.spacy_tagger import ATTRIBUTES
from tagger.extras.spacy.spacy_tokenizer import PipelinePart
from tagger.model.vocabulary import Vocabulary
from tagger.tagging.tagger import Tagger
from tagger.text.strings import SPACE
from tests.conftest import CORPUS, LEMMAS, TOKENS, Hub, bundle_of, make_network, overfit, save_tiny, with_entry_points

TEXTS = ["They book flights.", "The book reads well.", "Well", "", "  \n"]
SHOWN = [("They", "PRON", "PRP"), ("book", "VERB", "VBP"), ("flights", "NOUN", "NNS"), (".", "PUNCT", ".")]
PIECES = ["They", "don't", "book.", "The", "3.5", "du", "des", "東京", "!", "…", "\u200b", "e\u0301", "x-y"]
GAPS = ["", " ", "  ", "\n", "\n\n", " \n", "\t", "\r\n", "\u00a0", "\u3000", "\u200b", "\ufeff", "\x1c"]
texts = st.lists(st.sampled_from(PIECES + GAPS)).map("".join) | st.text()
SCRIPT = """
import multiprocessing, sys
import spacy

if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    spacy.blank("en")
    assert "tagger.extras.spacy.spacy_tagger" in sys.modules  # spaCy imports all components
    assert not [name for name in sys.modules if name.startswith(("tagger.tagging", "tagger.model"))]
    tokenizer = {"@tokenizers": "bigru_tokenizer", "model": sys.argv[2]}
    nlp = spacy.blank("en", config={"nlp": {"tokenizer": tokenizer}})
    nlp.add_pipe("bigru_tagger", config={"model": sys.argv[2]})
    texts = ["They book flights.", "The book  reads well.", "", "Well"] * 3
    for size in [2, 5] if sys.argv[1] == "fork" else [2]:
        for doc in nlp.pipe(texts, n_process=2, batch_size=size):
            print([(token.text, token.pos_, token._.bigru_words) for token in doc])
        nlp("Well")  # the next time, the tagger has been loaded here too
"""
FEATS = [["Number=Plur", "_", "Number=Plur", "_"], ["_", "Number=Sing", "_", "_", "_"], ["_"]]


def pipeline(model: Path | str = "english", ours: bool = True, **settings: Any) -> Language:
    """A pipeline with our component, and with our tokenizer if `ours`."""
    tokenizer = {"@tokenizers": "bigru_tokenizer", "model": str(model)}
    nlp = spacy.blank("en", config={"nlp": {"tokenizer": tokenizer}} if ours else {})
    nlp.add_pipe("bigru_tagger", config={"model": str(model), **settings})
    return nlp


@pytest.fixture(scope="session")
def lemmatizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tagger that knows UPOS, features and lemmas of the tiny corpus by heart; not to be changed."""
    more = zip(CORPUS, FEATS, LEMMAS, strict=True)
    corpus = [{**sentence, "feats": feats, "lemma": lemmas} for sentence, feats, lemmas in more]
    vocabulary = Vocabulary.build(corpus, ["upos", "feats", "lemma"], min_count=1)
    network = make_network(vocabulary)
    overfit(network, vocabulary, corpus=corpus)
    return save_tiny(tmp_path_factory.mktemp("lemmatizer") / "tagger", network, vocabulary)


def shown(doc: Doc) -> list[tuple[str, str, str]]:
    return [(token.text, token.pos_, token.tag_) for token in doc]


def test_texts_are_tagged_as_they_come_and_the_tagger_is_shared(trained: Path) -> None:
    firsts = [[SHOWN[0]], [("The", "DET", "DT")], [("Well", "INTJ", "UH")], [], [("  \n", "SPACE", "_SP")]]
    assert [shown(doc)[:1] for doc in pipeline(trained, ours=False).pipe(TEXTS)] == firsts
    nlp = pipeline(trained)
    read = []

    def texts() -> Iterator[str]:
        for number in range(100):
            read.append(number)
            yield "Well"

    next(nlp.pipe(texts(), batch_size=5))
    assert len(read) <= 10
    component: Any = nlp.get_pipe("bigru_tagger")
    assert nlp.tokenizer._segment.__self__ is component.tagger


def test_attributes_are_those_of_the_tagger(trained: Path, lemmatizer: Path) -> None:
    nlp = pipeline("english", ours=False, precision="float32")
    texts = ["They book flights.", "I saw the saw.", "Time flies like an arrow; fruit flies like a banana."] * 3
    docs = list(nlp.pipe(texts, batch_size=4))
    english = tagger.load("english", "cpu", "float32")
    words = [[token.text for token in doc] for doc in docs]
    parts = {"upos": "pos_", "xpos": "tag_", "feats": "morph", "lemma": "lemma_"}
    for column, name in parts.items():
        found = [[str(getattr(token, name)) or "_" for token in doc] for doc in docs]
        assert english.tag_sentences(words, column) == found, column
    nlp = spacy.blank("de", config={"nlp": {"tokenizer": {"@tokenizers": "bigru_tokenizer"}}})
    nlp.add_pipe("bigru_tagger")
    assert [(token.lemma_, token.pos_) for token in nlp("Hast du Hunger?")][::3] == [("haben", "VERB"), ("?", "PUNCT")]
    named = spacy.blank("de")
    named.add_pipe("bigru_tagger", config={"model": str(trained)})
    assert shown(named("They book flights.")) == SHOWN
    unknown = spacy.blank("xx")
    unknown.add_pipe("bigru_tagger")
    with pytest.raises(InputError, match=r"language 'xx'; set model .*, en,.*, fi,.*, de,.*, el,"):
        unknown("Hast du Hunger?")
    nlp = pipeline(lemmatizer, ours=False)
    docs = [nlp(Doc(nlp.vocab, words=tokens)) for tokens in TOKENS]
    assert [[token.pos_ for token in doc] for doc in docs] == [sentence["upos"] for sentence in CORPUS]
    assert [[str(token.morph) or "_" for token in doc] for doc in docs] == FEATS
    assert [[token.lemma_ for token in doc] for doc in docs] == LEMMAS
    spaced = nlp("The \n book")
    assert [token.lemma_ for token in spaced] == ["the", "\n ", "book"]
    assert all(doc.has_annotation("MORPH", require_complete=True) for doc in docs)
    golds = [
        Doc(nlp.vocab, words=s["tokens"], pos=s["upos"], morphs=feats, lemmas=lemmas)
        for s, feats, lemmas in zip(CORPUS, FEATS, LEMMAS, strict=True)
    ]
    golds[0][0].pos_ = "NOUN"
    examples = [Example(Doc(nlp.vocab, words=tokens), gold) for tokens, gold in zip(TOKENS, golds, strict=True)]
    scores = nlp.evaluate(examples)
    assert scores["pos_acc"] == pytest.approx(9 / 10)
    assert scores["morph_acc"] == scores["lemma_acc"] == 1.0


def test_white_space_is_no_word_and_sentences_of_a_doc_are_tagged_each_by_itself(trained: Path) -> None:
    tiny = tagger.load(trained, "cpu")
    nlp = pipeline(trained, ours=False)
    doc = nlp(Doc(nlp.vocab, words=["\n", "They", "  ", "book", "\u200b", "flights", "."], spaces=[False] * 7))
    assert [token.pos_ for token in doc if token.pos_ != "SPACE"] == tiny.tag(TOKENS[0])
    assert [token.i for token in doc if token.pos_ == "SPACE"] == [0, 2, 4]
    assert {token.tag_ for token in doc if token.pos_ == "SPACE"} == {"_SP"}
    first, second = ["They", "book"], ["book"]
    whole = nlp(Doc(nlp.vocab, words=[*first, *second]))
    cut = nlp(Doc(nlp.vocab, words=[*first, *second], sent_starts=[True, False, True]))
    assert [token.pos_ for token in whole] == tiny.tag([*first, *second])
    assert [token.pos_ for token in cut] == tiny.tag(first) + tiny.tag(second)
    assert cut[-1].pos_ != whole[-1].pos_
    nlp = pipeline(trained, ours=False, pos=None, tag="upos")  # tags go where they are wanted
    doc = nlp(Doc(nlp.vocab, words=["They", "book"], pos=["X", "X"]))
    assert [(token.pos_, token.tag_) for token in doc] == [("X", "PRON"), ("X", "VERB")]


def test_settings_that_do_not_fit_say_what_to_do(trained: Path) -> None:
    for chosen, message in (
        ({"model": "nowhere"}, "nowhere: no such tagger; python -m tagger models lists"),
        ({"morph": "feat"}, "has no column 'feat' for morph; it has upos, xpos; set morph to one of them, or to null"),
        ({"pos": "xpos"}, r"xpos has the tag 'UH', which spaCy's pos_ cannot hold; set pos to a column of UPOS"),
        ({"morph": "xpos"}, r"xpos has the tag 'UH', which is no list of features .* set morph to a column of FEATS"),
        ({"pos": None, "tag": None}, r"no column feats, lemma; it has upos, xpos; set tag to one of them"),
    ):
        nlp = pipeline(**{"model": trained, "ours": False, **chosen})
        with pytest.raises(InputError, match=message):
            nlp("Well")


def test_a_saved_pipeline_needs_no_other_folder(lemmatizer: Path, tmp_path: Path) -> None:
    before = pipeline(Path(shutil.copytree(lemmatizer, tmp_path / "moved")))
    expected = [before(text).to_json() for text in TEXTS]
    before.to_disk(tmp_path / "saved")
    (tmp_path / "moved").rename(tmp_path / "gone")
    after = spacy.load(tmp_path / "saved")
    assert [after(text).to_json() for text in TEXTS] == expected
    after.to_disk(tmp_path / "again")
    assert {path.name: path.read_bytes() for path in (tmp_path / "again" / "bigru_tagger").iterdir()} == {
        path.name: path.read_bytes() for path in lemmatizer.iterdir()
    }
    other = pipeline("no such tagger")
    other.from_bytes(after.to_bytes())
    assert [other(text).to_json() for text in TEXTS] == expected


def test_a_tagger_of_the_hub_is_fetched_for_the_first_text_alone(hub: Hub, trained: Path, tmp_path: Path) -> None:
    hub.put("o/tiny", trained)
    nlp = pipeline("hf:o/tiny")
    assert not hub.cache.exists()
    assert shown(nlp("They book flights.")) == SHOWN
    other = spacy.blank("en")
    other.add_pipe("bigru_tagger", source=nlp)
    assert shown(other("They book flights.")) == SHOWN
    nlp.to_disk(tmp_path / "saved")
    shutil.rmtree(hub.root)
    assert shown(spacy.load(tmp_path / "saved")("They book flights.")) == SHOWN


def test_words_of_a_multiword_token_survive_other_docs(lemmatizer: Path, learned: Path, trained: Path) -> None:
    nlp = pipeline(lemmatizer, ours=False)
    doc = Doc(nlp.vocab, words=["Thebook", " ", "reads", "well", "."], spaces=[False] * 5)
    doc[0]._.bigru_words = ["The", "book"]
    doc.user_data["other"] = 1
    nlp.get_pipe("bigru_tagger")(doc)
    assert [(t.pos_, str(t.morph), t.lemma_) for t in doc][:3] == [
        ("DET", "Number=Sing", "the book"),
        ("SPACE", "", " "),
        ("VERB", "", "read"),
    ]
    assert doc[2].has_morph()  # known, and empty
    joined = {"tag": "a_d", "morph": "Case=Acc,Gen|Definite=Def|Number=Sing"}
    tags = {"tag": ["a", "d"], "morph": ["Number=Sing|Case=Gen", "Case=Acc|Definite=Def"]}
    assert {name: ATTRIBUTES[name].joined(tags[name]) for name in tags} == joined
    nlp = pipeline(trained, ours=False)
    doc = nlp.make_doc("They bookflights .")
    doc[1]._.bigru_words = ["book", "flights"]
    nlp.get_pipe("bigru_tagger")(doc)
    assert [(token.pos_, token.tag_) for token in doc] == [("PRON", "PRP"), ("VERB", "VBP_NNS"), ("PUNCT", ".")]
    nlp = pipeline(learned)
    doc = nlp("The book du book des.")
    words = [token._.bigru_words for token in doc]
    assert any(words)
    copy = Doc(nlp.vocab).from_bytes(doc.to_bytes())
    assert [token._.bigru_words for token in copy] == words
    tags = [token.tag_ for token in doc]
    again = nlp.get_pipe("bigru_tagger")(copy)
    assert [token.tag_ for token in again] == tags


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_several_processes(method: str, learned: Path, tmp_path: Path) -> None:
    """By entry points, with nothing imported. Pipelines without our parts load nothing that tags."""
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    command = [sys.executable, str(tmp_path / "script.py"), method, str(learned)]
    env = with_entry_points(tmp_path)
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    nlp = pipeline(learned)
    docs = nlp.pipe(["They book flights.", "The book  reads well.", "", "Well"] * 3, batch_size=2)
    expected = [str([(token.text, token.pos_, token._.bigru_words) for token in doc]) for doc in docs]
    assert done.stdout.splitlines() == expected * (2 if method == "fork" else 1)
    assert "SPACE" in done.stdout


def test_without_a_library_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("tagger.extras.spacy.spacy_tagger", "tagger.extras.spacy.spacy_tokenizer"):
        monkeypatch.delitem(sys.modules, module)
        monkeypatch.setitem(sys.modules, "spacy.language", None)
        with pytest.raises(InputError, match=f"^{re.escape(str(missing_extra('spacy', 'spacy')))}$"):
            import_module(module)


def test_pipelines_are_scored(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    root = Path(__file__).parents[3]
    sample = root / "data" / "sample" / "sample-dev.conllu"
    monkeypatch.setattr(sys, "argv", ["spacy_pipelines.py", str(sample)])
    runpy.run_path(str(root / "docs" / "spacy" / "spacy_pipelines.py"), run_name="__main__")
    rows = [row.split("|") for row in capsys.readouterr().out.splitlines()[2:]]
    upos = {row[1].strip(): float(row[4]) for row in rows}
    assert upos["`bigru_tokenizer`"] > upos["spaCy's tokenizer"] > 80


@pytest.fixture(scope="module", params=["english", "unicode", "learned"])
def parts(
    request: pytest.FixtureRequest, learned: Path, vocabulary: Vocabulary, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Language, Tagger]:
    """A pipeline with our tokenizer and component, and the tagger that both are of; for each kind of segmenter."""
    model: Path | str = learned if request.param == "learned" else "english"
    if request.param == "unicode":
        model = tmp_path_factory.mktemp("unicode") / "tagger"
        bundle_of(make_network(vocabulary), vocabulary, segmenter="unicode").save(model, "")
    loaded = tagger.load(model, "cpu")
    assert loaded.segmenter.name == request.param
    return pipeline(model), loaded


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(texts)
def test_a_doc_has_the_tokens_sentences_and_tags_of_the_tagger(parts: tuple[Language, Tagger], text: str) -> None:
    nlp, loaded = parts
    white = re.compile(f"[{SPACE}]*").fullmatch
    doc = nlp(text)
    assert doc.text == text
    sentences = loaded.annotate(text)
    spans = {span: None for sentence in sentences for span in sentence.offsets or ()}
    tokens = [token for token in doc if not white(token.text)]
    assert [(token.idx, token.idx + len(token)) for token in tokens] == list(spans)
    starts = [sentence.offsets[0][0] for sentence in sentences if sentence.offsets]
    begun = [sent for sent in doc.sents if not white(sent.text)] if len(doc) else []
    assert [next(token.idx for token in sent if not white(token.text)) for sent in begun] == starts
    words = [form for sentence in sentences for form in sentence.tokens]
    found = [word for token in tokens for word in (token._.bigru_words or [token.text])]
    assert len(found) == len(words)
    if not any(len(word.split()) > 1 for word in words):
        assert found == words
    tags = iter([tag for sentence in sentences for tag in sentence.tags["xpos"]])
    for token in tokens:
        assert token.tag_ == "_".join(next(tags) for _ in token._.bigru_words or [token])


def test_texts_in_bulk_and_a_saved_tokenizer(parts: tuple[Language, Tagger], tmp_path: Path) -> None:
    nlp, _ = parts
    texts = ["They don't book. The book", "", "a  b\n\nc", "du des 3.5"] * 3
    one_by_one = [nlp.tokenizer(text).to_json() for text in texts]
    assert [doc.to_json() for doc in nlp.tokenizer.pipe(iter(texts), batch_size=5)] == one_by_one
    text = "They don't book. The book reads du des well.\n\nWell 3.5."
    expected = nlp(text).to_json(), [token._.bigru_words for token in nlp(text)]
    nlp.to_disk(tmp_path / "saved")
    saved = {path.name for path in (tmp_path / "saved" / "tokenizer").iterdir()}
    assert saved <= {"config.json", "segmenter.json.gz", "segmenter.safetensors", "words.json"}
    loaded = spacy.load(tmp_path / "saved")
    assert (loaded(text).to_json(), [token._.bigru_words for token in loaded(text)]) == expected
    other = pipeline("no such tagger")
    other.from_bytes(loaded.to_bytes())
    assert (other(text).to_json(), [token._.bigru_words for token in other(text)]) == expected


def test_files_and_bytes_that_are_no_tagger(tmp_path: Path) -> None:
    spacy.blank("en").to_disk(tmp_path / "other")
    with pytest.raises(InputError, match=r"tokenizer has no tagger: config.json is missing"):
        pipeline().from_disk(tmp_path / "other")
    (tmp_path / "config.json").write_text('{"format": 7, "segmenter": "french"}')
    (tmp_path / "words.json").write_text("{}")
    tokenizer = pipeline().tokenizer.from_disk(tmp_path)  # type: ignore[union-attr]
    with pytest.raises(InputError, match="'french' are no rules for raw text; choose one of english, unicode"):
        tokenizer("Text")
    (tmp_path / "config.json").write_text('{"format": 7, "segmenter": "learned"}')
    tokenizer.from_disk(tmp_path)
    with pytest.raises(InputError, match="segmenter") as error:
        tokenizer("Text")
    assert str(tmp_path) in str(error.value)
    part = PipelinePart(None, "en")
    for data in (b"", b"\xc1", b"text", srsly.msgpack_dumps([1])):
        with pytest.raises(InputError, match="no saved tagger"):
            part.from_bytes(data)
    names = ("../config.json", "/config.json", "transformer/../../x.json", "a.py", "transformer/x\0.json", 1)
    for content in (*({name: b""} for name in names), {"config.json": "text"}):
        with pytest.raises(InputError, match="is no file of a tagger; give what to_bytes made"):
            part.from_bytes(srsly.msgpack_dumps(content))

import re
from pathlib import Path

import pytest
import spacy
import srsly
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spacy.language import Language
from spacy.tokens import Doc, Token

import tagger
from tagger.errors import InputError
from tagger.extras.spacy.spacy_tokenizer import PipelinePart
from tagger.model.vocabulary import Vocabulary
from tagger.tagging.tagger import Tagger
from tagger.text.segment_rules import SPACE
from tests.conftest import make_network, save_tiny
from tests.extras.spacy.conftest import pipeline

PIECES = ["They", "don't", "book.", "The", "3.5", "du", "des", "東京", "!", "…", "\u200b", "e\u0301", "x-y"]
GAPS = ["", " ", "  ", "\n", "\n\n", " \n", "\t", "\r\n", "\u00a0", "\u3000", "\u200b", "\ufeff", "\x1c"]
texts = st.lists(st.sampled_from(PIECES + GAPS)).map("".join) | st.text()


@pytest.fixture(scope="module", params=["english", "unicode", "learned"])
def parts(
    request: pytest.FixtureRequest, learned: Path, vocabulary: Vocabulary, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Language, Tagger]:
    """A pipeline with our tokenizer and component, and the tagger that both are of; for each kind of segmenter."""
    folder = learned
    if request.param == "unicode":
        folder = save_tiny(tmp_path_factory.mktemp("unicode") / "tagger", make_network(vocabulary), vocabulary)
        config = folder / "config.json"
        config.write_text(config.read_text().replace('"segmenter": "english"', '"segmenter": "unicode"'))
    model = "english" if request.param == "english" else folder
    loaded = tagger.load(model, "cpu")
    assert loaded.segmenter is not None
    assert loaded.segmenter.name == request.param
    return pipeline(model), loaded


def is_white(token: Token) -> bool:
    return re.fullmatch(f"[{SPACE}]*", token.text) is not None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(texts)
def test_a_doc_has_its_text_and_the_tokens_sentences_and_tags_of_the_tagger(
    parts: tuple[Language, Tagger], text: str
) -> None:
    nlp, loaded = parts
    doc = nlp(text)
    assert doc.text == text
    sentences = loaded.annotate(text)
    spans = {span: None for sentence in sentences for span in sentence.offsets or ()}
    tokens = [token for token in doc if not is_white(token)]
    assert [(token.idx, token.idx + len(token)) for token in tokens] == list(spans)
    starts = [sentence.offsets[0][0] for sentence in sentences if sentence.offsets]
    begun = [sent for sent in doc.sents if not all(map(is_white, sent))] if len(doc) else []
    assert [next(token.idx for token in sent if not is_white(token)) for sent in begun] == starts
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
    assert saved <= {"config.json", "segmenter.json.gz", "segmenter.safetensors"}
    loaded = spacy.load(tmp_path / "saved")
    assert (loaded(text).to_json(), [token._.bigru_words for token in loaded(text)]) == expected
    other = pipeline("no such tagger")
    other.from_bytes(loaded.to_bytes())
    assert (other(text).to_json(), [token._.bigru_words for token in other(text)]) == expected


def test_words_of_a_multiword_token_may_be_given_and_survive_other_docs(learned: Path, trained: Path) -> None:
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


def test_taggers_that_do_not_fit(trained: Path, tmp_path: Path) -> None:
    nothing = Vocabulary.build([{"tokens": ["They"]}], [], min_count=1)
    with pytest.raises(InputError, match="has no tags"):
        pipeline(save_tiny(tmp_path / "words", make_network(nothing), nothing))("They")
    corpus = [{"tokens": ["việt nam", "là", "đất nước"], "upos": ["PROPN", "AUX", "NOUN"]}]
    vocabulary = Vocabulary.build(corpus, ["upos"], min_count=1)
    nlp = pipeline(save_tiny(tmp_path / "tagger", make_network(vocabulary), vocabulary))
    with pytest.raises(InputError, match="this tagger learned words with spaces inside"):
        nlp("việt nam")


def test_files_that_are_no_segmenter(tmp_path: Path) -> None:
    spacy.blank("en").to_disk(tmp_path / "other")
    with pytest.raises(InputError, match=r"tokenizer has no tagger: config.json is missing"):
        pipeline().from_disk(tmp_path / "other")
    (tmp_path / "config.json").write_text('{"format": 7, "segmenter": "french"}')
    tokenizer = pipeline().tokenizer.from_disk(tmp_path)  # type: ignore[union-attr]
    with pytest.raises(InputError, match="'french' are no rules for raw text; choose one of english, unicode"):
        tokenizer("Text")
    (tmp_path / "config.json").write_text('{"format": 7, "segmenter": "learned"}')
    tokenizer.from_disk(tmp_path)
    with pytest.raises(InputError, match="segmenter") as error:
        tokenizer("Text")
    assert str(tmp_path) in str(error.value)


@pytest.mark.parametrize(
    "name", ["../config.json", "/config.json", "transformer/../../x.json", "a.py", "transformer/x\0.json"]
)
def test_bytes_that_are_no_tagger(name: str) -> None:
    for data in (b"", b"\xc1", b"text", srsly.msgpack_dumps([1])):
        with pytest.raises(InputError, match="no saved tagger"):
            PipelinePart(None, "en").from_bytes(data)
    for content in ({name: b""}, {1: b""}, {"config.json": "text"}):
        with pytest.raises(InputError, match="is no file of a tagger; give what to_bytes made"):
            PipelinePart(None, "en").from_bytes(srsly.msgpack_dumps(content))

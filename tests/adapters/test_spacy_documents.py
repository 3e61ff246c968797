from spacy.tokens import Doc
from spacy.vocab import Vocab

from tagger.adapters import spacy_documents
from tagger.adapters.spacy_documents import Forms, read_docs


def test_words_of_docs() -> None:
    vocab = Vocab()
    cut = Doc(vocab, words=["\n", "a", "b", " ", "c", "\n"], sent_starts=[True, False, False, False, True, False])
    whole = Doc(vocab, words=["d", "e"])
    spaces = Doc(vocab, words=[" ", "\t"])
    words = read_docs([Doc(vocab), cut, whole, spaces], Forms(vocab.strings))
    assert words.sentences == [["a", "b"], ["c"], ["d", "e"]]
    assert words.counts.tolist() == [0, 1, 1, 0, 1, 0, 1, 1, 0, 0]
    assert words.sizes == [0, 6, 2, 2]
    assert words.orths.tolist() == [token.orth for doc in (cut, whole, spaces) for token in doc]
    nothing = read_docs([], Forms(vocab.strings))
    assert (nothing.sentences, nothing.counts.tolist(), nothing.sizes) == ([], [], [])


def test_multiword_tokens_are_several_words() -> None:
    vocab = Vocab()
    docs = [Doc(vocab, words=["x", "du", "pain"]), Doc(vocab, words=[" ", "des"])]
    docs[0][1]._.bigru_words = ["de", "le"]
    docs[1][1]._.bigru_words = ["de", "les"]
    docs[1].user_data["other"] = 1
    words = read_docs(docs, Forms(vocab.strings))
    assert words.sentences == [["x", "de", "le", "pain"], ["de", "les"]]
    assert words.counts.tolist() == [1, 2, 1, 0, 2]


def test_forms_are_those_of_the_readers() -> None:
    strings = Vocab().strings
    forms = Forms(strings)
    texts = ["viet\n nam", "東\n京", "a\u200b", "\u200b", "\n", "word"]
    assert [forms[strings.add(text)] for text in texts] == ["viet nam", "東京", "a", "", "", "word"]


def test_few_forms_are_remembered(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(spacy_documents, "MAX_FORMS", 3)
    strings = Vocab().strings
    forms = Forms(strings)
    for _ in range(2):
        for text in "abcdefg":
            assert forms[strings.add(text)] == text
            assert len(forms) <= 3

"""Words of a sentence and sentences of a document, to loop over."""

import copy
import json
import pickle

import pytest

from tagger.text.sentence import SHOWN, Document, MultiwordToken, Sentence, Word

TEXT = "Im <b> gut"


def sentence() -> Sentence:
    return Sentence(
        ["In", "dem", "<b>"],
        {"upos": ["ADP", "DET", "SYM"], "lemma": ["in", "der", "<b>"], "ner": ["O", "O", "_"]},
        {"upos": [0.5, 0.75, 1.0]},
        offsets=[(0, 2), (0, 2), (3, 6)],
        text="Im <b>",
        multiwords=[MultiwordToken(0, 2, "Im")],
        language="german",
    )


def test_words_read_their_sentence() -> None:
    whole = sentence()
    first, _, last = whole
    assert [str(word) for word in whole] == [word.text for word in whole[:]] == whole.tokens
    assert (first.upos, first.lemma, first.tag("ner")) == ("ADP", "in", "O")
    assert Sentence(["a"], {"feats": ["Case=Nom|Number=Sing"]})[0].features == {"Case": "Nom", "Number": "Sing"}
    assert (first.features, repr(whole)) == ({}, "Sentence('Im <b>', 3 words, upos, lemma, ner)")
    assert (first.xpos, first.feats, first.tag("head")) == ("_", "_", "_")
    assert [TEXT[word.start : word.end] for word in whole] == ["Im", "Im", "<b>"]
    assert [word.probability for word in whole] == [0.5, 0.75, 1.0]
    assert last == whole[-1] == whole[2] != first
    assert len({*whole, *whole[1:]}) == 3
    assert whole[1:] == list(whole)[1:]
    whole.tags["upos"][2] = "X"
    assert last.upos == "X"  # it has no copy
    assert repr(first) == "Word('In', upos='ADP', feats='_', lemma='in')"
    with pytest.raises(IndexError):
        whole[3]


def test_words_without_text_and_tags() -> None:
    (word,) = Sentence(["a"])
    assert (word.upos, word.start, word.end, word.probability) == ("_", None, None, None)
    assert word.to_dict() == {"text": "a"}
    assert Word(Sentence(["a"]), 0) != word  # another sentence


def test_what_a_document_becomes() -> None:
    document = Document([sentence(), Sentence(["gut"], {"upos": ["ADJ"]}, text="gut")], TEXT)
    assert str(document) == document.text == TEXT
    assert document[1:].text == TEXT
    assert document[1:] == [document[1]]
    assert repr(document[1:]) == "Document('Im <b> gut', 1 sentences)"
    assert json.loads(json.dumps(document.to_dict())) == {
        "text": TEXT,
        "sentences": [
            {
                "text": "Im <b>",
                "language": "german",
                "multiwords": [[0, 2, "Im"]],
                "words": [
                    {"text": "In", "upos": "ADP", "lemma": "in", "ner": "O", "start": 0, "end": 2, "probability": 0.5},
                    {
                        "text": "dem",
                        "upos": "DET",
                        "lemma": "der",
                        "ner": "O",
                        "start": 0,
                        "end": 2,
                        "probability": 0.75,
                    },
                    {
                        "text": "<b>",
                        "upos": "SYM",
                        "lemma": "<b>",
                        "ner": "_",
                        "start": 3,
                        "end": 6,
                        "probability": 1.0,
                    },
                ],
            },
            {"text": "gut", "words": [{"text": "gut", "upos": "ADJ"}]},
        ],
    }
    assert document.to_conllu() == (f"# sent_id = 1\n{document[0].to_conllu()}# sent_id = 2\n{document[1].to_conllu()}")
    assert "1-2\tIm" in document[0].to_conllu()
    for copied in (copy.deepcopy(document), pickle.loads(pickle.dumps(document))):
        assert (copied, copied.text) == (document, TEXT)


def test_notebooks_show_a_table() -> None:
    shown = sentence()._repr_html_()
    assert "<th>text</th><th>upos</th><th>lemma</th><th>ner</th>" in shown
    assert '<td dir="auto">&lt;b&gt;</td>' in shown
    assert "<b>" not in shown
    long = Document([Sentence(["a"])] * (SHOWN + 2), "a")._repr_html_()
    assert long.count("<table>") == SHOWN
    assert "2 more sentences" in long

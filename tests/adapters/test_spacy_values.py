from collections.abc import Sequence

import numpy as np
from spacy.tokens import Doc
from spacy.vocab import Vocab

from tagger.adapters.spacy_documents import Forms, read_docs
from tagger.adapters.spacy_values import LemmaAttribute, MorphAttribute, PosAttribute, TagAttribute, annotate
from tagger.model.decoder import Decoded
from tagger.model.vocabulary import Vocabulary

CORPUS = [
    {
        "tokens": ["Du", "pain", "vient"],
        "upos": ["ADP", "NOUN", "VERB"],
        "xpos": ["a", "b", "c"],
        "feats": ["Case=Gen|Number=Sing", "Case=Nom", "_"],
        "lemma": ["de", "pain", "venir"],
    },
    {"tokens": ["le"], "upos": ["DET"], "xpos": ["d"], "feats": ["Case=Acc|Definite=Def"], "lemma": ["le"]},
]
COLUMNS = ["upos", "xpos", "feats", "lemma"]


def found(vocabulary: Vocabulary, column: str, forms: Sequence[str], tags: Sequence[str]) -> Decoded:
    learned = vocabulary.codecs[column].learned(forms, tags)
    ids = [vocabulary.tags[column].index(tag) for tag in learned]
    return Decoded(np.array(ids)[:, None], None)


def test_the_words_of_a_multiword_token_are_joined_as_spacy_convert_does() -> None:
    vocabulary, vocab = Vocabulary.build(CORPUS, COLUMNS, min_count=1), Vocab()
    docs = [Doc(vocab, words=["Du", " ", "pain"], spaces=[False] * 3), Doc(vocab, words=["vient"])]
    docs[0][0]._.bigru_words = ["Du", "le"]
    words = read_docs(docs, Forms(vocab.strings))
    forms = ["Du", "le", "pain", "vient"]
    tags = {
        column: found(vocabulary, column, forms, [CORPUS[0][column][0], CORPUS[1][column][0], *CORPUS[0][column][1:]])
        for column in COLUMNS
    }
    kinds = zip([PosAttribute, TagAttribute, MorphAttribute, LemmaAttribute], COLUMNS, strict=True)
    annotate(docs, words, tags, [kind(column, vocabulary, vocab) for kind, column in kinds])
    shown = [(t.pos_, t.tag_, str(t.morph), t.lemma_) for doc in docs for t in doc]
    assert shown == [
        ("ADP", "a_d", "Case=Acc,Gen|Definite=Def|Number=Sing", "de le"),
        ("SPACE", "_SP", "", " "),
        ("NOUN", "b", "Case=Nom", "pain"),
        ("VERB", "c", "", "venir"),
    ]
    assert docs[0][0].morph.get("Case") == ["Acc", "Gen"]
    assert docs[1][0].has_morph()  # known, and empty


def test_features_in_any_order_are_the_same_analysis() -> None:
    corpus = [{"tokens": ["a", "b"], "feats": ["B=2|A=1,0", "A=0,1|B=2"]}]
    vocabulary, vocab = Vocabulary.build(corpus, ["feats"], min_count=1), Vocab()
    attribute = MorphAttribute("feats", vocabulary, vocab)
    first, second = (attribute.value(tag) for tag in corpus[0]["feats"])
    assert first == second
    assert vocab.strings[first] == "A=0,1|B=2"

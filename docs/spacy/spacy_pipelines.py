"""CoNLL-U with raw text -> a table of how well spaCy pipelines tag it: `python docs/spacy/spacy_pipelines.py FILE`.

A text is a paragraph of the corpus. Scores are the F1 of the CoNLL 2018 shared task, in percent.
"""

import sys
from collections.abc import Iterable, Iterator

import spacy
from spacy.language import Language
from spacy.tokens import Doc

import tagger.extras.spacy.spacy_tokenizer  # noqa: F401  # both register themselves, also where nothing is installed
from tagger.evaluation.raw_scores import raw_scores
from tagger.text.files import read_lines
from tagger.text.formats import read
from tagger.text.sentence import Sentence
from tagger.text.spacing import gold_paragraphs

COLUMNS = {"upos": 3, "xpos": 4, "feats": 5}
SHOWN = ("Sentences", "Words", "UPOS", "XPOS", "UFeats")


def pipelines() -> dict[str, Language]:
    """spaCy's own tokenizer, without sentences and with those of spaCy's rules; and our tokenizer."""
    ours = {"nlp": {"tokenizer": {"@tokenizers": "bigru_tokenizer"}}}
    found = {
        "spaCy's tokenizer": spacy.blank("en"),
        "spaCy's tokenizer, `sentencizer`": spacy.blank("en"),
        "`bigru_tokenizer`": spacy.blank("en", config=ours),
    }
    found["spaCy's tokenizer, `sentencizer`"].add_pipe("sentencizer")
    for nlp in found.values():
        nlp.add_pipe("bigru_tagger")
    return found


def sentences(docs: Iterable[Doc]) -> Iterator[Sentence]:
    """The sentences of Docs, without white space."""
    for doc in docs:
        for span in doc.sents if doc.has_annotation("SENT_START") else [doc[:]]:
            tokens = [token for token in span if not token.is_space]
            feats = [str(token.morph) or "_" for token in tokens]
            tags = {"upos": [t.pos_ for t in tokens], "xpos": [t.tag_ for t in tokens], "feats": feats}
            yield Sentence([token.text for token in tokens], tags)


if __name__ == "__main__":
    (file,) = sys.argv[1:]
    paragraphs = list(gold_paragraphs(read(read_lines(file, "utf-8"), file, "conllu", columns=COLUMNS), file))
    print("|", " | ".join(["", *SHOWN]), "|\n|---" + "|---" * len(SHOWN) + "|")
    for name, nlp in pipelines().items():
        gold = (sentence for paragraph in paragraphs for sentence in paragraph.sentences)
        scores = raw_scores(gold, sentences(nlp.pipe([paragraph.text for paragraph in paragraphs])))
        print("|", " | ".join([name, *(f"{100 * scores[key].f1:.2f}" for key in SHOWN)]), "|")

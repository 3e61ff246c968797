"""CoNLL-U with raw text -> the accuracy and the speed of spaCy pipelines that tag it.

python docs/spacy/spacy_pipelines.py en_ewt-ud-dev.conllu [--model english] [--precision auto] [--rounds 5]

A text is a paragraph of the corpus. Scores are the F1 of the CoNLL 2018 shared task, in percent. Speed is words per
second of the processor's time, the median of rounds, in which the pipelines take turns.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import spacy
import torch
from spacy.language import Language
from spacy.tokens import Doc

import tagger.extras.spacy.spacy_tokenizer  # noqa: F401  # both register themselves, also where nothing is installed
from tagger.evaluation.raw_scores import raw_scores
from tagger.extras.spacy.spacy_tagger import BigruTagger
from tagger.text.files import read_lines
from tagger.text.formats import read
from tagger.text.sentence import Sentence
from tagger.text.spacing import GoldParagraph, gold_paragraphs

COLUMNS = {"upos": 3, "xpos": 4, "feats": 5}
SHOWN = ("Tokens", "Sentences", "Words", "UPOS", "XPOS", "UFeats")


def pipelines(model: str, precision: str) -> dict[str, Language]:
    """spaCy's own tokenizer, without sentences and with those of spaCy's rules; and our tokenizer."""
    ours = {"nlp": {"tokenizer": {"@tokenizers": "bigru_tokenizer", "model": model}}}
    found = {
        "spaCy's tokenizer": spacy.blank("en"),
        "spaCy's tokenizer, `sentencizer`": spacy.blank("en"),
        "`bigru_tokenizer`": spacy.blank("en", config=ours),
    }
    found["spaCy's tokenizer, `sentencizer`"].add_pipe("sentencizer")
    for nlp in found.values():
        nlp.add_pipe("bigru_tagger", config={"model": model, "precision": precision})
    return found


def sentences(docs: Iterable[Doc]) -> Iterator[Sentence]:
    """The sentences of Docs, without white space."""
    for doc in docs:
        for span in doc.sents if doc.has_annotation("SENT_START") else [doc[:]]:
            tokens = [token for token in span if not token.is_space]
            feats = [str(token.morph) or "_" for token in tokens]
            tags = {"upos": [t.pos_ for t in tokens], "xpos": [t.tag_ for t in tokens], "feats": feats}
            yield Sentence([token.text for token in tokens], tags)


def words_per_second(do: Callable[[], Iterable[Doc]]) -> float:
    """Tokens of the Docs by the processor's time."""
    start = time.process_time()
    count = sum(map(len, do()))
    return count / (time.process_time() - start)


def measure(paragraphs: list[GoldParagraph], model: str, precision: str, rounds: int) -> None:
    """Prints a table of scores and a table of speeds."""
    texts = [paragraph.text for paragraph in paragraphs]
    found = pipelines(model, precision)
    print("|", " | ".join(["", *SHOWN]), "|\n|---" + "|---" * len(SHOWN) + "|")
    for name, nlp in found.items():
        gold = (sentence for paragraph in paragraphs for sentence in paragraph.sentences)
        scores = raw_scores(gold, sentences(nlp.pipe(texts)))
        print("|", " | ".join([name, *(f"{100 * scores[key].f1:.2f}" for key in SHOWN)]), "|")
    speeds: dict[str, list[list[float]]] = {name: [] for name in found}
    for _ in range(rounds):
        for name, nlp in found.items():
            component = nlp.get_pipe("bigru_tagger")
            assert isinstance(component, BigruTagger)
            with nlp.select_pipes(disable="bigru_tagger"):
                docs = list(nlp.pipe(texts))
            parts = partial(map, nlp.tokenizer, texts), partial(component.pipe, docs), partial(nlp.pipe, texts)
            speeds[name].append(list(map(words_per_second, parts)))
    print("\n| | tokenizer | `bigru_tagger` on Docs | `nlp.pipe` |\n|---|---|---|---|")
    for name, each in speeds.items():
        print("|", " | ".join([name, *(f"{statistics.median(part):,.0f}" for part in zip(*each, strict=True))]), "|")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--model", default="english")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    corpus = read(read_lines(options.file, "utf-8"), options.file, "conllu", columns=COLUMNS)
    measure(list(gold_paragraphs(corpus, options.file)), options.model, options.precision, options.rounds)

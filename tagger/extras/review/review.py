"""Sentences -> those that a tagger doubts, the most doubtful one first, so that somebody corrects them."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from tagger.tagging.tagger import DocumentTagger
from tagger.text.sentence import Sentence

CONFIDENCE = "# confidence ="  # begins the comment that names the most doubtful word


class Doubtful(NamedTuple):
    """A sentence that a tagger doubts."""

    confidence: float
    number: int
    sentence: Sentence


def doubtful_sentences(
    tagger: DocumentTagger, sentences: Iterable[Sentence], below: float, keep: bool = False
) -> list[Sentence]:
    """The sentences with a word whose tag has a probability under a limit, the most doubtful one first.

    How doubtful a sentence is follows from the first column of the tagger.
    """
    return [each.sentence for each in sorted(_doubtful(tagger, sentences, below, keep))]


def _doubtful(tagger: DocumentTagger, sentences: Iterable[Sentence], below: float, keep: bool) -> Iterator[Doubtful]:
    column = tagger.columns[0]
    for number, sentence in enumerate(tagger.stream(sentences, probabilities=True, keep=keep), 1):
        shares = sentence.probabilities.get(column, [])
        if not shares or min(shares) >= below:
            continue
        word = shares.index(min(shares))
        comment = f"{CONFIDENCE} {shares[word]:.4f} word {word + 1}"
        named = sentence
        if sentence.name is None and sentence.lines is None:
            first = int(sentence.comments[:1] == ["# newpar"])  # as `tag` writes it
            comments = [*sentence.comments[:first], f"# sent_id = {number}", *sentence.comments[first:]]
            named = replace(sentence, comments=comments)
        yield Doubtful(shares[word], number, with_comments(_closed(named), CONFIDENCE, [comment]))


def _closed(sentence: Sentence) -> Sentence:
    """The sentence with an empty line at its end, which that of a file's end may lack."""
    lines = sentence.lines
    if lines is None or not lines[-1].strip("\r\n"):
        return sentence
    return replace(sentence, lines=[*lines[:-1], lines[-1].rstrip("\r\n") + "\n", "\n"])


def with_comments(sentence: Sentence, prefix: str, comments: list[str]) -> Sentence:
    """A sentence with other comments that begin with `prefix`, after the comments that it has."""
    lines = sentence.lines
    if lines is not None:
        end = "\r\n" if lines[0].endswith("\r\n") else "\n"
        own = [line for line in lines if not line.startswith(prefix)]
        first = next((i for i, line in enumerate(own) if not line.startswith("#")), len(own))
        lines = [*own[:first], *(comment + end for comment in comments), *own[first:]]
    kept = [comment for comment in sentence.comments if not comment.startswith(prefix)]
    return replace(sentence, lines=lines, comments=kept + comments)

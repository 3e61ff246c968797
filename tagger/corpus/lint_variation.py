"""The check for variation: the same words with different tags.

The method is that of Dickinson and Meurers 2003, "Detecting Errors in Part-of-Speech Annotation"
(https://aclanthology.org/E03-1068/). A variation n-gram is a sequence of n words that occurs more than once in the
corpus and in which one word, the nucleus, has different tags. The longer the n-gram, the more probable it is that one
of the tags is an error. A nucleus at the fringe, as the first or the last word of the n-gram, is not trusted: what
decides on its tag may stand on the side that is not compared.

The n-grams grow, as there: an n-gram varies only if the shorter ones inside it, with the same nucleus, vary. They start
from three words, since shorter ones are fringe alone. Beginnings and ends of sentences are words here.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tagger.corpus.findings import Finding, Severity
from tagger.corpus.lined import LinedSentence, Place
from tagger.corpus.lint_splits import other_tag_sets
from tagger.text.gold_tags import is_annotated

COLUMNS = ("upos", "xpos")
FIRST_WORDS, MIN_WORDS, MAX_WORDS = 3, 4, 30  # of the n-grams that are grown; findings have at least MIN_WORDS
SURE_WORDS = 5  # of an n-gram whose variation is nearly always an error
BORDER = 0  # the number of the beginning and of the end of a sentence


class _Text(NamedTuple):
    """A corpus in one row, in which a border stands before and after each sentence."""

    words: list[int]  # the numbers of the forms
    tags: list[str]
    places: list[Place]


class _Ngram(NamedTuple):
    """A variation n-gram: where its nuclei stand, and their tags."""

    size: int
    nuclei: list[int]


def variation(sentences: Sequence[LinedSentence]) -> Iterator[Finding]:
    """Yields the words that have another tag than most words in the same context.

    The context is the longest that varies. Where two tags are equally frequent in it, the word whose tag is the less
    frequent one of its form gives the finding. A word gives one finding, in the first column in which it varies. A
    split with another tag set than train's is left out.
    """
    seen: set[Place] = set()
    for column in COLUMNS:
        text = _text(sentences, column)
        of_forms = Counter(zip(text.words, text.tags, strict=True))
        for nucleus, ngram in sorted(_longest(text).items()):
            counts = Counter(text.tags[other] for other in ngram.nuclei)
            best = max(counts, key=lambda tag: (counts[tag], of_forms[text.words[nucleus], tag], tag))
            tag, place = text.tags[nucleus], text.places[nucleus]
            if tag == best or ngram.size < MIN_WORDS or place in seen:
                continue
            seen.add(place)
            other = text.places[min(other for other in ngram.nuclei if text.tags[other] == best)]
            sentence, beside = sentences[place.sentence], sentences[other.sentence]
            reason = (
                f"{tag} {counts[tag]}x and {best} {counts[best]}x in the same {ngram.size} words;"
                f" {best} at {beside.file}:{beside.lines[other.word]}"
            )
            severity: Severity = "warning" if ngram.size >= SURE_WORDS else "note"
            yield Finding(
                *(severity, "variation", sentence.file, sentence.lines[place.word], sentence.tokens[place.word]),
                *(column, tag, reason, best),
            )


def _text(sentences: Sequence[LinedSentence], column: str) -> _Text:
    others = other_tag_sets(sentences, column)
    numbers: dict[str, int] = {}
    words, tags, places = [BORDER], [""], [Place(-1, -1)]
    for number, sentence in enumerate(sentences):
        for i, (form, tag) in enumerate(zip(sentence.tokens, sentence.tags[column], strict=True)):
            words.append(numbers.setdefault(form, len(numbers) + 1))
            tags.append(tag if is_annotated(column, tag) and sentence.split not in others else "")
            places.append(Place(number, i))
        words.append(BORDER)
        tags.append("")
        places.append(Place(-1, -1))
    return _Text(words, tags, places)


def _longest(text: _Text) -> dict[int, _Ngram]:
    """For each nucleus that varies within a context on both sides, its longest variation n-gram.

    Of several, the one that occurs most often.
    """
    longest: dict[int, _Ngram] = {}
    spans = {(i - 1, i): None for i, tag in enumerate(text.tags) if tag}  # (the first word, the nucleus)
    for size in range(FIRST_WORDS, MAX_WORDS + 1):
        groups: dict[tuple[int, ...], list[tuple[int, int]]] = {}
        for start, nucleus in spans:
            groups.setdefault((nucleus - start, *text.words[start : start + size]), []).append((start, nucleus))
        spans = {}
        for group in groups.values():
            if len(group) == 1 or len({text.tags[nucleus] for _, nucleus in group}) == 1:
                continue
            ngram = _Ngram(size, [nucleus for _, nucleus in group])
            for start, nucleus in group:
                end = start + size
                if start < nucleus < end - 1:
                    before = longest.get(nucleus, ngram)
                    wins = ngram.size > before.size or len(ngram.nuclei) > len(before.nuclei)
                    longest[nucleus] = ngram if wins else before
                if text.words[start] != BORDER:
                    spans[start - 1, nucleus] = None
                if text.words[end - 1] != BORDER:
                    spans[start, nucleus] = None
    return longest

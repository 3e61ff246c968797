"""Gold CoNLL-U and a system's sentences from the same raw text -> F1 of words, sentences and tags.

The scores are those of the CoNLL 2018 shared task (https://universaldependencies.org/conll18/evaluation.html). Gold
and system are compared as positions in the text without its white space, so spacing does not matter. A tag counts
only if its word is a correct word.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from tagger.errors import InputError, shorten
from tagger.text.segment import SPACE
from tagger.text.sentence import Sentence

WORDS = "words"
SENTENCES = "sentences"
_SPACE = re.compile(f"[{SPACE}]+")
_PARAGRAPH = re.compile(r"# *new(?:par|doc)\b")
_Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class F1:
    """The numbers of items in the gold, in the system's answer and in both."""

    gold: int = 0
    system: int = 0
    correct: int = 0

    @property
    def precision(self) -> float:
        """The share of the system's items that are correct, in [0, 1]; 0 if there are no items."""
        return self.correct / self.system if self.system else 0.0

    @property
    def recall(self) -> float:
        """The share of the gold items that the system found, in [0, 1]; 0 if there are no items."""
        return self.correct / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall, in [0, 1]; 0 if nothing is correct."""
        return 2 * self.correct / (self.gold + self.system) if self.correct else 0.0


def gold_paragraphs(sentences: Iterable[Sentence]) -> Iterator[tuple[str, list[Sentence]]]:
    """Yields the raw text and the sentences of each paragraph. Reads `sentences` as it goes.

    A paragraph begins at a sentence with a `# newpar` or `# newdoc` comment. Its text is the
    `# text` of its sentences, joined by spaces. Sentences without words are skipped.

    Raises:
        InputError: a sentence has no `# text`, or its words do not spell it.
    """
    paragraph: list[Sentence] = []
    begins = False
    for number, sentence in enumerate(sentences, 1):
        begins = begins or any(_PARAGRAPH.match(comment) for comment in sentence.comments)
        if not sentence.tokens:
            continue
        if sentence.text is None:
            raise InputError(f"{_name(sentence, number)} has no `# text` comment, which --raw needs; add it")
        surface = "".join(form for form, _ in _surface(sentence))
        if _squeeze(surface) != _squeeze(sentence.text):
            text = shorten(sentence.text)
            raise InputError(
                f"{_name(sentence, number)}: its words spell {shorten(surface)}, its `# text` {text}; correct one"
            )
        if begins and paragraph:
            yield _join(paragraph), paragraph
            paragraph = []
        begins = False
        paragraph.append(sentence)
    if paragraph:
        yield _join(paragraph), paragraph


def raw_scores(gold: Iterable[tuple[str, list[Sentence]]], system: Iterable[Sequence[Sentence]]) -> dict[str, F1]:
    """Scores a system's sentences. Both sides are read paragraph by paragraph.

    A word is correct if both sides have a word with the same first and last character. The words of a gold multiword
    token (`3-4 don't`) have no characters of their own. As in CoNLL 2018 they are aligned with the system's words
    inside the token by the longest common subsequence of the lower-cased forms. So `do` and `n't` can be found, but
    not `à` and `le` of `au`, because the system's words always stand in the text.

    Args:
        gold: the paragraphs that `gold_paragraphs` yields.
        system: for each paragraph, in order, the sentences that the system found in its text.

    Returns:
        The F1 of "words" and of "sentences", and for each tag column of both sides the F1 of the words that are
        correct and have the gold tag.

    Raises:
        InputError: the two sides differ in the number of paragraphs or in the characters of one.
    """
    golds: Counter[str] = Counter()
    systems: Counter[str] = Counter()
    correct: Counter[str] = Counter()
    columns: set[str] = set()
    for number, (paragraph, found) in enumerate(zip_longest(gold, system), 1):
        if paragraph is None or found is None:
            side = "gold" if paragraph is None else "system"
            raise InputError(f"the {side} side ends before paragraph {number}; both must have the same paragraphs")
        text, sentences = paragraph
        spelled = "".join(form for sentence in found for form in sentence.tokens)
        if _squeeze(spelled) != _squeeze(text):
            raise InputError(
                f"paragraph {number}: the system's words spell {shorten(spelled)}, the text is {shorten(text)}"
            )
        units, gold_sentences = _gold_spans(sentences)
        words, system_sentences = _system_spans(found)
        golds[SENTENCES] += len(gold_sentences)
        systems[SENTENCES] += len(system_sentences)
        correct[SENTENCES] += len(gold_sentences & system_sentences)
        golds[WORDS] += sum(len(sentence) for sentence in sentences)
        systems[WORDS] += len(words)
        columns |= {c for s in sentences for c in s.tags} & {c for s in found for c in s.tags}
        for (sentence, i), (other, j) in _aligned(units, words):
            correct[WORDS] += 1
            for column in sentence.tags.keys() & other.tags.keys():
                correct[column] += sentence.tags[column][i] == other.tags[column][j]
    scores = {name: F1(golds[name], systems[name], correct[name]) for name in (WORDS, SENTENCES)}
    return scores | {column: F1(golds[WORDS], systems[WORDS], correct[column]) for column in sorted(columns)}


_Word = tuple[Sentence, int]  # a sentence and the index of a word in it


def _aligned(units: list[tuple[_Span, list[_Word]]], words: list[tuple[_Span, _Word]]) -> Iterator[tuple[_Word, _Word]]:
    """Yields pairs of a gold word and the same word of the system; `units` are surface tokens with their words."""
    k = 0
    for (start, end), members in units:
        while k < len(words) and words[k][0][0] < start:
            k += 1
        if len(members) == 1:
            if k < len(words) and words[k][0] == (start, end):
                yield members[0], words[k][1]
            continue
        inside = []
        while k < len(words) and words[k][0][0] < end:
            if words[k][0][1] <= end:
                inside.append(words[k][1])
            k += 1
        yield from _common(members, inside)


def _common(gold: list[_Word], system: list[_Word]) -> Iterator[tuple[_Word, _Word]]:
    """Yields the pairs of the longest common subsequence of two short lists of words, by lower-cased form."""
    a = [_squeeze(sentence.tokens[i]).lower() for sentence, i in gold]
    b = [_squeeze(sentence.tokens[i]).lower() for sentence, i in system]
    longest = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]  # of a[i:] and b[j:]
    for i in reversed(range(len(a))):
        for j in reversed(range(len(b))):
            same = a[i] == b[j]
            longest[i][j] = 1 + longest[i + 1][j + 1] if same else max(longest[i + 1][j], longest[i][j + 1])
    i = j = 0
    while i < len(a) and j < len(b):
        if a[i] == b[j]:
            yield gold[i], system[j]
            i, j = i + 1, j + 1
        elif longest[i][j] == longest[i + 1][j]:
            i += 1
        else:
            j += 1


def _gold_spans(sentences: Sequence[Sentence]) -> tuple[list[tuple[_Span, list[_Word]]], set[_Span]]:
    """Surface tokens with their words, and the sentences, as spans of the text without white space."""
    units: list[tuple[_Span, list[_Word]]] = []
    bounds: set[_Span] = set()
    at = 0
    for sentence in sentences:
        first, word = at, 0
        for form, count in _surface(sentence):
            end = at + len(_squeeze(form))
            units.append(((at, end), [(sentence, word + i) for i in range(count)]))
            at, word = end, word + count
        bounds.add((first, at))
    return units, bounds


def _system_spans(sentences: Sequence[Sentence]) -> tuple[list[tuple[_Span, _Word]], set[_Span]]:
    """The words and the sentences as spans of the text without white space."""
    words: list[tuple[_Span, _Word]] = []
    bounds: set[_Span] = set()
    at = 0
    for sentence in sentences:
        first = at
        for i, form in enumerate(sentence.tokens):
            end = at + len(_squeeze(form))
            words.append(((at, end), (sentence, i)))
            at = end
        bounds.add((first, at))
    return words, bounds


def _surface(sentence: Sentence) -> Iterator[tuple[str, int]]:
    """Yields each surface token of a sentence with the number of its words."""
    last = 0  # the last word of the range being read
    for line in sentence.lines or [f"{i}\t{form}" for i, form in enumerate(sentence.tokens, 1)]:
        identifier, _, rest = line.partition("\t")
        form = rest.partition("\t")[0]
        first, dash, end = identifier.partition("-")
        if dash and first.isdigit() and end.isdigit():
            last = int(end)
            yield form, last - int(first) + 1
        elif identifier.isdigit() and int(identifier) > last:
            yield form, 1


def _squeeze(text: str) -> str:
    return _SPACE.sub("", text)


def _join(sentences: Iterable[Sentence]) -> str:
    return " ".join(sentence.text or "" for sentence in sentences)


def _name(sentence: Sentence, number: int) -> str:
    """The name of a sentence in an error message: its sent_id, or its number in the file."""
    identifier = sentence.name
    return f"sentence {identifier or number}"

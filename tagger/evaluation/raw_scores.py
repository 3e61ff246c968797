"""Gold sentences and a system's sentences from the same raw text -> F1 of tokens, words, sentences and tags.

The pairs are those of the CoNLL 2018 shared task (https://universaldependencies.org/conll18/evaluation.html):

- A word that is a token is paired with a word that is a token of the same first and last character.
- The words of a multiword token need not stand in the text: French `du` stands for `de` and `le`. Where a multiword
  token is, the words within it and within the multiword tokens that overlap it are compared as two sequences. Those of
  the longest common subsequence of their lower-cased forms are paired.

The scores are those of the CoNLL 2018 shared task (https://universaldependencies.org/conll18/evaluation.html), and have
its names. Gold and system are compared as positions in the text without its white space, so spacing does not matter. A
tag counts only if its word is the same word as one of the other side; `align` says when.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from tagger.errors import InputError, shorten
from tagger.text.sentence import Sentence
from tagger.text.spacing import surface_tokens, without_spaces
from tagger.text.strings import LEMMA, NO_TAG


class Word(NamedTuple):
    """A word of one side."""

    start: int  # of its token, in characters of the text without white space
    end: int
    multiword: bool  # whether its token is a multiword token
    form: str  # as forms are compared
    sentence: Sentence
    place: int  # of the word in the sentence


def align(golds: list[Word], systems: list[Word]) -> Iterator[tuple[Word, Word]]:
    """Yields the pairs, and removes from both lists the words that need not be seen again.

    Both lists must end at the same character. A list may have words left that have no partner. The words that follow
    in the text belong after them, since the task's evaluation compares them once more with a multiword token there.
    """
    g = s = 0
    while g < len(golds) and s < len(systems):
        one, other = golds[g], systems[s]
        if one.multiword or other.multiword:
            # A word before the multiword token of the other side is passed; of several such words only the first is.
            if one.multiword and not other.multiword and other.start < one.start:
                s += 1
            elif not one.multiword and one.start < other.start:
                g += 1
            end = one.end if one.multiword else other.end
            first_gold, first_system = g, s
            g, s = _overlapping(golds, systems, g, s, end)
            yield from _common(golds[first_gold:g], systems[first_system:s])
        elif one[:2] == other[:2]:
            yield one, other
            g, s = g + 1, s + 1
        elif one.start <= other.start:
            g += 1
        else:
            s += 1
    del golds[:g], systems[:s]


def _overlapping(golds: list[Word], systems: list[Word], g: int, s: int, end: int) -> tuple[int, int]:
    """The words after those that lie in a span of the text, which grows by the multiword tokens that begin in it.

    Args:
        golds: the words of one side.
        systems: those of the other.
        g: the first of the gold words.
        s: the first of the system's words.
        end: where the span ends to begin with.
    """

    def goes_on(words: list[Word], at: int) -> bool:
        return at < len(words) and (words[at].start < end if words[at].multiword else words[at].end <= end)

    while goes_on(golds, g) or goes_on(systems, s):
        if g < len(golds) and (s == len(systems) or golds[g].start <= systems[s].start):
            word, g = golds[g], g + 1
        else:
            word, s = systems[s], s + 1
        if word.multiword:
            end = max(end, word.end)
    return g, s


def _common(gold: list[Word], system: list[Word]) -> Iterator[tuple[Word, Word]]:
    """Yields the pairs of the longest common subsequence of two short lists of words, by form."""
    longest = [[0] * (len(system) + 1) for _ in range(len(gold) + 1)]  # of gold[i:] and system[j:]
    for i in reversed(range(len(gold))):
        for j in reversed(range(len(system))):
            same = gold[i].form == system[j].form
            longest[i][j] = 1 + longest[i + 1][j + 1] if same else max(longest[i + 1][j], longest[i][j + 1])
    i = j = 0
    while i < len(gold) and j < len(system):
        if gold[i].form == system[j].form:
            yield gold[i], system[j]
            i, j = i + 1, j + 1
        elif longest[i][j] == longest[i + 1][j]:
            i += 1
        else:
            j += 1


TOKENS, SENTENCES, WORDS, ALL_TAGS = "Tokens", "Sentences", "Words", "AllTags"
COLUMNS = {"upos": "UPOS", "xpos": "XPOS", "feats": "UFeats", LEMMA: "Lemmas"}  # a tag column -> its score
CUT_SCORES = {"tokens": TOKENS, "sentences": SENTENCES, "words": WORDS}  # those of what cuts raw text, and their titles
_ALL_TAGS = ("upos", "xpos", "feats")
UNIVERSAL_FEATURES = {  # those that UFeats compares; in all others the two sides may differ
    *("Abbr", "Animacy", "Aspect", "Case", "Definite", "Degree", "Evident", "Foreign", "Gender", "Mood", "NumType"),
    *("Number", "Person", "Polarity", "Polite", "Poss", "PronType", "Reflex", "Tense", "VerbForm", "Voice"),
}
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


def raw_scores(gold: Iterable[Sentence], system: Iterable[Sentence]) -> dict[str, F1]:
    """Scores a system's sentences. Both sides are read as they come, in turns.

    What is held in memory is the sentences since the last end of a sentence that both sides share.

    Args:
        gold: the sentences of a text.
        system: the sentences that the system found in the same text.

    Returns:
        The F1 of `Tokens`, `Sentences` and `Words`, and of those of `UPOS`, `XPOS`, `UFeats` and `Lemmas` whose columns
        (`upos`, `xpos`, `feats`, `lemma`) all sentences of both sides have: of the words that are aligned and have the
        gold tag. `AllTags` needs the first three.

    Raises:
        InputError: the two sides differ in a character that is no white space.
    """
    sides = _Side("gold", gold), _Side("system", system)
    correct: Counter[str] = Counter()
    while True:
        behind, ahead = sides if sides[0].end <= sides[1].end else sides[::-1]
        if not behind.read(ahead):
            break
        if sides[0].end == sides[1].end:
            correct += _correct(*sides)
    if behind.end < ahead.end or ahead.read(behind):
        raise InputError(
            f"the {behind.name} sentences end before {shorten(ahead.unmatched)} of the {ahead.name} ones;"
            " both must have the same characters"
        )
    names = [TOKENS, SENTENCES, WORDS]
    columns = sides[0].columns & sides[1].columns
    names += [name for column, name in COLUMNS.items() if column in columns]
    if columns.issuperset(_ALL_TAGS):
        names.insert(names.index(COLUMNS["feats"]) + 1, ALL_TAGS)
    totals = [side.totals for side in sides]
    items = {name: name if name in (TOKENS, SENTENCES) else WORDS for name in names}
    return {name: F1(totals[0][item], totals[1][item], correct[name]) for name, item in items.items()}


class _Side:
    """The gold or the system's sentences, which are read one by one, and what is not yet scored of them."""

    def __init__(self, name: str, sentences: Iterable[Sentence]) -> None:
        self.name = name
        self.end = 0  # characters read, without white space
        self.totals: Counter[str] = Counter()  # of all that was read
        self.columns: set[str] = set()  # that all sentences have
        self.tokens: list[_Span] = []
        self.sentences: list[_Span] = []
        self.words: list[Word] = []
        self._rest = (sentence for sentence in sentences if sentence.tokens)
        self._text, self._matched = "", 0  # the last sentence; how many of its characters the other side has read

    @property
    def unmatched(self) -> str:
        """The characters that the other side has not read."""
        return self._text[self._matched :]

    def read(self, other: "_Side") -> bool:
        """Reads the next sentence, if there is one; `other` has read as far as this side or further.

        Raises:
            InputError: its characters are not those of the other side.
        """
        sentence = next(self._rest, None)
        if sentence is None:
            return False
        columns = set(sentence.tags)
        self.columns = columns & self.columns if self.totals else columns
        self.totals += Counter({SENTENCES: 1, WORDS: len(sentence)})
        begin = self.end
        forms = []
        for token in surface_tokens(sentence):
            self.totals[TOKENS] += 1
            form = without_spaces(token.form)
            forms.append(form)
            span = self.end, self.end + len(form)
            self.end = span[1]
            self.tokens.append(span)
            for i in range(token.start, token.stop):
                word = sentence.tokens[i] if token.multiword else form
                self.words.append(Word(*span, token.multiword, word.lower(), sentence, i))
        self.sentences.append((begin, self.end))
        self._match("".join(forms), other)
        return True

    def _match(self, text: str, other: "_Side") -> None:
        common = min(len(text), len(other._text) - other._matched)
        if not other._text.startswith(text[:common], other._matched):
            raise InputError(
                f"the {self.name} sentences have {shorten(text)} where the {other.name} ones have"
                f" {shorten(other.unmatched[: len(text)])}; both must have the same characters"
            )
        other._matched += common
        self._text, self._matched = text, common


def _correct(gold: _Side, system: _Side) -> Counter[str]:
    """Scores what both sides have read up to the end of a sentence of both, and drops it."""
    correct: Counter[str] = Counter()
    correct[TOKENS] = len({*gold.tokens} & {*system.tokens})
    correct[SENTENCES] = len({*gold.sentences} & {*system.sentences})
    for side in (gold, system):
        side.tokens, side.sentences = [], []
    for one, other in align(gold.words, system.words):
        correct[WORDS] += 1
        golds, systems = one.sentence.tags, other.sentence.tags
        same = {
            column
            for column in COLUMNS
            if column in golds
            and column in systems
            and _is_same(column, golds[column][one.place], systems[column][other.place])
        }
        correct.update(COLUMNS[column] for column in same)
        correct[ALL_TAGS] += same.issuperset(_ALL_TAGS)
    return correct


def _is_same(column: str, gold: str, system: str) -> bool:
    if column == "feats":
        return _universal(gold) == _universal(system)
    return gold == system or (column == LEMMA and gold == NO_TAG)


@lru_cache(maxsize=1 << 14)
def _universal(feats: str) -> tuple[str, ...]:
    """The universal features among those of a word."""
    return tuple(sorted(pair for pair in feats.split("|") if pair.partition("=")[0] in UNIVERSAL_FEATURES))

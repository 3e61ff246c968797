"""Gold sentences and a system's sentences from the same raw text -> F1 of tokens, words, sentences and tags.

The scores are those of the CoNLL 2018 shared task (https://universaldependencies.org/conll18/evaluation.html), and have
its names. Gold and system are compared as positions in the text without its white space, so spacing does not matter. A
tag counts only if its word is paired with a word of the other side:

- A word that is a token is paired with a word that is a token of the same first and last character.
- The words of a multiword token need not stand in the text: French `du` stands for `de` and `le`. Where a multiword
  token is, the words within it and within the multiword tokens that overlap it are compared as two sequences. Those of
  the longest common subsequence of their lower-cased forms are paired.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, tee, zip_longest
from typing import NamedTuple

from tagger.errors import InputError, shorten
from tagger.tagging.tagger import Tagger
from tagger.text.paragraphs import Paragraph, cut_parts
from tagger.text.sentence import Sentence
from tagger.text.spacing import GoldParagraph, surface_tokens, without_spaces
from tagger.text.strings import LEMMA, NO_TAG


class PlacedWord(NamedTuple):
    """A word of one side."""

    start: int  # of its token, in characters of the text without white space
    end: int
    multiword: bool  # whether its token is a multiword token
    form: str  # as forms are compared
    sentence: Sentence
    place: int  # of the word in the sentence


def align(golds: Sequence[PlacedWord], systems: Sequence[PlacedWord]) -> Iterator[tuple[PlacedWord, PlacedWord]]:
    """Yields the pairs of words of the same text. A word may have no partner."""
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


def _overlapping(
    golds: Sequence[PlacedWord], systems: Sequence[PlacedWord], g: int, s: int, end: int
) -> tuple[int, int]:
    """The words after those from `g` and `s` in a span up to `end`; multiword tokens in it make it longer."""

    def goes_on(words: Sequence[PlacedWord], at: int) -> bool:
        return at < len(words) and (words[at].start < end if words[at].multiword else words[at].end <= end)

    while goes_on(golds, g) or goes_on(systems, s):
        if g < len(golds) and (s == len(systems) or golds[g].start <= systems[s].start):
            word, g = golds[g], g + 1
        else:
            word, s = systems[s], s + 1
        if word.multiword:
            end = max(end, word.end)
    return g, s


def _common(gold: Sequence[PlacedWord], system: Sequence[PlacedWord]) -> Iterator[tuple[PlacedWord, PlacedWord]]:
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


class F1(NamedTuple):
    """The numbers of items in the gold, in the system's answer and in both."""

    gold: int = 0
    system: int = 0
    correct: int = 0

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        whole = (self.gold + self.system) / 2
        return self.correct / whole if whole else 0.0

    def shares(self) -> dict[str, float]:
        """In [0, 1]: of the system's items those that are correct, of the gold items those that it found, and F1."""
        wholes = {"precision": self.system, "recall": self.gold}
        return {name: self.correct / whole if whole else 0.0 for name, whole in wholes.items()} | {"f1": self.f1}


def raw_scores(gold: Iterable[Sentence], system: Iterable[Sentence]) -> dict[str, F1]:
    """Scores the sentences that a system found in the text of the gold sentences.

    Returns:
        F1 of `Tokens`, `Sentences` and `Words`, and of those of `UPOS`, `XPOS`, `UFeats` and `Lemmas` whose columns
        (`upos`, `xpos`, `feats`, `lemma`) all sentences of both sides have: of the words that are aligned and have the
        gold tag. `AllTags` needs the first three.
    """
    sides = _Side(gold), _Side(system)
    gold_text, system_text = (side.text for side in sides)
    if gold_text != system_text:
        at = next(i for i, (one, other) in enumerate(zip_longest(gold_text, system_text)) if one != other)
        there, here = (shorten(text[at : at + 40]) for text in (gold_text, system_text))
        raise InputError(
            f"the gold sentences have {there} where the system sentences have {here}; both must have the same"
            " characters"
        )
    correct = Counter({TOKENS: len({*sides[0].tokens} & {*sides[1].tokens})})
    correct[SENTENCES] = len({*sides[0].sentences} & {*sides[1].sentences})
    for one, other in align(sides[0].words, sides[1].words):
        correct[WORDS] += 1
        golds, systems = one.sentence.tags, other.sentence.tags
        same = {
            column
            for column in COLUMNS
            if column in golds
            and column in systems
            and is_same(column, golds[column][one.place], systems[column][other.place])
        }
        correct.update(COLUMNS[column] for column in same)
        correct[ALL_TAGS] += same.issuperset(_ALL_TAGS)
    columns = sides[0].columns & sides[1].columns
    names = [name for column, name in COLUMNS.items() if column in columns]
    if columns.issuperset(_ALL_TAGS):
        names.insert(len(_ALL_TAGS), ALL_TAGS)
    sizes = {TOKENS: [len(side.tokens) for side in sides], SENTENCES: [len(side.sentences) for side in sides]}
    words = [len(side.words) for side in sides]
    found = {}
    for name in (TOKENS, SENTENCES, WORDS, *names):
        in_gold, in_system = sizes.get(name, words)
        found[name] = F1(in_gold, in_system, correct[name])
    return found


def score_text(tagger: Tagger, gold: Iterable[GoldParagraph]) -> dict[str, F1]:
    """Scores a tagger that cuts and tags the raw text of paragraphs; see `raw_scores`. Columns of which the gold
    sentences have no tags are left out."""
    gold, texts = tee(gold)
    found = cut_parts((Paragraph(0, paragraph.text, True) for paragraph in texts), tagger.cuts_of)
    blank = set(COLUMNS)

    def sentences() -> Iterator[Sentence]:
        for sentence in chain.from_iterable(paragraph.sentences for paragraph in gold):
            blank.difference_update([c for c in blank if not {*sentence.tags.get(c, ())} <= {NO_TAG}])
            yield sentence

    scores = raw_scores(sentences(), tagger.stream(found, columns=tagger.vocabulary.columns))
    left_out = {COLUMNS[column] for column in blank} | ({ALL_TAGS} if blank.intersection(_ALL_TAGS) else set())
    return {name: score for name, score in scores.items() if name not in left_out}


class _Side:
    """The gold or the system's sentences, as places in the text without its white space."""

    def __init__(self, sentences: Iterable[Sentence]) -> None:
        self.columns: set[str] = set(COLUMNS)  # that all sentences have
        self.tokens: list[_Span] = []
        self.sentences: list[_Span] = []
        self.words: list[PlacedWord] = []
        forms: list[str] = []
        end = 0
        for sentence in sentences:
            if not sentence.tokens:
                continue
            self.columns &= set(sentence.tags)
            begin = end
            for token in surface_tokens(sentence):
                forms.append(without_spaces(token.form))
                span = end, end + len(forms[-1])
                end = span[1]
                self.tokens.append(span)
                for i in range(token.start, token.stop):
                    word = sentence.tokens[i] if token.multiword else forms[-1]
                    self.words.append(PlacedWord(*span, token.multiword, word.lower(), sentence, i))
            self.sentences.append((begin, end))
        self.text = "".join(forms)


def is_same(column: str, gold: str, system: str) -> bool:
    """Whether a tag counts as right: of FEATS the universal features count, and a gold lemma `_` is met by any."""
    if column == "feats":
        return _universal(gold) == _universal(system)
    return gold == system or (column == LEMMA and gold == NO_TAG)


@lru_cache(maxsize=1 << 14)
def _universal(feats: str) -> tuple[str, ...]:
    """The universal features among those of a word."""
    return tuple(sorted(pair for pair in feats.split("|") if pair.partition("=")[0] in UNIVERSAL_FEATURES))

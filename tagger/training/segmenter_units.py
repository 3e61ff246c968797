"""Gold paragraphs -> the texts that a segmenter learns from in an epoch, and what stands at each of their units.

Sentences keep their order where the corpus marks paragraphs or documents of several. Elsewhere their order may be that
of a shuffled treebank, so runs of a few sentences are shuffled anew in every epoch.
"""

# N units of all texts, boundaries included

import random
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy as np

from tagger.model.decoder import FORBIDDEN
from tagger.model.vocabulary import IGNORE as IGNORED
from tagger.segmenter.features import Lexicon, cuts_of
from tagger.segmenter.multiwords import ONE_WORD, Multiwords, count_affixes
from tagger.segmenter.unit_network import Label, SegmenterVocabulary
from tagger.segmenter.units import Units, UnitTable, in_run, normalised
from tagger.text.sentence import Token
from tagger.text.spacing import GoldParagraph, begins_paragraph
from tagger.text.strings import printable
from tagger.words.edit_scripts import edit_script

MIN_FORM_COUNT = 2  # occurrences of a unit for a row of its own
MAX_CHARACTER_SHARE = 0.03  # of the tokens; if more end or are cut within a run of letters, every letter is a unit
MAX_SPACED_SHARE = 0.0002  # of the tokens; if no more hold white space, it always ends a token
MIN_BARE_SHARE = 0.03  # of the sentences that end in a letter or digit; with fewer, final punctuation is always there
DROPPED_SHARE, LOWERED_SHARE = 0.15, 0.1  # of the sentences that lose their final punctuation, or their capitals
RUN_SENTENCES = 5  # sentences that keep their order, on average, where the order may mean nothing
MAX_TAGS = 100  # of a column that helps to learn where tokens end


class GoldToken(NamedTuple):
    """A token of a sentence, with the tags of its words."""

    start: int  # in the sentence's text
    end: int
    words: tuple[str, ...]
    tags: tuple[str, ...]


class GoldSentence(NamedTuple):
    """A sentence, its tokens, and the white space after it."""

    text: str
    tokens: list[GoldToken]
    gap: str


class UnitTargets(NamedTuple):
    """What is to be learned at each unit; IGNORED where there is nothing."""

    labels: np.ndarray  # (N,) a Label
    scripts: np.ndarray  # (N,) number of a script, at the last units of tokens that may be split
    rows: np.ndarray  # (N,) there the row of `Choices.odds`
    tags: np.ndarray  # (N,) tag of the word that ends here
    lengths: np.ndarray  # (N,) units of the word that begins here; 0 where none begins


class TrainingText:
    """The paragraphs to learn from.

    Attributes:
        shuffled: whether the order of sentences means nothing: no sentence begins a paragraph, or every one does.
        characters: whether every letter is to be a unit.
        spaces: whether tokens may hold white space.
        tags: those of a column and their numbers; they are learned, too.
    """

    def __init__(self, paragraphs: Sequence[GoldParagraph], column: str | None = None) -> None:
        """Takes at least one paragraph."""
        self._paragraphs = [_sentences(paragraph, column) for paragraph in paragraphs]
        self._sentences = [sentence for paragraph in self._paragraphs for sentence in paragraph]
        self.shuffled = len({begins_paragraph(each) for paragraph in paragraphs for each in paragraph.sentences}) == 1
        self.characters = _inner_share(self._sentences) > MAX_CHARACTER_SHARE
        self._table = UnitTable([], 1, self.characters)
        forms = [each.text[token.start : token.end] for each in self._sentences for token in each.tokens]
        self.spaces = sum(len(form.split()) > 1 for form in forms) > MAX_SPACED_SHARE * len(forms)
        bare = sum(sentence.text[-1].isalnum() for sentence in self._sentences)
        self._varied = bare >= MIN_BARE_SHARE * len(self._sentences)
        tags = sorted({tag for sentence in self._sentences for token in sentence.tokens for tag in token.tags})
        self.tags = {tag: number for number, tag in enumerate(tags)} if len(tags) <= MAX_TAGS else {}

    def texts(self, generator: random.Random | None = None) -> tuple[list[str], list[list[list[GoldToken]]]]:
        """The texts of an epoch and the tokens of their sentences; without a generator unchanged and in order."""
        paragraphs: Iterable[Sequence[GoldSentence]] = self._paragraphs
        if self.shuffled and generator is not None:
            runs = _runs(self._sentences, generator)
            generator.shuffle(runs)
            paragraphs = [[sentence for run in runs for sentence in run]]
        texts, gold = [], []
        for paragraph in paragraphs:
            parts: list[str] = []
            sentences = []
            at = 0
            for sentence in paragraph:
                text, tokens, gap = sentence if generator is None else self._variant(sentence, generator)
                parts += [text, gap]
                sentences.append([GoldToken(at + a, at + b, words, tags) for a, b, words, tags in tokens])
                at += len(text) + len(gap)
            texts.append("".join(parts[:-1]))
            gold.append(sentences)
        return texts, gold

    def _variant(self, sentence: GoldSentence, generator: random.Random) -> GoldSentence:
        """The sentence, in some cases without its final punctuation or its capitals, as people write, too."""
        if not self._varied:
            return sentence
        text, tokens, gap = sentence
        drops = generator.random() < DROPPED_SHARE and len(tokens) > 2
        if drops and not any(map(str.isalnum, text[tokens[-1].start :])):
            tokens = tokens[:-1]
            text = text[: tokens[-1].end]
            gap = gap or " "
        if generator.random() < LOWERED_SHARE and len(text.lower()) == len(text):
            text = text.lower()
            tokens = [token._replace(words=tuple(map(str.lower, token.words))) for token in tokens]
        return GoldSentence(text, tokens, gap)

    def vocabulary(self) -> tuple[SegmenterVocabulary, Lexicon]:
        """What a segmenter knows from these paragraphs."""
        texts, gold = self.texts()
        units = self._table.read(texts)
        counts = Counter(form for text in texts for form in map(normalised, self._table.cut(text)))
        forms = [form for form, count in counts.items() if count >= MIN_FORM_COUNT]
        changed: dict[str, set[str]] = defaultdict(set)  # script -> the forms that it changes
        plain: set[str] = set()
        for text, sentences, (first, last) in zip(texts, gold, units.bounds, strict=True):
            unit_ends = set(units.ends[first:last].tolist())
            for token in (token for sentence in sentences for token in sentence):
                form = text[token.start : token.end]
                script = script_of(token, form, unit_ends)
                if script is None:
                    plain.add(form.lower())
                elif printable(script) == script:  # a tagger's folder may hold no others
                    changed[script].add(form.lower())
        scripts = sorted(changed, key=lambda script: (-len(changed[script]), script))
        found: dict[str, list[int]] = defaultdict(list)  # form -> the numbers of its scripts
        for number, script in enumerate(scripts, 1):
            for form in changed[script]:
                found[form].append(number)
        multiwords = {form: [0] * (form in plain) + own for form, own in sorted(found.items())}
        affixes = count_affixes(scripts, multiwords, plain.difference(multiwords))
        lengths = self.targets(texts, gold, units).lengths
        return SegmenterVocabulary(forms, scripts, multiwords, affixes), Lexicon.of(units, lengths, self.spaces)

    def cuts(self) -> list[str]:
        """The kinds of units between which these paragraphs are cut, see `SegmenterConfig`."""
        texts, gold = self.texts()
        units = self._table.read(texts)
        labels = self.targets(texts, gold, units).labels
        return cuts_of(units, (units.ends > 0) & (labels != Label.GOES_ON))

    def targets(
        self,
        texts: Sequence[str],
        gold: Sequence[Sequence[Sequence[GoldToken]]],
        units: Units,
        choices: "Choices | None" = None,
    ) -> UnitTargets:
        """What stands at each unit of texts, which come from `texts`; without `choices` no scripts are learned."""
        count = len(units.types)
        labels, scripts, rows, tags = (np.full(count, IGNORED, dtype=np.int64) for _ in range(4))
        lengths = np.zeros(count, dtype=np.int64)
        for text, sentences, (start, stop) in zip(texts, gold, units.bounds, strict=True):
            labels[start:stop] = Label.GOES_ON
            ends = dict(zip(units.ends[start:stop].tolist(), range(start, stop), strict=True))
            begins = dict(zip(units.starts[start:stop].tolist(), range(start, stop), strict=True))
            for sentence in sentences:
                for token in sentence:
                    last = ends.get(token.end)
                    if last is None:
                        continue  # within a run of letters
                    labels[last] = Label.TOKEN
                    form = text[token.start : token.end]
                    own = script_of(token, form, ends)
                    if choices is not None:
                        scripts[last], rows[last] = choices[form.lower(), own]
                    if self.tags:
                        tags[last] = self.tags[token.tags[-1]]
                    first = begins.get(token.start)
                    if own is None and first is not None:
                        for number, place in enumerate(inner_ends(token)):
                            inner = ends[place]
                            labels[inner] = Label.WORD
                            if self.tags:
                                tags[inner] = self.tags[token.tags[number]]
                            lengths[first] = inner - first + 1
                            first = inner + 1
                    if first is not None:
                        lengths[first] = last - first + 1
                last = ends.get(sentence[-1].end)
                if last is not None:
                    labels[last] = Label.SENTENCE
        return UnitTargets(labels, scripts, rows, tags, lengths)


class Choices(dict[tuple[str, str | None], tuple[int, int]]):
    """A form of training in lower case and its script -> the script's number and a row of `odds`, if others fit, too.

    Attributes:
        odds: for each row the logarithms (S + 1,) of the odds of the scripts that the form may have, see
            `Multiwords.choices`; FORBIDDEN for all others.
    """

    def __init__(self, vocabulary: SegmenterVocabulary) -> None:
        super().__init__()
        self._multiwords = Multiwords(vocabulary.scripts, vocabulary.multiwords, vocabulary.affixes)
        self._numbers: dict[str | None, int] = {script: number for number, script in enumerate(vocabulary.scripts, 1)}
        self._numbers[None] = ONE_WORD
        self.odds: list[np.ndarray] = []

    def __missing__(self, key: tuple[str, str | None]) -> tuple[int, int]:
        form, script = key
        number = self._numbers.get(script, IGNORED)
        choices = dict(self._multiwords.choices(form, number))
        if number in choices and len(choices) > 1:
            found = number, len(self.odds)
            odds = np.full(len(self._numbers), FORBIDDEN, dtype=np.float32)
            odds[[*choices]] = [*choices.values()]
            self.odds.append(odds)
        else:
            found = IGNORED, IGNORED
        self[key] = found
        return found


def inner_ends(token: GoldToken | Token) -> list[int]:
    """Where the words of a token end, but the last, if they stand in the text one after another."""
    return list(accumulate(map(len, token.words[:-1]), initial=token.start))[1:]


def script_of(token: GoldToken | Token, form: str, unit_ends: Container[int]) -> str | None:
    """The script that gives a token its words; None for one word, and for words between which units end."""
    if not token.words:
        return None
    if "".join(token.words) == form and all(place in unit_ends for place in inner_ends(token)):
        return None
    return edit_script(form, " ".join(token.words))


def _sentences(paragraph: GoldParagraph, column: str | None) -> list[GoldSentence]:
    found = []
    starts = [tokens[0].start for tokens in paragraph.tokens]
    for tokens, sentence, after in zip(paragraph.tokens, paragraph.sentences, [*starts[1:], None], strict=True):
        start, end = tokens[0].start, tokens[-1].end
        tags = sentence.tags[column] if column else ["_"] * len(sentence.tokens)
        word = 0
        gold = []
        for token in tokens:
            size = len(token.words) or 1
            gold.append(GoldToken(token.start - start, token.end - start, token.words, tuple(tags[word : word + size])))
            word += size
        gap = " " if after is None else paragraph.text[end:after]
        found.append(GoldSentence(paragraph.text[start:end], gold, gap))
    return found


def _runs(sentences: Sequence[GoldSentence], generator: random.Random) -> list[Sequence[GoldSentence]]:
    """Sentences cut at random into runs of RUN_SENTENCES on average."""
    cuts = [place for place in range(1, len(sentences)) if generator.random() < 1 / RUN_SENTENCES]
    return [sentences[first:last] for first, last in pairwise([0, *cuts, len(sentences)])]


def _inner_share(sentences: Sequence[GoldSentence]) -> float:
    """The share of the tokens that end, or are cut, between two letters of a script that has no units of one letter."""
    inner = tokens = 0
    for text, own, _ in sentences:
        tokens += len(own)
        for token in own:
            is_cut = "".join(token.words) == text[token.start : token.end]
            inner += any(in_run(text, place) for place in [token.end, *(inner_ends(token) if is_cut else [])])
    return inner / max(1, tokens)

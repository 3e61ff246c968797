"""Gold paragraphs -> how often each rule and abbreviation for raw text is right and wrong; the `Conventions` of these.

A rule that training often contradicts is refused. An abbreviation holds if training shows it inside sentences far more
often than a word that is written so may end one; or if it is of the table, and training has nothing that is written so.
Others of the table are words, too, or training has neither: then their neighbours tell, see `contexts.py`.

Gold tags -> what words of letters are punctuation, which combinations of tags are errors of annotation, which words are
small ones, and how reliable the lemmas of a dictionary are.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple

import regex

from tagger.text.spacing import GoldParagraph, surface_tokens
from tagger.text.strings import FEATS, LEMMA, NO_TAG, SPACE, UPOS, is_annotated
from tagger.words.conventions import NUMBER, TITLE, Conventions, candidates, feature_names
from tagger.words.dictionary import Counts, Dictionary, LemmaReliability
from tagger.words.rules import (
    COMMA_RULES,
    ENDS,
    FORM,
    FORM_START,
    GOES_ON,
    LAST_NUMBER,
    LATER,
    SMALL_STARTS,
    ConfirmedRules,
)
from tagger.words.symbols import PUNCT, is_word

MIN_EXCEPTIONS, MAX_OTHERS = 2, 3  # a rule is refused for so many exceptions, if others are not far more
TYPICAL_WORDS, TYPICAL_ENDS = 15, 1  # before any is counted: how often words stand at the end of a sentence
MIN_SHARE = 3  # so many times as often is an abbreviation inside a sentence as a word would end one
MIN_SEEN = 2  # occurrences of an abbreviation whose form is a word, too
# Of `Conventions.doubtful`, for words and for what training lacks: three abbreviations in a hundred exceed UNSEEN.
WORD, UNSEEN = 0.0, {TITLE: 1.0, NUMBER: 0.5}
MIN_SHOWN = 3  # occurrences of an abbreviation that only training shows
MAX_ERRORS = 0.01  # of the commas beside words; where more are in a token, that is no error: Greek ό,τι
MAX_PART = 5  # letters of a part of such a form
# Features are those of another part of speech if neither of their words nor of a UPOS, of so many words, more have both
# than this share. Right tags of UPOS and FEATS on dev of 34 treebanks: 70 are new, 2 are lost.
MIN_WORDS, FOREIGN = 50, 0.002

SMALL_WORDS = {  # parts of speech -> the kinds of small words
    **{"ADP": "adposition", "DET": "determiner", "PRON": "pronoun", "AUX": "auxiliary", "ADV": "adverb"},
    **{"PART": "adverb", "CCONJ": "conjunction", "SCONJ": "conjunction"},
}
MAX_SMALL_WORDS = 300  # of a language
RARE = 3  # occurrences of a form in training, at most, by which words that training lacks are judged
_FORM = regex.compile(rf"{FORM_START}({FORM})(\.(?!\.))?")
_NEXT = regex.compile(rf"""["'”’»«„“)\]]*[{SPACE}]+["'“‘„«»(\[]*(?P<next>.)""", regex.DOTALL)


class Cases(NamedTuple):
    """How often a form has a full stop inside a sentence: before a digit, a capital, anything; and at an end."""

    digit: int = 0
    capital: int = 0
    inside: int = 0
    end_digit: int = 0
    end_capital: int = 0
    ends: int = 0
    bare: int = 0  # without a full stop


def count_forms(paragraphs: Iterable[GoldParagraph]) -> dict[str, Cases]:
    """The cases of each form that has a full stop somewhere, or none."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for paragraph in paragraphs:
        lasts = {tokens[-1].end for tokens in paragraph.tokens}
        for found in _FORM.finditer(paragraph.text):
            of_form = counts[found[1]]
            if not found[2]:
                of_form["bare"] += 1
                continue
            after = _NEXT.match(paragraph.text, found.end())
            first = after["next"] if after else ""
            names = {"digit"} if first.isnumeric() else {"capital"} if first.isupper() or first.istitle() else set()
            if any(end in lasts for end in range(found.end(), after.end() if after else found.end() + 3)):
                of_form.update(["ends", *(f"end_{name}" for name in names)])
            elif after:
                of_form.update(["inside", *names])
    return {form: Cases(**of_form) for form, of_form in counts.items()}


def holds(cases: Cases, kind: str) -> bool:
    """Whether training shows an abbreviation of this kind; what stands before a small letter tells less."""
    right, wrong = cases.digit, cases.end_digit
    if kind != NUMBER:
        right, wrong = right + cases.capital, wrong + cases.end_capital
    seen = right if cases.ends else cases.inside
    enough = seen >= MIN_SEEN or not cases.bare + cases.ends  # a word needs more than one case
    return enough and seen > MIN_SHARE * max(wrong, _expected_ends(cases))


def _expected_ends(cases: Cases) -> float:
    """How many sentences may end with a word that is written as an abbreviation."""
    words = cases.bare + cases.ends
    return words * (cases.ends + TYPICAL_ENDS) / (words + TYPICAL_WORDS)


def _kind_of_word(cases: Cases, kind: str) -> str:
    """The kind of an abbreviation that is a word, too: before capitals a frequent word is nothing else."""
    return kind if _expected_ends(cases) <= MIN_SHARE * (cases.inside + 1) else NUMBER


def conventions_of(
    paragraphs: Sequence[GoldParagraph], tokens: Iterable[Sequence[str]] = (), language: str = ""
) -> Conventions:
    """What some paragraphs, of training, say of the rules and tables.

    Args:
        tokens: of sentences, also of such whose spaces are unknown: they show which forms are words.
        language: its English name in lower case, whose abbreviations in the table are candidates. Without one those of
            all languages are, but only if the paragraphs show them, or if there are no paragraphs.
    """
    counts = sorted(count_rules(paragraphs).items())
    shown = {name for name, (right, wrong) in counts if name in COMMA_RULES and wrong > MAX_ERRORS * (right + wrong)}
    refused = [name for name, (right, wrong) in counts if name in shown or is_refused(right, wrong)]
    table, found = candidates(language), count_abbreviations(paragraphs, candidates(language))
    kinds, doubtful = {}, {}
    for form, (kind, cases) in found.items():
        if holds(cases, kind):
            kinds[form] = kind
        elif language and form in table and not is_refused(cases.digit, cases.end_digit):
            kinds[form], doubtful[form] = _kind_of_word(cases, kind), WORD
    words = {form.lower() for each in tokens for form, after in pairwise([*each, ""]) if after != "."}
    for form, kind in table.items() if language or not paragraphs else ():
        if form not in found:
            kinds[form] = kind
            if form.lower() in words or kind in UNSEEN:
                doubtful[form] = WORD if form.lower() in words else UNSEEN[kind]
    return Conventions(refused, dict(sorted(kinds.items())), dict(sorted(doubtful.items())), _small_words(paragraphs))


def _small_words(paragraphs: Iterable[GoldParagraph]) -> dict[str, str]:
    """The `small_words` of conventions; a token of several words is as the first of them."""
    tagged: list[tuple[str, str]] = []
    for paragraph in paragraphs:
        for sentence in paragraph.sentences:
            if upos := sentence.tags.get(UPOS):
                tagged += [(token.form, upos[token.start]) for token in surface_tokens(sentence)]
    kinds: dict[str, list[str]] = {}
    for word, kind in small_words(tagged).items():
        kinds.setdefault(kind, []).append(word)
    return {kind: " ".join(words) for kind, words in sorted(kinds.items())}


def count_abbreviations(paragraphs: Iterable[GoldParagraph], table: Mapping[str, str]) -> dict[str, tuple[str, Cases]]:
    """The kind and the cases of each abbreviation of a table, and of those that paragraphs show."""
    cases: dict[str, list[Cases]] = defaultdict(list)
    for form, of_form in count_forms(paragraphs).items():
        cases[form if form in table or form.lower() not in table else form.lower()].append(of_form)
    summed = {form: Cases(*map(sum, zip(*each, strict=True))) for form, each in cases.items()}
    kinds = {form: table.get(form) or _shown_kind(form, of_form) for form, of_form in summed.items()}
    return {form: (kind, summed[form]) for form, kind in kinds.items() if kind}


def _shown_kind(form: str, cases: Cases) -> str:
    """The kind of an abbreviation that is not in the table; an empty string if it looks like a word or a name."""
    parts = [len(part) for part in form.split(".")]
    if form.isupper() or parts == [1] or max(parts) > MAX_PART or cases.bare > cases.inside:
        return ""
    return TITLE if cases.capital >= MIN_SHOWN else NUMBER if cases.digit >= MIN_SHOWN else ""


def is_refused(right: int, wrong: int) -> bool:
    """Whether a rule is wrong too often to hold."""
    return wrong > right or (wrong >= MIN_EXCEPTIONS and right <= MAX_OTHERS * wrong)


def count_rules(paragraphs: Iterable[GoldParagraph]) -> dict[str, tuple[int, int]]:
    """How often each rule is right and wrong where a token ends, in quotes, too; without abbreviations."""
    counts: Counter[tuple[str, bool]] = Counter()
    rules = ConfirmedRules(Conventions())
    for text, _, sentences in paragraphs:
        ends = {token.end for tokens in sentences for token in tokens}
        lasts = {tokens[-1].end for tokens in sentences}
        capital = "A" + text[1:] if text[:1].islower() else text  # whether it is in small letters, each sentence tells
        for tokens in sentences:
            is_small = text[tokens[0].start].islower()
            for _, end, _ in tokens:
                if end < len(text) and not text[end - 1].isalnum():
                    rule, until = rules.at(capital, end)
                    if rule.decision == LATER and not lasts.isdisjoint(range(end, until + 1)):
                        counts[rule.name, until in lasts] += 1
                    elif rule.decision in (ENDS, GOES_ON) and not (is_small and rule.name in SMALL_STARTS):
                        counts[rule.name, (end in lasts) == (rule.decision == ENDS)] += 1
        for start, end in rules.wholes(text):
            counts[f"0{text[start]}0", ends.isdisjoint(range(start, end))] += 1
        counts.update((rule.name, place in ends) for rule, place in rules.cuts(text) if rule.name != LAST_NUMBER)
        for tokens in sentences:
            sentence = text[tokens[0].start : tokens[-1].end]
            if any(rule.name == LAST_NUMBER for rule, _ in rules.cuts(sentence)):
                counts[LAST_NUMBER, tokens[-1].end - 1 in ends] += 1
    return {name: (counts[name, True], counts[name, False]) for name, _ in counts}


def with_tags(
    conventions: Conventions, sentences: Iterable[Mapping[str, Any]], combinations: Iterable[Sequence[str]]
) -> Conventions:
    """The same conventions with what the tags of sentences say: `marks` and `features`.

    Args:
        sentences: with `tokens` and UPOS, and perhaps FEATS.
        combinations: of UPOS and FEATS that a tagger knows.
    """
    words, marks = Counter[str](), Counter[str]()
    of_upos, of_names, together = Counter[str](), Counter[str](), Counter[tuple[str, str]]()
    for sentence in sentences:
        forms, upos = sentence["tokens"], sentence[UPOS]
        names = [feature_names(feats) for feats in sentence.get(FEATS) or [NO_TAG] * len(forms)]
        words.update(filter(is_word, forms))
        marks.update(form for form, tag in zip(forms, upos, strict=True) if tag == PUNCT and form in words)
        of_upos.update(upos)
        of_names.update(names)
        together.update(zip(upos, names, strict=True))
    features: dict[str, list[str]] = {}
    for tag, names_of_tag in sorted({(tag, feature_names(feats)) for tag, feats in combinations if feats != NO_TAG}):
        least = min(of_upos[tag], of_names[names_of_tag])
        if least >= MIN_WORDS and together[tag, names_of_tag] <= FOREIGN * least:
            features.setdefault(tag, []).append(names_of_tag)
    kept = [form for form, count in sorted(marks.items()) if 2 * count > words[form]]
    return replace(conventions, marks=kept, features=features)


def small_words(tagged: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The most frequent small words, in lower case, and their kinds; from forms and their parts of speech (UPOS)."""
    tags: dict[str, Counter[str]] = defaultdict(Counter)
    for form, tag in tagged:
        if form[0].isalpha():
            tags[form.lower()][tag] += 1
    usual = {form: count.most_common(1)[0][0] for form, count in tags.items()}
    small = sorted((form for form in tags if usual[form] in SMALL_WORDS), key=lambda form: -tags[form].total())
    return {form: SMALL_WORDS[usual[form]] for form in small[:MAX_SMALL_WORDS]}


def count_lemma_reliability(sentences: Iterable[Mapping[str, Any]], dictionary: Dictionary) -> LemmaReliability | None:
    """Counts the words of sentences that have `tokens`, lemmas and perhaps UPOS; None if no word can be counted."""
    words: list[tuple[str, str, str]] = []
    for sentence in sentences:
        forms = sentence["tokens"]
        words += zip(forms, sentence[LEMMA], sentence.get(UPOS) or [""] * len(forms), strict=True)
    seen = Counter(form for form, _, _ in words)
    forms_of: dict[str, set[str]] = {}
    for form, lemma, _ in words:
        forms_of.setdefault(lemma, set()).add(form)
    rare = [form for form, count in seen.items() if count <= RARE]
    found = dictionary.look_up(rare)
    entries = dict(zip(rare, zip(found.lemmas, found.changes.tolist(), strict=True), strict=True))
    right: Counter[tuple[bool, str, int]] = Counter()
    every: Counter[tuple[bool, str, int]] = Counter()
    for form, lemma, tag in words:
        entry, change = entries.get(form, (None, 0))
        if entry and is_annotated(LEMMA, lemma, form):
            key = len(forms_of.get(entry, set()) - {form}) > 0, tag, change
            every[key] += 1
            right[key] += lemma == entry
    counts: tuple[Counts, Counts] = {}, {}  # new, known
    for is_known, tag, change in sorted(every):
        key = is_known, tag, change
        counts[is_known].setdefault(tag, []).append((change, right[key], every[key]))
    return LemmaReliability(dictionary.digests, counts[True], counts[False]) if every else None

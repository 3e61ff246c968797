"""The lemmas and XPOS of a file -> those that today's treebank writes; sentences that two files have -> one.

Words that a treebank writes apart -> multiword tokens, where everyone else writes them together; and combinations of
tags that older files have -> those that today's treebank might have.

A file of an older release, or of other annotators, may have the same UPOS and other lemmas: `する` for `為る`, or
`er|es|sie` for `sich`. A tagger that learns from both gives now the one, now the other.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from tagger.model.vocabulary import Vocabulary
from tagger.text.sentence import Sentence
from tagger.text.strings import NO_TAG

FORM, LEMMA, UPOS, XPOS, FEATS, MISC = 1, 2, 3, 4, 5, 9  # places in a line of CoNLL-U
MIN_OF_UPOS = 200  # words of a UPOS in today's treebank, for it to tell which features these have
NEARLY_ALL = 0.9  # share of the names with capitals whose lemmas have none
OFTEN = 0.01  # share of the words whose lemmas add a symbol that a text without it is of another scheme


def with_values_of_ud(text: str) -> str:
    """A text in CoNLL-U whose participles have their tense in a feature of its own, as Universal Dependencies do.

    >>> with_values_of_ud("VerbForm=PartPast")
    'Tense=Past|VerbForm=Part'
    """
    return re.sub(r"VerbForm=Part(Past|Pres|Fut)\b", r"Tense=\1|VerbForm=Part", text)


def as_today(text: str, today: str) -> str:
    """A text in CoNLL-U with the lemmas and XPOS of another one.

    If `today` always gives a form with a UPOS one value, and the text mostly others, the word gets that of `today`.
    After that, an XPOS that `today` never has is blank, and so is a lemma with a symbol that its form lacks and that no
    lemma of `today` adds to its form. Where `today` often adds a symbol, as in `yli#opisto`, and the text never does,
    only those lemmas stay that `today` has for the word. The same holds for words with capitals where lemmas of `today`
    have capitals far more often.
    """
    values = {column: _values(today, column) for column in (LEMMA, XPOS)}
    old = {column: _values(text, column) for column in values}
    changes: dict[int, dict[tuple[str, str], str]] = {}
    for column, known in values.items():
        changes[column] = {}
        for word, given in old[column].items():
            counts = known.get(word, Counter[str]())
            if len(counts) == 1:
                (value,) = counts
                if 2 * given[value] < given.total():
                    changes[column][word] = value
    tags = {value for counts in values[XPOS].values() for value in counts}
    symbols, old_symbols = _added(values[LEMMA]), _added(old[LEMMA])
    often = OFTEN * sum(counts.total() for counts in values[LEMMA].values())
    lacks = any(count > often and sign not in old_symbols for sign, count in symbols.items())
    capitals, old_capitals = _capitals(values[LEMMA]), _capitals(old[LEMMA])
    lacks_capitals = capitals > OFTEN and 10 * old_capitals < capitals
    lines = []
    for line in text.split("\n"):
        cells = line.split("\t")
        if is_word(cells):
            word = cells[FORM], cells[UPOS]
            for column, of_words in changes.items():
                cells[column] = of_words.get(word, cells[column])
            if cells[XPOS] not in tags:
                cells[XPOS] = NO_TAG
            form, lemma = cells[FORM], cells[LEMMA]
            is_doubtful = lacks or (lacks_capitals and not form.islower())
            has_new_symbol = not _symbols(lemma) <= symbols.keys() | _symbols(form)
            if has_new_symbol or (is_doubtful and lemma not in values[LEMMA].get(word, ())):
                cells[LEMMA] = NO_TAG
        lines.append("\t".join(cells))
    return "\n".join(lines)


def with_names_of(text: str, today: str) -> str:
    """A text in CoNLL-U whose names have lemmas in lower case, if nearly all names of `today` have; else as it is."""
    lemmas = [(cells[FORM], cells[LEMMA]) for cells in _words(today) if cells[UPOS] == "PROPN"]
    small = [lemma for form, lemma in lemmas if lemma == form.lower() != form]
    if not lemmas or len(small) < NEARLY_ALL * sum(not form.islower() for form, _ in lemmas):
        return text
    lines = []
    for line in text.split("\n"):
        cells = line.split("\t")
        if is_word(cells) and cells[UPOS] == "PROPN":
            cells[LEMMA] = cells[LEMMA].lower()
        lines.append("\t".join(cells))
    return "\n".join(lines)


def joined(text: str, other: str) -> tuple[str, str]:
    """Two texts in CoNLL-U, of which the other one loses the sentences that both have.

    Where the first has no lemmas of such a sentence, it gets those of the other one.
    """
    lemmas = {forms: found for forms, found, _ in map(_columns, _sentences(other)) if forms}
    own: set[tuple[str, ...]] = set()
    sentences = []
    for sentence in _sentences(text):
        forms, known, words = _columns(sentence)
        own.add(forms)
        if forms in lemmas and not any(lemma != NO_TAG for lemma in known):
            for cells, lemma in zip(words, lemmas[forms], strict=True):
                cells[LEMMA] = lemma
            new = map("\t".join, words)
            sentence = "\n".join(next(new) if is_word(line.split("\t")) else line for line in sentence.split("\n"))
        sentences.append(sentence)
    others = [each for each in _sentences(other) if _columns(each)[0] not in own]
    first, second = ("".join(f"{each}\n\n" for each in found) for found in (sentences, others))
    return first, second


def with_contractions(text: str, first: str, second: str) -> str:
    """A text in CoNLL-U in which a word and the next one are a multiword token, as in text.

    UD Greek GUD writes `σ το Χαλάνδρι`, also in `# text`; all others write `στο Χαλάνδρι`. `second` is how the next
    word begins.
    """
    apart = re.compile(rf"\b({re.escape(first)}) (?={re.escape(second)})", re.IGNORECASE)
    lines: list[str] = []
    before: list[str] = []
    for line in text.split("\n"):
        cells = line.split("\t")
        if line.startswith("# text = "):
            line = apart.sub(r"\1", line)
        elif is_word(cells) and before and before[FORM].lower() == first and cells[FORM].startswith(second):
            whole = [f"{before[0]}-{cells[0]}", before[FORM] + cells[FORM], *[NO_TAG] * 7, cells[MISC]]
            lines.insert(-1, "\t".join(whole))
        before = cells if is_word(cells) else []
        lines.append(line)
    return "\n".join(lines)


def _sentences(text: str) -> list[str]:
    return [sentence for sentence in text.split("\n\n") if sentence.strip()]


def _columns(sentence: str) -> tuple[tuple[str, ...], list[str], list[list[str]]]:
    """The forms and the lemmas of the words of a sentence, and their cells."""
    words = [*_words(sentence)]
    return tuple(cells[FORM] for cells in words), [cells[LEMMA] for cells in words], words


def _added(lemmas: dict[tuple[str, str], Counter[str]]) -> Counter[str]:
    """The symbols that lemmas add to their forms, and in how many words with letters: punctuation counts as none."""
    found: Counter[str] = Counter()
    for (form, _), counts in lemmas.items():
        for lemma, count in counts.items():
            for sign in _symbols(lemma) - _symbols(form):
                found[sign] += count if any(map(str.isalpha, form)) else 0
    return found


def _capitals(lemmas: dict[tuple[str, str], Counter[str]]) -> float:
    """The share of the words whose lemma has a capital."""
    words = [(lemma, count) for counts in lemmas.values() for lemma, count in counts.items()]
    return sum(count for lemma, count in words if lemma != lemma.lower()) / max(1, sum(count for _, count in words))


def _values(text: str, column: int) -> dict[tuple[str, str], Counter[str]]:
    """How often each form with a UPOS has each value of a column, without those that have none."""
    found: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for cells in _words(text):
        if cells[column] != NO_TAG:
            found[cells[FORM], cells[UPOS]][cells[column]] += 1
    return found


def _words(text: str) -> Iterator[list[str]]:
    for line in text.split("\n"):
        cells = line.split("\t")
        if is_word(cells):
            yield cells


def is_word(cells: list[str]) -> bool:
    """Whether the cells of a line are those of a word, not of a multiword token or a comment."""
    return len(cells) == 10 and cells[0].isdecimal()


def _symbols(text: str) -> set[str]:
    """The characters that are no letters, marks or digits."""
    return {sign for sign in text if not sign.isalnum() and not sign.isspace()}


def combinations_of_today(vocabulary: Vocabulary, today: Iterable[Sentence]) -> list[list[int]]:
    """The combinations of tags of a vocabulary without those in which a UPOS has features that `today` never gives it.

    Where FEATS of older files are guessed, some nouns have a mood. A combination stays if it alone has one of its tags.
    """
    columns = vocabulary.combined
    if not {"upos", "feats"} <= set(columns):
        return vocabulary.combinations
    counts: Counter[str] = Counter()
    given: dict[str, set[str]] = defaultdict(set)
    for sentence in today:
        for upos, feats in zip(sentence.tags["upos"], sentence.tags["feats"], strict=True):
            counts[upos] += 1
            given[upos] |= _names(feats)
    kept: list[list[int]] = []
    others: list[list[int]] = []
    for combination in vocabulary.combinations:
        tags = {column: vocabulary.tags[column][i] for column, i in zip(columns, combination, strict=True)}
        is_known = counts[tags["upos"]] < MIN_OF_UPOS or _names(tags["feats"]) <= given[tags["upos"]]
        (kept if is_known else others).append(combination)
    there = [set(ids) for ids in zip(*kept, strict=True)]
    kept += [each for each in others if any(tag not in ids for tag, ids in zip(each, there, strict=True))]
    return sorted(kept)


def _names(feats: str) -> set[str]:
    """The names of features: `Case=Nom|Number=Sing` has Case and Number."""
    return {pair.partition("=")[0] for pair in feats.split("|")} if feats != NO_TAG else set()

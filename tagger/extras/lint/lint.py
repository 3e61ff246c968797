"""Sentences of a corpus -> findings: what hurts training or scores. Each check is a function in `CHECKS`.

Variation is found by the method of Dickinson and Meurers 2003, "Detecting Errors in Part-of-Speech Annotation"
(https://aclanthology.org/E03-1068/). A variation n-gram is a sequence of n words that occurs more than once in the
corpus and in which one word, the nucleus, has different tags. The longer the n-gram, the more probable it is that one
of the tags is an error. A nucleus at the fringe, as the first or the last word of the n-gram, is not trusted: what
decides on its tag may stand on the side that is not compared.

The n-grams grow, as there: an n-gram varies only if the shorter ones inside it, with the same nucleus, vary. They start
from three words, since shorter ones are fringe alone. Beginnings and ends of sentences are words here.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from tagger.extras.lint.lined import DEV, SPLITS, TEST, TRAIN, LinedSentence
from tagger.text.strings import LEMMA, NO_TAG, fitted, is_annotated, printable

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")  # the worst first
KINDS = {  # in the order of the list of findings; each with what it means, in the words of the help
    "unknown-upos": "a UPOS that is none of the 17 universal ones",
    "blank-tag": "_ where a tag is due",
    "split-tags": "the tags of dev or test differ from those of train",
    "new-tag": "a tag that dev or test has and train lacks",
    "single-tag": "a tag that occurs once",
    "repeated-sentence": "a sentence that stands in two splits",
    "variation": "a word with another tag than in the same context elsewhere",
}
WIDTH = 80  # cells of the summary


class Finding(NamedTuple):
    """What a check found."""

    severity: Severity
    kind: str  # a key of `KINDS`
    file: str
    line: int  # in the file, from 1
    word: str  # the form in that line
    column: str  # the tag column that it is about; empty: the sentence
    tag: str  # in that column
    reason: str  # what is wrong, and beside what
    expected: str = ""  # the tag that the rest of the corpus speaks for, if there is one

    @property
    def row(self) -> str:
        """Its fields as a line of TSV; control characters are replaced."""
        return "\t".join(printable(str(value)) for value in self) + "\n"


def _finding(
    sentence: LinedSentence, i: int, severity: Severity, kind: str, column: str, tag: str, reason: str, best: str = ""
) -> Finding:
    """A finding at the word `i` of a sentence."""
    return Finding(severity, kind, sentence.file, sentence.lines[i], sentence.tokens[i], column, tag, reason, best)


def counts(findings: Sequence[Finding]) -> dict[Severity, int]:
    """The number of findings of each severity."""
    return {severity: sum(each.severity == severity for each in findings) for severity in SEVERITIES}


def format_summary(findings: Sequence[Finding], name: str, words: int) -> str:
    """The findings, in the order of `lint`, counted by severity and kind, each with an example; for a terminal."""
    numbers = ", ".join(f"{number:,} {severity}{'s' * (number != 1)}" for severity, number in counts(findings).items())
    lines = [fitted(f"{name}: {words:,} word{'s' * (words != 1)}", WIDTH), numbers]
    groups: dict[tuple[str, str], list[Finding]] = {}
    for each in findings:
        groups.setdefault((each.severity, each.kind), []).append(each)
    if groups:
        lines += ["", f"{'severity':<9}{'kind':<18}{'number':>8}  an example"]
    for (severity, kind), (first, *others) in groups.items():
        row = f"{severity:<9}{kind:<18}{1 + len(others):>8,}  "
        lines.append(row + fitted(f"{first.file.rpartition('/')[2]}:{first.line} {first.word}", WIDTH - len(row)))
        lines.append(" " * len(row) + fitted(first.reason, WIDTH - len(row)))
    return "\n".join(lines)


UPOS = "upos"
UNIVERSAL = frozenset(  # https://universaldependencies.org/u/pos/
    ("ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN", "PUNCT", "SCONJ")
) | {"SYM", "VERB", "X"}
BLANKABLE = (UPOS, "xpos", LEMMA)  # in FEATS, _ is a value: no features
DUE_SHARE = 0.9  # of the words of a column have a tag: then the others lack theirs
USED_SHARE = 0.01  # of the words have a tag: if fewer have, the corpus does not have the column


def unknown_upos(sentences: Sequence[LinedSentence]) -> Iterator[Finding]:
    """Yields the words whose UPOS is none of the 17 of UD."""
    for sentence in sentences:
        if UNIVERSAL.issuperset(sentence.tags[UPOS]):
            continue
        for i, tag in enumerate(sentence.tags[UPOS]):
            if tag not in UNIVERSAL and is_annotated(UPOS, tag):
                reason = f"{tag} is no UPOS of Universal Dependencies"
                yield _finding(sentence, i, "error", "unknown-upos", UPOS, tag, reason)


def blank_tags(sentences: Sequence[LinedSentence]) -> Iterator[Finding]:
    """Yields the words without a tag in a column in which nearly all words have one.

    A column that has tags in some words, from `USED_SHARE` on, but in fewer than `DUE_SHARE`, gives one finding per
    split. So does a split without any tag in a column that another split has. The rest of a torn word (`goeswith`)
    needs no lemma.
    """
    filled: dict[str, Counter[str]] = {column: Counter() for column in BLANKABLE}
    words: Counter[str] = Counter()
    blanks: dict[tuple[str, str], list[Finding]] = {}
    for sentence in sentences:
        words[sentence.split] += len(sentence.tokens)
        for column, counts in filled.items():
            for i, (form, tag) in enumerate(zip(sentence.tokens, sentence.tags[column], strict=True)):
                if is_annotated(column, tag, form) or (i in sentence.torn and column != UPOS):
                    counts[sentence.split] += 1
                    continue
                severity: Severity = "error" if column == UPOS else "warning"
                reason = f"no {column.upper()}, which other words have"
                found = _finding(sentence, i, severity, "blank-tag", column, tag, reason)
                blanks.setdefault((column, sentence.split), []).append(found)
    for (column, split), group in blanks.items():
        count, total = filled[column].total(), words.total()
        if count < USED_SHARE * total:
            continue
        if not filled[column][split]:
            reason = f"{split} has no {column.upper()} at all, and other splits have"
            yield group[0]._replace(severity="error", reason=reason)
        elif column == UPOS or count >= DUE_SHARE * total:
            yield from group
        else:
            share = len(group) / words[split]
            reason = f"{len(group):,} words of {split} ({share:.1%}) have no {column.upper()}; this is the first"
            yield group[0]._replace(severity="note", reason=reason)


SPLIT_COLUMNS = ("upos", "xpos", "feats")
MIN_REPEATED_WORDS, SURE_REPEATED_WORDS = 5, 10  # shorter ones recur by themselves; longer ones do not
MUCH, SOME = 0.05, 0.01  # shares of the words of a split that have a tag which train lacks
MIN_UNKNOWN = 10  # words with such tags: fewer say nothing of a split
EXPECTED = 25  # a tag of train is missed in a split in which it should stand so often
LISTED = 8  # tags in a reason

Word = tuple[LinedSentence, int]  # and its number in the sentence, from 0


class _Inventory(NamedTuple):
    """The tags of a column; of FEATS, the features (`Case=Nom`)."""

    counts: dict[str, Counter[str]]  # of each split, the words with each tag
    first: dict[tuple[str, str], Word]  # (split, tag) -> the first word that has it
    unknown: dict[str, float]  # the share of the words of dev and test that have a tag which train lacks


def _inventory(sentences: Sequence[LinedSentence], column: str) -> _Inventory:
    cells: dict[str, Counter[str]] = {split: Counter() for split in SPLITS}
    counts: dict[str, Counter[str]] = {split: Counter() for split in SPLITS}
    first: dict[tuple[str, str], Word] = {}
    for sentence in sentences:
        for i, cell in enumerate(sentence.tags[column]):
            if cell not in cells[sentence.split]:
                for tag in _tags_in(column, cell):
                    first.setdefault((sentence.split, tag), (sentence, i))
            cells[sentence.split][cell] += 1
    for split, of_split in cells.items():
        for cell, count in of_split.items():
            counts[split].update(dict.fromkeys(_tags_in(column, cell), count))
    unknown = {}
    for split in (DEV, TEST):
        new = sum(n for cell, n in cells[split].items() if any(t not in counts[TRAIN] for t in _tags_in(column, cell)))
        unknown[split] = new / cells[split].total() if counts[TRAIN] and new >= MIN_UNKNOWN else 0.0
    return _Inventory(counts, first, unknown)


def _tags_in(column: str, cell: str) -> list[str]:
    """The tag, or of FEATS its features; nothing if there is no tag."""
    if column == "feats":
        return [] if cell in ("", NO_TAG) else cell.split("|")
    return [cell] if is_annotated(column, cell) else []


def tag_sets(sentences: Sequence[LinedSentence]) -> Iterator[Finding]:
    """Yields tags that occur once, or in dev or test alone, and columns whose tags differ much between splits."""
    words = Counter[str]()
    for sentence in sentences:
        words[sentence.split] += len(sentence.tokens)
    for column in SPLIT_COLUMNS:
        counts, first, unknown = _inventory(sentences, column)
        known, total = counts[TRAIN], sum(counts.values(), Counter[str]())
        for split in (DEV, TEST) if known else ():
            if unknown[split] >= SOME:
                new = [tag for tag, _ in counts[split].most_common() if tag not in known]
                severity: Severity = "error" if unknown[split] >= MUCH else "warning"
                reason = f"{unknown[split]:.1%} of the words of {split} have tags that train lacks: {_listed(new)}"
                yield _finding(*first[split, new[0]], severity, "split-tags", column, new[0], reason)
            missing = [
                tag
                for tag, count in known.most_common()
                if counts[split] and count * words[split] >= EXPECTED * words[TRAIN] and tag not in counts[split]
            ]
            if missing:
                reason = f"{split} lacks frequent tags of train, where this is the first: {_listed(missing)}"
                yield _finding(*first[TRAIN, missing[0]], "warning", "split-tags", column, missing[0], reason)
        for (split, tag), word in first.items():
            if words[TRAIN] and tag not in known:
                reason = f"{tag}, {counts[split][tag]:,} times in {split}, is never in train; no tagger can learn it"
                yield _finding(*word, "warning", "new-tag", column, tag, reason)
            elif total[tag] == 1:
                yield _finding(*word, "note", "single-tag", column, tag, f"{tag} occurs nowhere else")


def _listed(tags: Sequence[str]) -> str:
    more = f" and {len(tags) - LISTED} more" if len(tags) > LISTED else ""
    return " ".join(tags[:LISTED]) + more


def repeated_sentences(sentences: Sequence[LinedSentence]) -> Iterator[Finding]:
    """Yields each sentence of dev and test, from `MIN_REPEATED_WORDS` on, that an earlier split has too, word by word.

    Of two splits, the earlier is the first in the order train, dev, test.
    """
    first: dict[tuple[str, ...], LinedSentence] = {}
    for sentence in sorted(sentences, key=lambda sentence: SPLITS.index(sentence.split)):
        length = len(sentence.tokens)
        if length < MIN_REPEATED_WORDS:
            continue
        earlier = first.setdefault(tuple(sentence.tokens), sentence)
        if earlier.split != sentence.split:
            severity: Severity = "warning" if length >= SURE_REPEATED_WORDS else "note"
            reason = f"the same {length} words are a sentence of {earlier.split}, at {earlier.file}:{earlier.lines[0]}"
            yield _finding(sentence, 0, severity, "repeated-sentence", "", "", reason)


VARIED_COLUMNS = ("upos", "xpos")
FIRST_WORDS, MIN_VARIED_WORDS, MAX_WORDS = 3, 4, 30  # of the n-grams that are grown; findings have the second
SURE_VARIED_WORDS = 5  # of an n-gram whose variation is nearly always an error
BORDER = 0  # the number of the beginning and of the end of a sentence


class _Text(NamedTuple):
    """A corpus in one row, in which a border stands before and after each sentence."""

    words: list[int]  # the numbers of the forms
    tags: list[str]  # empty at borders and where nothing is compared
    places: list[tuple[int, int]]  # the number of the sentence, and of the word in it


def variation(sentences: Sequence[LinedSentence]) -> Iterator[Finding]:
    """Yields the words that have another tag than most words in the same context.

    The context is the longest that varies. Where two tags are equally frequent in it, the word whose tag is the less
    frequent one of its form gives the finding. A word gives one finding, in the first column in which it varies. A
    split with another tag set than train's is left out.
    """
    seen: set[tuple[int, int]] = set()
    for column in VARIED_COLUMNS:
        words, tags, places = text = _text(sentences, column)
        of_forms = Counter(zip(words, tags, strict=True))
        for nucleus, (size, nuclei) in sorted(_longest(text).items()):
            counts = Counter(tags[other] for other in nuclei)
            best = max(counts, key=lambda tag: (counts[tag], of_forms[words[nucleus], tag], tag))
            tag, place = tags[nucleus], places[nucleus]
            if tag == best or size < MIN_VARIED_WORDS or place in seen:
                continue
            seen.add(place)
            number, other = places[min(other for other in nuclei if tags[other] == best)]
            reason = (
                f"{tag} {counts[tag]}x and {best} {counts[best]}x in the same {size} words;"
                f" {best} at {sentences[number].file}:{sentences[number].lines[other]}"
            )
            severity: Severity = "warning" if size >= SURE_VARIED_WORDS else "note"
            yield _finding(sentences[place[0]], place[1], severity, "variation", column, tag, reason, best)


def _text(sentences: Sequence[LinedSentence], column: str) -> _Text:
    others = {split for split, share in _inventory(sentences, column).unknown.items() if share >= MUCH}
    numbers: dict[str, int] = {}
    words, tags, places = [BORDER], [""], [(-1, -1)]
    for number, sentence in enumerate(sentences):
        for i, (form, tag) in enumerate(zip(sentence.tokens, sentence.tags[column], strict=True)):
            words.append(numbers.setdefault(form, len(numbers) + 1))
            tags.append(tag if is_annotated(column, tag) and sentence.split not in others else "")
            places.append((number, i))
        words.append(BORDER)
        tags.append("")
        places.append((-1, -1))
    return _Text(words, tags, places)


def _longest(text: _Text) -> dict[int, tuple[int, list[int]]]:
    """For each nucleus that varies within a context on both sides, the size and the nuclei of its longest n-gram.

    Of several, the one that occurs most often.
    """
    longest: dict[int, tuple[int, list[int]]] = {}
    spans = {(i - 1, i): None for i, tag in enumerate(text.tags) if tag}  # (the first word, the nucleus)
    for size in range(FIRST_WORDS, MAX_WORDS + 1):
        groups: dict[tuple[int, ...], list[tuple[int, int]]] = {}
        for start, nucleus in spans:
            groups.setdefault((nucleus - start, *text.words[start : start + size]), []).append((start, nucleus))
        spans = {}
        for group in groups.values():
            nuclei = [nucleus for _, nucleus in group]
            if len({text.tags[nucleus] for nucleus in nuclei}) == 1:
                continue
            for start, nucleus in group:
                end = start + size
                if start < nucleus < end - 1:
                    before = longest.get(nucleus, (0, []))
                    if (size, len(nuclei)) > (before[0], len(before[1])):
                        longest[nucleus] = size, nuclei
                if text.words[start] != BORDER:
                    spans[start - 1, nucleus] = None
                if text.words[end - 1] != BORDER:
                    spans[start, nucleus] = None
    return longest


CHECKS: tuple[Callable[[Sequence[LinedSentence]], Iterable[Finding]], ...] = (
    *(unknown_upos, blank_tags, tag_sets, repeated_sentences, variation),
)


def lint(sentences: Sequence[LinedSentence]) -> list[Finding]:
    """The findings of all checks, by severity and by kind."""
    kinds = list(KINDS)
    found = (finding for check in CHECKS for finding in check(sentences))
    return sorted(found, key=lambda each: (SEVERITIES.index(each.severity), kinds.index(each.kind)))

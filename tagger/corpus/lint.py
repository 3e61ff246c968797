"""Sentences of a corpus -> findings: what hurts training or scores. Each check is a function in `CHECKS`.

The method is that of Dickinson and Meurers 2003, "Detecting Errors in Part-of-Speech Annotation"
(https://aclanthology.org/E03-1068/). A variation n-gram is a sequence of n words that occurs more than once in the
corpus and in which one word, the nucleus, has different tags. The longer the n-gram, the more probable it is that one
of the tags is an error. A nucleus at the fringe, as the first or the last word of the n-gram, is not trusted: what
decides on its tag may stand on the side that is not compared.

The n-grams grow, as there: an n-gram varies only if the shorter ones inside it, with the same nucleus, vary. They start
from three words, since shorter ones are fringe alone. Beginnings and ends of sentences are words here.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any, Literal, NamedTuple

from tagger.corpus.lined import DEV, SPLITS, TEST, TRAIN, LinedSentence, Place
from tagger.text.strings import LEMMA, NO_TAG, fitted, is_annotated, printable

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")  # the worst first
KINDS = {  # in the order of the list of findings; each with what it means, in the words of the help
    "unknown-upos": "a UPOS that is none of the 17 universal ones",
    "blank-tag": "_ where a tag is due",
    "damaged-text": "characters that are no text of the language: mojibake, control characters, unnormalised forms",
    "split-tags": "the tags of dev or test differ from those of train",
    "new-tag": "a tag that dev or test has and train lacks",
    "single-tag": "a tag that occurs once",
    "repeated-sentence": "a sentence that stands in two splits",
    "upos-xpos": "a UPOS that its XPOS almost never has elsewhere",
    "upos-feats": "a FEATS that its UPOS almost never has elsewhere, or lacks",
    "variation": "a word with another tag than in the same context elsewhere",
    "spaced-form": "a form with a space, where these are rare",
}
FIELDS = (
    *("severity", "kind", "file", "line", "word", "column", "tag"),
    *("expected", "reason"),
)
WIDTH = 80  # cells of the summary


class Finding(NamedTuple):
    """What a check found.

    Attributes:
        severity: how bad it is.
        kind: a key of `KINDS`.
        file: the file.
        line: the line in it, counted from 1.
        word: the form in that line.
        column: the tag column that it is about; empty: the form itself, or the sentence.
        tag: in that column.
        reason: what is wrong, and beside what.
        expected: the tag that the rest of the corpus speaks for, if there is one.
    """

    severity: Severity
    kind: str
    file: str
    line: int
    word: str
    column: str
    tag: str
    reason: str
    expected: str = ""

    @property
    def values(self) -> dict[str, Any]:
        """Its fields by name, in the order of `FIELDS`."""
        return {name: getattr(self, name) for name in FIELDS}

    @property
    def row(self) -> str:
        """Its fields as a line of TSV; control characters are replaced."""
        return "\t".join(printable(str(value)) for value in self.values.values()) + "\n"


def _finding(
    sentence: LinedSentence, i: int, severity: Severity, kind: str, column: str, tag: str, reason: str, best: str = ""
) -> Finding:
    """A finding at the word `i` of a sentence."""
    return Finding(severity, kind, sentence.file, sentence.lines[i], sentence.tokens[i], column, tag, reason, best)


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """Findings by severity and by kind. Those of a kind stay in their order."""
    kinds = list(KINDS)
    return sorted(findings, key=lambda each: (SEVERITIES.index(each.severity), kinds.index(each.kind)))


def counts(findings: Sequence[Finding]) -> dict[Severity, int]:
    """The number of findings of each severity."""
    return {severity: sum(each.severity == severity for each in findings) for severity in SEVERITIES}


def format_summary(findings: Sequence[Finding], name: str, words: int) -> str:
    """A table with the number of findings of each severity and kind and an example, the first; for a terminal.

    Args:
        findings: in the order of `ordered`.
        name: of the corpus.
        words: of the corpus.
    """
    numbers = ", ".join(f"{number:,} {severity}{'s' * (number != 1)}" for severity, number in counts(findings).items())
    lines = [fitted(f"{name}: {words:,} word{'s' * (words != 1)}", WIDTH), numbers]
    groups: dict[tuple[str, str], list[Finding]] = {}
    for each in findings:
        groups.setdefault((each.severity, each.kind), []).append(each)
    if groups:
        lines += ["", f"{'severity':<9}{'kind':<18}{'number':>8}  an example"]
    for (severity, kind), members in groups.items():
        row = f"{severity:<9}{kind:<18}{len(members):>8,}  "
        first = members[0]
        place = f"{first.file.rpartition('/')[2]}:{first.line} {first.word}"
        lines.append(row + fitted(place, WIDTH - len(row)))
        shown = fitted(first.reason, WIDTH - len(row))
        lines.append(" " * len(row) + shown)
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


SPACED_SHARE = 0.01  # of the words of a corpus have spaces inside: then these are exceptions
_SPACE = re.compile(r"\s")
_NUMBER = re.compile(r"[\d\s.,%+-]+")  # `1 000`, which UD allows
_ENTITY = re.compile(r"&(?:#[0-9]+|#x[0-9a-fA-F]+|[a-zA-Z]{2,8});")
_JOINERS = "\u200c\u200d"  # they shape letters of Arabic and Indic scripts, and join emoji
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]"
)
# What the first and the other bytes of a UTF-8 character look like in Latin-1 and in Windows-1252.
_MOJIBAKE = re.compile(
    "[\u00c2-\u00f4]"
    "[\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122]+"
)
_SCRIPTS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "COPTIC")  # they have letters that look alike


def damaged_text(sentences: Sequence[LinedSentence]) -> Iterator[Finding]:
    """Yields the forms, those of multiword tokens too, and the lemmas whose characters are damaged."""
    forms = Counter(form for sentence in sentences for form in sentence.tokens)
    mixed = _mixed_normalisation(forms)
    known: dict[str, tuple[Severity, str] | None] = {}

    def damage(string: str) -> tuple[Severity, str] | None:
        if string.isascii() and string.isprintable() and "&" not in string:
            return None
        if string not in known:
            known[string] = _damage(string) or (_unnormalised(string, forms) if mixed else None)
        return known[string]

    for sentence in sentences:
        cells = [(line, form, "") for line, form in sentence.surfaces]
        for line, form, lemma in zip(sentence.lines, sentence.tokens, sentence.tags["lemma"], strict=True):
            cells.append((line, form, "") if damage(form) else (line, lemma, "lemma"))
        for line, string, column in sorted(cells):
            if (found := damage(string)) is not None:
                severity, reason = found
                yield Finding(severity, "damaged-text", sentence.file, line, string, column, "", reason)


def _damage(string: str) -> tuple[Severity, str] | None:
    """The severity and the reason; None if the characters are sound."""
    for character in string:
        category = unicodedata.category(character)
        code = f"U+{ord(character):04X}"
        if character == "\ufffd":
            return "error", f"{code} stands where a character was lost"
        if category == "Cc":
            return "error", f"the control character {code}"
        if category in ("Co", "Cn"):
            return "warning", f"{code} is a character that Unicode does not define"
    if (meant := _repaired(string)) is not None:
        return "warning", f"mojibake: perhaps {meant}, in UTF-8 read as another encoding"
    if entity := _ENTITY.search(string):
        return "warning", f"{entity[0]} is an entity of HTML"
    if (scripts := _mixed_scripts(string)) is not None:
        return "warning", f"letters of {' and '.join(scripts)} in one word; some look alike"
    if invisible := next((c for c in string if _INVISIBLE.match(c) and not _shapes(c, string)), None):
        return "note", f"the invisible character U+{ord(invisible):04X}, {unicodedata.name(invisible, '?')}"
    return None


def _repaired(string: str) -> str | None:
    """The string without mojibake: UTF-8 that was read as Windows-1252 or Latin-1; None if there is none."""
    repaired = _MOJIBAKE.sub(lambda found: _decoded(found[0]), string)
    return repaired if repaired != string else None


def _decoded(piece: str) -> str:
    """`piece` read as UTF-8, or unchanged if it is none."""
    raw = bytearray()
    for character in piece:
        try:
            raw += character.encode("latin-1" if character < "\u0100" else "cp1252")
        except UnicodeEncodeError:
            return piece
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return piece


def _mixed_scripts(string: str) -> list[str] | None:
    """Two scripts with letters that look alike, if letters of both stand side by side."""
    before = ""
    for character in string:
        name = unicodedata.name(character, "").partition(" ")[0] if character.isalpha() else ""
        script = name if name in _SCRIPTS else ""
        if before and script and script != before and {before, script} != {"GREEK", "COPTIC"}:
            return [before.capitalize(), script.capitalize()]
        before = script
    return None


def _shapes(character: str, string: str) -> bool:
    """Whether a joiner stands between characters of a script, or of emoji, that need it."""
    return character in _JOINERS and not any(unicodedata.name(c, "").startswith(_SCRIPTS) for c in string)


def _mixed_normalisation(forms: Counter[str]) -> bool:
    """Whether both normalised and unnormalised forms have characters that NFC would change."""
    kept = changed = False
    for form in forms:
        if form.isascii():
            continue
        if form != unicodedata.normalize("NFC", form):
            changed = True
        elif form != unicodedata.normalize("NFD", form):
            kept = True
        if kept and changed:
            return True
    return False


def _unnormalised(string: str, forms: Counter[str]) -> tuple[Severity, str] | None:
    normal = unicodedata.normalize("NFC", string)
    if normal == string:
        return None
    other = f"; {forms[normal]} times the corpus has it normalised" if normal in forms else ""
    return "warning", f"not in the normal form NFC, as other words are{other}"


def spaced_forms(sentences: Sequence[LinedSentence]) -> Iterator[Finding]:
    """Yields the forms with white space inside, where these are exceptions and no numbers."""
    words = sum(len(sentence.tokens) for sentence in sentences)
    found = []
    spaced = 0
    for sentence in sentences:
        for i, form in enumerate(sentence.tokens):
            if _SPACE.search(form):
                spaced += 1
                if not _NUMBER.fullmatch(form):
                    reason = f"{form!r} has white space inside; {SPACED_SHARE:.0%} of the words or fewer have"
                    found.append(_finding(sentence, i, "note", "spaced-form", "", "", reason))
    if spaced <= SPACED_SHARE * words:
        yield from found


MIN_COUNT = 50  # words with an XPOS or a feature, from which on the corpus says which UPOS go with it
RARE_SHARE, RARE_COUNT = 0.005, 10  # of these words: a UPOS that so few have is rare there
USUAL_SHARE = 0.995  # of the words of a UPOS have a feature: then the others lack it
ALIKE_SHARE = 0.9  # of the words with the same UPOS and XPOS have it, too
CONVENTION = 3  # the same form so often in the same rare way: that is meant
ANYWHERE = frozenset(("Abbr", "ExtPos", "Foreign", "Style", "Typo", "CorrectForm"))  # features of every UPOS

Parts = Callable[[str], Sequence[str]]  # a cell -> what of it goes with a UPOS


def xpos_contradictions(sentences: Sequence[LinedSentence]) -> Iterator[Finding]:
    """Yields the words whose XPOS goes with another UPOS almost everywhere else."""
    yield from _contradictions(sentences, "xpos", lambda xpos: (xpos,) if is_annotated("xpos", xpos) else ())


def feats_contradictions(sentences: Sequence[LinedSentence]) -> Iterator[Finding]:
    """Yields the words with a feature that goes with other UPOS almost everywhere else, or without one of their UPOS.

    The value does not matter: that proper nouns are rarely plural says nothing against one that is.
    """
    names = cache(_names)
    yield from _contradictions(sentences, "feats", names)
    yield from _lacking(sentences, names)


def _names(feats: str) -> tuple[str, ...]:
    """The names of the features, but for those of every UPOS."""
    if feats in ("", NO_TAG):
        return ()
    return tuple({name: 0 for pair in feats.split("|") if (name := pair.partition("=")[0]) not in ANYWHERE})


def _contradictions(sentences: Sequence[LinedSentence], column: str, parts: Parts) -> Iterator[Finding]:
    cells: Counter[tuple[str, str]] = Counter()  # (UPOS, cell)
    forms: Counter[tuple[str, str, str]] = Counter()  # (lower-cased form, UPOS, cell)
    for sentence in sentences:
        rows = list(zip(sentence.tags["upos"], sentence.tags[column], strict=True))
        cells.update(rows)
        forms.update((form.lower(), *row) for form, row in zip(sentence.tokens, rows, strict=True))
    pairs: Counter[tuple[str, str]] = Counter()  # (UPOS, part of a cell)
    totals: Counter[str] = Counter()
    for (upos, cell), count in cells.items():
        for part in parts(cell) if is_annotated("upos", upos) else ():
            pairs[upos, part] += count
            totals[part] += count
    usual: dict[str, tuple[str, int]] = {}
    for (upos, part), count in pairs.most_common():
        usual.setdefault(part, (upos, count))
    rare = {
        (upos, part)
        for (upos, part), count in pairs.items()
        if totals[part] >= MIN_COUNT and count <= max(1, min(RARE_COUNT, RARE_SHARE * totals[part]))
    }
    for sentence in sentences:
        for i, (upos, cell) in enumerate(zip(sentence.tags["upos"], sentence.tags[column], strict=True)):
            found = next((part for part in parts(cell) if (upos, part) in rare), None)
            if found is None or i in sentence.torn or forms[sentence.tokens[i].lower(), upos, cell] >= CONVENTION:
                continue
            best, count = usual[found]
            reason = f"{pairs[upos, found]} of {totals[found]:,} words with {found} are {upos}; {count:,} are {best}"
            yield _finding(sentence, i, "warning", f"upos-{column}", UPOS, upos, reason, best)


def _lacking(sentences: Sequence[LinedSentence], names: Parts) -> Iterator[Finding]:
    """Yields the words without a feature that nearly all words of their UPOS have."""
    kinds: Counter[tuple[str, str, str]] = Counter()  # (UPOS, XPOS, FEATS)
    forms: Counter[tuple[str, str, str]] = Counter()  # (lower-cased form, UPOS, FEATS)
    for sentence in sentences:
        upos, feats = sentence.tags["upos"], sentence.tags["feats"]
        kinds.update(zip(upos, sentence.tags["xpos"], feats, strict=True))
        forms.update(zip(map(str.lower, sentence.tokens), upos, feats, strict=True))
    words: Counter[str] = Counter()
    having: Counter[tuple[str, str]] = Counter()  # (UPOS, name of a feature)
    alike: Counter[tuple[str, str]] = Counter()  # (UPOS, XPOS)
    having_alike: Counter[tuple[str, str, str]] = Counter()  # (UPOS, XPOS, name of a feature)
    for (pos, xpos, cell), count in kinds.items():
        words[pos] += count
        alike[pos, xpos] += count
        for name in names(cell):
            having[pos, name] += count
            having_alike[pos, xpos, name] += count
    due: dict[str, list[str]] = {}
    for (pos, name), count in having.items():
        if words[pos] >= MIN_COUNT and USUAL_SHARE * words[pos] <= count < words[pos]:
            due.setdefault(pos, []).append(name)
    for sentence in sentences:
        rows = zip(sentence.tokens, *(sentence.tags[column] for column in ("upos", "xpos", "feats")), strict=True)
        for i, (form, pos, xpos, cell) in enumerate(rows):
            for name in due.get(pos, ()):
                usual = having_alike[pos, xpos, name] >= ALIKE_SHARE * alike[pos, xpos]
                if name not in names(cell) and usual and forms[form.lower(), pos, cell] < CONVENTION:
                    reason = f"{having[pos, name]:,} of {words[pos]:,} words with {pos} have {name}, and this has not"
                    yield _finding(sentence, i, "warning", "upos-feats", "feats", cell, reason)
                    break


SPLIT_COLUMNS = ("upos", "xpos", "feats")
MIN_REPEATED_WORDS, SURE_REPEATED_WORDS = 5, 10  # shorter ones recur by themselves; longer ones do not
MUCH, SOME = 0.05, 0.01  # shares of the words of a split that have a tag which train lacks
MIN_UNKNOWN = 10  # words with such tags: fewer say nothing of a split
EXPECTED = 25  # a tag of train is missed in a split in which it should stand so often
LISTED = 8  # tags in a reason


class _Inventory(NamedTuple):
    """The tags of a column; of FEATS, the features (`Case=Nom`)."""

    column: str
    counts: dict[str, Counter[str]]  # of each split, the words with each tag
    first: dict[tuple[str, str], Place]  # (split, tag) -> the first word that has it
    cells: dict[str, Counter[str]]  # of each split, the words with each cell


def tag_sets(sentences: Sequence[LinedSentence]) -> Iterator[Finding]:
    """Yields tags that occur once, or in dev or test alone, and columns whose tags differ much between splits."""
    words = Counter[str]()
    for sentence in sentences:
        words[sentence.split] += len(sentence.tokens)
    for column in SPLIT_COLUMNS:
        inventory = _inventory(sentences, column)
        if words[TRAIN]:
            yield from _differing(sentences, inventory, words)
            yield from _new(sentences, inventory)
        yield from _single(sentences, inventory, bool(words[TRAIN]))


def _inventory(sentences: Sequence[LinedSentence], column: str) -> _Inventory:
    cells: dict[str, Counter[str]] = {split: Counter() for split in SPLITS}
    starts: dict[tuple[str, str], Place] = {}  # (split, cell) -> the first word that has it
    for number, sentence in enumerate(sentences):
        counts = cells[sentence.split]
        for i, cell in enumerate(sentence.tags[column]):
            if cell not in counts:
                starts[sentence.split, cell] = Place(number, i)
            counts[cell] += 1
    tags: dict[str, Counter[str]] = {split: Counter() for split in SPLITS}
    first: dict[tuple[str, str], Place] = {}
    for (split, cell), place in starts.items():
        for tag in tags_in(column, cell):
            tags[split][tag] += cells[split][cell]
            first[split, tag] = min(place, first.get((split, tag), place))
    return _Inventory(column, tags, first, cells)


def tags_in(column: str, cell: str) -> list[str]:
    """The tag, or of FEATS its features; nothing if there is no tag."""
    if column == "feats":
        return [] if cell in ("", NO_TAG) else cell.split("|")
    return [cell] if is_annotated(column, cell) else []


def _unknown_share(inventory: _Inventory, split: str) -> float:
    """The share of the words of a split that have a tag which train lacks; 0 if there are too few to tell."""
    column, counts, _, cells = inventory
    known = counts[TRAIN]
    unknown = sum(n for cell, n in cells[split].items() if any(tag not in known for tag in tags_in(column, cell)))
    return unknown / cells[split].total() if known and unknown >= MIN_UNKNOWN else 0.0


def other_tag_sets(sentences: Sequence[LinedSentence], column: str) -> set[str]:
    """The splits in which so many words have tags that train lacks that their tag set is another one."""
    inventory = _inventory(sentences, column)
    return {split for split in (DEV, TEST) if _unknown_share(inventory, split) >= MUCH}


def _single(sentences: Sequence[LinedSentence], inventory: _Inventory, has_train: bool) -> Iterator[Finding]:
    total: Counter[str] = sum(inventory.counts.values(), Counter())
    for (split, tag), place in inventory.first.items():
        if total[tag] == 1 and (split == TRAIN or not has_train):
            reason = f"{tag} occurs nowhere else"
            yield _finding(sentences[place.sentence], place.word, "note", "single-tag", inventory.column, tag, reason)


def _new(sentences: Sequence[LinedSentence], inventory: _Inventory) -> Iterator[Finding]:
    """Yields each tag that train lacks at its first word in dev and in test."""
    for (split, tag), place in inventory.first.items():
        if tag not in inventory.counts[TRAIN]:
            count = inventory.counts[split][tag]
            times = f"{count:,} times" if count > 1 else "once"
            reason = f"{tag} occurs {times} in {split} and never in train; no tagger can learn it"
            yield _finding(sentences[place.sentence], place.word, "warning", "new-tag", inventory.column, tag, reason)


def _differing(sentences: Sequence[LinedSentence], inventory: _Inventory, words: Counter[str]) -> Iterator[Finding]:
    """Yields, for dev and test, that train lacks the tags of many words, or that frequent tags of train are missing."""
    column, counts, first, _ = inventory
    known = counts[TRAIN]

    def finding(severity: Severity, of: str, tag: str, reason: str) -> Finding:
        place = first[of, tag]
        return _finding(sentences[place.sentence], place.word, severity, "split-tags", column, tag, reason)

    for split in (DEV, TEST):
        if not counts[split] or not known:
            continue
        new = [tag for tag, _ in counts[split].most_common() if tag not in known]
        share = _unknown_share(inventory, split)
        if share >= SOME:
            reason = f"{share:.1%} of the words of {split} have tags that train lacks: {_listed(new)}"
            yield finding("error" if share >= MUCH else "warning", split, new[0], reason)
        least = EXPECTED * words[TRAIN] / words[split]
        missing = [tag for tag, count in known.most_common() if count >= least and tag not in counts[split]]
        if missing:
            reason = f"{split} lacks frequent tags of train, where this is the first: {_listed(missing)}"
            yield finding("warning", TRAIN, missing[0], reason)


def _listed(tags: Sequence[str]) -> str:
    more = f" and {len(tags) - LISTED} more" if len(tags) > LISTED else ""
    return " ".join(tags[:LISTED]) + more


def repeated_sentences(sentences: Sequence[LinedSentence]) -> Iterator[Finding]:
    """Yields each sentence of dev and test, from `MIN_REPEATED_WORDS` on, that an earlier split has too, word by word.

    Of two splits, the earlier is the first in the order train, dev, test.
    """
    first: dict[tuple[str, ...], LinedSentence] = {}
    for split in SPLITS:
        long = (sentence for sentence in sentences if len(sentence.tokens) >= MIN_REPEATED_WORDS)
        own = [sentence for sentence in long if sentence.split == split]
        for sentence in own:
            earlier = first.get(tuple(sentence.tokens))
            if earlier is not None:
                length = len(sentence.tokens)
                severity: Severity = "warning" if length >= SURE_REPEATED_WORDS else "note"
                reason = f"the same {length} words are a sentence of {earlier.split}, at {earlier.start}"
                yield _finding(sentence, 0, severity, "repeated-sentence", "", "", reason)
        for sentence in own:
            first.setdefault(tuple(sentence.tokens), sentence)


VARIED_COLUMNS = ("upos", "xpos")
FIRST_WORDS, MIN_VARIED_WORDS, MAX_WORDS = 3, 4, 30  # of the n-grams that are grown; findings have the second
SURE_VARIED_WORDS = 5  # of an n-gram whose variation is nearly always an error
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
    for column in VARIED_COLUMNS:
        text = _text(sentences, column)
        of_forms = Counter(zip(text.words, text.tags, strict=True))
        for nucleus, ngram in sorted(_longest(text).items()):
            counts = Counter(text.tags[other] for other in ngram.nuclei)
            best = max(counts, key=lambda tag: (counts[tag], of_forms[text.words[nucleus], tag], tag))
            tag, place = text.tags[nucleus], text.places[nucleus]
            if tag == best or ngram.size < MIN_VARIED_WORDS or place in seen:
                continue
            seen.add(place)
            other = text.places[min(other for other in ngram.nuclei if text.tags[other] == best)]
            sentence, beside = sentences[place.sentence], sentences[other.sentence]
            reason = (
                f"{tag} {counts[tag]}x and {best} {counts[best]}x in the same {ngram.size} words;"
                f" {best} at {beside.file}:{beside.lines[other.word]}"
            )
            severity: Severity = "warning" if ngram.size >= SURE_VARIED_WORDS else "note"
            yield _finding(sentence, place.word, severity, "variation", column, tag, reason, best)


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


CHECKS: tuple[Callable[[Sequence[LinedSentence]], Iterator[Finding]], ...] = (
    *(unknown_upos, blank_tags, damaged_text, tag_sets, repeated_sentences),
    *(xpos_contradictions, feats_contradictions, variation, spaced_forms),
)


def lint(sentences: Sequence[LinedSentence]) -> list[Finding]:
    """The findings of all checks but that of the cross-validation, in the order of `ordered`."""
    return ordered(finding for check in CHECKS for finding in check(sentences))

"""Checks of the splits beside each other: sentences that two of them have, and tags that one of them lacks."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tagger.corpus.findings import Finding, Severity
from tagger.corpus.lined import DEV, SPLITS, TEST, TRAIN, LinedSentence, Place
from tagger.text.gold_tags import NO_TAG, is_annotated

COLUMNS = ("upos", "xpos", "feats")
MIN_WORDS, SURE_WORDS = 5, 10  # shorter sentences recur by themselves, "Thank you very much"; so long ones do not
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
    for column in COLUMNS:
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
            yield _finding(sentences, place, "note", "single-tag", inventory.column, tag, f"{tag} occurs nowhere else")


def _new(sentences: Sequence[LinedSentence], inventory: _Inventory) -> Iterator[Finding]:
    """Yields each tag that train lacks at its first word in dev and in test."""
    for (split, tag), place in inventory.first.items():
        if tag not in inventory.counts[TRAIN]:
            count = inventory.counts[split][tag]
            times = f"{count:,} times" if count > 1 else "once"
            reason = f"{tag} occurs {times} in {split} and never in train; no tagger can learn it"
            yield _finding(sentences, place, "warning", "new-tag", inventory.column, tag, reason)


def _differing(sentences: Sequence[LinedSentence], inventory: _Inventory, words: Counter[str]) -> Iterator[Finding]:
    """Yields, for dev and test, that train lacks the tags of many words, or that frequent tags of train are missing."""
    column, counts, first, _ = inventory
    known = counts[TRAIN]
    for split in (DEV, TEST):
        if not counts[split] or not known:
            continue
        new = [tag for tag, _ in counts[split].most_common() if tag not in known]
        share = _unknown_share(inventory, split)
        if share >= SOME:
            severity: Severity = "error" if share >= MUCH else "warning"
            reason = f"{share:.1%} of the words of {split} have tags that train lacks: {_listed(new)}"
            yield _finding(sentences, first[split, new[0]], severity, "split-tags", column, new[0], reason)
        least = EXPECTED * words[TRAIN] / words[split]
        missing = [tag for tag, count in known.most_common() if count >= least and tag not in counts[split]]
        if missing:
            reason = f"{split} lacks frequent tags of train, where this is the first: {_listed(missing)}"
            yield _finding(sentences, first[TRAIN, missing[0]], "warning", "split-tags", column, missing[0], reason)


def _listed(tags: Sequence[str]) -> str:
    more = f" and {len(tags) - LISTED} more" if len(tags) > LISTED else ""
    return " ".join(tags[:LISTED]) + more


def _finding(
    sentences: Sequence[LinedSentence], place: Place, severity: Severity, kind: str, column: str, tag: str, reason: str
) -> Finding:
    sentence = sentences[place.sentence]
    return Finding(
        severity, kind, sentence.file, sentence.lines[place.word], sentence.tokens[place.word], column, tag, reason
    )


def repeated_sentences(sentences: Sequence[LinedSentence]) -> Iterator[Finding]:
    """Yields each sentence of dev and test, from `MIN_WORDS` on, that an earlier split has too, word by word.

    Of two splits, the earlier is the first in the order train, dev, test.
    """
    first: dict[tuple[str, ...], LinedSentence] = {}
    for split in SPLITS:
        own = [sentence for sentence in sentences if sentence.split == split and len(sentence.tokens) >= MIN_WORDS]
        for sentence in own:
            earlier = first.get(tuple(sentence.tokens))
            if earlier is not None:
                length = len(sentence.tokens)
                severity: Severity = "warning" if length >= SURE_WORDS else "note"
                reason = f"the same {length} words are a sentence of {earlier.split}, at {earlier.start}"
                place = sentence.file, sentence.lines[0], sentence.tokens[0]
                yield Finding(severity, "repeated-sentence", *place, "", "", reason)
        for sentence in own:
            first.setdefault(tuple(sentence.tokens), sentence)

"""Strings <-> ids: the words, characters and tags that a tagger knows from its training data.

A few ids stand for no string, such as padding; the modules of the network take them from here.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Any

from msgspec import Meta

from tagger.errors import InputError, shorten
from tagger.text.schema import ShortName, Size
from tagger.text.strings import LEMMA, is_annotated, printable
from tagger.words.dictionary import Dictionary
from tagger.words.tag_codec import TagCodec, learned_tags

PAD = 0  # id of padding after the last character of a word
UNK = 1  # id of every word or character that the vocabulary does not have
NO_CORPUS = 0  # id of a sentence of which the network does not know the corpus
FIRST_ID = 2  # id of the vocabulary's first word, and of its first character
IGNORE = -100  # target after a sentence's end, or of a token without annotation: neither learned nor scored
# Target of a gold tag that training does not have: not learned, but scored, as wrong. It must be below IGNORE, so that
# target.clamp(min=IGNORE) leaves it out of the loss.
UNSEEN = -101

Number = Annotated[int, Meta(ge=0, le=1 << 62)]  # how often a word occurs in training; the row of its vector


@dataclass(frozen=True)
class Vocabulary:
    """The words, characters and tags of a tagger."""

    words: dict[str, Number]  # lower-cased, with an embedding of their own, and how often each occurs in training
    characters: list[str]  # that have an embedding of their own
    tags: dict[ShortName, list[ShortName]]  # of each column; of lemmas, edit scripts: see `tag_codec`
    forms: list[str]  # every word form of the training data as it was written; all others are unseen
    # For each source of pretrained vectors, its words and the row of each, from 0.
    vectors: dict[ShortName, dict[str, Number]] = field(default_factory=dict)
    # The combinations of tags that occur in the training data, an id for each of the columns `combined`. Without any
    # they are not known, so each column is decoded alone.
    combinations: list[list[Size]] = field(default_factory=list)
    # For a column of edit scripts, and each of `forms`, the ids of the scripts that it has in the training data.
    form_tags: dict[str, list[list[Size]]] = field(default_factory=dict)
    corpora: list[ShortName] = field(default_factory=list)  # that the network tells apart; empty: it knows only one
    # The lemmas that a dictionary gives the words of training, and how often words with each occur, as in `words`.
    lemmas: dict[str, Number] = field(default_factory=dict)

    @classmethod
    def build(cls, sentences: Iterable[Mapping[str, Any]], columns: Sequence[str], min_count: int = 2) -> "Vocabulary":
        """The vocabulary of a corpus; a word or character has an embedding of its own if it occurs `min_count` times.

        A tag with a control character is refused: a file of tags could not hold it, and a terminal might obey it.
        """
        forms: Counter[str] = Counter()
        tags: dict[str, Counter[str]] = {column: Counter() for column in columns}
        together: set[tuple[str, ...]] = set()
        form_tags: dict[str, dict[str, set[str]]] = {column: {} for column in columns if column == LEMMA}
        for sentence in sentences:
            forms.update(sentence["tokens"])
            learned = {column: learned_tags(column, sentence["tokens"], sentence[column]) for column in columns}
            for column, found in learned.items():
                tags[column].update(found)
            together.update(zip(*(found for column, found in learned.items() if column not in form_tags), strict=True))
            for column, scripts in form_tags.items():
                for form, script in zip(sentence["tokens"], learned[column], strict=True):
                    scripts.setdefault(form, set()).add(script)
        for column, counts in tags.items():
            for tag in counts:
                if printable(tag) != tag:
                    raise InputError(f"column {column}: the tag {shorten(tag)} has a control character; correct it")
        known = {column: sorted(t for t in tags[column] if is_annotated(column, t)) for column in columns}
        vocabulary = replace(cls.of_forms(forms, min_count), tags=known, forms=sorted(forms))
        return replace(
            vocabulary,
            combinations=vocabulary._combinations(together),
            form_tags={column: vocabulary._form_tags(column, scripts) for column, scripts in form_tags.items()},
        )

    @classmethod
    def of_forms(cls, counts: Mapping[str, int], min_count: int, max_words: int | None = None) -> "Vocabulary":
        """The vocabulary of counted word forms; of words the most frequent `max_words` are kept."""
        words: Counter[str] = Counter()
        characters: Counter[str] = Counter()
        for form, count in counts.items():
            words[form.lower()] += count
            for character in form:
                characters[character] += count
        return cls(
            words={word: words[word] for word in _frequent(words, min_count)[:max_words]},
            characters=_frequent(characters, min_count),
            tags={},
            forms=[],
        )

    def with_text(self, counts: Mapping[str, int], min_count: int) -> "Vocabulary":
        """The same vocabulary, with embeddings of their own for words and characters that are frequent in other text.

        The forms stay those of training: other words are still unseen.
        """
        text = self.of_forms(counts, min_count)
        words = {word: count + text.words.get(word, 0) for word, count in self.words.items()}
        characters = [*self.characters, *(c for c in text.characters if c not in self.character_ids)]
        words |= {word: count for word, count in text.words.items() if word not in words}
        return replace(self, words=words, characters=characters)

    def with_lemmas(self, dictionary: Dictionary, min_count: int) -> "Vocabulary":
        """The same vocabulary with the lemmas that a dictionary gives its words, those of before first."""
        written = {form.lower(): form for form in self.forms}  # of several, the last is in lower case, if one is
        words = dict.fromkeys(written, 1) | self.words
        found = dictionary.look_up([written.get(word, word) for word in words]).lemmas
        counts: Counter[str] = Counter()
        for lemma, count in zip(found, words.values(), strict=True):
            if lemma is not None:
                counts[lemma] += count
        known = self.lemmas | {lemma: counts[lemma] for lemma in self.lemmas if lemma in counts}
        return replace(self, lemmas=known | {lemma: counts[lemma] for lemma in _frequent(counts, min_count)})

    def _combinations(self, together: Iterable[Sequence[str]]) -> list[list[int]]:
        """The combinations of tags, as sorted lists of ids.

        A token that lacks a tag in some column counts only if no other one has all of its tags. Then what it lacks may
        be any tag that others have with its first one; if none has that, any tag. Returns an empty list for one column,
        or if no token has a tag in each.
        """
        columns = [self.tag_ids[column] for column in self.combined]
        rows = {tuple(ids.get(tag, -1) for ids, tag in zip(columns, tags, strict=True)) for tags in together}
        whole = {row for row in rows if -1 not in row}
        combinations, lacking = set(whole), {tuple(tag < 0 for tag in row) for row in rows}
        known = {tuple(-1 if a else b for a, b in zip(lacks, each, strict=True)) for lacks in lacking for each in whole}
        for row in rows - known:
            alike = [each for each in whole if each[0] == row[0]] or whole
            combinations |= {tuple(b if a < 0 else a for a, b in zip(row, each, strict=True)) for each in alike}
        complete = all({row[i] for row in combinations} == set(ids.values()) for i, ids in enumerate(columns))
        return sorted(map(list, combinations)) if len(columns) > 1 and complete else []

    def combinations_with(self, other: "Vocabulary", tags: Mapping[str, Sequence[str]]) -> list[list[int]]:
        """The combinations of this vocabulary and of another one, for a vocabulary with merged tags of each column.

        A combination is left out if one of its tags is not among them, unless another one occurs in no other way. The
        list is empty if one of the two vocabularies has tags but does not know its combinations.
        """
        known = [vocabulary for vocabulary in (self, other) if vocabulary.tags]
        merged = replace(self, tags={column: list(names) for column, names in tags.items()})
        if not all(each.combinations and set(merged.combined) <= set(each.combined) for each in known):
            return []
        together = set().union(*(vocabulary.together(*merged.combined) for vocabulary in known))
        names = [{*merged.tags[column]} for column in merged.combined]
        whole = {row for row in together if all(tag in own for tag, own in zip(row, names, strict=True))}
        met = {pair for row in whole for pair in enumerate(row)}
        alone = {row for row in together if any(tag in names[i] and (i, tag) not in met for i, tag in enumerate(row))}
        return merged._combinations(whole | alone)

    def together(self, *columns: str) -> set[tuple[str, ...]]:
        """The combinations of tags of some columns that occur in the training data; empty if they are not known."""
        if not set(columns) <= set(self.combined):
            return set()
        places = [(self.tags[column], self.combined.index(column)) for column in columns]
        return {tuple(tags[combination[place]] for tags, place in places) for combination in self.combinations}

    def _form_tags(self, column: str, scripts: Mapping[str, Iterable[str]]) -> list[list[int]]:
        """For each of the forms, the ids of the scripts that it has."""
        ids = self.tag_ids[column]
        return [sorted(ids[s] for s in scripts.get(form, ()) if s in ids) for form in self.forms]

    def with_scripts_of(self, vocabularies: Iterable["Vocabulary"]) -> "Vocabulary":
        """The same vocabulary, whose forms have the scripts that they have in any of the others."""
        form_tags: dict[str, dict[str, set[str]]] = {c: {} for c, codec in self.codecs.items() if codec.edits}
        for vocabulary in vocabularies:
            for column, scripts in form_tags.items():
                for form, ids in zip(vocabulary.forms, vocabulary.form_tags.get(column, []), strict=False):
                    scripts.setdefault(form, set()).update(vocabulary.tags[column][i] for i in ids)
        return replace(self, form_tags={c: self._form_tags(c, scripts) for c, scripts in form_tags.items()})

    @property
    def columns(self) -> list[str]:
        """The tag columns, in the order of the config."""
        return list(self.tags)

    @cached_property
    def word_ids(self) -> dict[str, int]:
        """Lower-cased word -> id; every other word is `UNK`."""
        return {word: i for i, word in enumerate(self.words, FIRST_ID)}

    @cached_property
    def lemma_ids(self) -> dict[str, int]:
        """Lemma of a dictionary -> id; every other lemma is `UNK`, and `PAD` stands for a word without one."""
        return {lemma: i for i, lemma in enumerate(self.lemmas, FIRST_ID)}

    @cached_property
    def character_ids(self) -> dict[str, int]:
        """Character -> id; every other character is `UNK`."""
        return {character: i for i, character in enumerate(self.characters, FIRST_ID)}

    @cached_property
    def tag_ids(self) -> dict[str, dict[str, int]]:
        """Column -> tag -> id."""
        return {column: {tag: i for i, tag in enumerate(tags)} for column, tags in self.tags.items()}

    @cached_property
    def corpus_ids(self) -> dict[str, int]:
        """Name of a corpus -> id; `NO_CORPUS` is no corpus."""
        return {name: i for i, name in enumerate(self.corpora, NO_CORPUS + 1)}

    @cached_property
    def codecs(self) -> dict[str, TagCodec]:
        """Column -> what its tags are in a corpus and for users."""
        return {
            column: TagCodec(column, tags, dict(zip(self.forms, self.form_tags.get(column, []), strict=False)))
            for column, tags in self.tags.items()
        }

    @cached_property
    def combined(self) -> list[str]:
        """The columns whose tags are chosen together: all but those of edit scripts, which are better chosen alone."""
        return [column for column, codec in self.codecs.items() if not codec.edits]

    @cached_property
    def known_forms(self) -> frozenset[str]:
        """The forms that occur in training, as they were written."""
        return frozenset(self.forms)


def join_vocabularies(vocabularies: Sequence[Vocabulary]) -> Vocabulary:
    """The vocabulary of a tagger whose members have several: columns and tags in the order of the first member's.

    It has the forms of all members, and no words or characters, because each member looks up its own. A form has the
    edit scripts that it has in any member. Tags may stand together that do so in any member, if all of them know that.
    The corpora are those that all members know which were trained on several.
    """
    first, *others = vocabularies
    of_members = [vocabulary.corpora for vocabulary in vocabularies if vocabulary.corpora]
    corpora = [name for name in of_members[0] if all(name in names for names in of_members)] if of_members else []
    forms = sorted({form for vocabulary in vocabularies for form in vocabulary.forms})
    merged = Vocabulary({}, [], first.tags, forms, combinations=first.combinations, corpora=corpora)
    for other in others:
        merged = replace(merged, combinations=merged.combinations_with(other, first.tags))
    return merged.with_scripts_of(vocabularies)


def _frequent(counts: Counter[str], min_count: int) -> list[str]:
    """Items that occur at least `min_count` times, the most frequent first, those of one frequency by spelling."""
    frequent = [item for item, count in counts.items() if count >= min_count]
    return sorted(frequent, key=lambda item: (-counts[item], item))

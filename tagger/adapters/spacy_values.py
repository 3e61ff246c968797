"""Tags that a tagger found -> the attributes of spaCy's tokens.

spaCy has no words within tokens. A multiword token gets what spaCy's own models learn of it
(`spacy convert --merge-subtokens`): the tags of its words joined by `_`, their lemmas joined by a space, all of their
features, and one part of speech: that of its first word.
"""

# N tokens, W words, K tags of a column, A attributes

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from spacy.attrs import LEMMA, MORPH, POS, TAG
from spacy.parts_of_speech import IDS
from spacy.tokens import Doc
from spacy.vocab import Vocab

from tagger.adapters.spacy_documents import DocWords
from tagger.errors import InputError, shorten
from tagger.text.strings import NO_TAG

if TYPE_CHECKING:
    from tagger.model.decoder import Decoded
    from tagger.model.tag_codec import TagCodec
    from tagger.model.vocabulary import Vocabulary

WHITE_SPACE_POS, WHITE_SPACE_TAG = "SPACE", "_SP"  # what spaCy's own models say of white space


class Attribute(ABC):
    """An attribute of spaCy's tokens that is filled with the tags of a column.

    Attributes:
        number: spaCy's, of the attribute.
        column: the tagger's.
    """

    number: int
    _strings: Any  # a StringStore; its types lack `allow_transient`

    def __init__(self, column: str, vocabulary: "Vocabulary", vocab: Vocab) -> None:
        """Computes the value of each tag.

        Args:
            column: has the tags.
            vocabulary: the tagger's.
            vocab: of the Docs.

        Raises:
            InputError: spaCy cannot hold a tag in this attribute.
        """
        self.column, self._strings, self._morphology = column, vocab.strings, vocab.morphology
        self._codec: TagCodec = vocabulary.codecs[column]
        self._tags = vocabulary.tags[column]
        # Strings of a vocabulary are dropped at the end of its memory zone (`nlp.memory_zone`) if they are transient.
        self._transient = None if self._codec.edits else False
        self._values = None if self._codec.edits else np.array(list(map(self.value, self._tags)), dtype=np.uint64)

    @abstractmethod
    def value(self, tag: str) -> int:
        """What spaCy keeps of a tag."""

    @abstractmethod
    def joined(self, tags: Sequence[str]) -> int:
        """What spaCy keeps of the tags of the words of a multiword token."""

    @abstractmethod
    def of_white_space(self, words: DocWords) -> np.ndarray | int:
        """What tokens of white space have: (N,), or the same for all."""

    def of_tokens(self, words: DocWords, decoded: "Decoded") -> np.ndarray:
        """The values of tokens, (N,).

        Args:
            words: of the tokens.
            decoded: the tags of the W words.
        """
        firsts = np.cumsum(words.counts) - words.counts  # (N,) the first word of each token
        ids = decoded.ids[:, 0]  # (W,)
        if self._values is not None:
            found = self._values[ids]
            tags: Sequence[str] | None = None
        else:
            tags = self._codec.read([form for sentence in words.sentences for form in sentence], decoded, 1).best
            found = np.fromiter(map(self.value, tags), np.uint64, len(tags))
        is_word = words.counts > 0
        values = np.empty(len(words.counts), np.uint64)
        values[:] = self.of_white_space(words)
        values[is_word] = found[firsts[is_word]]
        for place in np.flatnonzero(words.counts > 1).tolist():
            those = range(firsts[place], firsts[place] + words.counts[place])
            values[place] = self.joined([self._tags[ids[i]] if tags is None else tags[i] for i in those])
        return values

    def _add(self, text: str) -> int:
        key: int = self._strings.add(text, allow_transient=self._transient)
        return key


class PosAttribute(Attribute):
    """`pos_`, which is one of UPOS."""

    number = POS

    def value(self, tag: str) -> int:
        """See `Attribute.value`."""
        if tag not in IDS:
            raise InputError(
                f"the column {self.column} has the tag {shorten(tag)}, which spaCy's pos_ cannot hold; set pos to a"
                " column of UPOS, or to null"
            )
        number: int = IDS[tag]
        return number

    def joined(self, tags: Sequence[str]) -> int:
        """See `Attribute.joined`."""
        return self.value(tags[0])

    def of_white_space(self, words: DocWords) -> int:
        """See `Attribute.of_white_space`."""
        return self.value(WHITE_SPACE_POS)


class TagAttribute(Attribute):
    """`tag_`, which may be any text."""

    number = TAG

    def value(self, tag: str) -> int:
        """See `Attribute.value`."""
        return self._add(tag)

    def joined(self, tags: Sequence[str]) -> int:
        """See `Attribute.joined`."""
        return self._add("_".join(tags))

    def of_white_space(self, words: DocWords) -> int:
        """See `Attribute.of_white_space`."""
        key: int = self._strings.add(WHITE_SPACE_TAG, allow_transient=False)
        return key


class MorphAttribute(Attribute):
    """`morph`, which is features: `Case=Nom|Number=Sing`."""

    number = MORPH

    def value(self, tag: str) -> int:
        """See `Attribute.value`."""
        if tag != NO_TAG and any(feature.count("=") != 1 for feature in tag.split("|")):
            raise InputError(
                f"the column {self.column} has the tag {shorten(tag)}, which is no list of features such as"
                " Case=Nom|Number=Sing; set morph to a column of FEATS, or to null"
            )
        key: int = self._morphology.add(tag)
        return key

    def joined(self, tags: Sequence[str]) -> int:
        """See `Attribute.joined`."""
        found: dict[str, set[str]] = {}
        for feature in (feature for tag in tags if tag != NO_TAG for feature in tag.split("|")):
            name, _, values = feature.partition("=")
            found.setdefault(name, set()).update(values.split(","))
        return self.value("|".join(f"{name}={','.join(sorted(found[name]))}" for name in sorted(found)) or NO_TAG)

    def of_white_space(self, words: DocWords) -> int:
        """See `Attribute.of_white_space`."""
        return self.value(NO_TAG)


class LemmaAttribute(Attribute):
    """`lemma_`, which may be any text; white space is its own lemma."""

    number = LEMMA

    def value(self, tag: str) -> int:
        """See `Attribute.value`."""
        return self._add(tag)

    def joined(self, tags: Sequence[str]) -> int:
        """See `Attribute.joined`."""
        return self._add(" ".join(tags))

    def of_white_space(self, words: DocWords) -> np.ndarray:
        """See `Attribute.of_white_space`."""
        return words.orths


def annotate(
    docs: Sequence[Doc], words: DocWords, found: Mapping[str, "Decoded"], attributes: Sequence[Attribute]
) -> None:
    """Gives the tokens of Docs their attributes, in the place of those that they have.

    Args:
        docs: those that the words were read from.
        words: of these.
        found: the tags of the words, in the columns of the attributes.
        attributes: to fill.
    """
    numbers: list[int | str] = [attribute.number for attribute in attributes]
    columns = [attribute.of_tokens(words, found[attribute.column]) for attribute in attributes]
    table: Any = np.stack(columns, axis=1)  # (N, A)
    for doc, (first, last) in zip(docs, pairwise(accumulate(words.sizes, initial=0)), strict=True):
        if last > first:
            doc.from_array(numbers, table[first:last])

"""Sentences of tokens -> lists of (token, tag), as NLTK's own taggers give them."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from tagger.errors import InputError, missing_library, shorten

try:
    from nltk.tag.api import TaggerI
except ModuleNotFoundError as error:
    raise missing_library(error, "nltk", "nltk") from None

from tagger.bundle.catalog import DEFAULT
from tagger.tagging.languages import Languages, load
from tagger.tagging.tagger import Tagger
from tagger.tagging.tagger_options import checked_column, checked_tokens

UNIVERSAL = "universal"
# UPOS -> the twelve tags of Petrov, Das and McDonald (2012), which `nltk.pos_tag(tokens, tagset="universal")` gives.
# Each tag becomes what NLTK's table `en-ptb` makes of the Penn tags of such words.
UNIVERSAL_TAGS = {
    **{tag: tag for tag in ("ADJ", "ADP", "ADV", "DET", "NOUN", "NUM", "PRON", "VERB", "X")},
    **{"AUX": "VERB", "CCONJ": "CONJ", "INTJ": "X", "PART": "PRT", "PROPN": "NOUN", "PUNCT": ".", "SCONJ": "ADP"},
    "SYM": "X",
}


class NltkTagger(TaggerI):  # type: ignore[misc]  # NLTK has no types
    """A tagger as NLTK knows it: `accuracy`, `confusion` and its other methods work as for NLTK's own."""

    def __init__(
        self, model: str | Path | Tagger | Languages | None = None, column: str | None = None, tagset: str | None = None
    ) -> None:
        """Loads a tagger, unless one is given.

        Args:
            model: None: the taggers of all languages; the sentences of a call are one document.
            column: `upos`, `xpos` (in English, the tags of the Penn Treebank), ...; None: the first.
            tagset: `universal`: the twelve tags of `nltk.pos_tag(tokens, tagset="universal")`, from UPOS; None: the
                tags as they are.
        """
        self.tagger = model if isinstance(model, (Tagger, Languages)) else load(model)
        self.column = self.tagger.columns[0] if column is None else checked_column(column, self.tagger.columns)
        if tagset not in (None, UNIVERSAL):
            raise InputError(f"{shorten(str(tagset))} is no tagset here; give {UNIVERSAL!r}, or leave it out")
        self.tagset = tagset
        one = self.tagger.of(DEFAULT) if isinstance(self.tagger, Languages) else self.tagger
        for tag in one.vocabulary.tags[self.column] if tagset else ():
            if tag not in UNIVERSAL_TAGS:
                raise InputError(
                    f"the tagset {UNIVERSAL} is made of UPOS, and the column {self.column} has the tag {shorten(tag)};"
                    " name a column of UPOS, or leave tagset out"
                )

    def tag(self, tokens: Sequence[str]) -> list[tuple[str, str]]:
        """The tokens of a sentence, each with its tag."""
        return self.tag_sents([tokens])[0]

    def tag_sents(self, sentences: Iterable[Sequence[str]]) -> list[list[tuple[str, str]]]:
        """The tokens of many sentences, each with its tag. This is many times faster than a sentence at a time."""
        tokens = [checked_tokens(sentence) for sentence in sentences]
        found = self.tagger.tag_sentences(tokens, self.column)
        if self.tagset is not None:
            found = [[UNIVERSAL_TAGS[tag] for tag in tags] for tags in found]
        return [list(zip(forms, tags, strict=True)) for forms, tags in zip(tokens, found, strict=True)]

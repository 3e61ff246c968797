"""spaCy's Docs -> the sentences of words that a tagger reads, and the place of every word among the tokens.

Tokens of white space are no words. A multiword token that `spacy_tokenizer.py` has found is several.
"""

# N tokens of all docs, W words

from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from typing import Any, NamedTuple

import numpy as np
from spacy.attrs import ORTH, SENT_START
from spacy.strings import StringStore
from spacy.tokens import Doc, Token

from tagger.text.paragraphs import form_of

WORDS = "bigru_words"  # token._.bigru_words: the words of a multiword token
MAX_FORMS = 500_000  # that are remembered

if not Token.has_extension(WORDS):
    Token.set_extension(WORDS, default=[])


class Forms(dict[int, str]):
    """The hash of a token's text -> the form that a tagger reads; empty for white space."""

    def __init__(self, strings: StringStore) -> None:
        """Knows no form yet."""
        super().__init__()
        self._strings = strings

    def __missing__(self, orth: int) -> str:
        """Looks a form up; they are hashes of their text, so a form that is known stays right."""
        if len(self) >= MAX_FORMS:
            self.clear()
        form = self[orth] = form_of(self._strings[orth]).strip()
        return form


class DocWords(NamedTuple):
    """The words of several Docs.

    Attributes:
        sentences: the forms of each sentence; none is empty. Where a Doc has no sentences, all of it is one.
        orths: (N,) the hash of each token's text.
        counts: (N,) how many words each token is.
        sizes: how many tokens each Doc has.
    """

    sentences: list[list[str]]
    orths: np.ndarray
    counts: np.ndarray
    sizes: list[int]


def read_docs(docs: Sequence[Doc], forms: Forms) -> DocWords:
    """The words of Docs that have one vocabulary.

    Args:
        docs: any number.
        forms: of that vocabulary.
    """
    sizes = list(map(len, docs))
    table = np.concatenate([np.zeros((0, 2), np.uint64), *(doc.to_array([ORTH, SENT_START]) for doc in docs)])  # (N, 2)
    words = list(map(forms.__getitem__, table[:, 0].tolist()))
    starts = table[:, 1] == 1
    counts = np.fromiter(map(bool, words), np.int64, len(words))
    several: dict[int, Sequence[str]] = {}
    for doc, first in zip(docs, np.cumsum(sizes) - sizes, strict=True):
        if len(doc):
            starts[first] = True
        if doc.user_data:
            several.update((int(first) + place, parts) for place, parts in _multiwords(doc))
    for place, parts in several.items():
        counts[place] = len(parts)
    if several:
        words = list(chain.from_iterable(several.get(place, (word,)) for place, word in enumerate(words)))
    words = list(filter(None, words))
    sentence = np.repeat(np.cumsum(starts), counts)  # (W,) the number of each word's sentence
    bounds = [0, *(np.flatnonzero(np.diff(sentence)) + 1).tolist(), len(words)]
    return DocWords([words[a:b] for a, b in pairwise(bounds) if a < b], table[:, 0], counts, sizes)


def _multiwords(doc: Doc) -> Iterator[tuple[int, Sequence[str]]]:
    """The place of each multiword token, and its words."""
    data: dict[Any, Any] = doc.user_data  # that of token._ has the key ("._.", name, characters before the token, None)
    words = {key[2]: parts for key, parts in data.items() if isinstance(key, tuple) and key[:2] == ("._.", WORDS)}
    if words:
        for token in doc:
            if parts := words.get(token.idx):
                yield token.i, parts

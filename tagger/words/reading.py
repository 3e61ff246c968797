"""The words of a window as they are written -> the same words as the networks read them.

A reading is made once a window and carried to the end: what people get back is as written, and what is known of words
is asked of what was read. `Reader` knows how training writes words. Its parts are `Spelling` (letters that look like
others, apostrophes, characters that training lacks) and `Casing` (sentences in capitals, or without any).
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import chain

from tagger.text.sentence import Token
from tagger.words.casing import Casing
from tagger.words.lookalikes import Spelling
from tagger.words.segment import Segmenter

GivenTags = Mapping[str, Sequence[str]]
"""Of some columns, the tags of all words; `_` and an empty string stand for a tag that is to be found."""


class Reading:
    """The N words of some sentences.

    Attributes:
        sentences: their words as they are read.
        forms: the same in one list, (N,).
        written: the words as they are written, (N,).
        given: the tags that the words have already.
    """

    def __init__(
        self,
        sentences: Sequence[Sequence[str]],
        written: Sequence[Sequence[str]] | None = None,
        given: GivenTags | None = None,
    ) -> None:
        """Without `written` the words are read as they are."""
        self.sentences, self.given = sentences, given or {}
        self.forms = list(chain.from_iterable(sentences))
        self.written = self.forms if written is None else list(chain.from_iterable(written))


class Reader:
    """Reads words and text as training writes them."""

    def __init__(self, forms: Collection[str], cases: bool = True) -> None:
        """Takes the words of training. With `cases`, sentences in one case are read as training writes their words."""
        self._spelling, self._casing = Spelling(forms), Casing(forms) if cases else None

    def read(self, sentences: Sequence[Sequence[str]], given: GivenTags | None = None) -> Reading:
        """What the networks read of sentences."""
        read = [self._spelling.words(tokens) for tokens in sentences]
        if self._casing is not None:
            read = [self._casing.read(tokens) for tokens in read]
        return Reading(read, sentences, given)

    def cut(self, paragraphs: Sequence[str], segmenter: Segmenter) -> list[list[list[Token]]]:
        """The sentences and tokens that a segmenter finds in paragraphs as they are read.

        What it finds holds of the text as it is written; the words of multiword tokens are as written, too: `l’`, not
        `l'`.
        """
        if segmenter.name == "english":  # whose rules know such characters
            return segmenter.segment_all(paragraphs)
        read = [*map(self._spelling.text, paragraphs)]
        cuts = segmenter.segment_all(read)
        for text, written, sentences in zip(read, paragraphs, cuts, strict=True):
            for tokens in sentences if text != written else ():
                for place, token in enumerate(tokens):
                    if token.words:
                        spans = text[token.start : token.end], written[token.start : token.end]
                        words = (word.translate(str.maketrans(*spans)) for word in token.words)
                        tokens[place] = token._replace(words=tuple(words))
        return cuts

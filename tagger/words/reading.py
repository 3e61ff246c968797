"""The words of a window as they are written -> the same words as the networks read them.

A reading is made once a window and carried to the end: what people get back is as written, and what is known of words
is asked of what was read. `Reader` knows how training writes words. Its parts are `Spelling` (letters that look like
others, apostrophes, characters that training lacks) and `Casing` (sentences in capitals, or without any).

`Spelling`: where a keyboard lacks a letter, or a scanner read the text, `сiтуацыя` may have a Latin `i` among Cyrillic
letters; of the words of the Belarusian test file 6 % do. Such a word is unknown, and its lemma keeps the wrong letter.
The pairs are those of single letters that Unicode calls confusable (Unicode Technical Standard 39, `confusables.txt`).

Word processors write `l’ami`. Of the treebanks of thirty languages with apostrophes 28 have far more like `l'ami`.
Text from the web has other letters and hyphens than treebanks: Romanian `şi` for `și`, Persian `كي` for `کی`, French
`peut‑être` with a hyphen at which no line ends. PDF has ligatures, and macOS letters with their accents beside them.
"""

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from itertools import chain

import numpy as np
import regex

from tagger.text.sentence import Token
from tagger.words.casing import Casing
from tagger.words.language_table import language_table
from tagger.words.segment import Segmenter

_LATIN = "aceijopsxyhABCEHIJKMOPSTXYëïËÏ"
_CYRILLIC = "асеіјорѕхуһАВСЕНІЈКМОРЅТХУёїЁЇ"
_TO_CYRILLIC = str.maketrans(_LATIN, _CYRILLIC)
_TO_LATIN = str.maketrans(_CYRILLIC, _LATIN)
_IS_LATIN, _IS_CYRILLIC = re.compile("[A-Za-zÀ-ɏ]"), re.compile("[Ѐ-ԯ]")
_LETTERS = re.compile(r"[^\W\d_]+")
_INNER_APOSTROPHE = re.compile(r"(?<=[^\W\d_])’(?=[^\W\d_])")
_APOSTROPHE = re.compile(r"(?<=[^\W\d_])’|’(?=[^\W\d_])")
_SINGLE_QUOTE = re.compile("[‘‚]")
_BACKTICK = re.compile(r"(?<=[^\W\d_])[`´](?=[^\W\d_])")
FAR_MORE = 1.5  # times as many words with `'` as with `’`; with fewer, training has both, and lemmas with each
MIN_SERBIAN = 20  # words of training with each of the letters that only Serbian and Croatian have together
_PAIRS = (  # a character, and the one that is read if training has far more of it
    *zip("şţșț", "șțşţ", strict=True),
    *zip("يكیک", "یکيك", strict=True),
    *zip("״׳", "\"'", strict=True),
    *zip("\u2010\u2011", "--", strict=True),
)
_OTHERS = {character for pair in _PAIRS for character in pair} | {"’"}
# The two parts of a word that a line end cuts. The first letter of the second one is small.
_CUT_WORD = regex.compile(r"(?<![\p{L}\p{M}'’-])([\p{L}\p{M}]{2,})([-\u2010]\n[ \t]*)((?=\p{Ll})[\p{L}\p{M}]{2,})")
_REMOVED = dict.fromkeys([0xAD, 0x2060, 0x640])  # a soft hyphen, a word joiner, a tatweel
_VOWELS = dict.fromkeys([*range(0x64B, 0x653), 0x670, *range(0x5B0, 0x5BD), 0x5C1, 0x5C2])  # Arabic, Hebrew
_LIGATURES = "ﬀ-ﬆ"
_LIGATURE = re.compile(f"[{_LIGATURES}]")
GivenTags = Mapping[str, Sequence[str]]
"""Of some columns, the tags of all words; `_` and an empty string stand for a tag that is to be found."""


class Reading:
    """The N words of some sentences, as they are read and as they are written, and the tags that they have already.

    The words have F forms: what is known of a form is asked once a reading.
    """

    def __init__(
        self,
        sentences: Sequence[Sequence[str]],
        written: Sequence[Sequence[str]] | None = None,
        given: GivenTags | None = None,
    ) -> None:
        """Without `written` the words are read as they are."""
        self.sentences, self.given = sentences, given or {}
        self.forms = list(chain.from_iterable(sentences))  # (N,) as they are read
        self.written = self.forms if written is None else list(chain.from_iterable(written))
        numbers: dict[str, int] = {}
        rows = [numbers.setdefault(form, len(numbers)) for form in self.forms]
        self.distinct = [*numbers]  # (F,) the forms, each once
        self.rows = np.array(rows, dtype=np.int64)  # (N,) which of them each word is


class Reader:
    """Reads words and text as training writes them."""

    def __init__(self, forms: Collection[str], cases: bool = True) -> None:
        """Takes the words of training. With `cases`, sentences in one case are read as training writes their words."""
        self._forms, self._spelling, self._casing = forms, Spelling(forms), Casing(forms) if cases else None

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
        # The rules `english` know other apostrophes and the like themselves.
        read = [*(paragraphs if segmenter.name == "english" else map(self._spelling.text, paragraphs))]
        breaks = {number: found for number, text in enumerate(read) if (found := self._breaks(text))}
        cuts = segmenter.segment_all([without(text, breaks.get(number, ())) for number, text in enumerate(read)])
        for number, spans in breaks.items():
            cuts[number] = [[placed(token, spans, paragraphs[number]) for token in tokens] for tokens in cuts[number]]
        for text, written, sentences in zip(read, paragraphs, cuts, strict=True):
            for tokens in sentences if text != written else ():
                for place, token in enumerate(tokens):
                    if len(token.words) > 1:
                        pairs = zip(text[token.start : token.end], written[token.start : token.end], strict=True)
                        letters = {ord(one): other for one, other in pairs}
                        tokens[place] = token._replace(words=tuple(word.translate(letters) for word in token.words))
        return cuts

    def _breaks(self, text: str) -> list[tuple[int, int]]:
        """The hyphens and line ends in a paragraph that cut a word, as spans of characters.

        The word is one that training has; or its second part is no word of training, and so no `and` of `in- and
        output`. The hyphen stays if training has the word with it.
        """
        found = []
        for cut in _CUT_WORD.finditer(text) if "-\n" in text or "\u2010\n" in text else ():
            first, second = cut[1], cut[3]
            if self._knows(f"{first}-{second}"):
                found.append((cut.start(2) + 1, cut.end(2)))
            elif self._knows(first + second) or not self._knows(second):
                found.append(cut.span(2))
        return found

    def _knows(self, word: str) -> bool:
        return word in self._forms or word.lower() in self._forms


def without(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """A text without some spans of characters, which are in order."""
    edges = [0, *chain.from_iterable(spans), len(text)]
    return "".join(text[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True))


def placed(token: Token, spans: Sequence[tuple[int, int]], text: str) -> Token:
    """A token of a text without some spans, in the text with them; one over a span has what is left as its word."""
    start, end = token.start, token.end
    inside = []
    for left, right in spans:
        if left <= start:
            start += right - left
        if left < end:
            inside += [(left, right)] * (left > start)
            end += right - left
    if inside and not token.words:
        left_out = [(left - start, right - start) for left, right in inside]
        return Token(start, end, (without(text[start:end], left_out),))
    return token._replace(start=start, end=end)


def in_one_alphabet(tokens: Sequence[str]) -> Sequence[str]:
    """The words of a sentence, each run of letters in one alphabet, if all letters of the other one look like its own.

    Where all letters of a run look like others, as in `cа`, it gets the alphabet of most letters of the sentence. A
    run in which letters of both alphabets look like no other, as in `GPSом`, stays as it is.
    """
    text = "".join(tokens)
    if text.isascii() or not (_IS_CYRILLIC.search(text) and _IS_LATIN.search(text)):
        return tokens
    is_cyrillic = len(_IS_CYRILLIC.findall(text)) >= len(_IS_LATIN.findall(text))

    def meant(found: re.Match[str]) -> str:
        run = found[0]
        if not (_IS_CYRILLIC.search(run) and _IS_LATIN.search(run)):
            return run
        cyrillic, latin = run.translate(_TO_CYRILLIC), run.translate(_TO_LATIN)
        fits_cyrillic, fits_latin = not _IS_LATIN.search(cyrillic), not _IS_CYRILLIC.search(latin)
        if fits_cyrillic and (is_cyrillic or not fits_latin):
            return cyrillic
        return latin if fits_latin else run

    return [_LETTERS.sub(meant, token) for token in tokens]


class Spelling:
    """The characters that a tagger reads in place of those that its training has far less often."""

    def __init__(self, forms: Collection[str]) -> None:
        """Takes the words of training."""
        text = "\n".join(form for form in forms if len(form) > 1).lower()
        counts = {character: text.count(character) for character in _OTHERS}
        self._forms = forms
        self._has_apostrophes = counts["'"] > FAR_MORE * counts["’"]
        pairs = {rare: other for rare, other in _PAIRS if counts[other] > FAR_MORE * counts[rare]}
        self._pairs = pairs | {rare.upper(): other.upper() for rare, other in pairs.items()}
        # Serbian has two alphabets, and treebanks have the Latin one.
        is_serbian = min(map(text.count, "đć")) >= MIN_SERBIAN and not _IS_CYRILLIC.search(text)
        self._other = (language_table()["serbian"].latin if is_serbian else {}) | _REMOVED
        odd = {*self._pairs, *map(chr, self._other | _VOWELS), *"`´", *"’" * self._has_apostrophes}
        self._odd = re.compile(f"[{re.escape(''.join(sorted(odd)))}{_LIGATURES}]")

    def text(self, text: str) -> str:
        """A text of the same length: a segmenter reads it, and what it finds holds of the text as it is written."""
        if text.isascii():
            return text if "`" not in text else self._with_apostrophes(text)
        for rare, other in self._pairs.items():
            if rare in text:
                text = text.replace(rare, other)
        return self._with_apostrophes(text)

    def words(self, tokens: Sequence[str]) -> Sequence[str]:
        """The words of a sentence as the networks read them."""
        text = "".join(tokens)
        if self._odd.search(text) or not unicodedata.is_normalized("NFC", text):
            tokens = [*map(self._word, tokens)]
        return in_one_alphabet(tokens) if not text.isascii() and _IS_CYRILLIC.search(text) else tokens

    def _word(self, word: str) -> str:
        """What is read; a word that training has loses no characters, and a mark stays as it is."""
        if not any(map(str.isalnum, word)):
            return word
        read = self.text(word)
        if read in self._forms:
            return read
        read = unicodedata.normalize("NFC", read).translate(self._other)
        read = _LIGATURE.sub(lambda found: unicodedata.normalize("NFKC", found[0]), read)
        bare = read.translate(_VOWELS)
        return (bare if bare in self._forms else read) or word

    def _with_apostrophes(self, text: str) -> str:
        """A text with `'` for `’` beside a letter; between letters alone, where it has single quotes, too."""
        text = _BACKTICK.sub("'" if self._has_apostrophes else "’", text)
        if not self._has_apostrophes or "’" not in text:
            return text
        return (_INNER_APOSTROPHE if _SINGLE_QUOTE.search(text) else _APOSTROPHE).sub("'", text)

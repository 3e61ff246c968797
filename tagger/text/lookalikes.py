"""Words in which other characters stand for those that look like them: what the networks read instead.

Where a keyboard lacks a letter, or a scanner read the text, `сiтуацыя` may have a Latin `i` among Cyrillic letters; of
the words of the Belarusian test file 6 % do. Such a word is unknown, and its lemma keeps the wrong letter. The pairs
are those of single letters that Unicode calls confusable (Unicode Technical Standard 39, `confusables.txt`).

Word processors write `l’ami`. Of the treebanks of thirty languages with apostrophes 28 have far more like `l'ami`.
"""

import re
from collections.abc import Iterable, Sequence

_LATIN = "aceijopsxyhABCEHIJKMOPSTXYëïËÏ"
_CYRILLIC = "асеіјорѕхуһАВСЕНІЈКМОРЅТХУёїЁЇ"
_TO_CYRILLIC = str.maketrans(_LATIN, _CYRILLIC)
_TO_LATIN = str.maketrans(_CYRILLIC, _LATIN)
_IS_LATIN, _IS_CYRILLIC = re.compile("[A-Za-zÀ-ɏ]"), re.compile("[Ѐ-ԯ]")
_LETTERS = re.compile(r"[^\W\d_]+")
_INNER_APOSTROPHE = re.compile(r"(?<=[^\W\d_])’(?=[^\W\d_])")
_APOSTROPHE = re.compile(r"(?<=[^\W\d_])’|’(?=[^\W\d_])")
_SINGLE_QUOTE = re.compile("[‘‚]")
FAR_MORE = 1.5  # times as many words with `'` as with `’`; with fewer, training has both, and lemmas with each


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


def has_ascii_apostrophes(forms: Iterable[str]) -> bool:
    """Whether far more words have `'` than `’`."""
    counts = dict.fromkeys("'’", 0)
    for form in forms:
        if len(form) > 1 and not form.isalnum():
            for apostrophe in counts:
                counts[apostrophe] += apostrophe in form
    return counts["'"] > FAR_MORE * counts["’"]


def with_ascii_apostrophes(text: str) -> str:
    """A text with `'` for `’` beside a letter; between letters alone, where it has single quotes, too."""
    if "’" not in text:
        return text
    return (_INNER_APOSTROPHE if _SINGLE_QUOTE.search(text) else _APOSTROPHE).sub("'", text)

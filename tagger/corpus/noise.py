"""Sentences -> copies as people write them in a hurry: without capitals, shouted, mistyped, without accents.

Training reads such copies with the tags of the sentences as they were (`noise` on `conf/train.yaml`), so the tagger
learns what a word is when its spelling says less.
"""

import re
import unicodedata
from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

CASES: tuple[tuple[Callable[[str], str], float], ...] = (  # with the share of the copies that each has
    (str.lower, 0.3),
    (str.upper, 0.2),
    (lambda form: form[:1].upper() + form[1:], 0.15),
    (str, 0.35),  # as it was, but with typing errors or with some words in capitals
)
SHOUTED = 0.4  # of the copies in their own case: a run of words is in capitals, often the first ones
ALSO_MISTYPED = 0.25  # of the copies in another case
MAX_TYPING_ERRORS = 0.3  # of the words of a copy; how many is drawn for each
MIN_LETTERS = 4  # of a word with a typing error
LOST = 0.25  # share of the copies without accents; as many have no apostrophes, as many no final punctuation
RUN_ON = 0.2  # of the batches with noise: pairs of sentences on one line

KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")  # a key's neighbours are a typing error's letters
NEIGHBOURS = {  # of each key those beside, above and below it
    key: "".join(near[max(0, place - 1) : place + 2] for near in KEYS[max(0, row - 1) : row + 2]).replace(key, "")
    for row, keys in enumerate(KEYS)
    for place, key in enumerate(keys)
}
NEIGHBOURS |= {key.upper(): near.upper() for key, near in NEIGHBOURS.items()}
ACCENTED = re.compile("([A-Za-z\u0370-\u03ff])[\u0300-\u036f]+")  # after NFD: Latin and Greek alone
APOSTROPHES = re.compile("['’ʼ]")


class Copy(NamedTuple):
    """A sentence as it is read, or a pair of sentences on one line."""

    forms: list[str]
    sentences: list[int]  # for each word, the number of the sentence that it comes from
    places: list[int]  # for each word, its place there

    def of_words(self, values: Sequence[Sequence[str]]) -> list[str]:
        """What belongs to its words, such as their tags; `values` has that of each sentence, or nothing of all."""
        return [values[n][place] for n, place in zip(self.sentences, self.places, strict=True) if values[n]]


def with_noise(
    sentences: Sequence[Sequence[str]], kinds: Sequence[Hashable], share: float, generator: np.random.Generator
) -> list[Copy]:
    """Copies of sentences, some of them spoilt; of a pair on one line, which is of one of `kinds`, a single copy.

    The generator decides everything; `share` of the sentences are spoilt.
    """
    copies = []
    for number, forms in enumerate(sentences):
        copy = Copy(list(forms), [number] * len(forms), list(range(len(forms))))
        copies.append(_spoilt(copy, generator) if generator.random() < share else copy)
    if generator.random() < share * RUN_ON:
        groups: dict[Hashable, list[Copy]] = {}
        for kind, copy in zip(kinds, copies, strict=True):
            groups.setdefault(kind, []).append(copy)
        copies = [_on_one_line(group[i : i + 2]) for group in groups.values() for i in range(0, len(group), 2)]
    return copies


def gathered(values: np.ndarray, copies: Sequence[Copy]) -> np.ndarray:
    """What belongs to the words of B' copies, (T', B', ...), 0 after a copy's end; of the sentences (T, B, ...)."""
    found = np.zeros((max(len(copy.forms) for copy in copies), len(copies), *values.shape[2:]), values.dtype)
    for number, copy in enumerate(copies):
        found[: len(copy.forms), number] = values[copy.places, copy.sentences]
    return found


def _spoilt(copy: Copy, generator: np.random.Generator) -> Copy:
    forms = copy.forms
    number = int(generator.choice(len(CASES), p=[share for _, share in CASES]))
    in_case, is_kept = CASES[number][0], number == len(CASES) - 1
    no_accents, no_apostrophes, no_end, mistyped = (generator.random(4) < [LOST, LOST, LOST, ALSO_MISTYPED]).tolist()
    if no_accents:
        forms = [without_accents(form) for form in forms]
    if no_apostrophes:
        forms = [APOSTROPHES.sub("", form) or form for form in forms]
    shouted = is_kept and generator.random() < SHOUTED
    if shouted:
        first = int(generator.integers(len(forms))) * int(generator.integers(2))
        last = first + 1 + int(generator.integers(max(1, len(forms) // 2)))
        forms = [form.upper() if first <= place < last else form for place, form in enumerate(forms)]
    elif is_kept or mistyped:
        wrong = generator.random(len(forms)) < generator.random() * MAX_TYPING_ERRORS
        forms = [mistype(form, generator) if w else form for form, w in zip(forms, wrong, strict=True)]
    copy = copy._replace(forms=[in_case(form) for form in forms])
    return _without_end(copy) if no_end else copy


def mistype(form: str, generator: np.random.Generator) -> str:
    """A word with one typing error after its first letter: one missing, doubled, swapped with the next, or a wrong one.

    Short words and words with digits or punctuation stay as they are.
    """
    if len(form) < MIN_LETTERS or not _is_of_letters(form):
        return form
    place, kind, key = (int(generator.integers(end)) for end in (len(form) - 1, 5, 1 << 16))
    before, letter, after = form[: place + 1], form[place + 1], form[place + 2 :]
    near = NEIGHBOURS.get(letter, form)  # in other scripts a letter of the same word
    other = near[key % len(near)]
    ends = (after, letter * 2 + after, after[:1] + letter + after[1:], other + after, letter + other + after)
    return before + ends[kind]


@lru_cache(maxsize=100_000)
def without_accents(form: str) -> str:
    """A word without the accents of its Latin and Greek letters; a letter such as Cyrillic й stays another letter.

    >>> without_accents("déjà"), without_accents("мой"), without_accents("Tiếng")
    ('deja', 'мой', 'Tieng')
    """
    return unicodedata.normalize("NFC", ACCENTED.sub(r"\1", unicodedata.normalize("NFD", form)))


@lru_cache(maxsize=100_000)
def _is_of_letters(form: str) -> bool:
    return all(unicodedata.category(character)[0] in "LM" for character in form)


def _without_end(copy: Copy) -> Copy:
    """The copy without the punctuation at its end, if anything else is there."""
    end = len(copy.forms)
    while end and all(unicodedata.category(character)[0] == "P" for character in copy.forms[end - 1]):
        end -= 1
    return Copy(copy.forms[:end], copy.sentences[:end], copy.places[:end]) if end else copy


def _on_one_line(pair: Sequence[Copy]) -> Copy:
    """Two copies as one: the first without its final punctuation, the second without its first capital."""
    if len(pair) == 1:
        return pair[0]
    first, second = _without_end(pair[0]), pair[1]
    word, *others = second.forms
    begins = word[:1].lower() + word[1:] if word[1:] == word[1:].lower() != "" else word  # NATO and I keep theirs
    return Copy([*first.forms, begins, *others], first.sentences + second.sentences, first.places + second.places)

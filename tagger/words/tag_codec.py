"""The tags of a corpus <-> the tags that a network learns: for a lemma, the edit script from the word to it.

Every other column is learned as it is. A script that is learned on some words gives lemmas for all words that it fits.
A word form of the training data gets only scripts that it has there: the network cannot know the lemma of a word that
it has seen once. For other words a script is preferred that gives a lemma of the training data, or one of which it has
all parts (`maa#ilma`): most words of a text are forms of words that are known, and many scripts that fit leave no word.
They get no script that is a whole lemma and that training has for one form alone, such as `be` where `was` is its only
form: that is no rule. Where lemmas have capitals, a name's lemma keeps its own.
"""

# N tokens, K tags of a column, k best of them

from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from tagger.text.strings import LEMMA, NO_TAG, is_annotated
from tagger.words.compounds import Compounds
from tagger.words.edit_scripts import apply_script, edit_script, least_characters, length

OTHER_SCRIPTS = 8  # that are tried besides the best ones, since they may give the same lemma
KNOWN_LEMMA = 2.5  # points that a known lemma adds to a score: chosen on dev of eleven treebanks
CAPITALS = 0.1  # share of the training data's capitalized forms whose lemmas have a capital; treebanks: 0.02 or 0.2
_Alternatives = list[list[tuple[str, float]]]


class ShownTags(NamedTuple):
    """What users see of the tags of N tokens."""

    best: list[str]
    probabilities: list[float] | None
    alternatives: _Alternatives | None


def learned_tags(column: str, forms: Sequence[str], tags: Sequence[str]) -> Sequence[str]:
    """What a network learns of the tags of a sentence; a lemma that is not annotated stays as it is."""
    if column != LEMMA:
        return tags
    return [
        _script(form, tag) if is_annotated(column, tag, form) else NO_TAG for form, tag in zip(forms, tags, strict=True)
    ]


class TagCodec:
    """The tags of one column: what its corpus has <-> what the network learns, and its ids -> what users see.

    `tags` are those that the network has learned, by their ids, and `form_tags` the edit scripts of each form of the
    training data. Lemmas that were learned as they are, and not as edit scripts (`edits`), stay as they are.
    """

    def __init__(self, column: str, tags: Sequence[str], form_tags: Mapping[str, Sequence[int]] | None = None) -> None:
        self._column, self._form_tags = column, form_tags or {}
        self._names = np.array(tags, dtype=object)
        least = [n for n in map(least_characters, tags) if n is not None] if column == LEMMA else []
        self.edits = column == LEMMA and len(least) == len(tags)
        self._least = np.array(least if self.edits else [], dtype=np.int64)  # (K,) characters that each script needs

    def __len__(self) -> int:
        return len(self._names)

    def learned(self, forms: Sequence[str], tags: Sequence[str]) -> Sequence[str]:
        """See `learned_tags`."""
        return learned_tags(self._column, forms, tags) if self.edits else tags

    def tag(self, form: str, tag: int) -> str:
        """The tag of a word that has an id."""
        name: str = self._names[tag]
        return self._lemma(name, form) if self.edits else name

    def has_form(self, form: str) -> bool:
        """Whether training gives a form edit scripts."""
        return bool(self._form_tags.get(form))

    def decided(self, forms: Sequence[str]) -> np.ndarray:
        """(N,) the id of the only script that a form of the training data has; -1 for other forms."""
        only = self._only
        return np.fromiter((only.get(form, -1) for form in forms), dtype=np.int64, count=len(forms))

    @cached_property
    def lemmas(self) -> frozenset[str]:
        """The lemmas of the training data."""
        return frozenset(lemma for found in self._lemmas_of.values() for lemma in found)

    @cached_property
    def compounds(self) -> Compounds:
        """The parts of the lemmas of the training data."""
        return Compounds(self._lemmas_of)

    @cached_property
    def _lemmas_of(self) -> dict[str, set[str]]:
        names = self._names
        return {
            form: {lemma for tag in ids if (lemma := apply_script(names[tag], form)) is not None}
            for form, ids in self._form_tags.items()
        }

    @cached_property
    def _small(self) -> np.ndarray:
        """The ids of scripts that lower-case a word; none if lemmas have no capitals, as in some treebanks."""
        capitalized = [form for form, ids in self._form_tags.items() if ids and form.istitle()]
        kept = sum(any(self.tag(form, tag)[:1].isupper() for tag in self._form_tags[form]) for form in capitalized)
        small = np.array([script.startswith("lower:") for script in self._names], dtype=bool)
        has_capitals = kept > CAPITALS * len(capitalized) and np.any(~small & (self._least <= 1))
        return np.flatnonzero(small & has_capitals)

    @property
    def keeps_names(self) -> bool:
        """Whether a name's lemma has a capital."""
        return self.edits and len(self._small) > 0

    def keep_capitals(self, scores: Tensor, names: np.ndarray) -> None:
        """Makes the scores (N, K) of the scripts that lower-case a word -inf in the rows of names."""
        rows = torch.from_numpy(names).to(scores.device)
        scores[rows[:, None], torch.from_numpy(self._small).to(scores.device)] = -torch.inf

    @cached_property
    def _lone(self) -> np.ndarray:
        """The ids of scripts that keep nothing of a word, and that training has for one form alone.

        There are none if no other script fits words of one character: a word must keep one that it can have.
        """
        forms = np.zeros(len(self), dtype=np.int64)
        for ids in self._form_tags.values():
            forms[ids] += 1
        lone = (forms == 1) & (self._least == 0)
        return np.nonzero(lone & np.any(~lone & (self._least <= 1)))[0]

    @cached_property
    def _only(self) -> dict[str, int]:
        return {form: ids[0] for form, ids in self._form_tags.items() if len(ids) == 1}

    def weigh(self, scores: Tensor, forms: Sequence[str], places: np.ndarray) -> None:
        """Makes the scores -inf of the scripts that a word cannot have, and raises those that give a known lemma.

        A word cannot have scripts that need a longer word; a form of the training data cannot have those that it lacks
        there, and another word none that are the whole lemma of one form. Of other words, a script that may become the
        best so gets `KNOWN_LEMMA` more if its lemma is one of the training data.

        Args:
            scores: (N, K), changed in place.
            places: (N,), the place in `forms` of each token's word.
        """
        if not self.edits:
            return
        words = [forms[place] for place in places.tolist()]
        allowed = [self._form_tags.get(word, ()) for word in words]
        counts = np.array([len(ids) for ids in allowed], dtype=np.int64)
        # An empty word has what one character has: no script is for it, and its lemma is empty.
        lengths = [0 if ids else max(1, length(word)) for word, ids in zip(words, allowed, strict=True)]
        (known,) = np.nonzero(counts)
        if len(known):
            rows = torch.from_numpy(np.repeat(np.arange(len(words)), counts)).to(scores.device)
            scripts = torch.tensor([script for ids in allowed for script in ids], device=scores.device)
            kept = scores[rows, scripts]
            scores[torch.from_numpy(known).to(scores.device)] = -torch.inf
            scores[rows, scripts] = kept
        of_words = np.array(lengths, dtype=np.int64)
        (short,) = np.nonzero((of_words < self._least.max(initial=0)) & (counts == 0))
        if len(short):
            unfit = self._least > of_words[short, None]  # (short words, K)
            unfit[unfit.all(axis=1)] = False  # nothing fits: `tag` gives the word itself
            rows = torch.from_numpy(short).to(scores.device)
            scores[rows] = scores[rows].masked_fill(torch.from_numpy(unfit).to(scores.device), -torch.inf)
        (new,) = np.nonzero(counts == 0)
        if len(new) and self._form_tags:
            rows = torch.from_numpy(new).to(scores.device)
            if len(self._lone):
                scores[rows[:, None], torch.from_numpy(self._lone).to(scores.device)] = -torch.inf
            self._prefer_known(scores, words, rows)

    def _prefer_known(self, scores: Tensor, words: Sequence[str], new: Tensor) -> None:
        """Raises the scores of scripts that give a known lemma, and lowers unfit ones, in the rows of `new` words."""
        of_new = scores[new]
        near = of_new > of_new.amax(1, keepdim=True) - KNOWN_LEMMA
        near &= near.sum(1, keepdim=True) > 1  # a script with no rival stays the best
        near &= torch.from_numpy(self._least > 0).to(scores.device)  # a whole lemma is known whatever the word
        rows, scripts = torch.nonzero(near, as_tuple=True)
        at, change = new[rows], []
        for row, script in zip(at.tolist(), scripts.tolist(), strict=True):
            lemma = _made(self._names[script], words[row])
            is_known = lemma in self.lemmas or (lemma and self.compounds.has_parts(self.compounds.cut(lemma)))
            change.append(-KNOWN_LEMMA if lemma is None else KNOWN_LEMMA if is_known else 0)
        scores[at, scripts] += torch.tensor(change, dtype=scores.dtype, device=scores.device)

    def candidates(self, top: int, probabilities: bool) -> int:
        """How many tags of each token `read` needs for `top` alternatives."""
        return top + OTHER_SCRIPTS if self.edits and probabilities else top

    def read(self, forms: Sequence[str], ids: np.ndarray, probabilities: np.ndarray | None, top: int) -> ShownTags:
        """The tags of N words, from the ids of the k best tags of each, (N, k), best first, and their probabilities."""
        names = self._names[ids]
        first: list[str] = names[:, 0].tolist()
        if self.edits:
            first = [self._lemma(name, form) for name, form in zip(first, forms, strict=True)]
        if probabilities is None:
            return ShownTags(first, None, None)
        if top == 1:
            total = self._same_lemma(first, forms, names, probabilities) if self.edits else probabilities[:, 0]
            return ShownTags(first, total.tolist(), None)
        words = zip(names.tolist(), probabilities.tolist(), strict=True)
        if self.edits:
            pairs = [self._merged(form, *word, top) for form, word in zip(forms, words, strict=True)]
        else:
            pairs = [list(zip(*word, strict=True)) for word in words]
        return ShownTags(first, [each[0][1] for each in pairs], pairs)

    def _lemma(self, script: str, form: str) -> str:
        """What a script makes of a word, or the word itself if it does not fit; parts of an unknown word are marked."""
        lemma = _made(script, form)
        lemma = form if lemma is None else lemma
        return lemma if self.has_form(form) else self.compounds.cut(_in_one_case(lemma, form))

    def _same_lemma(
        self, first: Sequence[str], forms: Sequence[str], names: np.ndarray, shares: np.ndarray
    ) -> np.ndarray:
        """The summed probabilities of the scripts that give a word the lemma of its first script, (N,)."""
        total = shares[:, 0].astype(np.float64)
        for scripts, of_scripts in zip(names.T[1:], shares.T[1:], strict=True):
            (rows,) = np.nonzero(of_scripts)
            same = [row for row in rows.tolist() if self._lemma(scripts[row], forms[row]) == first[row]]
            total[same] += of_scripts[same]
        return np.minimum(total, 1).round(6)

    def _merged(self, form: str, scripts: list[str], shares: list[float], top: int) -> list[tuple[str, float]]:
        """The distinct lemmas that scripts give a word, with summed probabilities; the first script's lemma is first.

        Those of probability 0 are left out, unless they are first: the word cannot have their scripts.
        """
        total: dict[str, float] = {}
        for script, share in zip(scripts, shares, strict=True):
            if share or not total:
                lemma = self._lemma(script, form)
                total[lemma] = total.get(lemma, 0.0) + share
        first, *others = [(lemma, round(min(share, 1.0), 6)) for lemma, share in total.items()]
        return [first, *sorted(others, key=lambda pair: -pair[1])][:top]


def _in_one_case(lemma: str, form: str) -> str:
    """The lemma of a word that training lacks: `Praha` for what a script for names makes of `PRAHY`, which is `PRAHa`.

    In small letters the Turkish `İ` is `i`, not one with two dots.
    """
    if form.isupper() and lemma[:2].isupper() and not lemma.isupper():
        lemma = lemma[0] + lemma[1:].lower()
    return lemma.replace("i\u0307", "i") if "İ" in form else lemma


_script = lru_cache(maxsize=1 << 17)(edit_script)
_made = lru_cache(maxsize=1 << 17)(apply_script)

"""The occurrences of a word in sentences -> groups of similar ones, by the vectors of the word in its sentences."""

# N occurrences, D numbers of a vector, k groups, M other words

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from tagger.errors import InputError, shorten
from tagger.extras.analysis.vectors import LayerVectors, Located
from tagger.text.sentence import Sentence
from tagger.text.strings import display_width, fitted

MIN_OCCURRENCES = 3  # fewer cannot be grouped
MAX_GROUPS = 6
MIN_SILHOUETTE = 0.15  # below it all occurrences form one group
EXAMPLES_PER_GROUP = 3
NEAREST_WORDS = 8  # that are shown for a group
SAMPLE_SENTENCES = 5_000
SAMPLE_TOKENS = 20_000  # tokens of the files among which the nearest words are sought
MIN_SAMPLE_COUNT = 3  # a word with fewer tokens in the sample is no candidate for a nearest word
TEXT_WIDTH = 80  # terminal cells
_SPACES = re.compile(r"\s+")

T = TypeVar("T")


class Occurrence(NamedTuple):
    """A word in its sentence."""

    position: int  # index of the word
    sentence: Sentence

    def context(self) -> tuple[str, str, str]:
        """The text before the word, the word, and the text after it.

        Joined words take the place of a text that is not known, or that has a multiword token in the word's place.
        """
        sentence, i = self.sentence, self.position
        word = sentence.tokens[i]
        if sentence.text is not None and sentence.offsets:
            start, end = (place - sentence.offsets[0][0] for place in sentence.offsets[i])
            parts = sentence.text[:start], sentence.text[start:end], sentence.text[end:]
            before, here, after = (_SPACES.sub(" ", part) for part in parts)
            if here == word:
                return before, word, after
        return " ".join([*sentence.tokens[:i], ""]), word, " ".join(["", *sentence.tokens[i + 1 :]])

    def line(self, width: int) -> str:
        """A line of `width` cells: the word in square brackets, in the middle of its sentence."""
        before, word, after = self.context()
        word = f"[{fitted(word, width // 3)}]"
        left = (width - display_width(word)) // 2
        before = fitted(before[::-1], left)[::-1]
        return " " * (left - display_width(before)) + before + word + fitted(after, width - left - display_width(word))


class EvenSample(Generic[T]):
    """A sample of at most `size` items of a stream, at even distances; at most twice as many are held."""

    def __init__(self, size: int) -> None:
        self.size, self.seen = size, 0
        self._kept: list[T] = []
        self._step = 1

    def add(self, item: T) -> None:
        """Takes the next item."""
        if self.seen % self._step == 0:
            self._kept.append(item)
        self.seen += 1
        if len(self._kept) > 2 * self.size:
            self._kept = self._kept[::2]
            self._step *= 2

    def chosen(self) -> list[T]:
        """The sample, in order."""
        return evenly(self._kept, self.size)


def evenly(items: Sequence[T], size: int) -> list[T]:
    """At most `size` of the items, at even distances."""
    return [items[i * len(items) // size] for i in range(size)] if len(items) > size else list(items)


class Occurrences(NamedTuple):
    """The result of `find`."""

    total: int  # all occurrences
    occurrences: list[Occurrence]  # a sample of them
    sample: list[list[str]]  # a sample of all sentences, with and without the word


def find(word: str, sentences: Iterable[Located], most: int) -> Occurrences:
    """Finds a word, in upper or lower case, in sentences, few of which are held in memory: `most` with the word."""
    found: EvenSample[Occurrence] = EvenSample(most)
    sample: EvenSample[list[str]] = EvenSample(SAMPLE_SENTENCES)
    for _, _, sentence in sentences:
        if sentence.tokens:
            sample.add(sentence.tokens)
        for position, form in enumerate(sentence.tokens):
            if form.lower() == word.lower():
                found.add(Occurrence(position, sentence))
    if found.seen < MIN_OCCURRENCES:
        raise InputError(
            f"{shorten(word)} occurs {found.seen} times as a word in the files; {MIN_OCCURRENCES} occurrences are"
            " needed: name more FILEs, or another WORD"
        )
    return Occurrences(found.seen, found.chosen(), sample.chosen())


@dataclass(frozen=True)
class Group:
    """Occurrences with similar vectors."""

    members: list[Occurrence]
    nearest: list[str]  # other words of the files, the nearest to the group's centre first
    examples: list[Occurrence]  # the occurrences nearest to the centre, from different sentences


@dataclass(frozen=True)
class Senses:
    """The groups of a word."""

    word: str
    layer: str
    total: int  # occurrences in the files
    silhouettes: dict[int, float]  # number of groups -> mean silhouette, in [-1, 1]; empty if the number was given
    groups: list[Group]  # the largest first


def senses(
    vectors_of: LayerVectors, word: str, found: Occurrences, layer: str = "all", number: int | None = None
) -> Senses:
    """Groups the occurrences of a word by its vectors from a layer.

    The vectors are centred and scaled to length 1. Agglomerative clustering with average linkage of cosine
    distances makes 2 to MAX_GROUPS groups. The number with the best silhouette (Rousseeuw 1987,
    https://doi.org/10.1016/0377-0427(87)90125-7) is chosen, or one group if that is below MIN_SILHOUETTE.
    """
    chosen = found.occurrences
    if number is not None and number > len(chosen):
        raise InputError(f"--groups {number}: there are only {len(chosen)} occurrences of {word!r} to group")
    embedded = zip(vectors_of(each.sentence.tokens for each in chosen), chosen, strict=True)
    vectors = np.array([rows[each.position].copy() for rows, each in embedded], dtype=np.float64)  # (N, D)
    labels, silhouettes = grouped(unit(vectors - vectors.mean(axis=0)), number)
    others, means = _other_words(vectors_of, word, found.sample)
    # To find the words near a centre, half of the occurrences' common mean is subtracted, so that what sets the
    # group apart weighs as much as the rest. Subtracting all of it would leave nothing of a single group.
    common = means.mean(axis=0) if others else vectors.mean(axis=0)
    means = unit(means - common)  # (M, D)
    vectors -= (vectors.mean(axis=0) + common) / 2
    groups = []
    for label in range(labels.max() + 1):
        members = np.flatnonzero(labels == label)
        centre = unit(vectors[members].mean(axis=0))
        nearest = [others[i] for i in np.argsort(-(means @ centre), kind="stable")[:NEAREST_WORDS]]
        examples: dict[tuple[str, ...], Occurrence] = {}
        for i in members[np.argsort(-(unit(vectors[members]) @ centre), kind="stable")]:
            examples.setdefault(tuple(chosen[i].sentence.tokens), chosen[i])
        groups.append(Group([chosen[i] for i in members], nearest, list(examples.values())[:EXAMPLES_PER_GROUP]))
    return Senses(word, layer, found.total, silhouettes, groups)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Scales vectors (..., D) to length 1; zero vectors stay zero."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    shortened: np.ndarray = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 1e-9)
    return shortened


def grouped(x: np.ndarray, number: int | None = None) -> tuple[np.ndarray, dict[int, float]]:
    """Groups vectors (N, D) of length 1 or 0.

    Returns:
        Labels (N,), 0 for the largest group; and number of groups -> silhouette, empty if `number` is given.
    """
    from sklearn.cluster import AgglomerativeClustering
    from sklearn.metrics import silhouette_score

    lengths = (x**2).sum(axis=1)
    distances = np.clip((lengths[:, None] + lengths) / 2 - x @ x.T, 0, 2)  # 1 - cosine; 0 between two zero vectors
    np.fill_diagonal(distances, 0)

    def labels_of(k: int) -> np.ndarray:
        if k == 1:
            return np.zeros(len(x), dtype=np.int64)
        labels: np.ndarray = AgglomerativeClustering(k, metric="precomputed", linkage="average").fit_predict(distances)
        order = np.argsort(-np.bincount(labels), kind="stable").argsort()  # the rank of each label by size
        ranked: np.ndarray = order[labels]
        return ranked

    if number is not None:
        return labels_of(number), {}
    tried = {k: labels_of(k) for k in range(2, min(MAX_GROUPS, len(x) - 1) + 1)}
    silhouettes = {k: float(silhouette_score(distances, of_k, metric="precomputed")) for k, of_k in tried.items()}
    best = max(silhouettes, key=lambda k: silhouettes[k])
    return (tried[best] if silhouettes[best] >= MIN_SILHOUETTE else labels_of(1)), silhouettes


def _other_words(vectors_of: LayerVectors, word: str, sample: Sequence[list[str]]) -> tuple[list[str], np.ndarray]:
    """The other lower-cased words that a sample has MIN_SAMPLE_COUNT times, and their mean vectors (M, D)."""
    read = evenly(sample, max(1, SAMPLE_TOKENS * len(sample) // sum(map(len, sample))))  # sentences of SAMPLE_TOKENS
    forms = [form.lower() for tokens in read for form in tokens][:SAMPLE_TOKENS]
    vectors = np.concatenate(list(vectors_of(read)))[:SAMPLE_TOKENS]
    places = defaultdict(list)
    for place, form in enumerate(forms):
        if form != word.lower() and any(map(str.isalpha, form)):
            places[form].append(place)
    frequent = {form: where for form, where in places.items() if len(where) >= MIN_SAMPLE_COUNT}
    means = [vectors[where].mean(axis=0, dtype=np.float64) for where in frequent.values()]
    return list(frequent), np.array(means).reshape(len(means), vectors.shape[1])


def format_groups(found: Senses) -> str:
    """The groups as text at most TEXT_WIDTH cells wide."""
    best = max(found.silhouettes.values(), default=None)
    why = "as asked for" if best is None else f"best silhouette {best:.2f}"
    if best is not None and best < MIN_SILHOUETTE:
        why += f", less than {MIN_SILHOUETTE}"
    used = sum(len(group.members) for group in found.groups)
    shown = f"{used:,}" if used == found.total else f"{used:,} of {found.total:,}"
    head = f"{found.word}: {shown} occurrences, {len(found.groups)} groups ({why}), layer {found.layer}"
    lines = [fitted(head, TEXT_WIDTH)]
    for number, group in enumerate(found.groups, 1):
        lines += ["", f"{number}. {len(group.members):,} occurrences, {100 * len(group.members) / used:.0f} %"]
        if group.nearest:
            lines.append(fitted(f"   nearest words: {' '.join(group.nearest)}", TEXT_WIDTH))
        lines += ["   " + example.line(TEXT_WIDTH - 3) for example in group.examples]
    return "".join(f"{line.rstrip()}\n" for line in lines)

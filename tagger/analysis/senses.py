"""The occurrences of a word -> groups of similar ones, by the vectors of the word in its sentences."""

# N occurrences, D numbers of a vector, k groups, M other words

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tagger.analysis.located import vectors_at
from tagger.analysis.occurrences import Found, Occurrence, evenly
from tagger.errors import InputError
from tagger.tagging.tagger import Tagger
from tagger.text.strings import display_width, fitted

MAX_GROUPS = 6
MIN_SILHOUETTE = 0.15  # below it all occurrences form one group
EXAMPLES_PER_GROUP = 3
NEAREST_WORDS = 8  # that are shown for a group
SAMPLE_TOKENS = 20_000  # tokens of the files among which the nearest words are sought
MIN_SAMPLE_COUNT = 3  # a word with fewer tokens in the sample is no candidate for a nearest word
TEXT_WIDTH = 80  # terminal cells
LABEL_WIDTH = 44  # characters of a label in the picture


@dataclass(frozen=True)
class Group:
    """Occurrences with similar vectors.

    Attributes:
        number: from 1; the largest group is 1.
        count: the number of occurrences.
        share: `count` divided by all grouped occurrences, in [0, 1].
        nearest: other words of the files with their cosine to the group's centre, nearest first.
        examples: the occurrences nearest to the centre, from different sentences.
        members: all occurrences of the group.
    """

    number: int
    count: int
    share: float
    nearest: list[tuple[str, float]]
    examples: list[Occurrence]
    members: list[Occurrence]


@dataclass(frozen=True)
class Senses:
    """The groups of a word.

    Attributes:
        word: the word as the user gave it.
        layer: the layer of the vectors.
        total: the number of occurrences in the files.
        used: the number of grouped occurrences.
        silhouettes: number of groups -> mean silhouette, in [-1, 1]; empty if the number was given.
        groups: the groups, largest first.
        vectors: (N, D), group after group: the compared vectors, centred and of length 1.
    """

    word: str
    layer: str
    total: int
    used: int
    silhouettes: dict[int, float]
    groups: list[Group]
    vectors: np.ndarray


def senses(tagger: "Tagger", word: str, found: Found, layer: str = "all", number: int | None = None) -> Senses:
    """Groups the occurrences of a word.

    The vectors are centred and scaled to length 1. Agglomerative clustering with average linkage of cosine
    distances makes 2 to MAX_GROUPS groups. The number with the best silhouette (Rousseeuw 1987,
    https://doi.org/10.1016/0377-0427(87)90125-7) is chosen, or one group if that is below MIN_SILHOUETTE.

    Args:
        tagger: a tagger that computes in float32.
        word: the word, for display.
        found: its occurrences and a sample of sentences.
        layer: see `LayerVectors.names`.
        number: the number of groups; None: chosen as above.

    Raises:
        InputError: the layer does not exist, or there are fewer occurrences than groups.
    """
    layer = tagger.layers.checked(layer)
    if number is not None and number > len(found.occurrences):
        raise InputError(f"--groups {number}: there are only {len(found.occurrences)} occurrences of {word!r} to group")
    chosen = found.occurrences
    vectors = vectors_at(tagger, [(each.sentence.tokens, each.position) for each in chosen], layer)
    centred = unit(vectors - vectors.mean(axis=0))
    labels, silhouettes = grouped(centred, number)
    others, means = _other_words(tagger, word, found.sample, layer)
    # To find the words near a centre, half of the occurrences' common mean is subtracted, so that what sets the
    # group apart weighs as much as the rest. Subtracting all of it would leave nothing of a single group.
    common = means.mean(axis=0) if others else vectors.mean(axis=0)
    means = unit(means - common)  # (M, D)
    vectors -= (vectors.mean(axis=0) + common) / 2
    groups = []
    for label in range(labels.max() + 1):
        own = np.flatnonzero(labels == label)
        centre = unit(vectors[own].mean(axis=0))
        cosines = means @ centre
        examples: dict[tuple[str, ...], Occurrence] = {}
        for i in own[np.argsort(-(unit(vectors[own]) @ centre), kind="stable")]:
            examples.setdefault(tuple(chosen[i].sentence.tokens), chosen[i])
        groups.append(
            Group(
                number=label + 1,
                count=len(own),
                share=round(len(own) / len(labels), 4),
                nearest=[
                    (others[i], round(float(cosines[i]), 4))
                    for i in np.argsort(-cosines, kind="stable")[:NEAREST_WORDS]
                ],
                examples=list(examples.values())[:EXAMPLES_PER_GROUP],
                members=[chosen[i] for i in own],
            )
        )
    in_order = centred[np.argsort(labels, kind="stable")]
    return Senses(word, layer, found.total, len(labels), silhouettes, groups, in_order)


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
    silhouettes = {
        k: round(float(silhouette_score(distances, labels, metric="precomputed")), 4) for k, labels in tried.items()
    }
    best = max(silhouettes, key=lambda k: silhouettes[k])
    return (tried[best] if silhouettes[best] >= MIN_SILHOUETTE else labels_of(1)), silhouettes


def _other_words(tagger: "Tagger", word: str, sample: Sequence[list[str]], layer: str) -> tuple[list[str], np.ndarray]:
    """The other lower-cased words that a sample has MIN_SAMPLE_COUNT times, and their mean vectors (M, D)."""
    read = evenly(sample, max(1, SAMPLE_TOKENS * len(sample) // sum(map(len, sample))))  # sentences of SAMPLE_TOKENS
    forms = [form.lower() for tokens in read for form in tokens][:SAMPLE_TOKENS]
    vectors = np.concatenate(list(tagger.embed(read, layer)))[:SAMPLE_TOKENS]
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
    count = f"{len(found.groups)} group{'s'[: len(found.groups) > 1]}"
    why = "as asked for" if best is None else f"best silhouette {best:.2f}"
    if best is not None and best < MIN_SILHOUETTE:
        why += f", less than {MIN_SILHOUETTE}"
    used = f"{found.used:,}" if found.used == found.total else f"{found.used:,} of {found.total:,}"
    lines = [fitted(f"{found.word}: {used} occurrences, {count} ({why}), layer {found.layer}", TEXT_WIDTH)]
    for group in found.groups:
        lines += ["", f"{group.number}. {group.count:,} occurrence{'s'[: group.count > 1]}, {100 * group.share:.0f} %"]
        if group.nearest:
            lines += _wrapped("   nearest words:", [word for word, _ in group.nearest])
        lines += ["   " + example.line(TEXT_WIDTH - 3) for example in group.examples]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _wrapped(start: str, words: Sequence[str]) -> list[str]:
    """The words on as many lines as they need; `start` opens the first line."""
    lines = [start]
    for word in words:
        shown = f" {fitted(word, TEXT_WIDTH // 3)}"
        if display_width(lines[-1] + shown) > TEXT_WIDTH:
            lines.append(" " * len(start))
        lines[-1] += shown
    return lines


def draw(found: Senses, path: str) -> None:
    """Draws the occurrences as points, similar ones near each other, coloured by group.

    Args:
        found: the groups.
        path: the PNG file; an existing file is replaced.
    """
    from tagger.evaluation.plots import draw_groups

    members = [member for group in found.groups for member in group.members]
    groups = np.array([group.number - 1 for group in found.groups for _ in group.members])
    names = [
        f"{group.number} ({group.count:,}): {', '.join(word for word, _ in group.nearest[:3])}"
        for group in found.groups
    ]
    title = f"{found.word}: {found.used:,} occurrences, layer {found.layer}"
    draw_groups(found.vectors, groups, [member.line(LABEL_WIDTH).strip() for member in members], names, title, path)


def to_json(found: Senses) -> dict[str, Any]:
    """Everything but the vectors as plain values."""

    def plain(occurrence: Occurrence, text: bool) -> dict[str, Any]:
        place = {"file": occurrence.file, "sentence": occurrence.number, "position": occurrence.position}
        return place | (dict(zip(("before", "word", "after"), occurrence.context(), strict=True)) if text else {})

    result = {name: value for name, value in vars(found).items() if name not in ("groups", "vectors")}
    result["groups"] = [
        {
            **{name: value for name, value in vars(group).items() if name not in ("examples", "members", "nearest")},
            "nearest": [{"word": word, "cosine": cosine} for word, cosine in group.nearest],
            "examples": [plain(each, text=True) for each in group.examples],
            "members": [plain(each, text=False) for each in group.members],
        }
        for group in found.groups
    ]
    return result

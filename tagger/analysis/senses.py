"""The occurrences of a word -> groups of like ones, by the vectors that the word has in its sentences."""

# N occurrences, D numbers of a vector, k groups, M other words

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tagger.analysis.located import vectors_at
from tagger.analysis.occurrences import Found, Occurrence, evenly
from tagger.errors import InputError
from tagger.tagging.layer_vectors import checked_layer
from tagger.tagging.tagger import Tagger
from tagger.text.characters import fitted, wide
from tagger.text.files import whole_binary

MOST_GROUPS = 6
SILHOUETTE = 0.15  # the least that groups must reach; below it all occurrences are one
EXAMPLES = 3
NEAREST = 8
SAMPLE = 20_000  # words of the files among which the nearest are sought
SEEN = 3  # times that such a word must be in the sample
WIDTH = 80  # cells of a terminal
LABEL = 44  # and of a label in the picture


@dataclass(frozen=True)
class Group:
    """Occurrences that are alike.

    Attributes:
        number: from 1, the largest group first.
        count: how many there are.
        share: of all that were grouped, in [0, 1].
        nearest: other words of the same files and their cosines to the centre, the nearest first.
        examples: the occurrences nearest to the centre, of different sentences.
        members: all of them.
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
        word: as it was given.
        layer: where the vectors are from.
        total: occurrences in the files.
        used: those that were grouped.
        silhouettes: by number of groups, in [-1, 1]; empty where the number was given.
        groups: the largest first.
        vectors: (N, D), group after group: as they were compared, centred and of length 1.
    """

    word: str
    layer: str
    total: int
    used: int
    silhouettes: dict[int, float]
    groups: list[Group]
    vectors: np.ndarray


def senses(tagger: Tagger, word: str, found: Found, layer: str = "all", number: int | None = None) -> Senses:
    """Groups the occurrences of a word.

    Their vectors are centred, brought to length 1 and joined to groups by average linkage of their cosine
    distances. The groups are those of 2 to MOST_GROUPS whose silhouette is best, or one where that is less than
    SILHOUETTE.

    Args:
        tagger: in float32.
        word: for display.
        found: its occurrences.
        layer: see `layers.layer_names`.
        number: of groups; by default it is chosen.

    Raises:
        InputError: no such layer, or less occurrences than groups.
    """
    layer = checked_layer(tagger.engine, layer)
    if number is not None and number > len(found.occurrences):
        raise InputError(f"--groups {number}: there are only {len(found.occurrences)} occurrences of {word!r} to group")
    chosen = found.occurrences
    vectors = vectors_at(tagger, [(each.sentence.tokens, each.position) for each in chosen], layer)
    centred = unit(vectors - vectors.mean(axis=0))
    labels, silhouettes = grouped(centred, number)
    others, means = _others(tagger, word, found.sample, layer)
    # For what is near a centre, half of what all occurrences share is taken away: what sets a group apart then
    # weighs as much as the rest. All of it would leave nothing of a single group.
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
                    (others[i], round(float(cosines[i]), 4)) for i in np.argsort(-cosines, kind="stable")[:NEAREST]
                ],
                examples=list(examples.values())[:EXAMPLES],
                members=[chosen[i] for i in own],
            )
        )
    in_order = centred[np.argsort(labels, kind="stable")]
    return Senses(word, layer, found.total, len(labels), silhouettes, groups, in_order)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors (..., D) of length 1; one without length stays as it is."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    shortened: np.ndarray = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 1e-9)
    return shortened


def grouped(x: np.ndarray, number: int | None = None) -> tuple[np.ndarray, dict[int, float]]:
    """Labels (N,) from 0, the largest group's first, of vectors (N, D) of length 1 or 0; and silhouettes by number."""
    from sklearn.cluster import AgglomerativeClustering
    from sklearn.metrics import silhouette_score

    lengths = (x**2).sum(axis=1)
    distances = np.clip((lengths[:, None] + lengths) / 2 - x @ x.T, 0, 2)  # 1 - cosine; 0 between two without length
    np.fill_diagonal(distances, 0)

    def labels_of(k: int) -> np.ndarray:
        if k == 1:
            return np.zeros(len(x), dtype=np.int64)
        labels: np.ndarray = AgglomerativeClustering(k, metric="precomputed", linkage="average").fit_predict(distances)
        order = np.argsort(-np.bincount(labels), kind="stable").argsort()  # the place of each label by size
        ranked: np.ndarray = order[labels]
        return ranked

    if number is not None:
        return labels_of(number), {}
    tried = {k: labels_of(k) for k in range(2, min(MOST_GROUPS, len(x) - 1) + 1)}
    silhouettes = {
        k: round(float(silhouette_score(distances, labels, metric="precomputed")), 4) for k, labels in tried.items()
    }
    best = max(silhouettes, key=lambda k: silhouettes[k])
    return (tried[best] if silhouettes[best] >= SILHOUETTE else labels_of(1)), silhouettes


def _others(tagger: Tagger, word: str, sample: Sequence[list[str]], layer: str) -> tuple[list[str], np.ndarray]:
    """Other words in lower case that a sample of sentences has SEEN times, and their mean vectors (M, D)."""
    read = evenly(sample, max(1, SAMPLE * len(sample) // sum(map(len, sample))))  # sentences with SAMPLE words
    forms = [form.lower() for tokens in read for form in tokens][:SAMPLE]
    vectors = np.concatenate(list(tagger.embed(read, layer)))[:SAMPLE]
    places = defaultdict(list)
    for place, form in enumerate(forms):
        if form != word.lower() and any(map(str.isalpha, form)):
            places[form].append(place)
    frequent = {form: where for form, where in places.items() if len(where) >= SEEN}
    means = [vectors[where].mean(axis=0, dtype=np.float64) for where in frequent.values()]
    return list(frequent), np.array(means).reshape(len(means), vectors.shape[1])


def render(found: Senses) -> str:
    """Text at most WIDTH cells wide."""
    best = max(found.silhouettes.values(), default=None)
    count = f"{len(found.groups)} group{'s'[: len(found.groups) > 1]}"
    why = "as asked for" if best is None else f"best silhouette {best:.2f}"
    if best is not None and best < SILHOUETTE:
        why += f", less than {SILHOUETTE}"
    used = f"{found.used:,}" if found.used == found.total else f"{found.used:,} of {found.total:,}"
    lines = [fitted(f"{found.word}: {used} occurrences, {count} ({why}), layer {found.layer}", WIDTH)]
    for group in found.groups:
        lines += ["", f"{group.number}. {group.count:,} occurrence{'s'[: group.count > 1]}, {100 * group.share:.0f} %"]
        if group.nearest:
            lines += _wrapped("   nearest words:", [word for word, _ in group.nearest])
        lines += ["   " + example.line(WIDTH - 3) for example in group.examples]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _wrapped(start: str, words: Sequence[str]) -> list[str]:
    """As many lines as the words need, the first one opened by `start`."""
    lines = [start]
    for word in words:
        shown = f" {fitted(word, WIDTH // 3)}"
        if wide(lines[-1] + shown) > WIDTH:
            lines.append(" " * len(start))
        lines[-1] += shown
    return lines


def draw(found: Senses, path: str) -> None:
    """Draws the occurrences as points, like ones near each other, coloured by group.

    Args:
        found: the groups.
        path: the PNG to write, replacing what is there.
    """
    from tagger.analysis.figures import map_of_groups

    members = [member for group in found.groups for member in group.members]
    groups = np.array([group.number - 1 for group in found.groups for _ in group.members])
    names = [
        f"{group.number} ({group.count:,}): {', '.join(word for word, _ in group.nearest[:3])}"
        for group in found.groups
    ]
    title = f"{found.word}: {found.used:,} occurrences, layer {found.layer}"
    with whole_binary(path) as png:
        map_of_groups(found.vectors, groups, [member.line(LABEL).strip() for member in members], names, title, png)


def to_json(found: Senses) -> dict[str, Any]:
    """All of it but the vectors, as plain values."""

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

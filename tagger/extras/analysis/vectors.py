"""Sentences -> the vectors of their words in a layer of a tagger; files -> their sentences with their location."""

# N words, D numbers of a vector, S states of all layers

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, tee
from typing import Any, NamedTuple

import numpy as np
import torch

from tagger.commands.loading import load_for
from tagger.errors import InputError, shorten
from tagger.model.batch import plan_batches
from tagger.model.device import own_turn
from tagger.tagging.engine import Engine
from tagger.tagging.tagger import Tagger, cut_windows
from tagger.text.files import STDIO, open_binary, read_lines
from tagger.text.formats import format_of, read_parts
from tagger.text.output_files import whole_binary
from tagger.text.paragraphs import cut_parts
from tagger.text.sentence import Sentence
from tagger.text.strings import encodable

ALL, MEAN = "all", "mean"  # layers beside those that have numbers
MAX_NPZ_BYTES = 2_000_000_000  # held in memory; writing needs twice as much

LayerVectors = Callable[[Iterable[Sequence[str]]], Iterator[np.ndarray]]
"""Sentences -> for each of them the vectors of its words, float32, (words, D)."""


class Located(NamedTuple):
    """A sentence and its location."""

    file: str
    number: int  # index in its file; empty sentences count
    sentence: Sentence


def layers(tagger: Tagger) -> list[str]:
    """The layers of a tagger that a word's vector can be taken from.

    `0` is the embedding of the form alone; a tagger that reads nothing but a transformer has none. `1` and up are
    the recurrent layers. `all` is all of these side by side. `mean` is the mean of the recurrent layers, if they
    are equally wide.
    """
    widths = widths_of(tagger.engine)
    names = ["0"] if any(network.embedding.width for network in tagger.bundle.networks) else []
    names += [*map(str, range(1, len(widths) + 1)), ALL]
    return [*names, MEAN] if len(set(widths)) == 1 else names


def checked_layer(tagger: Tagger, layer: int | str) -> str:
    """`layer` as it stands in `layers`."""
    name, names = str(layer), layers(tagger)
    if name in names:
        return name
    choice = ", ".join(names)
    if name == MEAN:
        widths = ", ".join(map(str, widths_of(tagger.engine)))
        raise InputError(f"layer mean: the layers have different widths ({widths}); choose one of {choice}")
    raise InputError(f"this tagger has no layer {shorten(name)}; choose one of {choice}")


def embed(tagger: Tagger, sentences: Iterable[Sequence[str]], layer: int | str = ALL) -> Iterator[np.ndarray]:
    """The vectors of words in their sentences, which are read as they are, a few windows at a time.

    They are computed in the tagger's precision: load it with `float32` to have all of their digits.

    Args:
        layer: 0 for the embedding of the form alone, without a transformer; 1 for the states of the first recurrent
            layer, and so on; `all` for all of these layers side by side; `mean` for the mean of the recurrent layers.

    Returns:
        For each sentence, in order, an array (words, D) of float32.
    """
    name = checked_layer(tagger, layer)
    return chain.from_iterable(_embedded(tagger, window, name) for window in cut_windows(sentences))


def _embedded(tagger: Tagger, sentences: Sequence[Sequence[str]], layer: str) -> Iterator[np.ndarray]:
    if layer == "0":
        vectors = _form_vectors(tagger.engine, list(chain.from_iterable(sentences)))
    else:
        vectors, widths = states(tagger.engine, sentences), widths_of(tagger.engine)  # (all words, S)
        if layer == MEAN:
            vectors = vectors.reshape(len(vectors), len(widths), widths[0]).mean(axis=1)
        elif layer != ALL:
            end = sum(widths[: int(layer)])
            vectors = vectors[:, end - widths[int(layer) - 1] : end]
    end = 0
    for sentence in sentences:
        start, end = end, end + len(sentence)
        yield vectors[start:end].copy()  # a view would keep the vectors of all sentences in memory


def widths_of(engine: Engine) -> list[int]:
    """The width of each recurrent layer: F + R, of all networks together."""
    widths = [group.widths for group in engine.groups]
    if len({len(each) for each in widths}) > 1:
        raise InputError("the members of this tagger have different numbers of layers, so it has no vectors")
    return [sum(each) for each in zip(*widths, strict=True)]


def states(engine: Engine, sentences: Sequence[Sequence[str]]) -> np.ndarray:
    """The states of all recurrent layers side by side, of all tokens, as they are written: float32, (tokens, S).

    Within a layer, those of all networks stand side by side.
    """
    forms = [form for sentence in sentences for form in sentence]
    found = np.empty((len(forms), sum(widths_of(engine))), dtype=np.float32)
    with own_turn():
        batches = list(plan_batches(sentences, engine.size))
        of_groups = [group.states(forms, batches) for group in engine.groups]
        for batch, *groups in zip(batches, *of_groups, strict=True):
            layers = [each for layer in zip(*groups, strict=True) for each in layer]
            found[batch.tokens] = torch.cat(layers, dim=1).float().cpu().numpy()
    return found


def _form_vectors(engine: Engine, forms: Sequence[str]) -> np.ndarray:
    """The embeddings of forms, without a transformer's part: float32, (forms, E), of all networks side by side."""
    row = {form: i for i, form in enumerate(dict.fromkeys(forms))}
    parts = []
    with own_turn():
        for group in engine.groups:
            width = sum(network.embedding.width for network in group.networks)
            vectors = np.empty((len(row), width), dtype=np.float32)
            for places, block in group.embeddings(list(row)):
                vectors[places] = block.transpose(0, 1).flatten(1).cpu().numpy()
            parts.append(vectors)
    found: np.ndarray = np.concatenate(parts, axis=1)[[row[form] for form in forms]]
    return found


def load_layer(
    layer: str,
    files: Sequence[str],
    input: str | None,
    encoding: str,
    language: str | None,
    model: str | None,
    device: str,
) -> tuple[LayerVectors, Iterator[Located]]:
    """What computes the vectors of a layer of a tagger, see `embed`, and the sentences of files.

    The tagger is that of the language of the first file, unless one is named. A missing file is said
    before any is read.
    """
    for file in files:
        if file != STDIO:
            open_binary(file).close()
    opened = [(file, input or format_of(file), read_lines(file, encoding)) for file in files]
    (file, format, lines), *others = opened
    tagger, lines = load_for(lines, file, format, language, model, device, "float32")
    located = read_files(tagger, [(file, format, lines), *others])
    name = checked_layer(tagger, layer)
    return lambda sentences: embed(tagger, sentences, name), located


def read_files(tagger: Tagger, files: Iterable[tuple[str, str, Iterable[str]]]) -> Iterator[Located]:
    """Yields the sentences of files, one file after the other; of each its name, its format and its lines are given."""
    for file, format, lines in files:
        for number, sentence in enumerate(cut_parts(read_parts(lines, file, format), tagger.cuts_of)):
            yield Located(file, number, sentence)


def save_vectors(path: str, vectors: LayerVectors, located: Iterable[Located]) -> tuple[int, int]:
    """Writes the vectors of N words, D numbers each. Returns N and D.

    The arrays of the .npz are `vectors` (N, D), `words`, `sentences`, `positions` (both from 0) and `files`.
    """
    kept, read_on = tee(located)
    parts: list[np.ndarray] = []
    columns: dict[str, list[Any]] = {"words": [], "sentences": [], "positions": [], "files": []}
    size = longest = 0
    for each, found in zip(kept, vectors(each.sentence.tokens for each in read_on), strict=True):
        count = len(found)
        parts.append(found)
        columns["words"] += map(encodable, each.sentence.tokens)
        columns["sentences"] += [each.number] * count
        columns["positions"] += range(count)
        columns["files"] += [encodable(each.file)] * count
        size += found.nbytes
        longest = max(longest, len(each.file), *map(len, each.sentence.tokens))
        if size + 8 * longest * len(columns["words"]) > MAX_NPZ_BYTES:  # in an array every string takes the longest's
            raise InputError(f"{path}: more than {MAX_NPZ_BYTES / 1e9:g} GB; name fewer FILEs")
    if not columns["words"]:
        raise InputError(f"no words in the files, so {path} is not written")
    table = np.concatenate([part for part in parts if len(part)])
    with whole_binary(path) as binary:
        arrays: dict[str, Any] = {name: np.array(values) for name, values in columns.items()}
        np.savez(binary, vectors=table, **arrays)
    return table.shape[0], table.shape[1]
